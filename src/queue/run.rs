//! One job from claim to settlement.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tracing::{Instrument, debug, error, info, info_span, warn};

use super::error::chain;
use super::lease::HeldJob;
use super::settle::Finished;
use super::worker::Engine;
use super::{JobContext, JobError, backoff, meter};
use crate::store::StoreError;
use crate::store::job::{self, ClaimedJob, Done, End};

/// Attempts at settling, so that a database that is away for a moment does not make a finished job run again.
pub(super) const SETTLE_ATTEMPTS: u32 = 9;
/// Pause after the first failed one; doubles.
pub(super) const SETTLE_PAUSE: Duration = Duration::from_millis(250);

/// What becomes of a job that did not complete.
#[derive(Debug)]
enum Verdict {
    Retry { after: Duration, is_told: bool, error: String },
    Snooze(Duration),
    End { end: End, error: String },
}

/// Runs a claimed job. If it completed, it is returned to be settled; else it is settled. Never fails: what cannot be
/// settled comes back when its lease runs out.
pub(super) async fn run(engine: &Engine, held: HeldJob) -> Option<Finished> {
    let job = &held.job;
    let span = info_span!("job.run", job.id = %job.lease.job_id, job.kind = %job.kind, job.attempt = job.attempt);
    async {
        let context = engine.context(&held);
        let outcome = match refusal(&held.job) {
            Some(verdict) => Err(verdict),
            None => measured(&held.job, attempt(engine, &held, &context)).await?,
        };
        match outcome {
            Ok(()) => {
                debug!("{} job completed", held.job.kind);
                let is_kept = context.is_kept;
                let done = Done { lease: held.job.lease, is_kept };
                Some(Finished { done, kind: held.job.kind, is_settled: context.is_settled(), lease: held.lease })
            }
            Err(verdict) => {
                settle(engine, &held.job, &verdict).await;
                None
            }
        }
    }
    .instrument(span)
    .await
}

/// Notes how long an attempt ran.
async fn measured(
    job: &ClaimedJob,
    attempt: impl Future<Output = Option<Result<(), Verdict>>>,
) -> Option<Result<(), Verdict>> {
    let begun = Instant::now();
    let outcome = attempt.await;
    let word = match &outcome {
        None => "lost",
        Some(Ok(())) => "completed",
        Some(Err(Verdict::Retry { .. })) => "retried",
        Some(Err(Verdict::Snooze(_))) => "snoozed",
        Some(Err(Verdict::End { end: End::Discarded, .. })) => "discarded",
        Some(Err(Verdict::End { end: End::Cancelled, .. })) => "cancelled",
    };
    meter::note(&job.kind, word, begun.elapsed());
    outcome
}

/// Why a job is not to be run at all.
fn refusal(job: &ClaimedJob) -> Option<Verdict> {
    if job.cancel_requested {
        return Some(Verdict::End { end: End::Cancelled, error: "cancelled".to_owned() });
    }
    job.is_exhausted().then(|| {
        let last = job.last_error.as_deref().map(|error| format!("; before that: {error}")).unwrap_or_default();
        let attempts = job.max_attempts;
        let error = format!("lost on attempt {attempts} of {attempts}: its worker stopped or hung{last}");
        Verdict::End { end: End::Discarded, error }
    })
}

/// Runs the handler. `None` if the lease is gone: then the job is not ours to settle.
async fn attempt(engine: &Engine, held: &HeldJob, context: &JobContext) -> Option<Result<(), Verdict>> {
    let job = &held.job;
    let work = handle(engine, job, context);
    tokio::pin!(work);
    let called_off = async {
        held.cancelled.cancelled().await;
        info!("{} job is called off: {:?} to end by itself", job.kind, engine.cancel_grace);
        tokio::time::sleep(engine.cancel_grace).await;
    };
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        () = held.lost.cancelled() => {
            warn!("{} job dropped: its lease is gone", job.kind);
            return None;
        }
        () = called_off => {
            return Some(Err(Verdict::End { end: End::Cancelled, error: "cancelled while it ran".to_owned() }));
        }
    };
    Some(match outcome {
        Ok(()) => Ok(()),
        Err(error) if held.cancelled.is_cancelled() => {
            let error = format!("cancelled while it ran: {}", chain(&error));
            Err(Verdict::End { end: End::Cancelled, error })
        }
        Err(error) => Err(judge(engine, job, error)),
    })
}

async fn handle(engine: &Engine, job: &ClaimedJob, context: &JobContext) -> Result<(), JobError> {
    let Some(handler) = engine.handlers.get(job.kind.as_str()) else {
        return Err(JobError::give_up(format!("nothing here runs {} jobs", job.kind)));
    };
    let work = async { handler.run(context, job.payload.clone()).await };
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(JobError::retry(format!("the handler panicked: {}", panic_text(&*panic)))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

fn judge(engine: &Engine, job: &ClaimedJob, error: JobError) -> Verdict {
    match error {
        JobError::Snooze(delay) => Verdict::Snooze(delay),
        JobError::GiveUp { source } => Verdict::End { end: End::Discarded, error: chain(&*source) },
        JobError::Retry { source, .. } if job.attempt >= job.max_attempts => {
            Verdict::End { end: End::Discarded, error: chain(&*source) }
        }
        JobError::Retry { source, after } => {
            let policy = engine.handlers.get(job.kind.as_str()).map(|handler| handler.policy());
            let backoff = || policy.map(|policy| backoff::delay(&policy, job.attempt, rand::random()));
            let is_told = after.is_some();
            let after = after.or_else(backoff).unwrap_or_default();
            Verdict::Retry { after, is_told, error: chain(&*source) }
        }
    }
}

async fn settle(engine: &Engine, job: &ClaimedJob, verdict: &Verdict) {
    tell(job, verdict);
    let (mut pause, mut closes) = (SETTLE_PAUSE, true);
    for attempt in 1..=SETTLE_ATTEMPTS {
        match write(engine, job, verdict, closes).await {
            Ok(true) => return,
            Ok(false) => {
                warn!("{} job not settled: its lease is gone, another worker has it", job.kind);
                return;
            }
            Err(error) if attempt < SETTLE_ATTEMPTS && error.is_transient() => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "{} job not settled yet, trying again in {pause:?}", job.kind
                );
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            // Tried with every attempt it had: a handler's fault must not keep a job for ever.
            Err(error) if closes && job.is_exhausted() => {
                let error = &error as &dyn std::error::Error;
                error!(error, "{} job is given up, but its handler failed to close its own rows", job.kind);
                closes = false;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                error!(error, "{} job not settled: it comes back when its lease runs out", job.kind);
                return;
            }
        }
    }
}

fn tell(job: &ClaimedJob, verdict: &Verdict) {
    let (kind, attempt, max) = (&job.kind, job.attempt.min(job.max_attempts), job.max_attempts);
    match verdict {
        Verdict::Snooze(delay) => debug!("{kind} job snoozed for {delay:?}"),
        Verdict::Retry { after, error, .. } => {
            warn!(job.error = %error, "{kind} job failed (attempt {attempt} of {max}), again in {after:?}: {error}");
        }
        Verdict::End { end: End::Discarded, error } => {
            error!(job.error = %error, "{kind} job given up (attempt {attempt} of {max}): {error}");
        }
        Verdict::End { end: End::Cancelled, error } => info!("{kind} job {error}"),
    }
}

async fn write(engine: &Engine, job: &ClaimedJob, verdict: &Verdict, closes: bool) -> Result<bool, StoreError> {
    let mut tx = engine.link.settles().await?;
    let is_settled = match verdict {
        Verdict::Snooze(delay) => job::snooze(&mut tx, job.lease, *delay).await?,
        Verdict::Retry { after, is_told, error } => {
            // Whoever told it means everybody who uses the same thing.
            if *is_told {
                job::put_off(&mut tx, job.lease.job_id, *after).await?;
            }
            job::retry_later(&mut tx, job.lease, *after, error).await?
        }
        Verdict::End { end, error } => {
            let is_settled = job::end(&mut tx, job.lease, *end, error).await?;
            if is_settled && closes {
                close(engine, &mut tx, job, error).await?;
            }
            is_settled
        }
    };
    tx.commit().await?;
    if matches!(verdict, Verdict::End { .. }) {
        super::wake::wake();
    }
    Ok(is_settled)
}

/// Lets the handler close its rows.
async fn close(
    engine: &Engine,
    conn: &mut sqlx::PgConnection,
    job: &ClaimedJob,
    error: &str,
) -> Result<(), StoreError> {
    let Some(handler) = engine.handlers.get(job.kind.as_str()) else { return Ok(()) };
    let close = async { handler.discarded(conn, job.payload.clone(), error).await };
    AssertUnwindSafe(close).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic_text(&*panic);
        Err(StoreError::Refused(format!("the handler panicked while giving up its job: {text}")))
    })
}

//! One job from claim to settlement.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tracing::{Instrument, debug, error, info_span, warn};

use super::error::chain;
use super::worker::Engine;
use super::{JobContext, JobError, backoff};
use crate::store::StoreError;
use crate::store::job::{self, ClaimedJob};

/// Attempts at settling, so that a database that is away for a moment does not make a finished job run again.
const SETTLE_ATTEMPTS: u32 = 9;
/// Pause after the first failed one; doubles.
const SETTLE_PAUSE: Duration = Duration::from_millis(250);

/// What becomes of a job after an attempt.
#[derive(Debug)]
enum Verdict {
    Complete,
    Retry { after: Duration, error: String },
    Snooze(Duration),
    Discard { error: String },
}

/// Runs a claimed job and settles it. Never fails: what cannot be settled comes back when its lease runs out.
pub(super) async fn run(engine: &Engine, job: ClaimedJob) {
    let span = info_span!("job.run", job.id = %job.lease.job_id, job.kind = %job.kind, job.attempt = job.attempt);
    async {
        // Invariant: the lease is extended until the job is settled.
        let held = engine.leases.hold(job.lease);
        let outcome = tokio::select! {
            outcome = attempt(engine, &job) => outcome,
            () = held.lost() => {
                warn!("{} job dropped: its lease is gone, or it was cancelled", job.kind);
                return;
            }
        };
        settle(engine, &job, judge(engine, &job, outcome)).await;
    }
    .instrument(span)
    .await;
}

/// Gives up a job whose last attempt was lost.
pub(super) async fn bury(engine: &Engine, job: ClaimedJob) {
    let last = job.last_error.as_deref().map(|error| format!("; before that: {error}")).unwrap_or_default();
    let error = format!("lost on attempt {} of {}: its worker stopped or hung{last}", job.attempt, job.max_attempts);
    settle(engine, &job, Verdict::Discard { error }).await;
}

async fn attempt(engine: &Engine, job: &ClaimedJob) -> Result<(), JobError> {
    let Some(handler) = engine.handlers.get(job.kind.as_str()) else {
        return Err(JobError::give_up(format!("nothing here runs {} jobs", job.kind)));
    };
    let context = JobContext {
        id: job.lease.job_id,
        attempt: job.attempt,
        max_attempts: job.max_attempts,
        stopping: engine.shutdown.soft().clone(),
    };
    let work = async { handler.run(&context, job.payload.clone()).await };
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(JobError::retry(format!("the handler panicked: {}", panic_text(&*panic)))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

fn judge(engine: &Engine, job: &ClaimedJob, outcome: Result<(), JobError>) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Complete,
        Err(JobError::Snooze(delay)) => Verdict::Snooze(delay),
        Err(JobError::GiveUp { source }) => Verdict::Discard { error: chain(&*source) },
        Err(JobError::Retry { source, .. }) if job.attempt >= job.max_attempts => {
            Verdict::Discard { error: chain(&*source) }
        }
        Err(JobError::Retry { source, after }) => {
            let policy = engine.handlers.get(job.kind.as_str()).map(|handler| handler.policy());
            let backoff = || policy.map(|policy| backoff::delay(&policy, job.attempt, rand::random()));
            let after = after.or_else(backoff).unwrap_or_default();
            Verdict::Retry { after, error: chain(&*source) }
        }
    }
}

async fn settle(engine: &Engine, job: &ClaimedJob, verdict: Verdict) {
    tell(job, &verdict);
    let mut pause = SETTLE_PAUSE;
    for remaining in (0..SETTLE_ATTEMPTS).rev() {
        match write(engine, job, &verdict).await {
            Ok(true) => return,
            Ok(false) => return warn!("{} job not settled: its lease is gone, or it was cancelled", job.kind),
            Err(error) if error.is_transient() && remaining > 0 => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                return error!(error, "{} job not settled: it runs again when its lease runs out", job.kind);
            }
        }
    }
}

fn tell(job: &ClaimedJob, verdict: &Verdict) {
    let (kind, attempt, max) = (&job.kind, job.attempt, job.max_attempts);
    match verdict {
        Verdict::Complete => debug!("{kind} job completed"),
        Verdict::Snooze(delay) => debug!("{kind} job snoozed for {delay:?}"),
        Verdict::Retry { after, error } => {
            warn!(job.error = %error, "{kind} job failed (attempt {attempt} of {max}), again in {after:?}: {error}");
        }
        Verdict::Discard { error } => {
            error!(job.error = %error, "{kind} job given up (attempt {attempt} of {max}): {error}");
        }
    }
}

async fn write(engine: &Engine, job: &ClaimedJob, verdict: &Verdict) -> Result<bool, StoreError> {
    match verdict {
        Verdict::Discard { error } => discard(engine, job, error).await,
        Verdict::Complete => job::complete(&mut *engine.store.conn().await?, job.lease).await,
        Verdict::Snooze(delay) => job::snooze(&mut *engine.store.conn().await?, job.lease, *delay).await,
        Verdict::Retry { after, error } => {
            job::retry_later(&mut *engine.store.conn().await?, job.lease, *after, error).await
        }
    }
}

/// Discards the job and lets its handler close its rows, in one transaction.
async fn discard(engine: &Engine, job: &ClaimedJob, error: &str) -> Result<bool, StoreError> {
    let mut tx = engine.store.begin().await?;
    if !job::discard(&mut tx, job.lease, error).await? {
        return Ok(false);
    }
    if let Some(handler) = engine.handlers.get(job.kind.as_str()) {
        let close = async { handler.discarded(&mut tx, job.payload.clone(), error).await };
        AssertUnwindSafe(close).catch_unwind().await.unwrap_or_else(|panic| {
            let text = panic_text(&*panic);
            Err(StoreError::Refused(format!("the handler panicked while giving up its job: {text}")))
        })?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(true)
}

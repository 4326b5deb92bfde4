//! The job that puts one drift back, from its guards to the proof that live is as declared.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;
use tracing::{Instrument as _, info, info_span};

use super::guard::{self, Objection};
use super::live::{Seen, Sight, strange};
use super::{RemediateError, Remediator, expected_of, kind_of, tell};
use crate::config::Remediation;
use crate::domain::approval::seen_hash;
use crate::domain::diff::Change;
use crate::domain::drift::{Drift, DriftStatus, ResolvedHow};
use crate::domain::id::DriftId;
use crate::domain::route::Route;
use crate::domain::user::Actor;
use crate::jobs::Remediate;
use crate::queue::{Handler, JobContext, JobError};
use crate::resource::{Aws, Called, FixPlan, FixStep};
use crate::store::event::{DriftEvent, NewEvent};
use crate::store::remediation::{Attempt, Begin, Begun, Limits};
use crate::store::{self, Store, StoreError};

/// How long to wait for the switch, for another job of the resource, for AWS's own work.
pub(super) const SHORTLY: Duration = Duration::from_secs(15);
/// How long to wait before live state is read once more for the proof.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The longest wait without a look at the guards.
pub(super) const AT_MOST: Duration = Duration::from_mins(15);
/// How long AWS may take to keep a promise: a maintenance window of its own comes once a week.
pub(super) const PROMISE: TimeDelta = TimeDelta::days(8);

/// Runs [`Remediate`] jobs.
pub struct RemediateHandler {
    /// The database.
    pub store: Store,
    /// What plans and reads.
    pub remediator: Arc<Remediator>,
    /// Where alerts go.
    pub routes: Arc<[Route]>,
}

/// One run of a job.
pub(super) struct Run<'a> {
    pub(super) handler: &'a RemediateHandler,
    pub(super) job: &'a JobContext,
    pub(super) args: &'a Remediate,
    pub(super) drift: Drift,
    pub(super) aws: Aws,
}

pub(super) fn refused<T>(why: impl Into<String>) -> Result<T, JobError> {
    Err(JobError::give_up(RemediateError::Refused(why.into())))
}

impl From<RemediateError> for JobError {
    fn from(error: RemediateError) -> Self {
        if error.is_transient() { Self::retry(error) } else { Self::give_up(error) }
    }
}

impl RemediateHandler {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.remediator.clock.now()
    }

    pub(super) fn config(&self) -> &Remediation {
        &self.remediator.config
    }

    async fn put_back(&self, job: &JobContext, args: &Remediate) -> Result<(), JobError> {
        let drift = store::drift::get(&mut *self.store.conn().await?, args.drift_id).await?;
        if drift.status != DriftStatus::Approved {
            info!(drift.id = %drift.id, "drift {} is {}: there is nothing to put back", drift.id, drift.status);
            return Ok(());
        }
        if seen_hash(&drift.expected_state, &drift.actual_state) != args.seen {
            return refused("the drift is not what was approved any more");
        }
        self.wait_while_stopped().await?;
        let aws = self.remediator.pool.aws(&drift.key.scope).await.map_err(RemediateError::from)?;
        Run { handler: self, job, args, drift, aws }.go().await
    }

    pub(super) async fn wait_while_stopped(&self) -> Result<(), JobError> {
        let switch = store::remediation::switch(&mut *self.store.conn().await?).await?;
        guard::of_switch(&switch).map_or(Ok(()), |_| Err(JobError::Snooze(SHORTLY)))
    }
}

impl Run<'_> {
    async fn go(&self) -> Result<(), JobError> {
        let store = &self.handler.store;
        let (open, attempts, ignore) = {
            let mut conn = store.conn().await?;
            let open = store::remediation::open_of_job(&mut conn, self.job.id).await?;
            let attempts = store::remediation::attempts_of_job(&mut conn, self.job.id).await?;
            (open, attempts, store::ignore::rules(&mut conn).await?)
        };
        let sight = self.handler.remediator.look(&self.aws, &self.drift, &ignore).await?;
        let seen = match sight {
            Sight::Gone => return refused(format!("{} is gone, and what is gone is never made anew", self.drift.key)),
            Sight::Unsettled(doing) => return self.wait_for_aws(open.as_ref(), &doing),
            Sight::Seen(seen) => seen,
        };
        self.note_remaining(&seen).await?;
        if let Some(Begun::Verifying(until)) = open {
            return self.prove(&seen, until).await;
        }
        let (plan, steps) = self.plan(&seen, &attempts).await?;
        if steps.is_empty() && attempts.is_empty() && seen.changes.is_empty() {
            return self.resolve(ResolvedHow::ManualFix, "live matched expected before any call was made").await;
        }
        if let Err(error) = self.guard(&seen, &plan, &attempts).await {
            if matches!(error, JobError::GiveUp { .. }) {
                self.pay_what_is_owed().await;
            }
            return Err(error);
        }
        if open.is_none() {
            self.begin().await?;
        }
        self.call_all(&steps, &plan, &attempts).await?;
        let until = self.handler.now() + self.patience();
        store::remediation::expect_by(&mut *store.conn().await?, self.job.id, until).await?;
        match self.handler.remediator.look(&self.aws, &self.drift, &ignore).await {
            Ok(Sight::Seen(seen)) => {
                self.note_remaining(&seen).await?;
                self.prove(&seen, until).await
            }
            // All calls are made: what comes now is waiting.
            _ => Err(JobError::Snooze(LOOK_AGAIN)),
        }
    }

    /// AWS is at work: until the time of the proof is over, or, before any call, for as long as a promise may take.
    fn wait_for_aws(&self, open: Option<&Begun>, doing: &str) -> Result<(), JobError> {
        let until = match open {
            Some(Begun::Verifying(until)) => *until,
            _ => self.drift.approved_at.unwrap_or(self.drift.detected_at) + PROMISE,
        };
        if self.handler.now() < until {
            return Err(JobError::Snooze(SHORTLY));
        }
        refused(format!("AWS has been at work on {} for too long: {doing}", self.drift.key))
    }

    /// The plan from what is live, and all calls to be made: the plan's, then those that earlier calls owe.
    async fn plan(&self, seen: &Seen, attempts: &[Attempt]) -> Result<(FixPlan, Vec<FixStep>), JobError> {
        let is_done = seen.changes.is_empty() || (seen.is_promised() && !attempts.is_empty());
        let plan = if is_done {
            FixPlan::default()
        } else {
            self.handler.remediator.steps(&self.aws, &self.drift, seen).await?
        };
        let mut steps = plan.steps.clone();
        for owed in self.owed(attempts)? {
            if !steps.iter().any(|step| is_same(step, &owed)) {
                steps.push(owed);
            }
        }
        Ok((plan, steps))
    }

    pub(super) fn owed(&self, attempts: &[Attempt]) -> Result<Vec<FixStep>, JobError> {
        // A call that AWS refused has had no effect to be ended; one without an answer may have had.
        let called: Vec<Called<'_>> = attempts
            .iter()
            .map(|attempt| Called { operation: &attempt.operation, restores: &attempt.restores })
            .collect();
        Ok(kind_of(&self.drift)?.owed(&self.drift.key, &called))
    }

    /// Everything that must be so before a call is made.
    async fn guard(&self, seen: &Seen, plan: &FixPlan, attempts: &[Attempt]) -> Result<(), JobError> {
        let owed = self.owed(attempts)?;
        let is_owed = |step: &&FixStep| owed.iter().any(|owed| is_same(owed, step));
        let ours: Vec<String> = plan.steps.iter().filter(is_owed).flat_map(|step| step.restores.clone()).collect();
        let mut touched = touched(seen, attempts);
        touched.extend(ours.iter().cloned());
        let strange = strange(&self.drift, &seen.changes, &touched);
        if !strange.is_empty() {
            let pointers: Vec<&str> = strange.iter().map(|change| change.pointer.as_str()).collect();
            return refused(format!(
                "{} has changed since it was approved: scan, then decide again",
                pointers.join(", ")
            ));
        }
        self.check_declaration().await?;
        let (config, now) = (self.handler.config(), self.handler.now());
        // What this job itself has brought about, and ends, was allowed with the rest.
        let changes: Vec<Change> =
            seen.changes.iter().filter(|change| !ours.contains(&change.pointer)).cloned().collect();
        let mut objections = guard::of_drift(config, &self.drift, &changes, plan);
        objections
            .extend(plan.steps.iter().filter(|step| !is_owed(step)).flat_map(|step| guard::of_step(config, step, now)));
        if let Some(objection) = objections.iter().find(|objection| !objection.waits) {
            return refused(objection.to_string());
        }
        objections.first().map_or(Ok(()), |objection| Err(wait_for(objection, now)))
    }

    /// What is declared must still be what was approved.
    async fn check_declaration(&self) -> Result<(), JobError> {
        let declared = (self.handler.remediator.declared)(self.drift.key.clone()).await;
        let declared = declared.map_err(|why| {
            JobError::retry(RemediateError::NotNow(format!("what is declared cannot be told now: {why}")))
        })?;
        let Some(declared) = declared else {
            return refused(format!("nothing declares {} any more", self.drift.key));
        };
        let expected = expected_of(&self.drift);
        let otherwise: Vec<&str> =
            expected.iter().filter(|(name, value)| declared.get(name) != Some(value)).map(|(name, _)| name).collect();
        if otherwise.is_empty() {
            return Ok(());
        }
        refused(format!(
            "{} is declared otherwise since it was approved: scan, then decide again",
            otherwise.join(", ")
        ))
    }

    async fn begin(&self) -> Result<(), JobError> {
        let (config, now) = (self.handler.config(), self.handler.now());
        let limits = Limits {
            per_run: (!self.args.again).then_some(config.max_per_run),
            per_hour: config.max_per_hour,
            percent: config.max_percent,
        };
        let new = Begin { job_id: self.job.id, drift_id: self.drift.id, key: &self.drift.key, limits };
        let mut tx = self.handler.store.begin().await?;
        match store::remediation::begin(&mut tx, &new, now).await? {
            Begun::Acting { is_new } => {
                if is_new {
                    let details = Some(json!({ "job_id": self.job.id }));
                    let event = DriftEvent::RemediationStarted;
                    let event = NewEvent { drift_id: self.drift.id, event, actor: Actor::system(), details };
                    store::event::append_all(&mut tx, &[event], now).await?;
                }
                tx.commit().await.map_err(StoreError::from)?;
                Ok(())
            }
            Begun::Verifying(_) | Begun::Busy => Err(JobError::Snooze(SHORTLY)),
            Begun::HourIsFull(begun, most) => {
                info!(drift.id = %self.drift.id, begun, most, "as many drifts as may be are put back within the hour");
                Err(JobError::Snooze(AT_MOST))
            }
            Begun::RunIsFull(begun) => refused(format!(
                "{begun} drifts of this scan are put back already, and max_per_run is {}: approve this one once more to \
                 have it put back as well",
                config.max_per_run
            )),
        }
    }

    pub(super) async fn note_remaining(&self, seen: &Seen) -> Result<(), JobError> {
        let mut conn = self.handler.store.conn().await?;
        Ok(store::remediation::note_remaining(&mut conn, self.job.id, &seen.pointers()).await?)
    }
}

/// What this job's own calls are about, as JSON pointers: what they put back, and attributes that an operation is
/// named after, which a call may set for the time of others (a public access block that is closed meanwhile).
fn touched(seen: &Seen, attempts: &[Attempt]) -> Vec<String> {
    let restored = attempts.iter().flat_map(|attempt| attempt.restores.iter().cloned());
    let is_named = |name: &&str| attempts.iter().any(|attempt| attempt.operation.contains(name));
    restored.chain(seen.expected.names().filter(is_named).map(|name| format!("/{name}"))).collect()
}

/// Whether two steps are one call.
fn is_same(one: &FixStep, other: &FixStep) -> bool {
    one.operation == other.operation && one.parameters == other.parameters
}

/// Waits for what a guard waits for.
fn wait_for(objection: &Objection, now: DateTime<Utc>) -> JobError {
    let wait = objection.until.and_then(|until| (until - now).to_std().ok()).unwrap_or(SHORTLY);
    JobError::Snooze(wait.clamp(Duration::from_secs(1), AT_MOST))
}

impl Handler for RemediateHandler {
    type Args = Remediate;

    fn run<'a>(&'a self, job: &'a JobContext, args: Remediate) -> BoxFuture<'a, Result<(), JobError>> {
        let span = info_span!("remediation.run", drift.id = %args.drift_id, job.id = %job.id);
        Box::pin(async move { self.put_back(job, &args).await }.instrument(span))
    }

    fn discarded<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        args: Remediate,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (drift_id, now): (DriftId, _) = (args.drift_id, self.now());
        Box::pin(async move { tell::failed(conn, &self.routes, drift_id, error, now).await })
    }
}

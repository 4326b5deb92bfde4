//! The calls of one run: each written down before it is made and after, and what becomes of one that fails.

use serde_json::json;
use tracing::warn;

use super::live::Sight;
use super::run::{Run, SHORTLY};
use super::{RemediateError, kind_of};
use crate::domain::approval::fingerprint;
use crate::queue::JobError;
use crate::resource::{FixError, FixPlan, FixStep};
use crate::store;
use crate::store::remediation::{Attempt, NewAttempt, Outcome};

impl Run<'_> {
    /// Makes the calls in their order; the first that fails ends it.
    pub(super) async fn call_all(
        &self,
        steps: &[FixStep],
        plan: &FixPlan,
        attempts: &[Attempt],
    ) -> Result<(), JobError> {
        let plan = fingerprint(&json!(plan));
        let mut number = attempts.last().map_or(0, |attempt| attempt.step);
        for step in steps {
            self.handler.wait_while_stopped().await?;
            number += 1;
            if let Err(error) = self.call(step, number, &plan).await? {
                return Err(self.give_up_or_retry(error).await);
            }
        }
        Ok(())
    }

    /// One call, written down before and after. The outer error is the database's.
    async fn call(&self, step: &FixStep, number: i32, plan: &str) -> Result<Result<(), RemediateError>, JobError> {
        let store = &self.handler.store;
        let new = NewAttempt {
            job_id: self.job.id,
            drift_id: self.drift.id,
            step: number,
            plan,
            service: step.service,
            operation: step.operation,
            parameters: &step.parameters,
            restores: &step.restores,
            summary: &step.summary,
        };
        let id = store::remediation::begin_attempt(&mut *store.conn().await?, &new, self.handler.now()).await?;
        let outcome = kind_of(&self.drift)?.call(&self.aws, &self.drift.key, step).await;
        let (word, request_id, error) = match &outcome {
            Ok(receipt) if receipt.nothing_to_do => (Outcome::NothingToDo, receipt.request_id.clone(), None),
            Ok(receipt) => (Outcome::Done, receipt.request_id.clone(), None),
            Err(error) => (Outcome::Failed, None, Some(error.to_string().replace('\0', "\\0"))),
        };
        let (mut conn, now) = (store.conn().await?, self.handler.now());
        let (request_id, error) = (request_id.as_deref(), error.as_deref());
        store::remediation::settle_attempt(&mut conn, id, word, request_id, error, now).await?;
        Ok(outcome.map(drop).map_err(RemediateError::from))
    }

    /// After a failed call: try again, or make the calls that are owed and give up.
    async fn give_up_or_retry(&self, error: RemediateError) -> JobError {
        if let RemediateError::Fix(FixError::Busy { .. }) = error {
            return JobError::Snooze(SHORTLY);
        }
        if error.is_transient() && !self.job.is_last_attempt() {
            return JobError::retry(error);
        }
        self.pay_what_is_owed().await;
        self.look_at_what_is_left().await;
        JobError::give_up(error)
    }

    /// Makes the calls that earlier ones owe (an instance that was stopped is started again), unless everything is
    /// stopped. One that fails is told with the others.
    pub(super) async fn pay_what_is_owed(&self) {
        if self.handler.wait_while_stopped().await.is_err() {
            return;
        }
        let made = async {
            let mut conn = self.handler.store.conn().await?;
            Ok::<_, JobError>(store::remediation::attempts_of_job(&mut conn, self.job.id).await?)
        };
        let Ok(attempts) = made.await else { return };
        let mut number = attempts.last().map_or(0, |attempt| attempt.step);
        for step in self.owed(&attempts).unwrap_or_default() {
            number += 1;
            if let Ok(Err(error)) = self.call(&step, number, "owed").await {
                warn!(drift.id = %self.drift.id, %error, "a call that is owed failed as well");
            }
        }
    }

    /// Notes what differs after a failure; if it cannot be read, what was noted before stays.
    async fn look_at_what_is_left(&self) {
        if let Ok(Sight::Seen(seen)) = self.handler.remediator.look(&self.aws, &self.drift, &[]).await
            && let Err(error) = self.note_remaining(&seen).await
        {
            warn!(drift.id = %self.drift.id, %error, "what still differs could not be noted");
        }
    }
}

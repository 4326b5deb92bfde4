//! The proof: live state is read again until it is as declared, and only then is the drift over.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tracing::info;

use super::live::Seen;
use super::run::{AT_MOST, LOOK_AGAIN, PROMISE, Run, refused};
use crate::config::Remediation;
use crate::domain::drift::{DriftStatus, ResolvedHow};
use crate::domain::user::Actor;
use crate::queue::JobError;
use crate::store::audit::{AuditAction, AuditEntry};
use crate::store::event::{DriftEvent, NewEvent};
use crate::store::{self, StoreError};

impl Run<'_> {
    /// How long AWS may take to show what was asked of it.
    pub(super) fn patience(&self) -> TimeDelta {
        let config = self.handler.config();
        let factor = if self.drift.key.scope.resource_type == "RDS" { Remediation::DATABASE_FACTOR } else { 1 };
        TimeDelta::from_std(config.verify_timeout * factor).unwrap_or(TimeDelta::MAX)
    }

    /// Resolves the drift if it is as declared; waits until `until` if it is not.
    pub(super) async fn prove(&self, seen: &Seen, until: DateTime<Utc>) -> Result<(), JobError> {
        let now = self.handler.now();
        if seen.changes.is_empty() {
            return self.resolve(ResolvedHow::AutoRemediate, "put back, and read again").await;
        }
        if now < until {
            return Err(JobError::Snooze(LOOK_AGAIN));
        }
        let pointers = seen.pointers().join(", ");
        if seen.is_promised() {
            if now < until + PROMISE {
                return Err(JobError::Snooze(AT_MOST));
            }
            return refused(format!("AWS promised to change {pointers}, but has not"));
        }
        refused(format!("all calls were made, but AWS still shows something else at {pointers}"))
    }

    /// Ends the drift with its trail, in one transaction.
    pub(super) async fn resolve(&self, how: ResolvedHow, why: &str) -> Result<(), JobError> {
        let (id, now) = (self.drift.id, self.handler.now());
        let mut tx = self.handler.store.begin().await?;
        store::drift::resolve(&mut tx, id, how, now).await?;
        let calls = store::remediation::attempts_of_job(&mut tx, self.job.id).await?;
        match how {
            ResolvedHow::AutoRemediate => store::remediation::succeed(&mut tx, self.job.id, now).await?,
            _ => drop(store::remediation::fail(&mut tx, id, why, now).await?),
        }
        let calls: Vec<_> = calls
            .iter()
            .map(|call| json!({ "operation": call.operation, "outcome": call.outcome, "request_id": call.request_id }))
            .collect();
        let details = json!({ "reason": why, "job_id": self.job.id, "calls": calls });
        let entry = AuditEntry {
            old_value: Some(json!({ "status": DriftStatus::Approved })),
            new_value: Some(json!({ "status": DriftStatus::Resolved, "resolved_at": now, "resolved_how": how })),
            details: Some(details.clone()),
            ..AuditEntry::of_drift(id, AuditAction::DriftResolved, Actor::system())
        };
        store::audit::append_all(&mut tx, &[entry], now).await?;
        let (event, details) = (DriftEvent::Resolved, Some(details));
        let event = NewEvent { drift_id: id, event, actor: Actor::system(), details };
        store::event::append_all(&mut tx, &[event], now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        info!(drift.id = %id, resource.key = %self.drift.key, "{} is as declared again", self.drift.key);
        Ok(())
    }
}

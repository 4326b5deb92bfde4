//! Approval by rule: a drift that a rule of `[[remediation.auto_approve]]` covers is approved if its plan holds nothing
//! that a person should see first.
//!
//! It must never approve what loosens or disrupts, what is left to people in part, or what came back after it was put
//! back before.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::json;
use tracing::info;

use super::plan::Planned;
use super::{RemediateError, Remediator};
use crate::config::RemediationMode;
use crate::domain::approval::seen_hash;
use crate::domain::drift::{Drift, DriftStatus};
use crate::domain::rule::{AutoApproveRule, Subject};
use crate::domain::user::Actor;
use crate::jobs::{AutoApprove, Remediate};
use crate::queue::{self, Handler, JobContext, JobError};
use crate::resource::fix::Disruption;
use crate::store::audit::{AuditAction, AuditEntry};
use crate::store::event::{DriftEvent, NewEvent};
use crate::store::remediation::Approval;
use crate::store::{self, Store, StoreError};

/// Runs [`AutoApprove`] jobs.
pub struct AutoApproveHandler {
    /// The database.
    pub store: Store,
    /// What plans.
    pub remediator: Arc<Remediator>,
}

/// Whether a rule covers every change of a drift.
#[must_use]
pub fn covers(rule: &AutoApproveRule, drift: &Drift) -> bool {
    let subject = Subject { key: &drift.key, account_name: drift.account_name.as_deref() };
    let is_covered = |pointer: &str| rule.selector.matches(subject, pointer);
    drift.severity <= rule.max_severity
        && !drift.changes.is_empty()
        && drift.changes.iter().all(|change| is_covered(&change.pointer))
}

impl AutoApproveHandler {
    async fn approve(&self, args: &AutoApprove) -> Result<(), JobError> {
        let drift = store::drift::get(&mut *self.store.conn().await?, args.drift_id).await?;
        let config = &self.remediator.config;
        let rule = config.auto_approve.iter().find(|rule| rule.name == args.rule && covers(rule, &drift));
        let is_undecided = matches!(drift.status, DriftStatus::Detected | DriftStatus::Triaged);
        if rule.is_none() || !is_undecided || drift.recurs_after.is_some() || config.mode != RemediationMode::Apply {
            return Ok(());
        }
        let id = drift.id;
        let planned = match self.remediator.plan(&self.store, drift).await {
            Err(RemediateError::Refused(why)) => {
                info!(drift.id = %id, "drift {id} is left to people: {why}");
                return Ok(());
            }
            planned => planned?,
        };
        if let Some(why) = why_not(&planned) {
            info!(drift.id = %id, "drift {id} is left to people: {why}");
            return Ok(());
        }
        self.write(&planned.drift, &args.rule).await
    }

    /// Detected or triaged → approved in the rule's name, with the job that puts it back, in one transaction.
    async fn write(&self, drift: &Drift, rule: &str) -> Result<(), JobError> {
        let (id, now, actor) = (drift.id, self.remediator.clock.now(), Actor::system());
        let reason = format!("approved by the rule {rule}");
        let details = json!({ "reason": reason, "rule": rule });
        let event = |event| NewEvent { drift_id: id, event, actor: actor.clone(), details: Some(details.clone()) };
        let mut tx = self.store.begin().await?;
        if drift.status == DriftStatus::Detected {
            store::drift::triage(&mut tx, id).await?;
            store::event::append_all(&mut tx, &[event(DriftEvent::Triaged)], now).await?;
        }
        store::drift::approve(&mut tx, id, &actor, Some(&reason), now).await?;
        let after = store::drift::get(&mut tx, id).await?;
        let seen = seen_hash(&drift.expected_state, &drift.actual_state);
        if seen_hash(&after.expected_state, &after.actual_state) != seen {
            return Err(JobError::retry(RemediateError::NotNow("it changed while it was looked at".to_owned())));
        }
        store::event::append_all(&mut tx, &[event(DriftEvent::Approved)], now).await?;
        let entry = AuditEntry {
            old_value: Some(json!({ "status": DriftStatus::Triaged })),
            new_value: Some(json!({ "status": after.status, "approved_at": now, "approval_reason": reason })),
            details: Some(details.clone()),
            ..AuditEntry::of_drift(id, AuditAction::DriftApproved, actor.clone())
        };
        store::audit::append_all(&mut tx, &[entry], now).await?;
        let job = Remediate { drift_id: id, seen: seen.clone(), again: false };
        let job_id = Some(queue::enqueue(&mut tx, &job).await?);
        let approval = Approval { drift_id: id, seen_hash: seen, rule: Some(rule.to_owned()), job_id };
        store::remediation::write_approval(&mut tx, &approval, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        info!(drift.id = %id, "drift {id} is approved by the rule {rule}");
        Ok(())
    }
}

/// Why a person has to see it first.
fn why_not(planned: &Planned) -> Option<String> {
    let steps = || planned.steps.iter().map(|planned| &planned.step);
    if let Some(step) = steps().find(|step| step.loosens) {
        return Some(format!("{} lets somebody do more than now", step.operation));
    }
    if let Some(step) = steps().find(|step| step.disruption >= Disruption::Restart) {
        return Some(format!("{} disrupts the workload", step.operation));
    }
    if !planned.unseen.is_empty() {
        return Some("more has changed than the drift tells".to_owned());
    }
    let objection = planned.objections.iter().find(|objection| !objection.waits);
    objection.map(ToString::to_string)
}

impl Handler for AutoApproveHandler {
    type Args = AutoApprove;

    fn run<'a>(&'a self, _job: &'a JobContext, args: AutoApprove) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move { self.approve(&args).await })
    }
}

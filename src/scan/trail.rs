//! What is told of a drift when a scan records it: audit records and events, in nobody's name.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::lifecycle::{Changed, Ended};
use super::record::ShardOutcome;
use crate::domain::drift::{Drift, DriftStatus, Finding};
use crate::domain::id::DriftId;
use crate::domain::user::Actor;
use crate::store::StoreError;
use crate::store::audit::{AuditAction, AuditEntry};
use crate::store::drift::kept_cost;
use crate::store::event::{DriftEvent, NewEvent};

/// What all entries of one shard have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trail<'a> {
    /// What the shard found.
    pub(super) outcome: &'a ShardOutcome,
    /// When it is recorded.
    pub(super) now: DateTime<Utc>,
}

impl Trail<'_> {
    /// Nobody decided; the way to the end leads through `rejected`.
    pub(super) fn audit_of_rejection(self, ended: &Ended<'_>) -> AuditEntry {
        AuditEntry {
            old_value: Some(json!({ "status": ended.drift.status })),
            new_value: Some(json!({
                "status": DriftStatus::Rejected,
                "rejected_at": self.now,
                "rejected_by": null,
                "rejection_reason": ended.reason,
            })),
            ..self.audit(ended.drift.id, AuditAction::DriftRejected, Some(ended.reason))
        }
    }

    pub(super) fn audit_of_end(self, ended: &Ended<'_>) -> AuditEntry {
        let before = if ended.is_undecided() { DriftStatus::Rejected } else { ended.drift.status };
        AuditEntry {
            old_value: Some(json!({ "status": before })),
            new_value: Some(json!({
                "status": DriftStatus::Resolved,
                "resolved_at": self.now,
                "resolved_how": ended.how,
            })),
            ..self.audit(ended.drift.id, AuditAction::DriftResolved, Some(ended.reason))
        }
    }

    pub(super) fn event_of_end(self, event: DriftEvent, ended: &Ended<'_>) -> NewEvent {
        self.event(ended.drift.id, event, json!({ "reason": ended.reason }))
    }

    pub(super) fn event_of_change(self, changed: &Changed<'_>) -> NewEvent {
        let details = json!({
            "pointers": pointers(changed.finding),
            "severity": { "from": changed.before.severity, "to": changed.finding.severity },
        });
        self.event(changed.before.id, DriftEvent::Changed, details)
    }

    pub(super) fn audit_of_creation(self, id: DriftId, finding: &Finding) -> Result<AuditEntry, StoreError> {
        let drift = serde_json::to_value(self.drift(id, finding)).map_err(|error| StoreError::Unstorable {
            subject: format!("the audit record of {}", finding.key),
            reason: error.to_string(),
        })?;
        Ok(AuditEntry { new_value: Some(drift), ..self.audit(id, AuditAction::DriftCreated, None) })
    }

    pub(super) fn event_of_creation(self, id: DriftId, finding: &Finding) -> NewEvent {
        self.event(id, DriftEvent::Detected, json!({ "pointers": pointers(finding) }))
    }

    /// A finding as the drift that is stored for it.
    fn drift(self, id: DriftId, finding: &Finding) -> Drift {
        let (cost_impact_monthly, cost_unknown_reason) = kept_cost(&finding.cost);
        Drift {
            id,
            key: finding.key.clone(),
            account_name: self.outcome.account_name.clone(),
            kind: finding.kind,
            expected_state: finding.expected.clone(),
            actual_state: finding.actual.clone(),
            difference: finding.difference.clone(),
            changes: finding.changes.clone(),
            severity: finding.severity,
            cost_impact_monthly,
            cost_unknown_reason,
            declared_in: finding.declared_in.clone(),
            terraform_address: finding.terraform_address.clone(),
            recurs_after: None,
            status: DriftStatus::Detected,
            detected_at: self.now,
            detected_by: self.outcome.detected_by,
            approved_at: None,
            approval_reason: None,
            rejected_at: None,
            rejection_reason: None,
            resolved_at: None,
            resolved_how: None,
        }
    }

    fn audit(self, id: DriftId, action: AuditAction, reason: Option<&str>) -> AuditEntry {
        let mut details = json!({ "scan_id": self.outcome.scan_id });
        if let Some(reason) = reason {
            details["reason"] = json!(reason);
        }
        AuditEntry { details: Some(details), ..AuditEntry::of_drift(id, action, Actor::system()) }
    }

    fn event(self, drift_id: DriftId, event: DriftEvent, mut details: Value) -> NewEvent {
        details["scan_id"] = json!(self.outcome.scan_id);
        NewEvent { drift_id, event, actor: Actor::system(), details: Some(details) }
    }
}

fn pointers(finding: &Finding) -> Vec<&str> {
    finding.changes.iter().map(|change| change.pointer.as_str()).collect()
}

//! What rules decide of a drift in the transaction that stores it: that it came back, that it is triaged, that a rule
//! may approve it.

use std::collections::HashSet;

use serde_json::json;

use super::record::{Recorder, Told};
use crate::domain::alert::AlertType;
use crate::domain::drift::{DriftKind, DriftStatus, Finding};
use crate::domain::id::DriftId;
use crate::domain::rule::{AutoApproveRule, Subject, TriageRule};
use crate::domain::user::Actor;
use crate::jobs::AutoApprove;
use crate::queue;
use crate::store::event::{DriftEvent, NewEvent};
use crate::store::{self, StoreError};

impl Recorder<'_> {
    /// Notes which of these new drifts came back within a day after they were put back.
    pub(super) async fn note_recurring(
        &mut self,
        drifts: &[(DriftId, &Finding)],
    ) -> Result<HashSet<DriftId>, StoreError> {
        let ids: Vec<DriftId> = drifts.iter().map(|(id, _)| *id).collect();
        let recurring = store::drift::mark_recurring(self.conn, &ids, self.now).await?;
        let events: Vec<NewEvent> = recurring.iter().map(|(id, before)| recurs(*id, *before)).collect();
        store::event::append_all(self.conn, &events, self.now).await?;
        Ok(recurring.into_iter().map(|(id, _)| id).collect())
    }

    /// Decides on new drifts. One that came back after it was put back is never approved by rule.
    pub(super) async fn decide_at_once(&mut self, drifts: &[(Told, &Finding)]) -> Result<(), StoreError> {
        self.triage(drifts).await?;
        let approves = |(told, finding): &(Told, &Finding)| {
            let rule = self.policy.auto_approve.iter().find(|rule| self.may_approve(rule, finding))?;
            (!told.is_recurring).then(|| AutoApprove { drift_id: told.drift_id, rule: rule.name.clone() })
        };
        let jobs: Vec<AutoApprove> = drifts.iter().filter_map(approves).collect();
        queue::enqueue_all(self.conn, jobs).await?;
        Ok(())
    }

    async fn triage(&mut self, drifts: &[(Told, &Finding)]) -> Result<(), StoreError> {
        let (mut ids, mut events, mut triaged) = (Vec::new(), Vec::new(), Vec::new());
        for (told, finding) in drifts {
            let Some(rule) = self.policy.triage.iter().find(|rule| self.triages(rule, finding)) else { continue };
            ids.push(told.drift_id);
            events.push(triaged_by(told.drift_id, rule));
            triaged.push((Told { status: DriftStatus::Triaged, ..*told }, *finding));
        }
        store::drift::triage_all(self.conn, &ids).await?;
        store::event::append_all(self.conn, &events, self.now).await?;
        self.alert(AlertType::ApprovalNeeded, &triaged).await
    }

    fn subject<'f>(&'f self, finding: &'f Finding) -> Subject<'f> {
        Subject { key: &finding.key, account_name: self.outcome.account_name.as_deref() }
    }

    fn triages(&self, rule: &TriageRule, finding: &Finding) -> bool {
        let subject = self.subject(finding);
        finding.severity >= rule.min_severity
            && finding.changes.iter().any(|change| rule.selector.matches(subject, &change.pointer))
    }

    fn may_approve(&self, rule: &AutoApproveRule, finding: &Finding) -> bool {
        let subject = self.subject(finding);
        finding.kind == DriftKind::Changed
            && finding.severity <= rule.max_severity
            && finding.changes.iter().all(|change| rule.selector.matches(subject, &change.pointer))
    }
}

fn recurs(drift_id: DriftId, before: DriftId) -> NewEvent {
    let reason = format!("it came back within a day after drift {before} was put back");
    let details = Some(json!({ "reason": reason, "after": before }));
    NewEvent { drift_id, event: DriftEvent::Recurring, actor: Actor::system(), details }
}

fn triaged_by(drift_id: DriftId, rule: &TriageRule) -> NewEvent {
    let details = Some(json!({ "reason": format!("by the rule {}", rule.name), "rule": rule.name }));
    NewEvent { drift_id, event: DriftEvent::Triaged, actor: Actor::system(), details }
}

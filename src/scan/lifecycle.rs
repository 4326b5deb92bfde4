//! What a shard's outcome means for the drifts that stand in its scope: the life cycle of a drift as a pure decision.
//!
//! It decides, [`super::record`] writes. It must never let two drifts of one resource stand beside each other, nor take
//! what was not read for an end.

use std::collections::{BTreeMap, HashSet};

use super::record::ShardOutcome;
use crate::domain::diff::Change;
use crate::domain::drift::{DriftKind, DriftStatus, Finding, ResolvedHow};
use crate::domain::id::DriftId;
use crate::store::drift::StoredDrift;

/// Why a drift is over that a scan found to be as declared.
pub(super) const MATCHES_AGAIN: &str = "live state matches expected again";
/// Why a drift is over whose declaration is gone.
pub(super) const UNDECLARED: &str = "nothing declares the resource any more";
/// Why a decided drift is over when another difference took its place.
pub(super) const SUPERSEDED: &str = "superseded by another difference";

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// New drifts.
    pub(super) create: Vec<&'a Finding>,
    /// Undecided drifts whose difference is another one now.
    pub(super) change: Vec<Changed<'a>>,
    /// Drifts that are over.
    pub(super) end: Vec<Ended<'a>>,
    /// Drifts that go on as they are.
    pub(super) keep: Vec<&'a StoredDrift>,
}

/// A drift that gets another difference.
#[derive(Debug)]
pub(super) struct Changed<'a> {
    /// As it stands.
    pub(super) before: &'a StoredDrift,
    /// What was found.
    pub(super) finding: &'a Finding,
}

/// A drift that is over.
#[derive(Debug)]
pub(super) struct Ended<'a> {
    /// As it stands.
    pub(super) drift: &'a StoredDrift,
    /// How it ends.
    pub(super) how: ResolvedHow,
    /// Why.
    pub(super) reason: &'static str,
}

impl Ended<'_> {
    /// Whether nobody has decided on it, so that the only legal way to its end leads through `rejected`.
    pub(super) fn is_undecided(&self) -> bool {
        matches!(self.drift.status, DriftStatus::Detected | DriftStatus::Triaged)
    }
}

/// Decides. `standing` are all drifts of the scope that are not resolved.
pub(super) fn plan<'a>(standing: &'a [StoredDrift], outcome: &'a ShardOutcome) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut left: BTreeMap<DriftId, &StoredDrift> = standing.iter().map(|drift| (drift.id, drift)).collect();
    let by_resource: BTreeMap<&str, &StoredDrift> =
        standing.iter().map(|drift| (drift.resource_id.as_str(), drift)).collect();
    let mut found = HashSet::new();
    for finding in &outcome.findings {
        if !found.insert(finding.key.resource_id.as_str()) {
            continue;
        }
        let before = by_resource.get(finding.key.resource_id.as_str()).copied();
        if let Some(before) = before {
            left.remove(&before.id);
        }
        plan.place(before, finding);
    }
    plan.end_all(&mut left, &outcome.matching, ResolvedHow::ManualFix, MATCHES_AGAIN);
    plan.end_all(&mut left, &outcome.undeclared, ResolvedHow::Acknowledged, UNDECLARED);
    plan.keep.extend(left.into_values());
    plan
}

impl<'a> Plan<'a> {
    fn place(&mut self, before: Option<&'a StoredDrift>, finding: &'a Finding) {
        let Some(before) = before else { return self.create.push(finding) };
        // Sameness is that of the changes: an attribute that is declared anew, or could not be read this time, and is
        // as declared, makes no other difference of it.
        let kind = DriftKind::of(&before.expected_state, &before.actual_state);
        // What is being put back is told by whoever does it, when it is done.
        if before.is_being_put_back {
            return self.keep.push(before);
        }
        if kind == finding.kind && are_same(&before.changes, &finding.changes) {
            return self.keep.push(before);
        }
        if matches!(before.status, DriftStatus::Detected | DriftStatus::Triaged) {
            return self.change.push(Changed { before, finding });
        }
        // What was approved or rejected was that difference, not this one.
        self.end.push(Ended { drift: before, how: ResolvedHow::Acknowledged, reason: SUPERSEDED });
        self.create.push(finding);
    }

    fn end_all(
        &mut self,
        left: &mut BTreeMap<DriftId, &'a StoredDrift>,
        ids: &[DriftId],
        how: ResolvedHow,
        reason: &'static str,
    ) {
        // An id that no longer stands was ended by somebody else in the meantime.
        let is_free = |id: &&DriftId| left.get(id).is_some_and(|drift| !drift.is_being_put_back);
        let ids: Vec<DriftId> = ids.iter().filter(is_free).copied().collect();
        let ended = ids.iter().filter_map(|id| left.remove(id));
        self.end.extend(ended.map(|drift| Ended { drift, how, reason }));
    }
}

/// Whether the changes are the same, in whatever order their ratings put them.
fn are_same(a: &[Change], b: &[Change]) -> bool {
    fn sorted(changes: &[Change]) -> Vec<&Change> {
        let mut sorted: Vec<&Change> = changes.iter().collect();
        sorted.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        sorted
    }
    a.len() == b.len() && (a == b || sorted(a) == sorted(b))
}

//! A plan in the making: what is asked for and known, what was planned so far.

use serde_json::Value;

use super::parameters::Modify;
use crate::domain::diff::Change;
use crate::domain::state::ResourceState;
use crate::resource::ResourceType;
use crate::resource::fix::{Disruption, FixPlan, FixRequest, FixStep, ManualFix};
use crate::resource::rds::Rds;
use crate::resource::rds::read::Reading;

/// A plan in the making.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) request: FixRequest<'a>,
    pub(super) now: &'a Reading,
    /// The changes that are not pending already.
    open: Vec<&'a Change>,
    pub(super) steps: Vec<FixStep>,
    pub(super) manual: Vec<ManualFix>,
    /// The one modification, as far as it is known.
    pub(super) modify: Modify,
    pub(super) restores: Vec<String>,
    told: Vec<String>,
    disruption: Disruption,
    loosens: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(request: FixRequest<'a>, now: &'a Reading) -> Self {
        let pending = as_declared(request.expected, &now.live.pending);
        let is_pending = |change: &&Change| {
            let name = change.attribute();
            pending.get(&name).is_some_and(|value| request.expected.get(&name) == Some(value))
        };
        Self {
            request,
            now,
            open: request.changes.iter().filter(|change| !is_pending(change)).collect(),
            steps: Vec::new(),
            manual: Vec::new(),
            modify: Modify::default(),
            restores: Vec::new(),
            told: Vec::new(),
            disruption: Disruption::None,
            loosens: false,
        }
    }

    /// The database's identifier.
    pub(super) fn id(&self) -> &'a str {
        &self.request.key.resource_id
    }

    /// The changes that are still to be asked for.
    pub(super) fn open(&self) -> Vec<&'a Change> {
        self.open.clone()
    }

    /// The changes of one top-level attribute that are still to be asked for.
    pub(super) fn changes_of(&self, attribute: &str) -> Vec<&'a Change> {
        self.open.iter().copied().filter(|change| change.attribute() == attribute).collect()
    }

    /// The change of an attribute that is one value.
    pub(super) fn change_of(&self, attribute: &str) -> Option<&'a Change> {
        self.changes_of(attribute).into_iter().next()
    }

    /// The declared value of an attribute, else the live one.
    pub(super) fn wanted(&self, attribute: &str) -> Option<&'a Value> {
        self.request.expected.get(attribute).or_else(|| self.live(attribute))
    }

    /// The live value of an attribute, declared or not.
    pub(super) fn live(&self, attribute: &str) -> Option<&'a Value> {
        self.now.live.state.get(attribute)
    }

    /// Whether people have been told of the change, or the modification takes it up.
    pub(super) fn is_taken(&self, change: &Change) -> bool {
        self.restores.contains(&change.pointer) || self.manual.iter().any(|fix| fix.pointer == change.pointer)
    }

    /// Leaves a change to people.
    pub(super) fn leave(&mut self, change: &Change, reason: &str, instead: &str) {
        self.manual.push(ManualFix::new(&change.pointer, reason, instead));
    }

    /// Takes a change up into the modification.
    pub(super) fn take(&mut self, change: &Change, disruption: Disruption, loosens: bool) {
        self.restores.push(change.pointer.clone());
        self.told.push(told(change));
        self.feel(disruption, loosens);
    }

    /// What else comes with the modification.
    pub(super) fn tell(&mut self, what: String, disruption: Disruption, loosens: bool) {
        self.told.push(what);
        self.feel(disruption, loosens);
    }

    fn feel(&mut self, disruption: Disruption, loosens: bool) {
        self.disruption = self.disruption.max(disruption);
        self.loosens |= loosens;
    }

    /// The step of the modification, described as far as it was taken up.
    pub(super) fn described(&mut self, step: FixStep) -> FixStep {
        let summary = format!("modify {}: {}", self.id(), self.told.join(", "));
        let restores = std::mem::take(&mut self.restores);
        step.restoring(restores).saying(summary).disrupting(self.disruption).loosening(self.loosens)
    }

    /// The plan.
    pub(super) fn finish(self) -> FixPlan {
        FixPlan { steps: self.steps, manual: self.manual }.complete(self.open)
    }
}

/// The pending values of declared attributes, spelled as they are declared where that means the same.
fn as_declared(expected: &ResourceState, pending: &ResourceState) -> ResourceState {
    let mut pending = pending.restricted_to(&expected.names().map(str::to_owned).collect());
    Rds.align(expected, &mut pending);
    pending
}

/// `PubliclyAccessible false`, `VpcSecurityGroups without sg-0a1`.
fn told(change: &Change) -> String {
    let (name, keys) = (change.attribute(), change.keys());
    match (keys.get(1), &change.from) {
        (Some(key), Some(_)) => format!("{name} with {key}"),
        (Some(key), None) => format!("{name} without {key}"),
        (None, Some(Value::String(text))) => format!("{name} {text}"),
        (None, Some(value)) => format!("{name} {value}"),
        (None, None) => name,
    }
}

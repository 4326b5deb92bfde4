//! A plan in the making: what is asked for and known, what was planned so far.

use serde::Serialize;
use serde_json::Value;

use super::facts::Facts;
use crate::domain::diff::Change;
use crate::resource::fix::{FixPlan, FixRequest, FixStep, ManualFix};

pub(super) const SERVICE: &str = "ec2";
pub(super) const MODIFY: &str = "ModifyInstanceAttribute";

/// A plan in the making.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) request: FixRequest<'a>,
    pub(super) facts: &'a Facts,
    pub(super) steps: Vec<FixStep>,
    pub(super) manual: Vec<ManualFix>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(request: FixRequest<'a>, facts: &'a Facts) -> Self {
        Self { request, facts, steps: Vec::new(), manual: Vec::new() }
    }

    /// The instance's id.
    pub(super) fn id(&self) -> &'a str {
        &self.request.key.resource_id
    }

    /// The changes of one top-level attribute.
    pub(super) fn changes_of(&self, attribute: &str) -> Vec<&'a Change> {
        self.request.changes.iter().filter(|change| change.attribute() == attribute).collect()
    }

    /// The change of an attribute that is one value.
    pub(super) fn change_of(&self, attribute: &str) -> Option<&'a Change> {
        self.changes_of(attribute).into_iter().next()
    }

    /// The declared value at a JSON pointer.
    pub(super) fn expected(&self, pointer: &str) -> Option<&'a Value> {
        self.request.expected.pointer(pointer)
    }

    /// The live value at a JSON pointer.
    pub(super) fn actual(&self, pointer: &str) -> Option<&'a Value> {
        self.request.actual.pointer(pointer)
    }

    /// Leaves a change to people.
    pub(super) fn leave(&mut self, change: &Change, reason: &str, instead: &str) {
        self.manual.push(ManualFix::new(&change.pointer, reason, instead));
    }

    /// The plan.
    pub(super) fn finish(self) -> FixPlan {
        FixPlan { steps: self.steps, manual: self.manual }.complete(self.request.changes)
    }
}

/// A step of `operation` that needs the action of the same name, given as `actions`.
pub(super) fn step<P: Serialize>(
    operation: &'static str,
    actions: &'static [&'static str],
    parameters: &P,
    restores: &[&Change],
) -> FixStep {
    FixStep::new(SERVICE, operation, actions, parameters).restoring(restores.iter().map(|change| &change.pointer))
}

/// A step of `ModifyInstanceAttribute`.
pub(super) fn modify<P: Serialize>(parameters: &P, restores: &[&Change]) -> FixStep {
    step(MODIFY, &["ec2:ModifyInstanceAttribute"], parameters, restores)
}

/// Whether the declared value of a change is `true`.
pub(super) fn is_to_be_on(change: &Change) -> bool {
    change.from == Some(Value::Bool(true))
}

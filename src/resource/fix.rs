//! Putting a resource back: the plan that people see before they approve, and the calls that carry it out.
//!
//! A plan is made from the declared state and the live one, in one pass, and is nothing but data: exact calls with their
//! parameters as AWS names them. What is carried out is what the plan holds: a step is run from its parameters alone.
//! Steps stand in the order in which they are safe, and each may be repeated: a plan made anew from what is live now
//! holds only what is still to be done. Nothing here decides whether a plan may run.
//!
//! A type's planner makes steps with [`FixStep::new`] from a serde type that spells one operation's parameters as AWS
//! does, reads the same type back with [`FixStep::read_parameters`] when the step is called, and turns the SDK's outcome
//! into ours with [`FixStep::settle`].

pub(super) mod ec2_tags;
pub(super) mod tags;

use aws_sdk_ec2::operation::RequestId;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::aws::{Aws, ReadError, SdkError};
use crate::domain::diff::Change;
use crate::domain::id::ResourceKey;
use crate::domain::state::ResourceState;

/// What is to be put back.
#[derive(Debug, Clone, Copy)]
pub struct FixRequest<'a> {
    /// The resource.
    pub key: &'a ResourceKey,
    /// Its declared state, canonical.
    pub expected: &'a ResourceState,
    /// Its live state, restricted to the declared attributes, canonical and aligned.
    pub actual: &'a ResourceState,
    /// What differs between the two.
    pub changes: &'a [Change],
    /// Whether changes that AWS can put off to a maintenance window of its own (RDS) are to be made at once.
    pub apply_immediately: bool,
}

/// What it takes to put a resource back.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FixPlan {
    /// The calls, in the order in which they are safe.
    pub steps: Vec<FixStep>,
    /// What no call puts back.
    pub manual: Vec<ManualFix>,
}

/// An attribute that no call changes: its name, why, and what people can do instead.
pub(super) type Fixed = (&'static str, &'static str, &'static str);

impl FixPlan {
    /// A plan for a type that cannot put anything back.
    #[must_use]
    pub fn by_hand(changes: &[Change]) -> Self {
        let manual = |change: &Change| {
            let instead = "change it by hand, or declare what is live";
            ManualFix::new(&change.pointer, "driftsentry has no call for it", instead)
        };
        Self { steps: Vec::new(), manual: changes.iter().map(manual).collect() }
    }

    /// The plan if the resource as a whole is missing or unmanaged, which nothing puts back; `None` if it is there and
    /// declared.
    #[must_use]
    pub fn of_existence(changes: &[Change]) -> Option<Self> {
        let whole = changes.iter().find(|change| change.pointer.is_empty())?;
        let (reason, instead) = if whole.to.is_none() {
            ("it is gone, and what is gone is never made anew", "make it anew, or remove its declaration")
        } else {
            ("nothing declares it, and nothing is ever deleted", "declare it, or delete it by hand")
        };
        Some(Self { steps: Vec::new(), manual: vec![ManualFix::new("", reason, instead)] })
    }

    /// Tells people of the changes that no part of the planner took up, as of an attribute that it does not know.
    #[must_use]
    pub(super) fn complete<'c>(mut self, changes: impl IntoIterator<Item = &'c Change>) -> Self {
        let steps = self.steps.iter().flat_map(|step| &step.restores);
        let planned: BTreeSet<String> = steps.chain(self.manual.iter().map(|fix| &fix.pointer)).cloned().collect();
        for change in changes.into_iter().filter(|change| !planned.contains(&change.pointer)) {
            let instead = "change it by hand, or declare what is live";
            self.manual.push(ManualFix::new(&change.pointer, "no call brings the declared value about", instead));
        }
        self
    }

    /// The worst that the workload feels of it.
    #[must_use]
    pub fn disruption(&self) -> Disruption {
        self.steps.iter().map(|step| step.disruption).max().unwrap_or(Disruption::None)
    }

    /// Whether any step lets anybody do more than now.
    #[must_use]
    pub fn loosens(&self) -> bool {
        self.steps.iter().any(|step| step.loosens)
    }
}

/// One AWS call that changes something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FixStep {
    /// IAM service prefix: `ec2`.
    pub service: &'static str,
    /// API operation: `AuthorizeSecurityGroupIngress`.
    pub operation: &'static str,
    /// The call's parameters as AWS names them, complete: the call is made from these.
    pub parameters: Value,
    /// The changes that it puts back, as JSON pointers into the state; empty if it only prepares another step.
    pub restores: Vec<String>,
    /// What it does, for people: `authorize tcp 443 from 10.0.0.0/8`.
    pub summary: String,
    /// What the workload feels.
    pub disruption: Disruption,
    /// Whether it lets anybody do more than now: opens a rule, widens a policy, takes a protection away.
    pub loosens: bool,
    /// The IAM actions that it takes; mostly `service:operation`.
    pub actions: &'static [&'static str],
}

impl FixStep {
    /// A call of `service:operation` with these parameters, which needs the IAM actions `actions`, the operation's own
    /// first. It restores nothing yet, disrupts nothing and lets nobody do more.
    ///
    /// # Panics
    /// Never: parameters are plain JSON.
    #[must_use]
    pub fn new<P: Serialize>(
        service: &'static str,
        operation: &'static str,
        actions: &'static [&'static str],
        parameters: &P,
    ) -> Self {
        Self {
            service,
            operation,
            parameters: serde_json::to_value(parameters).expect("parameters are plain JSON"),
            restores: Vec::new(),
            summary: String::new(),
            disruption: Disruption::None,
            loosens: false,
            actions,
        }
    }

    /// The same step, putting back the changes at these JSON pointers.
    #[must_use]
    pub fn restoring(mut self, pointers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.restores.extend(pointers.into_iter().map(Into::into));
        self
    }

    /// The same step, described to people.
    #[must_use]
    pub fn saying(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// The same step, felt by the workload.
    #[must_use]
    pub fn disrupting(mut self, disruption: Disruption) -> Self {
        self.disruption = disruption;
        self
    }

    /// The same step, letting somebody do more than now if `loosens`.
    #[must_use]
    pub fn loosening(mut self, loosens: bool) -> Self {
        self.loosens = loosens;
        self
    }

    /// The parameters as the type that they were made from.
    ///
    /// # Errors
    /// If they do not fit: another version of the program made the step.
    pub fn read_parameters<P: DeserializeOwned>(&self) -> Result<P, FixError> {
        P::deserialize(&self.parameters).map_err(|error| self.unfit(error))
    }

    /// What became of the step's call, which AWS answered with `outcome`. AWS's codes in `already` say that there was
    /// nothing to do, as when a call is repeated.
    ///
    /// # Errors
    /// If AWS refused or failed for any other reason. Where it denied the call, the error names the IAM action.
    pub fn settle<O, E>(
        &self,
        aws: &Aws,
        outcome: Result<O, SdkError<E>>,
        already: &[&str],
    ) -> Result<Receipt, FixError>
    where
        O: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match outcome {
            Ok(output) => Ok(Receipt::of(&output)),
            Err(error) if error.code().is_some_and(|code| already.contains(&code)) => {
                Ok(Receipt { nothing_to_do: true, ..Receipt::of(&error) })
            }
            Err(error) => {
                let action = self.actions.first().copied().unwrap_or_default();
                Err(aws.fix_error(action, self.service, self.operation, &error).into())
            }
        }
    }

    /// The error for a step that is not this type's, or whose parameters do not make a call.
    #[must_use]
    pub fn unfit(&self, reason: impl std::fmt::Display) -> FixError {
        FixError::Unfit { operation: self.operation.to_owned(), reason: reason.to_string() }
    }

    /// The error for a step whose operation the type never plans.
    #[must_use]
    pub fn foreign(&self) -> FixError {
        self.unfit("this type has no such call")
    }
}

/// What a workload feels of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disruption {
    /// Nothing.
    None,
    /// Slower for a while (storage being optimised).
    Degraded,
    /// A restart or failover: seconds to minutes.
    Restart,
    /// Stopped and started: minutes, and what lives on the host alone is lost.
    StopStart,
}

/// A change that no call puts back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManualFix {
    /// The change, as a JSON pointer.
    pub pointer: String,
    /// Why no call does: `fixed at creation`.
    pub reason: String,
    /// What a person can do instead.
    pub instead: String,
}

impl ManualFix {
    /// A change at `pointer` that no call puts back.
    #[must_use]
    pub fn new(pointer: impl Into<String>, reason: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), reason: reason.into(), instead: instead.into() }
    }
}

/// A call that was made for a resource, or may have been: its answer may be unknown.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// API operation: `StopInstances`.
    pub operation: &'a str,
    /// The changes that its step was to put back, as in [`FixStep::restores`].
    pub restores: &'a [String],
}

/// What AWS answered to a call that it carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// AWS's id of the request, to be told to AWS support and found in `CloudTrail`; `None` if the answer had none.
    pub request_id: Option<String>,
    /// Whether AWS answered that it was so already: an earlier attempt, or somebody else, had done it.
    pub nothing_to_do: bool,
}

impl Receipt {
    /// The receipt for an answer of the SDK.
    #[must_use]
    pub fn of(answer: &impl RequestId) -> Self {
        Self { request_id: answer.request_id().map(str::to_owned), nothing_to_do: false }
    }
}

/// Why a plan could not be made or a call not be carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FixError {
    /// AWS refused or failed; the class tells whether it may be tried again.
    #[error(transparent)]
    Aws(#[from] ReadError),
    /// A change that AWS is still working on stands in the way: try again later.
    #[error("{resource} is {state}: it must come to rest before {operation}")]
    Busy {
        /// The resource.
        resource: String,
        /// Its state in AWS's words (`modifying`).
        state: String,
        /// What was to be called.
        operation: &'static str,
    },
    /// The step is none of this type's, or its parameters do not fit: it was made by another version.
    #[error("{operation} cannot be called as planned: {reason}")]
    Unfit {
        /// What was to be called.
        operation: String,
        /// What is wrong.
        reason: String,
    },
}

impl FixError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_transient(),
            Self::Busy { .. } => true,
            Self::Unfit { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Delete {
        role_name: String,
    }

    #[test]
    fn a_step_is_called_from_what_its_plan_shows() {
        let step = FixStep::new("iam", "DeleteRole", &["iam:DeleteRole"], &Delete { role_name: "web".into() });
        assert_eq!(step.parameters, json!({"RoleName": "web"}));
        assert_eq!(step.read_parameters::<Delete>().map(|read| read.role_name).unwrap(), "web");
        for other in [json!({}), json!({"RoleName": "web", "Force": true}), json!(null)] {
            let step = FixStep { parameters: other, ..step.clone() };
            let error = step.read_parameters::<Delete>().map(drop).unwrap_err();
            assert!(matches!(error, FixError::Unfit { .. }) && !error.is_transient(), "{error}");
        }
    }

    #[test]
    fn what_exists_or_not_is_left_to_people() {
        let change = |from: Option<Value>, to: Option<Value>| Change { pointer: String::new(), from, to };
        let gone = FixPlan::of_existence(&[change(Some(json!({})), None)]).unwrap();
        let unmanaged = FixPlan::of_existence(&[change(None, Some(json!({})))]).unwrap();
        assert!(gone.manual[0].reason.contains("gone") && gone.steps.is_empty());
        assert!(unmanaged.manual[0].reason.contains("nothing declares it") && unmanaged.steps.is_empty());
        let tag = Change { pointer: "/Tags/Env".into(), from: None, to: None };
        assert_eq!(FixPlan::of_existence(&[tag]), None);
    }
}

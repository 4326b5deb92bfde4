//! Putting a resource back: the plan that people see before they approve, and the calls that carry it out.
//!
//! A plan is made from the declared state and the live one, in one pass, and is nothing but data: exact calls with their
//! parameters as AWS names them. What is carried out is what the plan holds: a step is run from its parameters alone.
//! Steps stand in the order in which they are safe, and each may be repeated: a plan made anew from what is live now
//! holds only what is still to be done. Nothing here decides whether a plan may run.

use serde::Serialize;
use serde_json::Value;

use super::aws::ReadError;
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

impl FixPlan {
    /// A plan for a type that cannot put anything back.
    #[must_use]
    pub fn by_hand(changes: &[Change]) -> Self {
        let manual = |change: &Change| ManualFix {
            pointer: change.pointer.clone(),
            reason: "driftsentry has no call for it".to_owned(),
            instead: "change it by hand, or declare what is live".to_owned(),
        };
        Self { steps: Vec::new(), manual: changes.iter().map(manual).collect() }
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

/// What AWS answered to a call that it carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// AWS's id of the request, to be told to AWS support and found in `CloudTrail`; `None` if the answer had none.
    pub request_id: Option<String>,
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

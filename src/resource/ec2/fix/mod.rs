//! Putting an instance back: what can be changed while it runs, then what needs it stopped, then what people must do.
//!
//! Whatever needs the instance stopped shares one stop and one start. An instance that was stopped before is neither
//! stopped nor started. Where a stop would do harm (an Auto Scaling group would replace the instance, stop protection
//! forbids it), what needs one is left to people; nothing is ever terminated, attached or detached.
//!
//! The order is safe at every prefix: stop protection goes off before the stop and on after the start; CPU options and
//! credits come after the instance type, which decides what they may be.
//!
//! # An instance that this program stopped
//!
//! A plan made anew after a crash sees a stopped instance, as if its owner had stopped it. Where `State` is declared,
//! the declaration says that it is to run. Where it is not, only whoever carries plans out can know: calls that were
//! made are written down, and [`owed`] tells from them that a start is still owed, and owed too if a call after the
//! stop failed for good.

mod access;
mod call;
mod draft;
mod facts;
mod manual;
mod metadata;
mod options;
mod parameters;
mod power;
#[cfg(test)]
mod tests;
mod volume;

use crate::domain::id::ResourceKey;
use crate::resource::Aws;
use crate::resource::fix::{Called, FixError, FixPlan, FixRequest, FixStep, ec2_tags};
pub(super) use call::call;
use draft::Draft;
use facts::Facts;

/// The IAM actions that steps and planning take beyond those of a scan.
///
/// An instance whose volumes are encrypted with a customer's own key also takes `kms:CreateGrant` on that key to start,
/// which belongs in the key's policy and is left out.
pub(super) const ACTIONS: &[&str] = &[
    "ec2:AssociateIamInstanceProfile",
    "ec2:CreateTags",
    "ec2:DeleteTags",
    "ec2:DescribeIamInstanceProfileAssociations",
    "ec2:DisassociateIamInstanceProfile",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyInstanceCpuOptions",
    "ec2:ModifyInstanceCreditSpecification",
    "ec2:ModifyInstanceMaintenanceOptions",
    "ec2:ModifyInstanceMetadataOptions",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:ModifyPrivateDnsNameOptions",
    "ec2:ModifyVolume",
    "ec2:MonitorInstances",
    "ec2:ReplaceIamInstanceProfileAssociation",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ec2:UnmonitorInstances",
    "iam:PassRole",
];

/// The plan, with what the states do not hold read from AWS.
pub(super) async fn plan_fix(aws: &Aws, request: FixRequest<'_>) -> Result<FixPlan, FixError> {
    if let Some(plan) = FixPlan::of_existence(request.changes) {
        return Ok(plan);
    }
    let facts = Facts::read(aws, request).await?;
    Ok(plan(request, &facts))
}

/// The pure core.
fn plan(request: FixRequest<'_>, facts: &Facts) -> FixPlan {
    let mut draft = Draft::new(request, facts);
    access::plan(&mut draft);
    metadata::plan(&mut draft);
    options::plan(&mut draft);
    volume::plan(&mut draft);
    power::plan(&mut draft);
    draft.steps.extend(ec2_tags::steps(&request.key.resource_id, request.changes));
    manual::plan(&mut draft);
    draft.finish()
}

/// The start that is owed after these calls: the instance was stopped only for the sake of other steps, and not started
/// since. A stop that put `State` back owes none.
pub(super) fn owed(key: &ResourceKey, called: &[Called<'_>]) -> Vec<FixStep> {
    let is_stop_in_between = |call: &Called<'_>| call.operation == power::STOP && call.restores.is_empty();
    let Some(stopped) = called.iter().rposition(is_stop_in_between) else { return Vec::new() };
    if called[stopped..].iter().any(|call| call.operation == power::START) {
        return Vec::new();
    }
    vec![power::start(&key.resource_id).saying(format!("start {} again", key.resource_id))]
}

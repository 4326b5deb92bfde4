//! Who reaches the instance and what it may do: security groups, source and destination check, instance profile.

use serde_json::Value;

use super::draft::{Draft, is_to_be_on, modify, step};
use super::parameters::{Associate, Disassociate, ModifyInstance, ModifyInterface, Profile, Replace, Valued};
use crate::domain::diff::Change;
use crate::resource::fix::FixStep;

pub(super) const INTERFACE: &str = "ModifyNetworkInterfaceAttribute";
pub(super) const ASSOCIATE: &str = "AssociateIamInstanceProfile";
pub(super) const REPLACE: &str = "ReplaceIamInstanceProfileAssociation";
pub(super) const DISASSOCIATE: &str = "DisassociateIamInstanceProfile";

pub(super) fn plan(draft: &mut Draft<'_>) {
    let steps = [groups(draft), forwarding(draft), profile(draft)];
    draft.steps.extend(steps.into_iter().flatten());
}

/// One call with all declared groups. It loosens if a group comes: a group only ever allows, so one less never does.
fn groups(draft: &mut Draft<'_>) -> Option<FixStep> {
    let changes = draft.changes_of("SecurityGroups");
    let ids: Vec<String> = draft.expected("/SecurityGroups")?.as_object()?.keys().cloned().collect();
    if ids.is_empty() {
        for change in changes {
            draft.leave(change, "an instance has at least one security group", "declare the groups that it is to have");
        }
        return None;
    }
    changes.first()?;
    let is_more = changes.iter().any(|change| change.from.is_some());
    let summary = format!("put it into the security groups {}", ids.join(", "));
    let step = match primary_of_many(draft) {
        Some(interface) => {
            let network_interface_id = interface.to_owned();
            let parameters = ModifyInterface { network_interface_id, groups: Some(ids), ..ModifyInterface::default() };
            modify_interface(&parameters, &changes)
        }
        None => modify(&ModifyInstance { groups: Some(ids), ..ModifyInstance::of(draft.id()) }, &changes),
    };
    Some(step.saying(summary).loosening(is_more))
}

/// Without the check the instance may pass on traffic that is not its own, which loosens.
fn forwarding(draft: &Draft<'_>) -> Option<FixStep> {
    let change = draft.change_of("SourceDestCheck")?;
    let is_on = is_to_be_on(change);
    let step = match primary_of_many(draft) {
        Some(interface) => {
            let (network_interface_id, source_dest_check) = (interface.to_owned(), Some(Valued::new(is_on)));
            let parameters = ModifyInterface { network_interface_id, source_dest_check, ..ModifyInterface::default() };
            modify_interface(&parameters, &[change])
        }
        None => {
            let source_dest_check = Some(Valued::new(is_on));
            modify(&ModifyInstance { source_dest_check, ..ModifyInstance::of(draft.id()) }, &[change])
        }
    };
    let summary = if is_on { "drop traffic that is not its own" } else { "let it pass on traffic that is not its own" };
    Some(step.saying(summary).loosening(!is_on))
}

/// The primary interface of an instance with several, of which AWS takes such changes by interface alone.
fn primary_of_many<'a>(draft: &Draft<'a>) -> Option<&'a str> {
    match draft.facts.interfaces.as_slice() {
        [primary, _, ..] => Some(primary),
        _ => None,
    }
}

fn modify_interface(parameters: &ModifyInterface, changes: &[&Change]) -> FixStep {
    step(INTERFACE, &["ec2:ModifyNetworkInterfaceAttribute"], parameters, changes)
}

/// To give a profile loosens, another one too: what it allows, the instance does not tell.
fn profile(draft: &Draft<'_>) -> Option<FixStep> {
    let change = draft.change_of("IamInstanceProfile")?;
    let association_id = draft.facts.association.clone();
    let name = change.from.as_ref().and_then(Value::as_str).map(str::to_owned);
    let step = match (name, association_id) {
        (Some(name), Some(association_id)) => {
            let summary = format!("replace its instance profile by {name}");
            let parameters = Replace { association_id, iam_instance_profile: Profile { name } };
            let actions = &["ec2:ReplaceIamInstanceProfileAssociation", "iam:PassRole"];
            step(REPLACE, actions, &parameters, &[change]).saying(summary).loosening(true)
        }
        (Some(name), None) => {
            let summary = format!("give it the instance profile {name}");
            let parameters = Associate { instance_id: draft.id().to_owned(), iam_instance_profile: Profile { name } };
            let actions = &["ec2:AssociateIamInstanceProfile", "iam:PassRole"];
            step(ASSOCIATE, actions, &parameters, &[change]).saying(summary).loosening(true)
        }
        (None, Some(association_id)) => {
            let parameters = Disassociate { association_id };
            step(DISASSOCIATE, &["ec2:DisassociateIamInstanceProfile"], &parameters, &[change])
                .saying("take its instance profile away")
        }
        (None, None) => return None,
    };
    Some(step)
}

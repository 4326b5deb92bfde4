//! What a running instance takes and gives nobody access: monitoring, recovery, names, credits, termination protection,
//! shutdown behaviour.

use serde_json::Value;

use super::draft::{Draft, is_to_be_on, modify, step};
use super::parameters::{Credit, Credits, Instances, Maintenance, ModifyInstance, PrivateNames, Valued};
use super::power::on_or_off;
use crate::domain::diff::Change;
use crate::resource::ec2::attributes::{API_TERMINATION, CREDIT_SPECIFICATION, SHUTDOWN_BEHAVIOR};
use crate::resource::fix::{Disruption, FixStep};

pub(super) const NAMES: &str = "ModifyPrivateDnsNameOptions";
pub(super) const SHUTDOWN: &str = "instanceInitiatedShutdownBehavior";

pub(super) fn plan(draft: &mut Draft<'_>) {
    let steps = [termination(draft), shutdown(draft), monitoring(draft), recovery(draft), names(draft)];
    draft.steps.extend(steps.into_iter().flatten());
}

/// Taking the protection away loosens: whoever may terminate instances then may terminate this one.
fn termination(draft: &Draft<'_>) -> Option<FixStep> {
    let change = draft.change_of(API_TERMINATION)?;
    let is_on = is_to_be_on(change);
    let parameters =
        ModifyInstance { disable_api_termination: Some(Valued::new(is_on)), ..ModifyInstance::of(draft.id()) };
    let summary = if is_on { "protect from being terminated" } else { "no longer protect from being terminated" };
    Some(modify(&parameters, &[change]).saying(summary).loosening(!is_on))
}

/// `terminate` loosens: whoever may shut the system down then may do away with the instance.
fn shutdown(draft: &Draft<'_>) -> Option<FixStep> {
    let change = draft.change_of(SHUTDOWN_BEHAVIOR)?;
    let behavior = change.from_str()?;
    let parameters = ModifyInstance {
        attribute: Some(SHUTDOWN.to_owned()),
        value: Some(behavior.to_owned()),
        ..ModifyInstance::of(draft.id())
    };
    let summary = format!("let a shutdown from within {behavior} it");
    Some(modify(&parameters, &[change]).saying(summary).loosening(behavior == "terminate"))
}

fn monitoring(draft: &Draft<'_>) -> Option<FixStep> {
    let change = draft.change_of("Monitoring")?;
    let is_on = is_to_be_on(change);
    let parameters = Instances::only(draft.id());
    let step = if is_on {
        step("MonitorInstances", &["ec2:MonitorInstances"], &parameters, &[change])
    } else {
        step("UnmonitorInstances", &["ec2:UnmonitorInstances"], &parameters, &[change])
    };
    Some(step.saying(format!("turn detailed monitoring {}", on_or_off(is_on))))
}

fn recovery(draft: &Draft<'_>) -> Option<FixStep> {
    let change = draft.change_of("MaintenanceOptions")?;
    let auto_recovery = draft.expected("/MaintenanceOptions/AutoRecovery")?.as_str()?.to_owned();
    let summary = format!("set automatic recovery to {auto_recovery}");
    let parameters = Maintenance { instance_id: draft.id().to_owned(), auto_recovery };
    let operation = "ModifyInstanceMaintenanceOptions";
    Some(step(operation, &["ec2:ModifyInstanceMaintenanceOptions"], &parameters, &[change]).saying(summary))
}

/// The records alone; the form of the host name needs a stop.
fn names(draft: &Draft<'_>) -> Option<FixStep> {
    let is_record = |change: &&Change| change.pointer.ends_with("Record");
    let changes: Vec<&Change> = draft.changes_of("PrivateDnsNameOptions").into_iter().filter(is_record).collect();
    let declared = |name: &str| {
        let change = changes.iter().find(|change| change.key() == name)?;
        change.from.as_ref().and_then(Value::as_bool)
    };
    let (a_record, aaaa_record) =
        (declared("EnableResourceNameDnsARecord"), declared("EnableResourceNameDnsAAAARecord"));
    a_record.or(aaaa_record)?;
    let instance_id = draft.id().to_owned();
    let parameters = PrivateNames { instance_id, a_record, aaaa_record, ..PrivateNames::default() };
    let step = step(NAMES, &["ec2:ModifyPrivateDnsNameOptions"], &parameters, &changes);
    Some(step.saying("set which DNS records its resource name has"))
}

/// The credit option of a burstable type. Comes after the type: of a type that does not burst, it cannot be set.
pub(super) fn credits_step(draft: &Draft<'_>, may_change_type: bool) -> Option<FixStep> {
    let changes = draft.changes_of(CREDIT_SPECIFICATION);
    let change = changes.first()?;
    let cpu_credits = draft.expected("/CreditSpecification/CpuCredits")?.as_str()?.to_owned();
    let is_burstable_now = draft.actual("/CreditSpecification").is_some_and(Value::is_object);
    let becomes_burstable = draft.change_of("InstanceType").is_some() && may_change_type;
    if !is_burstable_now && !becomes_burstable {
        return None;
    }
    let summary = format!("make its CPU credits {cpu_credits}");
    let credit = Credit { instance_id: draft.id().to_owned(), cpu_credits };
    let parameters = Credits { instance_credit_specifications: vec![credit] };
    let operation = "ModifyInstanceCreditSpecification";
    let step = step(operation, &["ec2:ModifyInstanceCreditSpecification"], &parameters, &[change]);
    Some(step.saying(summary).disrupting(Disruption::None))
}

/// Changes that come right with the type: what the declared type does not have at all.
pub(super) fn following_type(draft: &Draft<'_>) -> Vec<String> {
    let names = [CREDIT_SPECIFICATION, "CpuOptions"];
    let changes = names.iter().flat_map(|name| draft.changes_of(name));
    let is_none = |change: &&Change| change.from == Some(Value::Null);
    changes.filter(is_none).map(|change| change.pointer.clone()).collect()
}

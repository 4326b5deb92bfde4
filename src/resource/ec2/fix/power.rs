//! What needs the instance stopped, and whether it may be.

use serde_json::Value;

use super::draft::{Draft, is_to_be_on, modify, step};
use super::facts::Facts;
use super::options::{self, credits_step};
use super::parameters::{Cpu, Enclave, Instances, ModifyInstance, PrivateNames, Valued};
use crate::domain::diff::Change;
use crate::resource::ec2::attributes::API_STOP;
use crate::resource::fix::{Disruption, FixStep};

pub(super) const STOP: &str = "StopInstances";
pub(super) const START: &str = "StartInstances";

const HOSTNAME_TYPE: &str = "/PrivateDnsNameOptions/HostnameType";
const CPU_COUNTS: [&str; 3] = ["/CpuOptions", "/CpuOptions/CoreCount", "/CpuOptions/ThreadsPerCore"];

/// Whether a change is of what only a stopped instance takes.
fn needs_stop(change: &Change) -> bool {
    change.pointer == HOSTNAME_TYPE
        || CPU_COUNTS.contains(&change.pointer.as_str())
        || ["InstanceType", "EbsOptimized", "EnclaveOptions"].contains(&change.attribute().as_str())
}

/// Whether any change may take a stop.
pub(super) fn may_need_stop(changes: &[Change]) -> bool {
    changes.iter().any(|change| needs_stop(change) || (change.pointer == "/State" && is_text(change, "stopped")))
}

fn is_text(change: &Change, text: &str) -> bool {
    change.from_str() == Some(text)
}

/// Why an instance cannot or must not be stopped, and what to do instead.
fn obstacle(facts: &Facts, is_unprotected_first: bool) -> Option<(String, &'static str)> {
    if let Some(group) = &facts.scaling_group {
        let reason = format!("it needs a stop, and the Auto Scaling group {group} replaces an instance that stops");
        return Some((
            reason,
            "change the group's launch template and refresh its instances, or take the instance out",
        ));
    }
    if facts.has_store_root {
        let reason = "it needs a stop, and an instance whose root device is an instance store cannot stop".to_owned();
        return Some((reason, "launch another instance in its place"));
    }
    if facts.is_spot {
        let reason = "it needs a stop, and a spot instance keeps what it was requested with".to_owned();
        return Some((reason, "request another spot instance in its place"));
    }
    if facts.is_stop_protected && !is_unprotected_first {
        let reason = "it needs a stop, and the instance is protected from being stopped".to_owned();
        return Some((reason, "take the stop protection off for as long as the change takes"));
    }
    None
}

/// Plans stop, what needs it, and start. Stop protection goes off before and on after.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let protection = draft.change_of(API_STOP);
    let is_unprotected_first = protection.is_some_and(|change| !is_to_be_on(change));
    let obstacle = obstacle(draft.facts, is_unprotected_first);
    let declared = draft.expected("/State").and_then(Value::as_str);
    let is_running = match draft.actual("/State").and_then(Value::as_str) {
        Some(power) => power == "running",
        None => draft.facts.is_running,
    };
    let is_to_run = declared.map_or(is_running, |power| power == "running");
    if is_unprotected_first {
        draft.steps.extend(protection.map(|change| protect(draft.id(), change)));
    }
    let is_kept = is_running && obstacle.is_some();
    if let (true, Some((reason, instead))) = (is_kept, &obstacle) {
        let kept = |change: &&Change| needs_stop(change) || (change.pointer == "/State" && !is_to_run);
        for change in draft.request.changes.iter().filter(kept) {
            draft.leave(change, reason, instead);
        }
    }
    let modifications = if is_kept { Vec::new() } else { while_stopped(draft) };
    let state = draft.change_of("State").filter(|_| !(is_kept && !is_to_run));
    let is_stopped_for_them = is_running && is_to_run && !modifications.is_empty();
    if is_stopped_for_them || state.is_some_and(|change| is_text(change, "stopped")) {
        let restores = state.filter(|_| !is_to_run);
        draft.steps.push(stop(draft).restoring(restores.map(|change| &change.pointer)));
    }
    draft.steps.extend(modifications);
    draft.steps.extend(credits_step(draft, is_kept));
    if is_stopped_for_them || state.is_some_and(|change| is_text(change, "running")) {
        let restores = state.filter(|_| is_to_run);
        let id = draft.id();
        let again = if is_stopped_for_them { " again" } else { "" };
        let start = start(id).saying(format!("start {id}{again}"));
        draft.steps.push(start.restoring(restores.map(|change| &change.pointer)));
    }
    if !is_unprotected_first {
        draft.steps.extend(protection.map(|change| protect(draft.id(), change)));
    }
}

fn protect(id: &str, change: &Change) -> FixStep {
    let is_on = is_to_be_on(change);
    let parameters = ModifyInstance { disable_api_stop: Valued::some(is_on), ..ModifyInstance::of(id) };
    let summary = if is_on { "protect from being stopped" } else { "no longer protect from being stopped" };
    modify(&parameters, &[change]).saying(summary).loosening(!is_on)
}

fn stop(draft: &Draft<'_>) -> FixStep {
    let id = draft.id();
    let address = if draft.facts.has_passing_address { "; its public address will be another one after" } else { "" };
    step(STOP, &["ec2:StopInstances"], &Instances::only(id), &[])
        .saying(format!("stop {id}{address}"))
        .disrupting(Disruption::StopStart)
}

/// A start, not yet described. It is no disruption of its own: what is stopped serves nobody.
pub(super) fn start(id: &str) -> FixStep {
    step(START, &["ec2:StartInstances"], &Instances::only(id), &[])
}

/// The modifications that a stopped instance takes, the type first.
fn while_stopped(draft: &mut Draft<'_>) -> Vec<FixStep> {
    let id = draft.id();
    let mut steps = Vec::new();
    if let Some(change) = draft.change_of("InstanceType") {
        let kind = change.from_str().unwrap_or_default();
        let parameters = ModifyInstance { instance_type: Valued::some(kind.to_owned()), ..ModifyInstance::of(id) };
        let step = modify(&parameters, &[change]).restoring(options::following_type(draft));
        steps.push(step.saying(format!("make it a {kind}")));
    }
    if let Some(change) = draft.change_of("EbsOptimized") {
        let is_on = is_to_be_on(change);
        let parameters = ModifyInstance { ebs_optimized: Valued::some(is_on), ..ModifyInstance::of(id) };
        steps.push(modify(&parameters, &[change]).saying(format!("turn EBS optimization {}", on_or_off(is_on))));
    }
    steps.extend(cpu_step(draft));
    if let Some(change) = draft.change_of("EnclaveOptions") {
        let enabled = is_to_be_on(change);
        let parameters = ModifyInstance { enclave_options: Some(Enclave { enabled }), ..ModifyInstance::of(id) };
        steps.push(modify(&parameters, &[change]).saying(format!("turn Nitro enclaves {}", on_or_off(enabled))));
    }
    let hostname = draft.changes_of("PrivateDnsNameOptions").into_iter().find(|it| it.pointer == HOSTNAME_TYPE);
    if let Some((change, kind)) = hostname.and_then(|change| Some((change, change.from_str()?))) {
        let parameters = PrivateNames {
            instance_id: id.to_owned(),
            private_dns_hostname_type: Some(kind.to_owned()),
            ..PrivateNames::default()
        };
        let step = step(options::NAMES, &["ec2:ModifyPrivateDnsNameOptions"], &parameters, &[change]);
        steps.push(step.saying(format!("give it a host name of the form {kind}")));
    }
    steps
}

/// Both figures are sent; the one that is not declared stays as it is.
fn cpu_step(draft: &Draft<'_>) -> Option<FixStep> {
    let changes: Vec<&Change> = draft.changes_of("CpuOptions");
    let changes: Vec<&Change> = changes.into_iter().filter(|it| CPU_COUNTS.contains(&it.pointer.as_str())).collect();
    let figure = |name: &str, live: Option<i32>| {
        let declared = draft.expected(&format!("/CpuOptions/{name}")).and_then(Value::as_i64);
        declared.and_then(|figure| i32::try_from(figure).ok()).or(live)
    };
    let cpu = draft.facts.cpu;
    let core_count = figure("CoreCount", cpu.map(|(cores, _)| cores))?;
    let threads_per_core = figure("ThreadsPerCore", cpu.map(|(_, threads)| threads))?;
    if changes.is_empty() || draft.expected("/CpuOptions").is_none_or(Value::is_null) {
        return None;
    }
    let parameters = Cpu { instance_id: draft.id().to_owned(), core_count, threads_per_core };
    let step = step("ModifyInstanceCpuOptions", &["ec2:ModifyInstanceCpuOptions"], &parameters, &changes);
    Some(step.saying(format!("run {core_count} cores with {threads_per_core} threads each")))
}

pub(super) fn on_or_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

//! What needs the instance stopped, and whether it may be.

use serde_json::Value;

use super::draft::{Draft, is_to_be_on, modify, step};
use super::facts::{Facts, Unstoppable};
use super::options::{self, credits_step};
use super::parameters::{Cpu, Enclave, Instances, ModifyInstance, PrivateNames, Valued};
use crate::domain::diff::Change;
use crate::resource::ec2::attributes::API_STOP;
use crate::resource::fix::{Disruption, FixStep};

pub(super) const STOP: &str = "StopInstances";
pub(super) const START: &str = "StartInstances";

const STATE: &str = "/State";
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
    changes.iter().any(|change| needs_stop(change) || (change.pointer == STATE && change.from_str() == Some("stopped")))
}

/// Whether the instance runs, and whether it is to.
#[derive(Debug, Clone, Copy)]
struct Power {
    is_running: bool,
    is_to_run: bool,
}

impl Power {
    /// The states tell it where they hold it; where `State` is not declared, it stays as it is.
    fn of(draft: &Draft<'_>) -> Self {
        let runs = |state: Option<&Value>| state.and_then(Value::as_str).map(|power| power == "running");
        let is_running = runs(draft.actual(STATE)).unwrap_or(draft.facts.is_running);
        Self { is_running, is_to_run: runs(draft.expected(STATE)).unwrap_or(is_running) }
    }
}

/// Why the instance must not be stopped, and what to do instead.
fn obstacle(facts: &Facts, is_unprotected_first: bool) -> Option<(String, &'static str)> {
    let (why, instead) = match &facts.unstoppable {
        Some(Unstoppable::Scaled(group)) => (
            format!("the Auto Scaling group {group} replaces an instance that stops"),
            "change the group's launch template and refresh its instances, or take the instance out",
        ),
        Some(Unstoppable::StoreRoot) => {
            let why = "an instance whose root device is an instance store cannot stop";
            (why.to_owned(), "launch another instance in its place")
        }
        Some(Unstoppable::Spot) => {
            let why = "a spot instance keeps what it was requested with";
            (why.to_owned(), "request another spot instance in its place")
        }
        None if facts.is_stop_protected && !is_unprotected_first => {
            let why = "the instance is protected from being stopped";
            (why.to_owned(), "take the stop protection off for as long as the change takes")
        }
        None => return None,
    };
    Some((format!("it needs a stop, and {why}"), instead))
}

/// Plans stop, what needs it, and start. Stop protection goes off before and on after.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let protection = draft.change_of(API_STOP);
    let is_unprotected_first = protection.is_some_and(|change| !is_to_be_on(change));
    let protect = protection.map(|change| protect(draft.id(), change));
    let obstacle = obstacle(draft.facts, is_unprotected_first);
    let power = Power::of(draft);
    let (before, after) = if is_unprotected_first { (protect, None) } else { (None, protect) };
    draft.steps.extend(before);
    match obstacle {
        Some((reason, instead)) if power.is_running => keep_running(draft, &reason, instead),
        _ => plan_in_order(draft, power),
    }
    draft.steps.extend(after);
}

/// Leaves to people what needs a stop.
fn keep_running(draft: &mut Draft<'_>, reason: &str, instead: &str) {
    let is_kept = |change: &&Change| needs_stop(change) || change.pointer == STATE;
    for change in draft.request.changes.iter().filter(is_kept) {
        draft.leave(change, reason, instead);
    }
    draft.steps.extend(credits_step(draft, false));
}

/// What waits for the stop counts as disruptive as the stop, so that nobody allows the one without the other.
fn plan_in_order(draft: &mut Draft<'_>, power: Power) {
    let modifications = while_stopped(draft);
    let is_stopped_for_them = power.is_running && power.is_to_run && !modifications.is_empty();
    let state = draft.change_of("State");
    let (to_stop, to_start) = (state.filter(|_| !power.is_to_run), state.filter(|_| power.is_to_run));
    let disruption = if power.is_running { Disruption::StopStart } else { Disruption::None };
    if is_stopped_for_them || to_stop.is_some() {
        draft.steps.push(stop(draft).restoring(to_stop.map(|change| &change.pointer)));
    }
    draft.steps.extend(modifications.into_iter().map(|step| step.disrupting(disruption)));
    draft.steps.extend(credits_step(draft, true));
    if is_stopped_for_them || to_start.is_some() {
        let id = draft.id();
        let again = if is_stopped_for_them { " again" } else { "" };
        let start = start(id).saying(format!("start {id}{again}"));
        draft.steps.push(start.restoring(to_start.map(|change| &change.pointer)));
    }
}

fn protect(id: &str, change: &Change) -> FixStep {
    let is_on = is_to_be_on(change);
    let parameters = ModifyInstance { disable_api_stop: Some(Valued::new(is_on)), ..ModifyInstance::of(id) };
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
        let parameters = ModifyInstance { instance_type: Some(Valued::new(kind.to_owned())), ..ModifyInstance::of(id) };
        let step = modify(&parameters, &[change]).restoring(options::following_type(draft));
        steps.push(step.saying(format!("make it a {kind}")));
    }
    if let Some(change) = draft.change_of("EbsOptimized") {
        let is_on = is_to_be_on(change);
        let parameters = ModifyInstance { ebs_optimized: Some(Valued::new(is_on)), ..ModifyInstance::of(id) };
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

//! The one `ModifyDBInstance`.

use serde_json::Value;

use super::draft::Draft;
use super::parameters::{Feature, Logs};
use super::rules::rule;
use super::{insights, manual, storage};
use crate::domain::diff::Change;
use crate::resource::fix::{Disruption, FixStep};
use crate::resource::rds::version;

pub(super) const OPERATION: &str = "ModifyDBInstance";

pub(super) fn plan(draft: &mut Draft<'_>) {
    manual::leave_to_cluster(draft);
    for change in draft.open().into_iter().filter(|change| change.keys().len() == 1) {
        take_by_rule(draft, change);
    }
    engine_version(draft);
    storage::plan(draft);
    insights::plan(draft);
    logs(draft);
    processor(draft);
    groups(draft);
    if draft.restores.is_empty() {
        return;
    }
    if draft.request.apply_immediately {
        tell_of_pending(draft);
    }
    let mut parameters = std::mem::take(&mut draft.modify);
    draft.id().clone_into(&mut parameters.id);
    parameters.apply_immediately = Some(draft.request.apply_immediately);
    let actions: &[&str] = match parameters.monitoring_role_arn {
        Some(_) => &["rds:ModifyDBInstance", "iam:PassRole"],
        None => &["rds:ModifyDBInstance"],
    };
    let step = draft.described(FixStep::new("rds", OPERATION, actions, &parameters));
    draft.steps.push(step);
}

fn take_by_rule(draft: &mut Draft<'_>, change: &Change) {
    if draft.is_taken(change) {
        return;
    }
    let Some(rule) = rule(&change.attribute()) else { return };
    if rule.set(&mut draft.modify, change) {
        draft.take(change, rule.disruption(change), rule.loosens(change));
    } else {
        draft.leave(change, "a database always has one", "declare the one that it is to have, or leave it undeclared");
    }
}

/// Only upwards, and only within the major version: another one changes what applications see.
fn engine_version(draft: &mut Draft<'_>) {
    let Some(change) = draft.change_of("EngineVersion").filter(|change| !draft.is_taken(change)) else { return };
    let (Some(declared), Some(live)) = (change.from_str(), change.to_str()) else { return };
    if version::is_minor_upgrade_to(live, declared) {
        draft.modify.engine_version = Some(declared.to_owned());
        return draft.take(change, Disruption::Restart, false);
    }
    let (reason, instead) = if version::is_newer(declared, live) {
        ("a major version is never changed by itself", "upgrade it by hand, after a rehearsal, or declare what is live")
    } else {
        ("a database never goes back to an older version", "declare the live version, or restore a snapshot of before")
    };
    draft.leave(change, reason, instead);
}

/// To export a log no longer loosens: a trail of what was done is lost.
fn logs(draft: &mut Draft<'_>) {
    let changes: Vec<_> = draft.changes_of("EnabledCloudwatchLogsExports");
    let mut logs = Logs::default();
    for change in changes.into_iter().filter(|change| change.keys().len() == 2) {
        if draft.is_taken(change) {
            continue;
        }
        let is_declared = change.from.is_some();
        let list = if is_declared { &mut logs.enable_log_types } else { &mut logs.disable_log_types };
        list.push(change.key());
        draft.take(change, Disruption::None, !is_declared);
        draft.modify.logs = Some(logs.clone());
    }
}

/// All declared features at once; none means those that the class comes with.
fn processor(draft: &mut Draft<'_>) {
    let changes = draft.changes_of("ProcessorFeatures");
    let Some(Value::Object(declared)) = draft.request.expected.get("ProcessorFeatures") else { return };
    if changes.is_empty() {
        return;
    }
    if declared.is_empty() {
        draft.modify.use_default_processor_features = Some(true);
    } else {
        let feature =
            |(name, value): (&String, &Value)| Some(Feature { name: name.clone(), value: value.as_str()?.to_owned() });
        draft.modify.processor_features = Some(declared.iter().filter_map(feature).collect());
    }
    for change in changes {
        draft.take(change, Disruption::Restart, false);
    }
}

/// All declared groups at once. It loosens if a group comes: a group only ever allows, so one less never does.
fn groups(draft: &mut Draft<'_>) {
    let changes: Vec<_> = draft.changes_of("VpcSecurityGroups").into_iter().filter(|it| !draft.is_taken(it)).collect();
    let Some(Value::Object(declared)) = draft.request.expected.get("VpcSecurityGroups") else { return };
    if changes.is_empty() {
        return;
    }
    if declared.is_empty() {
        for change in changes {
            draft.leave(change, "a database has at least one security group", "declare the groups that it is to have");
        }
        return;
    }
    draft.modify.vpc_security_group_ids = Some(declared.keys().cloned().collect());
    for change in changes {
        draft.take(change, Disruption::None, change.from.is_some());
    }
}

/// To act at once applies whatever else waits for the maintenance window.
fn tell_of_pending(draft: &mut Draft<'_>) {
    for (name, value) in draft.now.live.pending.iter() {
        let pointer = format!("/{name}");
        if draft.restores.contains(&pointer) {
            continue;
        }
        let change = Change { pointer, from: Some(value.clone()), to: draft.live(name).cloned() };
        let rule = rule(name);
        let disruption = rule.map_or(Disruption::Restart, |rule| rule.disruption(&change));
        let loosens = rule.is_some_and(|rule| rule.loosens(&change));
        draft.tell(format!("and at once what is pending of {name}"), disruption, loosens);
    }
}

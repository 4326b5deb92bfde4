//! What watches the database: Performance Insights and its kin, and enhanced monitoring. AWS wants the parameters of
//! each together.

use serde_json::Value;

use super::draft::Draft;
use super::rules::figure;
use crate::domain::diff::Change;
use crate::resource::fix::Disruption;

const ENABLED: &str = "PerformanceInsightsEnabled";
const KEY: &str = "PerformanceInsightsKMSKeyId";
const RETENTION: &str = "PerformanceInsightsRetentionPeriod";
const MODE: &str = "DatabaseInsightsMode";
const INTERVAL: &str = "MonitoringInterval";
const ROLE: &str = "MonitoringRoleArn";

pub(super) fn plan(draft: &mut Draft<'_>) {
    insights(draft);
    monitoring(draft);
}

fn insights(draft: &mut Draft<'_>) {
    let is_on = draft.wanted(ENABLED) == Some(&Value::Bool(true));
    let changes: Vec<&Change> = [ENABLED, KEY, RETENTION, MODE].iter().filter_map(|it| draft.change_of(it)).collect();
    for change in &changes {
        match change.attribute().as_str() {
            KEY => key(draft, change, is_on),
            RETENTION => retention(draft, change, is_on),
            _ => draft.take(change, Disruption::None, false),
        }
    }
    if !changes.iter().any(|change| draft.restores.contains(&change.pointer)) {
        return;
    }
    draft.modify.enable_performance_insights = Some(is_on);
    if draft.change_of(MODE).is_some() {
        draft.modify.database_insights_mode = draft.wanted(MODE).and_then(Value::as_str).map(str::to_owned);
    }
    if is_on {
        let retention = figure(draft.request.expected.get(RETENTION)).filter(|days| *days > 0);
        draft.modify.performance_insights_retention_period = retention;
    }
}

/// The key is chosen when Performance Insights is turned on, and kept.
fn key(draft: &mut Draft<'_>, change: &Change, is_on: bool) {
    let was_on = draft.live(ENABLED) == Some(&Value::Bool(true));
    match change.from_str() {
        Some(key) if is_on && !was_on => {
            draft.modify.performance_insights_kms_key_id = Some(key.to_owned());
            draft.take(change, Disruption::None, false);
        }
        None if !is_on && was_on => draft.take(change, Disruption::None, false),
        _ => {
            let reason = "Performance Insights keeps the key that it was turned on with";
            draft.leave(change, reason, "turn it off and on again with the declared key, which loses its history");
        }
    }
}

fn retention(draft: &mut Draft<'_>, change: &Change, is_on: bool) {
    let declared = figure(change.from.as_ref()).unwrap_or_default();
    if is_on == (declared > 0) {
        draft.take(change, Disruption::None, false);
    } else {
        let reason =
            "Performance Insights keeps its figures for some days where it is on, and for none where it is off";
        draft.leave(change, reason, "declare both alike");
    }
}

/// An interval takes a role, and a role an interval.
fn monitoring(draft: &mut Draft<'_>) {
    let interval = figure(draft.wanted(INTERVAL)).unwrap_or_default();
    let role = draft.wanted(ROLE).and_then(Value::as_str).map(str::to_owned);
    let (interval_change, role_change) = (draft.change_of(INTERVAL), draft.change_of(ROLE));
    if let Some(change) = role_change.filter(|_| role.is_some() != (interval > 0)) {
        let reason = "enhanced monitoring takes both a role and an interval, or neither";
        draft.leave(change, reason, "declare both alike");
    }
    let takes = |draft: &Draft<'_>, change: &&Change| !draft.is_taken(change);
    let changes: Vec<_> = interval_change.into_iter().chain(role_change).filter(|it| takes(draft, it)).collect();
    if changes.is_empty() {
        return;
    }
    draft.modify.monitoring_interval = Some(interval);
    draft.modify.monitoring_role_arn = role.filter(|_| interval > 0);
    for change in changes {
        draft.take(change, Disruption::None, false);
    }
}

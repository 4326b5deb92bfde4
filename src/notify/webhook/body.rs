//! The body of a webhook, version 1.
//!
//! Amounts are decimal strings. Values that look secret are `"***"`, in `difference` too, so that patch is for reading,
//! not for applying. A message stays below [`BODY_MAX`]: what does not fit is left out and said to be.

use serde_json::{Value, json};

use crate::domain::cost::Money;
use crate::domain::diff::Change;
use crate::domain::state::unescape;
use crate::domain::story::Story;
use crate::domain::words;
use crate::notify::Message;

/// Bytes of a body at most.
const BODY_MAX: usize = 64 * 1024;
/// Bytes of that which are kept for everything but difference and changes.
const REST_MAX: usize = 24 * 1024;

/// The body for a message.
pub(super) fn of(message: &Message) -> Value {
    let alert = &message.alert;
    let drift = &alert.drift;
    let story = message.story();
    let (changes, omitted) = changes(&story, BODY_MAX - REST_MAX);
    let mut body = json!({
        "version": 1,
        "type": message.event(),
        "timestamp": alert.created_at,
        "data": {
            "alert_id": alert.id,
            "title": message.subject(),
            "message": message.text(),
            "severity": alert.severity,
            "drift_id": drift.id,
            "status": drift.status,
            "kind": drift.kind,
            "resource_type": drift.key.scope.resource_type,
            "resource_id": drift.key.resource_id,
            "resource_name": story.name_tag,
            "account_id": drift.key.scope.account_id,
            "account_name": story.account_name,
            "region": drift.key.scope.region,
            "cost_impact_monthly": drift.cost_impact_monthly.map(|amount| format!("{:.2}", Money(amount).to_cents())),
            "cost_unknown_reason": drift.cost_unknown_reason,
            "declared_in": drift.declared_in,
            "terraform_address": drift.terraform_address,
            "detected_at": drift.detected_at,
            "detected_by": drift.detected_by,
            "changes": changes,
            "changes_omitted": omitted,
            "difference": null,
        },
    });
    let difference = redacted_patch(&drift.difference);
    if body.to_string().len() + difference.to_string().len() <= BODY_MAX {
        body["data"]["difference"] = difference;
    }
    body
}

/// The changes, the worst first, as many as fit, and how many did not.
fn changes(story: &Story<'_>, room: usize) -> (Vec<Value>, usize) {
    let mut used = 0;
    let all: Vec<Value> = story.changes.iter().map(|change| json!(redacted(change))).collect();
    let fitting: Vec<Value> = all
        .iter()
        .take_while(|change| {
            used += change.to_string().len() + 1;
            used <= room
        })
        .cloned()
        .collect();
    let omitted = all.len() - fitting.len();
    (fitting, omitted)
}

fn redacted(change: &Change) -> Change {
    let hide = |value: &Option<Value>| value.as_ref().map(|value| words::redact(&change.key(), value));
    Change { pointer: change.pointer.clone(), from: hide(&change.from), to: hide(&change.to) }
}

fn redacted_patch(difference: &Value) -> Value {
    let Value::Array(operations) = difference else { return difference.clone() };
    operations.iter().map(redacted_operation).collect()
}

fn redacted_operation(operation: &Value) -> Value {
    let mut operation = operation.clone();
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
    let key = unescape(path.rsplit('/').next().unwrap_or_default());
    if let Some(value) = operation.get_mut("value") {
        *value = words::redact(&key, value);
    }
    operation
}

//! Calls about how long objects and their versions are kept.

use serde_json::{Map, Value, json};

use super::super::plan::Fix;
use super::super::seen::Seen;
use super::{Call, becoming, fields, filter, identity, listed, present, text};

/// A bucket that was versioned once never gets back to `Disabled`: `Suspended` is as near as it gets.
pub(super) fn versioning(fix: &Fix, _: &Seen) -> Call {
    let wanted = text(&fix.target, "Status");
    let (status, summary) = match wanted {
        "Disabled" => ("Suspended", "suspend versioning, as near to Disabled as AWS gets".to_owned()),
        status => (status, format!("set versioning to {status}")),
    };
    Call::put("PutBucketVersioning", "VersioningConfiguration", json!({ "Status": status }), summary)
}

/// The size below which AWS moves nothing is no part of the rules, but lost if it is not sent along.
pub(super) fn lifecycle(fix: &Fix, seen: &Seen) -> Call {
    let summary = format!("in the lifecycle rules {}", becoming(&fix.live, &fix.target));
    let rules = listed(Some(&fix.target), rule);
    if rules.is_empty() {
        return Call::delete("DeleteBucketLifecycle", summary);
    }
    let operation = "PutBucketLifecycleConfiguration";
    let mut call = Call::put(operation, "LifecycleConfiguration", json!({ "Rules": rules }), summary);
    if let Some(size) = &seen.minimum_size {
        call.parameters.push(("TransitionDefaultMinimumObjectSize", json!(size)));
    }
    call
}

fn rule(key: &str, rule: &Value) -> Value {
    let mut put = identity("ID", key);
    put.extend(fields(&present(rule)));
    put.insert("Filter".to_owned(), filter(rule.get("Filter").unwrap_or(&Value::Null)));
    if let Some(Value::Object(expiration)) = put.get_mut("Expiration") {
        markers(expiration);
    }
    for field in ["Transitions", "NoncurrentVersionTransitions"] {
        let transitions = listed(rule.get(field), transition);
        put.remove(field);
        if !transitions.is_empty() {
            put.insert(field.to_owned(), transitions.into());
        }
    }
    put.into()
}

/// AWS refuses a word about markers beside days or a date; alone it may say that they stay.
fn markers(expiration: &mut Map<String, Value>) {
    let stay = expiration.get("ExpiredObjectDeleteMarker") == Some(&Value::Bool(false));
    if stay && expiration.len() > 1 {
        expiration.remove("ExpiredObjectDeleteMarker");
    }
}

/// Two of one class are told apart by a number behind the class.
fn transition(key: &str, transition: &Value) -> Value {
    let class = key.split('#').next().unwrap_or(key);
    let mut put = fields(&present(transition));
    put.insert("StorageClass".to_owned(), class.into());
    put.into()
}

pub(super) fn object_lock(fix: &Fix, _: &Seen) -> Call {
    let retention = fix.target.pointer("/Rule/DefaultRetention").filter(|retention| !retention.is_null());
    let length = |retention: &Value| {
        let unit = |unit: &str| Some(format!("{} {}", retention.get(unit)?.as_i64()?, unit.to_lowercase()));
        unit("Days").or_else(|| unit("Years")).unwrap_or_default()
    };
    let summary = match retention {
        Some(retention) => format!("lock new objects in mode {} for {}", text(retention, "Mode"), length(retention)),
        None => "lock new objects no longer by default".to_owned(),
    };
    Call::put("PutObjectLockConfiguration", "ObjectLockConfiguration", present(&fix.target), summary)
}

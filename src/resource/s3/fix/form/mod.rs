//! Canonical values → the parameters of the calls that put them: the other way round than [`super::super::shape`].
//!
//! What comes out is AWS's own JSON form, whole, such that reading it back gives the same canonical value. Nothing here
//! decides whether or when a call is made.

mod access;
mod delivery;
mod retention;

use serde_json::{Map, Value, json};

use super::plan::Fix;
use super::seen::Seen;

pub(super) use access::{
    acl, grantees, is_enforced, is_private, is_public as is_public_acl, private_acl, public_access_block,
};

/// One call: everything but the bucket.
#[derive(Debug)]
pub(super) struct Call {
    /// The operation.
    pub operation: &'static str,
    /// Its parameters beside the bucket, as AWS names them.
    pub parameters: Vec<(&'static str, Value)>,
    /// What it does, for people.
    pub summary: String,
}

impl Call {
    fn put(operation: &'static str, parameter: &'static str, value: Value, summary: String) -> Self {
        Self { operation, parameters: vec![(parameter, value)], summary }
    }

    fn delete(operation: &'static str, summary: String) -> Self {
        Self { operation, parameters: Vec::new(), summary }
    }
}

/// How one attribute is put back.
pub(super) struct Restore {
    /// The attribute.
    pub attribute: &'static str,
    /// The attributes on which it depends whether AWS takes the call.
    pub context: &'static [&'static str],
    /// The call that makes the attribute what it is to become.
    pub call: fn(&Fix, &Seen) -> Call,
}

macro_rules! restore {
    ($attribute:literal, [$($context:literal),*], $call:path) => {
        Restore { attribute: $attribute, context: &[$($context),*], call: $call }
    };
}

/// Every attribute, as the attribute table has them.
pub(super) const RESTORES: &[Restore] = &[
    restore!("PublicAccessBlock", [], access::public_access_block),
    restore!("Policy", ["PublicAccessBlock"], access::policy),
    restore!("Acl", ["OwnershipControls", "PublicAccessBlock"], access::acl),
    restore!("OwnershipControls", ["Acl"], access::ownership),
    restore!("Encryption", [], access::encryption),
    restore!("Versioning", ["ObjectLock", "Replication"], retention::versioning),
    restore!("Logging", [], access::logging),
    restore!("Lifecycle", [], retention::lifecycle),
    restore!("Cors", [], delivery::cors),
    restore!("Website", [], delivery::website),
    restore!("Replication", ["Versioning"], delivery::replication),
    restore!("ObjectLock", [], retention::object_lock),
    restore!("Notification", [], delivery::notification),
    restore!("Accelerate", [], delivery::accelerate),
    restore!("RequestPayment", [], access::request_payment),
    restore!("Tags", [], access::tags),
];

/// The value without what canonical form writes out for "none": nulls at any depth.
fn present(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), present(value)))
            .collect(),
        Value::Array(items) => items.iter().map(present).collect(),
        other => other.clone(),
    }
}

/// The fields of an object, or none.
fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The entries of an object keyed by identity, as AWS's list of objects.
fn listed(keyed: Option<&Value>, make: impl Fn(&str, &Value) -> Value) -> Vec<Value> {
    let entries = keyed.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(key, entry)| make(key, entry)).collect()
}

/// The identity of an entry as AWS knows it: `field` and the key, or nothing for one without; AWS then makes one up.
fn identity(field: &str, key: &str) -> Map<String, Value> {
    let named = (!super::super::rules::is_unnamed(key)).then(|| (field.to_owned(), json!(key)));
    named.into_iter().collect()
}

/// A rule's filter: one condition stands alone, several stand in `And`.
fn filter(conditions: &Value) -> Value {
    let mut conditions = fields(&present(conditions));
    conditions.retain(|_, value| value.as_str() != Some("") && *value != json!({}));
    let tags = conditions.get("Tags").and_then(Value::as_object).map_or(0, Map::len);
    let count = conditions.len() + tags.saturating_sub(1);
    if let Some(tags) = conditions.get_mut("Tags") {
        *tags = tag_list(tags).into();
    }
    match (count, conditions.get("Tags").and_then(|tags| tags.get(0)).cloned()) {
        (0, _) => json!({ "Prefix": "" }),
        (1, Some(tag)) => json!({ "Tag": tag }),
        (1, None) => conditions.into(),
        _ => json!({ "And": conditions }),
    }
}

/// `{k: v}` → `[{"Key": k, "Value": v}]`.
fn tag_list(tags: &Value) -> Vec<Value> {
    listed(Some(tags), |key, value| json!({ "Key": key, "Value": value }))
}

/// What becomes of entries keyed by identity: `add a; change b, c; remove d`.
fn becoming(live: &Value, target: &Value) -> String {
    let (live, target) = (fields(live), fields(target));
    let names = |of: &Map<String, Value>, is_meant: &dyn Fn(&String, &Value) -> bool| {
        let names: Vec<&str> = of.iter().filter(|(key, value)| is_meant(key, value)).map(|(k, _)| k.as_str()).collect();
        names.join(", ")
    };
    let groups = [
        ("add", names(&target, &|key, _| !live.contains_key(key))),
        ("change", names(&target, &|key, value| live.get(key).is_some_and(|before| before != value))),
        ("remove", names(&live, &|key, _| !target.contains_key(key))),
    ];
    let words = groups.iter().filter(|(_, names)| !names.is_empty()).map(|(word, names)| format!("{word} {names}"));
    words.collect::<Vec<_>>().join("; ")
}

/// A field's text; empty if there is none.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

//! AWS's own JSON form of each attribute → DriftSentry's: lists that are sets become objects keyed by identity,
//! wrappers are taken off, spellings with one meaning become one.
//!
//! Live answers and declarations both pass through here, so that equal meaning is equal JSON. Total and idempotent:
//! what it does not understand it leaves alone, for `check` to refuse. It fills no defaults; the attribute table does.

use serde_json::{Map, Value, json};

use crate::domain::state::ResourceState;

use super::acl;
use super::rules;

/// Brings every attribute of `state` to DriftSentry's form.
pub(super) fn reshape(state: &mut ResourceState) {
    for (name, value) in state.iter_mut() {
        match name {
            "Acl" => acl::reshape(value),
            "OwnershipControls" => ownership(value),
            "Encryption" => encryption(value),
            "Logging" => logging(value),
            "Lifecycle" => rules::lifecycle(value),
            "Cors" => cors(value),
            "Replication" => rules::replication(value),
            "ObjectLock" => object_lock(value),
            "Notification" => notification(value),
            "Accelerate" => word(value, "Status"),
            "RequestPayment" => word(value, "Payer"),
            "Tags" => tags(value),
            _ => {}
        }
    }
}

/// Takes off a wrapper: `{key: inner}` becomes `inner`. Only an object with that one key is a wrapper.
pub(super) fn unwrap(value: &mut Value, key: &str) {
    if let Value::Object(object) = value
        && object.len() == 1
        && let Some(inner) = object.remove(key)
    {
        *value = inner;
    }
}

/// `{key: text}` → `text`; the empty object, as AWS answers where nothing was ever set, is null.
fn word(value: &mut Value, key: &str) {
    unwrap(value, key);
    if value.as_object().is_some_and(Map::is_empty) {
        *value = Value::Null;
    }
}

/// A list of objects → an object keyed by what `key` makes of each; what is no list of objects stays as it is.
/// Where two entries have one key the later gets `#2`, so that none is lost.
pub(super) fn key_by(value: &mut Value, key: impl Fn(&mut Map<String, Value>) -> String) {
    let Value::Array(items) = value else { return };
    if !items.iter().all(Value::is_object) {
        return;
    }
    let mut keyed = Map::new();
    for item in std::mem::take(items) {
        let Value::Object(mut item) = item else { continue };
        let wanted = key(&mut item);
        keyed.insert(free_key(&keyed, &wanted), Value::Object(item));
    }
    *value = Value::Object(keyed);
}

fn free_key(taken: &Map<String, Value>, wanted: &str) -> String {
    let (mut key, mut n) = (wanted.to_owned(), 2);
    while taken.contains_key(&key) {
        key = format!("{wanted}#{n}");
        n += 1;
    }
    key
}

/// Removes `field` of `item` if it is a non-empty text, and gives it.
pub(super) fn take_text(item: &mut Map<String, Value>, field: &str) -> Option<String> {
    match item.get(field) {
        Some(Value::String(text)) if !text.is_empty() => {
            let text = text.clone();
            item.remove(field);
            Some(text)
        }
        Some(Value::Null) => {
            item.remove(field);
            None
        }
        _ => None,
    }
}

/// `[{"Key": k, "Value": v}]` → `{k: v}`.
pub(super) fn tags(value: &mut Value) {
    // A tag may itself be called `TagSet`; then its value is no list.
    if value.get("TagSet").is_some_and(Value::is_array) {
        unwrap(value, "TagSet");
    }
    let Value::Array(items) = value else { return };
    let pairs = items.iter().map(|tag| Some((tag.get("Key")?.as_str()?.to_owned(), tag.get("Value")?.clone())));
    if let Some(pairs) = pairs.collect::<Option<Map<_, _>>>() {
        *value = Value::Object(pairs);
    }
}

/// Sorts a list of texts that is a set by meaning and must stay a list, because the whole around it is compared.
fn sort_texts(object: &mut Map<String, Value>, field: &str) {
    if let Some(Value::Array(items)) = object.get_mut(field)
        && items.iter().all(Value::is_string)
    {
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        items.dedup();
    }
}

fn ownership(value: &mut Value) {
    first_rule(value);
    if value.is_string() {
        *value = json!({ "ObjectOwnership": value.take() });
    }
}

/// `{"Rules": [rule]}` → `rule`.
fn first_rule(value: &mut Value) {
    if let Some([rule]) = value.get("Rules").and_then(Value::as_array).map(Vec::as_slice)
        && rule.is_object()
    {
        *value = rule.clone();
    }
}

fn encryption(value: &mut Value) {
    first_rule(value);
    let Value::Object(object) = value else { return };
    if let Some(Value::Object(_)) = object.get("ApplyServerSideEncryptionByDefault")
        && let Some(Value::Object(by_default)) = object.remove("ApplyServerSideEncryptionByDefault")
    {
        object.extend(by_default);
    }
    if object.get("KMSMasterKeyID").is_some_and(|id| id.as_str() == Some("")) {
        object.remove("KMSMasterKeyID");
    }
    if let Some(blocked) = object.get_mut("BlockedEncryptionTypes") {
        unwrap(blocked, "EncryptionType");
        match blocked {
            // `NONE` is how AWS writes the empty set.
            Value::Array(types) => types.retain(|kind| kind.as_str() != Some("NONE")),
            Value::Object(types) => drop(types.remove("NONE")),
            _ => {}
        }
    }
}

fn logging(value: &mut Value) {
    unwrap(value, "LoggingEnabled");
    let Value::Object(object) = value else { return };
    if object.is_empty() {
        // AWS's form of "off".
        *value = Value::Null;
        return;
    }
    if let Some(grants) = object.get_mut("TargetGrants") {
        acl::reshape(grants);
    }
    key_format(object.entry("TargetObjectKeyFormat").or_insert(Value::Null));
}

/// Written out with AWS's defaults: plain names, partitions by the time of the event.
fn key_format(format: &mut Value) {
    if format.is_null() || format.as_object().is_some_and(Map::is_empty) {
        *format = json!({ "SimplePrefix": {} });
    }
    if let Some(Value::Object(partitioned)) = format.get_mut("PartitionedPrefix") {
        partitioned.entry("PartitionDateSource").or_insert_with(|| "EventTime".into());
    }
}

/// A retention has days or years; the other one, and a zero in its place, is none.
fn object_lock(value: &mut Value) {
    if let Some(Value::Object(retention)) = value.pointer_mut("/Rule/DefaultRetention") {
        for unit in ["Days", "Years"] {
            if retention.get(unit).is_some_and(|length| length.as_i64() == Some(0)) {
                retention.remove(unit);
            }
        }
    }
}

fn cors(value: &mut Value) {
    unwrap(value, "CORSRules");
    let Value::Array(items) = value else { return };
    for rule in items.iter_mut().filter_map(Value::as_object_mut) {
        // Terraform's provider sends a zero where nobody said anything, and reads nothing as a zero.
        if rule.get("MaxAgeSeconds").and_then(Value::as_i64) == Some(0) {
            rule.remove("MaxAgeSeconds");
        }
        for field in ["AllowedHeaders", "AllowedMethods", "AllowedOrigins", "ExposeHeaders"] {
            sort_texts(rule, field);
        }
    }
}

fn notification(value: &mut Value) {
    let Value::Object(object) = value else { return };
    if let Some(Value::Object(_) | Value::Null) = object.get("EventBridgeConfiguration") {
        let on = object.remove("EventBridgeConfiguration").is_some_and(|bridge| bridge.is_object());
        object.insert("EventBridge".to_owned(), on.into());
    }
    for (list, arn) in [
        ("TopicConfigurations", "TopicArn"),
        ("QueueConfigurations", "QueueArn"),
        ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
    ] {
        let Some(targets) = object.get_mut(list) else { continue };
        key_by(targets, |target| {
            take_text(target, "Id")
                .unwrap_or_else(|| rules::unnamed(target.get(arn).and_then(Value::as_str).unwrap_or_default()))
        });
        if let Value::Object(targets) = targets {
            targets.values_mut().filter_map(|target| target.get_mut("Filter")).for_each(name_filter);
        }
    }
}

/// `{"Key": {"FilterRules": [{"Name": "Prefix", "Value": v}]}}` → `{"Prefix": v}`. AWS takes both spellings of a name.
fn name_filter(filter: &mut Value) {
    let Some(rules) = filter.pointer("/Key/FilterRules").and_then(Value::as_array) else { return };
    let pairs = rules.iter().map(|rule| {
        let name = match rule.get("Name")?.as_str()?.to_ascii_lowercase().as_str() {
            "prefix" => "Prefix",
            "suffix" => "Suffix",
            _ => return None,
        };
        Some((name.to_owned(), rule.get("Value")?.clone()))
    });
    if let Some(pairs) = pairs.collect::<Option<Map<_, _>>>() {
        *filter = Value::Object(pairs);
    }
}

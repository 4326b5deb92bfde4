//! Calls about how objects leave a bucket: to browsers, to other buckets, as events.

use serde_json::{Map, Value, json};

use super::super::plan::Fix;
use super::super::seen::Seen;
use super::{Call, becoming, fields, filter, identity, listed, present, text};

pub(super) fn accelerate(fix: &Fix, _: &Seen) -> Call {
    let status = json!({ "Status": fix.target });
    let summary = format!("set transfer acceleration to {}", fix.target.as_str().unwrap_or_default());
    Call::put("PutBucketAccelerateConfiguration", "AccelerateConfiguration", status, summary)
}

pub(super) fn cors(fix: &Fix, _: &Seen) -> Call {
    let rules: Vec<Value> = fix.target.as_array().into_iter().flatten().map(without_empty_lists).collect();
    let number = |rules: &Value| rules.as_array().map_or(0, Vec::len);
    if rules.is_empty() {
        return Call::delete("DeleteBucketCors", format!("delete the {} CORS rules", number(&fix.live)));
    }
    let summary = format!("put {} CORS rules in place of {}", rules.len(), number(&fix.live));
    Call::put("PutBucketCors", "CORSConfiguration", json!({ "CORSRules": rules }), summary)
}

/// Without the lists that canonical form writes out as empty, at this level.
fn without_empty_lists(value: &Value) -> Value {
    let mut object = fields(&present(value));
    object.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    object.into()
}

pub(super) fn website(fix: &Fix, _: &Seen) -> Call {
    if fix.target.is_null() {
        return Call::delete("DeleteBucketWebsite", "switch the static website off".to_owned());
    }
    let mut website = without_empty_lists(&fix.target);
    if let Some(Value::Array(rules)) = website.get_mut("RoutingRules") {
        for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
            // A condition that asks nothing is none.
            rule.retain(|name, part| name != "Condition" || *part != json!({}));
        }
    }
    let summary = if fix.live.is_null() { "switch the static website on" } else { "set the static website" };
    Call::put("PutBucketWebsite", "WebsiteConfiguration", website, summary.to_owned())
}

pub(super) fn replication(fix: &Fix, _: &Seen) -> Call {
    let rules = |side: &Value| side.get("Rules").cloned().unwrap_or_default();
    if fix.target.is_null() {
        let summary = format!("end the replication: {}", becoming(&rules(&fix.live), &json!({})));
        return Call::delete("DeleteBucketReplication", summary);
    }
    let put = listed(fix.target.get("Rules"), replication_rule);
    let mut what = becoming(&rules(&fix.live), &rules(&fix.target));
    if text(&fix.live, "Role") != text(&fix.target, "Role") {
        let role = format!("use the role {}", text(&fix.target, "Role"));
        what = if what.is_empty() { role } else { format!("{what}; {role}") };
    }
    let configuration = json!({ "Role": text(&fix.target, "Role"), "Rules": put });
    let summary = format!("in the replication {what}");
    Call::put("PutBucketReplication", "ReplicationConfiguration", configuration, summary)
}

fn replication_rule(key: &str, rule: &Value) -> Value {
    let mut put = identity("ID", key);
    put.extend(fields(&present(rule)));
    let conditions = put.remove("Filter").unwrap_or_default();
    if is_of_first_version(rule) {
        put.insert("Prefix".to_owned(), text(&conditions, "Prefix").into());
    } else {
        put.insert("Filter".to_owned(), filter(&conditions));
    }
    // AWS takes no word about objects that are there already, unless it is the one that it gave itself.
    put.retain(|name, part| name != "ExistingObjectReplication" || is_on(part));
    if let Some(Value::Object(criteria)) = put.get_mut("SourceSelectionCriteria") {
        criteria.retain(|_, part| is_on(part));
    }
    put.retain(|name, part| name != "SourceSelectionCriteria" || *part != json!({}));
    put.into()
}

/// Rules of the first version of the schema say nothing of delete markers, which follow, and have no priority.
fn is_of_first_version(rule: &Value) -> bool {
    let lacks = |field: &str| rule.get(field).is_none_or(Value::is_null);
    let selects_by_tags = rule.pointer("/Filter/Tags").and_then(Value::as_object).is_some_and(|tags| !tags.is_empty());
    lacks("Priority") && lacks("DeleteMarkerReplication") && !selects_by_tags
}

fn is_on(part: &Value) -> bool {
    text(part, "Status") != "Disabled"
}

/// Lists of configurations by the kind of their target.
const TARGETS: &[&str] = &["TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations"];

/// There is nothing to delete: what is not in the call ends.
pub(super) fn notification(fix: &Fix, _: &Seen) -> Call {
    let mut put = Map::new();
    let mut what = Vec::new();
    for list in TARGETS {
        let none = json!({});
        let (live, target) = (fix.live.get(*list).unwrap_or(&none), fix.target.get(*list).unwrap_or(&none));
        what.push(becoming(live, target));
        let targets = listed(Some(target), configuration);
        if !targets.is_empty() {
            put.insert((*list).to_owned(), targets.into());
        }
    }
    let bridged = |side: &Value| side.get("EventBridge") == Some(&Value::Bool(true));
    if bridged(&fix.target) {
        put.insert("EventBridgeConfiguration".to_owned(), json!({}));
    }
    match (bridged(&fix.live), bridged(&fix.target)) {
        (false, true) => what.push("send to EventBridge".to_owned()),
        (true, false) => what.push("send to EventBridge no longer".to_owned()),
        _ => {}
    }
    what.retain(|words| !words.is_empty());
    let summary = format!("in the notifications {}", what.join("; "));
    Call::put("PutBucketNotificationConfiguration", "NotificationConfiguration", put.into(), summary)
}

fn configuration(key: &str, target: &Value) -> Value {
    let mut put = identity("Id", key);
    put.extend(fields(&present(target)));
    put.insert("Events".to_owned(), fields(target.get("Events").unwrap_or(&Value::Null)).keys().cloned().collect());
    let conditions = put.remove("Filter").unwrap_or_default();
    let name = |(name, field): (&str, &str)| {
        let value = text(&conditions, field);
        (!value.is_empty()).then(|| json!({ "Name": name, "Value": value }))
    };
    let rules: Vec<Value> = [("prefix", "Prefix"), ("suffix", "Suffix")].into_iter().filter_map(name).collect();
    if !rules.is_empty() {
        put.insert("Filter".to_owned(), json!({ "Key": { "FilterRules": rules } }));
    }
    put.into()
}

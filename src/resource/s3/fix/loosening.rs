//! Whether putting an attribute back lets anybody do more than now or protects anything less.
//!
//! A drift is critical where it exposes data, loses it or takes a protection away; a fix loosens where it does just
//! that, so the same words are asked with live and declared turned round. Where a drift's rating is coarser than that,
//! more is asked here. In doubt it loosens:
//!
//! - public access block: a switch goes off; policy: not proven to grant no more and to deny no less;
//! - ACL: a grant more, the owner's own aside; ownership: ACLs or uploaders count for more;
//! - encryption: a weaker algorithm, another key than the live one, a type of encryption no longer refused;
//! - versioning suspended; object lock weaker; lifecycle: more is deleted, or sooner, or by a rule that rests now;
//! - logging: ended, sent to another bucket, read by somebody else;
//! - CORS: a rule that no live rule includes; website: switched on, or redirects that are not live;
//! - replication and notifications: data or news of it goes where it does not go today;
//! - payment by the owner, with which S3 answers callers without an account again.
//!
//! Tags and acceleration never do. It must never call a step safe that is not.

use serde_json::Value;

use crate::domain::diff::{Change, changes};
use crate::domain::severity::Severity;
use crate::domain::state::ResourceState;

use super::super::super::ResourceType;
use super::super::S3;
use super::super::attributes::ATTRIBUTES;

/// Whether making `attribute` what `target` says of what `live` says loosens.
pub(super) fn loosens(attribute: &str, live: &Value, target: &Value) -> bool {
    is_rated_critical(attribute, live, target)
        || match attribute {
            "OwnershipControls" => ownership(target) < ownership(live),
            "Encryption" => encryption(live, target),
            "Logging" => logging(live, target),
            "Cors" => !items(target).iter().all(|rule| items(live).iter().any(|other| includes(other, rule))),
            "Website" => website(live, target),
            "Replication" => replication(live, target),
            "Notification" => !arns(target).iter().all(|arn| arns(live).contains(arn)),
            "RequestPayment" => target != "Requester",
            _ => false,
        }
}

fn is_rated_critical(attribute: &str, live: &Value, target: &Value) -> bool {
    let one = |value: &Value| ResourceState::new().with(attribute, value.clone());
    let changes = changes(ATTRIBUTES, &one(live), &one(target));
    changes.iter().filter(|change| !is_owners_grant(change)).any(|change| S3.severity(change) == Severity::Critical)
}

/// Owners can always give themselves every grant.
fn is_owners_grant(change: &Change) -> bool {
    matches!(change.keys().as_slice(), [acl, key, ..] if acl == "Acl" && key.starts_with("owner:"))
}

/// How little ACLs and uploaders count.
fn ownership(controls: &Value) -> u8 {
    match controls.get("ObjectOwnership").and_then(Value::as_str) {
        Some("BucketOwnerEnforced") => 2,
        Some("BucketOwnerPreferred") => 1,
        _ => 0,
    }
}

fn encryption(live: &Value, target: &Value) -> bool {
    let strength = |side: &Value| match side.get("SSEAlgorithm").and_then(Value::as_str) {
        Some("aws:kms:dsse") => 2,
        Some("aws:kms") => 1,
        _ => 0,
    };
    let key = |side: &Value| side.get("KMSMasterKeyID").filter(|key| !key.is_null()).cloned();
    let blocked = |side: &Value| keys(side.get("BlockedEncryptionTypes"));
    strength(target) < strength(live)
        || key(live).is_some_and(|before| key(target) != Some(before))
        || blocked(live).iter().any(|kind| !blocked(target).contains(kind))
}

fn logging(live: &Value, target: &Value) -> bool {
    let bucket = |side: &Value| side.get("TargetBucket").cloned();
    let readers = |side: &Value| keys(side.get("TargetGrants"));
    let goes_elsewhere = !live.is_null() && bucket(live) != bucket(target);
    goes_elsewhere || readers(target).iter().any(|grant| !readers(live).contains(grant))
}

/// Whether CORS rule `one` answers every request that `other` answers, with as much. S3 takes no credentials from
/// browsers, so that `*` is never less than an origin.
fn includes(one: &Value, other: &Value) -> bool {
    ["AllowedMethods", "AllowedOrigins", "AllowedHeaders", "ExposeHeaders"].iter().all(|field| {
        let (mine, theirs) = (items(&one[*field]), items(&other[*field]));
        mine.iter().any(|text| text == "*") || theirs.iter().all(|text| mine.contains(text))
    })
}

fn website(live: &Value, target: &Value) -> bool {
    ["RedirectAllRequestsTo", "RoutingRules"].iter().any(|field| {
        let to = target.get(*field).unwrap_or(&Value::Null);
        let is_none = to.is_null() || items(to).is_empty() && to.is_array();
        !is_none && live.get(*field) != Some(to)
    })
}

fn replication(live: &Value, target: &Value) -> bool {
    let rules = |side: &Value| side.get("Rules").and_then(Value::as_object).cloned().unwrap_or_default();
    let before = rules(live);
    let is_at_work = |rule: &Value| rule.get("Status").and_then(Value::as_str) != Some("Disabled");
    let (role, rules) = (live.get("Role") != target.get("Role"), rules(target));
    rules.iter().any(|(key, rule)| is_at_work(rule) && (role || before.get(key) != Some(rule)))
}

/// Everyone who is told of events.
fn arns(notification: &Value) -> Vec<&str> {
    let lists = notification.as_object().into_iter().flat_map(|lists| lists.values()).filter_map(Value::as_object);
    let targets = lists.flat_map(|targets| targets.values());
    let arn =
        |target: &'_ Value| ["TopicArn", "QueueArn", "LambdaFunctionArn"].into_iter().find(|n| !target[*n].is_null());
    targets.filter_map(|target| target.get(arn(target)?)?.as_str()).collect()
}

fn keys(object: Option<&Value>) -> Vec<String> {
    object.and_then(Value::as_object).into_iter().flat_map(|object| object.keys().cloned()).collect()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

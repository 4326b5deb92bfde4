//! How bad a change of a bucket's attribute is.
//!
//! Whatever exposes data, loses it or takes a protection away is critical; the same change the other way round is not.

use serde_json::Value;

use crate::domain::diff::Change;
use crate::domain::policy as document;
use crate::domain::severity::Severity::{self, Critical, Warning};

fn critical_if(condition: bool) -> Severity {
    if condition { Critical } else { Warning }
}

/// Loosened is critical, tightened is not.
pub(super) fn public_access_block(change: &Change) -> Severity {
    critical_if(change.to != Some(Value::Bool(true)))
}

/// Who may do more than declared, or whom nothing denies any more, is critical; narrower is not.
pub(super) fn policy(change: &Change) -> Severity {
    let (from, to) = (change.from.as_ref().unwrap_or(&Value::Null), change.to.as_ref().unwrap_or(&Value::Null));
    critical_if(document::is_public(to) && !document::is_public(from) || document::widened(from, to).is_any())
}

/// A grant more, or another owner, is critical; a grant less is not.
pub(super) fn acl(change: &Change) -> Severity {
    critical_if(change.to.is_some())
}

/// ACLs that count again are critical.
pub(super) fn ownership(change: &Change) -> Severity {
    let declared = change.from.as_ref().unwrap_or(&Value::Null);
    let owner = declared.get("ObjectOwnership").unwrap_or(declared);
    critical_if(owner.as_str() == Some("BucketOwnerEnforced"))
}

/// Keys of one's own given up are critical.
pub(super) fn encryption(change: &Change) -> Severity {
    let own_key = |algorithm: Option<&str>| algorithm.is_some_and(|name| name.starts_with("aws:kms"));
    critical_if(change.key() == "SSEAlgorithm" && own_key(change.from_str()) && !own_key(change.to_str()))
}

/// Old versions no longer kept, or deletable without a second factor, are critical.
pub(super) fn versioning(change: &Change) -> Severity {
    critical_if(change.from_str() == Some("Enabled"))
}

/// A site that nobody declared is critical.
pub(super) fn website(change: &Change) -> Severity {
    critical_if(change.pointer == "/Website" && change.from.as_ref().is_none_or(Value::is_null))
}

/// A lock that holds less is critical; a new or longer one is not.
pub(super) fn object_lock(change: &Change) -> Severity {
    let gained = change.from.as_ref().is_none_or(Value::is_null);
    let longer = number(change.to.as_ref()) > number(change.from.as_ref());
    let stricter = change.to_str() == Some("COMPLIANCE");
    critical_if(!(gained || longer || stricter))
}

/// What may delete more, or sooner, than declared is critical: expired data does not come back.
pub(super) fn lifecycle(change: &Change) -> Severity {
    let keys = change.keys();
    let (from, to) = (change.from.as_ref().unwrap_or(&Value::Null), change.to.as_ref().unwrap_or(&Value::Null));
    let deletes_more = match keys.iter().skip(2).map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => expires(to),
        // The change does not tell what the rule does: it may be an expiry that was held back.
        ["Status"] => to.as_str() == Some("Enabled"),
        ["Filter", field, ..] => selects_more(field, from, to),
        ["Expiration" | "NoncurrentVersionExpiration"] => deletes(to),
        ["Expiration" | "NoncurrentVersionExpiration", field] => sooner(field, from, to),
        _ => false,
    };
    critical_if(deletes_more)
}

/// Whether a rule that is new as a whole deletes anything.
fn expires(rule: &Value) -> bool {
    rule.get("Status").and_then(Value::as_str) == Some("Enabled")
        && ["Expiration", "NoncurrentVersionExpiration"].iter().any(|field| rule.get(field).is_some_and(deletes))
}

/// Whether an expiration deletes data, and not only markers of what is already deleted.
fn deletes(expiration: &Value) -> bool {
    ["Days", "Date", "NoncurrentDays"].iter().any(|field| expiration.get(field).is_some_and(|value| !value.is_null()))
}

fn sooner(field: &str, from: &Value, to: &Value) -> bool {
    match field {
        "Days" | "NoncurrentDays" => to.as_i64().is_some_and(|days| from.as_i64().is_none_or(|before| days < before)),
        // In canonical form the order of dates is that of their texts.
        "Date" => to.as_str().is_some_and(|date| from.as_str().is_none_or(|before| date < before)),
        // How many old versions stay.
        "NewerNoncurrentVersions" => to.as_i64().unwrap_or(0) < from.as_i64().unwrap_or(0),
        _ => false,
    }
}

/// Whether a filter lets objects in that it did not select before.
fn selects_more(field: &str, from: &Value, to: &Value) -> bool {
    match field {
        "Prefix" => !to.as_str().unwrap_or_default().starts_with(from.as_str().unwrap_or_default()),
        // One condition less, or another one, selects more; one condition more selects less.
        "Tags" => !from.is_null(),
        "ObjectSizeGreaterThan" => to.as_i64().unwrap_or(0) < from.as_i64().unwrap_or(0),
        "ObjectSizeLessThan" => to.as_i64().unwrap_or(i64::MAX) > from.as_i64().unwrap_or(i64::MAX),
        _ => false,
    }
}

fn number(side: Option<&Value>) -> i64 {
    side.and_then(Value::as_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(pointer: &str, from: Value, to: Value) -> Change {
        let side = |value: Value| (value != json!("absent")).then_some(value);
        Change { pointer: pointer.to_owned(), from: side(from), to: side(to) }
    }

    #[test]
    fn a_lifecycle_rule_that_deletes_more_or_sooner_is_critical() {
        let rule = json!({ "Status": "Enabled", "Expiration": { "Days": 1, "Date": null } });
        let markers = json!({ "Status": "Enabled", "Expiration": { "Days": null, "ExpiredObjectDeleteMarker": true } });
        for (pointer, from, to, severity) in [
            ("/Lifecycle/x", json!("absent"), rule.clone(), Critical),
            ("/Lifecycle/x", json!("absent"), markers, Warning),
            ("/Lifecycle/x", rule, json!("absent"), Warning),
            ("/Lifecycle/x/Expiration", json!(null), json!({ "Days": 7 }), Critical),
            ("/Lifecycle/x/Expiration", json!({ "Days": 7 }), json!(null), Warning),
            ("/Lifecycle/x/Expiration/Days", json!(30), json!(7), Critical),
            ("/Lifecycle/x/Expiration/Days", json!(30), json!(90), Warning),
            ("/Lifecycle/x/Expiration/Days", json!(30), json!(null), Warning),
            ("/Lifecycle/x/Expiration/Date", json!("2027-01-31T00:00:00Z"), json!("2026-12-31T00:00:00Z"), Critical),
            ("/Lifecycle/x/NoncurrentVersionExpiration/NewerNoncurrentVersions", json!(5), json!(null), Critical),
            ("/Lifecycle/x/NoncurrentVersionExpiration/NewerNoncurrentVersions", json!(null), json!(5), Warning),
            ("/Lifecycle/x/Filter/Prefix", json!("logs/"), json!(""), Critical),
            ("/Lifecycle/x/Filter/Prefix", json!("logs/"), json!("logs/old/"), Warning),
            ("/Lifecycle/x/Filter/Tags/Env", json!("test"), json!("absent"), Critical),
            ("/Lifecycle/x/Filter/Tags/Env", json!("absent"), json!("test"), Warning),
            ("/Lifecycle/x/Status", json!("Disabled"), json!("Enabled"), Critical),
            ("/Lifecycle/x/Transitions/GLACIER/Days", json!(30), json!(7), Warning),
        ] {
            assert_eq!(lifecycle(&change(pointer, from.clone(), to.clone())), severity, "{pointer} {from} -> {to}");
        }
    }

    #[test]
    fn protection_lost_is_critical_and_protection_gained_is_not() {
        type Rating = fn(&Change) -> Severity;
        let cases: &[(Rating, &str, Value, Value, Severity)] = &[
            (public_access_block, "/PublicAccessBlock/BlockPublicAcls", json!(true), json!(false), Critical),
            (public_access_block, "/PublicAccessBlock/BlockPublicAcls", json!(false), json!(true), Warning),
            (acl, "/Acl/AllUsers:READ", json!("absent"), json!({}), Critical),
            (acl, "/Acl/AllUsers:READ", json!({}), json!("absent"), Warning),
            (
                ownership,
                "/OwnershipControls/ObjectOwnership",
                json!("BucketOwnerEnforced"),
                json!("ObjectWriter"),
                Critical,
            ),
            (
                ownership,
                "/OwnershipControls",
                json!({ "ObjectOwnership": "BucketOwnerEnforced" }),
                json!(null),
                Critical,
            ),
            (
                ownership,
                "/OwnershipControls",
                json!(null),
                json!({ "ObjectOwnership": "BucketOwnerEnforced" }),
                Warning,
            ),
            (encryption, "/Encryption/SSEAlgorithm", json!("aws:kms"), json!("AES256"), Critical),
            (encryption, "/Encryption/SSEAlgorithm", json!("AES256"), json!("aws:kms"), Warning),
            (encryption, "/Encryption/BucketKeyEnabled", json!(true), json!(false), Warning),
            (versioning, "/Versioning/Status", json!("Enabled"), json!("Suspended"), Critical),
            (versioning, "/Versioning/Status", json!("Suspended"), json!("Enabled"), Warning),
            (versioning, "/Versioning/MFADelete", json!("Enabled"), json!("Disabled"), Critical),
            (website, "/Website", json!(null), json!({ "IndexDocument": { "Suffix": "index.html" } }), Critical),
            (website, "/Website", json!({ "IndexDocument": { "Suffix": "index.html" } }), json!(null), Warning),
            (website, "/Website/ErrorDocument", json!(null), json!({ "Key": "error.html" }), Warning),
            (object_lock, "/ObjectLock/Rule", json!({ "DefaultRetention": {} }), json!(null), Critical),
            (object_lock, "/ObjectLock/Rule/DefaultRetention/Days", json!(30), json!(1), Critical),
            (object_lock, "/ObjectLock/Rule/DefaultRetention/Days", json!(30), json!(60), Warning),
            (object_lock, "/ObjectLock/Rule/DefaultRetention/Mode", json!("COMPLIANCE"), json!("GOVERNANCE"), Critical),
        ];
        for (rating, pointer, from, to, severity) in cases {
            assert_eq!(rating(&change(pointer, from.clone(), to.clone())), *severity, "{pointer} {from} -> {to}");
        }
    }
}

//! Calls about who may do what with a bucket, who pays, and what is recorded of it.

use serde_json::{Map, Value, json};

use crate::domain::policy as document;

use super::super::plan::Fix;
use super::super::seen::Seen;
use super::{Call, becoming, fields, listed, present, tag_list, text};

/// Groups of AWS's own by the last part of their URI.
const GROUPS: &[(&str, &str)] = &[
    ("AllUsers", "http://acs.amazonaws.com/groups/global/AllUsers"),
    ("AuthenticatedUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"),
    ("LogDelivery", "http://acs.amazonaws.com/groups/s3/LogDelivery"),
];

/// The bucket's owner in a key.
const OWNER: &str = "owner";

/// The whole control that the owner has of a private bucket.
const PRIVATE: &str = "owner:FULL_CONTROL";

pub(in super::super) fn public_access_block(fix: &Fix, _: &Seen) -> Call {
    let (before, after) = (fields(&fix.live), fields(&fix.target));
    let switched = |to: bool| {
        let names = after.iter().filter(|(name, on)| **on == json!(to) && before.get(*name) != Some(on));
        names.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let words = [("switch on", switched(true)), ("switch off", switched(false))];
    let words = words.iter().filter(|(_, names)| !names.is_empty()).map(|(word, names)| format!("{word} {names}"));
    let words: Vec<String> = words.collect();
    if after.values().all(|on| *on == json!(false)) {
        let summary = format!("delete the public access block: {}", words.join("; "));
        return Call::delete("DeletePublicAccessBlock", summary);
    }
    let summary = format!("in the public access block {}", words.join("; "));
    Call::put("PutPublicAccessBlock", "PublicAccessBlockConfiguration", fix.target.clone(), summary)
}

pub(super) fn policy(fix: &Fix, _: &Seen) -> Call {
    let meaning = document::summary(&fix.live, &fix.target).join("; ");
    if fix.target.is_null() {
        return Call::delete("DeleteBucketPolicy", format!("delete the bucket policy: {meaning}"));
    }
    let text = fix.target.to_string();
    Call::put("PutBucketPolicy", "Policy", text.into(), format!("put the bucket policy: {meaning}"))
}

pub(in super::super) fn acl(fix: &Fix, seen: &Seen) -> Call {
    let owner = seen.owner.as_deref().unwrap_or_default();
    let grants = listed(Some(&fix.target), |key, _| grant(key, owner));
    let acl = json!({ "Owner": { "ID": owner }, "Grants": grants });
    let summary = format!("in the ACL {}", becoming(&fix.live, &fix.target));
    Call::put("PutBucketAcl", "AccessControlPolicy", acl, summary)
}

fn grant(key: &str, owner: &str) -> Value {
    let (grantee, permission) = key.rsplit_once(':').unwrap_or((key, ""));
    let group = GROUPS.iter().find(|(name, _)| *name == grantee);
    let grantee = match group {
        Some((_, uri)) => json!({ "Type": "Group", "URI": uri }),
        None if grantee == OWNER => json!({ "Type": "CanonicalUser", "ID": owner }),
        None => json!({ "Type": "CanonicalUser", "ID": grantee }),
    };
    json!({ "Grantee": grantee, "Permission": permission })
}

/// The grantees of grants keyed by `grantee:permission`.
pub(in super::super) fn grantees(grants: &Value) -> impl Iterator<Item = &str> {
    let keys = grants.as_object().into_iter().flat_map(Map::keys);
    keys.filter_map(|key| Some(key.rsplit_once(':')?.0))
}

/// Whether an ACL grants anything to everyone, or to everyone with an AWS account.
pub(in super::super) fn is_public(grants: &Value) -> bool {
    grantees(grants).any(|grantee| matches!(grantee, "AllUsers" | "AuthenticatedUsers"))
}

/// Whether an ACL grants the owner everything and nobody else anything: the only one there is while ACLs are off.
pub(in super::super) fn is_private(grants: &Value) -> bool {
    grants.as_object().is_some_and(|grants| grants.len() == 1 && grants.contains_key(PRIVATE))
}

/// The ACL of a private bucket.
pub(in super::super) fn private_acl() -> Value {
    json!({ PRIVATE: {} })
}

/// Whether ownership controls switch ACLs off.
pub(in super::super) fn is_enforced(controls: &Value) -> bool {
    text(controls, "ObjectOwnership") == "BucketOwnerEnforced"
}

pub(super) fn ownership(fix: &Fix, _: &Seen) -> Call {
    let owner = text(&fix.target, "ObjectOwnership");
    if fix.target.is_null() {
        return Call::delete("DeleteBucketOwnershipControls", "delete the ownership controls".to_owned());
    }
    let controls = json!({ "Rules": [{ "ObjectOwnership": owner }] });
    let summary = format!("set the ownership of objects to {owner}");
    Call::put("PutBucketOwnershipControls", "OwnershipControls", controls, summary)
}

pub(super) fn encryption(fix: &Fix, _: &Seen) -> Call {
    let target = fields(&present(&fix.target));
    let of = |names: &[&str]| -> Map<String, Value> {
        names.iter().filter_map(|name| Some(((*name).to_owned(), target.get(*name)?.clone()))).collect()
    };
    let mut rule = of(&["BucketKeyEnabled"]);
    rule.insert("ApplyServerSideEncryptionByDefault".to_owned(), of(&["SSEAlgorithm", "KMSMasterKeyID"]).into());
    if let Some(Value::Object(blocked)) = target.get("BlockedEncryptionTypes") {
        // `NONE` is how AWS writes the empty set.
        let none = blocked.is_empty().then(|| "NONE".to_owned());
        let blocked: Vec<String> = blocked.keys().cloned().chain(none).collect();
        rule.insert("BlockedEncryptionTypes".to_owned(), json!({ "EncryptionType": blocked }));
    }
    let algorithm = text(&fix.target, "SSEAlgorithm");
    let key = fix.target.get("KMSMasterKeyID").and_then(Value::as_str);
    let summary = match key {
        Some(key) => format!("encrypt new objects with {algorithm} and the key {key}"),
        None => format!("encrypt new objects with {algorithm}"),
    };
    Call::put("PutBucketEncryption", "ServerSideEncryptionConfiguration", json!({ "Rules": [rule] }), summary)
}

pub(super) fn logging(fix: &Fix, _: &Seen) -> Call {
    let (operation, parameter) = ("PutBucketLogging", "BucketLoggingStatus");
    if fix.target.is_null() {
        return Call::put(operation, parameter, json!({}), "end the logging of accesses".to_owned());
    }
    let mut logging = fields(&present(&fix.target));
    let grants = listed(fix.target.get("TargetGrants"), |key, _| grant(key, ""));
    logging.insert("TargetGrants".to_owned(), grants.into());
    if fix.target.get("TargetGrants").is_none_or(|grants| *grants == json!({})) {
        logging.remove("TargetGrants");
    }
    let summary =
        format!("log accesses to s3://{}/{}", text(&fix.target, "TargetBucket"), text(&fix.target, "TargetPrefix"));
    Call::put(operation, parameter, json!({ "LoggingEnabled": logging }), summary)
}

pub(super) fn request_payment(fix: &Fix, _: &Seen) -> Call {
    let summary = format!("let {} pay for requests", fix.target.as_str().unwrap_or_default());
    Call::put("PutBucketRequestPayment", "RequestPaymentConfiguration", json!({ "Payer": fix.target }), summary)
}

/// Tags are replaced as a whole, and AWS refuses to have its own removed ("System Tags cannot be removed by requester"),
/// so these are sent along as they are.
pub(super) fn tags(fix: &Fix, seen: &Seen) -> Call {
    let mut all = fields(&fix.target);
    all.extend(seen.aws_tags.iter().map(|(key, value)| (key.clone(), json!(value))));
    let summary = format!("in the tags {}", becoming(&fix.live, &fix.target));
    if all.is_empty() {
        return Call::delete("DeleteBucketTagging", summary);
    }
    Call::put("PutBucketTagging", "Tagging", json!({ "TagSet": tag_list(&all.into()) }), summary)
}

//! What no call puts back: what AWS fixes, and what it would refuse because of another attribute of the bucket.
//!
//! Told before anybody approves, because a plan that AWS will refuse is worse than none. Only what is certain is told
//! here; what AWS refuses beyond that, its error says.

use serde_json::Value;

use crate::domain::diff::Change;

use super::super::super::fix::ManualFix;
use super::form;
use super::plan::Bucket;

/// A change that AWS lets nobody take back by any call of ours, whatever the rest of the bucket.
pub(super) fn fixed(change: &Change) -> Option<ManualFix> {
    let keys = change.keys();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (reason, instead) = match keys.as_slice() {
        ["Versioning", "MFADelete"] => (
            "only the account's root user can switch MFA delete, with a device of its own",
            "switch it as the root user (aws s3api put-bucket-versioning --mfa), or declare what is live",
        ),
        ["Acl", _, "ID"] => ("a bucket's owner does not change", "declare the grant for `owner`, or for the live id"),
        ["ObjectLock"] | ["ObjectLock", "ObjectLockEnabled"] if change.to.as_ref().is_none_or(Value::is_null) => (
            "once enabled, object lock can never be disabled again, so it is left to people",
            "enable it by hand (aws s3api put-object-lock-configuration) if the bucket is to have it for ever, or \
             declare null",
        ),
        ["ObjectLock"] | ["ObjectLock", "ObjectLockEnabled"] => (
            "object lock cannot be disabled where it was enabled once",
            "declare {\"ObjectLockEnabled\": \"Enabled\"}, or move the objects to another bucket",
        ),
        _ => return None,
    };
    Some(ManualFix::new(&change.pointer, reason, instead))
}

/// Why AWS would refuse to put an attribute back, and what to do instead.
pub(super) fn of(bucket: &Bucket<'_>, attribute: &str) -> Option<(String, String)> {
    let (reason, instead) = match attribute {
        "Policy" => policy(bucket),
        "Acl" => acl(bucket),
        "OwnershipControls" => ownership(bucket),
        "Versioning" => versioning(bucket),
        "Logging" => logging(bucket),
        "Replication" => replication(bucket),
        "Accelerate" => accelerate(bucket),
        _ => None,
    }?;
    Some((reason.to_owned(), instead.to_owned()))
}

type Obstacle = Option<(&'static str, &'static str)>;

fn policy(bucket: &Bucket<'_>) -> Obstacle {
    bucket.is_refused("Policy", bucket.end("PublicAccessBlock")).then_some((
        "the declared policy is public, and AWS refuses such a one while BlockPublicPolicy is on",
        "declare a policy that is not public, or BlockPublicPolicy off",
    ))
}

fn acl(bucket: &Bucket<'_>) -> Obstacle {
    let target = bucket.end("Acl");
    if form::is_enforced(bucket.end("OwnershipControls")) && !form::is_private(target) {
        Some((
            "ACLs are switched off while ObjectOwnership is BucketOwnerEnforced",
            "declare the ACL as {\"owner:FULL_CONTROL\": {}}, or another ObjectOwnership",
        ))
    } else if bucket.is_refused("Acl", bucket.end("PublicAccessBlock")) {
        Some((
            "the declared ACL is public, and AWS refuses such a one while BlockPublicAcls is on",
            "declare an ACL that is not public, or BlockPublicAcls off",
        ))
    } else if bucket.seen.owner.is_none() {
        Some(("AWS did not tell the bucket's owner, without whom no ACL can be set", "set the ACL by hand"))
    } else {
        names_an_address(target)
    }
}

fn names_an_address(grants: &Value) -> Obstacle {
    form::grantees(grants).any(|grantee| grantee.contains('@')).then_some((
        "AWS no longer takes e-mail addresses in grants, and never gave them back",
        "declare the grant for the user's canonical id",
    ))
}

fn ownership(bucket: &Bucket<'_>) -> Obstacle {
    let needs_owner = form::is_enforced(bucket.end("OwnershipControls")) && !form::is_private(bucket.live("Acl"));
    (needs_owner && bucket.seen.owner.is_none()).then_some((
        "the ACL must be made private before, and AWS did not tell the bucket's owner",
        "make the ACL private by hand (aws s3api put-bucket-acl --acl private)",
    ))
}

fn versioning(bucket: &Bucket<'_>) -> Obstacle {
    let live = bucket.live("Versioning");
    let is_enabled = bucket.end("Versioning").get("Status").and_then(Value::as_str) == Some("Enabled");
    if live.get("MFADelete").and_then(Value::as_str) == Some("Enabled") {
        Some((
            "while MFA delete is on, only the account's root user can change versioning",
            "change it as the root user (aws s3api put-bucket-versioning --mfa)",
        ))
    } else if !is_enabled && !bucket.live("ObjectLock").is_null() {
        Some((
            "versioning cannot be suspended on a bucket with object lock",
            "declare Versioning Enabled, or move the objects to another bucket",
        ))
    } else if !is_enabled && !bucket.end("Replication").is_null() {
        Some((
            "versioning cannot be suspended while the bucket is replicated",
            "declare Replication null, or Versioning Enabled",
        ))
    } else {
        None
    }
}

fn logging(bucket: &Bucket<'_>) -> Obstacle {
    let grants = bucket.end("Logging").get("TargetGrants")?;
    if form::grantees(grants).any(|grantee| grantee == "owner") {
        return Some((
            "AWS tells the grantees of logs by id and nothing says whose bucket `owner` means",
            "declare the grant for the user's canonical id",
        ));
    }
    names_an_address(grants)
}

fn replication(bucket: &Bucket<'_>) -> Obstacle {
    let target = bucket.end("Replication");
    if target.is_null() {
        return None;
    }
    if target.get("Rules").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty) {
        return Some(("AWS takes no replication without rules", "declare a rule, or Replication null"));
    }
    let versioning = bucket.end("Versioning").get("Status").and_then(Value::as_str);
    (versioning != Some("Enabled")).then_some((
        "only a bucket with versioning enabled can be replicated, and this one is to have none",
        "declare Versioning {\"Status\": \"Enabled\"}, or enable it by hand",
    ))
}

fn accelerate(bucket: &Bucket<'_>) -> Obstacle {
    (bucket.end("Accelerate") == "Enabled" && bucket.key.resource_id.contains('.')).then_some((
        "AWS does not accelerate buckets with dots in their names",
        "declare Suspended, or use a bucket with another name",
    ))
}

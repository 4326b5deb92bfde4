//! The order of steps, what loosens, and what AWS would refuse.

use serde_json::{Value, json};

use super::*;

fn block(on: [bool; 4]) -> Value {
    json!({ "BlockPublicAcls": on[0], "BlockPublicPolicy": on[1], "IgnorePublicAcls": on[2], "RestrictPublicBuckets": on[3] })
}

const ON: [bool; 4] = [true; 4];
const OFF: [bool; 4] = [false; 4];

fn allow(principal: impl Into<Value>, action: &str) -> Value {
    let principal: Value = principal.into();
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::assets/*" },
    ] })
}

/// Operations with whether each loosens.
fn shown(plan: &FixPlan) -> Vec<(&'static str, bool)> {
    plan.steps.iter().map(|step| (step.operation, step.loosens)).collect()
}

fn loosens(attribute: &str, expected: &Value, live: &Value) -> bool {
    only(plan_for(&json!({ attribute: expected }), &json!({ attribute: live }))).loosens
}

#[test]
fn the_public_access_block_closes_first_and_opens_last() {
    let private = allow(json!({ "AWS": "arn:aws:iam::123456789012:root" }), "s3:GetObject");
    let opened = json!({ "PublicAccessBlock": block(OFF), "Policy": allow("*", "s3:*"), "Tags": { "a": "1" } });
    let closed = json!({ "PublicAccessBlock": block(ON), "Policy": private, "Tags": {} });
    let closing = plan_for(&closed, &opened);
    let tightening = [("PutPublicAccessBlock", false), ("PutBucketPolicy", false), ("DeleteBucketTagging", false)];
    assert_eq!(shown(&closing), tightening);
    let opening = plan_for(
        &json!({ "PublicAccessBlock": block(OFF), "Tags": {} }),
        &json!({ "PublicAccessBlock": block(ON), "Tags": { "a": "1" } }),
    );
    assert_eq!(shown(&opening), [("DeleteBucketTagging", false), ("DeletePublicAccessBlock", true)]);
}

#[test]
fn a_public_policy_is_put_between_what_refuses_it_and_what_disarms_it() {
    let plan = plan_for(
        &json!({ "PublicAccessBlock": block(OFF), "Policy": allow("*", "s3:GetObject") }),
        &json!({ "PublicAccessBlock": block(ON), "Policy": allow("*", "s3:*") }),
    );
    assert_eq!(
        shown(&plan),
        [("PutPublicAccessBlock", true), ("PutBucketPolicy", false), ("DeletePublicAccessBlock", true)]
    );
    assert_eq!(plan.steps[0].parameters["PublicAccessBlockConfiguration"], block([false, false, true, true]));
    assert_eq!(plan.steps[0].restores, ["/PublicAccessBlock/BlockPublicAcls", "/PublicAccessBlock/BlockPublicPolicy"]);
}

#[test]
fn switches_that_go_both_ways_close_before_they_open() {
    let plan = plan_for(
        &json!({ "PublicAccessBlock": block([true, false, true, false]) }),
        &json!({ "PublicAccessBlock": block([false, true, false, true]) }),
    );
    assert_eq!(shown(&plan), [("PutPublicAccessBlock", false), ("PutPublicAccessBlock", true)]);
    assert_eq!(plan.steps[0].parameters["PublicAccessBlockConfiguration"], block(ON));
}

#[test]
fn an_acl_is_made_private_before_acls_are_switched_off_and_set_after_they_are_switched_on() {
    let (off, on) = (json!("BucketOwnerEnforced"), json!("ObjectWriter"));
    let (private, open) = (json!("private"), json!("log-delivery-write"));
    let switch_off = plan_for(
        &json!({ "OwnershipControls": off, "Acl": private }),
        &json!({ "OwnershipControls": on, "Acl": open }),
    );
    assert_eq!(shown(&switch_off), [("PutBucketAcl", false), ("PutBucketOwnershipControls", false)]);
    let undeclared = plan_for(&json!({ "OwnershipControls": off }), &json!({ "OwnershipControls": on, "Acl": open }));
    assert_eq!(operations(&undeclared), ["PutBucketAcl", "PutBucketOwnershipControls"]);
    assert!(undeclared.steps[0].restores.is_empty());
    let switch_on = plan_for(
        &json!({ "OwnershipControls": on, "Acl": open }),
        &json!({ "OwnershipControls": off, "Acl": private }),
    );
    assert_eq!(shown(&switch_on), [("PutBucketOwnershipControls", true), ("PutBucketAcl", true)]);
}

#[test]
fn versioning_comes_before_replication_and_replication_ends_before_versioning_is_suspended() {
    let replication = S3.example().get("Replication").cloned().expect("it has one");
    let live = json!({ "Versioning": { "Status": "Suspended" }, "Replication": null });
    let start = plan_for(&json!({ "Versioning": { "Status": "Enabled" }, "Replication": replication }), &live);
    assert_eq!(shown(&start), [("PutBucketVersioning", false), ("PutBucketReplication", true)]);
    assert_eq!(start.steps[1].actions, ["s3:PutReplicationConfiguration", "iam:PassRole"]);
    let live = json!({ "Versioning": { "Status": "Enabled" }, "Replication": replication });
    let end = plan_for(&json!({ "Versioning": { "Status": "Disabled" }, "Replication": null }), &live);
    assert_eq!(shown(&end), [("DeleteBucketReplication", false), ("PutBucketVersioning", true)]);
    assert_eq!(end.steps[1].parameters["VersioningConfiguration"]["Status"], "Suspended");
}

#[test]
fn what_gives_more_or_protects_less_loosens() {
    let public_read = allow("*", "s3:GetObject");
    let kms = |key: Value| json!({ "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key });
    let log = |bucket: &str| json!({ "TargetBucket": bucket });
    let rule = |origin: &str| json!([{ "AllowedMethods": ["GET"], "AllowedOrigins": [origin] }]);
    let expiry = |days: i64| json!({ "x": { "Expiration": { "Days": days } } });
    let lock = |mode: &str, days: i64| json!({ "Rule": { "DefaultRetention": { "Mode": mode, "Days": days } } });
    let queue =
        |arn: &str| json!({ "QueueConfigurations": { "q": { "QueueArn": arn, "Events": ["s3:ObjectCreated:*"] } } });
    let site = json!({ "IndexDocument": { "Suffix": "index.html" } });
    // Attribute, one side, the other; whether it loosens to go from the first to the second, and back.
    for (attribute, one, other, there, back) in [
        ("Policy", json!(null), public_read, true, false),
        ("Acl", json!("private"), json!("public-read"), true, false),
        ("OwnershipControls", json!("BucketOwnerPreferred"), json!("ObjectWriter"), true, false),
        ("Encryption", kms(json!("k1")), json!({ "SSEAlgorithm": "AES256" }), true, false),
        ("Encryption", kms(json!("k1")), kms(json!("k2")), true, true),
        ("Encryption", json!({ "SSEAlgorithm": "aws:kms:dsse" }), kms(json!(null)), true, false),
        ("Encryption", json!({ "BucketKeyEnabled": true }), json!({}), false, false),
        ("Versioning", json!({ "Status": "Enabled" }), json!({ "Status": "Suspended" }), true, false),
        ("Logging", log("logs"), json!(null), true, false),
        ("Logging", log("logs"), log("others"), true, true),
        ("Lifecycle", json!({}), expiry(30), true, false),
        ("Lifecycle", expiry(30), expiry(7), true, false),
        ("Cors", rule("https://www.example.com"), rule("*"), true, false),
        ("Cors", json!([]), rule("*"), true, false),
        ("Website", json!(null), site, true, false),
        ("ObjectLock", lock("COMPLIANCE", 30), lock("GOVERNANCE", 30), true, false),
        ("ObjectLock", lock("GOVERNANCE", 30), lock("GOVERNANCE", 7), true, false),
        ("Notification", json!({}), queue("arn:aws:sqs:us-east-1:123456789012:q"), true, false),
        ("Accelerate", json!("Suspended"), json!("Enabled"), false, false),
        ("RequestPayment", json!("Requester"), json!("BucketOwner"), true, false),
        ("Tags", json!({}), json!({ "a": "1" }), false, false),
    ] {
        assert_eq!(loosens(attribute, &other, &one), there, "{attribute} from {one} to {other}");
        assert_eq!(loosens(attribute, &one, &other), back, "{attribute} from {other} to {one}");
    }
}

#[test]
fn what_aws_would_refuse_is_left_to_people_with_what_to_do_instead() {
    let replication = S3.example().get("Replication").cloned();
    let locked = json!({ "ObjectLockEnabled": "Enabled" });
    let enabled = json!({ "Versioning": { "Status": "Enabled" }, "ObjectLock": locked });
    let mfa = json!({ "Versioning": { "Status": "Suspended", "MFADelete": "Enabled" } });
    for (expected, live, word) in [
        (
            json!({ "Policy": allow("*", "s3:*") }),
            json!({ "Policy": null, "PublicAccessBlock": block(ON) }),
            "BlockPublicPolicy",
        ),
        (
            json!({ "Acl": "public-read" }),
            json!({ "Acl": "private", "PublicAccessBlock": block(ON) }),
            "BlockPublicAcls",
        ),
        (
            json!({ "Acl": "public-read" }),
            json!({ "Acl": "private", "OwnershipControls": "BucketOwnerEnforced" }),
            "switched off",
        ),
        (json!({ "Acl": { "me@example.com:READ": {} } }), json!({ "Acl": "private" }), "e-mail"),
        (
            json!({ "Acl": { "owner:READ": { "ID": "other" } } }),
            json!({ "Acl": { "owner:READ": { "ID": OWNER } } }),
            "owner",
        ),
        (json!({ "Versioning": { "Status": "Suspended" } }), enabled.clone(), "object lock"),
        (json!({ "Versioning": { "Status": "Enabled" } }), mfa, "root user"),
        (json!({ "ObjectLock": null }), enabled, "cannot be disabled"),
        (json!({ "ObjectLock": locked }), json!({ "ObjectLock": null }), "never be disabled"),
        (json!({ "Replication": replication }), json!({ "Replication": null, "Versioning": {} }), "versioning"),
        (
            json!({ "Logging": { "TargetBucket": "l", "TargetGrants": ["owner:READ"] } }),
            json!({ "Logging": null }),
            "id",
        ),
    ] {
        let plan = plan_for(&expected, &live);
        assert_eq!(operations(&plan), [""; 0], "{expected}");
        assert!(plan.manual.iter().any(|fix| fix.reason.contains(word)), "{expected}: {:?}", plan.manual);
    }
}

#[test]
fn a_bucket_with_dots_is_not_accelerated() {
    let (expected, live) =
        (canonical_of(&json!({ "Accelerate": "Enabled" })), canonical_of(&json!({ "Accelerate": null })));
    let changes = changes_of(&S3, &expected, &live);
    let key = key("assets.example.com");
    let request =
        FixRequest { key: &key, expected: &expected, actual: &live, changes: &changes, apply_immediately: false };
    assert!(plan(&request, &seen(&live)).manual[0].reason.contains("dots"));
}

#[test]
fn what_is_set_aside_stands_in_the_way_of_what_needs_it() {
    let live = json!({ "Versioning": { "Status": "Suspended", "MFADelete": "Enabled" }, "Replication": null });
    let expected = json!({
        "Versioning": { "Status": "Enabled", "MFADelete": "Enabled" }, "Replication": S3.example().get("Replication"),
    });
    let plan = plan_for(&expected, &live);
    assert_eq!(
        plan.manual.iter().map(|fix| fix.pointer.as_str()).collect::<Vec<_>>(),
        ["/Replication", "/Versioning/Status"]
    );
}

#[test]
fn a_plan_made_anew_after_any_step_holds_only_the_rest() {
    let expected = json!({
        "PublicAccessBlock": block(OFF), "Policy": allow("*", "s3:GetObject"), "Acl": "public-read",
        "OwnershipControls": "ObjectWriter", "Versioning": { "Status": "Enabled" },
    });
    let mut live = json!({
        "PublicAccessBlock": block(ON), "Policy": allow("*", "s3:*"), "Acl": "private",
        "OwnershipControls": "BucketOwnerEnforced", "Versioning": { "Status": "Suspended" },
    });
    let mut called = Vec::new();
    while let Some(step) = plan_for(&expected, &live).steps.first().cloned() {
        let (attribute, answer) = super::echo::answer(&step);
        live[attribute] = answer;
        called.push(step.operation);
        assert!(called.len() < 10, "{called:?}");
    }
    assert_eq!(canonical_of(&live).to_value()["Policy"], canonical_of(&expected).to_value()["Policy"]);
    assert_eq!(
        called,
        [
            "PutBucketVersioning",
            "PutPublicAccessBlock",
            "PutBucketPolicy",
            "PutBucketOwnershipControls",
            "PutBucketAcl",
            "DeletePublicAccessBlock",
        ]
    );
}

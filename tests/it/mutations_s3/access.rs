//! Who may do what with the bucket, how it is encrypted, who pays, how it is tagged.

use aws_sdk_s3::types::builders::AccessControlPolicyBuilder;
use aws_sdk_s3::types::{
    AccessControlPolicy, Grant, Grantee, ObjectOwnership, Owner, OwnershipControls, OwnershipControlsRule, Permission,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, Type,
};
use driftsentry::domain::severity::Severity::{Critical, Info, Warning};
use serde_json::{Value, json};

use super::{BY_USE, FREE, act, api, canonical, rewrite};
use crate::mutation::{Act, Mutation};

/// The canonical user id of every bucket's owner in the emulator.
const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";
const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";

pub fn setup() -> Vec<Act> {
    vec![
        public_access_block([true, true, false, true]),
        bucket_policy(Some(policy())),
        acl(declared_grants()),
        ownership(Some(ObjectOwnership::BucketOwnerEnforced)),
        encryption(ServerSideEncryption::AwsKms, None, true),
        tags(&[("Env", "prod"), ("Owner", "web")]),
    ]
}

pub fn mutations() -> Vec<Mutation> {
    let mut all = access_block_mutations();
    all.extend(policy_mutations());
    all.extend(acl_mutations());
    all.extend(ownership_mutations());
    all.extend(encryption_mutations());
    all.push(request_payment_mutation());
    all.extend(tag_mutations());
    all
}

fn public_access_block(on: [bool; 4]) -> Act {
    let block = PublicAccessBlockConfiguration::builder().block_public_acls(on[0]).ignore_public_acls(on[1]);
    let block = block.block_public_policy(on[2]).restrict_public_buckets(on[3]).build();
    act!(|s3, id| s3.put_public_access_block().bucket(id).public_access_block_configuration(block.clone()))
}

fn access_block_mutations() -> Vec<Mutation> {
    let declared = [true, true, false, true];
    let names = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
    let one = |index: usize| {
        let (from, mut live) = (declared[index], declared);
        live[index] = !from;
        let severity = if from { Critical } else { Warning };
        let sides = (Some(from.into()), Some((!from).into()));
        let acts = (public_access_block(live), public_access_block(declared));
        api(&format!("/PublicAccessBlock/{}", names[index]), sides, (severity, FREE), acts)
    };
    (0..4).map(one).collect()
}

fn deny_plain_http() -> Value {
    json!({ "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::*",
            "Condition": { "Bool": { "aws:SecureTransport": "false" } } })
}

fn allow(principal: &Value) -> Value {
    json!({ "Sid": "Read", "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::*/*" })
}

fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn policy() -> Value {
    document(&[deny_plain_http(), allow(&json!({ "AWS": "arn:aws:iam::123456789012:root" }))])
}

fn bucket_policy(policy: Option<Value>) -> Act {
    match policy {
        Some(policy) => act!(|s3, id| s3.put_bucket_policy().bucket(id).policy(policy.to_string())),
        None => act!(|s3, id| s3.delete_bucket_policy().bucket(id)),
    }
}

fn policy_mutations() -> Vec<Mutation> {
    let declared = canonical("Policy", policy());
    let one = |live: Option<Value>, severity| {
        let to = canonical("Policy", live.clone().unwrap_or_default());
        let acts = (bucket_policy(live), bucket_policy(Some(policy())));
        api("/Policy", (Some(declared.clone()), Some(to)), (severity, FREE), acts)
    };
    vec![
        one(Some(document(&[deny_plain_http(), allow(&json!("*"))])), Critical),
        one(Some(document(&[deny_plain_http(), allow(&json!({ "AWS": "arn:aws:iam::210987654321:root" }))])), Critical),
        one(Some(document(&[deny_plain_http()])), Warning),
        one(None, Critical),
    ]
}

fn grant(grantee: Grantee, permission: Permission) -> Grant {
    Grant::builder().grantee(grantee).permission(permission).build()
}

fn group(uri: &str, permission: Permission) -> Grant {
    grant(Grantee::builder().r#type(Type::Group).uri(uri).build().expect("a grantee"), permission)
}

fn user(id: &str, permission: Permission) -> Grant {
    grant(Grantee::builder().r#type(Type::CanonicalUser).id(id).build().expect("a grantee"), permission)
}

fn declared_grants() -> Vec<Grant> {
    vec![group(LOG_DELIVERY, Permission::Write)]
}

/// These grants beside the owner's.
fn acl(grants: Vec<Grant>) -> Act {
    let policy = AccessControlPolicy::builder().owner(Owner::builder().id(OWNER).build());
    let policy = policy.grants(user(OWNER, Permission::FullControl));
    let policy = grants.into_iter().fold(policy, AccessControlPolicyBuilder::grants).build();
    act!(|s3, id| s3.put_bucket_acl().bucket(id).access_control_policy(policy.clone()))
}

/// What a bucket that takes access logs must grant.
pub fn open_to_log_delivery() -> Act {
    acl(vec![group(LOG_DELIVERY, Permission::Write), group(LOG_DELIVERY, Permission::ReadAcp)])
}

fn acl_mutations() -> Vec<Mutation> {
    let undo = || acl(declared_grants());
    let added = |key: &str, grant: Grant| {
        let grants = [declared_grants(), vec![grant]].concat();
        api(&format!("/Acl/{key}"), (None, Some(json!({}))), (Critical, FREE), (acl(grants), undo()))
    };
    let removed = api("/Acl/LogDelivery:WRITE", (Some(json!({})), None), (Warning, FREE), (acl(Vec::new()), undo()));
    vec![
        added("AllUsers:READ", group(ALL_USERS, Permission::Read)),
        added("0123abcd:WRITE", user("0123abcd", Permission::Write)),
        removed,
    ]
}

fn ownership(rule: Option<ObjectOwnership>) -> Act {
    let Some(rule) = rule else { return act!(|s3, id| s3.delete_bucket_ownership_controls().bucket(id)) };
    let rule = OwnershipControlsRule::builder().object_ownership(rule).build().expect("a rule");
    let controls = OwnershipControls::builder().rules(rule).build().expect("controls");
    act!(|s3, id| s3.put_bucket_ownership_controls().bucket(id).ownership_controls(controls.clone()))
}

fn ownership_mutations() -> Vec<Mutation> {
    let undo = || ownership(Some(ObjectOwnership::BucketOwnerEnforced));
    let declared = json!("BucketOwnerEnforced");
    let sides = (Some(declared.clone()), Some(json!("ObjectWriter")));
    let acts = (ownership(Some(ObjectOwnership::ObjectWriter)), undo());
    let changed = api("/OwnershipControls/ObjectOwnership", sides, (Critical, FREE), acts);
    let sides = (Some(json!({ "ObjectOwnership": declared })), Some(Value::Null));
    vec![changed, api("/OwnershipControls", sides, (Critical, FREE), (ownership(None), undo()))]
}

fn encryption(algorithm: ServerSideEncryption, key: Option<&str>, bucket_key: bool) -> Act {
    let by_default = ServerSideEncryptionByDefault::builder().sse_algorithm(algorithm);
    let by_default = by_default.set_kms_master_key_id(key.map(str::to_owned)).build().expect("a default");
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_default);
    let rule = rule.bucket_key_enabled(bucket_key).build();
    let config = ServerSideEncryptionConfiguration::builder().rules(rule).build().expect("a configuration");
    act!(|s3, id| s3.put_bucket_encryption().bucket(id).server_side_encryption_configuration(config.clone()))
}

fn encryption_mutations() -> Vec<Mutation> {
    use ServerSideEncryption::{Aes256, AwsKms};
    let one = |field: &str, from: Value, to: Value, severity, live| {
        let acts = (live, encryption(AwsKms, None, true));
        api(&format!("/Encryption/{field}"), (Some(from), Some(to)), (severity, BY_USE), acts)
    };
    vec![
        one("SSEAlgorithm", json!("aws:kms"), json!("AES256"), Critical, encryption(Aes256, None, true)),
        one("KMSMasterKeyID", Value::Null, json!(KEY), Warning, encryption(AwsKms, Some(KEY), true)),
        one("BucketKeyEnabled", json!(true), json!(false), Warning, encryption(AwsKms, None, false)),
    ]
}

/// The emulator does not know who pays and lists the objects. AWS's answer is put before that, behind a comment that
/// keeps first and last element alike, because an answer that begins and ends differently counts as cut short.
fn request_payment_mutation() -> Mutation {
    let sides = (Some(json!("BucketOwner")), Some(json!("Requester")));
    let payer = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
    let by = format!("<!--><ListBucketResult/>-->{payer}<ListBucketResult");
    rewrite("/RequestPayment", sides, (Warning, BY_USE), ("GET ?requestPayment", "<ListBucketResult", by.as_str()))
}

fn tags(tags: &[(&str, &str)]) -> Act {
    let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build().expect("a tag");
    let tagging = Tagging::builder().set_tag_set(Some(tags.iter().map(tag).collect())).build().expect("tags");
    act!(|s3, id| s3.put_bucket_tagging().bucket(id).tagging(tagging.clone()))
}

fn tag_mutations() -> Vec<Mutation> {
    let declared: &[(&str, &str)] = &[("Env", "prod"), ("Owner", "web")];
    let one = |key: &str, sides, live: &[(&str, &str)]| {
        api(&format!("/Tags/{key}"), sides, (Info, FREE), (tags(live), tags(declared)))
    };
    vec![
        one("Env", (Some(json!("prod")), Some(json!("test"))), &[("Env", "test"), ("Owner", "web")]),
        one("Owner", (Some(json!("web")), None), &[("Env", "prod")]),
        one("Extra", (None, Some(json!("1"))), &[("Env", "prod"), ("Owner", "web"), ("Extra", "1")]),
    ]
}

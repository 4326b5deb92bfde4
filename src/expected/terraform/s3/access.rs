//! Who may do what with a bucket, who owns and pays, and how objects are encrypted.

use serde_json::{Value, json};

use super::super::block::{Block, object};
use super::super::instance::Instance;
use super::super::mapping::{Mapping, Rank, TerraformType};
use super::{aspect, attributes};

/// The tables.
pub(in super::super) const TYPES: &[TerraformType] = &[
    aspect("aws_s3_bucket_public_access_block", PUBLIC_ACCESS_BLOCK),
    aspect("aws_s3_bucket_policy", POLICY),
    aspect("aws_s3_bucket_acl", ACL),
    aspect("aws_s3_bucket_ownership_controls", OWNERSHIP),
    aspect("aws_s3_bucket_server_side_encryption_configuration", ENCRYPTION),
    aspect("aws_s3_bucket_request_payment_configuration", REQUEST_PAYMENT),
];

const PUBLIC_ACCESS_BLOCK: &[Mapping] = &[Mapping {
    aws: "PublicAccessBlock",
    from: &[
        ("block_public_acls", "/BlockPublicAcls"),
        ("ignore_public_acls", "/IgnorePublicAcls"),
        ("block_public_policy", "/BlockPublicPolicy"),
        ("restrict_public_buckets", "/RestrictPublicBuckets"),
    ],
    note: "only where this resource exists: AWS's default for buckets without one has changed over the years",
    rank: Rank::Split,
    read: |instance| {
        let block = attributes(instance);
        let flag = |name| Some(block.flag(name).unwrap_or_default().into());
        Some(object([
            ("BlockPublicAcls", flag("block_public_acls")),
            ("IgnorePublicAcls", flag("ignore_public_acls")),
            ("BlockPublicPolicy", flag("block_public_policy")),
            ("RestrictPublicBuckets", flag("restrict_public_buckets")),
        ]))
    },
}];

const POLICY: &[Mapping] = &[Mapping {
    aws: "Policy",
    from: &[("policy", "")],
    note: "",
    rank: Rank::Split,
    read: |instance| policy(attributes(instance)),
}];

const ACL: &[Mapping] = &[Mapping {
    aws: "Acl",
    from: &[
        ("acl", ""),
        ("access_control_policy[0].owner[0].id", ""),
        ("access_control_policy[0].grant[*].grantee[0].id", ""),
        ("access_control_policy[0].grant[*].grantee[0].uri", ""),
        ("access_control_policy[0].grant[*].grantee[0].email_address", ""),
        ("access_control_policy[0].grant[*].permission", ""),
    ],
    note: "a canned ACL means the grants that AWS makes of it, and makes access_control_policy a copy that does not count",
    rank: Rank::Split,
    read: acl,
}];

const OWNERSHIP: &[Mapping] = &[Mapping {
    aws: "OwnershipControls",
    from: &[("rule[0].object_ownership", "/ObjectOwnership")],
    note: "",
    rank: Rank::Split,
    read: |instance| {
        let owner = attributes(instance).block("rule")?.text("object_ownership")?;
        Some(json!({ "ObjectOwnership": owner }))
    },
}];

const ENCRYPTION: &[Mapping] = &[Mapping {
    aws: "Encryption",
    from: &[
        ("rule[0].apply_server_side_encryption_by_default[0].sse_algorithm", "/SSEAlgorithm"),
        ("rule[0].apply_server_side_encryption_by_default[0].kms_master_key_id", "/KMSMasterKeyID"),
        ("rule[0].bucket_key_enabled", "/BucketKeyEnabled"),
        ("rule[0].blocked_encryption_types[*]", "/BlockedEncryptionTypes"),
    ],
    note: "a key by id, ARN or alias; blocked types only where the state names any",
    rank: Rank::Split,
    read: |instance| attributes(instance).block("rule").map(encryption),
}];

const REQUEST_PAYMENT: &[Mapping] = &[Mapping {
    aws: "RequestPayment",
    from: &[("payer", "")],
    note: "",
    rank: Rank::Split,
    read: |instance| attributes(instance).text("payer").map(Value::from),
}];

/// A policy document as text. Providers write an empty text, or an empty object, where there is none to tell.
pub(super) fn policy(block: Block<'_>) -> Option<Value> {
    let text = block.text("policy")?.trim();
    (!matches!(text, "" | "{}" | "null")).then(|| text.into())
}

/// Canned ACLs whose grants are certain. What `aws-exec-read` and the `bucket-owner-…` ones come to on a bucket is not.
const CANNED: [&str; 5] = ["private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write"];

/// A canned ACL by its name, if its grants are certain.
pub(super) fn canned(block: Block<'_>) -> Option<Value> {
    block.text("acl").filter(|name| CANNED.contains(name)).map(Value::from)
}

fn acl(instance: &Instance) -> Option<Value> {
    let block = attributes(instance);
    canned(block).or_else(|| {
        let policy = block.block("access_control_policy")?;
        let owner = policy.block("owner").and_then(|owner| owner.text("id"));
        let grants: Vec<Value> = policy.blocks("grant").into_iter().map(grant).collect();
        Some(json!({ "Owner": { "ID": owner }, "Grants": grants }))
    })
}

/// `{permission, grantee: [{id, uri, email_address}]}`.
pub(super) fn grant(grant: Block<'_>) -> Value {
    let grantee = grant.block("grantee").unwrap_or_else(Block::nothing);
    let text = |name| grantee.text(name).map(Value::from);
    let grantee = object([("ID", text("id")), ("URI", text("uri")), ("EmailAddress", text("email_address"))]);
    object([("Grantee", Some(grantee)), ("Permission", grant.text("permission").map(Value::from))])
}

/// A rule of default encryption, in a resource of its own or inline.
pub(super) fn encryption(rule: Block<'_>) -> Value {
    let by_default = rule.block("apply_server_side_encryption_by_default").unwrap_or_else(Block::nothing);
    let blocked = rule.texts("blocked_encryption_types");
    object([
        ("SSEAlgorithm", by_default.text("sse_algorithm").map(Value::from)),
        ("KMSMasterKeyID", by_default.text("kms_master_key_id").map(Value::from)),
        ("BucketKeyEnabled", rule.flag("bucket_key_enabled").map(Value::from)),
        ("BlockedEncryptionTypes", (!blocked.is_empty()).then(|| blocked.into())),
    ])
}

//! `aws_s3_bucket` itself: its tags in every version of the provider, all the rest inline in version 2 and 3.

use serde_json::{Value, json};

use super::super::block::{Block, object};
use super::super::instance::Instance;
use super::super::mapping::{Mapping, Rank, Role, TerraformType};
use super::super::reading;
use super::access::{canned, encryption, policy};
use super::delivery::{cors_rule, logging};
use super::retention::object_lock;
use super::{S3, attributes, bucket_name, lifecycle, replication, website};

/// The table.
pub(in super::super) const TYPES: &[TerraformType] = &[TerraformType {
    name: "aws_s3_bucket",
    resource_type: S3,
    role: Role::Owner,
    subjects: bucket_name,
    mappings: BUCKET,
}];

const INLINE_NOTE: &str = "provider 2 and 3; a resource of its own wins";

const BUCKET: &[Mapping] = &[
    Mapping {
        aws: "Tags",
        from: &[("tags_all.*", "/*"), ("tags.*", "/*")],
        note: "tags_all where there is one, else tags; AWS's own `aws:` tags are left out",
        rank: Rank::Inline,
        read: reading::tags,
    },
    inline("Policy", &[("policy", "")], |bucket| policy(inline_of(bucket)?)),
    inline("Acl", &[("acl", ""), ("grant[*].id", ""), ("grant[*].uri", ""), ("grant[*].permissions[*]", "")], acl),
    inline(
        "Encryption",
        &[
            (
                "server_side_encryption_configuration[0].rule[0].apply_server_side_encryption_by_default[0].sse_algorithm",
                "/SSEAlgorithm",
            ),
            (
                "server_side_encryption_configuration[0].rule[0].apply_server_side_encryption_by_default[0].kms_master_key_id",
                "/KMSMasterKeyID",
            ),
            ("server_side_encryption_configuration[0].rule[0].bucket_key_enabled", "/BucketKeyEnabled"),
        ],
        |bucket| {
            // Where nothing is configured, AWS has its default.
            let configuration = all(inline_of(bucket)?, "server_side_encryption_configuration")?.into_iter().next();
            let rule = configuration.and_then(|configuration| configuration.block("rule"));
            Some(encryption(rule.unwrap_or_else(Block::nothing)))
        },
    ),
    inline(
        "Versioning",
        &[("versioning[0].enabled", "/Status"), ("versioning[0].mfa_delete", "/MFADelete")],
        |bucket| {
            let versioning = inline_of(bucket)?.block("versioning")?;
            let word = |name, yes: &str| Some(if versioning.flag(name)? { yes } else { "Disabled" }.into());
            Some(object([("Status", word("enabled", "Enabled")), ("MFADelete", word("mfa_delete", "Enabled"))]))
        },
    ),
    inline(
        "Logging",
        &[("logging[0].target_bucket", "/TargetBucket"), ("logging[0].target_prefix", "/TargetPrefix")],
        |bucket| one(inline_of(bucket)?, "logging", |block| logging(block).unwrap_or_default()),
    ),
    inline("Lifecycle", lifecycle::INLINE, |bucket| {
        let rules = all(inline_of(bucket)?, "lifecycle_rule")?;
        Some(rules.into_iter().map(lifecycle::inline_rule).collect())
    }),
    inline(
        "Cors",
        &[
            ("cors_rule[*].allowed_headers[*]", ""),
            ("cors_rule[*].allowed_methods[*]", ""),
            ("cors_rule[*].allowed_origins[*]", ""),
            ("cors_rule[*].expose_headers[*]", ""),
            ("cors_rule[*].max_age_seconds", ""),
        ],
        |bucket| Some(all(inline_of(bucket)?, "cors_rule")?.into_iter().map(cors_rule).collect()),
    ),
    inline("Website", website::INLINE, |bucket| one(inline_of(bucket)?, "website", website::inline)),
    inline("Replication", replication::INLINE, |bucket| {
        one(inline_of(bucket)?, "replication_configuration", replication::inline)
    }),
    inline(
        "ObjectLock",
        &[
            ("object_lock_configuration[0].rule[0].default_retention[0].mode", "/Rule/DefaultRetention/Mode"),
            ("object_lock_configuration[0].rule[0].default_retention[0].days", "/Rule/DefaultRetention/Days"),
            ("object_lock_configuration[0].rule[0].default_retention[0].years", "/Rule/DefaultRetention/Years"),
        ],
        |bucket| one(inline_of(bucket)?, "object_lock_configuration", object_lock),
    ),
    inline("Accelerate", &[("acceleration_status", "")], |bucket| {
        inline_of(bucket)?.text("acceleration_status").map(Value::from)
    }),
    inline("RequestPayment", &[("request_payer", "")], |bucket| {
        inline_of(bucket)?.text("request_payer").map(Value::from)
    }),
];

const fn inline(
    aws: &'static str,
    from: &'static [(&'static str, &'static str)],
    read: fn(&Instance) -> Option<Value>,
) -> Mapping {
    Mapping { aws, from, note: INLINE_NOTE, rank: Rank::Inline, read }
}

/// The bucket's attributes if what stands inline in them is declared: in states of provider 2 and 3, told by
/// `object_lock_enabled`, which provider 4 brought, not being there.
fn inline_of(bucket: &Instance) -> Option<Block<'_>> {
    let block = attributes(bucket);
    (!block.knows("object_lock_enabled")).then_some(block)
}

/// What the nested block of a name comes to, null if the state says that there is none; `None` if it says nothing of it.
fn one(block: Block<'_>, name: &str, make: impl Fn(Block<'_>) -> Value) -> Option<Value> {
    Some(all(block, name)?.into_iter().next().map(make).unwrap_or_default())
}

/// The nested blocks of a name; `None` if the state says nothing of them.
fn all<'a>(block: Block<'a>, name: &str) -> Option<Vec<Block<'a>>> {
    block.get(name)?.is_array().then(|| block.blocks(name))
}

/// Grants, if there are any, else the canned ACL.
fn acl(bucket: &Instance) -> Option<Value> {
    let block = inline_of(bucket)?;
    let grants: Vec<Value> = block.blocks("grant").into_iter().flat_map(inline_grants).collect();
    if grants.is_empty() { canned(block) } else { Some(grants.into()) }
}

/// One grant per permission.
fn inline_grants(grant: Block<'_>) -> Vec<Value> {
    let text = |name| grant.text(name).map(Value::from);
    let grantee = object([("ID", text("id")), ("URI", text("uri"))]);
    let permissions = grant.texts("permissions").into_iter();
    permissions.map(|permission| json!({ "Grantee": grantee, "Permission": permission })).collect()
}

//! How long objects and their versions are kept.

use serde_json::{Value, json};

use super::super::block::{Block, object};
use super::super::mapping::{Mapping, Rank, TerraformType};
use super::lifecycle::{self, SPLIT};
use super::{aspect, attributes};

/// The tables.
pub(in super::super) const TYPES: &[TerraformType] = &[
    aspect("aws_s3_bucket_versioning", VERSIONING),
    aspect("aws_s3_bucket_lifecycle_configuration", LIFECYCLE),
    aspect("aws_s3_bucket_object_lock_configuration", OBJECT_LOCK),
];

const VERSIONING: &[Mapping] = &[Mapping {
    aws: "Versioning",
    from: &[
        ("versioning_configuration[0].status", "/Status"),
        ("versioning_configuration[0].mfa_delete", "/MFADelete"),
    ],
    note: "Disabled is met by Suspended too: AWS has no way back",
    rank: Rank::Split,
    read: |instance| {
        let versioning = attributes(instance).block("versioning_configuration")?;
        Some(object([
            ("Status", Some(versioning.text("status")?.into())),
            ("MFADelete", versioning.text("mfa_delete").map(Value::from)),
        ]))
    },
}];

const LIFECYCLE: &[Mapping] = &[Mapping {
    aws: "Lifecycle",
    from: SPLIT,
    note: "rules by id; no filter, an empty one and an empty prefix all select the whole bucket",
    rank: Rank::Split,
    read: |instance| {
        let rules = attributes(instance).blocks("rule").into_iter().map(lifecycle::rule).collect::<Vec<Value>>();
        (!rules.is_empty()).then(|| rules.into())
    },
}];

const OBJECT_LOCK: &[Mapping] = &[Mapping {
    aws: "ObjectLock",
    from: &[
        ("rule[0].default_retention[0].mode", "/Rule/DefaultRetention/Mode"),
        ("rule[0].default_retention[0].days", "/Rule/DefaultRetention/Days"),
        ("rule[0].default_retention[0].years", "/Rule/DefaultRetention/Years"),
    ],
    note: "that it is on is declared by the resource being there",
    rank: Rank::Split,
    read: |instance| Some(object_lock(attributes(instance))),
}];

/// An object lock, in a resource of its own or inline: both hold the same.
pub(super) fn object_lock(lock: Block<'_>) -> Value {
    let rule = lock.block("rule").and_then(|rule| rule.block("default_retention")).map(|retention| {
        let retention = object([
            ("Mode", retention.text("mode").map(Value::from)),
            ("Days", retention.positive("days").map(Value::from)),
            ("Years", retention.positive("years").map(Value::from)),
        ]);
        json!({ "DefaultRetention": retention })
    });
    object([("ObjectLockEnabled", Some("Enabled".into())), ("Rule", rule)])
}

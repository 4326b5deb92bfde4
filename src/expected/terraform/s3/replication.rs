//! Replication, in the form that it has inline (provider 2 and 3) and in a resource of its own.
//!
//! AWS knows two schemas of a rule: the first has a prefix and no priority, the second a filter, a priority and a word on
//! delete markers. Which one a rule follows is told by its `filter` being there.

use serde_json::{Value, json};

use super::super::block::{Block, object};

/// What the rows of a resource of its own read.
pub(super) const SPLIT: &[(&str, &str)] = &[
    ("role", "/Role"),
    ("rule[*].id", "/Rules"),
    ("rule[*].status", "/Rules/*/Status"),
    ("rule[*].priority", "/Rules/*/Priority"),
    ("rule[*].prefix", "/Rules/*/Filter/Prefix"),
    ("rule[*].filter[0].prefix", "/Rules/*/Filter/Prefix"),
    ("rule[*].filter[0].tag[0].key", "/Rules/*/Filter/Tags"),
    ("rule[*].filter[0].tag[0].value", "/Rules/*/Filter/Tags/*"),
    ("rule[*].filter[0].and[0].prefix", "/Rules/*/Filter/Prefix"),
    ("rule[*].filter[0].and[0].tags.*", "/Rules/*/Filter/Tags/*"),
    ("rule[*].delete_marker_replication[0].status", "/Rules/*/DeleteMarkerReplication/Status"),
    ("rule[*].existing_object_replication[0].status", "/Rules/*/ExistingObjectReplication/Status"),
    (
        "rule[*].source_selection_criteria[0].sse_kms_encrypted_objects[0].status",
        "/Rules/*/SourceSelectionCriteria/SseKmsEncryptedObjects/Status",
    ),
    (
        "rule[*].source_selection_criteria[0].replica_modifications[0].status",
        "/Rules/*/SourceSelectionCriteria/ReplicaModifications/Status",
    ),
    ("rule[*].destination[0].bucket", "/Rules/*/Destination/Bucket"),
    ("rule[*].destination[0].account", "/Rules/*/Destination/Account"),
    ("rule[*].destination[0].storage_class", "/Rules/*/Destination/StorageClass"),
    (
        "rule[*].destination[0].access_control_translation[0].owner",
        "/Rules/*/Destination/AccessControlTranslation/Owner",
    ),
    (
        "rule[*].destination[0].encryption_configuration[0].replica_kms_key_id",
        "/Rules/*/Destination/EncryptionConfiguration/ReplicaKmsKeyID",
    ),
    ("rule[*].destination[0].replication_time[0].status", "/Rules/*/Destination/ReplicationTime/Status"),
    ("rule[*].destination[0].replication_time[0].time[0].minutes", "/Rules/*/Destination/ReplicationTime/Time/Minutes"),
    ("rule[*].destination[0].metrics[0].status", "/Rules/*/Destination/Metrics/Status"),
    (
        "rule[*].destination[0].metrics[0].event_threshold[0].minutes",
        "/Rules/*/Destination/Metrics/EventThreshold/Minutes",
    ),
];

/// What the rows of the inline form read.
pub(super) const INLINE: &[(&str, &str)] = &[
    ("replication_configuration[0].role", "/Role"),
    ("replication_configuration[0].rules[*].id", "/Rules"),
    ("replication_configuration[0].rules[*].status", "/Rules/*/Status"),
    ("replication_configuration[0].rules[*].priority", "/Rules/*/Priority"),
    ("replication_configuration[0].rules[*].prefix", "/Rules/*/Filter/Prefix"),
    ("replication_configuration[0].rules[*].filter[0].prefix", "/Rules/*/Filter/Prefix"),
    ("replication_configuration[0].rules[*].filter[0].tags.*", "/Rules/*/Filter/Tags/*"),
    (
        "replication_configuration[0].rules[*].delete_marker_replication_status",
        "/Rules/*/DeleteMarkerReplication/Status",
    ),
    (
        "replication_configuration[0].rules[*].source_selection_criteria[0].sse_kms_encrypted_objects[0].enabled",
        "/Rules/*/SourceSelectionCriteria/SseKmsEncryptedObjects/Status",
    ),
    ("replication_configuration[0].rules[*].destination[0].bucket", "/Rules/*/Destination/Bucket"),
    ("replication_configuration[0].rules[*].destination[0].account_id", "/Rules/*/Destination/Account"),
    ("replication_configuration[0].rules[*].destination[0].storage_class", "/Rules/*/Destination/StorageClass"),
    (
        "replication_configuration[0].rules[*].destination[0].replica_kms_key_id",
        "/Rules/*/Destination/EncryptionConfiguration/ReplicaKmsKeyID",
    ),
    (
        "replication_configuration[0].rules[*].destination[0].access_control_translation[0].owner",
        "/Rules/*/Destination/AccessControlTranslation/Owner",
    ),
    (
        "replication_configuration[0].rules[*].destination[0].replication_time[0].status",
        "/Rules/*/Destination/ReplicationTime/Status",
    ),
    (
        "replication_configuration[0].rules[*].destination[0].replication_time[0].minutes",
        "/Rules/*/Destination/ReplicationTime/Time/Minutes",
    ),
    ("replication_configuration[0].rules[*].destination[0].metrics[0].status", "/Rules/*/Destination/Metrics/Status"),
    (
        "replication_configuration[0].rules[*].destination[0].metrics[0].minutes",
        "/Rules/*/Destination/Metrics/EventThreshold/Minutes",
    ),
];

/// A replication of a resource of its own.
pub(super) fn replication(replication: Block<'_>) -> Value {
    with_rules(replication, "rule", |rule| {
        let criteria = rule.block("source_selection_criteria").unwrap_or_else(Block::nothing);
        let selection = object([
            ("SseKmsEncryptedObjects", status_of(criteria, "sse_kms_encrypted_objects")),
            ("ReplicaModifications", status_of(criteria, "replica_modifications")),
        ]);
        object([
            ("ID", rule.text("id").map(Value::from)),
            ("Status", rule.text("status").map(Value::from)),
            ("Priority", priority(rule)),
            ("Filter", Some(filter(rule))),
            ("DeleteMarkerReplication", status_of(rule, "delete_marker_replication")),
            ("ExistingObjectReplication", status_of(rule, "existing_object_replication")),
            ("SourceSelectionCriteria", Some(selection)),
            ("Destination", rule.block("destination").map(destination)),
        ])
    })
}

/// A replication inline.
pub(super) fn inline(replication: Block<'_>) -> Value {
    with_rules(replication, "rules", |rule| {
        let encrypted = rule.block("source_selection_criteria").and_then(|selection| {
            let objects = selection.block("sse_kms_encrypted_objects")?;
            Some(status(if objects.flag("enabled")? { "Enabled" } else { "Disabled" }))
        });
        object([
            ("ID", rule.text("id").map(Value::from)),
            ("Status", rule.text("status").map(Value::from)),
            ("Priority", priority(rule)),
            ("Filter", Some(filter(rule))),
            ("DeleteMarkerReplication", inline_delete_markers(rule)),
            ("SourceSelectionCriteria", Some(object([("SseKmsEncryptedObjects", encrypted)]))),
            ("Destination", rule.block("destination").map(inline_destination)),
        ])
    })
}

fn with_rules(replication: Block<'_>, rules: &str, rule: impl Fn(Block<'_>) -> Value) -> Value {
    let rules = replication.blocks(rules).into_iter().map(rule).collect();
    object([("Role", replication.text("role").map(Value::from)), ("Rules", Some(rules))])
}

fn has_filter(rule: Block<'_>) -> bool {
    rule.block("filter").is_some()
}

/// Providers write 0 for a rule of the first schema, which has no priority.
fn priority(rule: Block<'_>) -> Option<Value> {
    rule.integer("priority").filter(|priority| *priority != 0 || has_filter(rule)).map(Value::from)
}

fn filter(rule: Block<'_>) -> Value {
    let filter = rule.block("filter").unwrap_or_else(Block::nothing);
    let and = filter.block("and").unwrap_or_else(Block::nothing);
    let tag = filter.block("tag").map(|tag| {
        let (key, value) = (tag.text("key").unwrap_or_default(), tag.text("value").unwrap_or_default());
        json!({ key: value })
    });
    let prefix = and.text("prefix").or_else(|| filter.text("prefix")).or_else(|| rule.text("prefix"));
    // Inline, the tags stand in the filter itself.
    let tags = and.get("tags").or_else(|| filter.get("tags")).cloned().or(tag);
    object([("Prefix", prefix.map(Value::from)), ("Tags", tags)])
}

/// Providers write an empty text for Disabled, which a rule of the second schema always says.
fn inline_delete_markers(rule: Block<'_>) -> Option<Value> {
    let told = rule.text("delete_marker_replication_status");
    told.or_else(|| has_filter(rule).then_some("Disabled")).map(status)
}

fn status(word: &str) -> Value {
    json!({ "Status": word })
}

fn status_of(block: Block<'_>, name: &str) -> Option<Value> {
    block.block(name)?.text("status").map(status)
}

fn minutes(block: Option<Block<'_>>) -> Option<Value> {
    Some(json!({ "Minutes": block?.positive("minutes")? }))
}

fn destination(to: Block<'_>) -> Value {
    let nested = |block: &str, name: &str| to.block(block).and_then(|inner| inner.text(name)).map(Value::from);
    let time = to
        .block("replication_time")
        .map(|time| object([("Status", time.text("status").map(Value::from)), ("Time", minutes(time.block("time")))]));
    let metrics = to.block("metrics").map(|metrics| {
        let threshold = minutes(metrics.block("event_threshold"));
        object([("Status", metrics.text("status").map(Value::from)), ("EventThreshold", threshold)])
    });
    let key = nested("encryption_configuration", "replica_kms_key_id");
    object([
        ("Bucket", to.text("bucket").map(Value::from)),
        ("Account", to.text("account").map(Value::from)),
        ("StorageClass", to.text("storage_class").map(Value::from)),
        ("AccessControlTranslation", translation(to)),
        ("EncryptionConfiguration", key.map(|key| json!({ "ReplicaKmsKeyID": key }))),
        ("ReplicationTime", time),
        ("Metrics", metrics),
    ])
}

fn inline_destination(to: Block<'_>) -> Value {
    let timed = |block: &str, threshold: &str| {
        to.block(block)
            .map(|inner| object([("Status", inner.text("status").map(Value::from)), (threshold, minutes(Some(inner)))]))
    };
    let key = to.text("replica_kms_key_id").map(|key| json!({ "ReplicaKmsKeyID": key }));
    object([
        ("Bucket", to.text("bucket").map(Value::from)),
        ("Account", to.text("account_id").map(Value::from)),
        ("StorageClass", to.text("storage_class").map(Value::from)),
        ("AccessControlTranslation", translation(to)),
        ("EncryptionConfiguration", key),
        ("ReplicationTime", timed("replication_time", "Time")),
        ("Metrics", timed("metrics", "EventThreshold")),
    ])
}

fn translation(to: Block<'_>) -> Option<Value> {
    let owner = to.block("access_control_translation")?.text("owner")?;
    Some(json!({ "Owner": owner }))
}

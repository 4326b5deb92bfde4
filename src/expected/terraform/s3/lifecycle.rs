//! Lifecycle rules, in the form that they have inline (provider 2 and 3) and in a resource of their own.
//!
//! Providers before the late 5 write 0 and an empty text where a rule has none; only a transition may really be due
//! after 0 days.

use serde_json::{Value, json};

use super::super::block::{Block, object};

/// What the rows of a resource of its own read.
pub(super) const SPLIT: &[(&str, &str)] = &[
    ("rule[*].id", ""),
    ("rule[*].status", "/*/Status"),
    ("rule[*].prefix", "/*/Filter/Prefix"),
    ("rule[*].filter[0].prefix", "/*/Filter/Prefix"),
    ("rule[*].filter[0].tag[0].key", "/*/Filter/Tags"),
    ("rule[*].filter[0].tag[0].value", "/*/Filter/Tags/*"),
    ("rule[*].filter[0].object_size_greater_than", "/*/Filter/ObjectSizeGreaterThan"),
    ("rule[*].filter[0].object_size_less_than", "/*/Filter/ObjectSizeLessThan"),
    ("rule[*].filter[0].and[0].prefix", "/*/Filter/Prefix"),
    ("rule[*].filter[0].and[0].tags.*", "/*/Filter/Tags/*"),
    ("rule[*].filter[0].and[0].object_size_greater_than", "/*/Filter/ObjectSizeGreaterThan"),
    ("rule[*].filter[0].and[0].object_size_less_than", "/*/Filter/ObjectSizeLessThan"),
    ("rule[*].expiration[0].days", "/*/Expiration/Days"),
    ("rule[*].expiration[0].date", "/*/Expiration/Date"),
    ("rule[*].expiration[0].expired_object_delete_marker", "/*/Expiration/ExpiredObjectDeleteMarker"),
    ("rule[*].transition[*].storage_class", "/*/Transitions"),
    ("rule[*].transition[*].days", "/*/Transitions/*/Days"),
    ("rule[*].transition[*].date", "/*/Transitions/*/Date"),
    ("rule[*].noncurrent_version_expiration[0].noncurrent_days", "/*/NoncurrentVersionExpiration/NoncurrentDays"),
    (
        "rule[*].noncurrent_version_expiration[0].newer_noncurrent_versions",
        "/*/NoncurrentVersionExpiration/NewerNoncurrentVersions",
    ),
    ("rule[*].noncurrent_version_transition[*].storage_class", "/*/NoncurrentVersionTransitions"),
    ("rule[*].noncurrent_version_transition[*].noncurrent_days", "/*/NoncurrentVersionTransitions/*/NoncurrentDays"),
    (
        "rule[*].noncurrent_version_transition[*].newer_noncurrent_versions",
        "/*/NoncurrentVersionTransitions/*/NewerNoncurrentVersions",
    ),
    (
        "rule[*].abort_incomplete_multipart_upload[0].days_after_initiation",
        "/*/AbortIncompleteMultipartUpload/DaysAfterInitiation",
    ),
];

/// What the rows of the inline form read.
pub(super) const INLINE: &[(&str, &str)] = &[
    ("lifecycle_rule[*].id", ""),
    ("lifecycle_rule[*].enabled", "/*/Status"),
    ("lifecycle_rule[*].prefix", "/*/Filter/Prefix"),
    ("lifecycle_rule[*].tags.*", "/*/Filter/Tags/*"),
    ("lifecycle_rule[*].expiration[0].days", "/*/Expiration/Days"),
    ("lifecycle_rule[*].expiration[0].date", "/*/Expiration/Date"),
    ("lifecycle_rule[*].expiration[0].expired_object_delete_marker", "/*/Expiration/ExpiredObjectDeleteMarker"),
    ("lifecycle_rule[*].transition[*].storage_class", "/*/Transitions"),
    ("lifecycle_rule[*].transition[*].days", "/*/Transitions/*/Days"),
    ("lifecycle_rule[*].transition[*].date", "/*/Transitions/*/Date"),
    ("lifecycle_rule[*].noncurrent_version_expiration[0].days", "/*/NoncurrentVersionExpiration/NoncurrentDays"),
    ("lifecycle_rule[*].noncurrent_version_transition[*].storage_class", "/*/NoncurrentVersionTransitions"),
    ("lifecycle_rule[*].noncurrent_version_transition[*].days", "/*/NoncurrentVersionTransitions/*/NoncurrentDays"),
    (
        "lifecycle_rule[*].abort_incomplete_multipart_upload_days",
        "/*/AbortIncompleteMultipartUpload/DaysAfterInitiation",
    ),
];

/// A rule of a resource of its own.
pub(super) fn rule(rule: Block<'_>) -> Value {
    let abort =
        rule.block("abort_incomplete_multipart_upload").and_then(|abort| abort.positive("days_after_initiation"));
    let noncurrent = rule.block("noncurrent_version_expiration").map(|expiration| {
        object([
            ("NoncurrentDays", expiration.positive("noncurrent_days").map(Value::from)),
            ("NewerNoncurrentVersions", expiration.positive("newer_noncurrent_versions").map(Value::from)),
        ])
    });
    let filter = rule.block("filter").unwrap_or_else(Block::nothing);
    object([
        ("ID", rule.text("id").map(Value::from)),
        ("Status", rule.text("status").map(Value::from)),
        ("Filter", Some(selection(filter, rule.text("prefix")))),
        ("Expiration", rule.block("expiration").map(expiration)),
        ("Transitions", Some(rule.blocks("transition").into_iter().map(transition).collect())),
        ("NoncurrentVersionExpiration", noncurrent),
        ("NoncurrentVersionTransitions", Some(noncurrent_transitions(rule, "noncurrent_days"))),
        ("AbortIncompleteMultipartUpload", abort.map(after_initiation)),
    ])
}

/// A rule inline.
pub(super) fn inline_rule(rule: Block<'_>) -> Value {
    let noncurrent = rule.block("noncurrent_version_expiration").and_then(|expiration| expiration.positive("days"));
    let status = if rule.flag("enabled").unwrap_or_default() { "Enabled" } else { "Disabled" };
    let filter = object([("Prefix", rule.text("prefix").map(Value::from)), ("Tags", rule.get("tags").cloned())]);
    object([
        ("ID", rule.text("id").map(Value::from)),
        ("Status", Some(status.into())),
        ("Filter", Some(filter)),
        ("Expiration", rule.block("expiration").map(expiration)),
        ("Transitions", Some(rule.blocks("transition").into_iter().map(transition).collect())),
        ("NoncurrentVersionExpiration", noncurrent.map(|days| json!({ "NoncurrentDays": days }))),
        ("NoncurrentVersionTransitions", Some(noncurrent_transitions(rule, "days"))),
        (
            "AbortIncompleteMultipartUpload",
            rule.positive("abort_incomplete_multipart_upload_days").map(after_initiation),
        ),
    ])
}

/// A filter, `and` taken apart; the old `prefix` of the rule counts where the filter has none.
fn selection(filter: Block<'_>, old_prefix: Option<&str>) -> Value {
    let and = filter.block("and").unwrap_or_else(Block::nothing);
    let size = |name| and.positive(name).or_else(|| filter.positive(name)).map(Value::from);
    let tag = filter.block("tag").map(|tag| json!({ tag.text("key").unwrap_or_default(): text_of(tag, "value") }));
    object([
        ("Prefix", and.text("prefix").or_else(|| filter.text("prefix")).or(old_prefix).map(Value::from)),
        ("Tags", and.get("tags").cloned().or(tag)),
        ("ObjectSizeGreaterThan", size("object_size_greater_than")),
        ("ObjectSizeLessThan", size("object_size_less_than")),
    ])
}

/// A text that may be empty.
fn text_of<'a>(block: Block<'a>, name: &str) -> &'a str {
    block.text(name).unwrap_or_default()
}

fn expiration(expiration: Block<'_>) -> Value {
    object([
        ("Days", expiration.positive("days").map(Value::from)),
        ("Date", expiration.text("date").map(Value::from)),
        ("ExpiredObjectDeleteMarker", expiration.flag("expired_object_delete_marker").map(Value::from)),
    ])
}

fn transition(transition: Block<'_>) -> Value {
    let date = transition.text("date");
    // A transition has a date or a number of days, and 0 days are a number.
    let days = transition.integer("days").filter(|_| date.is_none());
    object([
        ("StorageClass", transition.text("storage_class").map(Value::from)),
        ("Days", days.map(Value::from)),
        ("Date", date.map(Value::from)),
    ])
}

fn noncurrent_transitions(rule: Block<'_>, days: &str) -> Value {
    let transition = |transition: Block<'_>| {
        object([
            ("StorageClass", transition.text("storage_class").map(Value::from)),
            ("NoncurrentDays", transition.integer(days).map(Value::from)),
            ("NewerNoncurrentVersions", transition.positive("newer_noncurrent_versions").map(Value::from)),
        ])
    };
    rule.blocks("noncurrent_version_transition").into_iter().map(transition).collect()
}

fn after_initiation(days: i64) -> Value {
    json!({ "DaysAfterInitiation": days })
}

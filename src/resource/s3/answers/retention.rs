//! Answers about how long objects and their versions are kept.

use aws_sdk_s3::operation::{
    get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput,
    get_bucket_versioning::GetBucketVersioningOutput, get_object_lock_configuration::GetObjectLockConfigurationOutput,
};
use aws_sdk_s3::types::{DefaultRetention, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;

use super::{list, object, part, tag, word};

fn date(date: Option<DateTime>) -> Value {
    // A date outside of years 0 to 9999 has no text; AWS has no such date.
    part(date, |date| date.fmt(Format::DateTime).map_or(Value::Null, Value::from))
}

pub(in super::super) fn get_bucket_versioning(answer: GetBucketVersioningOutput) -> Value {
    object([("Status", word!(answer.status)), ("MFADelete", word!(answer.mfa_delete))])
}

pub(in super::super) fn get_bucket_lifecycle_configuration(answer: GetBucketLifecycleConfigurationOutput) -> Value {
    list(answer.rules, lifecycle_rule)
}

#[allow(deprecated, reason = "buckets configured long ago still answer with the rule's own Prefix")]
fn lifecycle_rule(rule: LifecycleRule) -> Value {
    object([
        ("ID", rule.id.into()),
        ("Prefix", rule.prefix.into()),
        ("Status", rule.status.as_str().into()),
        ("Filter", part(rule.filter, lifecycle_filter)),
        ("Expiration", part(rule.expiration, expiration)),
        (
            "Transitions",
            list(rule.transitions, |transition| {
                object([
                    ("Days", transition.days.into()),
                    ("Date", date(transition.date)),
                    ("StorageClass", word!(transition.storage_class)),
                ])
            }),
        ),
        (
            "NoncurrentVersionExpiration",
            part(rule.noncurrent_version_expiration, |expiration| {
                object([
                    ("NoncurrentDays", expiration.noncurrent_days.into()),
                    ("NewerNoncurrentVersions", expiration.newer_noncurrent_versions.into()),
                ])
            }),
        ),
        (
            "NoncurrentVersionTransitions",
            list(rule.noncurrent_version_transitions, |transition| {
                object([
                    ("NoncurrentDays", transition.noncurrent_days.into()),
                    ("NewerNoncurrentVersions", transition.newer_noncurrent_versions.into()),
                    ("StorageClass", word!(transition.storage_class)),
                ])
            }),
        ),
        (
            "AbortIncompleteMultipartUpload",
            part(rule.abort_incomplete_multipart_upload, |abort| {
                object([("DaysAfterInitiation", abort.days_after_initiation.into())])
            }),
        ),
    ])
}

fn lifecycle_filter(filter: LifecycleRuleFilter) -> Value {
    object([
        ("Prefix", filter.prefix.into()),
        ("Tag", part(filter.tag, tag)),
        ("ObjectSizeGreaterThan", filter.object_size_greater_than.into()),
        ("ObjectSizeLessThan", filter.object_size_less_than.into()),
        (
            "And",
            part(filter.and, |and| {
                object([
                    ("Prefix", and.prefix.into()),
                    ("Tags", list(and.tags, tag)),
                    ("ObjectSizeGreaterThan", and.object_size_greater_than.into()),
                    ("ObjectSizeLessThan", and.object_size_less_than.into()),
                ])
            }),
        ),
    ])
}

fn expiration(expiration: LifecycleExpiration) -> Value {
    object([
        ("Days", expiration.days.into()),
        ("Date", date(expiration.date)),
        ("ExpiredObjectDeleteMarker", expiration.expired_object_delete_marker.into()),
    ])
}

pub(in super::super) fn get_object_lock_configuration(answer: GetObjectLockConfigurationOutput) -> Value {
    part(answer.object_lock_configuration, |lock| {
        object([
            ("ObjectLockEnabled", word!(lock.object_lock_enabled)),
            ("Rule", part(lock.rule, |rule| object([("DefaultRetention", part(rule.default_retention, retention))]))),
        ])
    })
}

fn retention(retention: DefaultRetention) -> Value {
    object([
        ("Mode", word!(retention.mode)),
        ("Days", retention.days.into()),
        ("Years", retention.years.into()),
        (
            "DefaultEventHold",
            part(retention.default_event_hold, |hold| {
                object([("Days", hold.days.into()), ("Years", hold.years.into())])
            }),
        ),
    ])
}

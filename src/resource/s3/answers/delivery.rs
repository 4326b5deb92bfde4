//! Answers about how objects leave a bucket: to browsers, to other buckets, as events.

use aws_sdk_s3::operation::{
    get_bucket_accelerate_configuration::GetBucketAccelerateConfigurationOutput, get_bucket_cors::GetBucketCorsOutput,
    get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput,
    get_bucket_replication::GetBucketReplicationOutput, get_bucket_website::GetBucketWebsiteOutput,
};
use aws_sdk_s3::types::{
    Destination, Event, NotificationConfigurationFilter, ReplicationRule, ReplicationRuleFilter, ReplicationTimeValue,
    RoutingRule, SourceSelectionCriteria,
};
use serde_json::Value;

use super::{list, object, part, tag, word};

pub(in super::super) fn get_bucket_accelerate_configuration(answer: GetBucketAccelerateConfigurationOutput) -> Value {
    word!(answer.status)
}

pub(in super::super) fn get_bucket_cors(answer: GetBucketCorsOutput) -> Value {
    list(answer.cors_rules, |rule| {
        object([
            ("ID", rule.id.into()),
            ("AllowedHeaders", rule.allowed_headers.into()),
            ("AllowedMethods", rule.allowed_methods.into()),
            ("AllowedOrigins", rule.allowed_origins.into()),
            ("ExposeHeaders", rule.expose_headers.into()),
            ("MaxAgeSeconds", rule.max_age_seconds.into()),
        ])
    })
}

pub(in super::super) fn get_bucket_website(answer: GetBucketWebsiteOutput) -> Value {
    object([
        ("IndexDocument", part(answer.index_document, |index| object([("Suffix", index.suffix.into())]))),
        ("ErrorDocument", part(answer.error_document, |error| object([("Key", error.key.into())]))),
        (
            "RedirectAllRequestsTo",
            part(answer.redirect_all_requests_to, |to| {
                object([("HostName", to.host_name.into()), ("Protocol", word!(to.protocol))])
            }),
        ),
        ("RoutingRules", list(answer.routing_rules, routing_rule)),
    ])
}

fn routing_rule(rule: RoutingRule) -> Value {
    object([
        (
            "Condition",
            part(rule.condition, |condition| {
                object([
                    ("HttpErrorCodeReturnedEquals", condition.http_error_code_returned_equals.into()),
                    ("KeyPrefixEquals", condition.key_prefix_equals.into()),
                ])
            }),
        ),
        (
            "Redirect",
            part(rule.redirect, |redirect| {
                object([
                    ("HostName", redirect.host_name.into()),
                    ("HttpRedirectCode", redirect.http_redirect_code.into()),
                    ("Protocol", word!(redirect.protocol)),
                    ("ReplaceKeyPrefixWith", redirect.replace_key_prefix_with.into()),
                    ("ReplaceKeyWith", redirect.replace_key_with.into()),
                ])
            }),
        ),
    ])
}

pub(in super::super) fn get_bucket_replication(answer: GetBucketReplicationOutput) -> Value {
    part(answer.replication_configuration, |replication| {
        object([("Role", replication.role.into()), ("Rules", list(Some(replication.rules), replication_rule))])
    })
}

/// A status alone.
macro_rules! status {
    ($of:expr) => {
        part($of, |of| object([("Status", of.status.as_str().into())]))
    };
}

#[allow(deprecated, reason = "rules made long ago still answer with their own Prefix")]
fn replication_rule(rule: ReplicationRule) -> Value {
    object([
        ("ID", rule.id.into()),
        ("Priority", rule.priority.into()),
        ("Prefix", rule.prefix.into()),
        ("Status", rule.status.as_str().into()),
        ("Filter", part(rule.filter, replication_filter)),
        ("Destination", part(rule.destination, destination)),
        (
            "DeleteMarkerReplication",
            part(rule.delete_marker_replication, |markers| object([("Status", word!(markers.status))])),
        ),
        ("ExistingObjectReplication", status!(rule.existing_object_replication)),
        ("SourceSelectionCriteria", part(rule.source_selection_criteria, source_selection)),
    ])
}

fn replication_filter(filter: ReplicationRuleFilter) -> Value {
    object([
        ("Prefix", filter.prefix.into()),
        ("Tag", part(filter.tag, tag)),
        ("And", part(filter.and, |and| object([("Prefix", and.prefix.into()), ("Tags", list(and.tags, tag))]))),
    ])
}

fn source_selection(criteria: SourceSelectionCriteria) -> Value {
    object([
        ("SseKmsEncryptedObjects", status!(criteria.sse_kms_encrypted_objects)),
        ("ReplicaModifications", status!(criteria.replica_modifications)),
    ])
}

fn destination(destination: Destination) -> Value {
    let minutes = |time: ReplicationTimeValue| object([("Minutes", time.minutes.into())]);
    object([
        ("Bucket", destination.bucket.into()),
        ("Account", destination.account.into()),
        ("StorageClass", word!(destination.storage_class)),
        (
            "AccessControlTranslation",
            part(destination.access_control_translation, |to| object([("Owner", to.owner.as_str().into())])),
        ),
        (
            "EncryptionConfiguration",
            part(destination.encryption_configuration, |key| {
                object([("ReplicaKmsKeyID", key.replica_kms_key_id.into())])
            }),
        ),
        (
            "ReplicationTime",
            part(destination.replication_time, |time| {
                object([("Status", time.status.as_str().into()), ("Time", part(time.time, minutes))])
            }),
        ),
        (
            "Metrics",
            part(destination.metrics, |metrics| {
                let threshold = part(metrics.event_threshold, minutes);
                object([("Status", metrics.status.as_str().into()), ("EventThreshold", threshold)])
            }),
        ),
    ])
}

pub(in super::super) fn get_bucket_notification_configuration(
    answer: GetBucketNotificationConfigurationOutput,
) -> Value {
    object([
        (
            "TopicConfigurations",
            list(answer.topic_configurations, |to| target(to.id, ("TopicArn", to.topic_arn), &to.events, to.filter)),
        ),
        (
            "QueueConfigurations",
            list(answer.queue_configurations, |to| target(to.id, ("QueueArn", to.queue_arn), &to.events, to.filter)),
        ),
        (
            "LambdaFunctionConfigurations",
            list(answer.lambda_function_configurations, |to| {
                target(to.id, ("LambdaFunctionArn", to.lambda_function_arn), &to.events, to.filter)
            }),
        ),
        ("EventBridgeConfiguration", part(answer.event_bridge_configuration, |_| object([]))),
    ])
}

fn target(
    id: Option<String>,
    (field, arn): (&str, String),
    events: &[Event],
    filter: Option<NotificationConfigurationFilter>,
) -> Value {
    let rules = filter
        .and_then(|filter| filter.key)
        .map(|key| list(key.filter_rules, |rule| object([("Name", word!(rule.name)), ("Value", rule.value.into())])));
    object([
        ("Id", id.into()),
        (field, arn.into()),
        ("Events", events.iter().map(|event| Value::from(event.as_str())).collect()),
        ("Filter", part(rules, |rules| object([("Key", object([("FilterRules", rules)]))]))),
    ])
}

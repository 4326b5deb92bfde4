//! Changes of buckets that lie within rules: lifecycle, replication, notification.

use serde_json::{Value, json};

use super::{Row, other, pop, push, row, status};

const S3: &str = "S3";

fn later(value: &mut Value) {
    if !value.is_null() {
        *value = "2031-05-01T00:00:00Z".into();
    }
}

fn class(value: &mut Value) {
    if !value.is_null() {
        *value = "ONEZONE_IA".into();
    }
}

fn event(value: &mut Value) {
    push(value, json!("s3:ObjectRestore:Post"));
}

fn tag(value: &mut Value) {
    push(value, json!({"Key": "More", "Value": "x"}));
}

pub const ROWS: &[Row] = &[
    row(S3, "/Lifecycle", "/lifecycle/Rule/*/ID", other),
    row(S3, "/Lifecycle", "/lifecycle/Rule", pop),
    row(S3, "/Lifecycle/*/Status", "/lifecycle/Rule/*/Status", status),
    row(S3, "/Lifecycle/*/Filter/Prefix", "/lifecycle/Rule/*/Filter/Prefix", other),
    row(S3, "/Lifecycle/*/Filter/Prefix", "/lifecycle/Rule/*/Filter/And/Prefix", other),
    row(S3, "/Lifecycle/*/Filter/Tags", "/lifecycle/Rule/*/Filter/Tag/Key", other),
    row(S3, "/Lifecycle/*/Filter/Tags/*", "/lifecycle/Rule/*/Filter/Tag/Value", other),
    row(S3, "/Lifecycle/*/Filter/Tags/*", "/lifecycle/Rule/*/Filter/And/Tag/*/Value", other),
    row(S3, "/Lifecycle/*/Filter/Tags/*", "/lifecycle/Rule/*/Filter/And/Tag", tag),
    row(S3, "/Lifecycle/*/Filter/ObjectSizeGreaterThan", "/lifecycle/Rule/*/Filter/ObjectSizeGreaterThan", other),
    row(S3, "/Lifecycle/*/Filter/ObjectSizeLessThan", "/lifecycle/Rule/*/Filter/ObjectSizeLessThan", other),
    row(S3, "/Lifecycle/*/Filter/ObjectSizeGreaterThan", "/lifecycle/Rule/*/Filter/And/ObjectSizeGreaterThan", other),
    row(S3, "/Lifecycle/*/Filter/ObjectSizeLessThan", "/lifecycle/Rule/*/Filter/And/ObjectSizeLessThan", other),
    row(S3, "/Lifecycle/*/Expiration/Days", "/lifecycle/Rule/*/Expiration/Days", other),
    row(S3, "/Lifecycle/*/Expiration/Date", "/lifecycle/Rule/*/Expiration/Date", later),
    row(
        S3,
        "/Lifecycle/*/Expiration/ExpiredObjectDeleteMarker",
        "/lifecycle/Rule/*/Expiration/ExpiredObjectDeleteMarker",
        other,
    ),
    row(S3, "/Lifecycle/*/Transitions", "/lifecycle/Rule/*/Transition/*/StorageClass", class),
    row(S3, "/Lifecycle/*/Transitions/*/Days", "/lifecycle/Rule/*/Transition/*/Days", other),
    row(S3, "/Lifecycle/*/Transitions/*/Date", "/lifecycle/Rule/*/Transition/*/Date", later),
    row(
        S3,
        "/Lifecycle/*/NoncurrentVersionExpiration/NoncurrentDays",
        "/lifecycle/Rule/*/NoncurrentVersionExpiration/NoncurrentDays",
        other,
    ),
    row(
        S3,
        "/Lifecycle/*/NoncurrentVersionExpiration/NewerNoncurrentVersions",
        "/lifecycle/Rule/*/NoncurrentVersionExpiration/NewerNoncurrentVersions",
        other,
    ),
    row(
        S3,
        "/Lifecycle/*/NoncurrentVersionTransitions",
        "/lifecycle/Rule/*/NoncurrentVersionTransition/*/StorageClass",
        class,
    ),
    row(
        S3,
        "/Lifecycle/*/NoncurrentVersionTransitions/*/NoncurrentDays",
        "/lifecycle/Rule/*/NoncurrentVersionTransition/*/NoncurrentDays",
        other,
    ),
    row(
        S3,
        "/Lifecycle/*/NoncurrentVersionTransitions/*/NewerNoncurrentVersions",
        "/lifecycle/Rule/*/NoncurrentVersionTransition/*/NewerNoncurrentVersions",
        other,
    ),
    row(
        S3,
        "/Lifecycle/*/AbortIncompleteMultipartUpload/DaysAfterInitiation",
        "/lifecycle/Rule/*/AbortIncompleteMultipartUpload/DaysAfterInitiation",
        other,
    ),
    row(S3, "/Replication/Role", "/replication/Role", other),
    row(S3, "/Replication/Rules", "/replication/Rule/*/ID", other),
    row(S3, "/Replication/Rules/*/Status", "/replication/Rule/*/Status", status),
    row(S3, "/Replication/Rules/*/Priority", "/replication/Rule/*/Priority", other),
    row(S3, "/Replication/Rules/*/Filter/Prefix", "/replication/Rule/*/Filter/Prefix", other),
    row(S3, "/Replication/Rules/*/Filter/Prefix", "/replication/Rule/*/Prefix", other),
    row(S3, "/Replication/Rules/*/Filter/Prefix", "/replication/Rule/*/Filter/And/Prefix", other),
    row(S3, "/Replication/Rules/*/Filter/Tags", "/replication/Rule/*/Filter/Tag/Key", other),
    row(S3, "/Replication/Rules/*/Filter/Tags/*", "/replication/Rule/*/Filter/Tag/Value", other),
    row(S3, "/Replication/Rules/*/Filter/Tags/*", "/replication/Rule/*/Filter/And/Tag/*/Value", other),
    row(
        S3,
        "/Replication/Rules/*/DeleteMarkerReplication/Status",
        "/replication/Rule/*/DeleteMarkerReplication/Status",
        status,
    ),
    row(
        S3,
        "/Replication/Rules/*/ExistingObjectReplication/Status",
        "/replication/Rule/*/ExistingObjectReplication/Status",
        status,
    ),
    row(
        S3,
        "/Replication/Rules/*/SourceSelectionCriteria/SseKmsEncryptedObjects/Status",
        "/replication/Rule/*/SourceSelectionCriteria/SseKmsEncryptedObjects/Status",
        status,
    ),
    row(
        S3,
        "/Replication/Rules/*/SourceSelectionCriteria/ReplicaModifications/Status",
        "/replication/Rule/*/SourceSelectionCriteria/ReplicaModifications/Status",
        status,
    ),
    row(S3, "/Replication/Rules/*/Destination/Bucket", "/replication/Rule/*/Destination/Bucket", other),
    row(S3, "/Replication/Rules/*/Destination/Account", "/replication/Rule/*/Destination/Account", other),
    row(S3, "/Replication/Rules/*/Destination/StorageClass", "/replication/Rule/*/Destination/StorageClass", class),
    row(
        S3,
        "/Replication/Rules/*/Destination/AccessControlTranslation/Owner",
        "/replication/Rule/*/Destination/AccessControlTranslation/Owner",
        other,
    ),
    row(
        S3,
        "/Replication/Rules/*/Destination/EncryptionConfiguration/ReplicaKmsKeyID",
        "/replication/Rule/*/Destination/EncryptionConfiguration/ReplicaKmsKeyID",
        other,
    ),
    row(
        S3,
        "/Replication/Rules/*/Destination/ReplicationTime/Status",
        "/replication/Rule/*/Destination/ReplicationTime/Status",
        status,
    ),
    row(
        S3,
        "/Replication/Rules/*/Destination/ReplicationTime/Time/Minutes",
        "/replication/Rule/*/Destination/ReplicationTime/Time/Minutes",
        other,
    ),
    row(
        S3,
        "/Replication/Rules/*/Destination/Metrics/Status",
        "/replication/Rule/*/Destination/Metrics/Status",
        status,
    ),
    row(
        S3,
        "/Replication/Rules/*/Destination/Metrics/EventThreshold/Minutes",
        "/replication/Rule/*/Destination/Metrics/EventThreshold/Minutes",
        other,
    ),
    row(S3, "/Notification/TopicConfigurations", "/notification/TopicConfiguration/*/Id", other),
    row(S3, "/Notification/TopicConfigurations/*/TopicArn", "/notification/TopicConfiguration/*/Topic", other),
    row(S3, "/Notification/TopicConfigurations/*/Events", "/notification/TopicConfiguration/*/Event", event),
    row(S3, "/Notification/QueueConfigurations", "/notification/QueueConfiguration/*/Id", other),
    row(S3, "/Notification/QueueConfigurations/*/QueueArn", "/notification/QueueConfiguration/*/Queue", other),
    row(S3, "/Notification/QueueConfigurations/*/Events", "/notification/QueueConfiguration/*/Event", event),
    row(S3, "/Notification/LambdaFunctionConfigurations", "/notification/CloudFunctionConfiguration/*/Id", other),
    row(
        S3,
        "/Notification/LambdaFunctionConfigurations/*/LambdaFunctionArn",
        "/notification/CloudFunctionConfiguration/*/CloudFunction",
        other,
    ),
    row(
        S3,
        "/Notification/LambdaFunctionConfigurations/*/Events",
        "/notification/CloudFunctionConfiguration/*/Event",
        event,
    ),
    name(TOPIC_PREFIX, TOPIC_FILTER, prefix),
    name(TOPIC_SUFFIX, TOPIC_FILTER, suffix),
    name(QUEUE_PREFIX, QUEUE_FILTER, prefix),
    name(QUEUE_SUFFIX, QUEUE_FILTER, suffix),
    name(LAMBDA_PREFIX, LAMBDA_FILTER, prefix),
    name(LAMBDA_SUFFIX, LAMBDA_FILTER, suffix),
];

const TOPIC_PREFIX: &str = "/Notification/TopicConfigurations/*/Filter/Prefix";
const TOPIC_SUFFIX: &str = "/Notification/TopicConfigurations/*/Filter/Suffix";
const TOPIC_FILTER: &str = "/notification/TopicConfiguration/*/Filter/S3Key/FilterRule/*";
const QUEUE_PREFIX: &str = "/Notification/QueueConfigurations/*/Filter/Prefix";
const QUEUE_SUFFIX: &str = "/Notification/QueueConfigurations/*/Filter/Suffix";
const QUEUE_FILTER: &str = "/notification/QueueConfiguration/*/Filter/S3Key/FilterRule/*";
const LAMBDA_PREFIX: &str = "/Notification/LambdaFunctionConfigurations/*/Filter/Prefix";
const LAMBDA_SUFFIX: &str = "/Notification/LambdaFunctionConfigurations/*/Filter/Suffix";
const LAMBDA_FILTER: &str = "/notification/CloudFunctionConfiguration/*/Filter/S3Key/FilterRule/*";

/// A change of the names that a notification is for.
const fn name(shows: &'static str, at: &'static str, edit: fn(&mut Value)) -> Row {
    row(S3, shows, at, edit)
}

fn prefix(rule: &mut Value) {
    if rule["Name"] == "Prefix" {
        other(&mut rule["Value"]);
    }
}

fn suffix(rule: &mut Value) {
    if rule["Name"] == "Suffix" {
        other(&mut rule["Value"]);
    }
}

//! Parameters that say how objects leave a bucket: to browsers, to other buckets, as events.

use aws_sdk_s3::types::{
    AccelerateConfiguration, AccessControlTranslation, Condition, CorsConfiguration, CorsRule, DeleteMarkerReplication,
    Destination, EncryptionConfiguration, ErrorDocument, EventBridgeConfiguration, ExistingObjectReplication,
    FilterRule, IndexDocument, LambdaFunctionConfiguration, Metrics, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, Redirect, RedirectAllRequestsTo, ReplicaModifications,
    ReplicationConfiguration, ReplicationRule, ReplicationRuleAndOperator, ReplicationRuleFilter, ReplicationTime,
    ReplicationTimeValue, RoutingRule, S3KeyFilter, SourceSelectionCriteria, SseKmsEncryptedObjects,
    TopicConfiguration, WebsiteConfiguration,
};

use super::{Fields, Read, missing, tag};

pub(in super::super) fn accelerate(fields: &mut Fields<'_>) -> Read<AccelerateConfiguration> {
    Ok(AccelerateConfiguration::builder().set_status(fields.word("Status")?).build())
}

pub(in super::super) fn cors(fields: &mut Fields<'_>) -> Read<CorsConfiguration> {
    let rules = fields.parts("CORSRules", |rule| {
        CorsRule::builder()
            .set_id(rule.text("ID")?)
            .set_allowed_headers(rule.texts("AllowedHeaders")?)
            .set_allowed_methods(rule.texts("AllowedMethods")?)
            .set_allowed_origins(rule.texts("AllowedOrigins")?)
            .set_expose_headers(rule.texts("ExposeHeaders")?)
            .set_max_age_seconds(rule.number("MaxAgeSeconds")?)
            .build()
            .map_err(missing)
    })?;
    CorsConfiguration::builder().set_cors_rules(rules).build().map_err(missing)
}

pub(in super::super) fn website(fields: &mut Fields<'_>) -> Read<WebsiteConfiguration> {
    let index = fields.part("IndexDocument", |index| {
        IndexDocument::builder().set_suffix(index.text("Suffix")?).build().map_err(missing)
    })?;
    let error = fields
        .part("ErrorDocument", |error| ErrorDocument::builder().set_key(error.text("Key")?).build().map_err(missing))?;
    let redirect = fields.part("RedirectAllRequestsTo", |to| {
        let redirect = RedirectAllRequestsTo::builder().set_host_name(to.text("HostName")?);
        redirect.set_protocol(to.word("Protocol")?).build().map_err(missing)
    })?;
    Ok(WebsiteConfiguration::builder()
        .set_index_document(index)
        .set_error_document(error)
        .set_redirect_all_requests_to(redirect)
        .set_routing_rules(fields.parts("RoutingRules", routing_rule)?)
        .build())
}

fn routing_rule(fields: &mut Fields<'_>) -> Read<RoutingRule> {
    let condition = fields.part("Condition", |condition| {
        Ok(Condition::builder()
            .set_http_error_code_returned_equals(condition.text("HttpErrorCodeReturnedEquals")?)
            .set_key_prefix_equals(condition.text("KeyPrefixEquals")?)
            .build())
    })?;
    let redirect = fields.part("Redirect", |redirect| {
        Ok(Redirect::builder()
            .set_host_name(redirect.text("HostName")?)
            .set_http_redirect_code(redirect.text("HttpRedirectCode")?)
            .set_protocol(redirect.word("Protocol")?)
            .set_replace_key_prefix_with(redirect.text("ReplaceKeyPrefixWith")?)
            .set_replace_key_with(redirect.text("ReplaceKeyWith")?)
            .build())
    })?;
    Ok(RoutingRule::builder().set_condition(condition).set_redirect(redirect).build())
}

pub(in super::super) fn replication(fields: &mut Fields<'_>) -> Read<ReplicationConfiguration> {
    let rules = fields.parts("Rules", replication_rule)?;
    ReplicationConfiguration::builder().set_role(fields.text("Role")?).set_rules(rules).build().map_err(missing)
}

/// A status alone.
macro_rules! status {
    ($fields:ident, $name:literal, $kind:ident) => {
        $fields.part($name, |of| $kind::builder().set_status(of.word("Status")?).build().map_err(missing))?
    };
}

#[allow(deprecated, reason = "rules made long ago have their own Prefix, and delete markers follow it")]
fn replication_rule(fields: &mut Fields<'_>) -> Read<ReplicationRule> {
    let markers = fields.part("DeleteMarkerReplication", |markers| {
        Ok(DeleteMarkerReplication::builder().set_status(markers.word("Status")?).build())
    })?;
    ReplicationRule::builder()
        .set_id(fields.text("ID")?)
        .set_priority(fields.number("Priority")?)
        .set_prefix(fields.text("Prefix")?)
        .set_status(fields.word("Status")?)
        .set_filter(fields.part("Filter", replication_filter)?)
        .set_destination(fields.part("Destination", destination)?)
        .set_delete_marker_replication(markers)
        .set_existing_object_replication(status!(fields, "ExistingObjectReplication", ExistingObjectReplication))
        .set_source_selection_criteria(fields.part("SourceSelectionCriteria", source_selection)?)
        .build()
        .map_err(missing)
}

fn replication_filter(fields: &mut Fields<'_>) -> Read<ReplicationRuleFilter> {
    let and = fields.part("And", |and| {
        let and =
            ReplicationRuleAndOperator::builder().set_prefix(and.text("Prefix")?).set_tags(and.parts("Tags", tag)?);
        Ok(and.build())
    })?;
    let filter = ReplicationRuleFilter::builder().set_prefix(fields.text("Prefix")?);
    Ok(filter.set_tag(fields.part("Tag", tag)?).set_and(and).build())
}

fn source_selection(fields: &mut Fields<'_>) -> Read<SourceSelectionCriteria> {
    Ok(SourceSelectionCriteria::builder()
        .set_sse_kms_encrypted_objects(status!(fields, "SseKmsEncryptedObjects", SseKmsEncryptedObjects))
        .set_replica_modifications(status!(fields, "ReplicaModifications", ReplicaModifications))
        .build())
}

fn destination(fields: &mut Fields<'_>) -> Read<Destination> {
    let translation = fields.part("AccessControlTranslation", |to| {
        AccessControlTranslation::builder().set_owner(to.word("Owner")?).build().map_err(missing)
    })?;
    let encryption = fields.part("EncryptionConfiguration", |key| {
        Ok(EncryptionConfiguration::builder().set_replica_kms_key_id(key.text("ReplicaKmsKeyID")?).build())
    })?;
    let time = fields.part("ReplicationTime", |time| {
        let limit = time.part("Time", minutes)?;
        ReplicationTime::builder().set_status(time.word("Status")?).set_time(limit).build().map_err(missing)
    })?;
    let metrics = fields.part("Metrics", |metrics| {
        let threshold = metrics.part("EventThreshold", minutes)?;
        Metrics::builder().set_status(metrics.word("Status")?).set_event_threshold(threshold).build().map_err(missing)
    })?;
    Destination::builder()
        .set_bucket(fields.text("Bucket")?)
        .set_account(fields.text("Account")?)
        .set_storage_class(fields.word("StorageClass")?)
        .set_access_control_translation(translation)
        .set_encryption_configuration(encryption)
        .set_replication_time(time)
        .set_metrics(metrics)
        .build()
        .map_err(missing)
}

fn minutes(fields: &mut Fields<'_>) -> Read<ReplicationTimeValue> {
    Ok(ReplicationTimeValue::builder().set_minutes(fields.number("Minutes")?).build())
}

/// One list of configurations that each have one kind of target.
macro_rules! targets {
    ($fields:ident, $list:literal, $kind:ident, $set_arn:ident, $arn:literal) => {
        $fields.parts($list, |to| {
            $kind::builder()
                .set_id(to.text("Id")?)
                .$set_arn(to.text($arn)?)
                .set_events(to.texts("Events")?)
                .set_filter(to.part("Filter", name_filter)?)
                .build()
                .map_err(missing)
        })?
    };
}

pub(in super::super) fn notification(fields: &mut Fields<'_>) -> Read<NotificationConfiguration> {
    let topics = targets!(fields, "TopicConfigurations", TopicConfiguration, set_topic_arn, "TopicArn");
    let queues = targets!(fields, "QueueConfigurations", QueueConfiguration, set_queue_arn, "QueueArn");
    let functions = targets!(
        fields,
        "LambdaFunctionConfigurations",
        LambdaFunctionConfiguration,
        set_lambda_function_arn,
        "LambdaFunctionArn"
    );
    let bridge = fields.part("EventBridgeConfiguration", |_| Ok(EventBridgeConfiguration::builder().build()))?;
    Ok(NotificationConfiguration::builder()
        .set_topic_configurations(topics)
        .set_queue_configurations(queues)
        .set_lambda_function_configurations(functions)
        .set_event_bridge_configuration(bridge)
        .build())
}

fn name_filter(fields: &mut Fields<'_>) -> Read<NotificationConfigurationFilter> {
    let key = fields.part("Key", |key| {
        let rules = key.parts("FilterRules", |rule| {
            Ok(FilterRule::builder().set_name(rule.word("Name")?).set_value(rule.text("Value")?).build())
        })?;
        Ok(S3KeyFilter::builder().set_filter_rules(rules).build())
    })?;
    Ok(NotificationConfigurationFilter::builder().set_key(key).build())
}

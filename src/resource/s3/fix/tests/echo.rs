//! An AWS that answers to a read just what was put, through the SDK's own types: parameters → input → answer.

use aws_sdk_s3::operation::{
    get_bucket_accelerate_configuration::GetBucketAccelerateConfigurationOutput, get_bucket_acl::GetBucketAclOutput,
    get_bucket_cors::GetBucketCorsOutput, get_bucket_encryption::GetBucketEncryptionOutput,
    get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput,
    get_bucket_logging::GetBucketLoggingOutput,
    get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput,
    get_bucket_ownership_controls::GetBucketOwnershipControlsOutput, get_bucket_policy::GetBucketPolicyOutput,
    get_bucket_replication::GetBucketReplicationOutput, get_bucket_request_payment::GetBucketRequestPaymentOutput,
    get_bucket_tagging::GetBucketTaggingOutput, get_bucket_versioning::GetBucketVersioningOutput,
    get_bucket_website::GetBucketWebsiteOutput, get_object_lock_configuration::GetObjectLockConfigurationOutput,
    get_public_access_block::GetPublicAccessBlockOutput,
};
use serde_json::Value;

use super::super::super::super::FixStep;
use super::super::super::answers as read;
use super::super::input::{self as put, Fields, Read};

/// The attribute that a step sets, and what AWS then answers to its read.
pub(super) fn answer(step: &FixStep) -> (&'static str, Value) {
    if step.operation.starts_with("Delete") {
        return (deleted(step.operation), Value::Null);
    }
    let mut fields = Fields::of(String::new(), &step.parameters).expect("an object");
    for own in ["Bucket", "ExpectedBucketOwner", "TransitionDefaultMinimumObjectSize"] {
        fields.text(own).expect("a text");
    }
    let answer = of_put(step.operation, &mut fields).expect("it fits");
    fields.end().expect("nothing is left over");
    answer
}

fn deleted(operation: &str) -> &'static str {
    match operation {
        "DeletePublicAccessBlock" => "PublicAccessBlock",
        "DeleteBucketPolicy" => "Policy",
        "DeleteBucketOwnershipControls" => "OwnershipControls",
        "DeleteBucketLifecycle" => "Lifecycle",
        "DeleteBucketCors" => "Cors",
        "DeleteBucketWebsite" => "Website",
        "DeleteBucketReplication" => "Replication",
        "DeleteBucketTagging" => "Tags",
        other => panic!("{other} is not known here"),
    }
}

macro_rules! read_back {
    ($attribute:literal, $read:ident, $output:ident, $($set:ident: $value:expr),+) => {
        ($attribute, read::$read($output::builder()$(.$set($value))+.build()))
    };
}

fn of_put(operation: &str, fields: &mut Fields<'_>) -> Read<(&'static str, Value)> {
    Ok(match operation {
        "PutPublicAccessBlock" => read_back!("PublicAccessBlock", get_public_access_block, GetPublicAccessBlockOutput,
            set_public_access_block_configuration:
                fields.part("PublicAccessBlockConfiguration", put::public_access_block)?),
        "PutBucketPolicy" => read_back!("Policy", get_bucket_policy, GetBucketPolicyOutput,
            set_policy: fields.text("Policy")?),
        "PutBucketAcl" => {
            let acl = fields.part("AccessControlPolicy", put::acl)?.expect("one");
            read_back!("Acl", get_bucket_acl, GetBucketAclOutput, set_owner: acl.owner, set_grants: acl.grants)
        }
        "PutBucketOwnershipControls" => read_back!("OwnershipControls", get_bucket_ownership_controls,
            GetBucketOwnershipControlsOutput,
            set_ownership_controls: fields.part("OwnershipControls", put::ownership)?),
        "PutBucketEncryption" => read_back!("Encryption", get_bucket_encryption, GetBucketEncryptionOutput,
            set_server_side_encryption_configuration:
                fields.part("ServerSideEncryptionConfiguration", put::encryption)?),
        "PutBucketLogging" => {
            let status = fields.part("BucketLoggingStatus", put::logging)?.expect("one");
            read_back!("Logging", get_bucket_logging, GetBucketLoggingOutput,
                set_logging_enabled: status.logging_enabled)
        }
        "PutBucketRequestPayment" => {
            let payment = fields.part("RequestPaymentConfiguration", put::request_payment)?.expect("one");
            read_back!("RequestPayment", get_bucket_request_payment, GetBucketRequestPaymentOutput,
                payer: payment.payer)
        }
        "PutBucketTagging" => {
            let tagging = fields.part("Tagging", put::tagging)?.expect("one");
            let output = GetBucketTaggingOutput::builder().set_tag_set(Some(tagging.tag_set)).build();
            ("Tags", read::get_bucket_tagging(output.expect("tags")))
        }
        other => of_more(other, fields)?,
    })
}

fn of_more(operation: &str, fields: &mut Fields<'_>) -> Read<(&'static str, Value)> {
    Ok(match operation {
        "PutBucketVersioning" => {
            let versioning = fields.part("VersioningConfiguration", put::versioning)?.expect("one");
            read_back!("Versioning", get_bucket_versioning, GetBucketVersioningOutput, set_status: versioning.status)
        }
        "PutBucketLifecycleConfiguration" => {
            let lifecycle = fields.part("LifecycleConfiguration", put::lifecycle)?.expect("one");
            read_back!("Lifecycle", get_bucket_lifecycle_configuration, GetBucketLifecycleConfigurationOutput,
                set_rules: Some(lifecycle.rules))
        }
        "PutObjectLockConfiguration" => read_back!("ObjectLock", get_object_lock_configuration,
            GetObjectLockConfigurationOutput,
            set_object_lock_configuration: fields.part("ObjectLockConfiguration", put::object_lock)?),
        "PutBucketCors" => {
            let cors = fields.part("CORSConfiguration", put::cors)?.expect("one");
            read_back!("Cors", get_bucket_cors, GetBucketCorsOutput, set_cors_rules: Some(cors.cors_rules))
        }
        "PutBucketWebsite" => {
            let site = fields.part("WebsiteConfiguration", put::website)?.expect("one");
            read_back!("Website", get_bucket_website, GetBucketWebsiteOutput,
                set_index_document: site.index_document, set_error_document: site.error_document,
                set_redirect_all_requests_to: site.redirect_all_requests_to, set_routing_rules: site.routing_rules)
        }
        "PutBucketReplication" => read_back!("Replication", get_bucket_replication, GetBucketReplicationOutput,
            set_replication_configuration: fields.part("ReplicationConfiguration", put::replication)?),
        "PutBucketNotificationConfiguration" => {
            let to = fields.part("NotificationConfiguration", put::notification)?.expect("one");
            read_back!("Notification", get_bucket_notification_configuration, GetBucketNotificationConfigurationOutput,
                set_topic_configurations: to.topic_configurations, set_queue_configurations: to.queue_configurations,
                set_lambda_function_configurations: to.lambda_function_configurations,
                set_event_bridge_configuration: to.event_bridge_configuration)
        }
        "PutBucketAccelerateConfiguration" => {
            let accelerate = fields.part("AccelerateConfiguration", put::accelerate)?.expect("one");
            read_back!("Accelerate", get_bucket_accelerate_configuration, GetBucketAccelerateConfigurationOutput,
                set_status: accelerate.status)
        }
        other => panic!("{other} is not known here"),
    })
}

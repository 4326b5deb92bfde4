//! Answers about who may do what with a bucket, who pays, and what is recorded of it.

use aws_sdk_s3::operation::{
    get_bucket_acl::GetBucketAclOutput, get_bucket_encryption::GetBucketEncryptionOutput,
    get_bucket_logging::GetBucketLoggingOutput, get_bucket_ownership_controls::GetBucketOwnershipControlsOutput,
    get_bucket_policy::GetBucketPolicyOutput, get_bucket_request_payment::GetBucketRequestPaymentOutput,
    get_bucket_tagging::GetBucketTaggingOutput, get_public_access_block::GetPublicAccessBlockOutput,
};
use aws_sdk_s3::types::Grantee;
use serde_json::Value;

use super::{list, object, part, tag, word};

fn grantee(grantee: Grantee) -> Value {
    object([
        ("Type", grantee.r#type.as_str().into()),
        ("ID", grantee.id.into()),
        ("URI", grantee.uri.into()),
        ("EmailAddress", grantee.email_address.into()),
    ])
}

pub(in super::super) fn get_public_access_block(answer: GetPublicAccessBlockOutput) -> Value {
    part(answer.public_access_block_configuration, |block| {
        object([
            ("BlockPublicAcls", block.block_public_acls.into()),
            ("IgnorePublicAcls", block.ignore_public_acls.into()),
            ("BlockPublicPolicy", block.block_public_policy.into()),
            ("RestrictPublicBuckets", block.restrict_public_buckets.into()),
        ])
    })
}

pub(in super::super) fn get_bucket_policy(answer: GetBucketPolicyOutput) -> Value {
    // That there is none, AWS tells by an error: an empty answer is no answer.
    answer.policy.unwrap_or_default().into()
}

pub(in super::super) fn get_bucket_acl(answer: GetBucketAclOutput) -> Value {
    object([
        ("Owner", part(answer.owner, |owner| object([("ID", owner.id.into())]))),
        (
            "Grants",
            list(answer.grants.or_else(|| Some(Vec::new())), |grant| {
                object([("Grantee", part(grant.grantee, grantee)), ("Permission", word!(grant.permission))])
            }),
        ),
    ])
}

pub(in super::super) fn get_bucket_ownership_controls(answer: GetBucketOwnershipControlsOutput) -> Value {
    part(answer.ownership_controls, |controls| {
        let rule = controls.rules.into_iter().next();
        part(rule, |rule| object([("ObjectOwnership", rule.object_ownership.as_str().into())]))
    })
}

pub(in super::super) fn get_bucket_encryption(answer: GetBucketEncryptionOutput) -> Value {
    let rule = answer.server_side_encryption_configuration.and_then(|sse| sse.rules.into_iter().next());
    part(rule, |rule| {
        let by_default = rule.apply_server_side_encryption_by_default;
        object([
            ("SSEAlgorithm", by_default.as_ref().map(|sse| sse.sse_algorithm.as_str()).into()),
            ("KMSMasterKeyID", by_default.as_ref().and_then(|sse| sse.kms_master_key_id.clone()).into()),
            ("BucketKeyEnabled", rule.bucket_key_enabled.into()),
            (
                "BlockedEncryptionTypes",
                part(rule.blocked_encryption_types, |blocked| {
                    list(blocked.encryption_type, |kind| kind.as_str().into())
                }),
            ),
        ])
    })
}

pub(in super::super) fn get_bucket_logging(answer: GetBucketLoggingOutput) -> Value {
    part(answer.logging_enabled, |logging| {
        object([
            ("TargetBucket", logging.target_bucket.into()),
            ("TargetPrefix", logging.target_prefix.into()),
            (
                "TargetGrants",
                list(logging.target_grants, |grant| {
                    object([("Grantee", part(grant.grantee, grantee)), ("Permission", word!(grant.permission))])
                }),
            ),
            (
                "TargetObjectKeyFormat",
                part(logging.target_object_key_format, |format| {
                    object([
                        ("SimplePrefix", part(format.simple_prefix, |_| object([]))),
                        (
                            "PartitionedPrefix",
                            part(format.partitioned_prefix, |partitioned| {
                                object([("PartitionDateSource", word!(partitioned.partition_date_source))])
                            }),
                        ),
                    ])
                }),
            ),
        ])
    })
}

pub(in super::super) fn get_bucket_request_payment(answer: GetBucketRequestPaymentOutput) -> Value {
    word!(answer.payer)
}

pub(in super::super) fn get_bucket_tagging(answer: GetBucketTaggingOutput) -> Value {
    list(Some(answer.tag_set), tag)
}

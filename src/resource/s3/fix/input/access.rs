//! Parameters that say who may do what with a bucket, who pays, and what is recorded of it.

use aws_sdk_s3::types::{
    AccessControlPolicy, BlockedEncryptionTypes, BucketLoggingStatus, Grant, Grantee, LoggingEnabled, Owner,
    OwnershipControls, OwnershipControlsRule, PartitionedPrefix, PublicAccessBlockConfiguration,
    RequestPaymentConfiguration, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, SimplePrefix, Tagging, TargetGrant, TargetObjectKeyFormat,
};

use super::{Fields, Read, missing, tag};

pub(in super::super) fn public_access_block(fields: &mut Fields<'_>) -> Read<PublicAccessBlockConfiguration> {
    Ok(PublicAccessBlockConfiguration::builder()
        .set_block_public_acls(fields.flag("BlockPublicAcls")?)
        .set_ignore_public_acls(fields.flag("IgnorePublicAcls")?)
        .set_block_public_policy(fields.flag("BlockPublicPolicy")?)
        .set_restrict_public_buckets(fields.flag("RestrictPublicBuckets")?)
        .build())
}

pub(in super::super) fn acl(fields: &mut Fields<'_>) -> Read<AccessControlPolicy> {
    let owner = fields.part("Owner", |owner| Ok(Owner::builder().set_id(owner.text("ID")?).build()))?;
    let grants = fields.parts("Grants", |grant| {
        let grantee = grant.part("Grantee", grantee)?;
        Ok(Grant::builder().set_grantee(grantee).set_permission(grant.word("Permission")?).build())
    })?;
    Ok(AccessControlPolicy::builder().set_owner(owner).set_grants(grants).build())
}

fn grantee(fields: &mut Fields<'_>) -> Read<Grantee> {
    let grantee = Grantee::builder().set_type(fields.word("Type")?).set_id(fields.text("ID")?);
    grantee.set_uri(fields.text("URI")?).build().map_err(missing)
}

pub(in super::super) fn ownership(fields: &mut Fields<'_>) -> Read<OwnershipControls> {
    let rules = fields.parts("Rules", |rule| {
        let ownership = rule.word("ObjectOwnership")?;
        OwnershipControlsRule::builder().set_object_ownership(ownership).build().map_err(missing)
    })?;
    OwnershipControls::builder().set_rules(rules).build().map_err(missing)
}

pub(in super::super) fn encryption(fields: &mut Fields<'_>) -> Read<ServerSideEncryptionConfiguration> {
    let rules = fields.parts("Rules", |rule| {
        let by_default = rule.part("ApplyServerSideEncryptionByDefault", |by_default| {
            ServerSideEncryptionByDefault::builder()
                .set_sse_algorithm(by_default.word("SSEAlgorithm")?)
                .set_kms_master_key_id(by_default.text("KMSMasterKeyID")?)
                .build()
                .map_err(missing)
        })?;
        let blocked = rule.part("BlockedEncryptionTypes", |blocked| {
            Ok(BlockedEncryptionTypes::builder().set_encryption_type(blocked.texts("EncryptionType")?).build())
        })?;
        Ok(ServerSideEncryptionRule::builder()
            .set_apply_server_side_encryption_by_default(by_default)
            .set_bucket_key_enabled(rule.flag("BucketKeyEnabled")?)
            .set_blocked_encryption_types(blocked)
            .build())
    })?;
    ServerSideEncryptionConfiguration::builder().set_rules(rules).build().map_err(missing)
}

pub(in super::super) fn logging(fields: &mut Fields<'_>) -> Read<BucketLoggingStatus> {
    let enabled = fields.part("LoggingEnabled", |logging| {
        let grants = logging.parts("TargetGrants", |grant| {
            let grantee = grant.part("Grantee", grantee)?;
            Ok(TargetGrant::builder().set_grantee(grantee).set_permission(grant.word("Permission")?).build())
        })?;
        LoggingEnabled::builder()
            .set_target_bucket(logging.text("TargetBucket")?)
            .set_target_prefix(logging.text("TargetPrefix")?)
            .set_target_grants(grants)
            .set_target_object_key_format(logging.part("TargetObjectKeyFormat", key_format)?)
            .build()
            .map_err(missing)
    })?;
    Ok(BucketLoggingStatus::builder().set_logging_enabled(enabled).build())
}

fn key_format(fields: &mut Fields<'_>) -> Read<TargetObjectKeyFormat> {
    let simple = fields.part("SimplePrefix", |_| Ok(SimplePrefix::builder().build()))?;
    let partitioned = fields.part("PartitionedPrefix", |prefix| {
        Ok(PartitionedPrefix::builder().set_partition_date_source(prefix.word("PartitionDateSource")?).build())
    })?;
    Ok(TargetObjectKeyFormat::builder().set_simple_prefix(simple).set_partitioned_prefix(partitioned).build())
}

pub(in super::super) fn request_payment(fields: &mut Fields<'_>) -> Read<RequestPaymentConfiguration> {
    RequestPaymentConfiguration::builder().set_payer(fields.word("Payer")?).build().map_err(missing)
}

pub(in super::super) fn tagging(fields: &mut Fields<'_>) -> Read<Tagging> {
    Tagging::builder().set_tag_set(fields.parts("TagSet", tag)?).build().map_err(missing)
}

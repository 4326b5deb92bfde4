//! Parameters that say how long objects and their versions are kept.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, DefaultRetention, EventHoldDuration,
    LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration,
    NoncurrentVersionTransition, ObjectLockConfiguration, ObjectLockRule, Transition, VersioningConfiguration,
};

use super::{Fields, Read, missing, tag};

pub(in super::super) fn versioning(fields: &mut Fields<'_>) -> Read<VersioningConfiguration> {
    Ok(VersioningConfiguration::builder().set_status(fields.word("Status")?).build())
}

pub(in super::super) fn lifecycle(fields: &mut Fields<'_>) -> Read<BucketLifecycleConfiguration> {
    BucketLifecycleConfiguration::builder().set_rules(fields.parts("Rules", rule)?).build().map_err(missing)
}

fn rule(fields: &mut Fields<'_>) -> Read<LifecycleRule> {
    let abort = fields.part("AbortIncompleteMultipartUpload", |abort| {
        let days = abort.number("DaysAfterInitiation")?;
        Ok(AbortIncompleteMultipartUpload::builder().set_days_after_initiation(days).build())
    })?;
    LifecycleRule::builder()
        .set_id(fields.text("ID")?)
        .set_status(fields.word("Status")?)
        .set_filter(fields.part("Filter", filter)?)
        .set_expiration(fields.part("Expiration", expiration)?)
        .set_transitions(fields.parts("Transitions", transition)?)
        .set_noncurrent_version_expiration(fields.part("NoncurrentVersionExpiration", noncurrent_expiration)?)
        .set_noncurrent_version_transitions(fields.parts("NoncurrentVersionTransitions", noncurrent_transition)?)
        .set_abort_incomplete_multipart_upload(abort)
        .build()
        .map_err(missing)
}

fn filter(fields: &mut Fields<'_>) -> Read<LifecycleRuleFilter> {
    let and = fields.part("And", |and| {
        Ok(LifecycleRuleAndOperator::builder()
            .set_prefix(and.text("Prefix")?)
            .set_tags(and.parts("Tags", tag)?)
            .set_object_size_greater_than(and.number("ObjectSizeGreaterThan")?)
            .set_object_size_less_than(and.number("ObjectSizeLessThan")?)
            .build())
    })?;
    Ok(LifecycleRuleFilter::builder()
        .set_prefix(fields.text("Prefix")?)
        .set_tag(fields.part("Tag", tag)?)
        .set_object_size_greater_than(fields.number("ObjectSizeGreaterThan")?)
        .set_object_size_less_than(fields.number("ObjectSizeLessThan")?)
        .set_and(and)
        .build())
}

fn expiration(fields: &mut Fields<'_>) -> Read<LifecycleExpiration> {
    Ok(LifecycleExpiration::builder()
        .set_days(fields.number("Days")?)
        .set_date(fields.date("Date")?)
        .set_expired_object_delete_marker(fields.flag("ExpiredObjectDeleteMarker")?)
        .build())
}

fn transition(fields: &mut Fields<'_>) -> Read<Transition> {
    Ok(Transition::builder()
        .set_days(fields.number("Days")?)
        .set_date(fields.date("Date")?)
        .set_storage_class(fields.word("StorageClass")?)
        .build())
}

fn noncurrent_expiration(fields: &mut Fields<'_>) -> Read<NoncurrentVersionExpiration> {
    Ok(NoncurrentVersionExpiration::builder()
        .set_noncurrent_days(fields.number("NoncurrentDays")?)
        .set_newer_noncurrent_versions(fields.number("NewerNoncurrentVersions")?)
        .build())
}

fn noncurrent_transition(fields: &mut Fields<'_>) -> Read<NoncurrentVersionTransition> {
    Ok(NoncurrentVersionTransition::builder()
        .set_noncurrent_days(fields.number("NoncurrentDays")?)
        .set_newer_noncurrent_versions(fields.number("NewerNoncurrentVersions")?)
        .set_storage_class(fields.word("StorageClass")?)
        .build())
}

pub(in super::super) fn object_lock(fields: &mut Fields<'_>) -> Read<ObjectLockConfiguration> {
    let rule = fields.part("Rule", |rule| {
        Ok(ObjectLockRule::builder().set_default_retention(rule.part("DefaultRetention", retention)?).build())
    })?;
    let enabled = fields.word("ObjectLockEnabled")?;
    Ok(ObjectLockConfiguration::builder().set_object_lock_enabled(enabled).set_rule(rule).build())
}

fn retention(fields: &mut Fields<'_>) -> Read<DefaultRetention> {
    let hold = fields.part("DefaultEventHold", |hold| {
        Ok(EventHoldDuration::builder().set_days(hold.number("Days")?).set_years(hold.number("Years")?).build())
    })?;
    Ok(DefaultRetention::builder()
        .set_mode(fields.word("Mode")?)
        .set_days(fields.number("Days")?)
        .set_years(fields.number("Years")?)
        .set_default_event_hold(hold)
        .build())
}

//! What AWS has accepted for a database but not yet done: it waits for the maintenance window, or for a reboot.
//!
//! The password that may be among it is never looked at. Logs that are about to be exported are left out: AWS does that
//! at once, and the database counts as unsettled meanwhile.

use aws_sdk_rds::types::{DbInstance, OptionGroupMembership};

use super::Rds;
use crate::domain::state::ResourceState;
use crate::resource::ResourceType;

/// The attributes that AWS is about to change, canonical, as they will be.
pub(super) fn pending(instance: &DbInstance) -> ResourceState {
    let mut state = ResourceState::new();
    let group = option_groups(instance).1.and_then(|group| group.option_group_name.clone());
    if let Some(group) = group {
        state.set("OptionGroupName", group);
    }
    if let Some(values) = &instance.pending_modified_values {
        macro_rules! set {
            ($($name:literal: $field:ident),* $(,)?) => {
                $(if let Some(value) = values.$field.clone() { state.set($name, value); })*
            };
        }
        set!(
            "AllocatedStorage": allocated_storage,
            "BackupRetentionPeriod": backup_retention_period,
            "CACertificateIdentifier": ca_certificate_identifier,
            "DBInstanceClass": db_instance_class,
            "DBSubnetGroupName": db_subnet_group_name,
            "DedicatedLogVolume": dedicated_log_volume,
            "Engine": engine,
            "EngineVersion": engine_version,
            "IAMDatabaseAuthenticationEnabled": iam_database_authentication_enabled,
            "Iops": iops,
            "LicenseModel": license_model,
            "MultiAZ": multi_az,
            "Port": port,
            "StorageThroughput": storage_throughput,
            "StorageType": storage_type,
        );
        let features = values.processor_features();
        if !features.is_empty() {
            state.set("ProcessorFeatures", super::read::processor_features(features));
        }
    }
    Rds.normalize(&mut state);
    state
}

/// The option group that the database has, and the one that it is to have.
pub(super) fn option_groups(instance: &DbInstance) -> (Option<&OptionGroupMembership>, Option<&OptionGroupMembership>) {
    let is_to_come = |group: &&OptionGroupMembership| {
        group.status.as_deref().is_some_and(|status| status == "applying" || status.ends_with("-apply"))
    };
    let groups = instance.option_group_memberships();
    let present = groups.iter().find(|group| !is_to_come(group)).or(groups.first());
    let to_come = groups.iter().find(is_to_come).filter(|group| present.is_some_and(|present| present != *group));
    (present, to_come)
}

//! The parameters of each operation, as AWS names them: they are shown with the plan, and the call is made from them.
//! There is no password among them, and no name for one.

use serde::{Deserialize, Serialize};

/// Declares the parameters of `ModifyDBInstance`: AWS's name, field, type. All but the identifier are optional.
macro_rules! modify {
    ($($name:literal $field:ident: $type:ty,)*) => {
        /// `ModifyDBInstance`.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct Modify {
            #[serde(rename = "DBInstanceIdentifier")]
            pub(super) id: String,
            $(#[serde(rename = $name, skip_serializing_if = "Option::is_none")] pub(super) $field: Option<$type>,)*
        }
    };
}

modify! {
    "ApplyImmediately" apply_immediately: bool,
    "AllocatedStorage" allocated_storage: i32,
    "AutoMinorVersionUpgrade" auto_minor_version_upgrade: bool,
    "BackupRetentionPeriod" backup_retention_period: i32,
    "CACertificateIdentifier" ca_certificate_identifier: String,
    "CloudwatchLogsExportConfiguration" logs: Logs,
    "CopyTagsToSnapshot" copy_tags_to_snapshot: bool,
    "DBInstanceClass" db_instance_class: String,
    "DBParameterGroupName" db_parameter_group_name: String,
    "DBPortNumber" db_port_number: i32,
    "DatabaseInsightsMode" database_insights_mode: String,
    "DedicatedLogVolume" dedicated_log_volume: bool,
    "DeletionProtection" deletion_protection: bool,
    "EnableIAMDatabaseAuthentication" enable_iam_database_authentication: bool,
    "EnablePerformanceInsights" enable_performance_insights: bool,
    "EngineLifecycleSupport" engine_lifecycle_support: String,
    "EngineVersion" engine_version: String,
    "Iops" iops: i32,
    "LicenseModel" license_model: String,
    "MaxAllocatedStorage" max_allocated_storage: i32,
    "MonitoringInterval" monitoring_interval: i32,
    "MonitoringRoleArn" monitoring_role_arn: String,
    "MultiAZ" multi_az: bool,
    "NetworkType" network_type: String,
    "OptionGroupName" option_group_name: String,
    "PerformanceInsightsKMSKeyId" performance_insights_kms_key_id: String,
    "PerformanceInsightsRetentionPeriod" performance_insights_retention_period: i32,
    "PreferredBackupWindow" preferred_backup_window: String,
    "PreferredMaintenanceWindow" preferred_maintenance_window: String,
    "ProcessorFeatures" processor_features: Vec<Feature>,
    "PubliclyAccessible" publicly_accessible: bool,
    "StorageThroughput" storage_throughput: i32,
    "StorageType" storage_type: String,
    "UseDefaultProcessorFeatures" use_default_processor_features: bool,
    "VpcSecurityGroupIds" vpc_security_group_ids: Vec<String>,
}

/// Kinds of logs to be exported from now on, and no longer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Logs {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) enable_log_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) disable_log_types: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Feature {
    pub(super) name: String,
    pub(super) value: String,
}

/// `AddRoleToDBInstance`, `RemoveRoleFromDBInstance`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FeatureRole {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(super) id: String,
    pub(super) role_arn: String,
    pub(super) feature_name: String,
}

/// `AddTagsToResource`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    pub(super) resource_name: String,
    pub(super) tags: Vec<Pair>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) value: String,
}

/// `RemoveTagsFromResource`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    pub(super) resource_name: String,
    pub(super) tag_keys: Vec<String>,
}

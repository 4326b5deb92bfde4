//! Databases.

use serde_json::{Value, json};

use super::{Block, list_at, tag_list};
use crate::terraform::live::{Estate, Key};

/// A database; `None` if the state does not tell which.
pub fn make(told: &Block) -> Option<(Key, Value)> {
    let identifier = told.text("identifier")?;
    let tree = json!({"database": described(identifier, told)});
    Some((("RDS", identifier.to_lowercase()), tree))
}

fn described(identifier: &str, told: &Block) -> Value {
    let mut database = json!({
        "DBInstanceIdentifier": identifier,
        "DBInstanceStatus": "available",
        "DBInstanceClass": told.text("instance_class"),
        "Engine": told.text("engine"),
        "EngineVersion": version(told),
        "EngineLifecycleSupport": told.text("engine_lifecycle_support"),
        "LicenseModel": told.text("license_model"),
        "MasterUsername": told.text("username"),
        "DBName": told.text("db_name").or_else(|| told.text("name")),
        "DBClusterIdentifier": told.text("cluster_identifier"),
        "CharacterSetName": told.text("character_set_name"),
        "Timezone": told.text("timezone"),
        "MultiAZ": told.flag("multi_az").unwrap_or(false),
        "AvailabilityZone": told.text("availability_zone"),
        "Endpoint": {"Address": told.text("address"), "Port": told.number("port")},
        "PubliclyAccessible": told.flag("publicly_accessible").unwrap_or(false),
        "NetworkType": told.text("network_type").unwrap_or("IPV4"),
        "CACertificateIdentifier": told.text("ca_cert_identifier"),
        "DeletionProtection": told.flag("deletion_protection").unwrap_or(false),
        "IAMDatabaseAuthenticationEnabled": told.flag("iam_database_authentication_enabled").unwrap_or(false),
        "PendingModifiedValues": {},
        "UpgradeRolloutOrder": "second",
    });
    let fields = database.as_object_mut().expect("an object");
    for part in [storage(told), upkeep(told), monitoring(told), members(told)] {
        fields.extend(part.as_object().expect("an object").clone());
    }
    database
}

/// AWS tells the whole version, whatever prefix of it was asked for.
fn version(told: &Block) -> Option<String> {
    let actual = told.text("engine_version_actual").map(str::to_owned);
    actual.or_else(|| told.text("engine_version").map(str::to_owned))
}

fn storage(told: &Block) -> Value {
    json!({
        // Members of Aurora clusters tell 1.
        "AllocatedStorage": told.number("allocated_storage").unwrap_or(1),
        "MaxAllocatedStorage": told.number("max_allocated_storage"),
        "StorageType": told.text("storage_type").unwrap_or("aurora"),
        "Iops": told.number("iops"),
        "StorageThroughput": told.number("storage_throughput"),
        "StorageEncrypted": told.flag("storage_encrypted").unwrap_or(false),
        "KmsKeyId": told.text("kms_key_id"),
        "DedicatedLogVolume": told.flag("dedicated_log_volume").unwrap_or(false),
    })
}

fn upkeep(told: &Block) -> Value {
    let window = |names: [&str; 2]| names.iter().find_map(|name| told.text(name)).map(str::to_lowercase);
    json!({
        "AutoMinorVersionUpgrade": told.flag("auto_minor_version_upgrade").unwrap_or(true),
        "BackupRetentionPeriod": told.number("backup_retention_period").unwrap_or(0),
        "CopyTagsToSnapshot": told.flag("copy_tags_to_snapshot").unwrap_or(false),
        "PreferredBackupWindow": window(["backup_window", "preferred_backup_window"]),
        "PreferredMaintenanceWindow": window(["maintenance_window", "preferred_maintenance_window"]),
        "TagList": {"Tag": tag_list(&told.all_tags(), ("Key", "Value"))},
    })
}

fn monitoring(told: &Block) -> Value {
    json!({
        "MonitoringInterval": told.number("monitoring_interval").unwrap_or(0),
        "MonitoringRoleArn": told.text("monitoring_role_arn"),
        "DatabaseInsightsMode": told.text("database_insights_mode").unwrap_or("standard"),
        "PerformanceInsightsEnabled": told.flag("performance_insights_enabled").unwrap_or(false),
        "PerformanceInsightsKMSKeyId": told.text("performance_insights_kms_key_id"),
        "PerformanceInsightsRetentionPeriod": told.number("performance_insights_retention_period"),
        "EnabledCloudwatchLogsExports": {"member": told.texts("enabled_cloudwatch_logs_exports")},
    })
}

fn members(told: &Block) -> Value {
    let group = |id: String| json!({"VpcSecurityGroupId": id, "Status": "active"});
    let groups: Vec<Value> = told.texts("vpc_security_group_ids").into_iter().map(group).collect();
    let parameters = ["parameter_group_name", "db_parameter_group_name"].iter().find_map(|name| told.text(name));
    let domain = ["domain", "domain_fqdn"].iter().find_map(|name| told.text(name)).map(|_| {
        json!({
            "Domain": told.text("domain"), "Status": "joined", "FQDN": told.text("domain_fqdn"),
            "IAMRoleName": told.text("domain_iam_role_name"), "OU": told.text("domain_ou"),
            "AuthSecretArn": told.text("domain_auth_secret_arn"),
            "DnsIps": {"member": told.texts("domain_dns_ips")},
        })
    });
    let secret = (told.flag("manage_master_user_password") == Some(true)).then(
        || json!({"SecretArn": "arn:aws:secretsmanager:us-east-1:111111111111:secret:db", "SecretStatus": "active"}),
    );
    json!({
        "VpcSecurityGroups": {"VpcSecurityGroupMembership": groups},
        "DBSubnetGroup": {"DBSubnetGroupName": told.text("db_subnet_group_name")},
        "DBParameterGroups": {"DBParameterGroup": [{"DBParameterGroupName": parameters}]},
        "OptionGroupMemberships": {"OptionGroupMembership": [{"OptionGroupName": told.text("option_group_name")}]},
        "DomainMemberships": {"DomainMembership": domain},
        "MasterUserSecret": secret,
        "AssociatedRoles": {"DBInstanceRole": []},
        "ProcessorFeatures": {"ProcessorFeature": []},
    })
}

/// A role that a database may use.
pub fn associate(told: &Block, estate: &mut Estate) -> Vec<Key> {
    let key: Key = ("RDS", told.text("db_instance_identifier").unwrap_or_default().to_lowercase());
    let Some(resource) = estate.resources.get_mut(&key) else { return Vec::new() };
    let role = json!({"RoleArn": told.text("role_arn"), "FeatureName": told.text("feature_name"), "Status": "ACTIVE"});
    list_at(&mut resource.tree, &["database", "AssociatedRoles", "DBInstanceRole"]).push(role);
    vec![key]
}

//! Changes of databases.

use serde_json::{Value, json};

use super::{Row, other, pop, push, row, swap};

const RDS: &str = "RDS";

/// AWS keeps the password, or no longer.
fn secret(value: &mut Value) {
    *value = if value.is_null() {
        json!({"SecretArn": "arn:aws:secretsmanager:x", "SecretStatus": "active"})
    } else {
        Value::Null
    };
}

/// Another name of a domain that is known by its id.
fn rename(domain: &mut Value) {
    if domain.get("Domain").is_some_and(Value::is_string) {
        domain["FQDN"] = "renamed.example.com".into();
    }
}

pub const ROWS: &[Row] = &[
    row(RDS, "/AllocatedStorage", "/database/AllocatedStorage", other),
    row(RDS, "/AssociatedRoles/*", "/database/AssociatedRoles/DBInstanceRole", |value| {
        push(value, json!({"RoleArn": "arn:aws:iam::111111111111:role/more", "FeatureName": "s3Export"}));
    }),
    row(RDS, "/AssociatedRoles/*", "/database/AssociatedRoles/DBInstanceRole", pop),
    row(RDS, "/AssociatedRoles/*/RoleArn", "/database/AssociatedRoles/DBInstanceRole/*/RoleArn", other),
    row(RDS, "/AutoMinorVersionUpgrade", "/database/AutoMinorVersionUpgrade", other),
    row(RDS, "/BackupRetentionPeriod", "/database/BackupRetentionPeriod", other),
    row(RDS, "/CACertificateIdentifier", "/database/CACertificateIdentifier", other),
    row(RDS, "/CharacterSetName", "/database/CharacterSetName", other),
    row(RDS, "/CopyTagsToSnapshot", "/database/CopyTagsToSnapshot", other),
    row(RDS, "/DBClusterIdentifier", "/database/DBClusterIdentifier", other),
    row(RDS, "/DBInstanceClass", "/database/DBInstanceClass", other),
    row(RDS, "/DBName", "/database/DBName", other),
    row(RDS, "/DBParameterGroupName", "/database/DBParameterGroups/DBParameterGroup/0/DBParameterGroupName", other),
    row(RDS, "/DBSubnetGroupName", "/database/DBSubnetGroup/DBSubnetGroupName", other),
    row(RDS, "/DatabaseInsightsMode", "/database/DatabaseInsightsMode", |value| swap(value, "standard", "advanced")),
    row(RDS, "/DedicatedLogVolume", "/database/DedicatedLogVolume", other),
    row(RDS, "/DeletionProtection", "/database/DeletionProtection", other),
    row(RDS, "/DomainMemberships/*", "/database/DomainMemberships/DomainMembership/Domain", other),
    row(RDS, "/DomainMemberships/*/AuthSecretArn", "/database/DomainMemberships/DomainMembership/AuthSecretArn", other),
    row(RDS, "/DomainMemberships/*/DnsIps/*", "/database/DomainMemberships/DomainMembership/DnsIps/member", |value| {
        push(value, json!("10.0.0.9"));
    }),
    row(RDS, "/DomainMemberships/*/FQDN", "/database/DomainMemberships/DomainMembership", rename),
    row(RDS, "/DomainMemberships/*/IAMRoleName", "/database/DomainMemberships/DomainMembership/IAMRoleName", other),
    row(RDS, "/DomainMemberships/*/OU", "/database/DomainMemberships/DomainMembership/OU", other),
    row(RDS, "/EnabledCloudwatchLogsExports/*", "/database/EnabledCloudwatchLogsExports/member", |value| {
        push(value, json!("audit"));
    }),
    row(RDS, "/Engine", "/database/Engine", other),
    row(RDS, "/EngineLifecycleSupport", "/database/EngineLifecycleSupport", other),
    row(RDS, "/EngineVersion", "/database/EngineVersion", |value| *value = "9.9.9".into()),
    row(RDS, "/IAMDatabaseAuthenticationEnabled", "/database/IAMDatabaseAuthenticationEnabled", other),
    row(RDS, "/Iops", "/database/Iops", other),
    row(RDS, "/KmsKeyId", "/database/KmsKeyId", other),
    row(RDS, "/LicenseModel", "/database/LicenseModel", other),
    row(RDS, "/ManageMasterUserPassword", "/database/MasterUserSecret", secret),
    row(RDS, "/MasterUsername", "/database/MasterUsername", other),
    row(RDS, "/MaxAllocatedStorage", "/database/MaxAllocatedStorage", other),
    row(RDS, "/MonitoringInterval", "/database/MonitoringInterval", other),
    row(RDS, "/MonitoringRoleArn", "/database/MonitoringRoleArn", other),
    row(RDS, "/MultiAZ", "/database/MultiAZ", other),
    row(RDS, "/NetworkType", "/database/NetworkType", |value| swap(value, "IPV4", "DUAL")),
    row(RDS, "/OptionGroupName", "/database/OptionGroupMemberships/OptionGroupMembership/0/OptionGroupName", other),
    row(RDS, "/PerformanceInsightsEnabled", "/database/PerformanceInsightsEnabled", other),
    row(RDS, "/PerformanceInsightsKMSKeyId", "/database/PerformanceInsightsKMSKeyId", other),
    row(RDS, "/PerformanceInsightsRetentionPeriod", "/database/PerformanceInsightsRetentionPeriod", other),
    row(RDS, "/Port", "/database/Endpoint/Port", other),
    row(RDS, "/PreferredBackupWindow", "/database/PreferredBackupWindow", other),
    row(RDS, "/PreferredMaintenanceWindow", "/database/PreferredMaintenanceWindow", other),
    row(RDS, "/PubliclyAccessible", "/database/PubliclyAccessible", other),
    row(RDS, "/StorageEncrypted", "/database/StorageEncrypted", other),
    row(RDS, "/StorageThroughput", "/database/StorageThroughput", other),
    row(RDS, "/StorageType", "/database/StorageType", other),
    row(RDS, "/Tags/*", "/database/TagList/Tag/*/Value", other),
    row(RDS, "/Tags/*", "/database/TagList/Tag", |value| push(value, json!({"Key": "More", "Value": "x"}))),
    row(RDS, "/Timezone", "/database/Timezone", other),
    row(RDS, "/VpcSecurityGroups/*", "/database/VpcSecurityGroups/VpcSecurityGroupMembership", |value| {
        push(value, json!({"VpcSecurityGroupId": "sg-0more", "Status": "active"}));
    }),
];

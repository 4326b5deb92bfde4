//! Databases.

use serde_json::{Value, json};

use super::{declared, estate};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";

/// What every state here declares of a database of its own; `more` replaces or adds attributes.
fn database(more: &Value) -> Value {
    let mut database = json!({
        "AllocatedStorage": 100,
        "AutoMinorVersionUpgrade": true,
        "BackupRetentionPeriod": 7,
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CharacterSetName": null,
        "CopyTagsToSnapshot": true,
        "DBInstanceClass": "db.m6g.large",
        "DBName": "orders",
        "DBParameterGroupName": "default.postgres16",
        "DBSubnetGroupName": "private",
        "DeletionProtection": true,
        "EnabledCloudwatchLogsExports": {},
        "Engine": "postgres",
        "EngineVersion": "16.4",
        "IAMDatabaseAuthenticationEnabled": false,
        "KmsKeyId": KEY,
        "LicenseModel": "postgresql-license",
        "MasterUsername": "app",
        "MaxAllocatedStorage": 0,
        "MonitoringInterval": 0,
        "MonitoringRoleArn": null,
        "MultiAZ": false,
        "OptionGroupName": "default:postgres-16",
        "PerformanceInsightsEnabled": false,
        "PerformanceInsightsKMSKeyId": null,
        "PerformanceInsightsRetentionPeriod": 0,
        "Port": 5432,
        "PreferredBackupWindow": "03:00-03:30",
        "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
        "PubliclyAccessible": false,
        "StorageEncrypted": true,
        "Tags": {},
        "Timezone": null,
        "VpcSecurityGroups": {"sg-0000000000000db01": {}},
    });
    for (name, value) in more.as_object().expect("attributes") {
        database[name] = value.clone();
    }
    database
}

#[tokio::test]
async fn provider_3_knows_neither_throughput_nor_managed_passwords() {
    let estate = estate("provider-3").await;
    let (told, address) = declared(&estate, "RDS", "us-east-1", "orders-3");
    let expected = database(&json!({
        "CACertificateIdentifier": "rds-ca-2019",
        "DBParameterGroupName": "default.mysql5.7",
        "DomainMemberships": {},
        "EnabledCloudwatchLogsExports": {"error": {}, "slowquery": {}},
        "Engine": "mysql",
        "EngineVersion": "5.7.26",
        "Iops": 1000,
        "KmsKeyId": null,
        "LicenseModel": "general-public-license",
        "OptionGroupName": "default:mysql-5-7",
        "Port": 3306,
        "StorageEncrypted": false,
        "StorageType": "io1",
        "Tags": {"Team": "orders"},
    }));
    assert_eq!((told, address.as_str()), (expected, "aws_db_instance.orders"));
}

#[tokio::test]
async fn provider_4_declares_a_series_of_versions() {
    let estate = estate("provider-4").await;
    let (told, _) = declared(&estate, "RDS", "us-east-1", "orders-4");
    let expected = database(&json!({
        "DomainMemberships": {},
        "EngineVersion": "16",
        "Iops": 0,
        "MaxAllocatedStorage": 500,
        "NetworkType": "IPV4",
        "PerformanceInsightsEnabled": true,
        "PerformanceInsightsKMSKeyId": KEY,
        "PerformanceInsightsRetentionPeriod": 7,
        "StorageThroughput": 0,
        "StorageType": "gp2",
        "Tags": {"Env": "prod", "Team": "orders"},
    }));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn provider_5_has_another_id_and_roles_of_their_own() {
    let estate = estate("provider-5").await;
    let (told, _) = declared(&estate, "RDS", "us-east-1", "orders-5");
    let role = |feature: &str| json!({"RoleArn": format!("arn:aws:iam::123456789012:role/orders-{feature}")});
    let expected = database(&json!({
        "AssociatedRoles": {"s3Export": role("s3Export"), "s3Import": role("s3Import")},
        "DedicatedLogVolume": false,
        "DomainMemberships": {},
        "Iops": 3000,
        "ManageMasterUserPassword": true,
        "NetworkType": "IPV4",
        "StorageThroughput": 125,
        "StorageType": "gp3",
    }));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn provider_6_tells_all_of_a_domain_and_members_of_clusters_tell_of_themselves() {
    let estate = estate("provider-6").await;
    let (told, _) = declared(&estate, "RDS", "us-east-1", "erp");
    let domain = json!({
        "AuthSecretArn": null,
        "DnsIps": {},
        "FQDN": "corp.example.com",
        "IAMRoleName": "rds-directory",
        "OU": null,
    });
    let expected = database(&json!({
        "CharacterSetName": "SQL_Latin1_General_CP1_CI_AS",
        "DBName": null,
        "DBParameterGroupName": "default.sqlserver-se-15.0",
        "DatabaseInsightsMode": "standard",
        "DedicatedLogVolume": false,
        "DomainMemberships": {"d-1234567890": domain},
        "Engine": "sqlserver-se",
        "EngineVersion": "15.00",
        "LicenseModel": "license-included",
        "ManageMasterUserPassword": false,
        "NetworkType": "IPV4",
        "OptionGroupName": "default:sqlserver-se-15-00",
        "Port": 1433,
        "StorageType": "gp3",
        "Timezone": "UTC",
    }));
    assert_eq!(told, expected, "IOPS and throughput of gp3 are left to AWS");
    let (member, address) = declared(&estate, "RDS", "us-east-1", "shop-1");
    let expected = json!({
        "AutoMinorVersionUpgrade": true,
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CopyTagsToSnapshot": false,
        "DBClusterIdentifier": "shop",
        "DBInstanceClass": "db.r6g.large",
        "DBParameterGroupName": "default.aurora-postgresql16",
        "DBSubnetGroupName": "private",
        "Engine": "aurora-postgresql",
        "KmsKeyId": KEY,
        "MonitoringInterval": 60,
        "MonitoringRoleArn": "arn:aws:iam::123456789012:role/rds-monitoring",
        "PerformanceInsightsEnabled": true,
        "PerformanceInsightsKMSKeyId": KEY,
        "PerformanceInsightsRetentionPeriod": 7,
        "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
        "PubliclyAccessible": false,
        "StorageEncrypted": true,
        "Tags": {"Env": "prod"},
    });
    assert_eq!((member, address.as_str()), (expected, "aws_rds_cluster_instance.shop[1]"));
}

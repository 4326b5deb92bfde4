//! Databases, drift by drift.

use std::collections::BTreeSet;

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder as Modify;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, Tag};
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use super::rds_calls::call_what_the_emulator_lacks;
use super::{Row, Stage};
use crate::mutation::Act;
use crate::mutations_rds::create as create_plain;

const MODIFY: &[&str] = &["ModifyDBInstance"];
const ROLE: &str = "arn:aws:iam::123456789012:role/rds-monitoring";
const GROUPS: [&str; 2] = ["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"];

/// A database with everything set that the emulator keeps.
pub async fn create(aws: &Aws) -> String {
    let id = create_plain(aws).await;
    let call = aws.rds.modify_db_instance().db_instance_identifier(&id).iops(4000).storage_throughput(225);
    let call = call.monitoring_interval(60).monitoring_role_arn(ROLE).network_type("IPV4").publicly_accessible(false);
    let call = call.database_insights_mode("standard".into()).dedicated_log_volume(false);
    call.send().await.expect("modify the database");
    id
}

fn table() -> Vec<Row> {
    [engine(), storage(), upkeep(), access(), watching(), fixed(), not_shown()].into_iter().flatten().collect()
}

/// A modification through the AWS API.
fn modify(set: fn(Modify) -> Modify) -> Act {
    Box::new(move |aws, id| {
        let call = set(aws.rds.modify_db_instance().db_instance_identifier(id)).apply_immediately(true);
        Box::pin(async move { drop(call.send().await.expect("modify the database")) })
    })
}

fn row(attribute: &'static str, set: fn(Modify) -> Modify) -> Row {
    Row::put_back(attribute, "modified", modify(set), MODIFY)
}

fn engine() -> Vec<Row> {
    vec![
        row("DBInstanceClass", |m| m.db_instance_class("db.t3.xlarge")),
        row("DBParameterGroupName", |m| m.db_parameter_group_name("second")),
        row("EngineVersion", |m| m.engine_version("16.2")),
        row("LicenseModel", |m| m.license_model("bring-your-own-license")),
        row("MultiAZ", |m| m.multi_az(true)),
        row("OptionGroupName", |m| m.option_group_name("second")),
    ]
}

fn storage() -> Vec<Row> {
    vec![
        row("AllocatedStorage", |m| m.allocated_storage(50)),
        row("DedicatedLogVolume", |m| m.dedicated_log_volume(true)),
        row("Iops", |m| m.iops(5000)),
        row("MaxAllocatedStorage", |m| m.max_allocated_storage(400)),
        row("StorageThroughput", |m| m.storage_throughput(300)),
        row("StorageType", |m| m.storage_type("gp2")),
    ]
}

fn upkeep() -> Vec<Row> {
    vec![
        row("AutoMinorVersionUpgrade", |m| m.auto_minor_version_upgrade(false)),
        row("BackupRetentionPeriod", |m| m.backup_retention_period(1)),
        row("CopyTagsToSnapshot", |m| m.copy_tags_to_snapshot(true)),
        row("DeletionProtection", |m| m.deletion_protection(false)),
        row("PreferredBackupWindow", |m| m.preferred_backup_window("04:00-04:30")),
        row("PreferredMaintenanceWindow", |m| m.preferred_maintenance_window("mon:05:00-mon:06:00")),
        Row::put_back("Tags", "changed", tag("Env", "test"), &["AddTagsToResource"]),
        Row::put_back("Tags", "added", tag("Team", "orders"), &["RemoveTagsFromResource"]),
        Row::put_back("Tags", "removed", untag("Env"), &["AddTagsToResource"]),
    ]
}

fn access() -> Vec<Row> {
    vec![
        row("CACertificateIdentifier", |m| m.ca_certificate_identifier("rds-ca-rsa4096-g1")),
        row("IAMDatabaseAuthenticationEnabled", |m| m.enable_iam_database_authentication(true)),
        row("NetworkType", |m| m.network_type("DUAL")),
        row("PubliclyAccessible", |m| m.publicly_accessible(true)),
        row("VpcSecurityGroups", |m| m.set_vpc_security_group_ids(Some(GROUPS.map(str::to_owned).into()))),
        row("VpcSecurityGroups", |m| m.vpc_security_group_ids(GROUPS[1])),
    ]
}

fn watching() -> Vec<Row> {
    let none = CloudwatchLogsExportConfiguration::builder;
    let unlogged: Act = Box::new(move |aws, id| {
        let call = aws.rds.modify_db_instance().db_instance_identifier(id);
        let call = call.cloudwatch_logs_export_configuration(none().disable_log_types("postgresql").build());
        Box::pin(async move { drop(call.send().await.expect("export no log")) })
    });
    vec![
        row("DatabaseInsightsMode", |m| m.database_insights_mode("advanced".into())),
        Row::put_back("EnabledCloudwatchLogsExports", "one less", unlogged, MODIFY),
        Row::not_shown("EnabledCloudwatchLogsExports", "the emulator fails to turn off what is off"),
        row("MonitoringInterval", |m| m.monitoring_interval(15)),
        row("MonitoringRoleArn", |m| m.monitoring_role_arn("arn:aws:iam::123456789012:role/other")),
    ]
}

fn fixed() -> Vec<Row> {
    let declared = |attribute: &'static str, value: Value| {
        Row::by_hand(attribute, "declared otherwise", move |state| state.set(attribute, value.clone()))
    };
    vec![
        declared("AllocatedStorage", json!(50)),
        declared("CharacterSetName", json!("AL32UTF8")),
        declared("DBClusterIdentifier", json!("orders")),
        declared("DBName", json!("invoices")),
        declared("DBSubnetGroupName", json!("second")),
        declared("DomainMemberships", json!({"d-1234567890": {"FQDN": "corp.example.com"}})),
        declared("Engine", json!("mysql")),
        declared("EngineVersion", json!("16.2")),
        declared("EngineVersion", json!("17.2")),
        declared("KmsKeyId", json!("arn:aws:kms:us-east-1:123456789012:key/other")),
        declared("ManageMasterUserPassword", json!(true)),
        declared("MasterUsername", json!("root")),
        declared("StorageEncrypted", json!(false)),
        declared("Timezone", json!("UTC")),
    ]
}

/// What [`call_what_the_emulator_lacks`] shows to be called as AWS wants it.
fn not_shown() -> Vec<Row> {
    vec![
        Row::not_shown("AssociatedRoles", "the emulator takes no role away"),
        Row::not_shown("EngineLifecycleSupport", "the emulator does not tell it"),
        Row::not_shown("PerformanceInsightsEnabled", "the emulator does not keep it"),
        Row::not_shown("PerformanceInsightsKMSKeyId", "the emulator does not keep it"),
        Row::not_shown("PerformanceInsightsRetentionPeriod", "the emulator never has Performance Insights on"),
        Row::not_shown("Port", "the emulator keeps the port that it was made with"),
        Row::not_shown("ProcessorFeatures", "the emulator does not tell them"),
    ]
}

fn tag(key: &'static str, value: &'static str) -> Act {
    Box::new(move |aws, id| {
        let tag = Tag::builder().key(key).value(value).build();
        let call = aws.rds.add_tags_to_resource().resource_name(arn(aws, id)).tags(tag);
        Box::pin(async move { drop(call.send().await.expect("add a tag")) })
    })
}

fn untag(key: &'static str) -> Act {
    Box::new(move |aws, id| {
        let call = aws.rds.remove_tags_from_resource().resource_name(arn(aws, id)).tag_keys(key);
        Box::pin(async move { drop(call.send().await.expect("remove a tag")) })
    })
}

fn arn(aws: &Aws, id: &str) -> String {
    format!("arn:aws:rds:{}:{}:db:{id}", aws.region, aws.account_id)
}

#[tokio::test]
async fn each_drift_of_a_database_is_put_back_byte_for_byte() {
    let stage = Stage::new("RDS", "us-east-1", create).await;
    stage.each_is_put_back(&table()).await;
    call_what_the_emulator_lacks(&stage).await;
    let called = stage.proxy.counts().into_keys().filter(|name| name != "AssumeRole");
    let called: BTreeSet<String> = called.map(|operation| format!("rds:{operation}")).collect();
    let (fix, scan) = (stage.kind.fix_actions(), stage.kind.scan_actions());
    // A role is passed on with monitoring and with a feature, by no call of its own.
    let listed = fix.iter().chain(scan).filter(|action| **action != "iam:PassRole");
    assert_eq!(called, listed.map(|it| (*it).to_owned()).collect(), "the policy holds what is called, no more");
}

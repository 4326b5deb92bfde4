//! Databases of the demo's estate.

use anyhow::Context;
use aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder;
use aws_sdk_rds::types::Tag;

use super::network::Network;
use crate::resource::Aws;

/// The shop's database.
pub(super) const ORDERS: &str = "orders";
/// The reporting database.
pub(super) const REPORTING: &str = "reporting";

pub(super) async fn make_shop(aws: &Aws, network: &Network) -> anyhow::Result<()> {
    make_subnet_group(aws, "shop", &network.subnets).await?;
    let request = database(aws, ORDERS)
        .engine("postgres")
        .engine_version("16.4")
        .db_instance_class("db.m5.large")
        .allocated_storage(200)
        .multi_az(true)
        .backup_retention_period(14)
        .db_subnet_group_name("shop")
        .vpc_security_group_ids(&network.database);
    request.send().await.with_context(|| format!("create database {ORDERS}"))?;
    Ok(())
}

pub(super) async fn make_reporting(aws: &Aws, subnets: &[String], group: &str) -> anyhow::Result<()> {
    make_subnet_group(aws, "reporting", subnets).await?;
    let request = database(aws, REPORTING)
        .engine("mysql")
        .engine_version("8.0.39")
        .db_instance_class("db.t3.medium")
        .allocated_storage(100)
        .multi_az(false)
        .backup_retention_period(7)
        .db_subnet_group_name("reporting")
        .vpc_security_group_ids(group);
    request.send().await.with_context(|| format!("create database {REPORTING}"))?;
    Ok(())
}

/// What all databases have in common: private, encrypted, protected.
fn database(aws: &Aws, name: &str) -> CreateDBInstanceFluentBuilder {
    let tags = [("Env", "production"), ("CostCenter", "4711")];
    aws.rds
        .create_db_instance()
        .db_instance_identifier(name)
        .storage_type("gp3")
        .storage_encrypted(true)
        .publicly_accessible(false)
        .deletion_protection(true)
        .copy_tags_to_snapshot(true)
        .auto_minor_version_upgrade(true)
        .preferred_backup_window("03:00-04:00")
        .preferred_maintenance_window("sun:04:30-sun:05:30")
        .master_username("dba")
        .master_user_password("only-in-the-emulator")
        .set_tags(Some(tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).into()))
}

async fn make_subnet_group(aws: &Aws, name: &str, subnets: &[String]) -> anyhow::Result<()> {
    let request = aws.rds.create_db_subnet_group().db_subnet_group_name(name).db_subnet_group_description(name);
    let made = request.set_subnet_ids(Some(subnets.to_vec())).send().await;
    made.with_context(|| format!("create subnet group {name}"))?;
    Ok(())
}

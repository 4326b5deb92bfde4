//! Databases, drift by drift.

use driftsentry::resource::Aws;

use super::Stage;
use crate::mutations_rds::create as create_plain;

/// A database with everything set that the emulator keeps.
pub async fn create(aws: &Aws) -> String {
    let id = create_plain(aws).await;
    let call = aws.rds.modify_db_instance().db_instance_identifier(&id).apply_immediately(true);
    let call = call.iops(4000).storage_throughput(225).monitoring_interval(60).network_type("IPV4");
    let call = call.monitoring_role_arn("arn:aws:iam::123456789012:role/rds-monitoring").db_port_number(5444);
    let call = call.enable_performance_insights(true).performance_insights_retention_period(31);
    let call = call.database_insights_mode("advanced".into()).dedicated_log_volume(true);
    let call = call.engine_lifecycle_support("open-source-rds-extended-support-disabled");
    call.send().await.expect("modify the database");
    id
}

#[tokio::test]
async fn probe() {
    let stage = Stage::new("RDS", "us-east-1", create).await;
    panic!("{:#}", stage.state().await.to_value());
}

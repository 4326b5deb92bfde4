//! What drifts cost: one record per scan of each open drift whose cost is known, adding up to what the time has cost.

use aws_sdk_ec2::types::AttributeValue;
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use super::{act, engineer, reject};
use crate::support::{EC2, Effect, Rule, Setup, TestApp};

/// A scanned t3.medium, and an hour later the t3.large that somebody made of it.
async fn resized() -> (TestApp, Aws, String) {
    let app = TestApp::start(Setup::of(EC2.types)).await;
    let aws = app.aws().await;
    let id = (EC2.create)(&aws, "web").await;
    app.capture_baseline().await;
    app.scan_later().await;
    resize(&aws, &id, "t3.large").await;
    app.clock.set("2026-03-02T10:00:00Z");
    app.scan().await;
    (app, aws, id)
}

async fn resize(aws: &Aws, id: &str, size: &str) {
    let size = AttributeValue::builder().value(size).build();
    aws.ec2.stop_instances().instance_ids(id).send().await.expect("stop the instance");
    aws.ec2.modify_instance_attribute().instance_id(id).instance_type(size).send().await.expect("resize it");
    aws.ec2.start_instances().instance_ids(id).send().await.expect("start the instance");
}

/// Cost, projection and length in hours of each record, in their order.
async fn records(app: &TestApp) -> Vec<Value> {
    app.rows(
        "select cost_usd as cost, cost_projected_monthly as monthly,
                extract(epoch from period_end - period_start) / 3600 as hours
         from cost_metrics order by recorded_at, period_end, id",
    )
    .await
    .into_iter()
    .map(|row| json!([row["cost"].as_f64(), row["monthly"].as_f64(), row["hours"].as_f64()]))
    .collect()
}

#[tokio::test]
async fn each_scan_records_what_the_time_since_the_last_one_has_cost() {
    let (app, aws, id) = resized().await;
    let monthly = app.open_drift().await.cost_impact_monthly.map(|usd| usd.to_string());
    assert_eq!(monthly.as_deref(), Some("30.37"), "0.0416 dollars an hour");
    assert_eq!(records(&app).await, [json!([0.0, 30.37, 0.0])]);
    app.clock.set("2026-03-03T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await[1], json!([1.0, 30.37, 24.0]));
    resize(&aws, &id, "t3.xlarge").await;
    app.clock.set("2026-03-04T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await[2], json!([1.0, 91.10, 24.0]), "the new price counts from now on");
    resize(&aws, &id, "t3.medium").await;
    app.clock.set("2026-03-05T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await[3], json!([2.99, 0.0, 24.0]), "it is over, and all add up to 4.992 dollars");
    app.clock.set("2026-03-06T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await.len(), 4);
}

#[tokio::test]
async fn time_that_no_scan_has_seen_is_recorded_by_the_next_that_does() {
    let (app, _, _) = resized().await;
    app.proxy.add(Rule::on("DescribeInstances", Effect::Denied));
    app.clock.set("2026-03-03T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await.len(), 1, "nobody knows whether it went on");
    app.proxy.clear_rules();
    app.clock.set("2026-03-04T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await[1], json!([2.0, 30.37, 48.0]));
}

#[tokio::test]
async fn a_drift_that_is_to_stay_costs_no_longer() {
    let (app, _, _) = resized().await;
    app.clock.set("2026-03-03T10:00:00Z");
    act(&app, &app.open_drift().await, reject(), &engineer(&app, "ann").await).await.expect("reject it");
    assert_eq!(records(&app).await[1], json!([1.0, 0.0, 24.0]));
    app.clock.set("2026-03-04T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await.len(), 2);
}

#[tokio::test]
async fn a_missing_resource_saves_and_an_unknown_price_is_not_guessed() {
    let (app, aws, id) = resized().await;
    (EC2.delete)(&aws, &id).await;
    app.clock.set("2026-03-03T10:00:00Z");
    app.scan().await;
    let missing = app.open_drift().await;
    let monthly = missing.cost_impact_monthly.expect("a known cost");
    assert!(monthly < rust_decimal::Decimal::ZERO, "{monthly}");
    app.edit_baseline(|resources| resources[0]["state"]["InstanceType"] = json!("x9.huge"));
    app.clock.set("2026-03-04T10:00:00Z");
    app.scan().await;
    let unpriced = app.open_drift().await;
    assert_eq!(unpriced.cost_impact_monthly, None);
    assert!(unpriced.cost_unknown_reason.expect("why").contains("x9.huge"));
    let count = records(&app).await.len();
    app.clock.set("2026-03-05T10:00:00Z");
    app.scan().await;
    assert_eq!(records(&app).await.len(), count, "what is not known is not recorded");
}

//! `[[ignore]]` and `[[severity]]`, and scans of many shards.

use super::{open_port, pointers, web_group};
use crate::support::{EC2, IAM_ROLE, RDS, S3, SECURITY_GROUP, Setup, TestApp};
use crate::support::{Effect, Rule};

#[tokio::test]
async fn what_a_rule_ignores_is_no_drift_until_the_rule_ends() {
    let toml = "[[ignore]]\nresource_type = \"SECURITY_GROUP\"\npath = \"/Tags/Own*\"\nuntil = 2026-03-03\n";
    let (app, aws, group) = web_group(toml).await;
    (SECURITY_GROUP.give_to)(&aws, &group, "sales").await;
    app.scan_later().await;
    assert_eq!(app.drifts().await, []);
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    let drift = app.open_drift().await;
    assert_eq!(pointers(&drift), ["/IngressRules/tcp:22-22:0.0.0.0~10"]);
    assert_eq!(drift.actual_state["Tags"]["Owner"], "web", "what is ignored is not told");
    app.clock.set("2026-03-03T23:50:00Z");
    app.scan().await;
    assert_eq!(pointers(&app.open_drift().await).len(), 1, "the last day counts");
    app.scan_later().await;
    assert_eq!(pointers(&app.open_drift().await), ["/IngressRules/tcp:22-22:0.0.0.0~10", "/Tags/Owner"]);
}

#[tokio::test]
async fn a_drift_that_is_ignored_from_now_on_is_over() {
    let (mut app, aws, group) = web_group("").await;
    (SECURITY_GROUP.give_to)(&aws, &group, "sales").await;
    app.scan_later().await;
    app.open_drift().await;
    app.restart(|setup| setup.toml = "[[ignore]]\naccount = \"test\"\npath = \"/Tags/**\"\n".to_owned());
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
}

#[tokio::test]
async fn a_resource_that_is_ignored_as_a_whole_may_be_missing() {
    let (app, aws, group) = web_group("[[ignore]]\nresource_type = \"SECURITY_*\"\n").await;
    (SECURITY_GROUP.delete)(&aws, &group).await;
    app.scan_later().await;
    assert_eq!(app.drifts().await, []);
}

#[tokio::test]
async fn a_severity_of_the_configuration_wins_over_the_table() {
    let toml = "[[severity]]\npath = \"/Tags/Owner\"\nseverity = \"critical\"\n\
                [[severity]]\nresource_type = \"SECURITY_GROUP\"\npath = \"/IngressRules/**\"\nseverity = \"info\"\n";
    let (app, aws, group) = web_group(toml).await;
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    assert_eq!(app.open_drift().await.severity.as_str(), "info");
    (SECURITY_GROUP.give_to)(&aws, &group, "sales").await;
    app.scan_later().await;
    assert_eq!(app.open_drift().await.severity.as_str(), "critical", "the worst change counts");
    let alerts = app.rows("select severity from alerts order by id").await;
    assert_eq!(alerts, [serde_json::json!({ "severity": "info" }), serde_json::json!({ "severity": "critical" })]);
}

const ALL: [&crate::support::Ops; 5] = [&EC2, &IAM_ROLE, &RDS, &S3, &SECURITY_GROUP];

#[tokio::test]
async fn a_scan_of_everything_has_a_shard_for_each_region_and_type_and_counts_what_it_asks() {
    let app = TestApp::start(Setup::default().aws("regions = [\"us-east-1\", \"eu-west-1\"]")).await;
    let aws = app.aws().await;
    let mut ids = Vec::new();
    for ops in ALL {
        ids.push((ops.create)(&aws, "web").await);
    }
    let abroad = (SECURITY_GROUP.create)(&app.world.aws("eu-west-1").await, "abroad").await;
    app.capture_baseline().await;
    app.proxy.reset_counts();
    let scan = app.scan_later().await;
    assert_eq!(app.drifts().await, []);
    let shards = app.shards(&scan).await;
    assert_eq!(shards.len(), 9, "two regions of four types, and roles once");
    assert_eq!(scan.resources_scanned, 6);
    assert_eq!(usize::try_from(scan.api_calls).expect("a count"), app.proxy.total());
    for (ops, id) in ALL.into_iter().zip(&ids) {
        (ops.give_to)(&aws, id, "sales").await;
    }
    (SECURITY_GROUP.give_to)(&app.world.aws("eu-west-1").await, &abroad, "sales").await;
    app.proxy.add(Rule::on("DescribeDBInstances", Effect::Denied));
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    assert_eq!((scan.status.as_str(), scan.drifts_found), ("partial", 5), "one type says nothing, the others do");
    let error = scan.error.expect("why");
    assert!(error.starts_with("RDS in ") && error.contains("allow rds:DescribeDBInstances"), "{error}");
    let mut found: Vec<String> = app.open_drifts().await.into_iter().map(|drift| drift.key.resource_id).collect();
    found.sort();
    let mut wanted: Vec<String> = ids.into_iter().filter(|id| id != "web").collect();
    wanted.extend(["web".to_owned(), abroad]);
    wanted.sort();
    assert_eq!(found, wanted);
}

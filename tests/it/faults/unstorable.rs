//! What the database cannot keep of one resource spoils nothing of the others.

use serde_json::json;

use crate::support::{Effect, RDS, Rule, S3, Setup, TestApp};

#[tokio::test]
async fn a_policy_with_a_nul_character_leaves_the_other_buckets_their_drifts() {
    let app = TestApp::start(Setup::of(S3.types)).await;
    let aws = app.aws().await;
    let (odd, plain) = ((S3.create)(&aws, "odd").await, (S3.create)(&aws, "plain").await);
    app.capture_baseline().await;
    (S3.give_to)(&aws, &plain, "sales").await;
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::{odd}/\u0000"}}]}}"#
    );
    app.proxy.add(Rule::on("GET ?policy", Effect::Answer(200, policy)).about(&odd));
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    assert_eq!((scan.status.as_str(), scan.drifts_found), ("partial", 2));
    let error = scan.error.expect("why");
    assert!(error.contains(&format!("the drift of S3 {odd} ")) && error.contains("NUL character"), "{error}");
    assert_eq!(app.open_drift().await.key.resource_id, plain);
    app.proxy.clear_rules();
    app.scan_later().await;
    assert_eq!(app.open_drift().await.key.resource_id, plain, "the odd one is as declared");
}

#[tokio::test]
async fn an_id_that_is_too_long_leaves_the_other_databases_their_drifts() {
    let app = TestApp::start(Setup::of(RDS.types).reporting_unmanaged()).await;
    let aws = app.aws().await;
    for name in ["one", "two"] {
        (RDS.create)(&aws, name).await;
    }
    let long = format!("<DBInstanceIdentifier>{}<", "o".repeat(300));
    let rewrite = Effect::Rewrite("<DBInstanceIdentifier>one<".to_owned(), long);
    app.proxy.add(Rule::on("DescribeDBInstances", rewrite));
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    let error = scan.error.expect("why");
    assert!(error.contains("its id has more than 255 characters") && error.len() < 400, "{error}");
    assert_eq!(scan.status.as_str(), "partial");
    assert_eq!(app.open_drift().await.key.resource_id, "two");
    let unknown = app.rows("select resources_unknown as unknown from scan_shards").await;
    assert_eq!(unknown, [json!({ "unknown": 1 })]);
}

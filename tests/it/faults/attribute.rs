//! A part of a resource cannot be read: it is unknown, and the rest is compared.

use driftsentry::domain::drift::{Drift, DriftKind};
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use super::{Scene, assert_ended, memory};
use crate::support::{EC2, Effect, IAM_ROLE, Ops, Rule, S3, Setup, TestApp};

/// With `operation` spoiled, `attribute` of every resource is unknown and their tags are compared.
async fn the_rest_is_compared(ops: &'static Ops, operation: &str, attribute: &str, action: &str) {
    let scene = Scene::of(ops).await;
    let before = memory(&scene.app).await;
    scene.app.proxy.add(Rule::on(operation, Effect::Denied));
    let scan = scene.scan().await;
    let count = format!("{attribute} of ");
    let more = "and 3 more could not be read: ";
    assert_ended(&scan, "partial", &[&count, more, &format!("allow {action} to the role")]);
    assert_eq!((scan.resources_scanned, scan.drifts_found, scan.drifts_resolved), (4, 3, 1));
    assert_eq!(scene.app.shards(&scan).await[0].coverage.resources_unknown, 4);
    let after = memory(&scene.app).await;
    let row = |rows: &[Value], id: &str| {
        let row = rows.iter().find(|row| row["resource_id"] == id).expect("its drift");
        json!([row["actual_state"], row["difference"], row["status"], row["updated_at"]])
    };
    for standing in [&scene.changed, ops.nobody] {
        assert_eq!(row(&after, standing), row(&before, standing), "{standing}");
    }
    let drifts = scene.app.drifts().await;
    let of = |id: &str| drifts.iter().find(|drift| drift.key.resource_id == id);
    assert_eq!(of(&scene.put_back).expect("its drift").status.as_str(), "resolved");
    assert_eq!(of(&scene.quiet), None, "what could not be read is no drift");
    let fresh = of(&scene.fresh).expect("its drift");
    assert_eq!(pointers(fresh), ["/Tags/Owner"]);
    assert_eq!(fresh.expected_state.get(attribute), None, "nothing is said of what is unknown");
    scene.app.proxy.clear_rules();
    scene.app.proxy.add(Rule::on(operation, Effect::HalfBody));
    let rows = memory(&scene.app).await;
    assert_ended(&scene.scan().await, "partial", &[&count, more]);
    assert_eq!(memory(&scene.app).await, rows);
    scene.tells_the_truth_when_aws_answers_again().await;
}

fn pointers(drift: &Drift) -> Vec<&str> {
    drift.changes.iter().map(|change| change.pointer.as_str()).collect()
}

#[tokio::test]
async fn instances_are_compared_without_volumes_that_cannot_be_listed() {
    the_rest_is_compared(&EC2, "DescribeVolumes", "BlockDevices", "ec2:DescribeVolumes").await;
}

#[tokio::test]
async fn instances_are_compared_without_attributes_that_cannot_be_asked_for() {
    the_rest_is_compared(&EC2, "DescribeInstanceAttribute", "UserDataSha256", "ec2:DescribeInstanceAttribute").await;
}

#[tokio::test]
async fn instances_are_compared_without_credits_that_cannot_be_listed() {
    let operation = "DescribeInstanceCreditSpecifications";
    the_rest_is_compared(&EC2, operation, "CreditSpecification", "ec2:DescribeInstanceCreditSpecifications").await;
}

#[tokio::test]
async fn roles_are_compared_without_what_only_their_second_listing_tells() {
    the_rest_is_compared(&IAM_ROLE, "ListRoles", "MaxSessionDuration", "iam:ListRoles").await;
}

#[tokio::test]
async fn buckets_are_compared_without_a_policy_that_cannot_be_read() {
    the_rest_is_compared(&S3, "GET ?policy", "Policy", "s3:GetBucketPolicy").await;
}

#[tokio::test]
async fn buckets_are_compared_without_encryption_whose_permission_has_another_name() {
    the_rest_is_compared(&S3, "GET ?encryption", "Encryption", "s3:GetEncryptionConfiguration").await;
}

/// A bucket with a policy, its baseline captured.
async fn bucket(setup: Setup) -> (TestApp, Aws, String) {
    let app = TestApp::start(setup).await;
    let aws = app.aws().await;
    let id = (S3.create)(&aws, "assets").await;
    put_policy(&aws, &id, "111111111111").await;
    app.capture_baseline().await;
    app.scan_later().await;
    (app, aws, id)
}

async fn put_policy(aws: &Aws, id: &str, reader: &str) {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",
        "Principal": {"AWS": reader}, "Resource": format!("arn:aws:s3:::{id}/*")}]});
    aws.s3.put_bucket_policy().bucket(id).policy(policy.to_string()).send().await.expect("put the policy");
}

async fn partial_scan(app: &TestApp) {
    app.clock.advance(chrono::TimeDelta::minutes(15));
    assert_ended(&app.scan().await, "partial", &["could not be read"]);
}

#[tokio::test]
async fn a_policy_that_is_denied_is_found_when_it_can_be_read_again() {
    let (app, aws, id) = bucket(Setup::of(&["S3"])).await;
    put_policy(&aws, &id, "*").await;
    (S3.give_to)(&aws, &id, "sales").await;
    app.proxy.add(Rule::on("GET ?policy", Effect::Denied).about(&id));
    partial_scan(&app).await;
    let first = app.open_drift().await;
    assert_eq!((pointers(&first), first.severity.as_str()), (vec!["/Tags/Owner"], "info"));
    app.proxy.clear_rules();
    app.scan_later().await;
    let both = app.open_drift().await;
    assert_eq!((both.id, both.severity.as_str()), (first.id, "critical"), "the same drift got worse");
    assert_eq!(pointers(&both), ["/Policy", "/Tags/Owner"]);
}

#[tokio::test]
async fn a_drift_of_what_cannot_be_read_any_more_stands_until_it_can() {
    let (app, aws, id) = bucket(Setup::of(&["S3"])).await;
    put_policy(&aws, &id, "*").await;
    (S3.give_to)(&aws, &id, "sales").await;
    app.scan_later().await;
    let before = memory(&app).await;
    app.proxy.add(Rule::on("GET ?policy", Effect::Denied).about(&id));
    put_policy(&aws, &id, "111111111111").await;
    partial_scan(&app).await;
    assert_eq!(memory(&app).await, before, "nobody has seen the policy put back");
    (S3.give_to)(&aws, &id, "web").await;
    partial_scan(&app).await;
    assert_eq!(pointers(&app.open_drift().await), ["/Policy"], "the tags were read");
    app.edit_baseline(|resources| resources[0]["state"]["Policy"] = Value::Null);
    partial_scan(&app).await;
    assert_eq!(pointers(&app.open_drift().await), ["/Policy"], "declaring it otherwise is not reading it");
    app.proxy.clear_rules();
    app.scan_later().await;
    assert_eq!(pointers(&app.open_drift().await), ["/Policy"], "what is declared now is not what is there");
    aws.s3.delete_bucket_policy().bucket(&id).send().await.expect("delete the policy");
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
}

#[tokio::test]
async fn a_bucket_of_which_nothing_can_be_read_is_neither_missing_nor_as_declared() {
    let (app, aws, id) = bucket(Setup::of(&["S3"])).await;
    app.proxy.reset_counts();
    app.scan_later().await;
    let reads: Vec<String> =
        app.proxy.counts().into_keys().filter(|operation| operation.starts_with("GET ?")).collect();
    assert_eq!(reads.len(), 16, "{reads:?}");
    let spoil = |effect: Effect| reads.iter().for_each(|read| app.proxy.add(Rule::on(read, effect.clone())));
    for effect in [
        Effect::Denied,
        Effect::Answer(200, "<html><body>Under maintenance</body></html>".to_owned()),
        Effect::Answer(200, String::new()),
    ] {
        spoil(effect);
        partial_scan(&app).await;
        assert_eq!(app.drifts().await, []);
        app.proxy.clear_rules();
    }
    aws.s3.delete_bucket_policy().bucket(&id).send().await.expect("delete the policy");
    (S3.delete)(&aws, &id).await;
    app.scan_later().await;
    assert_eq!(app.open_drift().await.kind, DriftKind::Missing);
    let before = memory(&app).await;
    (S3.create)(&aws, "assets").await;
    put_policy(&aws, &id, "111111111111").await;
    spoil(Effect::Denied);
    partial_scan(&app).await;
    assert_eq!(memory(&app).await, before, "that it is listed does not tell that it is as declared");
    app.proxy.clear_rules();
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
}

#[tokio::test]
async fn what_is_denied_of_many_buckets_is_told_once_and_names_one() {
    let (app, aws, first) = bucket(Setup::of(&["S3"])).await;
    let mut buckets = vec![first];
    for name in ["backups", "logs"] {
        buckets.push((S3.create)(&aws, name).await);
    }
    app.capture_baseline().await;
    for id in &buckets {
        let denied = format!(
            "<Error><Code>AccessDenied</Code><Message>User is not authorized to perform: s3:GetBucketTagging on \
             resource: arn:aws:s3:::{id}</Message><RequestId>{id}</RequestId></Error>"
        );
        app.proxy.add(Rule::on("GET ?tagging", Effect::Answer(403, denied)).about(id));
    }
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    assert_ended(&scan, "partial", &["and 2 more could not be read: s3:GetBucketTagging in "]);
    let error = scan.error.expect("why");
    assert_eq!(error.matches("could not be read").count(), 1, "{error}");
    assert!(buckets.iter().any(|id| error.contains(&format!("Tags of {id} and"))), "{error}");
}

#[tokio::test]
async fn a_bucket_that_is_deleted_while_it_is_read_is_missing() {
    let (app, _, id) = bucket(Setup::of(&["S3"])).await;
    let gone = "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
    for read in ["GET ?tagging", "GET ?acl", "GET ?policy"] {
        app.proxy.add(Rule::on(read, Effect::Answer(404, gone.to_owned())).about(&id));
    }
    app.scan_later().await;
    assert_eq!(app.open_drift().await.kind, DriftKind::Missing);
    app.proxy.clear_rules();
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
}

#[tokio::test]
async fn an_unmanaged_bucket_is_not_changed_by_what_cannot_be_read_of_it() {
    let (app, _, id) = bucket(Setup::of(&["S3"]).reporting_unmanaged()).await;
    app.edit_baseline(Vec::clear);
    app.scan_later().await;
    assert_eq!(app.open_drift().await.kind, DriftKind::Unmanaged);
    let before = memory(&app).await;
    app.proxy.add(Rule::on("GET ?policy", Effect::Broken).about(&id));
    partial_scan(&app).await;
    assert_eq!(memory(&app).await, before);
}

//! The listing of a type fails: nothing is known of any of its resources.

use std::time::Duration;

use serde_json::json;

use super::{Scene, assert_ended, memory};
use crate::support::{EC2, Effect, IAM_ROLE, Ops, RDS, Rule, S3, SECURITY_GROUP};

/// What may happen to a listing, and what the scan must say of it.
fn faults() -> Vec<(Effect, &'static str)> {
    vec![
        (Effect::Denied, "was denied"),
        (Effect::Throttled, "was throttled"),
        (Effect::Broken, "failed at the other end"),
        (Effect::HalfBody, "failed at the other end"),
        (Effect::Cut, "failed at the other end"),
        (Effect::Answer(200, String::new()), "failed"),
        (Effect::Answer(200, "<html><body>Under maintenance</body></html>".to_owned()), "failed"),
        (Effect::Answer(404, String::new()), "found nothing"),
    ]
}

async fn nothing_is_concluded(ops: &'static Ops) {
    let scene = Scene::of(ops).await;
    let before = memory(&scene.app).await;
    for (effect, told) in faults() {
        scene.app.proxy.add(Rule::on(ops.listing, effect.clone()));
        scene.app.proxy.reset_counts();
        let scan = scene.scan().await;
        assert_ended(&scan, "failed", &[ops.listing, told]);
        if matches!(effect, Effect::Denied) {
            assert_ended(&scan, "failed", &[&format!("allow {} to the role", ops.action)]);
        }
        if matches!(effect, Effect::Throttled | Effect::Broken | Effect::Cut) {
            assert_eq!(scene.app.proxy.counts()[ops.listing], 2, "{effect:?} is tried again before it is given up");
        }
        assert_eq!((scan.resources_scanned, scan.drifts_found, scan.drifts_resolved), (0, 0, 0));
        assert_eq!(memory(&scene.app).await, before, "{effect:?}");
        scene.app.proxy.clear_rules();
    }
    scene.tells_the_truth_when_aws_answers_again().await;
}

#[tokio::test]
async fn a_failed_listing_of_instances_says_nothing_of_any() {
    nothing_is_concluded(&EC2).await;
}

#[tokio::test]
async fn a_failed_listing_of_databases_says_nothing_of_any() {
    nothing_is_concluded(&RDS).await;
}

#[tokio::test]
async fn a_failed_listing_of_buckets_says_nothing_of_any() {
    nothing_is_concluded(&S3).await;
}

#[tokio::test]
async fn a_failed_listing_of_roles_says_nothing_of_any() {
    nothing_is_concluded(&IAM_ROLE).await;
}

#[tokio::test]
async fn a_failed_listing_of_security_groups_says_nothing_of_any() {
    nothing_is_concluded(&SECURITY_GROUP).await;
}

#[tokio::test]
async fn a_listing_that_hangs_is_given_up_and_says_nothing() {
    let mut scene = Scene::of(&SECURITY_GROUP).await;
    let before = memory(&scene.app).await;
    scene.app.restart(|setup| setup.aws = "call_timeout = \"4s\"\nmax_attempts = 1".to_owned());
    scene.app.proxy.add(Rule::on(scene.ops.listing, Effect::Delay(Duration::from_mins(5))));
    let scan = scene.scan().await;
    assert_ended(&scan, "failed", &["ec2:DescribeSecurityGroups", "timed out", "no answer within 4s"]);
    assert_eq!(memory(&scene.app).await, before);
    scene.tells_the_truth_when_aws_answers_again().await;
}

#[tokio::test]
async fn an_account_whose_role_cannot_be_assumed_says_nothing() {
    let mut scene = Scene::of(&S3).await;
    let before = memory(&scene.app).await;
    for (effect, told) in [(Effect::Denied, "was denied"), (Effect::Broken, "failed at the other end")] {
        // A role that was assumed before would still serve.
        scene.app.restart(|_| {});
        scene.app.proxy.add(Rule::on("AssumeRole", effect));
        let role = format!(":iam::{}:role/driftsentry-scan", scene.app.world.account_id);
        let scan = scene.scan().await;
        assert_ended(&scan, "failed", &["sts:AssumeRole", told]);
        if told == "was denied" {
            assert_ended(&scan, "failed", &["the trust policy of", &role]);
        }
        assert_eq!(memory(&scene.app).await, before);
        scene.app.proxy.clear_rules();
    }
    scene.tells_the_truth_when_aws_answers_again().await;
}

#[tokio::test]
async fn an_account_that_cannot_be_entered_leaves_the_others_compared() {
    let mut scene = Scene::of(&SECURITY_GROUP).await;
    let other = format!("9{}", &scene.app.world.account_id.as_str()[1..]);
    scene.app.restart(|setup| {
        let role = format!("arn:aws:iam::{other}:role/driftsentry-scan");
        setup.toml = format!("[[aws.accounts]]\nname = \"other\"\nid = \"{other}\"\nrole_arn = \"{role}\"\n");
    });
    let declared = json!({ "resource_type": "SECURITY_GROUP", "resource_id": "sg-00000000000000abc",
        "account_id": other, "region": "us-east-1", "state": { "Tags": {} } });
    scene.app.edit_baseline(|resources| resources.push(declared));
    let form = format!("RoleArn=arn%3Aaws%3Aiam%3A%3A{other}%3Arole%2Fdriftsentry-scan");
    scene.app.proxy.add(Rule::on("AssumeRole", Effect::Denied).about(&form));
    let scan = scene.scan().await;
    assert_ended(&scan, "partial", &[&format!("SECURITY_GROUP in {other}/us-east-1: sts:AssumeRole"), "was denied"]);
    let shards = scene.app.shards(&scan).await;
    let ended: Vec<&str> = shards.iter().map(|shard| shard.status.as_str()).collect();
    assert_eq!(ended, ["succeeded", "failed"], "one for each account");
    assert_eq!((scan.resources_scanned, scan.drifts_found, scan.drifts_resolved), (4, 3, 1));
}

#[tokio::test]
async fn what_is_only_slow_or_fails_once_is_read_all_the_same() {
    let scene = Scene::of(&SECURITY_GROUP).await;
    scene.app.proxy.add(Rule::on(scene.ops.listing, Effect::Delay(Duration::from_millis(300))));
    scene.app.proxy.add(Rule::on(scene.ops.listing, Effect::Throttled).only_call(1));
    let scan = scene.scan().await;
    assert_eq!((scan.status.as_str(), scan.api_calls), ("succeeded", 2), "{:?}", scan.error);
    scene.tells_the_truth_when_aws_answers_again().await;
}

//! A listing breaks off in the middle: what came before is compared, what did not come is unknown.

use super::{Scene, assert_ended};
use crate::support::{EC2, Effect, IAM_ROLE, Ops, RDS, Rule, S3, SECURITY_GROUP};

/// The first page holds the changed and the freshly drifted resource and leads on to a second one, which fails.
async fn only_the_first_page_counts(ops: &'static Ops, fault: Effect) {
    let scene = Scene::of(ops).await;
    let (end, leads_on) = ops.next_page;
    let hidden = [&scene.put_back, &scene.quiet];
    for (index, id) in hidden.into_iter().enumerate() {
        let other = format!("elsewhere-{index}-{}", scene.app.world.account_id);
        scene.app.proxy.add(Rule::on(ops.listing, Effect::Rewrite(id.clone(), other)).only_call(1));
    }
    let leads_on = Effect::Rewrite(end.to_owned(), leads_on.to_owned());
    scene.app.proxy.add(Rule::on(ops.listing, leads_on).only_call(1));
    scene.app.proxy.add(Rule::on(ops.listing, fault).calls(2, usize::MAX));
    let scan = scene.scan().await;
    assert_ended(&scan, "partial", &[ops.listing]);
    assert_eq!((scan.resources_scanned, scan.drifts_found, scan.drifts_resolved), (2, 2, 0));
    let unknown: i64 = scene.app.shards(&scan).await.iter().map(|shard| shard.coverage.resources_unknown).sum();
    assert_eq!(unknown, 3, "two resources are not listed yet, and one may be missing");
    let drifts = scene.app.drifts().await;
    let mut ids: Vec<&str> = drifts.iter().map(|drift| drift.key.resource_id.as_str()).collect();
    ids.sort_unstable();
    let mut wanted = [&scene.changed, &scene.put_back, &scene.fresh, ops.nobody];
    wanted.sort_unstable();
    assert_eq!(ids, wanted, "what came is compared, what did not come is not");
    assert!(drifts.iter().all(|drift| drift.status.as_str() == "detected"), "{drifts:#?}");
    scene.tells_the_truth_when_aws_answers_again().await;
}

#[tokio::test]
async fn instances_beyond_a_page_that_breaks_off_are_unknown() {
    only_the_first_page_counts(&EC2, Effect::HalfBody).await;
}

#[tokio::test]
async fn security_groups_beyond_a_page_that_is_throttled_are_unknown() {
    only_the_first_page_counts(&SECURITY_GROUP, Effect::Throttled).await;
}

#[tokio::test]
async fn databases_beyond_a_page_that_is_denied_are_unknown() {
    only_the_first_page_counts(&RDS, Effect::Denied).await;
}

#[tokio::test]
async fn roles_beyond_a_page_that_fails_are_unknown() {
    only_the_first_page_counts(&IAM_ROLE, Effect::Broken).await;
}

#[tokio::test]
async fn buckets_beyond_a_page_that_is_cut_are_unknown() {
    only_the_first_page_counts(&S3, Effect::Cut).await;
}

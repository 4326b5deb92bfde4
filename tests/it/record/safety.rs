//! Twice, at once, too late, too many, or wrong.

use std::time::Instant;

use driftsentry::domain::severity::Severity;
use driftsentry::scan::record::{Recorded, ShardOutcome, Skipped};
use driftsentry::store;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::{Scene, finding, scope, usd, warning};

#[tokio::test]
async fn a_shard_whose_job_runs_twice_is_recorded_once() {
    let scene = Scene::new().await;
    let outcome = ShardOutcome { findings: vec![warning("i-1", "x")], ..scene.shard().await };
    assert_eq!(scene.record(&outcome).await.unwrap().created, 1);
    let again = scene.record(&outcome).await.unwrap();
    assert_eq!(again, Recorded { skipped: Some(Skipped::Closed), ..Recorded::default() });
    assert_eq!(scene.count("select count(*) from cost_metrics").await, 1);
}

#[tokio::test]
async fn an_old_read_does_not_undo_a_newer_one() {
    let mut scene = Scene::new().await;
    let slow = ShardOutcome { findings: vec![warning("i-1", "old news")], ..scene.shard().await };
    scene.pass(1);
    scene.scan(vec![warning("i-1", "new")]).await;
    let late = scene.record(&slow).await.unwrap();
    assert_eq!(late, Recorded { skipped: Some(Skipped::Stale), ..Recorded::default() });
    assert_eq!(scene.only_drift().await.actual_state, json!({ "InstanceType": "new" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_scans_of_a_scope_at_once_record_one_drift() {
    let scene = Scene::new().await;
    let mut outcomes = Vec::new();
    for _ in 0..6 {
        let findings = (0..20).map(|n| warning(&format!("i-{n}"), "x")).collect();
        outcomes.push(ShardOutcome { findings, ..scene.shard().await });
    }
    let all = futures::future::join_all(outcomes.iter().map(|outcome| scene.record(outcome))).await;
    let created: Vec<u64> = all.into_iter().map(|recorded| recorded.unwrap().created).collect();
    assert_eq!(created.iter().sum::<u64>(), 20, "{created:?}");
    assert_eq!(scene.drifts().await.len(), 20);
    assert_eq!(scene.count("select count(*) from alerts").await, 20);
}

#[tokio::test]
async fn the_last_of_several_shards_closes_the_scan_and_no_other() {
    let scene = Scene::new().await;
    for _ in 0..10 {
        let outcome = scene.shard().await;
        let mut conn = scene.store.conn().await.unwrap();
        sqlx::query("insert into scan_shards (scan_id, account_id, region, resource_type, status) values ($1, '1', 'r', 'S3', 'queued')")
            .bind(outcome.scan_id.0)
            .execute(&mut *conn)
            .await
            .unwrap();
        let other = driftsentry::domain::id::Scope {
            account_id: "1".into(),
            region: "r".into(),
            resource_type: "S3".to_owned(),
        };
        // Both have written their shard before either looks whether it was the last.
        let both = Barrier::new(2);
        let finish = async |scope| {
            let mut tx = scene.store.begin().await.unwrap();
            let report = store::scan::ShardReport { api_calls: 2, ..Default::default() };
            assert!(store::scan::finish_shard(&mut tx, outcome.scan_id, &scope, &report, scene.now).await.unwrap());
            both.wait().await;
            let closed = store::scan::close_if_done(&mut tx, outcome.scan_id, scene.now).await.unwrap();
            tx.commit().await.unwrap();
            closed
        };
        let closed = tokio::join!(finish(scope()), finish(other));
        let closed: Vec<_> = [closed.0, closed.1].into_iter().flatten().collect();
        assert_eq!(closed.len(), 1, "{closed:?}");
        assert_eq!(closed[0].api_calls, 4);
    }
}

#[tokio::test]
async fn a_finding_that_breaks_the_patch_law_is_refused_and_nothing_is_written() {
    let scene = Scene::new().await;
    let broken = |spoil: fn(&mut driftsentry::domain::drift::Finding)| {
        let mut finding = warning("i-2", "x");
        spoil(&mut finding);
        finding
    };
    let cases = [
        (broken(|f| f.difference = json!([])), "does not turn the expected into the actual state"),
        (broken(|f| f.difference = json!({ "not": "a patch" })), "does not turn the expected into the actual state"),
        (broken(|f| f.actual = json!({ "InstanceType": "a\0b" })), "NUL character"),
        (broken(|f| f.key.resource_id = "i".repeat(256)), "more than 255 characters"),
        (broken(|f| f.key.scope.region = "eu-west-1".into()), "outside the shard"),
    ];
    for (finding, reason) in cases {
        let outcome = ShardOutcome { findings: vec![warning("i-1", "x"), finding], ..scene.shard().await };
        let error = scene.record(&outcome).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(scene.count("select (select count(*) from drifts) + (select count(*) from audit_logs)").await, 0);
}

/// A state as large as real ones are.
fn large(resource_id: &str) -> driftsentry::domain::drift::Finding {
    let mut found = finding(resource_id, "m5.xlarge", Severity::Warning, usd("70.08"));
    let tags: Value = (0..30).map(|n| (format!("tag-{n}"), json!(format!("value number {n}")))).collect();
    found.expected["Tags"] = tags.clone();
    found.actual["Tags"] = tags;
    found
}

#[tokio::test]
async fn five_thousand_findings_take_seconds() {
    let mut scene = Scene::new().await;
    let findings = || (0..5000).map(|n| large(&format!("i-{n}"))).collect::<Vec<_>>();
    let begun = Instant::now();
    assert_eq!(scene.scan(findings()).await.created, 5000);
    let first = begun.elapsed();
    scene.pass(15);
    let begun = Instant::now();
    assert_eq!(scene.scan(findings()).await, Recorded::default());
    let second = begun.elapsed();
    let all = scene.drifts().await.iter().map(|drift| drift.id).collect();
    scene.pass(15);
    let begun = Instant::now();
    assert_eq!(scene.scan_matching(all).await.resolved, 5000);
    let third = begun.elapsed();
    println!("5,000 findings: new {first:?}, the same again {second:?}, over {third:?}");
    assert!((first + second + third).as_secs() < 60, "{first:?} {second:?} {third:?}");
    assert_eq!(scene.count("select count(*) from cost_metrics").await, 15_000);
    assert_eq!(scene.count("select count(*) from deliveries").await, 10_000);
}

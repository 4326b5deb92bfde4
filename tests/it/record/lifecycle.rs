//! What becomes of a drift when a scan sees it again, sees something else, or sees it no more.

use driftsentry::domain::drift::DriftStatus;
use driftsentry::domain::severity::Severity;
use driftsentry::scan::record::{Recorded, ShardOutcome};
use serde_json::{Value, json};

use super::{Scene, finding, usd, warning};

#[tokio::test]
async fn a_new_drift_is_written_with_all_that_belongs_to_it() {
    let scene = Scene::new().await;
    let found = finding("i-1", "m5.xlarge", Severity::Critical, usd("70.08"));
    let recorded = scene.scan(vec![found.clone()]).await;
    assert_eq!(recorded, Recorded { created: 1, alerts: 1, ..Recorded::default() });

    let drift = scene.only_drift().await;
    assert_eq!((&drift.key, drift.status, drift.severity), (&found.key, DriftStatus::Detected, Severity::Critical));
    assert_eq!((&drift.expected_state, &drift.actual_state), (&found.expected, &found.actual));
    assert_eq!((&drift.difference, &drift.changes), (&found.difference, &found.changes));
    assert_eq!((drift.cost_impact_monthly, drift.detected_at), (found.cost.to_cents(), scene.now));
    assert_eq!((&drift.declared_in, &drift.terraform_address), (&found.declared_in, &found.terraform_address));

    let audit = scene.audit().await;
    assert_eq!(audit.len(), 1);
    assert_eq!((audit[0].0.as_str(), &audit[0].1), ("drift_created", &None));
    assert_eq!(audit[0].2, Some(serde_json::to_value(&drift).unwrap()), "the record holds the drift itself");
    assert_eq!(scene.events(drift.id).await, ["detected"]);

    let alerts: Vec<(String, String, String, String)> =
        sqlx::query_as("select type, severity, title, message from alerts")
            .fetch_all(scene.store.pool())
            .await
            .unwrap();
    let [(alert_type, severity, title, message)] = alerts.as_slice() else { panic!("{alerts:?}") };
    assert_eq!((alert_type.as_str(), severity.as_str()), ("drift_detected", "critical"));
    assert!(title.contains("i-1") && title.contains("prod"), "{title}");
    assert!(message.contains("m5.xlarge") && message.contains("$70.08"), "{message}");
    let jobs: Vec<(String, Value)> = sqlx::query_as("select kind, payload from jobs order by payload ->> 'channel'")
        .fetch_all(scene.store.pool())
        .await
        .unwrap();
    let alert_id: uuid::Uuid = sqlx::query_scalar("select id from alerts").fetch_one(scene.store.pool()).await.unwrap();
    let job = |channel: &str| ("deliver_alert".to_owned(), json!({ "alert_id": alert_id, "channel": channel }));
    assert_eq!(jobs, [job("chat"), job("ops-mail")]);
    assert_eq!(scene.count("select count(*) from deliveries where state = 'pending'").await, 2);
}

#[tokio::test]
async fn an_alert_that_no_route_matches_is_kept_and_sent_nowhere() {
    let scene = Scene::new().await;
    scene.scan(vec![finding("i-1", "x", Severity::Info, usd("0"))]).await;
    assert_eq!(scene.count("select count(*) from alerts").await, 1);
    assert_eq!(
        scene.count("select count(*) from deliveries").await + scene.count("select count(*) from jobs").await,
        0
    );
}

#[tokio::test]
async fn the_same_difference_again_changes_nothing() {
    let mut scene = Scene::new().await;
    for status in ["detected", "triaged", "approved", "rejected"] {
        scene.scan(vec![warning(status, "x")]).await;
        let id = scene.drifts().await.last().unwrap().id;
        scene.bring(id, status).await;
    }
    let all: Vec<_> = ["detected", "triaged", "approved", "rejected"].map(|id| warning(id, "x")).into();
    let rows = "select jsonb_agg(to_jsonb(d) order by id) from drifts d";
    let before: Value = sqlx::query_scalar(rows).fetch_one(scene.store.pool()).await.unwrap();
    let trail = (scene.audit().await, scene.count("select count(*) from drift_events").await);
    scene.pass(15);
    let recorded = scene.scan(all).await;
    assert_eq!(recorded, Recorded::default());
    let after: Value = sqlx::query_scalar(rows).fetch_one(scene.store.pool()).await.unwrap();
    assert_eq!(before, after);
    assert_eq!(trail, (scene.audit().await, scene.count("select count(*) from drift_events").await));
    assert_eq!(scene.count("select count(*) from alerts").await, 4);
}

#[tokio::test]
async fn another_difference_is_put_into_an_undecided_drift() {
    let mut scene = Scene::new().await;
    for status in ["detected", "triaged"] {
        scene.scan(vec![warning(status, "first")]).await;
        let id = scene.drifts().await.last().unwrap().id;
        scene.bring(id, status).await;
        scene.pass(15);
        let recorded = scene.scan(vec![warning(status, "second")]).await;
        assert_eq!(recorded, Recorded { changed: 1, ..Recorded::default() });
        let drift = scene.drifts().await.pop().unwrap();
        assert_eq!((drift.id, drift.status.as_str()), (id, status));
        assert_eq!(drift.actual_state, json!({ "InstanceType": "second" }));
        assert_eq!(drift.changes[0].to, Some(json!("second")));
        assert_eq!(scene.events(id).await, ["detected", "changed"]);
        // The other one must not be taken to be gone.
    }
    assert_eq!(scene.drifts().await.len(), 2);
    assert_eq!(scene.actions().await, ["drift_created", "drift_created"], "a change is no audited action");
}

#[tokio::test]
async fn people_are_told_again_only_if_it_gets_worse() {
    let mut scene = Scene::new().await;
    let at = |live, severity| vec![finding("i-1", live, severity, usd("0"))];
    scene.scan(at("a", Severity::Warning)).await;
    let since = scene.now;
    scene.pass(15);
    assert_eq!(scene.scan(at("b", Severity::Warning)).await.alerts, 0);
    assert_eq!(scene.scan(at("c", Severity::Critical)).await.alerts, 1);
    assert_eq!(scene.scan(at("d", Severity::Info)).await.alerts, 0);
    let last: (String, String) = sqlx::query_as("select severity, message from alerts order by id desc limit 1")
        .fetch_one(scene.store.pool())
        .await
        .unwrap();
    assert_eq!(last.0, "critical");
    assert!(last.1.contains(&since.format("%Y-%m-%d %H:%M UTC").to_string()), "first seen is kept: {}", last.1);
    assert_eq!(scene.only_drift().await.severity, Severity::Info);
}

#[tokio::test]
async fn another_difference_takes_the_place_of_a_decided_drift() {
    for status in ["approved", "rejected"] {
        let mut scene = Scene::new().await;
        scene.scan(vec![warning("i-1", "first")]).await;
        let old = scene.only_drift().await.id;
        scene.bring(old, status).await;
        scene.pass(15);
        let recorded = scene.scan(vec![warning("i-1", "second")]).await;
        assert_eq!(recorded, Recorded { created: 1, resolved: 1, alerts: 1, ..Recorded::default() });
        let [old, new] = scene.drifts().await.try_into().unwrap();
        assert_eq!((old.status, old.resolved_how.as_deref()), (DriftStatus::Resolved, Some("acknowledged")));
        assert_eq!((old.resolved_at, old.actual_state), (Some(scene.now), json!({ "InstanceType": "first" })));
        assert_eq!((new.status, new.actual_state), (DriftStatus::Detected, json!({ "InstanceType": "second" })));
        assert_eq!(scene.actions().await, ["drift_created", "drift_resolved", "drift_created"]);
        let (_, before, after) = scene.audit().await.swap_remove(1);
        assert_eq!(before.unwrap()["status"], status);
        assert_eq!(after.unwrap()["resolved_how"], "acknowledged");
    }
}

#[tokio::test]
async fn a_drift_whose_resource_is_as_declared_again_is_over() {
    for status in ["detected", "triaged", "approved", "rejected"] {
        let mut scene = Scene::new().await;
        scene.scan(vec![warning("i-1", "x")]).await;
        let id = scene.only_drift().await.id;
        scene.bring(id, status).await;
        scene.pass(15);
        assert_eq!(scene.scan_matching(vec![id]).await, Recorded { resolved: 1, ..Recorded::default() });
        let drift = scene.only_drift().await;
        assert_eq!((drift.status, drift.resolved_how.as_deref()), (DriftStatus::Resolved, Some("manual-fix")));
        assert_eq!(drift.resolved_at, Some(scene.now));
        let reason = drift.rejection_reason.as_deref();
        let (actions, expected_reason): (&[_], _) = match status {
            "approved" => (&["drift_created", "drift_resolved"], None),
            "rejected" => (&["drift_created", "drift_resolved"], Some("let it be")),
            _ => {
                let reason = "live state matches expected again";
                (&["drift_created", "drift_rejected", "drift_resolved"], Some(reason))
            }
        };
        assert_eq!(
            (scene.actions().await, reason),
            (actions.iter().map(|a| (*a).to_owned()).collect(), expected_reason)
        );
        let at_once = "select count(*) - count(distinct created_at) from audit_logs";
        assert_eq!(scene.count(at_once).await, 0, "sorted by time the steps stand in their order");
        let rejected_by = "select count(*) from drifts where rejected_by is not null";
        assert_eq!(scene.count(rejected_by).await, 0);
        assert_eq!(scene.events(id).await.last().map(String::as_str), Some("resolved"));
        assert_eq!(scene.scan_matching(vec![id]).await, Recorded::default(), "it is over once");
    }
}

#[tokio::test]
async fn a_drift_whose_declaration_is_gone_is_over() {
    for status in ["detected", "approved", "rejected"] {
        let scene = Scene::new().await;
        scene.scan(vec![warning("i-1", "x")]).await;
        let id = scene.only_drift().await.id;
        scene.bring(id, status).await;
        let outcome = ShardOutcome { undeclared: vec![id], ..scene.shard().await };
        assert_eq!(scene.record(&outcome).await.unwrap().resolved, 1);
        let drift = scene.only_drift().await;
        assert_eq!((drift.status, drift.resolved_how.as_deref()), (DriftStatus::Resolved, Some("acknowledged")));
        let audit = scene.audit().await;
        let reason =
            "select count(*) from audit_logs where details ->> 'reason' = 'nothing declares the resource any more'";
        assert_eq!(scene.count(reason).await, if status == "detected" { 2 } else { 1 }, "{audit:?}");
    }
}

#[tokio::test]
async fn what_a_scan_does_not_speak_of_stays() {
    let mut scene = Scene::new().await;
    scene.scan(vec![warning("i-1", "x"), warning("i-2", "x")]).await;
    scene.pass(15);
    let outcome = ShardOutcome { complete: false, ..scene.shard().await };
    assert_eq!(scene.record(&outcome).await.unwrap(), Recorded::default());
    assert!(scene.drifts().await.iter().all(|drift| drift.status == DriftStatus::Detected));
}

#[tokio::test]
async fn after_its_end_the_same_difference_is_a_new_drift() {
    let mut scene = Scene::new().await;
    scene.scan(vec![warning("i-1", "x")]).await;
    let first = scene.only_drift().await.id;
    scene.scan_matching(vec![first]).await;
    scene.pass(15);
    assert_eq!(scene.scan(vec![warning("i-1", "x")]).await.created, 1);
    assert_eq!(scene.drifts().await.len(), 2);
}

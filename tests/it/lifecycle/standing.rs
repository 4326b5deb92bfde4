//! A drift stands, changes, gives way to another one and ends, and whom each of that is told.

use std::time::Duration;

use driftsentry::embedded::sink::Sink;
use driftsentry::shutdown::Shutdown;
use serde_json::json;

use super::{act, approve, audit, bring, close_port, engineer, events, memory, open_port, pointers, reject, web_group};
use crate::support::{SECURITY_GROUP, Setup, TestApp};

const STATUSES: [&str; 4] = ["detected", "triaged", "approved", "rejected"];

/// A receiver of web hooks, and the configuration that sends every alert there.
async fn hook(shutdown: &Shutdown) -> (Sink, String) {
    let sink = Sink::start(shutdown).await.expect("a receiver");
    let toml = format!(
        "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}/hook\"\n[[routes]]\nchannels = [\"hook\"]\n",
        sink.url()
    );
    (sink, toml)
}

#[tokio::test]
async fn the_same_difference_again_changes_nothing_and_tells_nobody() {
    let shutdown = Shutdown::new(Duration::from_secs(1));
    let (sink, toml) = hook(&shutdown).await;
    let app = TestApp::start(Setup::of(SECURITY_GROUP.types).toml(toml)).await;
    let (aws, ann) = (app.aws().await, engineer(&app, "ann").await);
    let mut groups = Vec::new();
    for status in STATUSES {
        groups.push((SECURITY_GROUP.create)(&aws, status).await);
    }
    app.capture_baseline().await;
    for group in &groups {
        open_port(&aws, group, 22).await;
    }
    app.scan_later().await;
    app.drain_jobs().await;
    assert_eq!(sink.requests().len(), 4);
    for drift in app.open_drifts().await {
        let index = groups.iter().position(|group| *group == drift.key.resource_id).expect("one of ours");
        bring(&app, &drift, STATUSES[index], &ann).await;
    }
    assert_eq!(app.drain_jobs().await, 2, "two were triaged: their approval is asked for");
    let (before, told) = (memory(&app).await, sink.requests().len());
    for _ in 0..2 {
        let scan = app.scan_later().await;
        assert_eq!((scan.drifts_found, scan.drifts_resolved), (4, 0));
        assert_eq!(app.drain_jobs().await, 0);
    }
    assert_eq!(memory(&app).await, before, "rows, their updated_at, alerts, audit, events, deliveries");
    assert_eq!(sink.requests().len(), told);
    let deliveries = app.rows("select state, attempts from deliveries").await;
    assert!(deliveries.iter().all(|row| *row == json!({ "state": "delivered", "attempts": 1 })), "{deliveries:?}");
}

#[tokio::test]
async fn an_undecided_drift_takes_up_another_difference() {
    for status in ["detected", "triaged"] {
        let (app, aws, group) = web_group("").await;
        open_port(&aws, &group, 443).await;
        app.scan_later().await;
        let first = app.open_drift().await;
        bring(&app, &first, status, &engineer(&app, "ann").await).await;
        open_port(&aws, &group, 22).await;
        app.scan_later().await;
        let now = app.open_drift().await;
        assert_eq!((now.id, now.status.as_str(), now.detected_at), (first.id, status, first.detected_at));
        assert_eq!(pointers(&now), ["/IngressRules/tcp:22-22:0.0.0.0~10", "/IngressRules/tcp:443-443:0.0.0.0~10"]);
        assert_eq!(events(&app, &now).await.last().map(String::as_str), Some("changed"));
        let alerts = if status == "detected" { 1 } else { 2 };
        assert_eq!(app.rows("select id from alerts").await.len(), alerts, "it was critical before");
    }
}

#[tokio::test]
async fn a_drift_that_gets_worse_is_told_again() {
    let shutdown = Shutdown::new(Duration::from_secs(1));
    let (sink, toml) = hook(&shutdown).await;
    let (app, aws, group) = web_group(&toml).await;
    (SECURITY_GROUP.give_to)(&aws, &group, "sales").await;
    app.scan_later().await;
    app.drain_jobs().await;
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    app.drain_jobs().await;
    let told: Vec<String> =
        sink.requests().iter().map(|request| request.json()["data"]["severity"].to_string()).collect();
    assert_eq!(told, ["\"info\"", "\"critical\""]);
    close_port(&aws, &group, 22).await;
    app.scan_later().await;
    assert_eq!(app.drain_jobs().await, 0, "that it got better is told nobody");
    assert_eq!(app.open_drift().await.severity.as_str(), "info");
}

#[tokio::test]
async fn a_decided_drift_gives_way_to_another_difference() {
    for status in ["approved", "rejected"] {
        let (app, aws, group) = web_group("").await;
        open_port(&aws, &group, 443).await;
        app.scan_later().await;
        let first = app.open_drift().await;
        bring(&app, &first, status, &engineer(&app, "ann").await).await;
        open_port(&aws, &group, 22).await;
        app.scan_later().await;
        let [old, new] = app.drifts().await.try_into().expect("two");
        assert_eq!((old.id, old.status.as_str()), (first.id, "resolved"));
        assert_eq!(old.resolved_how.as_deref(), Some("acknowledged"));
        assert_eq!((old.actual_state, old.difference), (first.actual_state, first.difference), "what was decided on");
        assert_eq!((new.status.as_str(), new.changes.len()), ("detected", 2));
        close_port(&aws, &group, 22).await;
        app.scan_later().await;
        assert_eq!(app.open_drift().await.id, new.id);
        assert_eq!(app.drifts().await.len(), 2, "what was decided before is over for good");
    }
}

#[tokio::test]
async fn a_drift_that_is_put_back_is_over_whatever_was_decided() {
    for status in STATUSES {
        let (app, aws, group) = web_group("").await;
        open_port(&aws, &group, 22).await;
        app.scan_later().await;
        let first = app.open_drift().await;
        bring(&app, &first, status, &engineer(&app, "ann").await).await;
        close_port(&aws, &group, 22).await;
        let scan = app.scan_later().await;
        assert_eq!((scan.drifts_found, scan.drifts_resolved), (0, 1));
        let [over] = app.drifts().await.try_into().expect("one");
        assert_eq!((over.status.as_str(), over.resolved_how.as_deref()), ("resolved", Some("manual-fix")));
        assert_eq!(over.resolved_at, scan.finished_at);
        assert_eq!(events(&app, &over).await.last().map(String::as_str), Some("resolved"));
        let trail = audit(&app, &over).await;
        let last = json!({ "action": "drift_resolved", "actor_email": null,
            "reason": "live state matches expected again", "is": "resolved",
            "was": if status == "approved" { "approved" } else { "rejected" } });
        assert_eq!(trail.last(), Some(&last));
        let own = trail.iter().filter(|entry| entry["action"] == "drift_rejected" && entry["actor_email"].is_null());
        assert_eq!(own.count(), usize::from(matches!(status, "detected" | "triaged")), "the legal way leads there");
        open_port(&aws, &group, 22).await;
        app.scan_later().await;
        assert_ne!(app.open_drift().await.id, over.id, "the same again is a new drift");
    }
}

#[tokio::test]
async fn two_scans_at_once_find_one_drift_and_tell_it_once() {
    let (app, aws, group) = web_group("").await;
    open_port(&aws, &group, 22).await;
    let (one, other) = (app.start_scan().await, app.start_scan().await);
    app.drain_jobs().await;
    for id in [one, other] {
        let scan = app.ended_scan(id).await;
        assert_eq!((scan.status.as_str(), scan.drifts_found), ("succeeded", 1));
    }
    assert_eq!(app.drifts().await.len(), 1);
    assert_eq!(app.rows("select id from alerts").await.len(), 1);
}

#[tokio::test]
async fn a_rejected_drift_stands_silently_and_an_approved_one_openly() {
    let (app, aws, group) = web_group("").await;
    let ann = engineer(&app, "ann").await;
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    let drift = app.open_drift().await;
    act(&app, &drift, reject(), &ann).await.expect("reject it");
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, [], "rejected");
    open_port(&aws, &group, 443).await;
    app.scan_later().await;
    let next = app.open_drift().await;
    bring(&app, &next, "triaged", &ann).await;
    act(&app, &next, approve(), &ann).await.expect("approve it");
    app.scan_later().await;
    assert_eq!(app.open_drift().await.status.as_str(), "approved");
}

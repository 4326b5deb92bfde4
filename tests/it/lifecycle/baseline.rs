//! Expected state that is kept in the database: captures, versions, acceptance of drifts, disputes with other sources.

use driftsentry::domain::baseline::{BaselineAct, BaselineEntry};
use driftsentry::domain::user::Actor;
use driftsentry::resource::Aws;
use driftsentry::scan::baseline::{Comparison, Ids, keep, wanted};
use driftsentry::scan::capture;
use driftsentry::store;
use driftsentry::store::baseline::NewVersion;
use driftsentry::triage::{Action, ActionError};
use futures::TryStreamExt as _;
use serde_json::json;

use super::{act, audit, close_port, engineer, events, open_port, pointers};
use crate::support::{EC2, Effect, Rule, SECURITY_GROUP, Setup, TestApp};

const SOURCE: &str = "[[expected]]\nkind = \"baseline\"\n";

fn accept() -> Action {
    Action::Accept { reason: Some("meant to be so".to_owned()) }
}

/// A program whose only declarations are in its database.
async fn start(setup: Setup) -> (TestApp, Aws) {
    let app = TestApp::start(setup.toml(SOURCE)).await;
    app.app.use_database(&app.store);
    let aws = app.aws().await;
    (app, aws)
}

/// Captures all that is there into the database.
async fn capture_into(app: &TestApp, deep: bool) -> (i64, Comparison) {
    let scopes = app.scopes().await;
    let wanted = wanted(&app.store, &scopes).await.expect("the baseline");
    let captured = capture::capture_wanted(&app.app.scanner, &scopes, deep, &wanted, &|_, _| {}).await;
    let new = NewVersion { act: BaselineAct::Captured, actor: Actor::system(), note: None, drift_id: None };
    let now = driftsentry::clock::Clock::now(&*app.clock);
    let captured = captured.expect("the accounts");
    keep(&app.store, &captured, &scopes, &Ids::default(), &new, now).await.expect("a version")
}

async fn entries(app: &TestApp, version: i64) -> Vec<BaselineEntry> {
    let mut conn = app.store.conn().await.expect("a connection");
    store::baseline::entries(&mut conn, version).try_collect().await.expect("the entries")
}

#[tokio::test]
async fn what_is_captured_is_expected_until_it_is_captured_anew() {
    let (app, aws) = start(Setup::of(SECURITY_GROUP.types)).await;
    let group = (SECURITY_GROUP.create)(&aws, "web").await;
    capture_into(&app, false).await;
    app.scan_later().await;
    assert_eq!(app.drifts().await, []);
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    let drift = app.open_drift().await;
    assert_eq!(pointers(&drift), ["/IngressRules/tcp:22-22:0.0.0.0~10"]);
    assert_eq!(drift.declared_in.as_deref(), Some("baseline#/versions/1"));
    assert_eq!(drift.terraform_address, None);
    let (version, comparison) = capture_into(&app, false).await;
    assert_eq!((version, comparison.against, comparison.unchanged), (2, 1, 0));
    assert_eq!(comparison.changed[0].pointers, ["/IngressRules/tcp:22-22:0.0.0.0~10"]);
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, [], "a new version is seen without a restart");
    assert_eq!((entries(&app, 1).await.len(), entries(&app, 2).await.len()), (1, 1));
    assert_eq!(entries(&app, 1).await[0].state.get("IngressRules"), Some(&json!({})), "the old version is kept");
}

#[tokio::test]
async fn what_could_not_be_read_keeps_what_the_baseline_said() {
    let (app, aws) = start(Setup::of(SECURITY_GROUP.types)).await;
    (SECURITY_GROUP.create)(&aws, "web").await;
    capture_into(&app, false).await;
    app.proxy.add(Rule::on("DescribeSecurityGroups", Effect::Denied));
    let (_, comparison) = capture_into(&app, false).await;
    assert_eq!((comparison.edits.removed.len(), comparison.kept_unread), (0, 1));
    assert_eq!(entries(&app, 2).await.len(), 1);
}

#[tokio::test]
async fn attributes_that_cost_a_call_are_read_again_where_the_baseline_holds_them() {
    let (app, aws) = start(Setup::of(EC2.types)).await;
    let instance = (EC2.create)(&aws, "web").await;
    capture_into(&app, true).await;
    let protect = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(true).build();
    let modify = aws.ec2.modify_instance_attribute().instance_id(&instance).disable_api_termination(protect);
    modify.send().await.expect("protect it");
    app.scan_later().await;
    assert_eq!(pointers(&app.open_drift().await), ["/DisableApiTermination"]);
    let (_, comparison) = capture_into(&app, false).await;
    assert_eq!(comparison.changed[0].pointers, ["/DisableApiTermination"]);
}

#[tokio::test]
async fn an_accepted_difference_is_expected_from_then_on_and_the_rest_stays_as_it_was_said() {
    let (app, aws) = start(Setup::of(SECURITY_GROUP.types)).await;
    let group = (SECURITY_GROUP.create)(&aws, "web").await;
    capture_into(&app, false).await;
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    let (drift, ann) = (app.open_drift().await, engineer(&app, "ann").await);
    let rejected = act(&app, &drift, accept(), &ann).await.expect("accept it");
    assert_eq!(rejected.status.as_str(), "rejected");
    let trail = audit(&app, &drift).await;
    assert_eq!((&trail[1]["action"], &trail[1]["reason"]), (&json!("drift_rejected"), &json!("meant to be so")));
    let version = "select v.act, v.created_by_email, v.note, v.changed, l.details ->> 'baseline_version' as logged
                   from baseline_versions v join audit_logs l on l.drift_id = v.drift_id and l.action = 'drift_rejected'
                   where v.version = 2";
    assert_eq!(
        app.rows(version).await,
        [json!({ "act": "accepted", "created_by_email": "ann@example.com", "note": "meant to be so", "changed": 1,
            "logged": "2" })]
    );
    app.scan_later().await;
    assert_eq!(app.drifts().await.len(), 1);
    assert_eq!(app.drifts().await[0].resolved_how.as_deref(), Some("manual-fix"));
    assert_eq!(events(&app, &drift).await, ["detected", "rejected", "resolved"]);
    close_port(&aws, &group, 22).await;
    (SECURITY_GROUP.give_to)(&aws, &group, "sales").await;
    app.scan_later().await;
    let changed = app.open_drift().await;
    assert_eq!(pointers(&changed), ["/IngressRules/tcp:22-22:0.0.0.0~10", "/Tags/Owner"], "all is still declared");
}

#[tokio::test]
async fn an_accepted_loss_leaves_the_baseline_and_an_accepted_stranger_enters_it() {
    let (app, aws) = start(Setup::of(SECURITY_GROUP.types).reporting_unmanaged()).await;
    let group = (SECURITY_GROUP.create)(&aws, "web").await;
    capture_into(&app, false).await;
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
    (SECURITY_GROUP.delete)(&aws, &group).await;
    let stranger = (SECURITY_GROUP.create)(&aws, "other").await;
    app.scan_later().await;
    let ann = engineer(&app, "ann").await;
    for drift in app.open_drifts().await {
        act(&app, &drift, accept(), &ann).await.expect("accept it");
    }
    let ids = |entries: Vec<BaselineEntry>| entries.into_iter().map(|e| e.key.resource_id).collect::<Vec<_>>();
    assert_eq!(ids(entries(&app, 3).await), std::slice::from_ref(&stranger));
    app.scan_later().await;
    let drifts = app.drifts().await;
    assert!(drifts.iter().all(|drift| drift.status.as_str() == "resolved"), "{drifts:#?}");
    open_port(&aws, &stranger, 22).await;
    app.scan_later().await;
    assert_eq!(app.open_drift().await.key.resource_id, stranger, "what was accepted is watched");
}

#[tokio::test]
async fn what_another_source_declares_is_not_taken_over() {
    let (app, aws) = start(Setup::of(SECURITY_GROUP.types)).await;
    let group = (SECURITY_GROUP.create)(&aws, "web").await;
    capture_into(&app, false).await;
    app.capture_baseline().await;
    app.scan_later().await;
    assert_eq!(app.drifts().await, [], "two sources may say the same");
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    let (drift, ann) = (app.open_drift().await, engineer(&app, "ann").await);
    let refused = act(&app, &drift, accept(), &ann).await.unwrap_err();
    assert!(matches!(refused, ActionError::DeclaredElsewhere { .. }), "{refused}");
    let words = refused.to_string();
    assert!(words.contains("baseline.json#/resources/0, not in the baseline: change the declaration there"), "{words}");
    assert_eq!(app.open_drift().await.status.as_str(), "detected", "nothing is half done");
    assert_eq!(app.rows("select max(version) as newest from baseline_versions").await, [json!({ "newest": 1 })]);
}

#[tokio::test]
async fn sources_that_contradict_the_baseline_are_told_and_decide_nothing() {
    let (app, aws) = start(Setup::of(SECURITY_GROUP.types)).await;
    let group = (SECURITY_GROUP.create)(&aws, "web").await;
    capture_into(&app, false).await;
    app.declare("SECURITY_GROUP", &group, &json!({ "Tags": { "Owner": "sales" } }));
    app.clock.advance(chrono::TimeDelta::minutes(15));
    let scan = app.scan().await;
    let error = scan.error.expect("the dispute");
    assert!(error.contains("is declared otherwise at") && error.contains("remove one of the two"), "{error}");
    assert_eq!(app.drifts().await, []);
}

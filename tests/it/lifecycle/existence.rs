//! Resources that are gone or back, that nothing declares, or that nothing declares any more.

use driftsentry::domain::drift::DriftKind;
use serde_json::{Value, json};

use super::{bring, engineer, memory, pointers, web_group};
use crate::support::{Effect, IAM_ROLE, Ops, RDS, Rule, S3, SECURITY_GROUP, Setup, TestApp};

#[tokio::test]
async fn a_resource_that_is_deleted_is_missing_until_it_is_back() {
    for ops in [&S3, &IAM_ROLE, &RDS] {
        let app = TestApp::start(Setup::of(ops.types)).await;
        let aws = app.aws().await;
        let id = (ops.create)(&aws, "web").await;
        let captured = app.capture_baseline().await.remove(0);
        (ops.give_to)(&aws, &id, "sales").await;
        app.scan_later().await;
        let changed = app.open_drift().await;
        (ops.delete)(&aws, &id).await;
        app.scan_later().await;
        let missing = app.open_drift().await;
        assert_eq!((missing.id, missing.kind), (changed.id, DriftKind::Missing), "{}", ops.types[0]);
        assert_eq!((&missing.expected_state, &missing.actual_state), (&captured.state.to_value(), &Value::Null));
        assert_eq!(missing.severity.as_str(), "warning");
        (ops.create)(&aws, "web").await;
        app.scan_later().await;
        let [over] = app.drifts().await.try_into().expect("one");
        assert_eq!((over.status.as_str(), over.resolved_how.as_deref()), ("resolved", Some("manual-fix")));
    }
}

#[tokio::test]
async fn a_database_that_aws_is_at_work_on_is_not_judged() {
    let app = TestApp::start(Setup::of(RDS.types)).await;
    let aws = app.aws().await;
    let (drifted, quiet) = ((RDS.create)(&aws, "drifted").await, (RDS.create)(&aws, "quiet").await);
    app.capture_baseline().await;
    (RDS.give_to)(&aws, &drifted, "sales").await;
    app.scan_later().await;
    let before = memory(&app).await;
    let status = |word: &str| format!("<DBInstanceStatus>{word}</DBInstanceStatus>");
    let modifying = Effect::Rewrite(status("available"), status("modifying"));
    app.proxy.add(Rule::on(RDS.listing, modifying));
    (RDS.give_to)(&aws, &drifted, "web").await;
    (RDS.give_to)(&aws, &quiet, "sales").await;
    let scan = app.scan_later().await;
    assert_eq!((scan.resources_scanned, scan.drifts_found, scan.drifts_resolved), (0, 0, 0));
    assert_eq!(memory(&app).await, before);
    app.proxy.clear_rules();
    app.scan_later().await;
    assert_eq!(app.open_drift().await.key.resource_id, quiet);
}

#[tokio::test]
async fn an_undeclared_resource_is_a_drift_only_where_that_is_asked_for() {
    for reported in [false, true] {
        let setup = Setup::of(SECURITY_GROUP.types);
        let app = TestApp::start(if reported { setup.reporting_unmanaged() } else { setup }).await;
        let id = (SECURITY_GROUP.create)(&app.aws().await, "stray").await;
        app.scan_later().await;
        if !reported {
            assert_eq!(app.drifts().await, []);
            continue;
        }
        let drift = app.open_drift().await;
        assert_eq!(
            (drift.key.resource_id.as_str(), drift.kind),
            (id.as_str(), DriftKind::Unmanaged),
            "and not AWS's own"
        );
        assert_eq!((&drift.expected_state, drift.severity.as_str()), (&Value::Null, "info"));
        assert_eq!(drift.actual_state["Tags"]["Owner"], "web");
        assert_eq!((pointers(&drift), &drift.declared_in), (vec![""], &None));
    }
}

async fn stray(ops: &'static Ops) -> (TestApp, String) {
    let app = TestApp::start(Setup::of(ops.types).reporting_unmanaged()).await;
    let id = (ops.create)(&app.aws().await, "stray").await;
    app.scan_later().await;
    assert_eq!(app.open_drift().await.kind, DriftKind::Unmanaged);
    (app, id)
}

#[tokio::test]
async fn an_unmanaged_resource_is_no_drift_once_it_is_declared_as_it_is() {
    let (app, _) = stray(&SECURITY_GROUP).await;
    app.capture_baseline().await;
    app.scan_later().await;
    let [over] = app.drifts().await.try_into().expect("one");
    assert_eq!((over.status.as_str(), over.resolved_how.as_deref()), ("resolved", Some("manual-fix")));
}

#[tokio::test]
async fn an_unmanaged_resource_that_is_declared_otherwise_is_a_changed_one() {
    let (app, id) = stray(&SECURITY_GROUP).await;
    let before = app.open_drift().await;
    app.declare("SECURITY_GROUP", &id, &json!({ "Tags": { "Owner": "ops" } }));
    app.scan_later().await;
    let after = app.open_drift().await;
    assert_eq!((after.id, after.kind), (before.id, DriftKind::Changed));
    assert_eq!(pointers(&after), ["/Tags/Owner"]);
}

#[tokio::test]
async fn an_unmanaged_resource_that_is_deleted_is_over() {
    let (app, id) = stray(&SECURITY_GROUP).await;
    (SECURITY_GROUP.delete)(&app.aws().await, &id).await;
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
}

#[tokio::test]
async fn an_unmanaged_resource_stands_while_nobody_asks_for_such() {
    let (mut app, id) = stray(&SECURITY_GROUP).await;
    app.restart(|setup| setup.unmanaged = false);
    app.scan_later().await;
    assert_eq!(app.open_drift().await.key.resource_id, id, "not looked at is not over");
}

#[tokio::test]
async fn a_drift_whose_declaration_is_removed_is_acknowledged() {
    for status in ["detected", "approved", "rejected"] {
        let (app, aws, group) = web_group("").await;
        (SECURITY_GROUP.give_to)(&aws, &group, "sales").await;
        app.scan_later().await;
        bring(&app, &app.open_drift().await, status, &engineer(&app, "ann").await).await;
        app.edit_baseline(Vec::clear);
        app.scan_later().await;
        let [over] = app.drifts().await.try_into().expect("one");
        assert_eq!((over.status.as_str(), over.resolved_how.as_deref()), ("resolved", Some("acknowledged")));
    }
}

#[tokio::test]
async fn an_attribute_that_is_not_declared_is_not_compared() {
    let (app, aws, group) = web_group("").await;
    (SECURITY_GROUP.give_to)(&aws, &group, "sales").await;
    super::open_port(&aws, &group, 22).await;
    app.edit_baseline(|resources| drop(resources[0]["state"].as_object_mut().expect("a state").remove("Tags")));
    app.scan_later().await;
    let drift = app.open_drift().await;
    assert_eq!(pointers(&drift), ["/IngressRules/tcp:22-22:0.0.0.0~10"]);
    assert_eq!((drift.expected_state.get("Tags"), drift.actual_state.get("Tags")), (None, None));
}

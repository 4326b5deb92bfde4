//! What an approval is bound to, and the rules that decide without anybody.

use driftsentry::domain::approval::{seen_hash, short};
use driftsentry::triage::{Action, ActionError, Approve};
use serde_json::json;

use super::{APPLY, Stage, open_port};
use crate::support::SECURITY_GROUP;

#[tokio::test]
async fn an_approval_of_what_is_not_there_any_more_is_refused_and_shows_what_is() {
    let (stage, drift) = Stage::opened(APPLY).await;
    let seen = short(&seen_hash(&drift.expected_state, &drift.actual_state)).to_owned();
    open_port(&stage.aws, &stage.group, 3389).await;
    stage.app.scan_later().await;
    let approve = |seen: String| Action::Approve(Approve { seen: Some(seen), ..Approve::default() });
    let refused = stage.act(&drift, approve(seen)).await.expect_err("it has changed");
    assert!(matches!(refused, ActionError::Changed { .. }), "{refused}");
    assert!(refused.to_string().contains("tcp:3389-3389"), "{refused}");
    let now = stage.now(&drift).await;
    assert_eq!(now.status.as_str(), "triaged");
    let seen = short(&seen_hash(&now.expected_state, &now.actual_state)).to_owned();
    stage.act(&drift, approve(seen)).await.expect("this is what is there");
}

#[tokio::test]
async fn who_comes_too_late_is_told_who_was_first_and_one_job_is_enqueued() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    let reject = Action::Reject { reason: None };
    let refused = stage.act(&drift, reject).await.expect_err("it is approved").to_string();
    assert!(refused.contains("is approved") && refused.contains("approved by ann@example.com at 2026-"), "{refused}");
    let refused = stage.approve(&drift).await.expect_err("it is under way").to_string();
    assert!(refused.contains("is being put back already"), "{refused}");
    assert_eq!(stage.job_states().await.len(), 1);
}

#[tokio::test]
async fn a_rule_triages_what_it_speaks_of_and_asks_for_approval() {
    let rule = "[[triage]]\nname = \"critical\"\nmin_severity = \"critical\"\n";
    let stage = Stage::new(rule).await;
    let other = (SECURITY_GROUP.create)(&stage.aws, "api").await;
    stage.app.capture_baseline().await;
    open_port(&stage.aws, &stage.group, 22).await;
    (SECURITY_GROUP.give_to)(&stage.aws, &other, "sales").await;
    stage.app.scan_later().await;
    let query = "select d.status, a.type as alert from drifts d join alerts a on a.drift_id = d.id order by 1, 2";
    let row = |status: &str, alert: &str| json!({ "status": status, "alert": alert });
    let wanted =
        [row("detected", "drift_detected"), row("triaged", "approval_needed"), row("triaged", "drift_detected")];
    assert_eq!(stage.app.rows(query).await, wanted);
    let query = "select details ->> 'rule' as rule, actor_email as by from drift_events where event = 'triaged'";
    assert_eq!(stage.app.rows(query).await, [json!({ "rule": "critical", "by": null })]);
}

#[tokio::test]
async fn a_rule_approves_tags_and_nothing_beside_them() {
    let rule =
        format!("{APPLY}max_percent = 100\n[[remediation.auto_approve]]\nname = \"tags\"\npath = \"/Tags/**\"\n");
    let stage = Stage::new(&rule).await;
    let other = (SECURITY_GROUP.create)(&stage.aws, "api").await;
    stage.app.capture_baseline().await;
    for group in [&stage.group, &other] {
        (SECURITY_GROUP.give_to)(&stage.aws, group, "sales").await;
    }
    open_port(&stage.aws, &other, 22).await;
    stage.app.scan_later().await;
    stage.app.drain_jobs().await;
    let query = "select resource_id as id, status, resolved_how as how, approved_by as by from drifts order by 2";
    let rows = stage.app.rows(query).await;
    assert_eq!(
        rows[0],
        json!({ "id": other, "status": "detected", "how": null, "by": null }),
        "a port is opened as well"
    );
    let wanted = json!({ "id": stage.group, "status": "resolved", "how": "auto-remediate", "by": null });
    assert_eq!(rows[1], wanted);
    let query = "select details ->> 'rule' as rule, actor_id from audit_logs where action = 'drift_approved'";
    assert_eq!(stage.app.rows(query).await, [json!({ "rule": "tags", "actor_id": null })]);

    // It comes back: now somebody has to look.
    (SECURITY_GROUP.give_to)(&stage.aws, &stage.group, "sales").await;
    stage.app.scan_later().await;
    stage.app.drain_jobs().await;
    let recurring = stage.app.open_drifts().await.into_iter().find(|drift| drift.recurs_after.is_some());
    assert_eq!(recurring.expect("it is marked").status.as_str(), "detected");
}

#[tokio::test]
async fn a_plan_shows_the_calls_and_changes_nothing() {
    let (stage, drift) = Stage::opened("").await;
    stage.app.proxy.reset_counts();
    let planned = stage.app.app.remediator.plan(&stage.app.store, drift.clone()).await.expect("a plan");
    assert!(!planned.is_possible());
    let told: Vec<&str> = planned.objections.iter().map(|objection| objection.guard).collect();
    assert_eq!(told, ["mode", "allow"]);
    let [step] = planned.steps.try_into().expect("one call");
    assert_eq!(step.step.operation, "RevokeSecurityGroupIngress");
    assert_eq!(planned.permissions[0].action, "ec2:RevokeSecurityGroupIngress");
    let counts = stage.app.proxy.counts();
    assert!(!counts.contains_key("RevokeSecurityGroupIngress"), "{counts:?}");
    assert_eq!((stage.now(&drift).await, stage.job_states().await), (stage.now(&drift).await, vec![]));
}

#[tokio::test]
async fn the_database_refuses_illegal_moves_by_sql() {
    let (stage, drift) = Stage::opened(APPLY).await;
    let set = async |status: &str| {
        let update = format!("update drifts set status = '{status}' where id = '{}'", drift.id);
        sqlx::query(sqlx::AssertSqlSafe(update)).execute(stage.app.store.pool()).await
    };
    set("resolved").await.expect_err("triaged is not decided");
    set("detected").await.expect_err("there is no way back");
    stage.approve(&drift).await.expect("approve");
    set("rejected").await.expect_err("it is approved");
    set("triaged").await.expect_err("there is no way back");
    stage.app.drain_jobs().await;
    set("approved").await.expect_err("resolved is final");
}

//! An opened port, from its detection to the proof that it is closed.

use serde_json::json;

use super::{APPLY, Stage, open_port};

#[tokio::test]
async fn an_opened_port_is_found_approved_closed_and_proven_closed() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    assert_eq!(stage.job_states().await, ["available"], "enqueued by the approval, not before");
    stage.app.drain_jobs().await;

    let done = stage.now(&drift).await;
    assert_eq!((done.status.as_str(), done.resolved_how.as_deref()), ("resolved", Some("auto-remediate")));
    assert_eq!(stage.calls().await, [("RevokeSecurityGroupIngress".to_owned(), "done".to_owned())]);
    let events = stage.events(&drift).await;
    assert_eq!(events, ["detected", "triaged", "approved", "remediation_started", "resolved"]);
    let trail = stage
        .app
        .rows("select action, actor_email as by, details ->> 'job_id' is not null as job from audit_logs order by id")
        .await;
    let entry = |action: &str, by: Option<&str>, job: bool| json!({ "action": action, "by": by, "job": job });
    assert_eq!(
        trail,
        [
            entry("drift_created", None, false),
            entry("drift_approved", Some("ann@example.com"), true),
            entry("drift_resolved", None, true)
        ]
    );
    let attempt = &stage.app.rows("select * from remediation_attempts").await[0];
    assert_eq!(attempt["parameters"]["GroupId"], json!(stage.group));
    assert!(attempt["finished_at"].is_string() && attempt["request_id"].is_string(), "{attempt}");
    assert_eq!(stage.failures().await, Vec::<String>::new());

    stage.app.scan_later().await;
    assert_eq!(stage.app.open_drifts().await, [], "the scan agrees");
}

#[tokio::test]
async fn what_comes_back_within_a_day_is_marked() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.drain_jobs().await;
    open_port(&stage.aws, &stage.group, 22).await;
    stage.app.scan_later().await;
    let again = stage.app.open_drift().await;
    assert_eq!(again.recurs_after, Some(drift.id));
    assert_eq!(stage.events(&again).await, ["detected", "recurring"]);
    let told = stage.app.rows("select message from alerts order by id desc limit 1").await;
    assert!(told[0]["message"].as_str().expect("a text").contains("Recurring:"), "{told:?}");

    // Another port is another drift.
    super::close_port(&stage.aws, &stage.group, 22).await;
    stage.app.scan_later().await;
    open_port(&stage.aws, &stage.group, 23).await;
    stage.app.scan_later().await;
    assert_eq!(stage.app.open_drift().await.recurs_after, None);
}

#[tokio::test]
async fn a_scan_leaves_alone_what_is_being_put_back() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    // As a job leaves it that waits for the proof.
    let insert = "insert into remediations (job_id, drift_id, account_id, region, resource_type, resource_id, state,
                                            begun_at, verify_until)
                  select j.id, d.id, d.account_id, d.region, d.resource_type, d.resource_id, 'verifying', now(),
                         '2100-01-01'
                  from jobs j, drifts d where j.kind = 'remediate'";
    sqlx::query(insert).execute(stage.app.store.pool()).await.expect("a remediation");
    super::close_port(&stage.aws, &stage.group, 22).await;
    stage.app.scan_later().await;
    assert_eq!(stage.now(&drift).await.status.as_str(), "approved", "the job is to tell");
    stage.app.drain_jobs().await;
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
}

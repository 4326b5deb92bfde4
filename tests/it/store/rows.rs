//! Scans, schedules, deliveries, users and the audit trail.

use std::time::Duration;

use chrono::TimeDelta;
use driftsentry::config::secret::Secret;
use driftsentry::domain::alert::AlertType;
use driftsentry::domain::drift::{DetectedBy, DriftKind, Finding};
use driftsentry::domain::id::{AlertId, DriftId, JobId, ScanId, Scope};
use driftsentry::domain::scan::ScanStatus;
use driftsentry::domain::severity::Severity;
use driftsentry::domain::user::{Actor, Role};
use driftsentry::store::alert::{self, NewAlert};
use driftsentry::store::audit::{self, AuditAction, AuditEntry};
use driftsentry::store::delivery::{self, Claimed};
use driftsentry::store::drift::{self, NewDrifts};
use driftsentry::store::job::{Claim, End, Strand};
use driftsentry::store::scan::{self, NewScan, ScanQuery, ShardReport};
use driftsentry::store::schedule::{self, TickOutcome};
use driftsentry::store::user::{self, NewUser};
use driftsentry::store::{Store, StoreError, job};
use serde_json::json;

use super::{now, store_of};
use crate::support::TestDatabase;

fn scope(resource_type: &str) -> Scope {
    Scope { account_id: "123456789012".into(), region: "us-east-1".into(), resource_type: resource_type.to_owned() }
}

async fn new_scan(store: &Store, schedule: Option<&str>, types: &[&str]) -> (ScanId, Vec<JobId>) {
    let mut conn = store.conn().await.unwrap();
    let id = ScanId::new();
    let row = NewScan { id, schedule, detected_by: DetectedBy::Scheduler, started_at: now() };
    let jobs: Vec<JobId> = types.iter().map(|_| JobId::new()).collect();
    let shards: Vec<_> = types.iter().map(|name| scope(name)).zip(jobs.clone()).collect();
    scan::insert(&mut conn, &row, &shards).await.unwrap();
    (id, jobs)
}

#[tokio::test]
async fn a_scan_ends_as_its_shards_did() {
    use ScanStatus::{Failed, Partial, Succeeded};
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    for (shards, expected) in [
        ([Succeeded, Succeeded], Succeeded),
        ([Succeeded, Partial], Partial),
        ([Succeeded, Failed], Partial),
        ([Partial, Failed], Partial),
        ([Failed, Failed], Failed),
    ] {
        let (id, _) = new_scan(&store, None, &["EC2", "S3"]).await;
        let mut conn = store.conn().await.unwrap();
        for (name, status) in ["EC2", "S3"].into_iter().zip(shards) {
            assert_eq!(scan::close_if_done(&mut conn, id, now()).await.unwrap(), None);
            assert!(scan::start_shard(&mut conn, id, &scope(name), now()).await.unwrap());
            let error = (status != Succeeded).then(|| "denied".to_owned());
            let report = ShardReport { status, resources_scanned: 5, api_calls: 3, error, ..ShardReport::default() };
            assert!(scan::finish_shard(&mut conn, id, &scope(name), &report, now()).await.unwrap());
            assert!(!scan::finish_shard(&mut conn, id, &scope(name), &report, now()).await.unwrap(), "only once");
            assert!(!scan::start_shard(&mut conn, id, &scope(name), now()).await.unwrap(), "it is done");
        }
        let closed = scan::close_if_done(&mut conn, id, now()).await.unwrap().unwrap();
        assert_eq!((closed.status, closed.resources_scanned, closed.api_calls), (expected, 10, 6));
        assert_eq!(closed.error.is_some(), expected != Succeeded);
        if shards == [Succeeded, Failed] {
            assert_eq!(closed.error.as_deref(), Some("S3 in 123456789012/us-east-1: denied"));
        }
        assert_eq!(scan::close_if_done(&mut conn, id, now()).await.unwrap(), None, "only once");
        assert_eq!(scan::get(&mut conn, id).await.unwrap(), closed);
    }
    let mut conn = store.conn().await.unwrap();
    let query = ScanQuery { status: Some(Partial), schedule: None };
    assert_eq!(scan::list(&mut conn, &query, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn shards_whose_job_will_not_run_are_closed_with_the_reason() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (id, jobs) = new_scan(&store, Some("nightly"), &["EC2", "RDS", "S3"]).await;
    let mut conn = store.conn().await.unwrap();
    let kind = job::JobKind { name: "scan_shard", lane: "scan_shard", max_attempts: 1 };
    let new = jobs[..2].iter().map(|id| job::NewJob::new(*id, "{}".to_owned()));
    job::insert_all(&mut conn, kind, new.collect()).await.unwrap();
    // S3's job is not there at all; EC2's will run.
    assert_eq!(scan::close_orphans(&mut conn, now()).await.unwrap(), []);
    job::cancel(&mut conn, jobs[1]).await.unwrap();
    scan::close_orphans(&mut conn, now()).await.unwrap();
    assert!(scan::is_running(&mut conn, "nightly").await.unwrap());
    let errors: Vec<_> = scan::shards(&mut conn, id).await.unwrap().into_iter().map(|shard| shard.error).collect();
    let told = |text: &str| Some(text.to_owned());
    let gone = told("its job was removed before it was done");
    assert_eq!(errors, [None, told("its job was cancelled before it was done"), gone]);

    let strand = Strand { lane: "scan_shard".to_owned(), priority: 0, after: None, limit: 9 };
    let claim = Claim {
        kinds: &["scan_shard".to_owned()],
        strands: &[strand],
        worker: "w",
        lease: Duration::from_mins(1),
        limit: 9,
    };
    let lease = job::claim(&mut conn, &claim).await.unwrap()[0].lease;
    job::end(&mut conn, lease, End::Discarded, "AWS said no").await.unwrap();
    let closed = scan::close_orphans(&mut conn, now()).await.unwrap();
    assert_eq!(closed.iter().map(|scan| (scan.id, scan.status)).collect::<Vec<_>>(), [(id, ScanStatus::Failed)]);
    assert!(
        closed[0]
            .error
            .as_deref()
            .unwrap()
            .contains("EC2 in 123456789012/us-east-1: its job was discarded: AWS said no")
    );
    assert!(!scan::is_running(&mut conn, "nightly").await.unwrap());
}

#[tokio::test]
async fn old_ticks_are_forgotten_as_later_ones_are_taken() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    for name in ["nightly", "hourly"] {
        schedule::see(&mut conn, name, "0 0 3 * * *", "UTC", now()).await.unwrap();
        assert!(schedule::claim_tick(&mut conn, name, now(), TickOutcome::Skipped).await.unwrap());
    }
    for days in [30, 31] {
        let tick = now() + TimeDelta::days(days);
        assert!(schedule::claim_tick(&mut conn, "nightly", tick, TickOutcome::Skipped).await.unwrap());
        let ticks: Vec<String> = sqlx::query_scalar("select schedule from schedule_ticks order by schedule, tick_at")
            .fetch_all(&db.pool)
            .await
            .unwrap();
        assert_eq!(ticks, ["hourly", "nightly", "nightly"], "after {days} days");
    }
    assert_eq!(schedule::last_tick(&mut conn, "nightly").await.unwrap(), Some(now() + TimeDelta::days(31)));
}

#[tokio::test]
async fn a_tick_is_taken_by_one_of_many() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    schedule::see(&mut conn, "nightly", "0 0 3 * * *", "UTC", now()).await.unwrap();
    let claims = futures::future::join_all((0..5).map(|_| async {
        let mut tx = store.begin().await.unwrap();
        let claimed = schedule::claim_tick(&mut tx, "nightly", now(), TickOutcome::Scanned).await.unwrap();
        tx.commit().await.unwrap();
        claimed
    }));
    drop(conn);
    assert_eq!(claims.await.into_iter().filter(|claimed| *claimed).count(), 1);
    let mut conn = store.conn().await.unwrap();
    assert_eq!(schedule::last_tick(&mut conn, "nightly").await.unwrap(), Some(now()));
    let earlier = now() - TimeDelta::hours(1);
    assert!(schedule::claim_tick(&mut conn, "nightly", earlier, TickOutcome::Skipped).await.unwrap());
    assert_eq!(schedule::last_tick(&mut conn, "nightly").await.unwrap(), Some(now()), "the latest stays the latest");
}

#[tokio::test]
async fn a_changed_schedule_begins_anew() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let later = now() + TimeDelta::days(1);
    let mut see = async |cron: &str, at| schedule::see(&mut conn, "s", cron, "UTC", at).await.unwrap();
    assert_eq!(see("0 0 3 * * *", now()).await, now());
    assert_eq!(see("0 0 3 * * *", later).await, now(), "seen before");
    let tick = now() + TimeDelta::hours(3);
    assert!(schedule::claim_tick(&mut store.conn().await.unwrap(), "s", tick, TickOutcome::Scanned).await.unwrap());
    assert_eq!(see("0 0 3 * * *", later).await, tick);
    assert_eq!(see("0 0 4 * * *", later).await, later, "ticks of the new expression were never missed");
}

async fn new_alert(store: &Store) -> AlertId {
    let mut conn = store.conn().await.unwrap();
    let (drift_id, scope) = (DriftId::new(), scope("EC2"));
    let finding = Finding {
        key: scope.key("i-1"),
        kind: DriftKind::Missing,
        expected: json!({}),
        actual: json!(null),
        difference: json!([{ "op": "replace", "path": "", "value": null }]),
        changes: vec![],
        severity: Severity::Critical,
        cost: driftsentry::domain::cost::CostImpact::Unknown("usage".to_owned()),
        declared_in: None,
        terraform_address: None,
    };
    let drifts = vec![(drift_id, &finding)];
    let new = NewDrifts { scope: &scope, account_name: Some("prod"), detected_by: DetectedBy::Api, drifts };
    drift::insert_all(&mut conn, &new, now()).await.unwrap();
    let (id, severity) = (AlertId::new(), Severity::Critical);
    let (title, message) = ("t".to_owned(), "m".to_owned());
    let alert = NewAlert { id, drift_id, alert_type: AlertType::DriftDetected, severity, title, message };
    alert::insert_all(&mut conn, &[alert], now()).await.unwrap();
    delivery::insert_all(&mut conn, &[(id, "mail")]).await.unwrap();
    id
}

#[tokio::test]
async fn a_delivery_is_sent_by_one_at_a_time_and_never_again_once_delivered() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let id = new_alert(&store).await;
    let mut conn = store.conn().await.unwrap();
    let minute = Duration::from_mins(1);
    let Claimed::Yes(alert) = delivery::claim_for_sending(&mut conn, id, "mail", minute).await.unwrap() else {
        panic!("it was free");
    };
    assert_eq!((alert.id, alert.attempt, alert.account_name.as_deref()), (id, 1, Some("prod")));
    assert_eq!((alert.drift.key.resource_id.as_str(), alert.created_at), ("i-1", now()));
    let Claimed::Busy(rest) = delivery::claim_for_sending(&mut conn, id, "mail", minute).await.unwrap() else {
        panic!("it is being sent");
    };
    assert!(rest <= minute && rest > minute / 2, "{rest:?}");

    delivery::failed(&mut conn, id, "mail", false, "greylisted").await.unwrap();
    let again = delivery::claim_for_sending(&mut conn, id, "mail", Duration::ZERO).await.unwrap();
    assert!(matches!(again, Claimed::Yes(alert) if alert.attempt == 2));
    // That sender died: its claim has run out.
    let third = delivery::claim_for_sending(&mut conn, id, "mail", minute).await.unwrap();
    assert!(matches!(third, Claimed::Yes(alert) if alert.attempt == 3));
    delivery::delivered(&mut conn, id, "mail", now()).await.unwrap();
    delivery::failed(&mut conn, id, "mail", true, "told too late").await.unwrap();
    assert_eq!(delivery::claim_for_sending(&mut conn, id, "mail", minute).await.unwrap(), Claimed::AlreadyDelivered);
    let absent = delivery::claim_for_sending(&mut conn, id, "chat", minute).await;
    assert!(matches!(absent, Err(StoreError::NotFound(_))));
}

#[tokio::test]
async fn a_user_is_found_whatever_the_case_and_made_once() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let new = |email: &str| NewUser {
        email: email.to_owned(),
        password_hash: Secret::new("$argon2id$x"),
        first_name: Some("Ann".to_owned()),
        last_name: None,
        role: Role::Admin,
    };
    let ann = user::create(&mut conn, &new(" Ann@Example.com ")).await.unwrap();
    assert_eq!((ann.email.as_str(), ann.role, ann.is_active), ("ann@example.com", Role::Admin, true));
    assert_eq!(user::find_by_email(&mut conn, "ANN@example.COM").await.unwrap(), Some(ann.clone()));
    assert_eq!(user::list(&mut conn).await.unwrap(), [ann]);
    let twice = user::create(&mut conn, &new("ann@example.com")).await.unwrap_err().to_string();
    assert_eq!(twice, "a user with the address ann@example.com exists already");
    let none = user::create(&mut conn, &new("ann")).await.unwrap_err().to_string();
    assert_eq!(none, "`ann` is no e-mail address");
}

#[tokio::test]
async fn the_audit_trail_keeps_who_did_what_from_where() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let entry = AuditEntry {
        drift_id: None,
        action: AuditAction::UserLogin,
        actor: Actor { id: None, email: Some("ann@example.com".to_owned()) },
        old_value: None,
        new_value: None,
        details: Some(json!({ "method": "password" })),
        ip_address: Some("2001:db8::1".parse().unwrap()),
        user_agent: Some("curl".repeat(1000)),
    };
    let entries = [entry.clone(), AuditEntry { action: AuditAction::UserLogout, ..entry }];
    audit::append_all(&mut store.conn().await.unwrap(), &entries, now()).await.unwrap();
    let rows: Vec<(String, String, String, i32)> =
        sqlx::query_as("select action, actor_email, host(ip_address), length(user_agent) from audit_logs order by id")
            .fetch_all(store.pool())
            .await
            .unwrap();
    let row = |action: &str| (action.to_owned(), "ann@example.com".to_owned(), "2001:db8::1".to_owned(), 500);
    assert_eq!(rows, [row("user_login"), row("user_logout")]);
}

//! The one transaction that records a shard, on a real PostgreSQL: the life cycle of a drift line by line.

mod cost;
mod lifecycle;
mod safety;

use chrono::{DateTime, TimeDelta, Utc};
use driftsentry::config::secret::Secret;
use driftsentry::domain::cost::{CostImpact, Money};
use driftsentry::domain::diff::{Change, patch};
use driftsentry::domain::drift::{DetectedBy, Drift, DriftKind, Finding};
use driftsentry::domain::id::{AccountId, DriftId, JobId, Region, ScanId, Scope};
use driftsentry::domain::route::Route;
use driftsentry::domain::scan::ScanStatus;
use driftsentry::domain::severity::Severity;
use driftsentry::domain::user::Actor;
use driftsentry::scan::record::{Recorded, ShardOutcome, record};
use driftsentry::store::drift::DriftFilter;
use driftsentry::store::scan::{NewScan, ShardReport};
use driftsentry::store::{self, Store, StoreError};
use serde_json::{Value, json};

use crate::support::TestDatabase;

/// A database, and a time that a test moves.
struct Scene {
    store: Store,
    now: DateTime<Utc>,
    routes: Vec<Route>,
    _db: TestDatabase,
}

fn scope() -> Scope {
    Scope {
        account_id: AccountId::from("123456789012"),
        region: Region::from("us-east-1"),
        resource_type: "EC2".to_owned(),
    }
}

/// A resource whose `InstanceType` is not `declared` but `live`, at this cost.
fn finding(resource_id: &str, live: &str, severity: Severity, cost: CostImpact) -> Finding {
    let (expected, actual) = (json!({ "InstanceType": "declared" }), json!({ "InstanceType": live }));
    Finding {
        key: scope().key(resource_id),
        kind: DriftKind::Changed,
        difference: patch(&expected, &actual),
        changes: vec![Change {
            pointer: "/InstanceType".to_owned(),
            from: Some(json!("declared")),
            to: Some(json!(live)),
        }],
        expected,
        actual,
        severity,
        cost,
        declared_in: Some("expected/web.json#/resources/3".to_owned()),
        terraform_address: Some("module.web.aws_security_group.app[0]".to_owned()),
    }
}

fn usd(text: &str) -> CostImpact {
    CostImpact::Known(Money(text.parse().unwrap()))
}

fn unknown() -> CostImpact {
    CostImpact::Unknown("no price for x9.huge".to_owned())
}

/// A finding of which only what is live matters.
fn warning(resource_id: &str, live: &str) -> Finding {
    finding(resource_id, live, Severity::Warning, usd("0"))
}

impl Scene {
    async fn new() -> Self {
        let db = TestDatabase::new().await;
        let store = Store::connect(&Secret::new(db.url()), 8).await.unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let route = Route {
            channels: vec!["ops-mail".to_owned(), "chat".to_owned()],
            min_severity: Severity::Warning,
            types: vec![],
            resource_types: vec![],
            accounts: vec![],
            regions: vec![],
        };
        Self { store, now, routes: vec![route], _db: db }
    }

    fn pass(&mut self, minutes: i64) {
        self.now += TimeDelta::minutes(minutes);
    }

    /// A shard that is about to be recorded and found nothing yet.
    async fn shard(&self) -> ShardOutcome {
        let mut conn = self.store.conn().await.unwrap();
        let scan_id = ScanId::new();
        let scan = NewScan { id: scan_id, schedule: None, detected_by: DetectedBy::Manual, started_at: self.now };
        store::scan::insert(&mut conn, &scan, &[(scope(), JobId::new())]).await.unwrap();
        assert!(store::scan::start_shard(&mut conn, scan_id, &scope(), self.now).await.unwrap());
        ShardOutcome {
            scan_id,
            scope: scope(),
            account_name: Some("prod".to_owned()),
            detected_by: DetectedBy::Manual,
            findings: vec![],
            matching: vec![],
            undeclared: vec![],
            complete: true,
            read_started_at: self.now,
        }
    }

    /// Records and closes a shard as its handler does.
    async fn record(&self, outcome: &ShardOutcome) -> Result<Recorded, StoreError> {
        let mut tx = self.store.begin().await?;
        let recorded = record(&mut tx, outcome, &self.routes, self.now).await?;
        let report = ShardReport { status: ScanStatus::Succeeded, ..ShardReport::default() };
        store::scan::finish_shard(&mut tx, outcome.scan_id, &outcome.scope, &report, self.now).await?;
        tx.commit().await?;
        Ok(recorded)
    }

    async fn scan(&self, findings: Vec<Finding>) -> Recorded {
        let outcome = ShardOutcome { findings, ..self.shard().await };
        self.record(&outcome).await.unwrap()
    }

    /// A scan that found these drifts' resources to be as declared.
    async fn scan_matching(&self, matching: Vec<DriftId>) -> Recorded {
        let outcome = ShardOutcome { matching, ..self.shard().await };
        self.record(&outcome).await.unwrap()
    }

    /// All drifts, oldest first.
    async fn drifts(&self) -> Vec<Drift> {
        let filter = DriftFilter { limit: 100_000, ..DriftFilter::default() };
        let mut drifts = store::drift::list(&mut self.store.conn().await.unwrap(), &filter).await.unwrap();
        drifts.sort_by_key(|drift| drift.id);
        drifts
    }

    async fn only_drift(&self) -> Drift {
        let mut drifts = self.drifts().await;
        assert_eq!(drifts.len(), 1, "{drifts:?}");
        drifts.remove(0)
    }

    /// Brings a drift from `detected` to a status, as people do.
    async fn bring(&self, id: DriftId, status: &str) {
        let mut conn = self.store.conn().await.unwrap();
        if matches!(status, "triaged" | "approved") {
            store::drift::triage(&mut conn, id).await.unwrap();
        }
        if status == "approved" {
            store::drift::approve(&mut conn, id, &Actor::system(), Some("put it back"), self.now).await.unwrap();
        }
        if status == "rejected" {
            store::drift::reject(&mut conn, id, &Actor::system(), Some("let it be"), self.now).await.unwrap();
        }
    }

    async fn audit(&self) -> Vec<(String, Option<Value>, Option<Value>)> {
        sqlx::query_as("select action, old_value, new_value from audit_logs order by id")
            .fetch_all(self.store.pool())
            .await
            .unwrap()
    }

    /// The actions of the audit trail, in order.
    async fn actions(&self) -> Vec<String> {
        self.audit().await.into_iter().map(|(action, ..)| action).collect()
    }

    async fn events(&self, id: DriftId) -> Vec<String> {
        let events = store::event::list(&mut self.store.conn().await.unwrap(), id).await.unwrap();
        events.into_iter().map(|event| event.event).collect()
    }

    async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(self.store.pool()).await.unwrap()
    }
}

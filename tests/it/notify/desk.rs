//! A stored alert about an opened port, ready to be delivered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use driftsentry::clock::{Clock as _, SystemClock};
use driftsentry::config::options::{Entry, Options};
use driftsentry::config::{Channel, secret::Secret};
use driftsentry::domain::alert::AlertType;
use driftsentry::domain::cost::{CostImpact, Money};
use driftsentry::domain::diff::Change;
use driftsentry::domain::drift::{DetectedBy, DriftKind, Finding};
use driftsentry::domain::id::{AccountId, AlertId, DriftId, Region, Scope};
use driftsentry::domain::severity::Severity;
use driftsentry::domain::story::Story;
use driftsentry::jobs::DeliverAlert;
use driftsentry::notify::deliver::DeliverAlertHandler;
use driftsentry::notify::{Channels, build_all};
use driftsentry::queue::{Handler, JobContext, JobError, Workers, enqueue};
use driftsentry::shutdown::Shutdown;
use driftsentry::store::alert::NewAlert;
use driftsentry::store::drift::NewDrifts;
use driftsentry::store::{Store, alert, delivery, drift};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::TestDatabase;

pub const CHANNEL: &str = "ops";

/// One alert, one channel, and all that delivers it.
pub struct Desk {
    pub alert_id: AlertId,
    pub drift_id: DriftId,
    pub store: Store,
    pub shutdown: Shutdown,
    channels: Channels,
    database: TestDatabase,
}

/// What `deliveries` says.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Delivery {
    pub state: String,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub delivered_at: Option<DateTime<Utc>>,
}

impl Desk {
    /// A desk with a channel of this kind and these options.
    pub async fn with(kind: &str, toml: &str) -> Self {
        let channel = Channel { name: CHANNEL.to_owned(), kind: kind.to_owned(), options: options(toml) };
        let channels = build_all(&[channel]).unwrap_or_else(|problems| panic!("{problems:?}"));
        Self::with_channels(channels).await
    }

    /// A desk with these channels.
    pub async fn with_channels(channels: Channels) -> Self {
        let database = TestDatabase::new().await;
        let store = Store::connect(&Secret::new(database.url()), 8).await.expect("connect");
        let (alert_id, drift_id) = (AlertId::new(), DriftId::new());
        write(&store, alert_id, drift_id).await;
        Self { alert_id, drift_id, store, shutdown: Shutdown::new(Duration::from_secs(5)), channels, database }
    }

    /// Runs the handler once, as a worker would.
    pub async fn deliver(&self) -> Result<(), JobError> {
        let job = JobContext::detached(&self.store, 1, 20);
        self.handler().run(&job, self.args()).await
    }

    /// Delivers and expects that it is to be tried again; returns why and after which time that the receiver named.
    pub async fn deliver_in_vain(&self) -> (String, Option<Duration>) {
        match self.deliver().await {
            Err(JobError::Retry { source, after }) => (source.to_string(), after),
            other => panic!("to be tried again, not {other:?}"),
        }
    }

    /// Lets workers run the job until nothing is due.
    pub async fn work(&self) {
        let mut conn = self.store.conn().await.expect("a connection");
        enqueue(&mut conn, &self.args()).await.expect("a job");
        let workers = Workers::builder(self.store.clone(), self.shutdown.clone()).add(self.handler()).build();
        workers.drain().await.expect("run jobs");
    }

    pub fn handler(&self) -> DeliverAlertHandler {
        DeliverAlertHandler::new(self.store.clone(), self.channels.clone(), Arc::new(SystemClock))
    }

    pub fn args(&self) -> DeliverAlert {
        DeliverAlert { alert_id: self.alert_id, channel: CHANNEL.to_owned() }
    }

    pub async fn delivery(&self) -> Delivery {
        sqlx::query_as("select state, attempts, last_error, delivered_at from deliveries where alert_id = $1")
            .bind(self.alert_id.0)
            .fetch_one(self.pool())
            .await
            .expect("the delivery")
    }

    /// State and last error of the job, and seconds until it is due.
    pub async fn job(&self) -> (String, Option<String>, f64) {
        sqlx::query_as("select state, last_error, extract(epoch from run_at - now())::float8 from jobs")
            .fetch_one(self.pool())
            .await
            .expect("the job")
    }

    pub fn pool(&self) -> &PgPool {
        &self.database.pool
    }
}

/// Options as the configuration would hold them.
fn options(toml: &str) -> Options {
    let table: toml::Table = toml.parse().expect("a TOML table");
    let entries = table.into_iter().map(|(key, value)| (key, Entry { value, line: None })).collect();
    Options::new("channels[0]", None, entries, Arc::new(BTreeMap::new()))
}

fn finding() -> Finding {
    let pointer = "/IngressRules/tcp:22-22:0.0.0.0~10";
    let rule = json!({"Description": "temp"});
    let scope = Scope {
        account_id: AccountId::from("123456789012"),
        region: Region::from("us-east-1"),
        resource_type: "SECURITY_GROUP".to_owned(),
    };
    Finding {
        key: scope.key("sg-0a1"),
        kind: DriftKind::Changed,
        expected: json!({"IngressRules": {}, "Tags": {"Name": "web"}}),
        actual: json!({"IngressRules": {"tcp:22-22:0.0.0.0/0": rule}, "Tags": {"Name": "web"}}),
        difference: json!([{"op": "add", "path": pointer, "value": rule}]),
        changes: vec![Change { pointer: pointer.to_owned(), from: None, to: Some(rule) }],
        severity: Severity::Critical,
        cost: CostImpact::Known(Money::ZERO),
        declared_in: Some("expected/web.json#/resources/3".to_owned()),
        terraform_address: None,
    }
}

async fn write(store: &Store, alert_id: AlertId, drift_id: DriftId) {
    let (finding, now) = (finding(), SystemClock.now());
    let told = Story::from(&finding).in_account(Some("prod")).stored_as(drift_id, now);
    let new = NewAlert {
        id: alert_id,
        drift_id,
        alert_type: AlertType::DriftDetected,
        severity: finding.severity,
        title: told.title(),
        message: told.text(),
    };
    let drifts = NewDrifts {
        scope: &finding.key.scope,
        account_name: Some("prod"),
        detected_by: DetectedBy::Scheduler,
        drifts: vec![(drift_id, &finding)],
    };
    let mut tx = store.begin().await.expect("a transaction");
    drift::insert_all(&mut tx, &drifts, now).await.expect("a drift");
    alert::insert_all(&mut tx, &[new], now).await.expect("an alert");
    delivery::insert_all(&mut tx, &[(alert_id, CHANNEL)]).await.expect("a delivery");
    tx.commit().await.expect("commit");
}

/// The reason of a failure that stays.
pub fn given_up(outcome: Result<(), JobError>) -> String {
    match outcome {
        Err(JobError::GiveUp { source }) => source.to_string(),
        other => panic!("to be given up, not {other:?}"),
    }
}

/// Where something stands in a JSON document.
pub fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

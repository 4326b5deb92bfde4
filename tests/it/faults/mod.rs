//! What AWS, the network or a file fails to tell is unknown: no drift is invented, changed or ended by it.

mod attribute;
mod declarations;
mod listing;
mod page;
mod unstorable;

use driftsentry::store::scan::Scan;
use serde_json::{Value, json};

use crate::support::{Ops, Setup, TestApp};

/// Four resources of a type, of which drifts stand, and changes that no scan has seen.
struct Scene {
    app: TestApp,
    ops: &'static Ops,
    /// Its drift stands, and it is still so.
    changed: String,
    /// Its drift stands, but it has been put back since.
    put_back: String,
    /// It has drifted since.
    fresh: String,
    /// As declared.
    quiet: String,
}

impl Scene {
    /// The scene, and a drift that says that a declared resource is missing.
    async fn of(ops: &'static Ops) -> Self {
        let app = TestApp::start(Setup::of(ops.types)).await;
        let aws = app.aws().await;
        let mut ids = Vec::new();
        for name in ["changed", "put-back", "fresh", "quiet"] {
            ids.push((ops.create)(&aws, name).await);
        }
        let [changed, put_back, fresh, quiet] = ids.try_into().expect("four");
        app.capture_baseline().await;
        app.declare(ops.types[0], ops.nobody, &json!({ "Tags": { "Owner": "web" } }));
        for id in [&changed, &put_back] {
            (ops.give_to)(&aws, id, "sales").await;
        }
        app.scan_later().await;
        assert_eq!(app.open_drifts().await.len(), 3, "two are changed, one is missing");
        (ops.give_to)(&aws, &put_back, "web").await;
        (ops.give_to)(&aws, &fresh, "sales").await;
        Self { app, ops, changed, put_back, fresh, quiet }
    }

    /// A scan a quarter of an hour later, however it ends.
    async fn scan(&self) -> Scan {
        self.app.clock.advance(chrono::TimeDelta::minutes(15));
        self.app.scan().await
    }

    /// A scan that reads everything tells what is true.
    async fn tells_the_truth_when_aws_answers_again(&self) {
        self.app.proxy.clear_rules();
        self.app.scan_later().await;
        let mut open: Vec<String> =
            self.app.open_drifts().await.into_iter().map(|drift| drift.key.resource_id).collect();
        open.sort();
        let mut wanted = vec![self.changed.clone(), self.fresh.clone(), self.ops.nobody.to_owned()];
        wanted.sort();
        assert_eq!(open, wanted);
        let ended = self.app.drifts().await.into_iter().find(|drift| drift.key.resource_id == self.put_back);
        assert_eq!(ended.expect("its drift").resolved_how.as_deref(), Some("manual-fix"));
    }
}

/// All that the database says of drifts.
async fn memory(app: &TestApp) -> Vec<Value> {
    app.rows(
        "select d.*, to_jsonb(t) as details,
                (select count(*) from alerts) as alerts, (select count(*) from audit_logs) as audit_logs,
                (select count(*) from drift_events) as events, (select count(*) from cost_metrics) as costs,
                (select count(*) from deliveries) as deliveries
         from drifts d left join drift_details t on t.drift_id = d.id order by d.id",
    )
    .await
}

/// Fails unless the scan ended like this, its error holding all of these texts.
fn assert_ended(scan: &Scan, status: &str, texts: &[&str]) {
    let error = scan.error.as_deref().unwrap_or_default();
    assert_eq!(scan.status.as_str(), status, "{error}");
    for text in texts {
        assert!(error.contains(text), "`{text}` in: {error}");
    }
}

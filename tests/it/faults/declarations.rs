//! Expected state that cannot be read is unknown too: what it declares is neither undeclared nor unmanaged.

use driftsentry::domain::drift::{Drift, DriftKind};
use serde_json::{Value, json};

use super::{assert_ended, memory};
use crate::support::{SECURITY_GROUP, Setup, TestApp};

const KIND: &str = "SECURITY_GROUP";

/// Three groups: two are declared in a file each and have drifted, the third one nothing declares.
struct Desk {
    app: TestApp,
    first: String,
    second: String,
    undeclared: String,
}

impl Desk {
    async fn new() -> Self {
        let app = TestApp::start(Setup::of(SECURITY_GROUP.types).reporting_unmanaged()).await;
        let aws = app.aws().await;
        let first = (SECURITY_GROUP.create)(&aws, "first").await;
        let second = (SECURITY_GROUP.create)(&aws, "second").await;
        for id in [&first, &second] {
            app.declare(KIND, id, &json!({ "Tags": { "Owner": "ops" } }));
        }
        app.scan_later().await;
        let undeclared = (SECURITY_GROUP.create)(&aws, "undeclared").await;
        Self { app, first, second, undeclared }
    }

    /// A scan that must end as partial with this in its error.
    async fn scan(&self, text: &str) {
        self.app.clock.advance(chrono::TimeDelta::minutes(15));
        assert_ended(&self.app.scan().await, "partial", &["expected state is incomplete", text]);
    }

    async fn open(&self) -> Vec<(String, DriftKind)> {
        let open = self.app.open_drifts().await;
        open.into_iter().map(|drift: Drift| (drift.key.resource_id, drift.kind)).collect()
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_makes_nothing_undeclared_or_unmanaged() {
    let desk = Desk::new().await;
    let (app, file) = (&desk.app, format!("{}.json", desk.second));
    let before = memory(app).await;
    app.write_expected(&file, "{ \"resources\": [");
    desk.scan(&file).await;
    assert_eq!(memory(app).await, before);
    (SECURITY_GROUP.give_to)(&app.aws().await, &desk.first, "ops").await;
    desk.scan(&file).await;
    let (first, second) = (desk.first.clone(), desk.second.clone());
    assert_eq!(desk.open().await, [(second.clone(), DriftKind::Changed)], "the other file is in force");
    app.declare(KIND, &desk.second, &json!({ "Tags": { "Owner": "ops" } }));
    app.scan_later().await;
    let unmanaged = (desk.undeclared.clone(), DriftKind::Unmanaged);
    assert_eq!(desk.open().await, [(second.clone(), DriftKind::Changed), unmanaged]);
    let before = memory(app).await;
    app.write_expected(&file, "");
    desk.scan(&file).await;
    assert_eq!(memory(app).await, before, "an unmanaged one stays as it is, {first} is not reported");
}

#[tokio::test]
async fn a_declaration_that_is_faulty_leaves_its_resource_alone() {
    let desk = Desk::new().await;
    let (app, file) = (&desk.app, format!("{}.json", desk.second));
    (SECURITY_GROUP.delete)(&app.aws().await, &desk.undeclared).await;
    let before = memory(app).await;
    for state in [json!({ "Tag": {} }), json!({ "Tags": [1] }), Value::Null] {
        app.declare(KIND, &desk.second, &state);
        desk.scan(&file).await;
        assert_eq!(memory(app).await, before, "{state}");
    }
}

#[tokio::test]
async fn a_resource_that_is_declared_twice_is_left_alone() {
    let desk = Desk::new().await;
    let app = &desk.app;
    (SECURITY_GROUP.delete)(&app.aws().await, &desk.undeclared).await;
    let before = memory(app).await;
    let again = json!({ "resource_type": KIND, "resource_id": desk.second, "state": { "Tags": {} } });
    app.write_expected("again.json", &json!({ "resources": [again] }).to_string());
    desk.scan("is declared otherwise at").await;
    assert_eq!(memory(app).await, before);
    app.remove_expected("again.json");
    app.scan_later().await;
    assert_eq!(desk.open().await.len(), 2);
}

#[tokio::test]
async fn a_folder_that_is_gone_makes_nothing_undeclared() {
    let desk = Desk::new().await;
    let before = memory(&desk.app).await;
    desk.app.remove_all_expected();
    desk.scan("expected").await;
    assert_eq!(memory(&desk.app).await, before);
}

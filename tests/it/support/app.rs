//! The real program in the test's process: real configuration, database, queue and AWS emulator; only the time stands
//! still until a test moves it.
//!
//! AWS is reached through a [`Proxy`], so that a test can spoil what it answers. When it is dropped, every drift in its
//! database must obey the patch law and no job may be left running.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use driftsentry::app::{App, Parts, vocabulary};
use driftsentry::clock::Clock as _;
use driftsentry::config::{self, ScanFilter, Unmanaged};
use driftsentry::domain::drift::{DetectedBy, Drift};
use driftsentry::domain::id::{ScanId, Scope};
use driftsentry::jobs::ScanShard;
use driftsentry::queue::JobArgs as _;
use driftsentry::resource::{Aws, BUILTIN};
use driftsentry::scan::{capture, plan};
use driftsentry::shutdown::Shutdown;
use driftsentry::store::drift::DriftFilter;
use driftsentry::store::scan::{Scan, Shard};
use driftsentry::store::{self, Store};
use serde_json::{Value, json};

use super::{Proxy, TestClock, TestDatabase, World, anyone};

/// The moment at which every test begins.
pub const MORNING: &str = "2026-03-02T09:00:00Z";

/// How a test wants its program.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Types that are scanned; all if there are none.
    pub types: &'static [&'static str],
    /// Lines of the section `[aws]`, which may replace the usual ones.
    pub aws: String,
    /// Further sections.
    pub toml: String,
    /// Whether undeclared resources are reported.
    pub unmanaged: bool,
}

impl Setup {
    /// A program that scans this type alone.
    pub fn of(resource_type: &'static [&'static str]) -> Self {
        Self { types: resource_type, ..Self::default() }
    }

    /// With these lines in the section `[aws]`.
    pub fn aws(self, lines: &str) -> Self {
        Self { aws: lines.to_owned(), ..self }
    }

    /// With these further sections.
    pub fn toml(self, sections: impl Into<String>) -> Self {
        Self { toml: sections.into(), ..self }
    }

    /// Reports undeclared resources.
    pub fn reporting_unmanaged(self) -> Self {
        Self { unmanaged: true, ..self }
    }
}

/// A running program without its daemon: scans and jobs run when the test says so.
pub struct TestApp {
    /// The program.
    pub app: App,
    /// Its database.
    pub store: Store,
    /// Its AWS account, reached past the proxy.
    pub world: World,
    /// Before the account, for the program alone.
    pub proxy: Proxy,
    /// Its time.
    pub clock: Arc<TestClock>,
    setup: Setup,
    folder: tempfile::TempDir,
    database: TestDatabase,
}

impl TestApp {
    /// A program with nothing declared, in `us-east-1`.
    pub async fn start(setup: Setup) -> Self {
        let (database, world) = tokio::join!(TestDatabase::new(), World::new());
        let proxy = Proxy::before(&world).await;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("expected")).expect("a folder");
        std::fs::write(folder.path().join("expected/nothing.json"), "{ \"resources\": [] }").expect("a document");
        let clock = TestClock::at(MORNING);
        let site = Site { folder: folder.path().to_owned(), world: &world, proxy: &proxy, database: &database };
        let app = site.build(&setup, &clock);
        let store = Store::connect(app.config.database.url.as_ref().expect("the URL"), 8).await.expect("connect");
        let database = database.guarding_jobs();
        Self { app, store, world, proxy, clock, setup, folder, database }
    }

    /// Starts the program anew, configured otherwise, on the same database.
    pub fn restart(&mut self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.setup);
        let folder = self.folder.path().to_owned();
        let site = Site { folder, world: &self.world, proxy: &self.proxy, database: &self.database };
        self.app = site.build(&self.setup, &self.clock);
    }

    /// The account's clients, past the proxy: what people do.
    pub async fn aws(&self) -> Aws {
        self.world.aws("us-east-1").await
    }

    /// Captures all that is there as expected state, deep attributes too.
    pub async fn capture_baseline(&self) -> Vec<capture::CapturedResource> {
        let scopes = self.scopes().await;
        let captured = capture::capture(&self.app.scanner, &scopes, true, &|_, _| {}).await.expect("the accounts");
        assert_eq!(captured.errors, Vec::<String>::new(), "everything is captured");
        capture::write(&captured, &self.expected("baseline.json")).expect("write the baseline");
        captured.resources
    }

    /// Changes the resources of the captured baseline.
    pub fn edit_baseline(&self, edit: impl FnOnce(&mut Vec<Value>)) {
        let text = std::fs::read(self.expected("baseline.json")).expect("a captured baseline");
        let mut document: Value = serde_json::from_slice(&text).expect("JSON");
        edit(document["resources"].as_array_mut().expect("resources"));
        self.write_expected("baseline.json", &document.to_string());
    }

    /// Declares a state, in a file of its own.
    pub fn declare(&self, resource_type: &str, resource_id: &str, state: &Value) {
        let account_id = &self.world.account_id;
        let resource = json!({ "resource_type": resource_type, "resource_id": resource_id, "account_id": account_id,
            "state": state });
        self.write_expected(&format!("{resource_id}.json"), &json!({ "resources": [resource] }).to_string());
    }

    /// Writes a file of expected state.
    pub fn write_expected(&self, name: &str, text: &str) {
        std::fs::write(self.expected(name), text).expect("write expected state");
    }

    /// Removes a file of expected state.
    pub fn remove_expected(&self, name: &str) {
        std::fs::remove_file(self.expected(name)).expect("remove expected state");
    }

    /// Removes the folder of expected state.
    pub fn remove_all_expected(&self) {
        std::fs::remove_dir_all(self.expected("")).expect("remove expected state");
    }

    fn expected(&self, name: &str) -> PathBuf {
        self.folder.path().join("expected").join(name)
    }

    /// A whole scan by hand. Fails unless it comes to its end.
    pub async fn scan(&self) -> Scan {
        let id = self.start_scan().await;
        self.run_jobs(Some(ScanShard::KIND)).await;
        self.ended_scan(id).await
    }

    /// Plans a scan by hand, whose jobs are still to be run.
    pub async fn start_scan(&self) -> ScanId {
        let scan = plan::NewScan {
            id: ScanId::new(),
            schedule: None,
            detected_by: DetectedBy::Manual,
            unmanaged: if self.setup.unmanaged { Unmanaged::Report } else { Unmanaged::Ignore }.into(),
        };
        let scopes = self.scopes().await;
        let mut tx = self.store.begin().await.expect("a transaction");
        plan::start(&mut tx, &scan, &scopes, self.clock.now()).await.expect("plan the scan");
        tx.commit().await.expect("commit");
        scan.id
    }

    /// A scan that must have come to its end.
    pub async fn ended_scan(&self, id: ScanId) -> Scan {
        let mut conn = self.store.conn().await.expect("a connection");
        let scan = store::scan::get(&mut conn, id).await.expect("the scan");
        assert!(!scan.status.is_open(), "the scan has ended: {scan:?}");
        scan
    }

    /// A scan a quarter of an hour later that reads everything.
    pub async fn scan_later(&self) -> Scan {
        self.clock.advance(chrono::TimeDelta::minutes(15));
        let scan = self.scan().await;
        assert_eq!((scan.status.as_str(), &scan.error), ("succeeded", &None), "{scan:?}");
        scan
    }

    /// Runs every job that is due, deliveries too; returns how many ran.
    pub async fn drain_jobs(&self) -> usize {
        self.run_jobs(None).await
    }

    async fn run_jobs(&self, kind: Option<&str>) -> usize {
        let shutdown = Shutdown::new(Duration::from_secs(10));
        let workers = self.app.workers(&self.store, &shutdown);
        let workers = if let Some(kind) = kind { workers.only([kind]) } else { workers };
        workers.build().drain().await.expect("run jobs")
    }

    /// What a scan of this program covers.
    pub async fn scopes(&self) -> Vec<Scope> {
        let accounts = self.app.scanner.accounts().await.expect("the accounts");
        let resource_types = self.setup.types.iter().map(|name| (*name).to_owned()).collect();
        let filter = ScanFilter { resource_types, ..ScanFilter::default() };
        plan::shards(&filter, &accounts, BUILTIN).expect("a scan")
    }

    /// All drifts, oldest first.
    pub async fn drifts(&self) -> Vec<Drift> {
        let filter = DriftFilter { limit: 100_000, ..DriftFilter::default() };
        let mut conn = self.store.conn().await.expect("a connection");
        let mut drifts = store::drift::list(&mut conn, &filter).await.expect("list drifts");
        drifts.sort_by_key(|drift| drift.id);
        drifts
    }

    /// Drifts that are detected, triaged or approved, oldest first.
    pub async fn open_drifts(&self) -> Vec<Drift> {
        self.drifts().await.into_iter().filter(|drift| drift.status.is_open()).collect()
    }

    /// The one drift that is open.
    pub async fn open_drift(&self) -> Drift {
        let mut open = self.open_drifts().await;
        assert_eq!(open.len(), 1, "{open:#?}");
        open.remove(0)
    }

    /// The shards of a scan.
    pub async fn shards(&self, scan: &Scan) -> Vec<Shard> {
        let mut conn = self.store.conn().await.expect("a connection");
        store::scan::shards(&mut conn, scan.id).await.expect("the shards")
    }

    /// The rows of a query as JSON, for tables that the tests look into directly.
    pub async fn rows(&self, query: &str) -> Vec<Value> {
        let statement = format!("select to_jsonb(row) from ({query}) row");
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_all(self.store.pool()).await;
        rows.unwrap_or_else(|error| panic!("{query}: {error}"))
    }
}

/// What a configuration is written from.
struct Site<'a> {
    folder: PathBuf,
    world: &'a World,
    proxy: &'a Proxy,
    database: &'a TestDatabase,
}

impl Site<'_> {
    fn build(&self, setup: &Setup, clock: &Arc<TestClock>) -> App {
        let file = self.folder.join("driftsentry.toml");
        std::fs::write(&file, self.text(setup)).expect("write the configuration");
        let config = config::load(Some(&file), Arc::default(), &vocabulary());
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        let parts = Parts { clock: clock.clone(), credentials: Some(anyone()) };
        App::build(config, parts).unwrap_or_else(|error| panic!("{error:#}"))
    }

    fn text(&self, setup: &Setup) -> String {
        let (url, endpoint, account) = (self.database.url(), &self.proxy.url, &self.world.account_id);
        let usual = [
            ("regions", "[\"us-east-1\"]"),
            ("call_timeout", "\"20s\""),
            ("max_attempts", "2"),
            ("max_requests_per_second", "10000"),
        ];
        let replaced = |key: &str| setup.aws.lines().any(|line| line.trim_start().starts_with(key));
        let usual = usual.iter().filter(|(key, _)| !replaced(key)).map(|(key, value)| format!("{key} = {value}\n"));
        let usual: String = usual.collect();
        let (aws, expected, further) = (&setup.aws, self.folder.join("expected"), &setup.toml);
        format!(
            "[database]\nurl = \"{url}\"\n\
             [aws]\nendpoint_url = \"{endpoint}\"\n{usual}{aws}\n\
             [[aws.accounts]]\nname = \"test\"\nid = \"{account}\"\n\
             role_arn = \"arn:aws:iam::{account}:role/driftsentry-scan\"\n\
             [[expected]]\nkind = \"json\"\npath = \"{}\"\n\
             {further}\n",
            expected.display()
        )
    }
}

//! A migrated database for each test, dropped at its end; before that, every drift in it must obey the patch law.

use std::sync::atomic::{AtomicU32, Ordering};

use driftsentry::domain::diff::law_holds;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::sync::OnceCell;

use super::servers::postgres_url;

const TEMPLATE: &str = "migrated";

/// A database of one test's own.
pub struct TestDatabase {
    /// A small pool.
    pub pool: PgPool,
    name: String,
    server_url: &'static str,
    guards_jobs: bool,
}

impl TestDatabase {
    /// A new one with the current schema.
    pub async fn new() -> Self {
        template().await;
        Self::create(TEMPLATE).await
    }

    /// A new one without any table.
    pub async fn empty() -> Self {
        Self::create("template1").await
    }

    /// Fails at the end if a job is left running.
    pub fn guarding_jobs(mut self) -> Self {
        self.guards_jobs = true;
        self
    }

    /// Its name in the shared server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, for programs.
    pub fn url(&self) -> String {
        url_of(self.server_url, &self.name)
    }

    async fn create(template: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let server_url = postgres_url().await;
        administer(server_url, &format!("create database {name} template {template}")).await;
        let options: PgConnectOptions = url_of(server_url, &name).parse().expect("a URL of our own");
        let pool =
            PgPoolOptions::new().max_connections(5).connect_with(options).await.expect("connect to the database");
        Self { pool, name, server_url, guards_jobs: false }
    }

    /// Tells what must not be in it; then drops the database.
    async fn close(url: String, name: String, server_url: &'static str, guards_jobs: bool) -> Vec<String> {
        let mut connection = PgConnection::connect(&url).await.expect("connect to the database");
        let mut faults = lawless_drifts(&mut connection).await;
        if guards_jobs {
            faults.extend(running_jobs(&mut connection).await);
        }
        connection.close().await.expect("close a connection");
        administer(server_url, &format!("drop database {name} with (force)")).await;
        faults
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let close = Self::close(self.url(), self.name.clone(), self.server_url, self.guards_jobs);
        // A thread of its own, because the test's runtime cannot be blocked on from within.
        let faults = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(close)
        });
        let faults = faults.join();
        if !std::thread::panicking() {
            assert_eq!(faults.expect("close the database"), Vec::<String>::new(), "what the test leaves behind");
        }
    }
}

async fn lawless_drifts(connection: &mut PgConnection) -> Vec<String> {
    let exists: bool = sqlx::query_scalar("select to_regclass('drifts') is not null")
        .fetch_one(&mut *connection)
        .await
        .expect("look for the table");
    if !exists {
        return Vec::new();
    }
    let rows: Vec<(String, Value, Value, Value)> =
        sqlx::query_as("select resource_id, expected_state, difference, actual_state from drifts")
            .fetch_all(connection)
            .await
            .expect("read all drifts");
    rows.into_iter()
        .filter(|(_, expected, difference, actual)| !law_holds(expected, difference, actual))
        .map(|(resource_id, ..)| format!("the drift of {resource_id} breaks the patch law"))
        .collect()
}

async fn running_jobs(connection: &mut PgConnection) -> Vec<String> {
    let query = "select format('a %s job is still running', kind) from jobs where state = 'running'";
    sqlx::query_scalar(query).fetch_all(connection).await.expect("read the jobs")
}

/// Makes the database that all others are copied from, once.
async fn template() {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let make = async || {
        let server_url = postgres_url().await;
        administer(server_url, &format!("create database {TEMPLATE}")).await;
        let mut connection =
            PgConnection::connect(&url_of(server_url, TEMPLATE)).await.expect("connect to the template");
        sqlx::migrate!("./migrations").run(&mut connection).await.expect("migrate the template");
        connection.close().await.expect("close a connection");
    };
    MADE.get_or_init(make).await;
}

async fn administer(server_url: &str, statement: &str) {
    let mut connection = PgConnection::connect(server_url).await.expect("connect to the server");
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    connection.execute(sqlx::raw_sql(statement)).await.expect("administer databases");
    connection.close().await.expect("close a connection");
}

fn url_of(server_url: &str, name: &str) -> String {
    server_url.replacen("/driftsentry?", &format!("/{name}?"), 1)
}

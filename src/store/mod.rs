//! All SQL of the program: functions over a connection, rows become domain types.
//!
//! One file (or folder) is one family of tables. Callers open transactions, so that what must be true together is
//! written together; nothing here commits. Sets go in by `unnest`, one statement per batch, never row by row. Business
//! times are handed in by the caller; leases live on the database's clock. It must never decide a rule of drift: it
//! states what must have been true (`where … and status = …`) and says when it was not.

pub mod alert;
pub mod audit;
pub mod baseline;
mod connect;
pub mod cost;
pub mod delivery;
pub mod drift;
mod error;
pub mod event;
pub mod ignore;
pub mod job;
mod late;
pub mod metrics;
mod migrate;
pub mod remediation;
pub mod scan;
pub mod schedule;
pub mod user;

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Transaction};

use crate::config::secret::Secret;
pub use error::{Step, StoreError};
pub use late::LateStore;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Connects, waiting a few seconds for a server that is still starting up.
    ///
    /// # Errors
    /// With the address and what to do: a malformed URL, a server that cannot be reached, refused credentials, a
    /// database that does not exist, a server older than PostgreSQL 14.
    pub async fn connect(url: &Secret, max_connections: u32) -> Result<Self, StoreError> {
        let pool = connect::pool(url, max_connections).await?;
        Ok(Self { pool })
    }

    /// Brings the schema to what this program knows, under an advisory lock, so that replicas may do it at once.
    ///
    /// # Errors
    /// If the database is newer than this program, or a migration fails.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::run(&self.pool).await
    }

    /// Whether the schema is what this program knows.
    ///
    /// # Errors
    /// If the database is newer than this program, or does not answer.
    pub async fn is_current(&self) -> Result<bool, StoreError> {
        let mut conn = self.conn().await?;
        migrate::is_current(&mut conn).await
    }

    /// A connection from the pool. Never held while a job runs.
    ///
    /// # Errors
    /// If none can be had.
    pub async fn conn(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.pool.acquire().await.step("get a database connection")
    }

    /// A transaction; dropped without commit, it is rolled back.
    ///
    /// # Errors
    /// If no connection can be had.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.pool.begin().await.step("begin a transaction")
    }

    /// The server's version in its own words (`15.8`).
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn server_version(&self) -> Result<String, StoreError> {
        let mut conn = self.conn().await?;
        sqlx::query_scalar!(r#"select split_part(current_setting('server_version'), ' ', 1) as "version!""#)
            .fetch_one(&mut *conn)
            .await
            .step("ask for the server's version")
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The pool itself, for tests and metrics.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}

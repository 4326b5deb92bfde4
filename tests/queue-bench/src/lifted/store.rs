//! What the queue's sources know of the product's store: its rows, the error of a failed step, and a pool.

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Transaction};

#[path = "../../../../src/store/error.rs"]
mod error;
#[path = "../../../../src/store/job/mod.rs"]
pub mod job;

pub use error::{Step, StoreError};

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Over connections that are there.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A connection from the pool.
    pub async fn conn(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.pool.acquire().await.step("get a database connection")
    }

    /// A transaction; dropped without commit, it is rolled back.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.pool.begin().await.step("begin a transaction")
    }

    /// The pool itself.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// The one thing that the queue's rows borrow from another family of tables.
mod delivery {
    use std::time::Duration;

    use sqlx::postgres::types::PgInterval;

    pub(super) fn interval(length: Duration) -> PgInterval {
        let microseconds = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        PgInterval { months: 0, days: 0, microseconds }
    }
}

//! The store on a real PostgreSQL: the way to the database, and rows that guard themselves.

mod connect;
mod drifts;
mod jobs;
mod jobs_counted;
mod rows;

use chrono::{DateTime, Utc};
use driftsentry::config::secret::Secret;
use driftsentry::store::Store;

use crate::support::TestDatabase;

async fn store_of(db: &TestDatabase) -> Store {
    Store::connect(&Secret::new(db.url()), 5).await.unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

//! The job queue on PostgreSQL: at least once, leased, retried, dead-lettered. It names no job kind.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The payload of a job kind.
pub trait JobArgs: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Name in the database. Never renamed, only aliased.
    const KIND: &'static str;
    /// How it is retried.
    const POLICY: Policy;
}

/// How a job kind is retried.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Attempts at most, the first included.
    pub max_attempts: i32,
    /// Delay before the first retry; doubles with each further one, with full jitter.
    pub backoff_base: Duration,
    /// Delay at most.
    pub backoff_cap: Duration,
}

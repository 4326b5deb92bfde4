//! The job queue on PostgreSQL: at least once, leased, retried, dead-lettered. It names no job kind.
//!
//! # Protocol
//! A job is a row of `jobs`. It is written in the transaction that makes it necessary ([`enqueue`]), so it exists if
//! and only if its cause does.
//!
//! ```text
//!             claim (attempt + 1, new lease token)            complete
//!  available ───────────────────────────────────► running ───────────────► completed
//!      ▲                                             │
//!      ├── retry (after backoff), snooze (attempt − 1), hand back (attempt − 1)
//!      ├── lease ran out, attempts left ─────────────┤
//!      │                                             ├── give up, attempts used up ──► discarded
//!      └────────────── `jobs retry` ◄── cancelled ◄──┘ `jobs cancel`
//! ```
//!
//! - **Claim** in one short statement (`for update skip locked`), work with no transaction open, settle in another.
//! - A **lease**, not a lock, says who works. Each process extends all its leases with one statement every third of
//!   their length; the database's clock decides. A lease that ran out makes the job available again, the attempt counted.
//! - Every statement that settles or extends names the **token** of its claim (the fence). A worker that lost its lease
//!   writes nothing, and its handler is dropped as soon as it is known.
//! - A job that uses up its attempts, or gives up, is **discarded** in one transaction with [`Handler::discarded`], so
//!   that the handler's own rows are closed if and only if the job is. If the last attempt was lost, the process that
//!   finds it does so.
//!
//! # Invariants
//! - No two workers hold one job's lease at a time. Two may *run* it for a moment, if the first is slow to notice a lost
//!   lease: handlers are idempotent.
//! - No transaction and no pooled connection is held while a job runs.
//! - Stopping loses nothing: soft, running jobs finish with their leases extended; hard or killed, leases give them back.
//! - An idle process sends about one statement a second: no notification channel, but a wake-up within the process and
//!   adaptive polling.

mod backoff;
mod error;
mod handler;
mod lease;
mod run;
mod wake;
mod worker;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;

use crate::domain::id::JobId;
use crate::store::StoreError;
use crate::store::job::{self, NewJob};
pub use error::JobError;
pub use handler::{Handler, JobContext};
pub use worker::{Workers, WorkersBuilder};

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

/// What may be said of a job beside its arguments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EnqueueOptions {
    /// Its id, if the caller needs to know it before; else a new one.
    pub id: Option<JobId>,
    /// Not before this moment, on the database's clock; `None` is now.
    pub run_at: Option<DateTime<Utc>>,
    /// Higher goes first; 0 is usual.
    pub priority: i16,
}

/// Writes a job in the caller's transaction.
///
/// # Errors
/// If the database refuses.
pub async fn enqueue<A: JobArgs>(conn: &mut PgConnection, args: &A) -> Result<JobId, StoreError> {
    enqueue_with(conn, args, EnqueueOptions::default()).await
}

/// Writes a job with options in the caller's transaction.
///
/// # Errors
/// If the database refuses.
pub async fn enqueue_with<A: JobArgs>(
    conn: &mut PgConnection,
    args: &A,
    options: EnqueueOptions,
) -> Result<JobId, StoreError> {
    let job = new_job(args, options)?;
    let id = job.id;
    job::insert_all(conn, A::KIND, A::POLICY.max_attempts, &[job]).await?;
    wake::wake();
    Ok(id)
}

/// Writes any number of jobs of one kind in the caller's transaction, by one statement. The ids come in the order of
/// the arguments.
///
/// # Errors
/// If the database refuses.
pub async fn enqueue_all<A: JobArgs>(
    conn: &mut PgConnection,
    args: impl IntoIterator<Item = A>,
) -> Result<Vec<JobId>, StoreError> {
    enqueue_all_with(conn, args.into_iter().map(|args| (args, EnqueueOptions::default()))).await
}

/// Writes any number of jobs of one kind, each with options, in the caller's transaction, by one statement.
///
/// # Errors
/// If the database refuses.
pub async fn enqueue_all_with<A: JobArgs>(
    conn: &mut PgConnection,
    jobs: impl IntoIterator<Item = (A, EnqueueOptions)>,
) -> Result<Vec<JobId>, StoreError> {
    let jobs: Vec<NewJob> =
        jobs.into_iter().map(|(args, options)| new_job(&args, options)).collect::<Result<_, _>>()?;
    let ids = jobs.iter().map(|job| job.id).collect();
    job::insert_all(conn, A::KIND, A::POLICY.max_attempts, &jobs).await?;
    if !jobs.is_empty() {
        wake::wake();
    }
    Ok(ids)
}

fn new_job<A: JobArgs>(args: &A, options: EnqueueOptions) -> Result<NewJob, StoreError> {
    let payload = serde_json::to_value(args)
        .map_err(|error| StoreError::Unstorable { subject: format!("{} job", A::KIND), reason: error.to_string() })?;
    let id = options.id.unwrap_or_else(JobId::new);
    Ok(NewJob { id, priority: options.priority, run_at: options.run_at, payload })
}

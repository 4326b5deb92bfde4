//! Writing jobs in the caller's transaction: they exist if and only if their cause does.
//!
//! Plain jobs cost one statement, however many they are. What is asked for beside (unique keys, orders, dependencies)
//! costs further ones, and locks that last until the transaction ends: such jobs are enqueued late in it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{JobArgs, wake};
use crate::domain::id::JobId;
use crate::store::StoreError;
use crate::store::job::{self, JobKind, NewJob};
pub use crate::store::job::{OnConflict, Rate, Unique};

/// What may be said of a job beside its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnqueueOptions {
    /// Its id, if the caller needs to know it before; else a new one. Never that of an earlier job.
    pub id: Option<JobId>,
    /// Not before this moment, on the database's clock; `None` is now.
    pub run_at: Option<DateTime<Utc>>,
    /// Higher goes first: -1 low, 0 usual, 1 high, 2 urgent.
    pub priority: i16,
    /// It runs once all of these are over, however they ended. One that does not exist is taken to be over; jobs that
    /// are enqueued in the same call may be named if they come before it.
    pub after: Vec<JobId>,
    /// Jobs of one such key, of whatever kind, run one after the other in the order in which they were enqueued; each
    /// waits until the one before it is over, however it ended.
    pub order: Option<String>,
    /// What it must not use too often.
    pub rate: Option<Rate>,
    /// What it must not be enqueued for twice.
    pub unique: Option<Unique>,
}

/// Writes a job in the caller's transaction.
///
/// # Errors
/// If its arguments cannot be stored, or the database refuses.
pub async fn enqueue<A: JobArgs>(conn: &mut PgConnection, args: &A) -> Result<JobId, StoreError> {
    enqueue_with(conn, args, EnqueueOptions::default()).await
}

/// Writes a job with options in the caller's transaction. Returns the id of the job that does the work: the new one, or
/// the one that holds its unique key.
///
/// # Errors
/// If its arguments, its keys or its priority cannot be stored, or the database refuses. Then nothing is written.
pub async fn enqueue_with<A: JobArgs>(
    conn: &mut PgConnection,
    args: &A,
    options: EnqueueOptions,
) -> Result<JobId, StoreError> {
    let job = new_job(args, options)?;
    let id = job.id;
    let ids = job::insert_all(conn, kind::<A>(), vec![job]).await?;
    wake::wake();
    Ok(ids.first().copied().unwrap_or(id))
}

/// Writes any number of jobs of one kind in the caller's transaction. The ids come in the order of the arguments.
///
/// # Errors
/// If arguments cannot be stored, or the database refuses.
pub async fn enqueue_all<A: JobArgs>(
    conn: &mut PgConnection,
    args: impl IntoIterator<Item = A>,
) -> Result<Vec<JobId>, StoreError> {
    enqueue_all_with(conn, args.into_iter().map(|args| (args, EnqueueOptions::default()))).await
}

/// Writes any number of jobs of one kind, each with options, in the caller's transaction, as if one after the other.
/// The ids are those of the jobs that do the work, in the order of the arguments: an id comes twice if two of them share
/// a unique key.
///
/// # Errors
/// As [`enqueue_with`], or if a job is to wait for one that comes after it.
pub async fn enqueue_all_with<A: JobArgs>(
    conn: &mut PgConnection,
    jobs: impl IntoIterator<Item = (A, EnqueueOptions)>,
) -> Result<Vec<JobId>, StoreError> {
    let jobs: Vec<NewJob> =
        jobs.into_iter().map(|(args, options)| new_job(&args, options)).collect::<Result<_, _>>()?;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let ids = job::insert_all(conn, kind::<A>(), jobs).await?;
    wake::wake();
    Ok(ids)
}

fn kind<A: JobArgs>() -> JobKind<'static> {
    JobKind { name: A::KIND, lane: A::LANE, max_attempts: A::POLICY.max_attempts }
}

fn new_job<A: JobArgs>(args: &A, options: EnqueueOptions) -> Result<NewJob, StoreError> {
    let payload = serde_json::to_string(args)
        .map_err(|error| StoreError::Unstorable { subject: format!("{} job", A::KIND), reason: error.to_string() })?;
    let EnqueueOptions { id, run_at, priority, after, order, rate, unique } = options;
    Ok(NewJob { id: id.unwrap_or_else(JobId::new), priority, run_at, payload, after, order, rate, unique })
}

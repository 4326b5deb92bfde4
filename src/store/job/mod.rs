//! `jobs` and `job_attempts`: the rows of the queue.
//!
//! `enqueue/` is how they come to be, `engine.rs` what the queue's workers do (protocol: `crate::queue`), this file what people see and do.

mod engine;
mod enqueue;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Step, StoreError};
use crate::domain::id::JobId;
pub use engine::{
    ClaimedJob, Lease, claim, claim_exhausted, complete, discard, extend, hand_back, prune, rescue, retry_later, snooze,
};
pub use enqueue::{JobKind, NewJob, OnConflict, Rate, Unique, insert_all};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting for a worker, perhaps for its time: a retry waits so.
    Available,
    /// Held by a worker.
    Running,
    /// Done.
    Completed,
    /// Given up: the dead letter.
    Discarded,
    /// Called off by a person.
    Cancelled,
}

impl JobState {
    /// All.
    pub const ALL: [Self; 5] = [Self::Available, Self::Running, Self::Completed, Self::Discarded, Self::Cancelled];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = "available, running, completed, discarded or cancelled";
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no state of a job: {known}"))
    }
}

/// A job, as people read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: String,
    /// Where it is.
    pub state: JobState,
    /// Higher goes first.
    pub priority: i16,
    /// Attempts begun.
    pub attempt: i32,
    /// Attempts allowed.
    pub max_attempts: i32,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// The handler's arguments.
    pub payload: Value,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The process that holds it.
    pub worker: Option<String>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When the last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed, discarded or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An attempt that did not complete its job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Which attempt.
    pub attempt: i32,
    /// The process that ran it.
    pub worker: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended or was taken to be lost.
    pub finished_at: DateTime<Utc>,
    /// `retried`, `discarded`, `lost` or `snoozed`.
    pub outcome: String,
    /// Why.
    pub error: Option<String>,
}

/// How many jobs of a kind are in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobCount {
    /// Kind.
    pub kind: String,
    /// State.
    pub state: JobState,
    /// How many.
    pub count: i64,
    /// The earliest `run_at` among them.
    pub oldest_run_at: DateTime<Utc>,
}

/// Which jobs to list; `None` is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// In this state.
    pub state: Option<JobState>,
    /// Of this kind.
    pub kind: Option<String>,
}

struct Row {
    id: Uuid,
    kind: String,
    state: String,
    priority: i16,
    attempt: i32,
    max_attempts: i32,
    run_at: DateTime<Utc>,
    payload: Value,
    last_error: Option<String>,
    worker: Option<String>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: JobId(row.id),
            kind: row.kind,
            state: row.state.parse().map_err(|e| StoreError::unreadable(format_args!("job {}", row.id), e))?,
            priority: row.priority,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            run_at: row.run_at,
            payload: row.payload,
            last_error: row.last_error,
            worker: row.worker,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

/// The latest jobs first, at most `limit`.
///
/// # Errors
/// If the database does not answer.
pub async fn list(conn: &mut PgConnection, query: &JobQuery, limit: i64) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, kind, state, priority, attempt, max_attempts, run_at, payload, last_error, worker, created_at,
                started_at, finished_at
         from jobs
         where ($1::text is null or state = $1) and ($2::text is null or kind = $2)
         order by created_at desc, id desc limit $3",
        query.state.map(JobState::as_str),
        query.kind,
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("list jobs")?;
    rows.into_iter().map(Job::try_from).collect()
}

/// A job that must exist.
///
/// # Errors
/// If it does not, or the database does not answer.
pub async fn get(conn: &mut PgConnection, id: JobId) -> Result<Job, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, kind, state, priority, attempt, max_attempts, run_at, payload, last_error, worker, created_at,
                started_at, finished_at
         from jobs where id = $1",
        id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .step("read a job")?;
    row.ok_or_else(|| StoreError::NotFound(format!("job {id}")))?.try_into()
}

/// The attempts of a job that did not complete it, oldest first.
///
/// # Errors
/// If the database does not answer.
pub async fn attempts(conn: &mut PgConnection, id: JobId) -> Result<Vec<Attempt>, StoreError> {
    sqlx::query_as!(
        Attempt,
        "select attempt, worker, started_at, finished_at, outcome, error
         from job_attempts where job_id = $1 order by started_at, attempt",
        id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("read the attempts of a job")
}

/// How many jobs there are, by kind and state.
///
/// # Errors
/// If the database does not answer.
pub async fn stats(conn: &mut PgConnection) -> Result<Vec<JobCount>, StoreError> {
    let rows = sqlx::query!(
        r#"select kind, state, count(*) as "count!", min(run_at) as "oldest_run_at!"
           from jobs group by kind, state order by kind, state"#
    )
    .fetch_all(&mut *conn)
    .await
    .step("count jobs")?;
    rows.into_iter()
        .map(|row| {
            let state = row.state.parse().map_err(|e| StoreError::unreadable("a job", e))?;
            Ok(JobCount { kind: row.kind, state, count: row.count, oldest_run_at: row.oldest_run_at })
        })
        .collect()
}

/// Lets a job run now, with all its attempts before it: one that was given up or called off, or that waits for its
/// time.
///
/// # Errors
/// If there is no such job, it is running or completed, or the database does not answer.
pub async fn retry(conn: &mut PgConnection, id: JobId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update jobs set state = 'available', run_at = now(), attempt = 0, finished_at = null
         where id = $1 and state in ('available', 'discarded', 'cancelled')",
        id.0
    )
    .execute(&mut *conn)
    .await
    .step("retry a job")?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let state = get(conn, id).await?.state;
    Err(StoreError::Refused(format!("job {id} is {state}; only one that waits or was given up can be retried")))
}

/// Calls a job off. A running one is stopped when its worker next extends its lease.
///
/// # Errors
/// If there is no such job, it is over, or the database does not answer.
pub async fn cancel(conn: &mut PgConnection, id: JobId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update jobs set state = 'cancelled', lease_token = null, lease_until = null, finished_at = now()
         where id = $1 and state in ('available', 'running')",
        id.0
    )
    .execute(&mut *conn)
    .await
    .step("cancel a job")?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let state = get(conn, id).await?.state;
    Err(StoreError::Refused(format!("job {id} is {state}; only one that waits or runs can be cancelled")))
}

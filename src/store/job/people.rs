//! What people read of jobs.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Attempt, Job, JobQuery, JobState, Neighbour};
use crate::domain::id::JobId;
use crate::store::error::{Step, StoreError};

/// How far the clock that made an id may be from the database's.
const SKEW: TimeDelta = TimeDelta::hours(1);

struct Row {
    id: Uuid,
    kind: String,
    lane: String,
    state: String,
    priority: i16,
    attempt: i32,
    max_attempts: i32,
    snoozes: i32,
    waiting_for: i32,
    run_at: DateTime<Utc>,
    payload: Value,
    last_error: Option<String>,
    worker: Option<String>,
    cancel_requested_at: Option<DateTime<Utc>>,
    progress: Option<Value>,
    order_key: Option<String>,
    rate_key: Option<String>,
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
            lane: row.lane,
            state: state(row.id, &row.state)?,
            priority: row.priority,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            snoozes: row.snoozes,
            waiting_for: row.waiting_for,
            run_at: row.run_at,
            payload: row.payload,
            last_error: row.last_error,
            worker: row.worker,
            cancel_requested_at: row.cancel_requested_at,
            progress: row.progress,
            order_key: row.order_key,
            rate_key: row.rate_key,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

fn state(id: Uuid, word: &str) -> Result<JobState, StoreError> {
    word.parse().map_err(|e| StoreError::unreadable(format_args!("job {id}"), e))
}

/// The latest jobs first, at most `limit`.
///
/// Ids are ordered by time, so the keys of both tables are walked from their ends, and no more of them than is asked
/// for; a state leaves one of the tables out.
///
/// # Errors
/// If the database does not answer.
pub async fn list(conn: &mut PgConnection, query: &JobQuery, limit: i64) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, kind, lane, state, priority, attempt, max_attempts, snoozes, waiting_for, run_at, payload, last_error,
                worker, cancel_requested_at, progress, order_key, rate_key, created_at, started_at, finished_at
         from jobs
         where ($1::text is null or state = $1) and ($2::text is null or kind = $2) and ($3::text is null or lane = $3)
           and ($4::text is null or strpos(lower(last_error), lower($4)) > 0)
           and ($5::timestamptz is null or created_at < $5 and id < $6)
           and ($7::timestamptz is null or created_at >= $7 and id >= $8)
         order by id desc limit $9",
        query.state.map(JobState::as_str),
        query.kind,
        query.lane,
        query.error,
        query.older_than,
        query.older_than.map_or(Uuid::max(), |at| first_id(at + SKEW)),
        query.newer_than,
        query.newer_than.map_or(Uuid::nil(), |at| first_id(at - SKEW)),
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("list jobs")?;
    rows.into_iter().map(Job::try_from).collect()
}

/// The least id that can be made at a time: UUIDs of version 7 begin with its milliseconds.
pub(super) fn first_id(at: DateTime<Utc>) -> Uuid {
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}

/// A job that must exist.
///
/// # Errors
/// If it does not, or the database does not answer.
pub async fn get(conn: &mut PgConnection, id: JobId) -> Result<Job, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, kind, lane, state, priority, attempt, max_attempts, snoozes, waiting_for, run_at, payload, last_error,
                worker, cancel_requested_at, progress, order_key, rate_key, created_at, started_at, finished_at
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

/// What a job waits for, the oldest first.
///
/// # Errors
/// If the database does not answer.
pub async fn waited_for(conn: &mut PgConnection, id: JobId) -> Result<Vec<Neighbour>, StoreError> {
    let rows = sqlx::query!(
        "select jobs.id, jobs.kind, jobs.state
         from job_dependencies d join jobs on jobs.id = d.on_job_id where d.job_id = $1 order by jobs.id",
        id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("read what a job waits for")?;
    rows.into_iter().map(|row| neighbour(row.id, row.kind, &row.state)).collect()
}

/// What waits for a job, the oldest first.
///
/// # Errors
/// If the database does not answer.
pub async fn waiting(conn: &mut PgConnection, id: JobId) -> Result<Vec<Neighbour>, StoreError> {
    let rows = sqlx::query!(
        "select jobs.id, jobs.kind, jobs.state
         from job_dependencies d join jobs on jobs.id = d.job_id where d.on_job_id = $1 order by jobs.id",
        id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("read what waits for a job")?;
    rows.into_iter().map(|row| neighbour(row.id, row.kind, &row.state)).collect()
}

fn neighbour(id: Uuid, kind: String, word: &str) -> Result<Neighbour, StoreError> {
    Ok(Neighbour { id: JobId(id), kind, state: state(id, word)? })
}

/// What time it is for the database, on whose clock jobs begin and end.
///
/// # Errors
/// If the database does not answer.
pub async fn now(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&mut *conn).await.step("ask for the time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_time_begin_with_it() {
        let at = DateTime::from_timestamp_millis(1_790_000_000_123).expect("a time");
        let id = |at: DateTime<Utc>| {
            let since = u64::try_from(at.timestamp()).expect("after 1970");
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, since, at.timestamp_subsec_nanos()))
        };
        assert!(id(at) >= first_id(at));
        assert!(id(at - TimeDelta::milliseconds(1)) < first_id(at));
    }
}

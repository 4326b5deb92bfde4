//! What becomes of a job after an attempt.
//!
//! Invariant: whatever settles a job names the token that its claim was given; who holds another one writes nothing,
//! and is told so. Who waits for a job is released by the statement or transaction that ends it.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::Lease;
use crate::domain::id::JobId;
use crate::store::delivery::interval;
use crate::store::error::{Step, StoreError};

/// A job that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Done {
    /// What it is held by.
    pub lease: Lease,
    /// Whether its row is kept among those that are over.
    pub is_kept: bool,
}

/// What was settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completed {
    /// The jobs; the leases of others no longer held.
    pub jobs: Vec<JobId>,
    /// Whether others waited for them and may run now.
    pub has_released: bool,
}

/// The jobs are done, and whoever waits for one of them is released. In a transaction of the caller's.
///
/// # Errors
/// If the database does not answer.
pub async fn complete_all(conn: &mut PgConnection, done: &[Done]) -> Result<Completed, StoreError> {
    let mut done = done.to_vec();
    // One order for all, so that no two settle against each other.
    done.sort_unstable();
    let ids: Vec<Uuid> = done.iter().map(|done| done.lease.job_id.0).collect();
    let tokens: Vec<Uuid> = done.iter().map(|done| done.lease.token).collect();
    let kept: Vec<bool> = done.iter().map(|done| done.is_kept).collect();
    let settled = sqlx::query!(
        r#"with gone as (
               delete from jobs_live j using unnest($1::uuid[], $2::uuid[], $3::boolean[]) as d (id, token, is_kept)
               where j.id = d.id and j.lease_token = d.token and j.state = 'running'
               returning j.*, d.is_kept
           ), kept as (
               insert into jobs_done (id, kind, lane, state, priority, attempt, max_attempts, snoozes, run_at, payload,
                                      last_error, worker, progress, order_key, rate_key, rate_interval, created_at,
                                      started_at, finished_at)
               select id, kind, lane, 'completed', priority, attempt, max_attempts, snoozes, run_at, payload,
                      last_error, worker, progress, order_key, rate_key, rate_interval, created_at, started_at,
                      clock_timestamp()
               from gone where is_kept
           )
           select id as "id!", (has_dependents or order_key is not null) as "is_awaited!" from gone"#,
        &ids,
        &tokens,
        &kept,
    )
    .fetch_all(&mut *conn)
    .await
    .step("complete jobs")?;
    // Not in the same statement: that would not see who began to wait while it itself waited for the job's row.
    let awaited: Vec<JobId> = settled.iter().filter(|row| row.is_awaited).map(|row| JobId(row.id)).collect();
    if !awaited.is_empty() {
        super::release::release(conn, &awaited).await?;
    }
    let jobs = settled.into_iter().map(|row| JobId(row.id)).collect();
    Ok(Completed { jobs, has_released: !awaited.is_empty() })
}

/// The attempt failed; another one is due after `delay`. False if the lease no longer holds.
///
/// # Errors
/// If the database does not answer.
pub async fn retry_later(
    conn: &mut PgConnection,
    lease: Lease,
    delay: Duration,
    error: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "with settled as (
             update jobs_live
             set state = 'available', run_at = clock_timestamp() + $3, last_error = $4, lease_token = null,
                 lease_until = null, rate_is_reserved = false
             where id = $1 and lease_token = $2 and state = 'running'
             returning id, attempt, worker, started_at
         )
         insert into job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
         select id, attempt, worker, coalesce(started_at, now()), clock_timestamp(), 'retried', $4 from settled",
        lease.job_id.0,
        lease.token,
        interval(delay),
        error,
    )
    .execute(&mut *conn)
    .await
    .step("put a job back for another attempt")?;
    Ok(done.rows_affected() == 1)
}

/// The job is to run again after `delay`; the attempt does not count. False if the lease no longer holds.
///
/// # Errors
/// If the database does not answer.
pub async fn snooze(conn: &mut PgConnection, lease: Lease, delay: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update jobs_live
         set state = 'available', attempt = attempt - 1, snoozes = snoozes + 1, run_at = clock_timestamp() + $3,
             lease_token = null, lease_until = null, worker = null, rate_is_reserved = false
         where id = $1 and lease_token = $2 and state = 'running'",
        lease.job_id.0,
        lease.token,
        interval(delay),
    )
    .execute(&mut *conn)
    .await
    .step("snooze a job")?;
    Ok(done.rows_affected() == 1)
}

/// How a job ends that is not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is given up.
    Discarded,
    /// It was called off.
    Cancelled,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The job is over without being done, and whoever waits for it is released. False if the lease no longer holds. In a
/// transaction of the caller's.
///
/// # Errors
/// If the database does not answer.
pub async fn end(conn: &mut PgConnection, lease: Lease, end: End, error: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "with gone as (
             delete from jobs_live where id = $1 and lease_token = $2 and state = 'running' returning *
         ), settled as (
             insert into jobs_done (id, kind, lane, state, priority, attempt, max_attempts, snoozes, run_at, payload,
                                    last_error, worker, cancel_requested_at, progress, order_key, rate_key,
                                    rate_interval, created_at, started_at, finished_at)
             select id, kind, lane, $4, priority, least(attempt, max_attempts), max_attempts, snoozes, run_at, payload,
                    $3, worker, cancel_requested_at, progress, order_key, rate_key, rate_interval, created_at,
                    started_at, clock_timestamp()
             from gone
             returning id, attempt, worker, started_at
         )
         insert into job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
         select id, attempt, worker, coalesce(started_at, now()), clock_timestamp(), $4, $3 from settled
         on conflict on constraint job_attempts_pkey do update set outcome = excluded.outcome, error = excluded.error",
        lease.job_id.0,
        lease.token,
        error,
        end.as_str(),
    )
    .execute(&mut *conn)
    .await
    .step("end a job")?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    super::release::release(conn, &[lease.job_id]).await?;
    Ok(true)
}

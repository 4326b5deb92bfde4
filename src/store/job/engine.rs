//! What the queue's workers do to rows. Times are the database's: leases must not depend on a worker's clock.
//!
//! Invariant: whatever settles or extends a job names the token that its claim was given; who holds another one writes
//! nothing, and is told so by `false`.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::id::JobId;
use crate::store::delivery::interval;
use crate::store::error::{Step, StoreError};

/// The right to settle a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// Random per claim.
    pub token: Uuid,
}

/// A job that a worker holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// What it is held by.
    pub lease: Lease,
    /// Which handler runs it.
    pub kind: String,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Attempts allowed.
    pub max_attempts: i32,
    /// The handler's arguments.
    pub payload: Value,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// Takes up to `limit` jobs that are due, of the given kinds, each for as long as `lease`.
///
/// # Errors
/// If the database does not answer.
pub async fn claim(
    conn: &mut PgConnection,
    kinds: &[String],
    worker: &str,
    lease: Duration,
    limit: i64,
) -> Result<Vec<ClaimedJob>, StoreError> {
    let rows = sqlx::query!(
        r#"with due as (
               select id from jobs
               where state = 'available' and run_at <= now() and kind = any($1)
               order by priority desc, run_at, id
               limit $4
               for update skip locked
           )
           update jobs
           set state = 'running', attempt = attempt + 1, lease_token = gen_random_uuid(),
               lease_until = clock_timestamp() + $3, worker = $2, started_at = clock_timestamp()
           from due where jobs.id = due.id
           returning jobs.id, lease_token as "token!", kind, attempt, max_attempts, payload, last_error"#,
        kinds,
        worker,
        interval(lease),
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("claim jobs")?;
    Ok(rows
        .into_iter()
        .map(|row| ClaimedJob {
            lease: Lease { job_id: JobId(row.id), token: row.token },
            kind: row.kind,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            payload: row.payload,
            last_error: row.last_error,
        })
        .collect())
}

/// Extends leases; returns those that still held. The others were lost or cancelled.
///
/// # Errors
/// If the database does not answer.
pub async fn extend(conn: &mut PgConnection, leases: &[Lease], length: Duration) -> Result<Vec<JobId>, StoreError> {
    let ids: Vec<Uuid> = leases.iter().map(|lease| lease.job_id.0).collect();
    let tokens: Vec<Uuid> = leases.iter().map(|lease| lease.token).collect();
    let held = sqlx::query_scalar!(
        "update jobs set lease_until = clock_timestamp() + $3
         from unnest($1::uuid[], $2::uuid[]) as held (id, token)
         where jobs.id = held.id and jobs.lease_token = held.token and jobs.state = 'running'
         returning jobs.id",
        &ids,
        &tokens,
        interval(length),
    )
    .fetch_all(&mut *conn)
    .await
    .step("extend leases")?;
    Ok(held.into_iter().map(JobId).collect())
}

/// The job is done. False if the lease no longer holds.
///
/// # Errors
/// If the database does not answer.
pub async fn complete(conn: &mut PgConnection, lease: Lease) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update jobs
         set state = 'completed', finished_at = clock_timestamp(), lease_token = null, lease_until = null
         where id = $1 and lease_token = $2 and state = 'running'",
        lease.job_id.0,
        lease.token,
    )
    .execute(&mut *conn)
    .await
    .step("complete a job")?;
    Ok(done.rows_affected() == 1)
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
             update jobs
             set state = 'available', run_at = clock_timestamp() + $3, last_error = $4, lease_token = null,
                 lease_until = null
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
        "update jobs
         set state = 'available', attempt = attempt - 1, run_at = clock_timestamp() + $3, lease_token = null,
             lease_until = null, worker = null
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

/// Gives jobs back that were claimed and not begun; the attempts do not count.
///
/// # Errors
/// If the database does not answer.
pub async fn hand_back(conn: &mut PgConnection, leases: &[Lease]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = leases.iter().map(|lease| lease.job_id.0).collect();
    let tokens: Vec<Uuid> = leases.iter().map(|lease| lease.token).collect();
    sqlx::query!(
        "update jobs
         set state = 'available', attempt = attempt - 1, lease_token = null, lease_until = null, worker = null
         from unnest($1::uuid[], $2::uuid[]) as held (id, token)
         where jobs.id = held.id and jobs.lease_token = held.token and jobs.state = 'running'",
        &ids,
        &tokens,
    )
    .execute(&mut *conn)
    .await
    .step("hand jobs back")?;
    Ok(())
}

/// The job is given up. False if the lease no longer holds.
///
/// # Errors
/// If the database does not answer.
pub async fn discard(conn: &mut PgConnection, lease: Lease, error: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "with settled as (
             update jobs
             set state = 'discarded', finished_at = clock_timestamp(), last_error = $3, lease_token = null,
                 lease_until = null
             where id = $1 and lease_token = $2 and state = 'running'
             returning id, attempt, worker, started_at
         )
         insert into job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
         select id, attempt, worker, coalesce(started_at, now()), clock_timestamp(), 'discarded', $3 from settled
         on conflict (job_id, attempt, started_at) do update set outcome = excluded.outcome, error = excluded.error",
        lease.job_id.0,
        lease.token,
        error,
    )
    .execute(&mut *conn)
    .await
    .step("give a job up")?;
    Ok(done.rows_affected() == 1)
}

/// Makes jobs available again whose worker let the lease run out and that have attempts left, at most `limit`. The
/// lost attempt counts, so that a job that kills its worker is not tried for ever. Returns what was rescued.
///
/// # Errors
/// If the database does not answer.
pub async fn rescue(conn: &mut PgConnection, limit: i64) -> Result<Vec<JobId>, StoreError> {
    let rescued = sqlx::query_scalar!(
        r#"with lost as (
               select id, attempt, worker, started_at,
                      format('lost: worker %s stopped extending its lease', worker) as error
               from jobs
               where state = 'running' and lease_until < clock_timestamp() and attempt < max_attempts
               order by lease_until
               limit $1
               for update skip locked
           ), noted as (
               insert into job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
               select id, attempt, worker, coalesce(started_at, now()), clock_timestamp(), 'lost', error from lost
           )
           update jobs
           set state = 'available', run_at = clock_timestamp(), last_error = lost.error, lease_token = null,
               lease_until = null
           from lost where jobs.id = lost.id
           returning jobs.id"#,
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("rescue lost jobs")?;
    Ok(rescued.into_iter().map(JobId).collect())
}

/// Takes lost jobs of the given kinds that have no attempt left, to be given up by the caller.
///
/// # Errors
/// If the database does not answer.
pub async fn claim_exhausted(
    conn: &mut PgConnection,
    kinds: &[String],
    lease: Duration,
    limit: i64,
) -> Result<Vec<ClaimedJob>, StoreError> {
    let rows = sqlx::query!(
        r#"with lost as (
               select id from jobs
               where state = 'running' and lease_until < clock_timestamp() and attempt >= max_attempts
                 and kind = any($1)
               order by lease_until
               limit $3
               for update skip locked
           )
           update jobs
           set lease_token = gen_random_uuid(), lease_until = clock_timestamp() + $2
           from lost where jobs.id = lost.id
           returning jobs.id, lease_token as "token!", kind, attempt, max_attempts, payload, last_error"#,
        kinds,
        interval(lease),
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("claim lost jobs")?;
    Ok(rows
        .into_iter()
        .map(|row| ClaimedJob {
            lease: Lease { job_id: JobId(row.id), token: row.token },
            kind: row.kind,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            payload: row.payload,
            last_error: row.last_error,
        })
        .collect())
}

/// Removes jobs that ended long ago, at most `limit`: completed ones after `keep_completed`, given up and called off
/// ones after `keep_dead`. Returns how many.
///
/// # Errors
/// If the database does not answer.
pub async fn prune(
    conn: &mut PgConnection,
    keep_completed: Duration,
    keep_dead: Duration,
    limit: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "with old as (
             select id from jobs
             where (state = 'completed' and finished_at < now() - $1::interval)
                or (state in ('discarded', 'cancelled') and finished_at < now() - $2::interval)
             order by finished_at
             limit $3
             for update skip locked
         )
         delete from jobs using old where jobs.id = old.id",
        interval(keep_completed),
        interval(keep_dead),
        limit,
    )
    .execute(&mut *conn)
    .await
    .step("remove old jobs")?;
    Ok(done.rows_affected())
}

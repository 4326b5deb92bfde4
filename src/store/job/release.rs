//! What follows when a job is over: others need not wait for it any more.
//!
//! Invariant: a dependent is written by a transaction that locked the awaited job before, so a release sees every
//! dependent if it is a *later statement* than the one that took the job from `jobs_live`. In one statement with it, it
//! would not see those that were written while that one waited for the lock, and they would wait for ever.

use sqlx::PgConnection;
use uuid::Uuid;

use super::JobState;
use crate::domain::id::JobId;
use crate::store::error::{Step, StoreError};

/// Lets go what waits for jobs that are over. To be called in the transaction that took them from `jobs_live`.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn release(conn: &mut PgConnection, ids: &[JobId]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    // Rows are locked in the order of their ids, so that two releases do not wait for each other.
    sqlx::query!(
        "with freed as (
             delete from job_dependencies where on_job_id = any($1) returning job_id
         ), fewer as (
             select job_id, count(*)::integer as by from freed group by job_id
         ), locked as (
             select id from jobs_live where id in (select job_id from fewer) order by id for update
         )
         update jobs_live set waiting_for = waiting_for - fewer.by
         from fewer join locked on locked.id = fewer.job_id
         where jobs_live.id = fewer.job_id",
        &ids
    )
    .execute(&mut *conn)
    .await
    .step("let go what waits for a job")?;
    sqlx::query!("delete from job_dependencies where job_id = any($1)", &ids)
        .execute(&mut *conn)
        .await
        .step("forget what a job waited for")?;
    // Whoever holds the row puts a job of its own there: it waits for ours to be over, and must not be waited for.
    sqlx::query!(
        "delete from job_orders
         where key = any(array(select key from job_orders where last_job_id = any($1) for update skip locked))",
        &ids
    )
    .execute(&mut *conn)
    .await
    .step("end the order of a job")?;
    Ok(())
}

/// Cancels jobs in the given states at once, with release; the others are left. A worker that held one has lost its
/// lease. Returns what was cancelled. To be called in a transaction.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn cancel_at_once(
    conn: &mut PgConnection,
    ids: &[Uuid],
    states: &[JobState],
) -> Result<Vec<JobId>, StoreError> {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    // Not an update of the state: who waits for a row that moves to another table gets an error, for one that is
    // deleted nothing.
    let cancelled = sqlx::query_scalar!(
        "with gone as (
             delete from jobs_live
             where id = any(array(select id from jobs_live where id = any($1) and state = any($2) order by id for update))
             returning id, kind, lane, priority, attempt, max_attempts, snoozes, run_at, payload, last_error, worker,
                       cancel_requested_at, progress, order_key, rate_key, rate_interval, created_at, started_at
         )
         insert into jobs_done (id, kind, lane, state, priority, attempt, max_attempts, snoozes, run_at, payload, last_error,
                                worker, cancel_requested_at, progress, order_key, rate_key, rate_interval, created_at,
                                started_at, finished_at)
         select id, kind, lane, 'cancelled', priority, attempt, max_attempts, snoozes, run_at, payload, last_error, worker,
                cancel_requested_at, progress, order_key, rate_key, rate_interval, created_at, started_at,
                clock_timestamp()
         from gone
         returning id",
        ids,
        &states as &[&str],
    )
    .fetch_all(&mut *conn)
    .await
    .step("cancel jobs")?;
    let cancelled: Vec<JobId> = cancelled.into_iter().map(JobId).collect();
    release(conn, &cancelled).await?;
    Ok(cancelled)
}

/// Cancels a job that waits. What comes after it in its order then waits for what came before it.
///
/// The caller holds the job, and [`lock_before`] told what comes before it.
pub(super) async fn cancel_waiting(
    conn: &mut PgConnection,
    id: JobId,
    order_key: Option<&str>,
    before: Option<Uuid>,
) -> Result<(), StoreError> {
    if let (Some(key), Some(before)) = (order_key, before) {
        hand_on(conn, id, key, before).await?;
    }
    cancel_at_once(conn, &[id.0], &[JobState::Available]).await?;
    Ok(())
}

/// Locks the order of a job and the job before it, if they are there, and returns that one. Locks are taken as an
/// enqueuing transaction takes them: the order, then its jobs from the first on.
pub(super) async fn lock_before(conn: &mut PgConnection, id: JobId) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "select key from job_orders where key = (select order_key from jobs_live where id = $1) for update",
        id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .step("lock the order of a job")?;
    sqlx::query_scalar!(
        "update jobs_live set has_dependents = true
         where id in (select before.id from jobs_live job
                      join job_dependencies d on d.job_id = job.id
                      join jobs_live before on before.id = d.on_job_id and before.order_key = job.order_key
                      where job.id = $1)
         returning id",
        id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .step("lock the job before one")
}

async fn hand_on(conn: &mut PgConnection, id: JobId, key: &str, before: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "with heir as (
             insert into job_dependencies (on_job_id, job_id)
             select $2, d.job_id from job_dependencies d join jobs_live after on after.id = d.job_id
             where d.on_job_id = $1 and after.order_key = $3
             on conflict do nothing
             returning job_id
         )
         update jobs_live set waiting_for = waiting_for + 1 from heir where jobs_live.id = heir.job_id",
        id.0,
        before,
        key,
    )
    .execute(&mut *conn)
    .await
    .step("keep the order around a job")?;
    sqlx::query!("update job_orders set last_job_id = $3 where key = $1 and last_job_id = $2", key, id.0, before)
        .execute(&mut *conn)
        .await
        .step("keep the order after a job")?;
    Ok(())
}

//! What people do to jobs: run them again, cancel them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{JobState, people, release};
use crate::domain::id::JobId;
use crate::store::error::{Step, StoreError};

/// Lets a job run now, with all its attempts before it: one that was given up or called off, or that waits for its
/// time.
///
/// # Errors
/// If there is no such job, it is running or completed, or the database does not answer.
pub async fn retry(conn: &mut PgConnection, id: JobId) -> Result<(), StoreError> {
    let hurried = sqlx::query!(
        "update jobs_live set run_at = now(), attempt = 0, rate_is_reserved = false where id = $1 and state = 'available'",
        id.0
    )
    .execute(&mut *conn)
    .await
    .step("retry a job")?;
    if hurried.rows_affected() + revive(conn, &[id.0]).await? == 1 {
        return Ok(());
    }
    let state = people::get(conn, id).await?.state;
    Err(StoreError::Refused(format!("job {id} is {state}; only one that waits or was given up can be retried")))
}

/// Puts jobs that were given up or called off back among the live ones. Others wait for it no more, nor it for others.
async fn revive(conn: &mut PgConnection, ids: &[Uuid]) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "with dead as (
             delete from jobs_done
             where id = any(array(select id from jobs_done where id = any($1) and state in ('discarded', 'cancelled')
                                  order by id for update))
             returning id, kind, lane, priority, max_attempts, snoozes, payload, last_error, order_key, rate_key,
                       rate_interval, created_at
         )
         insert into jobs_live (id, kind, lane, priority, max_attempts, snoozes, payload, last_error, order_key, rate_key,
                                rate_interval, created_at)
         select id, kind, lane, priority, max_attempts, snoozes, payload, last_error, order_key, rate_key, rate_interval,
                created_at
         from dead",
        ids
    )
    .execute(&mut *conn)
    .await
    .step("put jobs back")?;
    Ok(done.rows_affected())
}

/// Which given-up jobs are to run again; `None` is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetryFilter {
    /// Of this kind.
    pub kind: Option<String>,
    /// Whose last error holds this text, whatever its case.
    pub error: Option<String>,
    /// Given up since.
    pub since: Option<DateTime<Utc>>,
    /// Given up before: a time at which the retrying began, so that what is given up anew meanwhile is left alone.
    pub before: Option<DateTime<Utc>>,
}

/// Lets given-up jobs run again, at most `limit` after `after` in the order of their ids. Returns how many and the last
/// of them; `None` when there are no more.
///
/// # Errors
/// If the database does not answer.
pub async fn retry_discarded(
    conn: &mut PgConnection,
    filter: &RetryFilter,
    after: Option<JobId>,
    limit: i64,
) -> Result<Option<(u64, JobId)>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from jobs_done
         where state = 'discarded' and id > $1 and ($2::text is null or kind = $2)
           and ($3::text is null or strpos(lower(last_error), lower($3)) > 0)
           and ($4::timestamptz is null or finished_at >= $4) and ($5::timestamptz is null or finished_at < $5)
         order by id limit $6",
        after.map_or(Uuid::nil(), |id| id.0),
        filter.kind,
        filter.error,
        filter.since,
        filter.before,
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("look for jobs that were given up")?;
    let Some(last) = ids.last() else { return Ok(None) };
    Ok(Some((revive(conn, &ids).await?, JobId(*last))))
}

/// What became of a job that is to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It waited, and is over.
    AtOnce,
    /// It runs: its worker has been told, asks the handler to end, and settles it.
    Asked,
}

/// Calls a job off. To be called in a transaction.
///
/// # Errors
/// If there is no such job, it is over, or the database does not answer.
pub async fn cancel(conn: &mut PgConnection, id: JobId) -> Result<Cancelled, StoreError> {
    let before = release::lock_before(conn, id).await?;
    let job = sqlx::query!("select state, order_key from jobs_live where id = $1 for update", id.0)
        .fetch_optional(&mut *conn)
        .await
        .step("lock a job")?;
    let Some(job) = job else {
        let state = people::get(conn, id).await?.state;
        return Err(StoreError::Refused(format!("job {id} is {state}; only one that waits or runs can be cancelled")));
    };
    if job.state == JobState::Running.as_str() {
        ask_to_stop(conn, id).await?;
        return Ok(Cancelled::Asked);
    }
    release::cancel_waiting(conn, id, job.order_key.as_deref(), before).await?;
    Ok(Cancelled::AtOnce)
}

async fn ask_to_stop(conn: &mut PgConnection, id: JobId) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs_live set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()) where id = $1",
        id.0
    )
    .execute(&mut *conn)
    .await
    .step("ask a job to stop")?;
    sqlx::query!("select pg_notify('driftsentry_jobs', 'cancel ' || $1::uuid) is null as told", id.0)
        .fetch_one(&mut *conn)
        .await
        .step("tell the workers of it")?;
    Ok(())
}

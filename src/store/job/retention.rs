//! Forgets what is over for long, a little at a time.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgConnection;
use uuid::Uuid;

use super::people::{first_id, now};
use crate::store::delivery::interval;
use crate::store::error::{Step, StoreError};

/// Removes jobs that ended long ago, at most `limit`, with what lies beside them: completed ones after `keep_completed`,
/// given up and called off ones after `keep_dead`. Returns how many jobs; fewer than `limit` means that there are no
/// more, and then what was left over otherwise is removed too.
///
/// # Errors
/// If the database does not answer.
pub async fn prune(
    conn: &mut PgConnection,
    keep_completed: Duration,
    keep_dead: Duration,
    limit: i64,
) -> Result<u64, StoreError> {
    let completed = remove_completed(conn, keep_completed, limit).await?;
    let left = limit.saturating_sub(i64::try_from(completed.len()).unwrap_or(i64::MAX));
    let dead = remove_dead(conn, keep_dead, left).await?;
    let removed = [completed, dead].concat();
    remove_beside(conn, &removed).await?;
    if i64::try_from(removed.len()).is_ok_and(|count| count < limit) {
        remove_left_over(conn, keep_completed.max(keep_dead), limit).await?;
    }
    Ok(removed.len() as u64)
}

// No order: any old rows will do, and to sort them would be to read them all.
async fn remove_completed(conn: &mut PgConnection, keep: Duration, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "delete from jobs_done
         where ctid = any(array(select ctid from jobs_done
                                where state = 'completed' and finished_at < now() - $1::interval
                                limit $2 for update skip locked))
         returning id",
        interval(keep),
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("remove old completed jobs")
}

async fn remove_dead(conn: &mut PgConnection, keep: Duration, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "delete from jobs_done
         where ctid = any(array(select ctid from jobs_done
                                where state in ('discarded', 'cancelled') and finished_at < now() - $1::interval
                                limit $2 for update skip locked))
         returning id",
        interval(keep),
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("remove old jobs that were given up")
}

async fn remove_beside(conn: &mut PgConnection, jobs: &[Uuid]) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "with attempts as (delete from job_attempts where job_id = any($1)),
              uniques as (delete from job_uniques where job_id = any($1))
         delete from job_dependencies where job_id = any($1) or on_job_id = any($1)",
        jobs
    )
    .execute(&mut *conn)
    .await
    .step("remove what belonged to old jobs")?;
    Ok(())
}

/// Removes what no job is there for: of kinds that keep no history, of processes that died. Only rows of jobs older
/// than `age` are looked at, so that nothing is taken from a job that another transaction is writing.
async fn remove_left_over(conn: &mut PgConnection, age: Duration, limit: i64) -> Result<(), StoreError> {
    let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
    let now = now(conn).await?;
    let Some(first) = now.checked_sub_signed(age).map(first_id) else { return Ok(()) };
    sqlx::query!(
        "with attempts as (
             delete from job_attempts where job_id = any(array(
                 select old.job_id
                 from (select job_id from job_attempts where job_id < $1 order by job_id limit $2) as old
                 where not exists (select from jobs where jobs.id = old.job_id)))
         ), uniques as (
             delete from job_uniques where job_id < $1 and job_id = any(array(
                 select old.job_id
                 from (select job_id from job_uniques where job_id < $1 order by job_id limit $2) as old
                 where not exists (select from jobs where jobs.id = old.job_id)))
         )
         delete from job_orders
         where last_job_id < $1 and not exists (select from jobs_live where jobs_live.id = last_job_id)",
        first,
        limit,
    )
    .execute(&mut *conn)
    .await
    .step("remove what lost jobs left")?;
    sqlx::query!(
        "with rates as (delete from job_rates where next_at < now() - interval '1 hour')
         delete from job_workers where seen_at < now() - interval '1 hour'"
    )
    .execute(&mut *conn)
    .await
    .step("remove what processes left")?;
    Ok(())
}

//! What holds jobs back over all processes: turns under a rate, places in a lane. Only jobs that ask for it pay.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ClaimedJob, Lease};
use crate::domain::id::JobId;
use crate::store::error::{Step, StoreError};

/// Gives each of the held jobs its turn under its rate. Jobs whose turn is not yet are put back until then, the turn
/// kept, so that each waits once; they are returned. In a transaction of the caller's.
///
/// # Errors
/// If the database does not answer.
pub async fn take_turns(conn: &mut PgConnection, leases: &[Lease]) -> Result<Vec<JobId>, StoreError> {
    let (ids, tokens): (Vec<Uuid>, Vec<Uuid>) = leases.iter().map(|lease| (lease.job_id.0, lease.token)).unzip();
    let put_back = sqlx::query_scalar!(
        "with asking as (
             select j.id, j.rate_key, j.rate_interval,
                    row_number() over (partition by j.rate_key order by j.run_at, j.id) - 1 as place
             from jobs_live j join unnest($1::uuid[], $2::uuid[]) as held (id, token)
               on j.id = held.id and j.lease_token = held.token
             where j.rate_key is not null and j.state = 'running'
         ), sums as (
             select rate_key, sum(rate_interval) as length from asking group by rate_key order by rate_key
         ), turns as (
             insert into job_rates as r (key, next_at)
             select rate_key, clock_timestamp() + length from sums order by rate_key
             on conflict (key) do update set next_at = greatest(r.next_at, clock_timestamp()) +
                 (select length from sums where sums.rate_key = r.key)
             returning key, next_at
         ), later as (
             select a.id, t.next_at - s.length + a.place * a.rate_interval as turn
             from asking a join sums s using (rate_key) join turns t on t.key = a.rate_key
         )
         update jobs_live j
         set state = 'available', attempt = j.attempt - 1, snoozes = j.snoozes + 1, run_at = later.turn,
             rate_is_reserved = true, lease_token = null, lease_until = null, worker = null, started_at = null
         from later
         where j.id = later.id and later.turn > clock_timestamp()
         returning j.id",
        &ids,
        &tokens,
    )
    .fetch_all(&mut *conn)
    .await
    .step("take turns under a rate")?;
    Ok(put_back.into_iter().map(JobId).collect())
}

/// Moves the next free turn of the job's rate behind `delay`: the other side asked to be left alone for so long.
///
/// # Errors
/// If the database does not answer.
pub async fn put_off(conn: &mut PgConnection, job: JobId, delay: std::time::Duration) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into job_rates as r (key, next_at)
         select rate_key, clock_timestamp() + $2 from jobs_live where id = $1 and rate_key is not null
         on conflict (key) do update set next_at = greatest(r.next_at, excluded.next_at)",
        job.0,
        crate::store::delivery::interval(delay),
    )
    .execute(&mut *conn)
    .await
    .step("put a rate off")?;
    Ok(())
}

/// How many of `places` in the lane are free over all processes. Locks the lane until the end of the transaction, so
/// that whoever asks next sees what the caller [`hold`]s.
///
/// # Errors
/// If the database does not answer.
pub async fn free_places(conn: &mut PgConnection, lane: &str, places: i64) -> Result<i64, StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('driftsentry lane ' || $1, 0))", lane)
        .fetch_one(&mut *conn)
        .await
        .step("lock a lane")?;
    sqlx::query!(
        "delete from job_holds h
         where lane = $1 and not exists (
             select from jobs_live j
             where j.id = h.job_id and j.lease_token = h.lease_token and j.lease_until > clock_timestamp()
         )",
        lane
    )
    .execute(&mut *conn)
    .await
    .step("free the places of a lane")?;
    let taken = sqlx::query_scalar!(r#"select count(*) as "count!" from job_holds where lane = $1"#, lane)
        .fetch_one(&mut *conn)
        .await
        .step("count the places of a lane")?;
    Ok((places - taken).max(0))
}

/// Takes places in the lane for jobs that were claimed in this transaction.
///
/// # Errors
/// If the database does not answer.
pub async fn hold(conn: &mut PgConnection, lane: &str, jobs: &[ClaimedJob]) -> Result<(), StoreError> {
    let (ids, tokens): (Vec<Uuid>, Vec<Uuid>) = jobs.iter().map(|job| (job.lease.job_id.0, job.lease.token)).unzip();
    sqlx::query!(
        "insert into job_holds (lane, job_id, lease_token)
         select $1, id, token from unnest($2::uuid[], $3::uuid[]) as held (id, token)
         on conflict on constraint job_holds_pkey do update set lease_token = excluded.lease_token",
        lane,
        &ids,
        &tokens,
    )
    .execute(&mut *conn)
    .await
    .step("take places in a lane")?;
    Ok(())
}

//! Taking jobs and keeping them: claims, leases, jobs handed back. Times are the database's: leases must not depend on
//! a worker's clock.
//!
//! Invariant: a claim changes only columns of `jobs_live` that no index names, so that it writes no index.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::id::JobId;
use crate::store::delivery::interval;
use crate::store::error::{Step, StoreError};

/// The right to settle a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Its lane.
    pub lane: String,
    /// Higher goes first.
    pub priority: i16,
    /// Since when it was due.
    pub run_at: DateTime<Utc>,
    /// Which attempt this is, from 1; beyond `max_attempts` if the last one allowed was lost.
    pub attempt: i32,
    /// Attempts allowed.
    pub max_attempts: i32,
    /// The handler's arguments.
    pub payload: Value,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Whether this claim took it from a worker that let its lease run out.
    pub was_lost: bool,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// Whether it falls under a rate and has no turn yet.
    pub needs_turn: bool,
}

impl ClaimedJob {
    /// Whether its last attempt was lost, so that it is to be given up and not run.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.attempt > self.max_attempts
    }
}

/// The place of a job in the order of its strand.
pub type Position = (DateTime<Utc>, Uuid);

/// Jobs of one lane and priority: what a claim goes through in order of `run_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strand {
    /// The lane.
    pub lane: String,
    /// The priority.
    pub priority: i16,
    /// Jobs at or before this place are passed over, because the caller knows that they are taken; `None` is from the
    /// beginning. It spares the claim the remains of finished jobs that cannot be vacuumed yet.
    pub after: Option<Position>,
    /// So many jobs of it at most.
    pub limit: i64,
}

/// What to claim.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Kinds that the caller runs.
    pub kinds: &'a [String],
    /// Strands, the first served first.
    pub strands: &'a [Strand],
    /// Who claims.
    pub worker: &'a str,
    /// How long the claim holds.
    pub lease: Duration,
    /// So many jobs at most.
    pub limit: i64,
}

/// Takes jobs that are due, those included whose worker let the lease run out: for these, the lost attempt is noted.
/// All get the same new token.
///
/// # Errors
/// If the database does not answer. Then jobs may have been taken; their leases give them back.
pub async fn claim(conn: &mut PgConnection, claim: &Claim<'_>) -> Result<Vec<ClaimedJob>, StoreError> {
    let lanes: Vec<&str> = claim.strands.iter().map(|strand| strand.lane.as_str()).collect();
    let priorities: Vec<i16> = claim.strands.iter().map(|strand| strand.priority).collect();
    let times: Vec<Option<DateTime<Utc>>> = claim.strands.iter().map(|s| s.after.map(|(at, _)| at)).collect();
    let ids: Vec<Option<Uuid>> = claim.strands.iter().map(|s| s.after.map(|(_, id)| id)).collect();
    let limits: Vec<i64> = claim.strands.iter().map(|strand| strand.limit).collect();
    let token = Uuid::new_v4();
    // The strands are gone through in the order given, and no further than the limit: the outer `limit` stops the
    // loop, so that no row is locked that is not taken. Attempts end one beyond those allowed: whoever is to bury the job
    // may be lost too.
    let rows = sqlx::query!(
        r#"update jobs_live j
           set state = 'running', attempt = least(j.attempt, j.max_attempts) + 1, lease_token = $6,
               lease_until = clock_timestamp() + $7, worker = $8, started_at = clock_timestamp(), progress = null,
               lost_worker = case when j.state = 'running' then coalesce(j.worker, 'unknown') end,
               lost_started_at = case when j.state = 'running' then j.started_at end
           from (
               select d.ctid
               from unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::uuid[], $5::bigint[])
                    as s (lane, priority, after_at, after_id, quota)
               cross join lateral (
                   select l.ctid from jobs_live l
                   where l.lane = s.lane and l.priority = s.priority and l.waiting_for = 0
                     and (l.run_at, l.id) > (coalesce(s.after_at, '-infinity'),
                                             coalesce(s.after_id, '00000000-0000-0000-0000-000000000000'))
                     and l.run_at <= now()
                     and (l.state = 'available' or l.lease_until < now())
                     and l.kind = any($9)
                   order by l.run_at, l.id
                   limit s.quota
                   for update skip locked
               ) d
               limit $10
           ) due
           where j.ctid = due.ctid
           returning j.id, j.kind, j.lane, j.priority, j.run_at, j.attempt, j.max_attempts, j.payload, j.last_error,
                     j.lost_worker is not null as "was_lost!",
                     j.cancel_requested_at is not null as "cancel_requested!",
                     (j.rate_key is not null and not j.rate_is_reserved) as "needs_turn!""#,
        &lanes as &[&str],
        &priorities,
        &times as &[Option<DateTime<Utc>>],
        &ids as &[Option<Uuid>],
        &limits,
        token,
        interval(claim.lease),
        claim.worker,
        claim.kinds,
        claim.limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("claim jobs")?;
    let jobs: Vec<ClaimedJob> = rows
        .into_iter()
        .map(|row| ClaimedJob {
            lease: Lease { job_id: JobId(row.id), token },
            kind: row.kind,
            lane: row.lane,
            priority: row.priority,
            run_at: row.run_at,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            payload: row.payload,
            last_error: row.last_error,
            was_lost: row.was_lost,
            cancel_requested: row.cancel_requested,
            needs_turn: row.needs_turn,
        })
        .collect();
    note_losses(conn, token, &jobs).await?;
    Ok(jobs)
}

/// Writes down the attempts that this claim found lost; in the claim's transaction, so that each is noted once.
async fn note_losses(conn: &mut PgConnection, token: Uuid, jobs: &[ClaimedJob]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = jobs.iter().filter(|job| job.was_lost).map(|job| job.lease.job_id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "with lost as (
             update jobs_live
             set last_error = format('lost: worker %s stopped extending its lease', lost_worker)
             where id = any($1) and lease_token = $2
             returning id, attempt, lost_worker, lost_started_at, last_error
         )
         insert into job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
         select id, attempt - 1, lost_worker, coalesce(lost_started_at, now()), clock_timestamp(), 'lost', last_error
         from lost
         on conflict on constraint job_attempts_pkey do nothing",
        &ids,
        token,
    )
    .execute(&mut *conn)
    .await
    .step("note lost attempts")?;
    Ok(())
}

/// How long until the next job of these lanes and priorities is due that is not yet; `None` if there is none.
///
/// # Errors
/// If the database does not answer.
pub async fn next_due(conn: &mut PgConnection, strands: &[Strand]) -> Result<Option<Duration>, StoreError> {
    let lanes: Vec<&str> = strands.iter().map(|strand| strand.lane.as_str()).collect();
    let priorities: Vec<i16> = strands.iter().map(|strand| strand.priority).collect();
    let millis = sqlx::query_scalar!(
        "select ceil(extract(epoch from min(d.run_at) - clock_timestamp()) * 1000)::bigint
         from unnest($1::text[], $2::smallint[]) as s (lane, priority)
         cross join lateral (
             select l.run_at from jobs_live l
             where l.lane = s.lane and l.priority = s.priority and l.waiting_for = 0 and l.run_at > now()
             order by l.run_at, l.id limit 1
         ) d",
        &lanes as &[&str],
        &priorities,
    )
    .fetch_one(&mut *conn)
    .await
    .step("ask when the next job is due")?;
    Ok(millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
}

/// A lease that still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The job.
    pub job_id: JobId,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
}

fn columns(leases: &[Lease]) -> (Vec<Uuid>, Vec<Uuid>) {
    leases.iter().map(|lease| (lease.job_id.0, lease.token)).unzip()
}

/// Extends leases; returns those that still held. The others were lost. A row that a transaction is about to change
/// (the handler's own, after it completed the job there) is not waited for: nobody can claim it either.
///
/// # Errors
/// If the database does not answer.
pub async fn extend(conn: &mut PgConnection, leases: &[Lease], length: Duration) -> Result<Vec<Held>, StoreError> {
    let (ids, tokens) = columns(leases);
    let rows = sqlx::query!(
        r#"with held as materialized (
               select j.id, j.cancel_requested_at is not null as cancel_requested
               from unnest($1::uuid[], $2::uuid[]) as h (id, token)
               join jobs_live j on j.id = h.id and j.lease_token = h.token and j.state = 'running'
           ), extended as (
               update jobs_live set lease_until = clock_timestamp() + $3
               where ctid = any(array(
                   select j.ctid from unnest($1::uuid[], $2::uuid[]) as h (id, token)
                   join jobs_live j on j.id = h.id and j.lease_token = h.token and j.state = 'running'
                   for update of j skip locked
               ))
           )
           select id as "id!", cancel_requested as "cancel_requested!" from held"#,
        &ids,
        &tokens,
        interval(length),
    )
    .fetch_all(&mut *conn)
    .await
    .step("extend leases")?;
    Ok(rows.into_iter().map(|row| Held { job_id: JobId(row.id), cancel_requested: row.cancel_requested }).collect())
}

/// Gives jobs back that were claimed and not begun; the attempts do not count.
///
/// # Errors
/// If the database does not answer.
pub async fn hand_back(conn: &mut PgConnection, leases: &[Lease]) -> Result<(), StoreError> {
    let (ids, tokens) = columns(leases);
    sqlx::query!(
        "update jobs_live j
         set state = 'available', attempt = j.attempt - 1, lease_token = null, lease_until = null, worker = null,
             started_at = null
         from unnest($1::uuid[], $2::uuid[]) as held (id, token)
         where j.id = held.id and j.lease_token = held.token and j.state = 'running'",
        &ids,
        &tokens,
    )
    .execute(&mut *conn)
    .await
    .step("hand jobs back")?;
    Ok(())
}

/// Says how far a running job is. False if the lease no longer holds.
///
/// # Errors
/// If the database does not answer.
pub async fn report_progress(conn: &mut PgConnection, lease: Lease, progress: &Value) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update jobs_live set progress = $3 where id = $1 and lease_token = $2 and state = 'running'",
        lease.job_id.0,
        lease.token,
        progress,
    )
    .execute(&mut *conn)
    .await
    .step("report a job's progress")?;
    Ok(done.rows_affected() == 1)
}

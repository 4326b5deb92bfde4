//! `remediations`: one job's way from its first call to its end.
//!
//! Beginning is one transaction under one lock of all replicas, so that limits hold exactly and no two jobs work on one
//! resource.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::id::{DriftId, JobId, ResourceKey, Scope};
use crate::store::error::{Step, StoreError, expect_rows};

/// What is to begin.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// The job.
    pub job_id: JobId,
    /// The drift.
    pub drift_id: DriftId,
    /// The resource.
    pub key: &'a ResourceKey,
    /// What may be begun.
    pub limits: Limits,
}

/// How many drifts may be put back.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of one scan; `None` is no limit.
    pub per_run: Option<u32>,
    /// In an hour.
    pub per_hour: u32,
    /// In an hour, in per cent of the declared resources; one is always possible.
    pub percent: u32,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is ours; calls may be made.
    Acting {
        /// Whether it begins just now and was not begun before.
        is_new: bool,
    },
    /// It is ours, all calls are made; verification ends then.
    Verifying(DateTime<Utc>),
    /// Another job works on the resource.
    Busy,
    /// So many of the run were begun already.
    RunIsFull(i64),
    /// So many were begun within the hour, and no more than this may be.
    HourIsFull(i64, i64),
}

/// One job's way, as people read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remediation {
    /// The job.
    pub job_id: JobId,
    /// `acting`, `verifying`, `succeeded` or `failed`.
    pub state: String,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// JSON pointers that still differed when live state was last read; `None` if it was not.
    pub remaining: Option<Vec<String>>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Begins, or goes on with what this job began before. To be called in a transaction of its own.
///
/// # Errors
/// If the database refuses.
pub async fn begin(conn: &mut PgConnection, new: &Begin<'_>, now: DateTime<Utc>) -> Result<Begun, StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('driftsentry.remediation', 0))::text as locked")
        .fetch_one(&mut *conn)
        .await
        .step("lock the beginning of remediations")?;
    if let Some(open) = open_of_job(conn, new.job_id).await? {
        return Ok(open);
    }
    if is_busy(conn, new).await? {
        return Ok(Begun::Busy);
    }
    let scan_id = sqlx::query_scalar!(
        "select details ->> 'scan_id' from drift_events where drift_id = $1 and event = 'detected' order by id limit 1",
        new.drift_id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .step("look for the scan of a drift")?;
    let scan_id = scan_id.flatten().and_then(|id| id.parse::<uuid::Uuid>().ok());
    if let Some(full) = is_full(conn, new, scan_id, now).await? {
        return Ok(full);
    }
    insert(conn, new, scan_id, now).await?;
    Ok(Begun::Acting { is_new: true })
}

/// Where the job is that began before and has not ended; `None` if it has no open remediation.
///
/// # Errors
/// If the database does not answer.
pub async fn open_of_job(conn: &mut PgConnection, id: JobId) -> Result<Option<Begun>, StoreError> {
    let own = sqlx::query!("select state, verify_until from remediations where job_id = $1", id.0)
        .fetch_optional(&mut *conn)
        .await
        .step("read a remediation")?;
    Ok(match own.map(|row| (row.state, row.verify_until)) {
        Some((state, _)) if state == "acting" => Some(Begun::Acting { is_new: false }),
        Some((state, Some(until))) if state == "verifying" => Some(Begun::Verifying(until)),
        _ => None,
    })
}

/// Whether another job that still lives works on the resource; one that is gone is closed.
async fn is_busy(conn: &mut PgConnection, new: &Begin<'_>) -> Result<bool, StoreError> {
    let scope = &new.key.scope;
    let others = sqlx::query!(
        r#"select r.job_id, exists (select from jobs j where j.id = r.job_id and j.state in ('available', 'running'))
                  as "lives!"
           from remediations r
           where r.state in ('acting', 'verifying') and r.job_id <> $1
             and r.account_id = $2 and r.region = $3 and r.resource_type = $4 and r.resource_id = $5"#,
        new.job_id.0,
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
        new.key.resource_id,
    )
    .fetch_all(&mut *conn)
    .await
    .step("look for other remediations of a resource")?;
    for other in &others {
        if other.lives {
            return Ok(true);
        }
        sqlx::query!(
            "update remediations set state = 'failed', error = 'its job was called off' where job_id = $1",
            other.job_id
        )
        .execute(&mut *conn)
        .await
        .step("close a remediation whose job is gone")?;
    }
    Ok(false)
}

async fn is_full(
    conn: &mut PgConnection,
    new: &Begin<'_>,
    scan_id: Option<uuid::Uuid>,
    now: DateTime<Utc>,
) -> Result<Option<Begun>, StoreError> {
    let counts = sqlx::query!(
        r#"select count(distinct drift_id) filter (where scan_id = $2) as "in_run!",
                  count(distinct drift_id) filter (where begun_at > $3) as "in_hour!"
           from remediations where drift_id <> $1"#,
        new.drift_id.0,
        scan_id,
        now - TimeDelta::hours(1),
    )
    .fetch_one(&mut *conn)
    .await
    .step("count remediations")?;
    if new.limits.per_run.is_some_and(|most| counts.in_run >= i64::from(most)) {
        return Ok(Some(Begun::RunIsFull(counts.in_run)));
    }
    let declared = sqlx::query_scalar!(
        r#"select coalesce(sum(declared), 0)::bigint as "declared!" from (
               select distinct on (account_id, region, resource_type) resources_declared as declared
               from scan_shards where status in ('succeeded', 'partial')
               order by account_id, region, resource_type, read_started_at desc nulls last) latest"#
    )
    .fetch_one(&mut *conn)
    .await
    .step("count declared resources")?;
    let by_percent = (declared * i64::from(new.limits.percent) / 100).max(1);
    let most = by_percent.min(i64::from(new.limits.per_hour));
    Ok((counts.in_hour >= most).then_some(Begun::HourIsFull(counts.in_hour, most)))
}

async fn insert(
    conn: &mut PgConnection,
    new: &Begin<'_>,
    scan_id: Option<uuid::Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let scope = &new.key.scope;
    sqlx::query!(
        "insert into remediations (job_id, drift_id, account_id, region, resource_type, resource_id, scan_id, state,
                                   begun_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'acting', $8)
         on conflict (job_id) do update
         set state = 'acting', begun_at = excluded.begun_at, verify_until = null, error = null, finished_at = null",
        new.job_id.0,
        new.drift_id.0,
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
        new.key.resource_id,
        scan_id,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("begin a remediation")?;
    Ok(())
}

/// All calls are made; AWS is to show the declared state until then.
///
/// # Errors
/// If the database refuses.
pub async fn expect_by(conn: &mut PgConnection, id: JobId, until: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update remediations set state = 'verifying', verify_until = $2 where job_id = $1", id.0, until)
        .execute(&mut *conn)
        .await
        .step("begin to verify a remediation")?;
    Ok(())
}

/// Notes what still differs.
///
/// # Errors
/// If the database refuses.
pub async fn note_remaining(conn: &mut PgConnection, id: JobId, pointers: &[String]) -> Result<(), StoreError> {
    sqlx::query!("update remediations set remaining = $2 where job_id = $1", id.0, Json(pointers) as _)
        .execute(&mut *conn)
        .await
        .step("note what still differs")?;
    Ok(())
}

/// The resource is as declared.
///
/// # Errors
/// If the remediation is not open, or the database refuses.
pub async fn succeed(conn: &mut PgConnection, id: JobId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update remediations set state = 'succeeded', remaining = '[]', finished_at = $2
         where job_id = $1 and state in ('acting', 'verifying')",
        id.0,
        now
    )
    .execute(&mut *conn)
    .await
    .step("end a remediation")?;
    expect_rows(&done, 1, "end a remediation")
}

/// It did not work. The remediation of the drift that is open is the one that is meant; `None` if none is, because it
/// was refused before it began.
///
/// # Errors
/// If the database refuses.
pub async fn fail(
    conn: &mut PgConnection,
    drift_id: DriftId,
    error: &str,
    now: DateTime<Utc>,
) -> Result<Option<JobId>, StoreError> {
    let id = sqlx::query_scalar!(
        "update remediations set state = 'failed', error = $2, finished_at = $3
         where drift_id = $1 and state in ('acting', 'verifying') returning job_id",
        drift_id.0,
        error,
        now
    )
    .fetch_optional(&mut *conn)
    .await
    .step("end a remediation")?;
    Ok(id.map(JobId))
}

/// The latest remediation of a drift.
///
/// # Errors
/// If the database does not answer.
pub async fn latest_of_drift(conn: &mut PgConnection, id: DriftId) -> Result<Option<Remediation>, StoreError> {
    let row = sqlx::query!(
        r#"select job_id, state, begun_at, remaining as "remaining: Json<Vec<String>>", error, finished_at
           from remediations where drift_id = $1 order by begun_at desc, job_id desc limit 1"#,
        id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .step("read the remediation of a drift")?;
    Ok(row.map(|row| Remediation {
        job_id: JobId(row.job_id),
        state: row.state,
        begun_at: row.begun_at,
        remaining: row.remaining.map(|remaining| remaining.0),
        error: row.error,
        finished_at: row.finished_at,
    }))
}

/// Resources of a scope that were put back after this moment: what was read of them before is out of date.
///
/// # Errors
/// If the database does not answer.
pub async fn put_back_since(
    conn: &mut PgConnection,
    scope: &Scope,
    since: DateTime<Utc>,
) -> Result<HashSet<String>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select resource_id from remediations
         where account_id = $1 and region = $2 and resource_type = $3 and state = 'succeeded' and finished_at > $4",
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
        since,
    )
    .fetch_all(&mut *conn)
    .await
    .step("look for what was put back meanwhile")?;
    Ok(ids.into_iter().collect())
}

/// Whether a job that is to put this drift back waits or runs.
///
/// # Errors
/// If the database does not answer.
pub async fn is_under_way(conn: &mut PgConnection, drift_id: DriftId) -> Result<bool, StoreError> {
    let payload: Value = serde_json::json!({ "drift_id": drift_id });
    sqlx::query_scalar!(
        r#"select exists (select from jobs where kind = 'remediate' and state in ('available', 'running')
                          and payload @> $1) as "exists!""#,
        payload
    )
    .fetch_one(&mut *conn)
    .await
    .step("look for the job of a remediation")
}

//! How a scan goes from asked for to done. Every step is guarded, so that a job that runs twice changes nothing twice.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Scan, coverage};
use crate::domain::coverage::{Coverage, Note};
use crate::domain::drift::DetectedBy;
use crate::domain::id::{JobId, ScanId, Scope};
use crate::domain::scan::ScanStatus;
use crate::store::error::{Step, StoreError, expect_rows};
use crate::store::job::{self, JobState};

/// Shard errors that a scan's own error repeats at most; the rest is counted.
const ERRORS_TOLD: usize = 20;

/// A scan to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewScan<'a> {
    /// Its id.
    pub id: ScanId,
    /// The schedule that makes it happen.
    pub schedule: Option<&'a str>,
    /// Who makes it happen.
    pub detected_by: DetectedBy,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
}

/// What became of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardReport {
    /// `succeeded`, `partial` or `failed`.
    pub status: ScanStatus,
    /// Live resources that were compared.
    pub resources_scanned: u64,
    /// Resources that differ.
    pub drifts_found: u64,
    /// Drifts found to be over.
    pub drifts_resolved: u64,
    /// What is known of the scope, and what is not.
    pub coverage: Coverage,
    /// What is to be known of single resources beside drifts and failed reads.
    pub notes: Vec<Note>,
    /// HTTP requests sent to AWS, retries included.
    pub api_calls: u64,
    /// What could not be read and why.
    pub error: Option<String>,
}

impl Default for ShardReport {
    /// Nothing read, nothing known.
    fn default() -> Self {
        Self {
            status: ScanStatus::Failed,
            resources_scanned: 0,
            drifts_found: 0,
            drifts_resolved: 0,
            coverage: Coverage::default(),
            notes: Vec::new(),
            api_calls: 0,
            error: None,
        }
    }
}

/// Writes a scan that failed before it had shards.
///
/// # Errors
/// If the database refuses.
pub async fn insert_failed(conn: &mut PgConnection, scan: &NewScan<'_>, error: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into scans (id, schedule, detected_by, status, started_at, finished_at, error)
         values ($1, $2, $3, 'failed', $4, $4, $5)",
        scan.id.0,
        scan.schedule,
        scan.detected_by.as_str(),
        scan.started_at,
        error,
    )
    .execute(&mut *conn)
    .await
    .step("write a failed scan")?;
    Ok(())
}

/// Writes a scan and its shards, all queued.
///
/// # Errors
/// If the database refuses.
pub async fn insert(conn: &mut PgConnection, scan: &NewScan<'_>, shards: &[(Scope, JobId)]) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into scans (id, schedule, detected_by, status, started_at) values ($1, $2, $3, 'queued', $4)",
        scan.id.0,
        scan.schedule,
        scan.detected_by.as_str(),
        scan.started_at,
    )
    .execute(&mut *conn)
    .await
    .step("write a scan")?;
    let accounts: Vec<&str> = shards.iter().map(|(scope, _)| scope.account_id.as_str()).collect();
    let regions: Vec<&str> = shards.iter().map(|(scope, _)| scope.region.as_str()).collect();
    let types: Vec<&str> = shards.iter().map(|(scope, _)| scope.resource_type.as_str()).collect();
    let jobs: Vec<Uuid> = shards.iter().map(|(_, job)| job.0).collect();
    let done = sqlx::query!(
        "insert into scan_shards (scan_id, account_id, region, resource_type, status, job_id)
         select $1, account_id, region, resource_type, 'queued', job_id
         from unnest($2::text[], $3::text[], $4::text[], $5::uuid[])
              as entry (account_id, region, resource_type, job_id)",
        scan.id.0,
        &accounts as &[&str],
        &regions as &[&str],
        &types as &[&str],
        &jobs,
    )
    .execute(&mut *conn)
    .await
    .step("write the shards of a scan")?;
    expect_rows(&done, shards.len(), "write the shards of a scan")
}

/// Marks a shard, and with it the scan, as running, and notes when reading began. False if the shard is done already.
///
/// # Errors
/// If the database does not answer.
pub async fn start_shard(
    conn: &mut PgConnection,
    scan_id: ScanId,
    scope: &Scope,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let started = sqlx::query!(
        "update scan_shards set status = 'running', read_started_at = $5
         where scan_id = $1 and account_id = $2 and region = $3 and resource_type = $4
           and status in ('queued', 'running')",
        scan_id.0,
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("start a shard")?;
    if started.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("update scans set status = 'running' where id = $1 and status = 'queued'", scan_id.0)
        .execute(&mut *conn)
        .await
        .step("start a scan")?;
    Ok(true)
}

/// Locks a shard that is open to the end of the transaction. False if it is closed or is not there.
///
/// # Errors
/// If the database does not answer.
pub async fn lock_open_shard(conn: &mut PgConnection, scan_id: ScanId, scope: &Scope) -> Result<bool, StoreError> {
    let open = sqlx::query_scalar!(
        "select scan_id from scan_shards
         where scan_id = $1 and account_id = $2 and region = $3 and resource_type = $4
           and status in ('queued', 'running')
         for update",
        scan_id.0,
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
    )
    .fetch_optional(&mut *conn)
    .await
    .step("lock a shard")?;
    Ok(open.is_some())
}

/// Closes a shard. False, with nothing written, if it is closed already or is not there.
///
/// # Errors
/// If the database does not answer.
pub async fn finish_shard(
    conn: &mut PgConnection,
    scan_id: ScanId,
    scope: &Scope,
    report: &ShardReport,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let coverage = &report.coverage;
    // Invariant: one statement writes the row. A second update of it in the same transaction would make PostgreSQL check
    // the foreign key again and so share the scan's row, and two shards that finish at once would wait for each other.
    let done = sqlx::query!(
        "update scan_shards
         set status = $5, resources_scanned = $6, drifts_found = $7, drifts_resolved = $8, api_calls = $9,
             error = $10, finished_at = $11, resources_declared = $12, resources_in_sync = $13,
             resources_missing = $14, resources_unknown = $15, resources_converging = $16, resources_unmanaged = $17,
             attributes_unknown = $18, changes_ignored = $19, missing_actions = $20, notes = $21
         where scan_id = $1 and account_id = $2 and region = $3 and resource_type = $4
           and status in ('queued', 'running')",
        scan_id.0,
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
        report.status.as_str(),
        bigint(report.resources_scanned),
        bigint(report.drifts_found),
        bigint(report.drifts_resolved),
        bigint(report.api_calls),
        report.error,
        now,
        coverage.resources_declared,
        coverage.resources_in_sync,
        coverage.resources_missing,
        coverage.resources_unknown,
        coverage.resources_converging,
        coverage.resources_unmanaged,
        coverage.attributes_unknown,
        coverage.changes_ignored,
        Json(&coverage.missing_actions) as _,
        Json(&report.notes) as _,
    )
    .execute(&mut *conn)
    .await
    .step("finish a shard")?;
    Ok(done.rows_affected() > 0)
}

/// Closes a scan whose shards are all done and returns it. `None` if it is not done, or was closed before.
///
/// # Errors
/// If the database does not answer.
pub async fn close_if_done(
    conn: &mut PgConnection,
    scan_id: ScanId,
    now: DateTime<Utc>,
) -> Result<Option<Scan>, StoreError> {
    // Invariant: the lock comes first and the count in a later statement, so that of two shards that finish at once the
    // second one sees the first one's row.
    let open = sqlx::query_scalar!(
        "select id from scans where id = $1 and status in ('queued', 'running') for update",
        scan_id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .step("lock a scan")?;
    if open.is_none() {
        return Ok(None);
    }
    let closed = sqlx::query!(
        "with total as (
             select coalesce(sum(resources_scanned), 0)::bigint as scanned, coalesce(sum(drifts_found), 0)::bigint as found,
                    coalesce(sum(drifts_resolved), 0)::bigint as resolved, coalesce(sum(api_calls), 0)::bigint as calls,
                    coalesce(bool_and(status = 'succeeded'), true) as all_succeeded,
                    coalesce(bool_and(status = 'failed'), false) as all_failed,
                    coalesce(bool_or(status in ('queued', 'running')), false) as some_open
             from scan_shards where scan_id = $1
         )
         update scans
         set status = case when all_succeeded then 'succeeded' when all_failed then 'failed' else 'partial' end,
             resources_scanned = scanned, drifts_found = found, drifts_resolved = resolved, api_calls = calls,
             error = $3, finished_at = $2
         from total where id = $1 and not some_open",
        scan_id.0,
        now,
        joined_errors(conn, scan_id).await?,
    )
    .execute(&mut *conn)
    .await
    .step("close a scan")?;
    if closed.rows_affected() == 0 {
        return Ok(None);
    }
    coverage::sum_up(conn, scan_id).await?;
    super::find(conn, scan_id).await
}

/// Each error once, with the first parts of the estate that it befell.
async fn joined_errors(conn: &mut PgConnection, scan_id: ScanId) -> Result<Option<String>, StoreError> {
    let errors = sqlx::query_scalar!(
        r#"select array_to_string((array_agg(format('%s in %s/%s', resource_type, account_id, region)
                                             order by account_id, region, resource_type))[1:5], ', ')
                  || case when count(*) > 5 then format(' and %s more', count(*) - 5) else '' end
                  || ': ' || error as "error!"
           from scan_shards where scan_id = $1 and error is not null
           group by error
           order by min(account_id || ' ' || region || ' ' || resource_type)"#,
        scan_id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("read the errors of a scan")?;
    let more = errors.len().saturating_sub(ERRORS_TOLD);
    let mut told: Vec<String> = errors.into_iter().take(ERRORS_TOLD).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    Ok((!told.is_empty()).then(|| told.join("\n")))
}

/// Whether a read of the scope that began after `read_started_at` is recorded already, so that one which began then
/// would put old news over new.
///
/// # Errors
/// If the database does not answer.
pub async fn newer_read_exists(
    conn: &mut PgConnection,
    scope: &Scope,
    read_started_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (
               select from scan_shards
               where account_id = $1 and region = $2 and resource_type = $3 and read_started_at > $4
                 and status in ('succeeded', 'partial')
           ) as "exists!""#,
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
        read_started_at,
    )
    .fetch_one(&mut *conn)
    .await
    .step("look for a newer read of the scope")
}

/// Closes as failed every open shard whose job will not run any more (given up, cancelled, removed), with the job's
/// last error, and the scans that are done by that, which are returned. Safe to call from every replica.
///
/// # Errors
/// If the database does not answer.
pub async fn close_orphans(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Scan>, StoreError> {
    let scans = sqlx::query_scalar!(
        "with orphan as (
             select s.scan_id, s.account_id, s.region, s.resource_type,
                    case when j.id is null then 'its job was removed before it was done'
                         when j.last_error is null then format('its job was %s before it was done', j.state)
                         else format('its job was %s: %s', j.state, j.last_error) end as error
             from scan_shards s left join jobs j on j.id = s.job_id
             where s.status in ('queued', 'running') and (j.id is null or j.state not in ('available', 'running'))
             for update of s skip locked
         )
         update scan_shards s set status = 'failed', error = orphan.error, finished_at = $1
         from orphan
         where (s.scan_id, s.account_id, s.region, s.resource_type)
             = (orphan.scan_id, orphan.account_id, orphan.region, orphan.resource_type)
         returning s.scan_id",
        now
    )
    .fetch_all(&mut *conn)
    .await
    .step("close shards whose job is gone")?;
    let mut scans: Vec<ScanId> = scans.into_iter().map(ScanId).collect();
    scans.sort_unstable();
    scans.dedup();
    let mut closed = Vec::new();
    for scan in scans {
        closed.extend(close_if_done(conn, scan, now).await?);
    }
    Ok(closed)
}

/// Calls a scan off: its jobs that are not done are cancelled, and their shards, and with them the scan, closed.
///
/// # Errors
/// If the database does not answer.
pub async fn call_off(conn: &mut PgConnection, scan_id: ScanId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let jobs = sqlx::query_scalar!(
        r#"select job_id as "job_id!" from scan_shards
           where scan_id = $1 and status in ('queued', 'running') and job_id is not null"#,
        scan_id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("call a scan off")?;
    job::cancel_at_once(conn, &jobs, &[JobState::Available, JobState::Running]).await?;
    close_orphans(conn, now).await?;
    Ok(())
}

fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

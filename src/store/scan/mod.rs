//! `scans` and `scan_shards`: what was scanned, how far it is, what could not be read.
//!
//! A scan is done when its last shard is; which one is last is decided under a lock on the scan's row. Reading is in
//! [`list`] and its like here, writing in `progress.rs`.

mod coverage;
mod progress;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::error::{Step, StoreError};
use crate::domain::coverage::{Coverage, MissingAction, Note};
use crate::domain::drift::DetectedBy;
use crate::domain::id::{AccountId, JobId, Region, ScanId, Scope};
use crate::domain::scan::ScanStatus;
use coverage::Figures;
pub use progress::{
    NewScan, ShardReport, call_off, close_if_done, close_orphans, finish_shard, insert, insert_failed, lock_open_shard,
    newer_read_exists, start_shard,
};

/// One run over the estate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scan {
    /// Its id.
    pub id: ScanId,
    /// The schedule that made it happen; `None` if none did.
    pub schedule: Option<String>,
    /// Who made it happen.
    pub detected_by: DetectedBy,
    /// Where it is.
    pub status: ScanStatus,
    /// Live resources that were compared.
    pub resources_scanned: i64,
    /// Resources that differ, known before or not.
    pub drifts_found: i64,
    /// Drifts that it found to be over.
    pub drifts_resolved: i64,
    /// HTTP requests sent to AWS, retries included.
    pub api_calls: i64,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// When its last shard was done.
    pub finished_at: Option<DateTime<Utc>>,
    /// What could not be read and why.
    pub error: Option<String>,
    /// What is known of the estate, and what is not.
    #[serde(flatten)]
    pub coverage: Coverage,
}

/// One account, region and type of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shard {
    /// What it covers.
    #[serde(flatten)]
    pub scope: Scope,
    /// Where it is.
    pub status: ScanStatus,
    /// Live resources that were compared.
    pub resources_scanned: i64,
    /// Resources that differ.
    pub drifts_found: i64,
    /// Drifts found to be over.
    pub drifts_resolved: i64,
    /// HTTP requests sent to AWS, retries included.
    pub api_calls: i64,
    /// What could not be read and why.
    pub error: Option<String>,
    /// What is known of the scope, and what is not.
    #[serde(flatten)]
    pub coverage: Coverage,
    /// What is to be known of single resources beside drifts and failed reads.
    pub notes: Vec<Note>,
    /// The job that works on it.
    pub job_id: Option<JobId>,
    /// When reading began.
    pub read_started_at: Option<DateTime<Utc>>,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Which scans to list; `None` is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanQuery {
    /// Of this schedule.
    pub schedule: Option<String>,
    /// In this status.
    pub status: Option<ScanStatus>,
}

struct Row {
    id: Uuid,
    schedule: Option<String>,
    detected_by: String,
    status: String,
    resources_scanned: i64,
    drifts_found: i64,
    drifts_resolved: i64,
    api_calls: i64,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    error: Option<String>,
    declared: i64,
    in_sync: i64,
    missing: i64,
    unknown: i64,
    converging: i64,
    unmanaged: Option<i64>,
    attributes_unknown: i64,
    ignored: i64,
    missing_actions: Json<Vec<MissingAction>>,
}

impl TryFrom<Row> for Scan {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = |what: String| StoreError::unreadable(format_args!("scan {}", row.id), what);
        Ok(Self {
            id: ScanId(row.id),
            schedule: row.schedule,
            detected_by: row.detected_by.parse().map_err(unreadable)?,
            status: row.status.parse().map_err(unreadable)?,
            resources_scanned: row.resources_scanned,
            drifts_found: row.drifts_found,
            drifts_resolved: row.drifts_resolved,
            api_calls: row.api_calls,
            started_at: row.started_at,
            finished_at: row.finished_at,
            error: row.error,
            coverage: Coverage::from(Figures {
                declared: row.declared,
                in_sync: row.in_sync,
                missing: row.missing,
                unknown: row.unknown,
                converging: row.converging,
                unmanaged: row.unmanaged,
                attributes_unknown: row.attributes_unknown,
                ignored: row.ignored,
                missing_actions: row.missing_actions,
            }),
        })
    }
}

/// A scan; `None` if there is none of this id.
///
/// # Errors
/// If the database does not answer.
pub async fn find(conn: &mut PgConnection, id: ScanId) -> Result<Option<Scan>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, schedule, detected_by, status, resources_scanned, drifts_found, drifts_resolved, api_calls,
                started_at, finished_at, error, resources_declared as declared, resources_in_sync as in_sync,
                resources_missing as missing, resources_unknown as unknown, resources_converging as converging,
                resources_unmanaged as unmanaged, attributes_unknown, changes_ignored as ignored,
                missing_actions as "missing_actions: Json<Vec<MissingAction>>"
         from scans where id = $1"#,
        id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .step("read a scan")?;
    row.map(Scan::try_from).transpose()
}

/// A scan that must exist.
///
/// # Errors
/// If it does not, or the database does not answer.
pub async fn get(conn: &mut PgConnection, id: ScanId) -> Result<Scan, StoreError> {
    find(conn, id).await?.ok_or_else(|| StoreError::NotFound(format!("scan {id}")))
}

/// The latest scans first, at most `limit`.
///
/// # Errors
/// If the database does not answer.
pub async fn list(conn: &mut PgConnection, query: &ScanQuery, limit: i64) -> Result<Vec<Scan>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, schedule, detected_by, status, resources_scanned, drifts_found, drifts_resolved, api_calls,
                started_at, finished_at, error, resources_declared as declared, resources_in_sync as in_sync,
                resources_missing as missing, resources_unknown as unknown, resources_converging as converging,
                resources_unmanaged as unmanaged, attributes_unknown, changes_ignored as ignored,
                missing_actions as "missing_actions: Json<Vec<MissingAction>>"
         from scans
         where ($1::text is null or schedule = $1) and ($2::text is null or status = $2)
         order by started_at desc, id desc limit $3"#,
        query.schedule,
        query.status.map(ScanStatus::as_str),
        limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("list scans")?;
    rows.into_iter().map(Scan::try_from).collect()
}

/// The shards of a scan, by account, region and type.
///
/// # Errors
/// If the database does not answer.
pub async fn shards(conn: &mut PgConnection, id: ScanId) -> Result<Vec<Shard>, StoreError> {
    let rows = sqlx::query!(
        r#"select account_id, region, resource_type, status, resources_scanned, drifts_found, drifts_resolved,
                resources_declared, resources_in_sync, resources_missing, resources_unknown, resources_converging,
                resources_unmanaged, attributes_unknown, changes_ignored,
                missing_actions as "missing_actions: Json<Vec<MissingAction>>", notes as "notes: Json<Vec<Note>>",
                api_calls, error, job_id, read_started_at, finished_at
         from scan_shards where scan_id = $1 order by account_id, region, resource_type"#,
        id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("read the shards of a scan")?;
    rows.into_iter()
        .map(|row| {
            let unreadable = |what: String| StoreError::unreadable(format_args!("a shard of scan {id}"), what);
            Ok(Shard {
                scope: Scope {
                    account_id: AccountId(row.account_id),
                    region: Region(row.region),
                    resource_type: row.resource_type,
                },
                status: row.status.parse().map_err(unreadable)?,
                resources_scanned: row.resources_scanned,
                drifts_found: row.drifts_found,
                drifts_resolved: row.drifts_resolved,
                api_calls: row.api_calls,
                error: row.error,
                coverage: Coverage::from(Figures {
                    declared: row.resources_declared,
                    in_sync: row.resources_in_sync,
                    missing: row.resources_missing,
                    unknown: row.resources_unknown,
                    converging: row.resources_converging,
                    unmanaged: row.resources_unmanaged,
                    attributes_unknown: row.attributes_unknown,
                    ignored: row.changes_ignored,
                    missing_actions: row.missing_actions,
                }),
                notes: row.notes.0,
                job_id: row.job_id.map(JobId),
                read_started_at: row.read_started_at,
                finished_at: row.finished_at,
            })
        })
        .collect()
}

/// Whether a scan of the schedule is still open.
///
/// # Errors
/// If the database does not answer.
pub async fn is_running(conn: &mut PgConnection, schedule: &str) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (select from scans where schedule = $1 and status in ('queued', 'running')) as "is_running!""#,
        schedule
    )
    .fetch_one(&mut *conn)
    .await
    .step("look for a running scan")
}

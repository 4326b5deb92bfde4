//! Reading drifts.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::diff::Change;
use crate::domain::drift::{Drift, DriftKind, DriftStatus, UnknownStatus};
use crate::domain::id::{AccountId, DriftId, Region, ResourceKey, Scope};
use crate::domain::severity::{Severity, UnknownSeverity};
use crate::store::error::{Step, StoreError};

/// Characters of a shortened id at least.
const SHORTEST_ID: usize = 4;

/// A drift that stands in a scope (any but a resolved one), as a scan needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDrift {
    /// The drift.
    pub id: DriftId,
    /// The resource.
    pub resource_id: String,
    /// Where it is in its life; never resolved.
    pub status: DriftStatus,
    /// Its expected state.
    pub expected_state: Value,
    /// Its actual state.
    pub actual_state: Value,
    /// RFC 6902 patch from expected to actual.
    pub difference: Value,
    /// How bad.
    pub severity: Severity,
    /// US dollars a month; `None` if unknown.
    pub cost: Option<Decimal>,
    /// When the drift was first seen.
    pub detected_at: DateTime<Utc>,
    /// The difference for people.
    pub changes: Vec<Change>,
    /// Whether it is being put back just now: what a scan sees of it then is neither another difference nor an end.
    pub is_being_put_back: bool,
}

/// Which drifts to list. What is empty or `None` is no condition.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftFilter {
    /// In one of these statuses.
    pub statuses: Vec<DriftStatus>,
    /// Of one of these severities.
    pub severities: Vec<Severity>,
    /// Of this type.
    pub resource_type: Option<String>,
    /// Of this account id, or of the account that is configured by this name.
    pub account: Option<String>,
    /// In this region.
    pub region: Option<String>,
    /// Of this resource.
    pub resource_id: Option<String>,
    /// Detected, triaged or approved ones alone.
    pub open_only: bool,
    /// Rows at most.
    pub limit: i64,
}

impl Default for DriftFilter {
    /// The first hundred.
    fn default() -> Self {
        Self {
            statuses: Vec::new(),
            severities: Vec::new(),
            resource_type: None,
            account: None,
            region: None,
            resource_id: None,
            open_only: false,
            limit: 100,
        }
    }
}

impl DriftFilter {
    /// The statuses that pass; `None` if all do.
    fn allowed(&self) -> Option<Vec<&'static str>> {
        let passes = |status: &DriftStatus| {
            (self.statuses.is_empty() || self.statuses.contains(status)) && (!self.open_only || status.is_open())
        };
        let allowed: Vec<_> = DriftStatus::ALL.into_iter().filter(passes).map(DriftStatus::as_str).collect();
        (allowed.len() < DriftStatus::ALL.len()).then_some(allowed)
    }
}

struct Row {
    id: Uuid,
    resource_id: String,
    resource_type: String,
    region: String,
    account_id: Option<String>,
    account_name: Option<String>,
    expected_state: Value,
    actual_state: Value,
    difference: Value,
    changes: Option<Json<Vec<Change>>>,
    severity: String,
    cost_impact_monthly: Option<Decimal>,
    cost_unknown_reason: Option<String>,
    declared_in: Option<String>,
    terraform_address: Option<String>,
    recurs_after: Option<Uuid>,
    status: String,
    detected_at: DateTime<Utc>,
    detected_by: String,
    approved_at: Option<DateTime<Utc>>,
    approval_reason: Option<String>,
    rejected_at: Option<DateTime<Utc>>,
    rejection_reason: Option<String>,
    resolved_at: Option<DateTime<Utc>>,
    resolved_how: Option<String>,
}

impl TryFrom<Row> for Drift {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = DriftId(row.id);
        let detected_by = row.detected_by.parse().map_err(|e: String| unreadable(id, e))?;
        Ok(Self {
            id,
            key: ResourceKey {
                scope: Scope {
                    account_id: AccountId(row.account_id.unwrap_or_default()),
                    region: Region(row.region),
                    resource_type: row.resource_type,
                },
                resource_id: row.resource_id,
            },
            account_name: row.account_name,
            kind: DriftKind::of(&row.expected_state, &row.actual_state),
            expected_state: row.expected_state,
            actual_state: row.actual_state,
            difference: row.difference,
            changes: row.changes.map(|changes| changes.0).unwrap_or_default(),
            severity: severity(id, &row.severity)?,
            cost_impact_monthly: row.cost_impact_monthly,
            cost_unknown_reason: row.cost_unknown_reason,
            declared_in: row.declared_in,
            terraform_address: row.terraform_address,
            recurs_after: row.recurs_after.map(DriftId),
            status: status(id, &row.status)?,
            detected_at: row.detected_at,
            detected_by,
            approved_at: row.approved_at,
            approval_reason: row.approval_reason,
            rejected_at: row.rejected_at,
            rejection_reason: row.rejection_reason,
            resolved_at: row.resolved_at,
            resolved_how: row.resolved_how,
        })
    }
}

fn unreadable(id: DriftId, what: impl std::fmt::Display) -> StoreError {
    StoreError::unreadable(format_args!("drift {id}"), what)
}

pub(super) fn status(id: DriftId, word: &str) -> Result<DriftStatus, StoreError> {
    word.parse().map_err(|e: UnknownStatus| unreadable(id, e))
}

fn severity(id: DriftId, word: &str) -> Result<Severity, StoreError> {
    word.parse().map_err(|e: UnknownSeverity| unreadable(id, e))
}

/// The drifts that pass, the worst first, then the latest.
///
/// # Errors
/// If the database does not answer or a row cannot be read.
pub async fn list(conn: &mut PgConnection, filter: &DriftFilter) -> Result<Vec<Drift>, StoreError> {
    select(conn, filter, None).await
}

/// A drift that must exist.
///
/// # Errors
/// If it does not, or the database does not answer.
pub async fn get(conn: &mut PgConnection, id: DriftId) -> Result<Drift, StoreError> {
    let found = select(conn, &DriftFilter::default(), Some(&[id.0])).await?;
    found.into_iter().next().ok_or_else(|| StoreError::NotFound(format!("drift {id}")))
}

/// A drift by its id, or by a part from the id's beginning or end that no other drift shares. The end is what tells
/// drifts of one scan apart: ids begin with the time.
///
/// # Errors
/// If the text is no part of an id, fits none or several drifts, or the database does not answer.
pub async fn find(conn: &mut PgConnection, text: &str) -> Result<Drift, StoreError> {
    if let Ok(id) = text.parse::<DriftId>() {
        return get(conn, id).await;
    }
    let part = text.to_ascii_lowercase();
    if part.len() < SHORTEST_ID || !part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        let rule = format!("at least {SHORTEST_ID} of its first or last characters");
        return Err(StoreError::Refused(format!("`{text}` is no drift id; write all of one, or {rule}")));
    }
    let ids = sqlx::query_scalar!(
        "select id from drifts where id::text like $1 || '%' or id::text like '%' || $1 order by id desc limit 3",
        part
    )
    .fetch_all(&mut *conn)
    .await
    .step("look for a drift")?;
    match ids.as_slice() {
        [] => Err(StoreError::NotFound(format!("drift whose id begins or ends with {part}"))),
        [id] => get(conn, DriftId(*id)).await,
        several => {
            let some: Vec<String> = several.iter().take(2).map(Uuid::to_string).collect();
            Err(StoreError::Ambiguous(format!("several drifts fit {part}, for example {}", some.join(" and "))))
        }
    }
}

async fn select(conn: &mut PgConnection, filter: &DriftFilter, ids: Option<&[Uuid]>) -> Result<Vec<Drift>, StoreError> {
    let statuses = filter.allowed();
    let severities: Vec<&str> = filter.severities.iter().map(|severity| severity.as_str()).collect();
    let severities = (!severities.is_empty()).then_some(severities);
    let rows = sqlx::query_as!(
        Row,
        r#"select d.id, d.resource_id, d.resource_type, d.region, d.account_id,
                  t.account_name as "account_name?", d.expected_state, d.actual_state,
                  d.difference, t.changes as "changes?: Json<Vec<Change>>", d.severity, d.cost_impact_monthly,
                  t.cost_unknown_reason as "cost_unknown_reason?", t.declared_in as "declared_in?",
                  t.terraform_address as "terraform_address?", t.recurs_after as "recurs_after?", d.status, d.detected_at, d.detected_by, d.approved_at,
                  d.approval_reason, d.rejected_at, d.rejection_reason, d.resolved_at, d.resolved_how
           from drifts d left join drift_details t on t.drift_id = d.id
           where ($1::uuid[] is null or d.id = any($1))
             and ($2::text[] is null or d.status = any($2))
             and ($3::text[] is null or d.severity = any($3))
             and ($4::text is null or d.resource_type = $4)
             and ($5::text is null or d.account_id = $5 or t.account_name = $5)
             and ($6::text is null or d.region = $6)
             and ($7::text is null or d.resource_id = $7)
           order by array_position(array['critical', 'warning', 'info'], d.severity::text), d.detected_at desc, d.id desc
           limit $8"#,
        ids as Option<&[Uuid]>,
        statuses.as_deref() as Option<&[&str]>,
        severities.as_deref() as Option<&[&str]>,
        filter.resource_type,
        filter.account,
        filter.region,
        filter.resource_id,
        filter.limit,
    )
    .fetch_all(&mut *conn)
    .await
    .step("read drifts")?;
    rows.into_iter().map(Drift::try_from).collect()
}

struct StandingRow {
    id: Uuid,
    resource_id: String,
    status: String,
    expected_state: Value,
    actual_state: Value,
    difference: Value,
    severity: String,
    cost_impact_monthly: Option<Decimal>,
    detected_at: DateTime<Utc>,
    changes: Option<Json<Vec<Change>>>,
    is_being_put_back: bool,
}

impl TryFrom<StandingRow> for StoredDrift {
    type Error = StoreError;

    fn try_from(row: StandingRow) -> Result<Self, StoreError> {
        let id = DriftId(row.id);
        Ok(Self {
            id,
            resource_id: row.resource_id,
            status: status(id, &row.status)?,
            expected_state: row.expected_state,
            actual_state: row.actual_state,
            difference: row.difference,
            severity: severity(id, &row.severity)?,
            cost: row.cost_impact_monthly,
            detected_at: row.detected_at,
            changes: row.changes.map(|changes| changes.0).unwrap_or_default(),
            is_being_put_back: row.is_being_put_back,
        })
    }
}

/// The drifts of a scope that are not resolved, oldest first.
///
/// # Errors
/// If the database does not answer or a row cannot be read.
pub async fn standing(conn: &mut PgConnection, scope: &Scope) -> Result<Vec<StoredDrift>, StoreError> {
    let rows = sqlx::query_as!(
        StandingRow,
        r#"select d.id, d.resource_id, d.status, d.expected_state, d.actual_state, d.difference, d.severity,
                  d.cost_impact_monthly, d.detected_at, t.changes as "changes?: Json<Vec<Change>>",
                  exists (select from remediations r join jobs j on j.id = r.job_id
                          where r.drift_id = d.id and r.state in ('acting', 'verifying')
                            and j.state in ('available', 'running')) as "is_being_put_back!"
           from drifts d left join drift_details t on t.drift_id = d.id
           where d.account_id = $1 and d.region = $2 and d.resource_type = $3
             and d.status in ('detected', 'triaged', 'approved', 'rejected')
           order by d.id"#,
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
    )
    .fetch_all(&mut *conn)
    .await
    .step("read the standing drifts of a scope")?;
    rows.into_iter().map(StoredDrift::try_from).collect()
}

/// The same as [`standing`], the rows locked to the end of the transaction, and the scope with them: of two
/// transactions that record the same scope, the second one waits here and sees what the first one wrote.
///
/// # Errors
/// If the database does not answer or a row cannot be read.
pub async fn lock_standing(conn: &mut PgConnection, scope: &Scope) -> Result<Vec<StoredDrift>, StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('driftsentry.scope ' || $1, 0))::text as locked",
        scope.to_string()
    )
    .fetch_one(&mut *conn)
    .await
    .step("lock a scope")?;
    sqlx::query!(
        "select id from drifts
         where account_id = $1 and region = $2 and resource_type = $3
           and status in ('detected', 'triaged', 'approved', 'rejected')
         order by id for update",
        scope.account_id.as_str(),
        scope.region.as_str(),
        scope.resource_type,
    )
    .fetch_all(&mut *conn)
    .await
    .step("lock the standing drifts of a scope")?;
    standing(conn, scope).await
}

//! What a scan does to drifts: many at once, a few statements a batch.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::cost::CostImpact;
use crate::domain::drift::{DetectedBy, Finding, ResolvedHow};
use crate::domain::id::{DriftId, Scope};
use crate::store::error::{Step, StoreError, expect_rows};

/// Rows of one statement at most: states are large, and a statement is held in memory as a whole.
const BATCH: usize = 1000;
/// The largest amount that `decimal(10, 2)` holds.
const MAX_COST: Decimal = Decimal::from_parts(1_410_065_407, 2, 0, false, 2);

/// Drifts to be written, all of one scope.
#[derive(Debug, Clone)]
pub struct NewDrifts<'a> {
    /// Where they are.
    pub scope: &'a Scope,
    /// Configured name of the account.
    pub account_name: Option<&'a str>,
    /// Who made the scan happen.
    pub detected_by: DetectedBy,
    /// What was found, and the ids that it gets.
    pub drifts: Vec<(DriftId, &'a Finding)>,
}

/// What goes into the columns, one vector a column.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    resources: Vec<&'a str>,
    expected: Vec<&'a Value>,
    actual: Vec<&'a Value>,
    differences: Vec<&'a Value>,
    severities: Vec<&'a str>,
    costs: Vec<Option<Decimal>>,
    changes: Vec<Value>,
    declared_in: Vec<Option<&'a str>>,
    terraform_addresses: Vec<Option<&'a str>>,
    unknown_reasons: Vec<Option<String>>,
}

impl<'a> Columns<'a> {
    fn of(drifts: &[(DriftId, &'a Finding)]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (id, finding) in drifts {
            let (cost, unknown_reason) = kept_cost(&finding.cost);
            let changes = serde_json::to_value(&finding.changes).map_err(|error| StoreError::Unstorable {
                subject: finding.key.to_string(),
                reason: error.to_string(),
            })?;
            columns.ids.push(id.0);
            columns.resources.push(&finding.key.resource_id);
            columns.expected.push(&finding.expected);
            columns.actual.push(&finding.actual);
            columns.differences.push(&finding.difference);
            columns.severities.push(finding.severity.as_str());
            columns.costs.push(cost);
            columns.changes.push(changes);
            columns.declared_in.push(finding.declared_in.as_deref());
            columns.terraform_addresses.push(finding.terraform_address.as_deref());
            columns.unknown_reasons.push(unknown_reason);
        }
        Ok(columns)
    }
}

/// The monthly cost as the database keeps it (to cents; `None` if unknown), and why it is unknown if it is.
#[must_use]
pub fn kept_cost(cost: &CostImpact) -> (Option<Decimal>, Option<String>) {
    match (cost, cost.to_cents()) {
        (_, Some(amount)) if amount.abs() <= MAX_COST => (Some(amount), None),
        (CostImpact::Unknown(reason), _) => (None, Some(reason.clone())),
        (CostImpact::Known(amount), _) => (None, Some(format!("{amount} a month is more than can be kept"))),
    }
}

/// Writes new drifts, detected now.
///
/// # Errors
/// If the database refuses.
pub async fn insert_all(conn: &mut PgConnection, new: &NewDrifts<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    for batch in new.drifts.chunks(BATCH) {
        let columns = Columns::of(batch)?;
        insert_drifts(conn, new, &columns, now).await?;
        insert_details(conn, new.account_name, &columns, now).await?;
    }
    Ok(())
}

async fn insert_drifts(
    conn: &mut PgConnection,
    new: &NewDrifts<'_>,
    columns: &Columns<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "insert into drifts (id, resource_id, resource_type, region, account_id, expected_state, actual_state,
                             difference, severity, cost_impact_monthly, status, detected_at, detected_by)
         select id, resource_id, $8, $9, $10, expected_state, actual_state, difference, severity, cost, 'detected',
                $11, $12
         from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::text[], $7::numeric[])
              as entry (id, resource_id, expected_state, actual_state, difference, severity, cost)",
        &columns.ids,
        &columns.resources as &[&str],
        &columns.expected as &[&Value],
        &columns.actual as &[&Value],
        &columns.differences as &[&Value],
        &columns.severities as &[&str],
        &columns.costs as &[Option<Decimal>],
        new.scope.resource_type,
        new.scope.region.as_str(),
        new.scope.account_id.as_str(),
        now,
        new.detected_by.as_str(),
    )
    .execute(&mut *conn)
    .await
    .step("write new drifts")?;
    expect_rows(&done, columns.ids.len(), "write new drifts")
}

async fn insert_details(
    conn: &mut PgConnection,
    account_name: Option<&str>,
    columns: &Columns<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "insert into drift_details (drift_id, changes, account_name, declared_in, terraform_address,
                                    cost_unknown_reason, accrued_until)
         select id, changes, $6, declared_in, terraform_address, reason, $7
         from unnest($1::uuid[], $2::jsonb[], $3::text[], $4::text[], $5::text[])
              as entry (id, changes, declared_in, terraform_address, reason)",
        &columns.ids,
        &columns.changes,
        &columns.declared_in as &[Option<&str>],
        &columns.terraform_addresses as &[Option<&str>],
        &columns.unknown_reasons as &[Option<String>],
        account_name,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("write the details of new drifts")?;
    expect_rows(&done, columns.ids.len(), "write the details of new drifts")
}

/// Puts another difference into drifts that are detected or triaged.
///
/// # Errors
/// If one of them is in another status, or the database refuses.
pub async fn update_all(conn: &mut PgConnection, drifts: &[(DriftId, &Finding)]) -> Result<(), StoreError> {
    for batch in drifts.chunks(BATCH) {
        let columns = Columns::of(batch)?;
        update_drifts(conn, &columns).await?;
        update_details(conn, &columns).await?;
    }
    Ok(())
}

async fn update_drifts(conn: &mut PgConnection, columns: &Columns<'_>) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update drifts
         set expected_state = entry.expected_state, actual_state = entry.actual_state, difference = entry.difference,
             severity = entry.severity, cost_impact_monthly = entry.cost
         from unnest($1::uuid[], $2::jsonb[], $3::jsonb[], $4::jsonb[], $5::text[], $6::numeric[])
              as entry (id, expected_state, actual_state, difference, severity, cost)
         where drifts.id = entry.id and drifts.status in ('detected', 'triaged')",
        &columns.ids,
        &columns.expected as &[&Value],
        &columns.actual as &[&Value],
        &columns.differences as &[&Value],
        &columns.severities as &[&str],
        &columns.costs as &[Option<Decimal>],
    )
    .execute(&mut *conn)
    .await
    .step("update drifts")?;
    expect_rows(&done, columns.ids.len(), "update drifts")
}

async fn update_details(conn: &mut PgConnection, columns: &Columns<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "update drift_details
         set changes = entry.changes, declared_in = entry.declared_in, terraform_address = entry.terraform_address,
             cost_unknown_reason = entry.reason
         from unnest($1::uuid[], $2::jsonb[], $3::text[], $4::text[], $5::text[])
              as entry (id, changes, declared_in, terraform_address, reason)
         where drift_id = entry.id",
        &columns.ids,
        &columns.changes,
        &columns.declared_in as &[Option<&str>],
        &columns.terraform_addresses as &[Option<&str>],
        &columns.unknown_reasons as &[Option<String>],
    )
    .execute(&mut *conn)
    .await
    .step("update the details of drifts")?;
    Ok(())
}

/// Takes detected or triaged drifts back, each for its reason, in nobody's name.
///
/// # Errors
/// If one of them is in another status, or the database refuses.
pub async fn reject_all(
    conn: &mut PgConnection,
    drifts: &[(DriftId, &str)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if drifts.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = drifts.iter().map(|(id, _)| id.0).collect();
    let reasons: Vec<&str> = drifts.iter().map(|(_, reason)| *reason).collect();
    let done = sqlx::query!(
        "update drifts
         set status = 'rejected', rejected_at = $3, rejected_by = null, rejection_reason = entry.reason
         from unnest($1::uuid[], $2::text[]) as entry (id, reason)
         where drifts.id = entry.id and drifts.status in ('detected', 'triaged')",
        &ids,
        &reasons as &[&str],
        now,
    )
    .execute(&mut *conn)
    .await
    .step("reject drifts")?;
    expect_rows(&done, drifts.len(), "reject drifts")
}

/// Ends approved or rejected drifts.
///
/// # Errors
/// If one of them is in another status, or the database refuses.
pub async fn resolve_all(
    conn: &mut PgConnection,
    drifts: &[(DriftId, ResolvedHow)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if drifts.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = drifts.iter().map(|(id, _)| id.0).collect();
    let hows: Vec<&str> = drifts.iter().map(|(_, how)| how.as_str()).collect();
    let done = sqlx::query!(
        "update drifts set status = 'resolved', resolved_at = $3, resolved_how = entry.how
         from unnest($1::uuid[], $2::text[]) as entry (id, how)
         where drifts.id = entry.id and drifts.status in ('approved', 'rejected')",
        &ids,
        &hows as &[&str],
        now,
    )
    .execute(&mut *conn)
    .await
    .step("resolve drifts")?;
    expect_rows(&done, drifts.len(), "resolve drifts")
}

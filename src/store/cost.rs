//! `cost_metrics`: what open drifts have cost so far and cost a month now.
//!
//! The exact accrual is kept in `drift_details`; a record holds the difference of two rounded sums, so that the
//! records of a drift always add up to its rounded exact cost, however often it was scanned.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Step, StoreError};
use crate::domain::id::DriftId;

/// Opens the record of drifts whose cost became known now: a period of no length, with the monthly projection.
///
/// # Errors
/// If the database refuses.
pub async fn begin(
    conn: &mut PgConnection,
    drifts: &[(DriftId, Decimal)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if drifts.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = drifts.iter().map(|(id, _)| id.0).collect();
    let monthly: Vec<Decimal> = drifts.iter().map(|(_, monthly)| *monthly).collect();
    sqlx::query!(
        "with entry as (
             select id, monthly from unnest($1::uuid[], $2::numeric[]) as entry (id, monthly)
         ), begun as (
             update drift_details set accrued_until = $3 from entry where drift_id = entry.id
         )
         insert into cost_metrics (id, drift_id, cost_usd, cost_projected_monthly, recorded_at, period_start, period_end)
         select gen_random_uuid(), id, 0, monthly, $3, $3, $3 from entry",
        &ids,
        &monthly,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("open cost records")?;
    Ok(())
}

/// Adds a record for the time since the last one, at the rate that the drift has in the database; so a changed cost is
/// written after this. With each drift comes what it costs a month from now on (`None`: unknown, zero: it is over).
/// Drifts of unknown cost and times that lie before the last record are left out.
///
/// # Errors
/// If the database refuses.
pub async fn accrue(
    conn: &mut PgConnection,
    drifts: &[(DriftId, Option<Decimal>)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if drifts.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = drifts.iter().map(|(id, _)| id.0).collect();
    let projected: Vec<Option<Decimal>> = drifts.iter().map(|(_, monthly)| *monthly).collect();
    sqlx::query!(
        "with due as (
             select d.id, entry.projected, t.accrued_until as since, t.accrued_usd as before,
                    -- 730 hours; the scale of the dividend is that of the quotient.
                    t.accrued_usd + round(d.cost_impact_monthly * extract(epoch from $3 - t.accrued_until), 20)
                                    / (730 * 3600) as after
             from unnest($1::uuid[], $2::numeric[]) as entry (id, projected)
             join drifts d on d.id = entry.id
             join drift_details t on t.drift_id = d.id
             where d.cost_impact_monthly is not null and t.accrued_until < $3
         ), accrued as (
             update drift_details set accrued_usd = due.after, accrued_until = $3 from due where drift_id = due.id
         )
         insert into cost_metrics (id, drift_id, cost_usd, cost_projected_monthly, recorded_at, period_start, period_end)
         select gen_random_uuid(), id, round(after, 2) - round(before, 2), projected, $3, since, $3 from due",
        &ids,
        &projected as &[Option<Decimal>],
        now,
    )
    .execute(&mut *conn)
    .await
    .step("write cost records")?;
    Ok(())
}

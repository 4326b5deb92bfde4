//! What a scan says of drifts that it has just stored: that they came back, that a rule has triaged them.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::id::DriftId;
use crate::store::error::{Step, StoreError, expect_rows};

/// A drift that comes back within this time after it was put back is recurring.
const RECURRING_WITHIN: TimeDelta = TimeDelta::days(1);

/// Marks those of these new drifts that change, on the same resource, something that was put back within a day; with
/// each the drift that it was.
///
/// # Errors
/// If the database refuses.
pub async fn mark_recurring(
    conn: &mut PgConnection,
    drifts: &[DriftId],
    now: DateTime<Utc>,
) -> Result<Vec<(DriftId, DriftId)>, StoreError> {
    let ids: Vec<Uuid> = drifts.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "update drift_details t
         set recurs_after = (
             select p.id from drifts d join drifts p using (account_id, region, resource_type, resource_id)
             join drift_details pt on pt.drift_id = p.id
             where d.id = t.drift_id and p.status = 'resolved' and p.resolved_how = 'auto-remediate'
               and p.resolved_at > $2
               and exists (select from jsonb_array_elements(t.changes) a join jsonb_array_elements(pt.changes) b
                           on a ->> 'pointer' = b ->> 'pointer')
             order by p.resolved_at desc limit 1)
         where t.drift_id = any($1)
           and exists (select from drifts d join remediations r using (account_id, region, resource_type, resource_id)
                       where d.id = t.drift_id and r.state = 'succeeded' and r.finished_at > $2)
         returning drift_id, recurs_after",
        &ids,
        now - RECURRING_WITHIN,
    )
    .fetch_all(&mut *conn)
    .await
    .step("look for drifts that came back")?;
    Ok(rows.into_iter().filter_map(|row| Some((DriftId(row.drift_id), DriftId(row.recurs_after?)))).collect())
}

/// Detected → triaged, in nobody's name.
///
/// # Errors
/// If one of them is in another status, or the database refuses.
pub async fn triage_all(conn: &mut PgConnection, drifts: &[DriftId]) -> Result<(), StoreError> {
    if drifts.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = drifts.iter().map(|id| id.0).collect();
    let done = sqlx::query!("update drifts set status = 'triaged' where id = any($1) and status = 'detected'", &ids)
        .execute(&mut *conn)
        .await
        .step("triage drifts")?;
    expect_rows(&done, drifts.len(), "triage drifts")
}

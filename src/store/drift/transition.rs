//! What people do to one drift. Each is to be called in a transaction that also writes its audit record and event.
//!
//! A drift that stops being open by such a move stops accruing cost, so its last cost record is written with it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::postgres::PgQueryResult;

use super::read::status;
use crate::domain::drift::{DriftStatus, ResolvedHow};
use crate::domain::id::DriftId;
use crate::domain::user::Actor;
use crate::store::cost;
use crate::store::error::{Step, StoreError};

/// Somebody looked at it: detected → triaged.
///
/// # Errors
/// If there is no such drift, it is not detected, or the database does not answer.
pub async fn triage(conn: &mut PgConnection, id: DriftId) -> Result<(), StoreError> {
    let done = sqlx::query!("update drifts set status = 'triaged' where id = $1 and status = 'detected'", id.0)
        .execute(&mut *conn)
        .await
        .step("triage a drift")?;
    expect_moved(conn, id, DriftStatus::Triaged, &done).await
}

/// It is to be put back: triaged → approved.
///
/// # Errors
/// If there is no such drift, it is not triaged, or the database does not answer.
pub async fn approve(
    conn: &mut PgConnection,
    id: DriftId,
    actor: &Actor,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update drifts set status = 'approved', approved_at = $2, approved_by = $3, approval_reason = $4
         where id = $1 and status = 'triaged'",
        id.0,
        now,
        actor.id.map(|id| id.0),
        reason,
    )
    .execute(&mut *conn)
    .await
    .step("approve a drift")?;
    expect_moved(conn, id, DriftStatus::Approved, &done).await
}

/// It is to be put back once more: approved stays approved, by whom and why is new.
///
/// # Errors
/// If there is no such drift, it is not approved, or the database does not answer.
pub async fn approve_again(
    conn: &mut PgConnection,
    id: DriftId,
    actor: &Actor,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update drifts set approved_at = $2, approved_by = $3, approval_reason = coalesce($4, approval_reason)
         where id = $1 and status = 'approved'",
        id.0,
        now,
        actor.id.map(|id| id.0),
        reason,
    )
    .execute(&mut *conn)
    .await
    .step("approve a drift once more")?;
    expect_moved(conn, id, DriftStatus::Approved, &done).await
}

/// It is to stay: detected or triaged → rejected.
///
/// # Errors
/// If there is no such drift, it is neither, or the database does not answer.
pub async fn reject(
    conn: &mut PgConnection,
    id: DriftId,
    actor: &Actor,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update drifts set status = 'rejected', rejected_at = $2, rejected_by = $3, rejection_reason = $4
         where id = $1 and status in ('detected', 'triaged')",
        id.0,
        now,
        actor.id.map(|id| id.0),
        reason,
    )
    .execute(&mut *conn)
    .await
    .step("reject a drift")?;
    expect_moved(conn, id, DriftStatus::Rejected, &done).await?;
    close_cost(conn, id, now).await
}

/// It is over: approved or rejected → resolved.
///
/// # Errors
/// If there is no such drift, it is neither, or the database does not answer.
pub async fn resolve(
    conn: &mut PgConnection,
    id: DriftId,
    how: ResolvedHow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let was = sqlx::query_scalar!(
        "with was as (select id, status from drifts where id = $1 for update)
         update drifts set status = 'resolved', resolved_at = $2, resolved_how = $3
         from was where drifts.id = was.id and was.status in ('approved', 'rejected')
         returning was.status",
        id.0,
        now,
        how.as_str(),
    )
    .fetch_optional(&mut *conn)
    .await
    .step("resolve a drift")?;
    match was {
        None => Err(why_not(conn, id, DriftStatus::Resolved).await?),
        Some(was) if status(id, &was)?.is_open() => close_cost(conn, id, now).await,
        Some(_) => Ok(()),
    }
}

async fn close_cost(conn: &mut PgConnection, id: DriftId, now: DateTime<Utc>) -> Result<(), StoreError> {
    cost::accrue(conn, &[(id, Some(Decimal::ZERO))], now).await
}

async fn expect_moved(
    conn: &mut PgConnection,
    id: DriftId,
    wanted: DriftStatus,
    done: &PgQueryResult,
) -> Result<(), StoreError> {
    if done.rows_affected() == 1 { Ok(()) } else { Err(why_not(conn, id, wanted).await?) }
}

async fn why_not(conn: &mut PgConnection, id: DriftId, wanted: DriftStatus) -> Result<StoreError, StoreError> {
    let is = sqlx::query_scalar!("select status from drifts where id = $1", id.0)
        .fetch_optional(&mut *conn)
        .await
        .step("read the status of a drift")?;
    match is {
        None => Ok(StoreError::NotFound(format!("drift {id}"))),
        Some(is) => Ok(StoreError::IllegalMove { id, is: status(id, &is)?, wanted }),
    }
}

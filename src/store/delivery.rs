//! `deliveries`: one row per alert and channel, so that a job that runs twice does not deliver twice.
//!
//! Who sends first claims the row for a while (`locked_until`, on the database's clock), then says what became of it.
//! A claim that runs out means that the sender died between sending and telling: only then may it be sent again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::drift;
use super::error::{Step, StoreError, expect_rows};
use crate::domain::alert::AlertType;
use crate::domain::drift::Drift;
use crate::domain::id::{AlertId, DriftId};
use crate::domain::severity::Severity;

/// Everything that a channel needs to tell an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertToSend {
    /// The alert; the idempotency key for receivers that have one.
    pub id: AlertId,
    /// What happened.
    pub alert_type: AlertType,
    /// The drift's severity when the alert was made.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The whole text.
    pub message: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The drift as it is now.
    pub drift: Drift,
    /// Configured name of the drift's account.
    pub account_name: Option<String>,
    /// Which attempt at sending this is, from 1.
    pub attempt: i32,
}

/// What came of trying to claim a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Claimed {
    /// It is ours to send.
    Yes(Box<AlertToSend>),
    /// It has been delivered; there is nothing to do.
    AlreadyDelivered,
    /// Somebody else is sending it, for this long at most.
    Busy(Duration),
}

/// Writes one pending delivery for each alert and channel.
///
/// # Errors
/// If the database refuses.
pub async fn insert_all(conn: &mut PgConnection, deliveries: &[(AlertId, &str)]) -> Result<(), StoreError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let alerts: Vec<Uuid> = deliveries.iter().map(|(alert, _)| alert.0).collect();
    let channels: Vec<&str> = deliveries.iter().map(|(_, channel)| *channel).collect();
    let done = sqlx::query!(
        "insert into deliveries (alert_id, channel)
         select alert_id, channel from unnest($1::uuid[], $2::text[]) as entry (alert_id, channel)",
        &alerts,
        &channels as &[&str],
    )
    .execute(&mut *conn)
    .await
    .step("write deliveries")?;
    expect_rows(&done, deliveries.len(), "write deliveries")
}

/// Claims a delivery for `lock_for`, counted as an attempt. One that failed for good may be claimed again, because
/// somebody asked for its job to be retried.
///
/// # Errors
/// If there is no such delivery, or the database does not answer.
pub async fn claim_for_sending(
    conn: &mut PgConnection,
    alert_id: AlertId,
    channel: &str,
    lock_for: Duration,
) -> Result<Claimed, StoreError> {
    let claimed = sqlx::query!(
        "update deliveries
         set state = 'sending', attempts = attempts + 1, locked_until = clock_timestamp() + $3
         where alert_id = $1 and channel = $2
           and (state in ('pending', 'failed') or (state = 'sending' and locked_until <= clock_timestamp()))
         returning attempts",
        alert_id.0,
        channel,
        interval(lock_for),
    )
    .fetch_optional(&mut *conn)
    .await
    .step("claim a delivery")?;
    match claimed {
        Some(row) => Ok(Claimed::Yes(Box::new(load(conn, alert_id, row.attempts).await?))),
        None => why_not(conn, alert_id, channel).await,
    }
}

async fn why_not(conn: &mut PgConnection, alert_id: AlertId, channel: &str) -> Result<Claimed, StoreError> {
    let row = sqlx::query!(
        r#"select state,
                  greatest(extract(epoch from locked_until - clock_timestamp()) * 1000, 0)::bigint as "busy_ms"
           from deliveries where alert_id = $1 and channel = $2"#,
        alert_id.0,
        channel,
    )
    .fetch_optional(&mut *conn)
    .await
    .step("look at a delivery")?;
    match row {
        None => Err(StoreError::NotFound(format!("delivery of alert {alert_id} to channel {channel}"))),
        Some(row) if row.state == "delivered" => Ok(Claimed::AlreadyDelivered),
        Some(row) => {
            let busy_ms = row.busy_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default();
            Ok(Claimed::Busy(Duration::from_millis(busy_ms)))
        }
    }
}

async fn load(conn: &mut PgConnection, alert_id: AlertId, attempt: i32) -> Result<AlertToSend, StoreError> {
    let row = sqlx::query!(
        r#"select a.drift_id, a.type as alert_type, a.severity, a.title, a.message,
                  coalesce(a.created_at, now()) as "created_at!", d.account_name as "account_name?"
           from alerts a left join drift_details d on d.drift_id = a.drift_id
           where a.id = $1"#,
        alert_id.0,
    )
    .fetch_one(&mut *conn)
    .await
    .step("read an alert")?;
    let unreadable = |what: String| StoreError::unreadable(format_args!("alert {alert_id}"), what);
    let drift_id = row.drift_id.map(DriftId).ok_or_else(|| unreadable("it speaks of no drift".to_owned()))?;
    Ok(AlertToSend {
        id: alert_id,
        alert_type: row.alert_type.parse().map_err(unreadable)?,
        severity: row
            .severity
            .parse()
            .map_err(|e: crate::domain::severity::UnknownSeverity| unreadable(e.to_string()))?,
        title: row.title,
        message: row.message,
        created_at: row.created_at,
        drift: drift::get(conn, drift_id).await?,
        account_name: row.account_name,
        attempt,
    })
}

/// The receiver took it.
///
/// # Errors
/// If there is no such delivery, or the database does not answer.
pub async fn delivered(
    conn: &mut PgConnection,
    alert_id: AlertId,
    channel: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update deliveries
         set state = 'delivered', delivered_at = coalesce(delivered_at, $3), locked_until = null, last_error = null
         where alert_id = $1 and channel = $2",
        alert_id.0,
        channel,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("note a delivery as done")?;
    expect_rows(&done, 1, "note a delivery as done")
}

/// The receiver did not take it; `permanent` says that nothing will try again by itself. One that was delivered by
/// somebody else in the meantime stays delivered.
///
/// # Errors
/// If the database does not answer.
pub async fn failed(
    conn: &mut PgConnection,
    alert_id: AlertId,
    channel: &str,
    permanent: bool,
    error: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update deliveries
         set state = case when $3 then 'failed' else 'pending' end, locked_until = null, last_error = $4
         where alert_id = $1 and channel = $2 and state <> 'delivered'",
        alert_id.0,
        channel,
        permanent,
        error,
    )
    .execute(&mut *conn)
    .await
    .step("note a delivery as failed")?;
    Ok(())
}

/// A length of time for the database; longer than it can hold becomes the longest that it can.
pub(super) fn interval(length: Duration) -> PgInterval {
    let microseconds = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

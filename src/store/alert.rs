//! `alerts`: what people are to be told.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Step, StoreError, expect_rows};
use crate::domain::alert::AlertType;
use crate::domain::id::{AlertId, DriftId};
use crate::domain::severity::Severity;

/// Characters of a title at most.
pub const TITLE_MAX: usize = 255;

/// An alert to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlert {
    /// Its id; also the idempotency key of its deliveries.
    pub id: AlertId,
    /// The drift that it speaks of.
    pub drift_id: DriftId,
    /// What happened.
    pub alert_type: AlertType,
    /// The drift's severity.
    pub severity: Severity,
    /// One line, at most [`TITLE_MAX`] characters.
    pub title: String,
    /// The whole text.
    pub message: String,
}

/// Writes alerts.
///
/// # Errors
/// If the database refuses.
pub async fn insert_all(conn: &mut PgConnection, alerts: &[NewAlert], now: DateTime<Utc>) -> Result<(), StoreError> {
    if alerts.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = alerts.iter().map(|a| a.id.0).collect();
    let drifts: Vec<Uuid> = alerts.iter().map(|a| a.drift_id.0).collect();
    let types: Vec<&str> = alerts.iter().map(|a| a.alert_type.as_str()).collect();
    let severities: Vec<&str> = alerts.iter().map(|a| a.severity.as_str()).collect();
    let titles: Vec<&str> = alerts.iter().map(|a| a.title.as_str()).collect();
    let messages: Vec<&str> = alerts.iter().map(|a| a.message.as_str()).collect();
    let done = sqlx::query!(
        "insert into alerts (id, drift_id, type, severity, title, message, created_at)
         select id, drift_id, type, severity, title, message, $7
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
              as entry (id, drift_id, type, severity, title, message)",
        &ids,
        &drifts,
        &types as &[&str],
        &severities as &[&str],
        &titles as &[&str],
        &messages as &[&str],
        now,
    )
    .execute(&mut *conn)
    .await
    .step("write alerts")?;
    expect_rows(&done, alerts.len(), "write alerts")
}

//! `drift_events`: the timeline of a drift, with the steps that `audit_logs` has no name for.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Step, StoreError, expect_rows};
use crate::domain::id::{DriftId, UserId};
use crate::domain::user::Actor;

/// What happened to a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftEvent {
    /// A scan found it.
    Detected,
    /// A scan found another difference.
    Changed,
    /// Somebody looked at it.
    Triaged,
    /// It is to be put back.
    Approved,
    /// It is to stay, or is taken back because live matches expected again.
    Rejected,
    /// It is over.
    Resolved,
    /// A rule says from now on that it is none.
    Ignored,
    /// It came back within a day after it was put back.
    Recurring,
    /// Calls to put it back began.
    RemediationStarted,
    /// Putting it back did not work.
    RemediationFailed,
}

impl DriftEvent {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Changed => "changed",
            Self::Triaged => "triaged",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
            Self::Recurring => "recurring",
            Self::RemediationStarted => "remediation_started",
            Self::RemediationFailed => "remediation_failed",
        }
    }
}

/// An event to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The drift.
    pub drift_id: DriftId,
    /// What happened.
    pub event: DriftEvent,
    /// In whose name.
    pub actor: Actor,
    /// Scan, reason, pointers.
    pub details: Option<Value>,
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// What happened: `detected`, `changed`, `triaged`, `approved`, `rejected`, `resolved`,
    /// `ignored`, `recurring`, `remediation_started` or `remediation_failed`.
    pub event: String,
    /// Who; `None` for DriftSentry itself.
    pub actor_id: Option<UserId>,
    /// The actor's address at the time.
    pub actor_email: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Scan, reason, pointers.
    pub details: Option<Value>,
}

/// Adds events, in order.
///
/// # Errors
/// If the database refuses.
pub async fn append_all(conn: &mut PgConnection, events: &[NewEvent], now: DateTime<Utc>) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let drifts: Vec<Uuid> = events.iter().map(|e| e.drift_id.0).collect();
    let words: Vec<&str> = events.iter().map(|e| e.event.as_str()).collect();
    let actors: Vec<Option<Uuid>> = events.iter().map(|e| e.actor.id.map(|id| id.0)).collect();
    let emails: Vec<Option<&str>> = events.iter().map(|e| e.actor.email.as_deref()).collect();
    let details: Vec<Option<&Value>> = events.iter().map(|e| e.details.as_ref()).collect();
    let done = sqlx::query!(
        "insert into drift_events (drift_id, event, actor_id, actor_email, at, details)
         select drift_id, event, actor_id, actor_email, $6, details
         from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::jsonb[])
              with ordinality as entry (drift_id, event, actor_id, actor_email, details, place)
         order by place",
        &drifts,
        &words as &[&str],
        &actors as &[Option<Uuid>],
        &emails as &[Option<&str>],
        &details as &[Option<&Value>],
        now,
    )
    .execute(&mut *conn)
    .await
    .step("write drift events")?;
    expect_rows(&done, events.len(), "write drift events")
}

/// The timeline of a drift, oldest first.
///
/// # Errors
/// If the database does not answer.
pub async fn list(conn: &mut PgConnection, drift_id: DriftId) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query!(
        "select event, actor_id, actor_email, at, details from drift_events where drift_id = $1 order by at, id",
        drift_id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("read the timeline of a drift")?;
    Ok(rows
        .into_iter()
        .map(|row| Event {
            event: row.event,
            actor_id: row.actor_id.map(UserId),
            actor_email: row.actor_email,
            at: row.at,
            details: row.details,
        })
        .collect())
}

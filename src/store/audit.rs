//! `audit_logs`: the immutable record of what was done. Rows are only ever added.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Step, StoreError, expect_rows};
use crate::domain::id::DriftId;
use crate::domain::user::Actor;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// A scan found a drift.
    DriftCreated,
    /// Somebody approved putting it back.
    DriftApproved,
    /// Somebody let it stand, or live matched expected again by itself.
    DriftRejected,
    /// It is over.
    DriftResolved,
    /// Somebody signed in.
    UserLogin,
    /// Somebody signed out.
    UserLogout,
}

impl AuditAction {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DriftCreated => "drift_created",
            Self::DriftApproved => "drift_approved",
            Self::DriftRejected => "drift_rejected",
            Self::DriftResolved => "drift_resolved",
            Self::UserLogin => "user_login",
            Self::UserLogout => "user_logout",
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// The drift acted on; `None` for signing in and out.
    pub drift_id: Option<DriftId>,
    /// What was done.
    pub action: AuditAction,
    /// In whose name.
    pub actor: Actor,
    /// State before.
    pub old_value: Option<Value>,
    /// State after.
    pub new_value: Option<Value>,
    /// Context: scan, reason.
    pub details: Option<Value>,
    /// Address the request came from.
    pub ip_address: Option<IpAddr>,
    /// Program the request came from.
    pub user_agent: Option<String>,
}

impl AuditEntry {
    /// A record of something done to a drift, without values.
    #[must_use]
    pub fn of_drift(drift_id: DriftId, action: AuditAction, actor: Actor) -> Self {
        Self {
            drift_id: Some(drift_id),
            action,
            actor,
            old_value: None,
            new_value: None,
            details: None,
            ip_address: None,
            user_agent: None,
        }
    }
}

/// Adds records; their order is kept by their ids.
///
/// # Errors
/// If the database refuses.
pub async fn append_all(conn: &mut PgConnection, entries: &[AuditEntry], now: DateTime<Utc>) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = entries.iter().map(|_| Uuid::now_v7()).collect();
    let drifts: Vec<Option<Uuid>> = entries.iter().map(|e| e.drift_id.map(|id| id.0)).collect();
    let actions: Vec<&str> = entries.iter().map(|e| e.action.as_str()).collect();
    let actors: Vec<Option<Uuid>> = entries.iter().map(|e| e.actor.id.map(|id| id.0)).collect();
    let emails: Vec<Option<&str>> = entries.iter().map(|e| e.actor.email.as_deref()).collect();
    let old: Vec<Option<&Value>> = entries.iter().map(|e| e.old_value.as_ref()).collect();
    let new: Vec<Option<&Value>> = entries.iter().map(|e| e.new_value.as_ref()).collect();
    let details: Vec<Option<&Value>> = entries.iter().map(|e| e.details.as_ref()).collect();
    let addresses: Vec<Option<String>> = entries.iter().map(|e| e.ip_address.map(|ip| ip.to_string())).collect();
    let agents: Vec<Option<String>> =
        entries.iter().map(|e| e.user_agent.as_ref().map(|agent| agent.chars().take(500).collect())).collect();
    let done = sqlx::query!(
        "insert into audit_logs (id, drift_id, action, actor_id, actor_email, old_value, new_value, details,
                                 ip_address, user_agent, created_at)
         select id, drift_id, action, actor_id, actor_email, old_value, new_value, details,
                ip_address::inet, user_agent, $11
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::jsonb[], $7::jsonb[],
                     $8::jsonb[], $9::text[], $10::text[])
              as entry (id, drift_id, action, actor_id, actor_email, old_value, new_value, details,
                        ip_address, user_agent)",
        &ids,
        &drifts as &[Option<Uuid>],
        &actions as &[&str],
        &actors as &[Option<Uuid>],
        &emails as &[Option<&str>],
        &old as &[Option<&Value>],
        &new as &[Option<&Value>],
        &details as &[Option<&Value>],
        &addresses as &[Option<String>],
        &agents as &[Option<String>],
        now,
    )
    .execute(&mut *conn)
    .await
    .step("write audit records")?;
    expect_rows(&done, entries.len(), "write audit records")
}

//! The global stop: one row that every replica reads before each call.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::domain::user::Actor;
use crate::store::error::{Step, StoreError};

/// How the switch stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Switch {
    /// Whether no call that changes AWS may be made.
    pub stopped: bool,
    /// Why, as whoever used it last said.
    pub reason: Option<String>,
    /// Who that was; `None` if nobody was named, or nobody ever used it.
    pub by: Option<String>,
    /// When that was; `None` if nobody ever used it.
    pub at: Option<DateTime<Utc>>,
}

/// How it stands now.
///
/// # Errors
/// If the database does not answer.
pub async fn switch(conn: &mut PgConnection) -> Result<Switch, StoreError> {
    let row = sqlx::query!("select stopped, reason, actor_email, at from remediation_switch where id")
        .fetch_optional(&mut *conn)
        .await
        .step("read whether remediation is stopped")?;
    Ok(row.map_or_else(Switch::default, |row| Switch {
        stopped: row.stopped,
        reason: row.reason,
        by: row.actor_email,
        at: Some(row.at),
    }))
}

/// Stops or resumes.
///
/// # Errors
/// If the database refuses.
pub async fn set_switch(
    conn: &mut PgConnection,
    stopped: bool,
    reason: Option<&str>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into remediation_switch (stopped, reason, actor_id, actor_email, at) values ($1, $2, $3, $4, $5)
         on conflict (id) do update
         set stopped = excluded.stopped, reason = excluded.reason, actor_id = excluded.actor_id,
             actor_email = excluded.actor_email, at = excluded.at",
        stopped,
        reason,
        actor.id.map(|id| id.0),
        actor.email,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("stop or resume remediation")?;
    Ok(())
}

//! Raising an alert over one stored drift: the alert, its deliveries by the routes, and the jobs that make them, all in
//! the caller's transaction.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::alert::AlertType;
use crate::domain::drift::Drift;
use crate::domain::id::AlertId;
use crate::domain::route::{AlertFacts, Route, channels_of};
use crate::domain::story::TITLE_MAX;
use crate::domain::words::cut;
use crate::jobs::DeliverAlert;
use crate::queue;
use crate::store::{self, StoreError};

/// What is told.
#[derive(Debug, Clone)]
pub struct Told {
    /// What happened.
    pub alert_type: AlertType,
    /// One line; cut to what the database keeps.
    pub title: String,
    /// The whole text.
    pub message: String,
}

/// Raises it.
///
/// # Errors
/// If the database refuses.
pub async fn raise(
    conn: &mut PgConnection,
    routes: &[Route],
    drift: &Drift,
    told: Told,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let alert = store::alert::NewAlert {
        id: AlertId::new(),
        drift_id: drift.id,
        alert_type: told.alert_type,
        severity: drift.severity,
        title: cut(&told.title, TITLE_MAX),
        message: told.message,
    };
    store::alert::insert_all(&mut *conn, std::slice::from_ref(&alert), now).await?;
    let facts = AlertFacts {
        alert_type: alert.alert_type.as_str(),
        severity: drift.severity,
        key: &drift.key,
        account_name: drift.account_name.as_deref(),
    };
    let mut deliveries = Vec::new();
    let mut jobs = Vec::new();
    for channel in channels_of(routes, facts) {
        deliveries.push((alert.id, channel));
        jobs.push(DeliverAlert { alert_id: alert.id, channel: channel.to_owned() });
    }
    store::delivery::insert_all(&mut *conn, &deliveries).await?;
    queue::enqueue_all(&mut *conn, jobs).await?;
    Ok(())
}

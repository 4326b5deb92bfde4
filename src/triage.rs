//! What people do with a drift: triage, approve, reject, resolve. Each is one transaction with its trail.
//!
//! The moves that are legal stand in `domain::drift` and are enforced by the database; here it is decided who may act
//! and what is written down. Nothing here changes AWS: an approval enqueues the job that does, bound to the states that
//! were seen.

mod accept;
mod approve;
mod ignore;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::alerting::{self, Told};
use crate::domain::alert::AlertType;
use crate::domain::drift::{Drift, DriftStatus, ResolvedHow};
use crate::domain::id::{DriftId, ResourceKey};
use crate::domain::route::Route;
use crate::domain::story::Story;
use crate::domain::user::{Actor, Role, User};
use crate::store::audit::{AuditAction, AuditEntry};
use crate::store::event::{DriftEvent, NewEvent};
use crate::store::{self, Store, StoreError};
pub use ignore::{Ignore, Ignored, ignore};

/// Why an action was refused.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// Nobody has that address.
    #[error("no user has the address {0}: `driftsentry users list` shows who there is")]
    UnknownUser(String),
    /// The account is locked.
    #[error("the account of {0} is disabled")]
    Disabled(String),
    /// The role does not suffice.
    #[error("{email} is a {role}: acting on drifts takes an engineer or admin")]
    NotAllowed {
        /// Who.
        email: String,
        /// The user's role.
        role: Role,
    },
    /// The declaration is not ours to change.
    #[error(
        "{key} is declared in {place}, not in the baseline: change the declaration there, and the next scan ends the \
         drift; or reject it without --accept, or `driftsentry drifts ignore` it"
    )]
    DeclaredElsewhere {
        /// The resource.
        key: ResourceKey,
        /// Where it is declared.
        place: String,
    },
    /// There is nothing to be changed.
    #[error("the baseline holds {0} no more: scan again to see how it stands")]
    NotInBaseline(ResourceKey),
    /// Somebody was first.
    #[error(transparent)]
    TooLate(Box<TooLate>),
    /// What was seen is not there any more.
    #[error("drift {id} has changed since you saw it; it is {hash} now and says:\n\n{story}")]
    Changed {
        /// The drift.
        id: DriftId,
        /// Its fingerprint now, shortened.
        hash: String,
        /// What it says now.
        story: String,
    },
    /// What is asked for cannot be.
    #[error("{0}")]
    Refused(String),
    /// The database, or an illegal move.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody was first with a drift.
#[derive(Debug, thiserror::Error)]
#[error("{source} ({word} by {who} at {})", .at.format("%Y-%m-%d %H:%M:%S UTC"))]
pub struct TooLate {
    /// What was done: `approved`.
    pub word: String,
    /// Who did it.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why it cannot be done now.
    source: StoreError,
}

/// The user with this address, if the user may act on drifts.
///
/// # Errors
/// If there is none, the account is disabled, or its role does not suffice.
pub async fn actor(store: &Store, email: &str) -> Result<User, ActionError> {
    let mut conn = store.conn().await?;
    let user = store::user::find_by_email(&mut conn, email).await?;
    let user = user.ok_or_else(|| ActionError::UnknownUser(email.to_owned()))?;
    if !user.is_active {
        return Err(ActionError::Disabled(user.email));
    }
    if user.role < Role::Engineer {
        return Err(ActionError::NotAllowed { email: user.email, role: user.role });
    }
    Ok(user)
}

/// An approval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approve {
    /// Why.
    pub reason: Option<String>,
    /// Fingerprint of what was seen, whole or as it is shown; `None` approves what the drift says now.
    pub seen: Option<String>,
    /// Whether a job is to put it back: `[remediation] mode = "apply"`.
    pub remediate: bool,
}

/// What is done to a drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Somebody looks after it. Raises the `approval_needed` alert.
    Triage,
    /// It is to be put back. Of an approved drift: once more, after that did not work.
    Approve(Approve),
    /// It is to stay as it is.
    Reject {
        /// Why.
        reason: Option<String>,
    },
    /// It is to stay as it is, and the baseline says so from now on.
    Accept {
        /// Why.
        reason: Option<String>,
    },
    /// It is over.
    Resolve {
        /// How it ended.
        how: ResolvedHow,
    },
}

impl Action {
    fn event(&self) -> DriftEvent {
        match self {
            Self::Triage => DriftEvent::Triaged,
            Self::Approve(_) => DriftEvent::Approved,
            Self::Reject { .. } | Self::Accept { .. } => DriftEvent::Rejected,
            Self::Resolve { .. } => DriftEvent::Resolved,
        }
    }

    /// The name that the audit trail has for it; triage has none.
    fn audit_action(&self) -> Option<AuditAction> {
        match self {
            Self::Triage => None,
            Self::Approve(_) => Some(AuditAction::DriftApproved),
            Self::Reject { .. } | Self::Accept { .. } => Some(AuditAction::DriftRejected),
            Self::Resolve { .. } => Some(AuditAction::DriftResolved),
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Approve(approve) => approve.reason.as_deref(),
            Self::Reject { reason } | Self::Accept { reason } => reason.as_deref(),
            Self::Triage | Self::Resolve { .. } => None,
        }
    }
}

/// Does it: drift, timeline, audit trail, alert and its deliveries in one transaction. Returns the drift as it is then.
///
/// # Errors
/// If the drift is not in a status from which this is possible (somebody else may have been first), or the database
/// fails; then nothing has changed.
pub async fn act(
    store: &Store,
    routes: &[Route],
    id: DriftId,
    action: &Action,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Drift, ActionError> {
    let mut tx = store.begin().await?;
    let before = store::drift::get(&mut tx, id).await?;
    if let Err(error) = move_drift(&mut tx, &before, action, actor, now).await {
        return Err(who_was_first(&mut tx, id, error).await?);
    }
    let after = store::drift::get(&mut tx, id).await?;
    let details = details(&mut tx, &after, action, actor, now).await?;
    let event = NewEvent { drift_id: id, event: action.event(), actor: actor.clone(), details: details.clone() };
    store::event::append_all(&mut tx, &[event], now).await?;
    if let Some(name) = action.audit_action() {
        let entry = AuditEntry {
            old_value: Some(audited(&before)),
            new_value: Some(audited(&after)),
            details,
            ..AuditEntry::of_drift(id, name, actor.clone())
        };
        store::audit::append_all(&mut tx, &[entry], now).await?;
    }
    if after.status == DriftStatus::Triaged {
        ask_for_approval(&mut tx, routes, &after, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(after)
}

/// What is noted of the action beside the drift; an acceptance is carried out on the way, the drift's row being locked.
async fn details(
    conn: &mut PgConnection,
    drift: &Drift,
    action: &Action,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Option<Value>, ActionError> {
    let mut details = serde_json::Map::new();
    if let Some(reason) = action.reason() {
        details.insert("reason".to_owned(), json!(reason));
    }
    if let Action::Approve(approval) = action {
        let bound = approve::bind(conn, drift, approval, now).await?;
        details.insert("seen".to_owned(), json!(bound.seen_hash));
        details.extend(bound.job_id.map(|id| ("job_id".to_owned(), json!(id))));
    }
    if matches!(action, Action::Accept { .. }) {
        let version = accept::take_over(conn, drift, actor, action.reason(), now).await?;
        details.insert("baseline_version".to_owned(), json!(version));
    }
    Ok(if details.is_empty() { None } else { Some(Value::Object(details)) })
}

async fn move_drift(
    conn: &mut PgConnection,
    drift: &Drift,
    action: &Action,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let id = drift.id;
    match action {
        Action::Triage => store::drift::triage(conn, id).await,
        Action::Approve(Approve { reason, remediate, .. }) if *remediate && drift.status == DriftStatus::Approved => {
            store::drift::approve_again(conn, id, actor, reason.as_deref(), now).await
        }
        Action::Approve(Approve { reason, .. }) => store::drift::approve(conn, id, actor, reason.as_deref(), now).await,
        Action::Reject { reason } | Action::Accept { reason } => {
            store::drift::reject(conn, id, actor, reason.as_deref(), now).await
        }
        Action::Resolve { how } => store::drift::resolve(conn, id, *how, now).await,
    }
}

/// What of a drift the audit trail keeps beside the action.
fn audited(drift: &Drift) -> Value {
    json!({
        "status": drift.status,
        "approved_at": drift.approved_at,
        "approval_reason": drift.approval_reason,
        "rejected_at": drift.rejected_at,
        "rejection_reason": drift.rejection_reason,
        "resolved_at": drift.resolved_at,
        "resolved_how": drift.resolved_how,
    })
}

/// Tells, of a move that came too late, who was first.
async fn who_was_first(conn: &mut PgConnection, id: DriftId, error: StoreError) -> Result<ActionError, StoreError> {
    if !matches!(error, StoreError::IllegalMove { .. }) {
        return Ok(error.into());
    }
    let is_move =
        |event: &store::event::Event| ["triaged", "approved", "rejected", "resolved"].contains(&event.event.as_str());
    let events = store::event::list(conn, id).await?;
    let Some(last) = events.into_iter().rev().find(is_move) else { return Ok(error.into()) };
    let who = last.actor_email.unwrap_or_else(|| "driftsentry".to_owned());
    Ok(ActionError::TooLate(Box::new(TooLate { word: last.event, who, at: last.at, source: error })))
}

async fn ask_for_approval(
    conn: &mut PgConnection,
    routes: &[Route],
    drift: &Drift,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let story = Story::from(drift);
    let title = format!("Approval needed: {}", story.title());
    let told = Told { alert_type: AlertType::ApprovalNeeded, title, message: story.text() };
    alerting::raise(conn, routes, drift, told, now).await
}

//! What an approval is bound to, and the job that it makes necessary.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{ActionError, Approve};
use crate::domain::approval::{is_meant, seen_hash, short};
use crate::domain::drift::Drift;
use crate::domain::story::Story;
use crate::jobs::Remediate;
use crate::queue;
use crate::store;
use crate::store::remediation::Approval;

/// Binds the approval of `drift`, whose row is locked, to what it says; enqueues the job that puts it back, if one is
/// to.
pub(super) async fn bind(
    conn: &mut PgConnection,
    drift: &Drift,
    approve: &Approve,
    now: DateTime<Utc>,
) -> Result<Approval, ActionError> {
    let seen = seen_hash(&drift.expected_state, &drift.actual_state);
    if approve.seen.as_ref().is_some_and(|typed| !is_meant(typed, &seen)) {
        let story = Story::from(drift).text();
        return Err(ActionError::Changed { id: drift.id, hash: short(&seen).to_owned(), story });
    }
    let was_approved = store::remediation::find_approval(conn, drift.id).await?.is_some();
    let mut approval = Approval { drift_id: drift.id, seen_hash: seen.clone(), rule: None, job_id: None };
    if approve.remediate {
        if store::remediation::is_under_way(conn, drift.id).await? {
            let why =
                format!("drift {} is being put back already: `driftsentry drifts show {0}` tells how far", drift.id);
            return Err(ActionError::Refused(why));
        }
        let job = Remediate { drift_id: drift.id, seen, again: was_approved };
        approval.job_id = Some(queue::enqueue(conn, &job).await?);
    }
    store::remediation::write_approval(conn, &approval, now).await?;
    Ok(approval)
}

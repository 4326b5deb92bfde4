//! `drift_approvals`, `remediations`, `remediation_attempts`, `remediation_switch`: what may be put back, what is being
//! put back, and every call that was made for it.
//!
//! `run.rs` is one job's way from its first call to its end, `attempt.rs` the calls, `switch.rs` the global stop. The
//! row of an attempt is written before its call: what AWS may have carried out is never missing.

mod attempt;
mod run;
mod switch;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::id::{DriftId, JobId};
use crate::store::error::{Step, StoreError};
pub use attempt::{Attempt, NewAttempt, Outcome, attempts_of_drift, attempts_of_job, begin_attempt, settle_attempt};
pub use run::{
    Begin, Begun, Limits, Remediation, begin, expect_by, fail, is_under_way, latest_of_drift, note_remaining,
    open_of_job, put_back_since, succeed,
};
pub use switch::{Switch, set_switch, switch};

/// What an approval is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The drift.
    pub drift_id: DriftId,
    /// Fingerprint of what was seen ([`crate::domain::approval::seen_hash`]).
    pub seen_hash: String,
    /// The rule that approved; `None` if somebody did.
    pub rule: Option<String>,
    /// The job that puts it back, if there is one.
    pub job_id: Option<JobId>,
}

/// Writes what an approval is bound to; one that is given once more replaces the one before.
///
/// # Errors
/// If the database refuses.
pub async fn write_approval(
    conn: &mut PgConnection,
    approval: &Approval,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into drift_approvals (drift_id, seen_hash, rule, job_id, approved_at) values ($1, $2, $3, $4, $5)
         on conflict (drift_id) do update
         set seen_hash = excluded.seen_hash, rule = excluded.rule, job_id = excluded.job_id,
             approved_at = excluded.approved_at",
        approval.drift_id.0,
        approval.seen_hash,
        approval.rule,
        approval.job_id.map(|id| id.0),
        now,
    )
    .execute(&mut *conn)
    .await
    .step("write an approval")?;
    Ok(())
}

/// What the latest approval of a drift is bound to.
///
/// # Errors
/// If the database does not answer.
pub async fn find_approval(conn: &mut PgConnection, drift_id: DriftId) -> Result<Option<Approval>, StoreError> {
    let row = sqlx::query!("select seen_hash, rule, job_id from drift_approvals where drift_id = $1", drift_id.0)
        .fetch_optional(&mut *conn)
        .await
        .step("read an approval")?;
    Ok(row.map(|row| Approval { drift_id, seen_hash: row.seen_hash, rule: row.rule, job_id: row.job_id.map(JobId) }))
}

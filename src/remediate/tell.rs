//! What is told of a remediation that failed: call by call what was done and what was not, and what still differs.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use crate::alerting::{self, Told};
use crate::domain::alert::AlertType;
use crate::domain::drift::DriftStatus;
use crate::domain::id::DriftId;
use crate::domain::route::Route;
use crate::domain::story::Story;
use crate::domain::user::Actor;
use crate::domain::words::clean;
use crate::store::event::{DriftEvent, NewEvent};
use crate::store::remediation::Attempt;
use crate::store::{self, StoreError};

/// Closes the remediation of a drift as failed and tells everybody who must know. The drift stays approved: approving it
/// once more, or retrying the job, tries again.
pub(super) async fn failed(
    conn: &mut PgConnection,
    routes: &[Route],
    drift_id: DriftId,
    error: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let drift = store::drift::get(&mut *conn, drift_id).await?;
    let job_id = store::remediation::fail(&mut *conn, drift_id, error, now).await?;
    if drift.status != DriftStatus::Approved {
        return Ok(());
    }
    let attempts = match job_id {
        Some(id) => store::remediation::attempts_of_job(&mut *conn, id).await?,
        None => Vec::new(),
    };
    let remaining = match job_id {
        Some(_) => store::remediation::latest_of_drift(&mut *conn, drift_id).await?.and_then(|run| run.remaining),
        None => None,
    };
    let details = json!({ "reason": error, "job_id": job_id, "calls": attempts.len(), "remaining": remaining });
    let event =
        NewEvent { drift_id, event: DriftEvent::RemediationFailed, actor: Actor::system(), details: Some(details) };
    store::event::append_all(&mut *conn, &[event], now).await?;
    let story = Story::from(&drift);
    let told = Told {
        alert_type: AlertType::RemediationFailed,
        title: format!("Putting it back failed: {}", story.title()),
        message: format!("{}\n\n{}", account_of(error, &attempts, remaining.as_deref(), drift_id), story.text()),
    };
    alerting::raise(conn, routes, &drift, told, now).await
}

/// The account of it in words.
fn account_of(error: &str, attempts: &[Attempt], remaining: Option<&[String]>, drift_id: DriftId) -> String {
    let mut text = format!("Putting it back failed: {}.\n", clean(error).trim_end_matches('.'));
    if attempts.is_empty() {
        text.push_str("No call was made: the resource is as it was.\n");
    } else {
        text.push_str("Calls that were made:\n");
        for attempt in attempts {
            writeln!(text, "  {}", call(attempt)).expect("writing to a String cannot fail");
        }
        let state = match remaining {
            None => "What state the resource is in now could not be read.".to_owned(),
            Some([]) => "All of it is as declared now.".to_owned(),
            Some(pointers) => format!("Not as declared when it was last read: {}.", clean(&pointers.join(", "))),
        };
        writeln!(text, "{state}").expect("writing to a String cannot fail");
    }
    write!(text, "To try again: driftsentry drifts approve {drift_id}").expect("writing to a String cannot fail");
    text
}

/// One call in one line.
fn call(attempt: &Attempt) -> String {
    let became = match attempt.outcome.as_str() {
        "done" => "done".to_owned(),
        "nothing_to_do" => "was so already".to_owned(),
        "failed" => format!("FAILED: {}", clean(attempt.error.as_deref().unwrap_or_default())),
        _ => "no answer is known, it may have taken effect".to_owned(),
    };
    let id = attempt.request_id.as_deref().map(|id| format!(" (request {})", clean(id))).unwrap_or_default();
    format!("{}. {} ({}): {became}{id}", attempt.step, clean(&attempt.summary), attempt.operation)
}

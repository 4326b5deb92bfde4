//! `remediation_attempts`: every call that changes AWS.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::id::{DriftId, JobId};
use crate::store::error::{Step, StoreError, expect_rows};

/// A call that is about to be made.
#[derive(Debug, Clone)]
pub struct NewAttempt<'a> {
    /// The job that makes it.
    pub job_id: JobId,
    /// The drift that it is to put back.
    pub drift_id: DriftId,
    /// Which call of the job, from 1.
    pub step: i32,
    /// Fingerprint of the plan that it belongs to.
    pub plan: &'a str,
    /// AWS service.
    pub service: &'a str,
    /// API operation.
    pub operation: &'a str,
    /// Its parameters.
    pub parameters: &'a Value,
    /// JSON pointers of the changes that it puts back.
    pub restores: &'a [String],
    /// What it does, for people.
    pub summary: &'a str,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// AWS carried it out.
    Done,
    /// It was so already.
    NothingToDo,
    /// AWS refused or failed; after a time-out it may have taken effect.
    Failed,
}

impl Outcome {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingToDo => "nothing_to_do",
            Self::Failed => "failed",
        }
    }
}

/// A call that was made, or was about to be when its worker ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// The job that made it.
    pub job_id: JobId,
    /// Which call of the job, from 1.
    pub step: i32,
    /// AWS service.
    pub service: String,
    /// API operation.
    pub operation: String,
    /// Its parameters.
    pub parameters: Value,
    /// JSON pointers of the changes that it was to put back.
    pub restores: Vec<String>,
    /// What it does, for people.
    pub summary: String,
    /// `begun` (no answer is known), `done`, `nothing_to_do` or `failed`.
    pub outcome: String,
    /// AWS's id of the request.
    pub request_id: Option<String>,
    /// What AWS answered instead.
    pub error: Option<String>,
    /// When it was made.
    pub started_at: DateTime<Utc>,
    /// When its outcome was known.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Writes a call down before it is made; its id.
///
/// # Errors
/// If another worker has written this step of the job down, or the database refuses.
pub async fn begin_attempt(
    conn: &mut PgConnection,
    new: &NewAttempt<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        "insert into remediation_attempts (job_id, drift_id, step, plan, service, operation, parameters, restores,
                                           summary, started_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
        new.job_id.0,
        new.drift_id.0,
        new.step,
        new.plan,
        new.service,
        new.operation,
        new.parameters,
        Json(new.restores) as _,
        new.summary,
        now,
    )
    .fetch_one(&mut *conn)
    .await
    .step("write down a call before it is made")
}

/// Writes down what became of a call.
///
/// # Errors
/// If the database refuses.
pub async fn settle_attempt(
    conn: &mut PgConnection,
    id: i64,
    outcome: Outcome,
    request_id: Option<&str>,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update remediation_attempts set outcome = $2, request_id = $3, error = $4, finished_at = $5
         where id = $1 and outcome = 'begun'",
        id,
        outcome.as_str(),
        request_id,
        error,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("write down what became of a call")?;
    expect_rows(&done, 1, "write down what became of a call")
}

/// The calls of a job, in their order.
///
/// # Errors
/// If the database does not answer.
pub async fn attempts_of_job(conn: &mut PgConnection, id: JobId) -> Result<Vec<Attempt>, StoreError> {
    select(conn, Some(id.0), None).await
}

/// The calls that were made for a drift by whatever job, in their order.
///
/// # Errors
/// If the database does not answer.
pub async fn attempts_of_drift(conn: &mut PgConnection, id: DriftId) -> Result<Vec<Attempt>, StoreError> {
    select(conn, None, Some(id.0)).await
}

async fn select(conn: &mut PgConnection, job: Option<Uuid>, drift: Option<Uuid>) -> Result<Vec<Attempt>, StoreError> {
    let rows = sqlx::query!(
        r#"select job_id, step, service, operation, parameters, restores as "restores: Json<Vec<String>>", summary,
                  outcome, request_id, error, started_at, finished_at
           from remediation_attempts
           where ($1::uuid is null or job_id = $1) and ($2::uuid is null or drift_id = $2) order by id"#,
        job,
        drift,
    )
    .fetch_all(&mut *conn)
    .await
    .step("read the calls of a remediation")?;
    let attempts = rows.into_iter().map(|row| Attempt {
        job_id: JobId(row.job_id),
        step: row.step,
        service: row.service,
        operation: row.operation,
        parameters: row.parameters,
        restores: row.restores.0,
        summary: row.summary,
        outcome: row.outcome,
        request_id: row.request_id,
        error: row.error,
        started_at: row.started_at,
        finished_at: row.finished_at,
    });
    Ok(attempts.collect())
}

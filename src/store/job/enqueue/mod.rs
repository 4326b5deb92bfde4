//! Writes jobs: one statement for plain ones, further ones only for what is asked of them (unique keys, orders,
//! dependencies).
//!
//! Invariant: locks are taken in a fixed order, so that enqueuing transactions do not block each other in a circle:
//! unique keys, their holders, order keys, awaited jobs; each sorted.

mod unique;
mod wait;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::domain::id::JobId;
use crate::store::delivery::interval;
use crate::store::error::{Step, StoreError, expect_rows};
pub use unique::{OnConflict, Unique};
use wait::Waits;

/// The lowest and the highest priority.
const PRIORITIES: std::ops::RangeInclusive<i16> = -1..=2;
/// Rows of one statement at most: more are no faster, and a message has an end.
const MOST_ROWS: usize = 20_000;

/// What jobs of one kind have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobKind<'a> {
    /// Its name.
    pub name: &'a str,
    /// Which limits of concurrency it falls under.
    pub lane: &'a str,
    /// Attempts allowed.
    pub max_attempts: i32,
}

/// How often something may be used by jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// What is used: a channel, an account. Jobs of all kinds that name it take turns.
    pub key: String,
    /// From the start of one such job to the start of the next, at least.
    pub every: Duration,
}

/// A job to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its id. No job has had it before.
    pub id: JobId,
    /// Higher goes first: -1 low, 0 usual, 1 high, 2 urgent.
    pub priority: i16,
    /// Not before; `None` is now.
    pub run_at: Option<DateTime<Utc>>,
    /// The handler's arguments, as JSON.
    pub payload: String,
    /// Jobs that must be over before it runs.
    pub after: Vec<JobId>,
    /// Jobs of one such key run one after the other.
    pub order: Option<String>,
    /// What it must not use too often.
    pub rate: Option<Rate>,
    /// What it must not be written for twice.
    pub unique: Option<Unique>,
}

impl NewJob {
    /// A job of which nothing special is asked.
    #[must_use]
    pub fn new(id: JobId, payload: String) -> Self {
        Self { id, priority: 0, run_at: None, payload, after: Vec::new(), order: None, rate: None, unique: None }
    }

    /// Whether writing it concerns no other job.
    fn is_plain(&self) -> bool {
        self.after.is_empty() && self.order.is_none() && self.unique.is_none()
    }

    fn check(&self, kind: &str) -> Result<(), StoreError> {
        if !PRIORITIES.contains(&self.priority) {
            let reason = format!("a {kind} job cannot have the priority {}: it goes from -1 to 2", self.priority);
            return Err(StoreError::Refused(reason));
        }
        let mut keys = self.order.iter().chain(self.rate.as_ref().map(|rate| &rate.key));
        let has_nul_key =
            keys.any(|key| key.contains('\0')) || self.unique.as_ref().is_some_and(|unique| unique.key.contains('\0'));
        let what = match (holds_nul(&self.payload), has_nul_key) {
            (false, false) => return Ok(()),
            (true, _) => "its arguments hold",
            (false, true) => "one of its keys holds",
        };
        let reason = format!("{what} a NUL character, which PostgreSQL cannot store; remove it");
        Err(StoreError::Unstorable { subject: format!("{kind} job {}", self.id), reason })
    }
}

/// Whether a string of a JSON text holds `U+0000`, which `jsonb` refuses.
fn holds_nul(json: &str) -> bool {
    // After an odd number of backslashes, the one that is found is itself escaped.
    let is_escaped = |at: usize| json.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    json.match_indices("\\u0000").any(|(at, _)| !is_escaped(at))
}

/// Writes jobs of one kind. For each, in their order, comes the id of the job that does its work: its own, or that of
/// the one that holds its unique key.
///
/// # Errors
/// If a priority, a key or a payload cannot be stored, a job waits for one that comes after it, or the database
/// refuses. Then nothing is written.
pub async fn insert_all(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    jobs: Vec<NewJob>,
) -> Result<Vec<JobId>, StoreError> {
    jobs.iter().try_for_each(|job| job.check(kind.name))?;
    if !jobs.iter().all(NewJob::is_plain) {
        return insert_linked(conn, kind, jobs).await;
    }
    if jobs.len() <= MOST_ROWS {
        write_plain(conn, kind, &jobs).await?;
    } else {
        let mut tx = conn.begin().await.step("begin to enqueue jobs")?;
        for some in jobs.chunks(MOST_ROWS) {
            write_plain(&mut tx, kind, some).await?;
        }
        tx.commit().await.step("enqueue jobs")?;
    }
    Ok(jobs.iter().map(|job| job.id).collect())
}

async fn write_plain(conn: &mut PgConnection, kind: JobKind<'_>, jobs: &[NewJob]) -> Result<(), StoreError> {
    let are_alike = |first: &NewJob| {
        let is_like_first = |job: &NewJob| (job.priority, job.run_at) == (first.priority, first.run_at);
        jobs.iter().all(|job| job.rate.is_none() && is_like_first(job))
    };
    match jobs {
        [] => Ok(()),
        [job] => write_one(conn, kind, job, &Waits::default()).await,
        [first, ..] if are_alike(first) => write_alike(conn, kind, first, jobs).await,
        _ => write_mixed(conn, kind, jobs, &vec![Waits::default(); jobs.len()]).await,
    }
}

/// Writes jobs that concern others. In a transaction of its own (a savepoint, if there is one already), as its locks
/// must hold from the first statement to the last.
async fn insert_linked(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    jobs: Vec<NewJob>,
) -> Result<Vec<JobId>, StoreError> {
    let mut tx = conn.begin().await.step("begin to enqueue jobs")?;
    let admitted = unique::admit(&mut tx, kind, jobs).await?;
    let waits = wait::find(&mut tx, &admitted).await?;
    match admitted.jobs.as_slice() {
        [] => {}
        [job] => write_one(&mut tx, kind, job, &waits[0]).await?,
        jobs => {
            for (jobs, waits) in jobs.chunks(MOST_ROWS).zip(waits.chunks(MOST_ROWS)) {
                write_mixed(&mut tx, kind, jobs, waits).await?;
            }
        }
    }
    wait::write(&mut tx, &admitted.jobs, &waits).await?;
    tx.commit().await.step("enqueue jobs")?;
    Ok(admitted.ids)
}

async fn write_one(conn: &mut PgConnection, kind: JobKind<'_>, job: &NewJob, waits: &Waits) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into jobs_live (id, kind, lane, max_attempts, priority, run_at, payload, order_key, rate_key,
                                rate_interval, waiting_for, has_dependents)
         values ($1, $2, $3, $4, $5, coalesce($6, now()), $7::text::jsonb, $8, $9, $10, $11, $12)",
        job.id.0,
        kind.name,
        kind.lane,
        kind.max_attempts,
        job.priority,
        job.run_at,
        job.payload,
        job.order,
        job.rate.as_ref().map(|rate| rate.key.as_str()),
        job.rate.as_ref().map(|rate| interval(rate.every)),
        waits.count(),
        waits.has_dependents,
    )
    .execute(&mut *conn)
    .await
    .step("enqueue a job")?;
    Ok(())
}

/// Writes plain jobs that differ in nothing but their arguments.
async fn write_alike(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    first: &NewJob,
    jobs: &[NewJob],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id.0).collect();
    let payloads: Vec<&str> = jobs.iter().map(|job| job.payload.as_str()).collect();
    let done = sqlx::query!(
        "insert into jobs_live (id, kind, lane, max_attempts, priority, run_at, payload)
         select id, $1, $2, $3, $4, coalesce($5, now()), payload::jsonb
         from unnest($6::uuid[], $7::text[]) as entry (id, payload)",
        kind.name,
        kind.lane,
        kind.max_attempts,
        first.priority,
        first.run_at,
        &ids,
        &payloads as &[&str],
    )
    .execute(&mut *conn)
    .await
    .step("enqueue jobs")?;
    expect_rows(&done, jobs.len(), "enqueue jobs")
}

async fn write_mixed(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    jobs: &[NewJob],
    waits: &[Waits],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id.0).collect();
    let payloads: Vec<&str> = jobs.iter().map(|job| job.payload.as_str()).collect();
    let priorities: Vec<i16> = jobs.iter().map(|job| job.priority).collect();
    let times: Vec<_> = jobs.iter().map(|job| job.run_at).collect();
    let orders: Vec<_> = jobs.iter().map(|job| job.order.as_deref()).collect();
    let rate_keys: Vec<_> = jobs.iter().map(|job| job.rate.as_ref().map(|rate| rate.key.as_str())).collect();
    let rate_intervals: Vec<_> = jobs.iter().map(|job| job.rate.as_ref().map(|rate| interval(rate.every))).collect();
    let waiting: Vec<i32> = waits.iter().map(Waits::count).collect();
    let dependents: Vec<bool> = waits.iter().map(|waits| waits.has_dependents).collect();
    let done = sqlx::query!(
        "insert into jobs_live (id, kind, lane, max_attempts, payload, priority, run_at, order_key, rate_key,
                                rate_interval, waiting_for, has_dependents)
         select id, $1, $2, $3, payload::jsonb, priority, coalesce(run_at, now()), order_key, rate_key,
                rate_interval, waiting_for, has_dependents
         from unnest($4::uuid[], $5::text[], $6::smallint[], $7::timestamptz[], $8::text[], $9::text[],
                     $10::interval[], $11::integer[], $12::boolean[])
              as entry (id, payload, priority, run_at, order_key, rate_key, rate_interval, waiting_for,
                        has_dependents)",
        kind.name,
        kind.lane,
        kind.max_attempts,
        &ids,
        &payloads as &[&str],
        &priorities,
        &times as &[Option<DateTime<Utc>>],
        &orders as &[Option<&str>],
        &rate_keys as &[Option<&str>],
        &rate_intervals as &[Option<sqlx::postgres::types::PgInterval>],
        &waiting,
        &dependents,
    )
    .execute(&mut *conn)
    .await
    .step("enqueue jobs")?;
    expect_rows(&done, jobs.len(), "enqueue jobs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(payload: &str) -> NewJob {
        NewJob::new(JobId::new(), payload.to_owned())
    }

    #[test]
    fn a_nul_is_told_from_a_text_that_looks_like_one() {
        assert!(holds_nul(r#"{"a": "x\u0000"}"#));
        assert!(holds_nul(r#"{"a": "\\\u0000"}"#));
        assert!(!holds_nul(r#"{"a": "\\u0000"}"#));
        assert!(!holds_nul(r#"{"a": "\u0001"}"#));
    }

    #[test]
    fn what_cannot_be_stored_is_refused_with_a_reason() {
        let error = job(r#"["\u0000"]"#).check("mail").unwrap_err().to_string();
        assert!(error.contains("is not stored: its arguments hold a NUL character"), "{error}");
        let error = NewJob { order: Some("a\0".into()), ..job("{}") }.check("mail").unwrap_err().to_string();
        assert!(error.contains("one of its keys holds a NUL character"), "{error}");
        let error = NewJob { priority: 3, ..job("{}") }.check("mail").unwrap_err().to_string();
        assert_eq!(error, "a mail job cannot have the priority 3: it goes from -1 to 2");
        assert!(job("{}").check("mail").is_ok());
    }
}

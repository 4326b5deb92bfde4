//! `jobs` and what lies beside it: the rows of the queue.
//!
//! `jobs` is two tables: `jobs_live` holds what waits or runs, `jobs_done` what is over. `enqueue/` is how jobs come to
//! be; `claim.rs`, `settle.rs`, `limits.rs` and `presence.rs` are what the queue's workers do (protocol: `crate::queue`); the other files are what people see and do:
//! `people.rs` reads, `act.rs` retries and cancels, `stats.rs` counts, `retention.rs` forgets. `release.rs` serves both:
//! what follows when a job is over.

mod act;
mod claim;
mod enqueue;
mod limits;
mod people;
mod presence;
mod release;
mod retention;
mod settle;
mod stats;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::domain::id::JobId;
pub use act::{Cancelled, RetryFilter, cancel, retry, retry_discarded};
pub use claim::{
    Claim, ClaimedJob, Held, Lease, Position, Strand, claim, extend, hand_back, next_due, report_progress,
};
pub use enqueue::{JobKind, NewJob, OnConflict, Rate, Unique, insert_all};
pub use limits::{free_places, hold, put_off, take_turns};
pub use people::{attempts, get, list, now, waited_for, waiting};
pub use presence::{Presence, leave, show};
pub(crate) use release::{cancel_at_once, release};
pub use retention::prune;
pub use settle::{Completed, Done, End, complete_all, end, retry_later, snooze};
pub use stats::{FailureCount, KindStats, QueueStats, RunTimes, WorkerStats, failures, kinds, stats, workers};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting for a worker, perhaps for its time: a retry waits so.
    Available,
    /// Held by a worker.
    Running,
    /// Done.
    Completed,
    /// Given up: the dead letter.
    Discarded,
    /// Called off by a person.
    Cancelled,
}

impl JobState {
    /// All.
    pub const ALL: [Self; 5] = [Self::Available, Self::Running, Self::Completed, Self::Discarded, Self::Cancelled];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = "available, running, completed, discarded or cancelled";
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no state of a job: {known}"))
    }
}

/// A job, as people read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: String,
    /// Which limits of concurrency it falls under.
    pub lane: String,
    /// Where it is.
    pub state: JobState,
    /// Higher goes first.
    pub priority: i16,
    /// Attempts begun.
    pub attempt: i32,
    /// Attempts allowed.
    pub max_attempts: i32,
    /// How often it was put off without an attempt being counted.
    pub snoozes: i32,
    /// Jobs that must be over before it may run.
    pub waiting_for: i32,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// The handler's arguments.
    pub payload: Value,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The process that holds it.
    pub worker: Option<String>,
    /// Since when its handler is asked to end.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// What the handler last said of how far it is.
    pub progress: Option<Value>,
    /// Jobs of one key run one after the other.
    pub order_key: Option<String>,
    /// What must not be used too often.
    pub rate_key: Option<String>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When the last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed, discarded or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Job {
    /// The attempt that completed it, which is kept with the job alone. `None` if none did.
    #[must_use]
    pub fn completing_attempt(&self) -> Option<Attempt> {
        match (self.state, self.started_at, self.finished_at) {
            (JobState::Completed, Some(started_at), Some(finished_at)) => Some(Attempt {
                attempt: self.attempt,
                worker: self.worker.clone(),
                started_at,
                finished_at,
                outcome: JobState::Completed.as_str().to_owned(),
                error: None,
            }),
            _ => None,
        }
    }
}

/// An attempt of a job that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Which attempt.
    pub attempt: i32,
    /// The process that ran it.
    pub worker: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended or was taken to be lost.
    pub finished_at: DateTime<Utc>,
    /// `retried`, `discarded`, `cancelled`, `lost` or `snoozed`; `completed` for [`Job::completing_attempt`].
    pub outcome: String,
    /// Why.
    pub error: Option<String>,
}

/// A job as the neighbour of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Its id.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: String,
    /// Where it is.
    pub state: JobState,
}

/// Which jobs to list; `None` is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// In this state.
    pub state: Option<JobState>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this lane.
    pub lane: Option<String>,
    /// Whose last error holds this text, whatever its case.
    pub error: Option<String>,
    /// Enqueued before.
    pub older_than: Option<DateTime<Utc>>,
    /// Enqueued since.
    pub newer_than: Option<DateTime<Utc>>,
}

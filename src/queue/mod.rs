//! The job queue on PostgreSQL: at least once, leased, retried, dead-lettered. It names no job kind.
//!
//! # Protocol
//! A job is a row of `jobs`. It is written in the transaction that makes it necessary ([`enqueue`]), so it exists if
//! and only if its cause does.
//!
//! ```text
//!             claim (attempt + 1, new lease token)            complete
//!  available ───────────────────────────────────► running ───────────────► completed
//!      ▲                                             │
//!      ├── retry (after backoff), snooze (attempt − 1), hand back (attempt − 1)
//!      ├── lease ran out, attempts left ─────────────┤
//!      │                                             ├── give up, attempts used up ──► discarded
//!      └────────────── `jobs retry` ◄── cancelled ◄──┘ `jobs cancel`
//! ```
//!
//! - **Claim** in one short statement (`for update skip locked`), work with no transaction open, settle in another.
//! - A **lease**, not a lock, says who works. Each process extends all its leases with one statement every third of
//!   their length; the database's clock decides. A lease that ran out makes the job available again, the attempt counted.
//! - Every statement that settles or extends names the **token** of its claim (the fence). A worker that lost its lease
//!   writes nothing, and its handler is dropped as soon as it is known.
//! - A job that uses up its attempts, or gives up, is **discarded** in one transaction with [`Handler::discarded`], so
//!   that the handler's own rows are closed if and only if the job is. If the last attempt was lost, the process that
//!   finds it does so.
//!
//! # Invariants
//! - No two workers hold one job's lease at a time. Two may *run* it for a moment, if the first is slow to notice a lost
//!   lease: handlers are idempotent.
//! - No transaction and no pooled connection is held while a job runs.
//! - Stopping loses nothing: soft, running jobs finish with their leases extended; hard or killed, leases give them back.
//! - An idle process sends about one statement a second: no notification channel, but a wake-up within the process and
//!   adaptive polling.

mod announce;
mod backoff;
mod buffer;
mod enqueue;
mod error;
mod fetch;
mod handler;
mod lease;
mod link;
mod run;
mod settle;
mod upkeep;
mod wake;
mod worker;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use enqueue::{EnqueueOptions, OnConflict, Rate, Unique, enqueue, enqueue_all, enqueue_all_with, enqueue_with};
pub use error::JobError;
pub use handler::{Handler, JobContext};
pub use worker::{Announcer, LaneLimits, Workers, WorkersBuilder};

/// The payload of a job kind.
pub trait JobArgs: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Name in the database. Never renamed, only aliased.
    const KIND: &'static str;
    /// How it is retried.
    const POLICY: Policy;
    /// The lane whose limits it falls under ([`WorkersBuilder::lane`]), and in which it waits: one of its own, unless
    /// kinds are to share limits.
    const LANE: &'static str = Self::KIND;
    /// Whether completed jobs are kept for a while, for people to see; else nothing is left of them.
    const IS_KEPT: bool = true;
}

/// How a job kind is retried.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Attempts at most, the first included.
    pub max_attempts: i32,
    /// Delay before the first retry; doubles with each further one, with full jitter.
    pub backoff_base: Duration,
    /// Delay at most.
    pub backoff_cap: Duration,
}

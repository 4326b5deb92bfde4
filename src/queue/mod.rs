//! The job queue on PostgreSQL: at least once, leased, retried, dead-lettered. It names no job kind.
//!
//! # What is stored
//! A job is a row of `jobs`, written in the transaction that makes it necessary ([`enqueue()`]), so that it exists if and
//! only if its cause does. `jobs` is two tables: `jobs_live` holds what waits or runs and stays small, `jobs_done` what
//! is over. One index serves claims: `(lane, priority, run_at, id)` of the live jobs that wait for no other.
//!
//! ```text
//!             claim (attempt + 1, new lease token)            complete
//!  available ───────────────────────────────────► running ───────────────► completed
//!      ▲                                          │  │ ▲
//!      ├── retry (after backoff), snooze (attempt − 1), hand back (attempt − 1)
//!      │                                          │  │ └─ lease ran out: claimed by another (attempt + 1, loss noted)
//!      │                                          │  ├── give up, attempts used up ──► discarded
//!      └────────────── `jobs retry` ◄─────────────┴──┴── `jobs cancel` ────────────► cancelled
//! ```
//!
//! # Protocol
//! - **Claim.** One statement takes a batch: it goes through *strands* (a lane at a priority) in the order that the
//!   claimer chose, each by the index, `for update skip locked`, no further than it needs, and updates the rows found by
//!   their `ctid`. It sets only columns that no index names, and pages of `jobs_live` keep room for the second version of
//!   each row (fillfactor 40), so the update is HOT: no index is written. Its commit is not waited for to be durable: a
//!   claim that a crash of the server takes back is a job that runs again, which it may anyway.
//! - **Lease.** A claimed row carries `lease_until`, on the database's clock, and a random `lease_token`. Each process
//!   extends all its leases, begun or not or not settled yet, with one statement every third of their length.
//! - **Fence.** Every statement that settles, extends or reports names id *and* token. Who holds another token writes
//!   nothing and is told so; its handler is dropped. A token and not the attempt's number, because a claim that a crash
//!   took back would give the same number twice.
//! - **Loss.** A row whose `lease_until` has passed is found by the same claim as any other: there is no rescuer that
//!   could race. The claim that takes it gives it a new token, so that a loss is one rescue; it keeps who lost it, and
//!   notes the lost attempt in its own transaction. If no attempt is left, the claimer gives the job up instead of
//!   running it.
//! - **Settle.** Completed jobs go over a channel to two settlers, each of which writes whatever came in meanwhile as one batch, in
//!   one durable transaction: delete from `jobs_live` by id and token, insert into `jobs_done` (unless the kind says
//!   [`JobArgs::IS_KEPT`]` = false`), release of who waits. Retries, snoozes and ends are settled one by one.
//! - **End.** A job that uses up its attempts, gives up, or was called off while it ran is moved to `jobs_done` in one
//!   transaction with [`Handler::discarded`], so that the handler's own rows are closed if and only if the job is. If the
//!   handler fails at that, the job comes back by its lease; with its attempts used up it is closed without.
//! - **Cancel.** A waiting job is moved at once. For a running one the request is written into its row and notified; the
//!   worker hears it at once or with the next heartbeat, [`JobContext::cancelled`] tells the handler, and after a grace
//!   the handler is dropped.
//! - **Exactly once in this database.** [`JobContext::complete_in`] completes a job in the handler's own transaction.
//!
//! # Waiting for others
//! A job enqueued after others ([`EnqueueOptions::after`], [`EnqueueOptions::order`]) counts in `waiting_for` those that
//! are not over, and is in no claim's index until that is 0. Who enqueues it marks the awaited rows (`has_dependents`)
//! and by that locks them; who settles takes the same locks by deleting the rows, and looks for dependents in a *later*
//! statement of the same transaction. So either the settler sees the dependent, or the enqueuer sees that the awaited job
//! is over. Settlers give way to enqueuers (`lock_timeout`), who cannot repeat their caller's transaction.
//!
//! # How much and when
//! - One fetcher per process claims as much as there are idle executors, and ahead of them only where jobs turn out to be
//!   short; what is not begun at a soft stop is handed back at once, the attempt not counted.
//! - High priorities first, but one claim in eight from the lowest up: nothing starves. Lanes take turns; a lane may be
//!   limited in a process, and over all ([`LaneLimits`]: places are rows whose lease must hold, so that a dead process
//!   frees its own). A rate ([`Rate`]) gives each job its turn when it is claimed: whose turn is later is put back until
//!   exactly then, once.
//! - A claim begins behind the last job that its process claimed in the strand, so that it does not walk through the
//!   remains of finished jobs while a long transaction elsewhere keeps them from being vacuumed. What lies before that mark
//!   (committed late, handed back, lost) is found by claims from the beginning, which may take a small part of the time.
//! - Idle processes poll once a second, or when the next job is due. What is enqueued here wakes the own fetcher, and
//!   others by a coalesced `NOTIFY` after the fact (`announce.rs`); whatever is not heard is found by polling.
//!
//! # Invariants
//! - No two workers hold one job's lease at a time. Two may *run* it for a moment, if the first is slow to notice a lost
//!   lease: handlers are idempotent.
//! - A job is in `jobs_live` or in `jobs_done`, never in both or none, until retention removes it.
//! - No transaction and no pooled connection is held while a job runs.
//! - Rows of `jobs_live` are never moved by an update of their state while others may wait for them, but deleted and
//!   inserted: who waits for a row that moves to another partition would get an error.
//!
//! # When something fails
//! - *Process killed*: its leases run out; jobs that ran are lost attempts, each noted once, and run again.
//! - *Killed between an effect and its settlement*: the effect happens again, with the same [`JobContext::id`] to know it
//!   by, unless it was made with `complete_in`.
//! - *Database away*: claims pause, settlements are repeated for two minutes with the leases held; then leases decide.
//! - *Database crashed*: claims of the last moments may be gone; the rows are available again, and the tokens that workers
//!   hold no longer fit.
//! - *Clock of a worker wrong*: nothing; leases and due times are the database's.
//! - *`LISTEN` not to be had* (a pooler in transaction mode): jobs of other processes start with the next poll.

mod announce;
mod backoff;
mod buffer;
mod enqueue;
mod error;
mod fetch;
mod handler;
mod lease;
mod link;
mod meter;
mod run;
mod settle;
mod upkeep;
mod wake;
mod work;
mod worker;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use enqueue::{EnqueueOptions, OnConflict, Rate, Unique, enqueue, enqueue_all, enqueue_all_with, enqueue_with};
pub use error::JobError;
pub use handler::{Handler, JobContext};
pub use meter::run_seconds;
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

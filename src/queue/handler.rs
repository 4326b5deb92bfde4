//! What runs a job kind, and its erased form, so that the worker holds handlers of all kinds in one table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::{JobArgs, JobError, Policy};
use crate::domain::id::JobId;
use crate::store::job::{self, Done, Lease};
use crate::store::{Store, StoreError};

/// Runs the jobs of one kind.
pub trait Handler: Send + Sync + 'static {
    /// The kind's arguments.
    type Args: JobArgs;

    /// Does the work. May be dropped at any await point, and may run twice: it must be idempotent.
    fn run<'a>(&'a self, job: &'a JobContext, args: Self::Args) -> BoxFuture<'a, Result<(), JobError>>;

    /// Closes the handler's own rows when the job is given up or called off, in the transaction that discards it: either both are
    /// written or none, and then it is tried again. Database work only.
    fn discarded<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        args: Self::Args,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (_, _, _) = (conn, args, error);
        Box::pin(async { Ok(()) })
    }
}

/// What a handler may know of the job that it runs, and say of it.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// The job: a stable idempotency key for its effects.
    pub id: JobId,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Attempts allowed.
    pub max_attempts: i32,
    /// Cancelled when the program is to stop: a long job may end early by a snooze.
    pub stopping: CancellationToken,
    /// Cancelled when somebody called the job off: the handler has a little time to end in good order, with whatever
    /// outcome, and is dropped then.
    pub cancelled: CancellationToken,
    pub(super) lease: Lease,
    pub(super) store: Store,
    pub(super) is_kept: bool,
    pub(super) settled: Arc<AtomicBool>,
}

impl JobContext {
    /// The context of a job that nobody claimed: to run a handler by hand. What it says of the job goes nowhere.
    #[must_use]
    pub fn detached(store: &Store, attempt: i32, max_attempts: i32) -> Self {
        let id = JobId::new();
        Self {
            id,
            attempt,
            max_attempts,
            stopping: CancellationToken::new(),
            cancelled: CancellationToken::new(),
            lease: Lease { job_id: id, token: uuid::Uuid::nil() },
            store: store.clone(),
            is_kept: true,
            settled: Arc::default(),
        }
    }

    /// Whether a failure now is final.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }

    /// Says how far the job is, for people (`jobs show`): anything that reads well as JSON.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn report(&self, progress: &Value) -> Result<(), StoreError> {
        // Whether the lease still holds is told by the heartbeat.
        let _holds = job::report_progress(&mut *self.store.conn().await?, self.lease, progress).await?;
        Ok(())
    }

    /// Completes the job in a transaction of the handler's: effects in this database and the completion are written
    /// together or not at all, so that the effects happen exactly once. The handler returns `Ok` after its commit; if
    /// it is rolled back, it must return an error.
    ///
    /// # Errors
    /// If the lease is gone: then the transaction must be rolled back. If the database does not answer.
    pub async fn complete_in(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let done = Done { lease: self.lease, is_kept: self.is_kept };
        if job::complete_all(conn, &[done]).await?.jobs.is_empty() {
            return Err(StoreError::Refused(format!("the lease of job {} is gone: another worker has it", self.id)));
        }
        self.settled.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the handler completed it.
    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }
}

/// A handler of any kind: arguments are JSON.
pub(super) trait AnyHandler: Send + Sync {
    /// The kind's retry policy.
    fn policy(&self) -> Policy;
    /// The kind's lane.
    fn lane(&self) -> &'static str;
    /// Whether completed jobs of the kind are kept for a while.
    fn is_kept(&self) -> bool;
    /// Reads the arguments and runs.
    fn run<'a>(&'a self, job: &'a JobContext, payload: Value) -> BoxFuture<'a, Result<(), JobError>>;
    /// Reads the arguments and closes the handler's rows; arguments that cannot be read have none.
    fn discarded<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        payload: Value,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Erases a handler's kind.
pub(super) struct Erased<H>(pub(super) H);

/// Arguments that another version wrote or somebody changed by hand.
#[derive(Debug, thiserror::Error)]
#[error("read the arguments of a {kind} job")]
struct UnreadableArgs {
    kind: &'static str,
    source: serde_json::Error,
}

fn read<A: JobArgs>(payload: Value) -> Result<A, serde_json::Error> {
    serde_json::from_value(payload)
}

impl<H: Handler> AnyHandler for Erased<H> {
    fn policy(&self) -> Policy {
        H::Args::POLICY
    }

    fn lane(&self) -> &'static str {
        H::Args::LANE
    }

    fn is_kept(&self) -> bool {
        H::Args::IS_KEPT
    }

    fn run<'a>(&'a self, job: &'a JobContext, payload: Value) -> BoxFuture<'a, Result<(), JobError>> {
        match read(payload) {
            Ok(args) => self.0.run(job, args),
            Err(source) => {
                let error = JobError::give_up(UnreadableArgs { kind: H::Args::KIND, source });
                Box::pin(async { Err(error) })
            }
        }
    }

    fn discarded<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        payload: Value,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        match read(payload) {
            Ok(args) => self.0.discarded(conn, args, error),
            Err(_) => Box::pin(async { Ok(()) }),
        }
    }
}

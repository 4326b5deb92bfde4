//! What runs a job kind, and its erased form, so that the worker holds handlers of all kinds in one table.

use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::{JobArgs, JobError, Policy};
use crate::domain::id::JobId;
use crate::store::StoreError;

/// Runs the jobs of one kind.
pub trait Handler: Send + Sync + 'static {
    /// The kind's arguments.
    type Args: JobArgs;

    /// Does the work. May be dropped at any await point, and may run twice: it must be idempotent.
    fn run<'a>(&'a self, job: &'a JobContext, args: Self::Args) -> BoxFuture<'a, Result<(), JobError>>;

    /// Closes the handler's own rows when the job is given up, in the transaction that discards it: either both are
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

/// What a handler may know of the job that it runs.
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
}

impl JobContext {
    /// Whether a failure now is final.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }
}

/// A handler of any kind: arguments are JSON.
pub(super) trait AnyHandler: Send + Sync {
    /// The kind's retry policy.
    fn policy(&self) -> Policy;
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

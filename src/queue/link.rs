//! The queue's own connections, beside the program's pool: a busy program must not keep leases from being extended, and
//! the queue's statements are planned in a way of their own.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Executor, PgPool, Postgres, Transaction};

use crate::store::{Step, Store, StoreError};

/// How long one waits for a connection: longer means that the server is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// After this, an unused connection is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// Connections for each of the two purposes at most.
const CONNECTIONS: u32 = 2;

/// Plans are kept, and made as for large tables even while the tables are small: a plan made on an empty table (read it
/// whole and sort) would be ruinous once it is full.
const PLANS: &str = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_bitmapscan = off; \
                     set enable_hashjoin = off; set enable_mergejoin = off; set jit = off";
/// A claim that a crash of the server takes back is a job that runs again, which it may anyway.
const NO_WAIT: &str = "set synchronous_commit = off";

/// Who settles gives way: it can try again, where a caller's transaction that enqueues what waits for the same jobs
/// cannot. Shorter than the server's own `deadlock_timeout` of a second, so that no deadlock lasts until it fells that.
const GIVE_WAY: &str = "set lock_timeout = '500ms'";

/// The queue's connections.
#[derive(Debug, Clone)]
pub(super) struct Link {
    claims: PgPool,
    settles: PgPool,
    listen: PgPool,
}

fn pool(store: &Store, size: u32, settings: String) -> PgPool {
    let options = store.pool().connect_options().as_ref().clone();
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .test_before_acquire(false)
        .after_connect(move |conn, _| {
            let settings = settings.clone();
            Box::pin(async move {
                conn.execute(sqlx::AssertSqlSafe(settings)).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options)
}

impl Link {
    /// Connections to the store's database; none is made before it is needed.
    pub(super) fn new(store: &Store) -> Self {
        Self {
            claims: pool(store, CONNECTIONS, format!("{PLANS}; {NO_WAIT}")),
            settles: pool(store, CONNECTIONS, format!("{PLANS}; {GIVE_WAY}")),
            listen: pool(store, 1, NO_WAIT.to_owned()),
        }
    }

    /// A transaction whose commit is not waited for until it is durable: for claims and leases.
    pub(super) async fn claims(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.claims.begin().await.step("begin to claim")
    }

    /// As [`Self::claims`], for single statements.
    pub(super) async fn quick(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.claims.acquire().await.step("get a database connection")
    }

    /// A transaction that is durable once committed: for settling.
    pub(super) async fn settles(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.settles.begin().await.step("begin to settle")
    }

    /// Listens to `channel`.
    pub(super) async fn listen(&self, channel: &str) -> Result<PgListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.listen).await.step("listen for jobs")?;
        listener.listen(channel).await.step("listen for jobs")?;
        Ok(listener)
    }

    /// Closes all.
    pub(super) async fn close(&self) {
        futures::join!(self.claims.close(), self.settles.close(), self.listen.close());
    }
}

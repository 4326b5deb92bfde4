//! DriftSentry's queue, run from its own sources: all that the benchmark knows of its interface and its tables.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

use crate::contender::{AsyncWriter, Contender, Counter, Drained, Load, Moment};
use crate::domain::id::JobId;
use crate::queue::{self, Announcer, Handler, JobArgs, JobContext, JobError, Policy, Workers};
use crate::server::Db;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// Jobs that a drain runs at a time.
const CONCURRENCY: usize = 100;
/// Connections of one process.
const CONNECTIONS: u32 = 16;
/// Jobs per statement where that is not what is measured.
const BATCH: usize = 1000;

const POLICY: Policy =
    Policy { max_attempts: 25, backoff_base: Duration::from_secs(1), backoff_cap: Duration::from_secs(5) };

/// A job that does nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Noop {
    n: u32,
}

impl JobArgs for Noop {
    const KIND: &'static str = "noop";
    const POLICY: Policy = POLICY;
}

/// A job of which none is ever written: its worker only listens.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Absent {}

impl JobArgs for Absent {
    const KIND: &'static str = "absent";
    const POLICY: Policy = POLICY;
}

/// A job that knows when it was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stamped {
    /// On the machine's clock, which all its processes share.
    asked_at: Moment,
}

impl JobArgs for Stamped {
    const KIND: &'static str = "stamped";
    const POLICY: Policy = POLICY;
}

impl Stamped {
    /// Asked for now.
    pub fn now() -> Self {
        Self { asked_at: Moment::now() }
    }
}

/// A job that leaves a mark.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Marking {}

impl JobArgs for Marking {
    const KIND: &'static str = "marking";
    const POLICY: Policy = POLICY;
}

/// Our queue on one database.
#[derive(Clone)]
pub struct Ours {
    store: Store,
}

/// Workers that run until they are told to stop.
pub struct Running(Shutdown);

impl Running {
    /// Stops them, and waits until everything is settled.
    pub async fn stop(self) {
        self.0.finish().await;
    }
}

impl Ours {
    /// Connects, and makes the schema.
    pub async fn connect(db: &Db) -> Result<Self> {
        let this = Self::attach(db).await?;
        sqlx::migrate!("../../migrations").run(this.pool()).await.context("apply the migrations")?;
        Ok(this)
    }

    /// Connects to a database that has the schema.
    pub async fn attach(db: &Db) -> Result<Self> {
        Ok(Self { store: Store::new(db.pool(CONNECTIONS).await?) })
    }

    /// A connection.
    pub async fn conn(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.store.conn().await?)
    }

    /// Starts a worker of one kind.
    pub fn start<H: Handler>(&self, handler: H, concurrency: usize, lease: Duration) -> Running {
        let shutdown = Shutdown::new(Duration::from_secs(30));
        let workers = Workers::builder(self.store.clone(), shutdown.clone());
        workers.concurrency(concurrency).lease(lease).add(handler).build().start();
        Running(shutdown)
    }

    /// Tells workers elsewhere of what is enqueued here.
    pub fn announce(&self) -> Running {
        let shutdown = Shutdown::new(Duration::from_secs(30));
        Announcer::start(&self.store, &shutdown);
        Running(shutdown)
    }

    /// Writes jobs in one transaction.
    pub async fn write<A: JobArgs + Clone>(&self, conn: &mut PgConnection, jobs: &[A]) -> Result<Vec<JobId>> {
        match jobs {
            [job] => Ok(vec![queue::enqueue(conn, job).await?]),
            jobs => Ok(queue::enqueue_all(conn, jobs.iter().cloned()).await?),
        }
    }

    /// Writes any number of jobs.
    pub async fn enqueue_many<A: JobArgs + Clone>(&self, job: &A, count: usize) -> Result<()> {
        let mut conn = self.conn().await?;
        for begun in (0..count).step_by(BATCH) {
            self.write(&mut conn, &vec![job.clone(); BATCH.min(count - begun)]).await?;
        }
        Ok(())
    }

    /// Writes jobs that ended, as time would have left them.
    pub async fn add_finished(&self, jobs: usize) -> Result<()> {
        sqlx::query(FINISHED).bind(i64::try_from(jobs)?).execute(self.pool()).await?;
        Ok(())
    }

    /// Jobs that wait or run.
    pub async fn unfinished(&self) -> Result<i64> {
        let sql = "select count(*) from jobs where state in ('available', 'running')";
        Ok(sqlx::query_scalar(sql).fetch_one(self.pool()).await?)
    }

    /// Jobs that were completed.
    pub async fn completed(&self) -> Result<usize> {
        let sql = "select count(*) from jobs where state = 'completed'";
        let count: i64 = sqlx::query_scalar(sql).fetch_one(self.pool()).await?;
        Ok(usize::try_from(count)?)
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        self.store.pool()
    }

    /// Runs `jobs` jobs of any that wait.
    pub async fn run_some(&self, jobs: usize) -> Result<Drained> {
        let handler = Counting::<Noop>::new();
        let counter = Arc::clone(&handler.counter);
        counter.expect(jobs);
        let begun = Instant::now();
        let running = self.start(handler, CONCURRENCY, LEASE);
        counter.reached().await;
        let ran = begun.elapsed();
        // Stopping ends when the last completion is committed: no polling that would cost as much as it measures.
        running.stop().await;
        Ok(Drained { ran, settled: begun.elapsed() })
    }
}

/// How long a lease holds where that is not what is measured.
pub const LEASE: Duration = Duration::from_secs(30);

/// Identifiers in order of time, as the queue makes them.
const FINISHED: &str = r#"
insert into jobs (id, kind, state, attempt, max_attempts, payload, worker, started_at, finished_at)
select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid,
       'noop', 'completed', 1, 25, '{"n": 1}', 'preload', now(), now()
from generate_series(1, $1)"#;

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "DriftSentry, history kept"
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            let tables = "truncate jobs, job_attempts, job_dependencies, job_orders, job_uniques, job_rates, job_holds";
            sqlx::query(tables).execute(self.pool()).await?;
            Ok(())
        })
    }

    fn add(&self, jobs: usize) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.enqueue_many(&Noop::default(), jobs).await })
    }

    fn drain(&self, jobs: usize) -> BoxFuture<'_, Result<Drained>> {
        Box::pin(async move {
            let drained = self.run_some(jobs).await?;
            ensure!(self.unfinished().await? == 0, "the drain left jobs");
            Ok(drained)
        })
    }

    fn enqueue(&self, load: Load) -> BoxFuture<'_, Result<f64>> {
        Box::pin(async move {
            let listening = self.start(Counting::<Absent>::new(), 10, LEASE);
            let mut conns = Vec::new();
            for _ in 0..load.clients {
                conns.push(self.conn().await?);
            }
            let conns = Mutex::new(conns);
            let writer = || Writer {
                ours: self.clone(),
                conn: conns.lock().unwrap_or_else(PoisonError::into_inner).pop(),
                jobs: vec![Noop::default(); load.batch],
            };
            let rate = load.run(writer).await;
            listening.stop().await;
            rate
        })
    }
}

struct Writer {
    ours: Ours,
    conn: Option<PoolConnection<Postgres>>,
    jobs: Vec<Noop>,
}

impl AsyncWriter for Writer {
    async fn write(&mut self) -> Result<()> {
        let conn = self.conn.as_mut().context("no connection was given")?;
        self.ours.write(conn, &self.jobs).await.map(drop)
    }
}

/// Counts the jobs that it runs.
pub struct Counting<A> {
    /// How many.
    pub counter: Arc<Counter>,
    args: PhantomData<fn() -> A>,
}

impl<A> Counting<A> {
    /// From nothing.
    pub fn new() -> Self {
        Self { counter: Arc::default(), args: PhantomData }
    }
}

impl<A: JobArgs + DeserializeOwned> Handler for Counting<A> {
    type Args = A;

    fn run<'a>(&'a self, _: &'a JobContext, _: A) -> BoxFuture<'a, Result<(), JobError>> {
        self.counter.add();
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Notes how long each job waited from being asked for to its start, in milliseconds.
#[derive(Clone, Default)]
pub struct Timing(Arc<Mutex<Vec<f64>>>);

impl Timing {
    /// Takes what was noted since the last call.
    pub fn take(&self) -> Vec<f64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Handler for Timing {
    type Args = Stamped;

    fn run<'a>(&'a self, _: &'a JobContext, args: Stamped) -> BoxFuture<'a, Result<(), JobError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(args.asked_at.milliseconds_ago());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Writes a row for each attempt, in a transaction of its own, before the job is settled.
pub struct Marker {
    /// Where to.
    pub pool: PgPool,
    /// Which process this is.
    pub process: i32,
}

impl Handler for Marker {
    type Args = Marking;

    fn run<'a>(&'a self, job: &'a JobContext, _: Marking) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async {
            let sql = "insert into effects (job_id, attempt, process, at) values ($1, $2, $3, clock_timestamp())";
            let mark = sqlx::query(sql).bind(job.id.0).bind(job.attempt).bind(self.process);
            mark.execute(&self.pool).await.map_err(JobError::retry)?;
            Ok(())
        })
    }
}

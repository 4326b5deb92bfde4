//! The peer: graphile_worker for Rust, configured as its documentation recommends for high throughput.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, Worker, WorkerContext, WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::task::JoinHandle;

use crate::contender::{AsyncWriter, Contender, Counter, Drained, Load, Moment, Pace};
use crate::server::Db;

/// Jobs that a drain runs at a time.
const CONCURRENCY: usize = 24;
/// Jobs that it fetches at a time.
const LOCAL_QUEUE: usize = 500;
/// How long it gathers completions.
const COMPLETION_DELAY: Duration = Duration::from_millis(5);
const CONNECTIONS: u32 = 16;
const BATCH: usize = 1000;

/// A job that does nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Noop {
    n: u32,
}

/// A job of which none is ever written: its worker only listens.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Absent {}

/// A job that knows when it was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stamped {
    asked_at: Moment,
}

#[derive(Debug, Clone)]
struct Ran(Arc<Counter>);

/// How long jobs waited from being asked for to their start, in milliseconds.
#[derive(Debug, Clone, Default)]
struct Waits(Arc<Mutex<Vec<f64>>>);

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(ran) = context.get_ext::<Ran>() {
            ran.0.add();
        }
        Ok::<(), String>(())
    }
}

impl TaskHandler for Absent {
    const IDENTIFIER: &'static str = "absent";

    async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {
        Ok::<(), String>(())
    }
}

impl TaskHandler for Stamped {
    const IDENTIFIER: &'static str = "stamped";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let waited = self.asked_at.milliseconds_ago();
        if let Some(waits) = context.get_ext::<Waits>() {
            waits.0.lock().unwrap_or_else(PoisonError::into_inner).push(waited);
        }
        Ok::<(), String>(())
    }
}

/// graphile_worker on one database.
pub struct Graphile {
    pool: PgPool,
    utils: WorkerUtils,
}

/// A worker that runs until it is told to stop.
struct Running {
    worker: Arc<Worker>,
    task: JoinHandle<Result<()>>,
}

impl Running {
    fn start(worker: Worker) -> Self {
        let worker = Arc::new(worker);
        let task = tokio::spawn({
            let worker = Arc::clone(&worker);
            async move { worker.run().await.context("run graphile_worker") }
        });
        Self { worker, task }
    }

    async fn stop(self) -> Result<()> {
        self.worker.request_shutdown();
        self.task.await?
    }
}

impl Graphile {
    /// Connects and makes its schema.
    pub async fn connect(db: &Db) -> Result<Self> {
        let pool = db.pool(CONNECTIONS).await?;
        let worker = options(&pool).define_job::<Noop>().init().await.context("set up graphile_worker")?;
        Ok(Self { utils: worker.create_utils(), pool })
    }

    async fn write(utils: &WorkerUtils, jobs: usize) -> Result<()> {
        let spec = JobSpec::default();
        if jobs == 1 {
            utils.add_job(Noop::default(), spec).await.context("add a job")?;
        } else {
            let jobs: Vec<(Noop, &JobSpec)> = (0..jobs).map(|_| (Noop::default(), &spec)).collect();
            utils.add_jobs(&jobs).await.context("add jobs")?;
        }
        Ok(())
    }

    /// How long jobs wait that are asked for one by one at a pace, with a worker in this process.
    pub async fn waits(&self, pace: Pace) -> Result<Vec<f64>> {
        let waits = Waits::default();
        let options = options(&self.pool).define_job::<Stamped>().add_extension(waits.clone());
        let running = Running::start(options.init().await.context("set up graphile_worker")?);
        pace.keep(async || {
            let job = Stamped { asked_at: Moment::now() };
            self.utils.add_job(job, JobSpec::default()).await.context("add a job")?;
            Ok(())
        })
        .await?;
        running.stop().await?;
        Ok(std::mem::take(&mut *waits.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Its completions delete the row, so an empty table is what tells that they are durable.
    async fn settled(&self) -> Result<()> {
        let sql = "select exists (select from graphile_worker._private_jobs)";
        while sqlx::query_scalar::<_, bool>(sql).fetch_one(&self.pool).await? {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

fn options(pool: &PgPool) -> WorkerOptions {
    WorkerOptions::default()
        .pg_pool(pool.clone())
        .schema("graphile_worker")
        .concurrency(CONCURRENCY)
        .local_queue(LocalQueueConfig::default().with_size(LOCAL_QUEUE))
        .complete_job_batch_delay(COMPLETION_DELAY)
        .listen_os_shutdown_signals(false)
}

impl Contender for Graphile {
    fn name(&self) -> &'static str {
        "graphile_worker (Rust), local queue 500"
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            sqlx::query("truncate graphile_worker._private_jobs cascade").execute(&self.pool).await?;
            Ok(())
        })
    }

    fn add(&self, jobs: usize) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for begun in (0..jobs).step_by(BATCH) {
                Self::write(&self.utils, BATCH.min(jobs - begun)).await?;
            }
            Ok(())
        })
    }

    fn drain(&self, jobs: usize) -> BoxFuture<'_, Result<Drained>> {
        Box::pin(async move {
            let counter = Arc::new(Counter::default());
            counter.expect(jobs);
            let options = options(&self.pool).define_job::<Noop>().add_extension(Ran(Arc::clone(&counter)));
            let worker = options.init().await.context("set up graphile_worker")?;
            let begun = Instant::now();
            let running = Running::start(worker);
            counter.reached().await;
            let ran = begun.elapsed();
            self.settled().await?;
            let settled = begun.elapsed();
            running.stop().await?;
            Ok(Drained { ran, settled })
        })
    }

    fn enqueue(&self, load: Load) -> BoxFuture<'_, Result<f64>> {
        Box::pin(async move {
            let worker = options(&self.pool).define_job::<Absent>().init().await.context("set up graphile_worker")?;
            let listening = Running::start(worker);
            let writer = || Writer { utils: self.utils.clone(), batch: load.batch };
            let rate = load.run(writer).await;
            listening.stop().await?;
            rate
        })
    }
}

struct Writer {
    utils: WorkerUtils,
    batch: usize,
}

impl AsyncWriter for Writer {
    async fn write(&mut self) -> Result<()> {
        Graphile::write(&self.utils, self.batch).await
    }
}

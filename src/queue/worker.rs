//! The workers of a process: claim as many jobs as there are free slots, run them, look after lost ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tracing::{error, info, warn};
use uuid::Uuid;

use super::handler::{AnyHandler, Erased};
use super::lease::Leases;
use super::wake::{Ear, Pace};
use super::{Handler, JobArgs, lease, run};
use crate::shutdown::Shutdown;
use crate::store::job::{self, ClaimedJob, Lease};
use crate::store::{Store, StoreError};

/// How long a lease holds unless the builder says otherwise.
const LEASE: Duration = Duration::from_secs(30);
/// Lost jobs that one round takes at most.
const RESCUE_BATCH: i64 = 100;
/// How long completed jobs are kept.
const KEEP_COMPLETED: Duration = Duration::from_hours(24);
/// How long jobs that were given up or called off are kept.
const KEEP_DEAD: Duration = Duration::from_hours(30 * 24);
/// Old jobs that one round removes at most.
const PRUNE_BATCH: i64 = 5000;
/// Rounds of looking after lost jobs between two removals of old ones.
const ROUNDS_PER_PRUNE: u32 = 30;

/// Runs jobs. Cloning it gives another handle on the same workers.
#[derive(Clone)]
pub struct Workers {
    engine: Arc<Engine>,
}

/// What the parts of the queue share.
pub(super) struct Engine {
    pub(super) store: Store,
    pub(super) shutdown: Shutdown,
    pub(super) handlers: HashMap<&'static str, Box<dyn AnyHandler>>,
    pub(super) leases: Leases,
    pub(super) lease: Duration,
    kinds: Vec<String>,
    concurrency: usize,
    /// This process's name in the rows, random per start: a pod's name comes back with the next pod.
    name: String,
}

/// Puts [`Workers`] together.
pub struct WorkersBuilder {
    store: Store,
    shutdown: Shutdown,
    handlers: HashMap<&'static str, Box<dyn AnyHandler>>,
    only: Option<Vec<String>>,
    concurrency: usize,
    lease: Duration,
}

impl WorkersBuilder {
    /// Adds the handler of a kind; a later one of the same kind replaces it.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "nobody takes it for a sum")]
    pub fn add<H: Handler>(mut self, handler: H) -> Self {
        self.handlers.insert(H::Args::KIND, Box::new(Erased(handler)));
        self
    }

    /// Jobs that run at a time, at least one.
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// Runs jobs of these kinds alone.
    #[must_use]
    pub fn only<K: Into<String>>(mut self, kinds: impl IntoIterator<Item = K>) -> Self {
        self.only = Some(kinds.into_iter().map(Into::into).collect());
        self
    }

    /// How long a lease holds: after this, the jobs of a process that died are taken by others.
    #[must_use]
    pub fn lease(mut self, length: Duration) -> Self {
        self.lease = length;
        self
    }

    /// The workers, not yet started.
    #[must_use]
    pub fn build(self) -> Workers {
        let is_wanted = |kind: &str| self.only.as_ref().is_none_or(|only| only.iter().any(|wanted| wanted == kind));
        let mut kinds: Vec<String> =
            self.handlers.keys().filter(|kind| is_wanted(kind)).map(|kind| (*kind).to_owned()).collect();
        kinds.sort_unstable();
        let name = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
        let engine = Engine {
            store: self.store,
            shutdown: self.shutdown,
            handlers: self.handlers,
            leases: Leases::default(),
            lease: self.lease,
            kinds,
            concurrency: self.concurrency,
            name,
        };
        Workers { engine: Arc::new(engine) }
    }
}

impl Workers {
    /// Workers with no handler yet, four jobs at a time.
    #[must_use]
    pub fn builder(store: Store, shutdown: Shutdown) -> WorkersBuilder {
        WorkersBuilder { store, shutdown, handlers: HashMap::new(), only: None, concurrency: 4, lease: LEASE }
    }

    /// Starts to work, until the soft stop; then finishes what is running.
    pub fn start(&self) {
        let engine = Arc::clone(&self.engine);
        self.engine.shutdown.spawn("queue workers", async move {
            tokio::select! {
                () = work(&engine) => {}
                () = lease::keep(&engine) => {}
                () = look_after(&engine) => {}
            }
        });
    }

    /// Runs jobs that are due until none is, and returns how many ran. For tests and commands that must not wait.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let mut ran = 0;
        loop {
            let jobs = self.engine.claim(self.engine.concurrency).await?;
            if jobs.is_empty() {
                return Ok(ran);
            }
            ran += jobs.len();
            let all = futures::future::join_all(jobs.into_iter().map(|job| run::run(&self.engine, job)));
            tokio::select! {
                _ = all => {}
                () = lease::keep(&self.engine) => {}
            }
        }
    }
}

impl Engine {
    async fn claim(&self, slots: usize) -> Result<Vec<ClaimedJob>, StoreError> {
        let mut conn = self.store.conn().await?;
        let limit = i64::try_from(slots).unwrap_or(i64::MAX);
        job::claim(&mut conn, &self.kinds, &self.name, self.lease, limit).await
    }

    async fn hand_back(&self, jobs: &[ClaimedJob]) -> Result<(), StoreError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let leases: Vec<Lease> = jobs.iter().map(|job| job.lease).collect();
        let mut conn = self.store.conn().await?;
        job::hand_back(&mut conn, &leases).await
    }
}

/// Claims and runs until the soft stop, then waits for what is running.
async fn work(engine: &Arc<Engine>) {
    // A set and not `Shutdown::spawn`: jobs end by themselves, and dropping the set at a hard stop drops them.
    let mut running = JoinSet::new();
    let mut pace = Pace::quick();
    let mut ear = Ear::new();
    while !engine.shutdown.soft().is_cancelled() {
        // All that ended meanwhile, so that the next claim fills all free slots at once.
        while let Some(ended) = running.try_join_next() {
            note_end(ended);
        }
        let free = engine.concurrency - running.len();
        let found = start_jobs(engine, &mut running, free, &mut pace).await;
        if found > 0 && found < free {
            pace.quicken();
        }
        if running.len() >= engine.concurrency {
            wait_for_slot(engine, &mut running).await;
        } else {
            wait_for_jobs(engine, &mut running, &mut pace, &mut ear).await;
        }
    }
    let left = running.len();
    if left > 0 {
        info!(jobs = left, "finishing {left} running jobs");
    }
    while let Some(ended) = running.join_next().await {
        note_end(ended);
    }
}

/// Fills free slots; returns how many jobs were found.
async fn start_jobs(engine: &Arc<Engine>, running: &mut JoinSet<()>, free: usize, pace: &mut Pace) -> usize {
    let jobs = match engine.claim(free).await {
        Ok(jobs) => jobs,
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "no jobs could be claimed, trying again");
            pace.slow();
            return 0;
        }
    };
    if engine.shutdown.soft().is_cancelled() {
        if let Err(error) = engine.hand_back(&jobs).await {
            let error = &error as &dyn std::error::Error;
            warn!(error, "claimed jobs could not be handed back; their leases give them back");
        }
        return 0;
    }
    let found = jobs.len();
    for job in jobs {
        let engine = Arc::clone(engine);
        running.spawn(async move { run::run(&engine, job).await });
    }
    found
}

async fn wait_for_slot(engine: &Engine, running: &mut JoinSet<()>) {
    tokio::select! {
        () = engine.shutdown.soft().cancelled() => {}
        Some(ended) = running.join_next() => note_end(ended),
    }
}

/// Waits for the next poll: its time, or a wake-up.
async fn wait_for_jobs(engine: &Engine, running: &mut JoinSet<()>, pace: &mut Pace, ear: &mut Ear) {
    let pause = tokio::time::sleep(pace.next(rand::random()));
    tokio::pin!(pause);
    loop {
        tokio::select! {
            () = engine.shutdown.soft().cancelled() => return,
            () = &mut pause => return,
            () = ear.woken() => return pace.quicken(),
            Some(ended) = running.join_next() => note_end(ended),
        }
    }
}

fn note_end(ended: Result<(), JoinError>) {
    // Handlers' panics are caught where they run; this one is the queue's own.
    if let Err(error) = ended {
        error!(error = &error as &dyn std::error::Error, "a job's task ended badly; its lease gives the job back");
    }
}

/// Looks after jobs whose worker died, and after old rows, for ever.
async fn look_after(engine: &Engine) {
    for round in 0_u32.. {
        // Not in step with other replicas.
        let pause = engine.lease / 2 + engine.lease.mul_f64(rand::random::<f64>() / 4.0);
        tokio::time::sleep(pause).await;
        if let Err(error) = rescue(engine).await {
            warn!(error = &error as &dyn std::error::Error, "lost jobs could not be looked for, trying again");
        }
        if round % ROUNDS_PER_PRUNE == 0
            && let Err(error) = prune(engine).await
        {
            warn!(error = &error as &dyn std::error::Error, "old jobs could not be removed, trying again");
        }
    }
}

async fn rescue(engine: &Engine) -> Result<(), StoreError> {
    let mut conn = engine.store.conn().await?;
    let rescued = job::rescue(&mut conn, RESCUE_BATCH).await?;
    let exhausted = job::claim_exhausted(&mut conn, &engine.kinds, engine.lease, RESCUE_BATCH).await?;
    drop(conn);
    if !rescued.is_empty() {
        let count = rescued.len();
        warn!(jobs = count, "{count} jobs had lost their worker and were made available again");
        super::wake::wake();
    }
    for job in exhausted {
        run::bury(engine, job).await;
    }
    Ok(())
}

async fn prune(engine: &Engine) -> Result<(), StoreError> {
    let mut conn = engine.store.conn().await?;
    job::prune(&mut conn, KEEP_COMPLETED, KEEP_DEAD, PRUNE_BATCH).await?;
    Ok(())
}

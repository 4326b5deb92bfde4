//! The workers of a process: how they are put together, started and drained, and what their parts share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use super::buffer::Buffer;
use super::fetch::Fetcher;
use super::handler::{AnyHandler, Erased};
use super::lease::{HeldJob, Leases};
use super::link::Link;
use super::settle::Finished;
use super::{Handler, JobArgs, JobContext, announce, lease, run, settle, upkeep, work};
use crate::shutdown::Shutdown;
use crate::store::job::{Claim, Strand};
use crate::store::{Store, StoreError};

/// How long a lease holds unless the builder says otherwise.
const LEASE: Duration = Duration::from_secs(30);
/// How long a handler whose job is called off has to end by itself, unless the builder says otherwise.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// Where jobs wait that were written by SQL without naming a lane.
const COMMON_LANE: &str = "main";

/// Runs jobs. Cloning it gives another handle on the same workers.
#[derive(Clone)]
pub struct Workers {
    engine: Arc<Engine>,
}

/// How many jobs of a lane may run at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneLimits {
    /// In one process; `None` is no limit but the process's own.
    pub local: Option<usize>,
    /// In all processes together; `None` is no limit.
    pub global: Option<usize>,
}

/// A lane that this process serves.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) local: Option<usize>,
    pub(super) global: Option<usize>,
}

impl Lane {
    fn is_limited(&self) -> bool {
        self.local.is_some() || self.global.is_some()
    }
}

/// What the parts of the queue share.
pub(super) struct Engine {
    pub(super) store: Store,
    pub(super) link: Link,
    pub(super) shutdown: Shutdown,
    pub(super) handlers: HashMap<&'static str, Box<dyn AnyHandler>>,
    pub(super) leases: Leases,
    pub(super) lease: Duration,
    pub(super) cancel_grace: Duration,
    pub(super) buffer: Buffer,
    /// Lanes that are claimed from together; a limited one by itself, because its limit is one over all its priorities.
    pub(super) groups: Vec<Vec<Lane>>,
    pub(super) concurrency: usize,
    /// Told when another process says that there are jobs.
    pub(super) nudge: Notify,
    /// This process's name in the rows, random per start: a pod's name comes back with the next pod.
    pub(super) name: String,
    pub(super) kinds: Vec<String>,
    pub(super) active: AtomicUsize,
    /// Told when another process says that it is there.
    pub(super) company: Notify,
    /// The processes seen lately, sorted.
    peers: Mutex<Vec<String>>,
}

/// Puts [`Workers`] together.
pub struct WorkersBuilder {
    store: Store,
    shutdown: Shutdown,
    handlers: HashMap<&'static str, Box<dyn AnyHandler>>,
    only: Option<Vec<String>>,
    lanes: HashMap<String, LaneLimits>,
    concurrency: usize,
    lease: Duration,
    cancel_grace: Duration,
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

    /// Limits a lane.
    #[must_use]
    pub fn lane(mut self, name: impl Into<String>, limits: LaneLimits) -> Self {
        self.lanes.insert(name.into(), limits);
        self
    }

    /// How long a lease holds: after this, the jobs of a process that died are taken by others.
    #[must_use]
    pub fn lease(mut self, length: Duration) -> Self {
        self.lease = length;
        self
    }

    /// How long a handler whose job is called off has to end by itself.
    #[must_use]
    pub fn cancel_grace(mut self, length: Duration) -> Self {
        self.cancel_grace = length;
        self
    }

    /// The workers, not yet started.
    #[must_use]
    pub fn build(self) -> Workers {
        let is_wanted = |kind: &str| self.only.as_ref().is_none_or(|only| only.iter().any(|wanted| wanted == kind));
        let wanted = || self.handlers.iter().filter(|(kind, _)| is_wanted(kind));
        let mut kinds: Vec<String> = wanted().map(|(kind, _)| (*kind).to_owned()).collect();
        kinds.sort_unstable();
        let mut lanes: Vec<&'static str> = wanted().map(|(_, handler)| handler.lane()).collect();
        if !lanes.is_empty() {
            lanes.push(COMMON_LANE);
        }
        lanes.sort_unstable();
        lanes.dedup();
        let lane = |name: &str| {
            let LaneLimits { local, global } = self.lanes.get(name).copied().unwrap_or_default();
            Lane { name: name.to_owned(), local, global }
        };
        let (limited, open): (Vec<Lane>, Vec<Lane>) = lanes.into_iter().map(lane).partition(Lane::is_limited);
        let mut groups: Vec<Vec<Lane>> = limited.into_iter().map(|lane| vec![lane]).collect();
        groups.extend((!open.is_empty()).then_some(open));
        let engine = Engine {
            link: Link::new(&self.store),
            store: self.store,
            shutdown: self.shutdown,
            handlers: self.handlers,
            leases: Leases::default(),
            lease: self.lease,
            cancel_grace: self.cancel_grace,
            buffer: Buffer::default(),
            groups,
            concurrency: self.concurrency,
            nudge: Notify::new(),
            company: Notify::new(),
            name: Uuid::new_v4().simple().to_string()[..12].to_owned(),
            kinds,
            active: AtomicUsize::new(0),
            peers: Mutex::default(),
        };
        Workers { engine: Arc::new(engine) }
    }
}

impl Workers {
    /// Workers with no handler yet, four jobs at a time.
    #[must_use]
    pub fn builder(store: Store, shutdown: Shutdown) -> WorkersBuilder {
        WorkersBuilder {
            store,
            shutdown,
            handlers: HashMap::new(),
            only: None,
            lanes: HashMap::new(),
            concurrency: 4,
            lease: LEASE,
            cancel_grace: CANCEL_GRACE,
        }
    }

    /// Starts to work, until the soft stop; then finishes what is running.
    pub fn start(&self) {
        let engine = Arc::clone(&self.engine);
        self.engine.shutdown.spawn("queue workers", async move {
            tokio::select! {
                () = work::work(&engine) => {}
                () = lease::keep(&engine) => {}
                () = announce::announce(&engine) => {}
                () = announce::hear(&engine) => {}
                () = upkeep::show(&engine) => {}
                () = upkeep::prune(&engine) => {}
            }
            upkeep::leave(&engine).await;
            engine.link.close().await;
        });
    }

    /// Runs jobs that are due until none is, and returns how many ran. For tests and commands that must not wait.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let mut ran = 0;
        loop {
            // A new one each time looks at everything.
            let (jobs, is_full) = Fetcher::new().claim(&self.engine, self.engine.concurrency).await?;
            if jobs.is_empty() && !is_full {
                return Ok(ran);
            }
            ran += jobs.len();
            let all = async {
                let done = futures::future::join_all(jobs.into_iter().map(|job| run::run(&self.engine, job))).await;
                let mut done: Vec<Finished> = done.into_iter().flatten().collect();
                if !done.is_empty() {
                    settle::settle(&self.engine, &mut done).await;
                }
            };
            tokio::select! {
                () = all => {}
                () = lease::keep(&self.engine) => {}
            }
        }
    }
}

/// Tells the workers of other processes what this one enqueues, where it has none of its own.
#[derive(Debug, Clone, Copy)]
pub struct Announcer;

impl Announcer {
    /// Starts to tell, until the soft stop.
    pub fn start(store: &Store, shutdown: &Shutdown) {
        let workers = Workers::builder(store.clone(), shutdown.clone()).build();
        shutdown.spawn("job announcer", async move {
            let stop = workers.engine.shutdown.soft().clone();
            let _stopped = stop.run_until_cancelled(announce::announce(&workers.engine)).await;
            workers.engine.link.close().await;
        });
    }
}

impl Engine {
    /// What a handler is told of a job.
    pub(super) fn context(&self, held: &HeldJob) -> JobContext {
        JobContext {
            id: held.job.lease.job_id,
            attempt: held.job.attempt,
            max_attempts: held.job.max_attempts,
            stopping: self.shutdown.soft().clone(),
            cancelled: held.cancelled.clone(),
            lease: held.job.lease,
            store: self.store.clone(),
            is_kept: self.handlers.get(held.job.kind.as_str()).is_none_or(|handler| handler.is_kept()),
            settled: Arc::default(),
        }
    }

    /// A claim of this process.
    pub(super) fn claim_of<'a>(&'a self, strands: &'a [Strand], limit: usize) -> Claim<'a> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Claim { kinds: &self.kinds, strands, worker: &self.name, lease: self.lease, limit }
    }

    /// Says that leases were let go: a lane that was at its limit may have room.
    pub(super) fn made_room(&self) {
        if self.groups.iter().flatten().any(Lane::is_limited) {
            self.nudge.notify_one();
        }
    }

    /// Executors that run a job now.
    pub(super) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Takes note of the processes that are there.
    pub(super) fn see(&self, peers: Vec<String>) {
        *self.peers.lock().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// Whether nobody else is there to be told of jobs.
    pub(super) fn is_alone(&self) -> bool {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        !self.kinds.is_empty() && peers.iter().all(|name| *name == self.name)
    }

    /// This process's turn to wake up after `from` said that there are jobs: 0 is the first. Another one is the first
    /// for each `chance`.
    pub(super) fn place(&self, from: &str, chance: u32) -> u32 {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let others: Vec<&String> = peers.iter().filter(|name| *name != from).collect();
        let Some(own) = others.iter().position(|name| **name == self.name) else { return 0 };
        let (own, count) = (u32::try_from(own).unwrap_or(0), u32::try_from(others.len()).unwrap_or(1));
        (own + chance % count) % count
    }
}

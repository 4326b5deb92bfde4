//! What is compared: a queue, or bare PostgreSQL in its place.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// A queue under measurement.
pub trait Contender: Send + Sync {
    /// What it is called in tables.
    fn name(&self) -> &str;

    /// Makes its tables as good as new.
    fn clear(&self) -> BoxFuture<'_, Result<()>>;

    /// Writes jobs that do nothing and are due.
    fn add(&self, jobs: usize) -> BoxFuture<'_, Result<()>>;

    /// Runs that many jobs with fresh workers.
    fn drain(&self, jobs: usize) -> BoxFuture<'_, Result<Drained>>;

    /// Writes jobs as fast as it can while a worker of another kind of job listens; jobs per second.
    fn enqueue(&self, load: Load) -> BoxFuture<'_, Result<f64>>;
}

/// How long a drain took, from the start of the workers.
#[derive(Debug, Clone, Copy)]
pub struct Drained {
    /// Until the last of the jobs ran.
    pub ran: Duration,
    /// Until its completion was durable too.
    pub settled: Duration,
}

/// How jobs are written.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Clients at a time, each with a connection.
    pub clients: usize,
    /// Jobs per statement and transaction.
    pub batch: usize,
    /// For how long.
    pub length: Duration,
}

impl Load {
    /// Runs `clients` tasks that each call a writer of `batch` jobs over and over; jobs per second.
    pub async fn run<W>(self, writer: impl Fn() -> W) -> Result<f64>
    where
        W: AsyncWriter,
    {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..self.clients).map(|_| tokio::spawn(write_for(self.length, writer()))).collect();
        let mut statements = 0_u32;
        for task in tasks {
            statements += task.await??;
        }
        Ok(f64::from(statements) * as_f64(self.batch) / begun.elapsed().as_secs_f64())
    }
}

/// How often something is done.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time from one to the next.
    pub every: Duration,
    /// For how long.
    pub length: Duration,
}

impl Pace {
    /// Does it at this pace, and then waits half a second for what it began. What was missed is made up for.
    pub async fn keep(self, mut act: impl AsyncFnMut() -> Result<()>) -> Result<()> {
        let begun = Instant::now();
        let mut next = tokio::time::interval(self.every);
        while begun.elapsed() < self.length {
            next.tick().await;
            act().await?;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }
}

/// Writes one batch per call.
pub trait AsyncWriter: Send + 'static {
    /// Writes and commits it.
    fn write(&mut self) -> impl Future<Output = Result<()>> + Send;
}

async fn write_for(length: Duration, mut writer: impl AsyncWriter) -> Result<u32> {
    let begun = Instant::now();
    let mut statements = 0;
    while begun.elapsed() < length {
        writer.write().await?;
        statements += 1;
    }
    Ok(statements)
}

/// Counts jobs that ran, and tells when enough have.
#[derive(Debug, Default)]
pub struct Counter {
    ran: AtomicUsize,
    target: AtomicUsize,
    reached: Notify,
}

impl Counter {
    /// Tells at `target`, counted anew.
    pub fn expect(&self, target: usize) {
        self.ran.store(0, Ordering::SeqCst);
        self.target.store(target, Ordering::SeqCst);
    }

    /// A job ran.
    pub fn add(&self) {
        if self.ran.fetch_add(1, Ordering::Relaxed) + 1 == self.target.load(Ordering::Relaxed) {
            self.reached.notify_one();
        }
    }

    /// Ends when enough ran.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }
}

/// A moment on the machine's clock, which all its processes share, in nanoseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(u64);

impl Moment {
    /// This one.
    pub fn now() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
    }

    /// How long it is past, in milliseconds.
    pub fn milliseconds_ago(self) -> f64 {
        Duration::from_nanos(Self::now().0.saturating_sub(self.0)).as_secs_f64() * 1000.0
    }
}

/// A count as a number to reckon with.
pub fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

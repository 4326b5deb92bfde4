//! What is compared: a queue, or bare PostgreSQL in its place.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::BoxFuture;
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

    /// How many ran.
    pub fn get(&self) -> usize {
        self.ran.load(Ordering::Relaxed)
    }

    /// Ends when enough ran.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }
}

/// A count as a number to reckon with.
pub fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

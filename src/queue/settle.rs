//! Completed jobs, settled together: whatever came in while the last batches were written is the next one.

use tokio::sync::{Mutex, mpsc};
use tracing::{error, warn};

use super::lease::HeldLease;
use super::run::{SETTLE_ATTEMPTS, SETTLE_PAUSE};
use super::worker::Engine;
use crate::store::StoreError;
use crate::store::job::{self, Completed, Done};

/// Jobs that one batch settles at most.
const BATCH: usize = 500;

/// A completed job whose lease is extended until it is settled.
pub(super) struct Finished {
    pub(super) done: Done,
    pub(super) kind: String,
    /// Whether the handler settled it in a transaction of its own.
    pub(super) is_settled: bool,
    pub(super) lease: HeldLease,
}

/// Where executors put completed jobs; full, it holds them up.
pub(super) fn channel() -> (mpsc::Sender<Finished>, mpsc::Receiver<Finished>) {
    mpsc::channel(2 * BATCH)
}

/// Settles what comes until all senders are gone: a batch is written while the next one is, because either waits for
/// the server most of the time.
pub(super) async fn settle_all(engine: &Engine, finished: mpsc::Receiver<Finished>) {
    let finished = Mutex::new(finished);
    futures::join!(settle_some(engine, &finished), settle_some(engine, &finished));
}

async fn settle_some(engine: &Engine, finished: &Mutex<mpsc::Receiver<Finished>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.lock().await.recv_many(&mut batch, BATCH).await > 0 {
        settle(engine, &mut batch).await;
    }
}

/// Settles a batch, patiently; empties it.
pub(super) async fn settle(engine: &Engine, batch: &mut Vec<Finished>) {
    let done: Vec<Done> = batch.iter().map(|finished| finished.done).collect();
    let mut pause = SETTLE_PAUSE;
    for remaining in (0..SETTLE_ATTEMPTS).rev() {
        match write(engine, &done).await {
            Ok(completed) => {
                tell(batch, &completed);
                break;
            }
            Err(error) if remaining > 0 => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "{} completed jobs not settled yet, trying again in {pause:?}",
                    done.len()
                );
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                error!(error, "{} completed jobs not settled: they run again when their leases run out", done.len());
            }
        }
    }
    for finished in batch.drain(..) {
        drop(finished.lease);
    }
    engine.made_room();
}

async fn write(engine: &Engine, done: &[Done]) -> Result<Completed, StoreError> {
    let mut tx = engine.link.settles().await?;
    let completed = job::complete_all(&mut tx, done).await?;
    tx.commit().await?;
    if completed.has_released {
        super::wake::wake();
    }
    Ok(completed)
}

fn tell(batch: &[Finished], completed: &Completed) {
    if completed.jobs.len() == batch.len() {
        return;
    }
    let settled: std::collections::HashSet<_> = completed.jobs.iter().collect();
    for lost in batch.iter().filter(|finished| !finished.is_settled && !settled.contains(&finished.done.lease.job_id)) {
        let id = lost.done.lease.job_id;
        warn!(job.id = %id, "{} job done, but its lease was gone: another worker has or had it", lost.kind);
    }
}

//! The leases that this process holds: extended together, and the handler told whose lease is gone or whose job is
//! called off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::worker::Engine;
use crate::domain::id::JobId;
use crate::store::StoreError;
use crate::store::job::{self, ClaimedJob, Lease};

#[derive(Debug)]
struct Entry {
    lane: String,
    lost: CancellationToken,
    cancelled: CancellationToken,
}

/// The leases of jobs that wait or run here, or are not settled yet.
#[derive(Debug, Default, Clone)]
pub(super) struct Leases(Arc<Mutex<HashMap<Lease, Entry>>>);

impl Leases {
    fn table(&self) -> MutexGuard<'_, HashMap<Lease, Entry>> {
        // A panic while it was locked cannot have left it half changed: every use is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the leases extended until each is dropped.
    pub(super) fn hold_all(&self, jobs: Vec<ClaimedJob>) -> Vec<HeldJob> {
        let mut table = self.table();
        jobs.into_iter()
            .map(|job| {
                let (lost, cancelled) = (CancellationToken::new(), CancellationToken::new());
                let entry = Entry { lane: job.lane.clone(), lost: lost.clone(), cancelled: cancelled.clone() };
                table.insert(job.lease, entry);
                HeldJob { lease: HeldLease { leases: self.clone(), lease: job.lease }, job, lost, cancelled }
            })
            .collect()
    }

    /// How many jobs of a lane are held here.
    pub(super) fn in_lane(&self, lane: &str) -> usize {
        self.table().values().filter(|entry| entry.lane == lane).count()
    }

    /// Tells the handler of a job, if it runs here, that it is called off.
    pub(super) fn cancel(&self, id: JobId) {
        self.table().iter().filter(|(lease, _)| lease.job_id == id).for_each(|(_, entry)| entry.cancelled.cancel());
    }

    fn all(&self) -> Vec<Lease> {
        self.table().keys().copied().collect()
    }

    fn lose(&self, lease: &Lease) {
        if let Some(entry) = self.table().get(lease) {
            entry.lost.cancel();
        }
    }
}

/// A lease that is being extended until it is dropped.
#[derive(Debug)]
pub(super) struct HeldLease {
    leases: Leases,
    lease: Lease,
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.leases.table().remove(&self.lease);
    }
}

/// A claimed job whose lease is being extended.
#[derive(Debug)]
pub(super) struct HeldJob {
    /// The job.
    pub(super) job: ClaimedJob,
    /// Cancelled when the lease is known to be gone.
    pub(super) lost: CancellationToken,
    /// Cancelled when the job is called off.
    pub(super) cancelled: CancellationToken,
    /// The lease.
    pub(super) lease: HeldLease,
}

/// Extends all leases every third of their length, for ever.
pub(super) async fn keep(engine: &Engine) {
    let mut beat = tokio::time::interval(engine.lease / 3);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        if let Err(error) = extend(engine).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "leases of running jobs could not be extended, trying again"
            );
        }
    }
}

async fn extend(engine: &Engine) -> Result<(), StoreError> {
    let mut leases = engine.leases.all();
    if leases.is_empty() {
        return Ok(());
    }
    leases.sort_unstable();
    let held = job::extend(&mut *engine.link.quick().await?, &leases, engine.lease).await?;
    let held: HashMap<JobId, bool> = held.into_iter().map(|held| (held.job_id, held.cancel_requested)).collect();
    for lease in &leases {
        match held.get(&lease.job_id) {
            Some(true) => engine.leases.cancel(lease.job_id),
            Some(false) => {}
            None => engine.leases.lose(lease),
        }
    }
    Ok(())
}

/// Hands back what is claimed and not begun.
pub(super) async fn hand_back(engine: &Engine) {
    let jobs = engine.buffer.take_all();
    if jobs.is_empty() {
        return;
    }
    let leases: Vec<Lease> = jobs.iter().map(|held| held.job.lease).collect();
    let handed = async { job::hand_back(&mut *engine.link.quick().await?, &leases).await };
    match handed.await {
        Ok(()) => debug!(jobs = leases.len(), "jobs that were not begun are handed back"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            warn!(error, "claimed jobs could not be handed back; their leases give them back");
        }
    }
}

//! The leases that this process holds: extended together, and the handler dropped whose lease is gone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::worker::Engine;
use crate::domain::id::JobId;
use crate::store::StoreError;
use crate::store::job::{self, Lease};

/// The leases of jobs that are running here, by token.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<Uuid, (JobId, CancellationToken)>>);

impl Leases {
    fn table(&self) -> MutexGuard<'_, HashMap<Uuid, (JobId, CancellationToken)>> {
        // A panic while it was locked cannot have left it half changed: every use is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the lease extended until the guard is dropped.
    pub(super) fn hold(&self, lease: Lease) -> HeldLease<'_> {
        let lost = CancellationToken::new();
        self.table().insert(lease.token, (lease.job_id, lost.clone()));
        HeldLease { leases: self, token: lease.token, lost }
    }

    fn all(&self) -> Vec<Lease> {
        self.table().iter().map(|(token, (job_id, _))| Lease { job_id: *job_id, token: *token }).collect()
    }

    fn lose(&self, lease: &Lease) {
        if let Some((_, lost)) = self.table().get(&lease.token) {
            lost.cancel();
        }
    }
}

/// A lease that is being extended.
#[derive(Debug)]
pub(super) struct HeldLease<'a> {
    leases: &'a Leases,
    token: Uuid,
    lost: CancellationToken,
}

impl HeldLease<'_> {
    /// Ends when the lease is known to be gone.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for HeldLease<'_> {
    fn drop(&mut self) {
        self.leases.table().remove(&self.token);
    }
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
    let leases = engine.leases.all();
    if leases.is_empty() {
        return Ok(());
    }
    let mut conn = engine.store.conn().await?;
    let held = job::extend(&mut conn, &leases, engine.lease).await?;
    for lease in leases.iter().filter(|lease| !held.contains(&lease.job_id)) {
        engine.leases.lose(lease);
    }
    Ok(())
}

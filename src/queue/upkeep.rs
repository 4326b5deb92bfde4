//! What is done beside the work: signs of life, and old rows.

use std::time::Duration;

use tracing::{debug, warn};

use super::announce;
use super::worker::Engine;
use crate::store::StoreError;
use crate::store::job::{self, Presence};

/// How long completed jobs are kept.
const KEEP_COMPLETED: Duration = Duration::from_hours(24);
/// How long jobs that were given up or called off are kept.
const KEEP_DEAD: Duration = Duration::from_hours(30 * 24);
/// Old jobs that one statement removes at most.
const PRUNE_BATCH: i64 = 1000;
/// Pause between two of these, so that a backlog of old rows does not hold up those who work.
const PRUNE_PAUSE: Duration = Duration::from_millis(200);
/// Time between two removals of old jobs, and up to half as much again.
const PRUNE_EVERY: Duration = Duration::from_mins(5);
/// Time between two signs of life.
const SHOW_EVERY: Duration = Duration::from_secs(10);

/// Shows that this process is there, and sees who else is, for ever.
pub(super) async fn show(engine: &Engine) {
    let mut is_known = false;
    loop {
        let shown = async {
            show_once(engine).await?;
            if is_known { Ok(()) } else { announce::greet(engine).await }
        };
        match shown.await {
            Ok(()) => is_known = true,
            Err(error) => {
                debug!(error = &error as &dyn std::error::Error, "could not show that workers are there");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(SHOW_EVERY) => {}
            () = engine.company.notified() => {}
        }
    }
}

async fn show_once(engine: &Engine) -> Result<(), StoreError> {
    let presence = Presence {
        name: &engine.name,
        concurrency: i32::try_from(engine.concurrency).unwrap_or(i32::MAX),
        running: i32::try_from(engine.active()).unwrap_or(i32::MAX),
        kinds: &engine.kinds,
    };
    let peers = job::show(&mut *engine.link.quick().await?, presence).await?;
    engine.see(peers);
    Ok(())
}

/// Says that this process is gone.
pub(super) async fn leave(engine: &Engine) {
    let left = async { job::leave(&mut *engine.link.quick().await?, &engine.name).await };
    if let Err(error) = left.await {
        debug!(error = &error as &dyn std::error::Error, "could not say that workers are gone");
    }
}

/// Removes old rows, for ever.
pub(super) async fn prune(engine: &Engine) {
    loop {
        // Not in step with other replicas.
        tokio::time::sleep(PRUNE_EVERY.mul_f64(1.0 + rand::random::<f64>() / 2.0)).await;
        if let Err(error) = prune_once(engine).await {
            warn!(error = &error as &dyn std::error::Error, "old jobs could not be removed, trying again");
        }
    }
}

async fn prune_once(engine: &Engine) -> Result<(), StoreError> {
    loop {
        let mut conn = engine.store.conn().await?;
        let removed = job::prune(&mut conn, KEEP_COMPLETED, KEEP_DEAD, PRUNE_BATCH).await?;
        drop(conn);
        if removed < u64::try_from(PRUNE_BATCH).unwrap_or(u64::MAX) {
            return Ok(());
        }
        tokio::time::sleep(PRUNE_PAUSE).await;
    }
}

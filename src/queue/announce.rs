//! Tells other processes that there is work, and hears it from them.
//!
//! No `NOTIFY` in the transaction that enqueues: it would hold one lock for the whole server while that commits. A task
//! of the enqueuing process sends it after, on a connection of its own, at most one in [`SPACING`] however many jobs
//! there are, and a few times more, because the transaction may commit a moment later. A process that is alone sends
//! nothing. Those who hear it wake one after the other, another one first each time: mostly the first takes all, and
//! the others find out by nothing but a short query. Whatever is not heard is found by polling.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use super::wake::Ear;
use super::worker::Engine;
use crate::domain::id::JobId;
use crate::store::{Step, StoreError};

/// The notification channel.
pub(super) const CHANNEL: &str = "driftsentry_jobs";
/// Time between two notifications of one process.
const SPACING: Duration = Duration::from_millis(4);
/// When it is said again, after the last enqueued job.
const AGAIN: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(60), Duration::from_millis(300)];
/// Time between the wake-ups of two processes.
const STAGGER: Duration = Duration::from_millis(2);
/// Pause before listening again after the connection was lost.
const RECONNECT: Duration = Duration::from_secs(5);

/// Says it whenever something is enqueued here, for ever.
pub(super) async fn announce(engine: &Engine) {
    let mut ear = Ear::new();
    let (mut woken, mut repeats) = (Instant::now(), AGAIN.len());
    loop {
        tokio::select! {
            () = ear.woken() => (woken, repeats) = (Instant::now(), 0),
            () = repeat_at(woken, repeats) => repeats += 1,
        }
        say(engine).await;
        // Whoever enqueues meanwhile is heard after it.
        tokio::time::sleep(SPACING).await;
    }
}

/// Ends when it is to be said again; never, if it was said often enough.
async fn repeat_at(woken: Instant, repeats: usize) {
    match AGAIN.get(repeats) {
        Some(delay) => tokio::time::sleep_until(woken + *delay).await,
        None => std::future::pending().await,
    }
}

async fn say(engine: &Engine) {
    if engine.is_alone() {
        return;
    }
    if let Err(error) = notify(engine).await {
        debug!(error = &error as &dyn std::error::Error, "other workers could not be told of jobs; they poll");
    }
}

async fn notify(engine: &Engine) -> Result<(), StoreError> {
    send(engine, format!("work {} {}", engine.name, rand::random::<u32>())).await
}

/// Says that this process is there, so that those who believed to be alone tell it of their jobs.
pub(super) async fn greet(engine: &Engine) -> Result<(), StoreError> {
    send(engine, format!("here {}", engine.name)).await
}

async fn send(engine: &Engine, payload: String) -> Result<(), StoreError> {
    let mut conn = engine.link.quick().await?;
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, payload).fetch_one(&mut *conn).await.step("tell of jobs")?;
    Ok(())
}

/// Hears it, for ever.
pub(super) async fn hear(engine: &Engine) {
    loop {
        if let Err(error) = hear_until_lost(engine).await {
            warn!(error = &error as &dyn std::error::Error, "cannot hear of jobs, polling for them");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn hear_until_lost(engine: &Engine) -> Result<(), StoreError> {
    let mut listener = engine.link.listen(CHANNEL).await?;
    loop {
        let Some(notification) = listener.try_recv().await.step("hear of jobs")? else {
            return Ok(());
        };
        let mut words = notification.payload().split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some("work"), Some(from), Some(chance)) if from != engine.name => {
                tokio::time::sleep(STAGGER * engine.place(from, chance.parse().unwrap_or(0))).await;
                engine.nudge.notify_one();
            }
            (Some("here"), Some(from), None) if from != engine.name => engine.company.notify_one(),
            (Some("cancel"), Some(id), None) => {
                if let Ok(id) = id.parse::<JobId>() {
                    engine.leases.cancel(id);
                }
            }
            _ => {}
        }
    }
}

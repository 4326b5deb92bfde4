//! The work itself: a fetcher that keeps the buffer filled, executors that empty it, settlers behind them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::fetch::{Fetcher, Round};
use super::settle::Finished;
use super::wake::{Ear, Pace};
use super::worker::Engine;
use super::{lease, run, settle};

/// Time between two claims that wake-ups cause: who enqueues thousands a second is not to be slowed down by as many
/// claims.
const BREATH: Duration = Duration::from_millis(2);

/// Claims and runs until the soft stop, then waits for what is running and hands back what is not begun.
pub(super) async fn work(engine: &Arc<Engine>) {
    let (finished, settling) = settle::channel();
    // A set and not `Shutdown::spawn`: dropping it at a hard stop drops the jobs.
    let mut executors = JoinSet::new();
    for _ in 0..engine.concurrency {
        executors.spawn(execute(Arc::clone(engine), finished.clone()));
    }
    drop(finished);
    let settler = settle::settle_all(engine, settling);
    let run = async {
        fetch(engine).await;
        lease::hand_back(engine).await;
        let left = engine.active();
        if left > 0 {
            info!(jobs = left, "finishing {left} running jobs");
        }
        while let Some(ended) = executors.join_next().await {
            // Handlers' panics are caught where they run; this one is the queue's own.
            if let Err(error) = ended {
                error!(error = &error as &dyn std::error::Error, "an executor ended badly; leases give its job back");
            }
        }
    };
    futures::join!(run, settler);
}

/// Takes jobs and runs them, until the soft stop.
async fn execute(engine: Arc<Engine>, finished: mpsc::Sender<Finished>) {
    let stop = engine.shutdown.soft().clone();
    while let Some(job) = stop.run_until_cancelled(engine.buffer.take()).await {
        engine.active.fetch_add(1, Ordering::Relaxed);
        let done = run::run(&engine, job).await;
        engine.active.fetch_sub(1, Ordering::Relaxed);
        engine.buffer.room.notify_one();
        engine.made_room();
        if let Some(done) = done {
            // The settler lives longer than the executors.
            finished.send(done).await.ok();
        }
    }
}

/// Keeps the buffer filled, until the soft stop.
async fn fetch(engine: &Engine) {
    let (mut fetcher, mut pace, mut ear) = (Fetcher::new(), Pace::quick(), Ear::new());
    let stop = engine.shutdown.soft();
    while !stop.is_cancelled() {
        let wanted = fetcher.demand(engine);
        if wanted == 0 {
            let _stopped = stop.run_until_cancelled(engine.buffer.room.notified()).await;
            continue;
        }
        match fetcher.round(engine, wanted).await {
            Ok(Round { is_full: true, .. }) => pace.quicken(),
            Ok(Round { found, .. }) => {
                if found > 0 {
                    pace.quicken();
                }
                wait(engine, &fetcher, &mut pace, &mut ear).await;
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "no jobs could be claimed, trying again");
                pace.slow();
                wait(engine, &fetcher, &mut pace, &mut ear).await;
            }
        }
    }
}

/// Waits for the next poll: its time, that of the next job, or a wake-up.
async fn wait(engine: &Engine, fetcher: &Fetcher, pace: &mut Pace, ear: &mut Ear) {
    let mut pause = pace.next(rand::random());
    if pace.is_slow()
        && let Ok(Some(due)) = fetcher.next_due(engine).await
    {
        pause = pause.min(due);
    }
    let breath = tokio::time::Instant::now() + BREATH;
    tokio::select! {
        () = engine.shutdown.soft().cancelled() => return,
        () = tokio::time::sleep(pause) => return,
        () = ear.woken() => pace.quicken(),
        () = engine.nudge.notified() => pace.quicken(),
    }
    tokio::time::sleep_until(breath).await;
}

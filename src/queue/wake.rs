//! Wakes the workers of this process when it enqueues, so that they need not poll often.
//!
//! The transaction that enqueues commits a moment later, so a wake-up starts a burst of quick polls rather than one.
//! Other processes are told by `announce.rs`.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::watch;

static ENQUEUED: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::Sender::new(()));

/// Says that something was, or is about to be, enqueued.
pub(super) fn wake() {
    ENQUEUED.send_replace(());
}

/// Hears every wake-up from now on, also those that come while nobody waits.
pub(super) struct Ear(watch::Receiver<()>);

impl Ear {
    /// Begins to listen.
    pub(super) fn new() -> Self {
        Self(ENQUEUED.subscribe())
    }

    /// Ends at the next wake-up.
    pub(super) async fn woken(&mut self) {
        if self.0.changed().await.is_err() {
            // The sender is static and never dropped.
            std::future::pending::<()>().await;
        }
    }
}

/// Pause after the first poll that found nothing.
const SHORTEST: Duration = Duration::from_millis(2);
/// Pause at most.
const LONGEST: Duration = Duration::from_secs(1);

/// Pauses longer than this follow only where nothing was found several times.
const QUIET: Duration = Duration::from_millis(100);

/// How long to wait before the next poll: longer and longer while nothing is found.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
}

impl Pace {
    /// Quick, as after a start.
    pub(super) fn quick() -> Self {
        Self { pause: SHORTEST }
    }

    /// Something was found or is about to be.
    pub(super) fn quicken(&mut self) {
        self.pause = SHORTEST;
    }

    /// The database does not answer.
    pub(super) fn slow(&mut self) {
        self.pause = LONGEST;
    }

    /// Whether nothing was found for a while.
    pub(super) fn is_slow(&self) -> bool {
        self.pause > QUIET
    }

    /// The next pause, up to a quarter longer by `chance`, so that replicas do not poll in step.
    pub(super) fn next(&mut self, chance: u32) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST);
        pause + pause.mul_f64(f64::from(chance) / f64::from(u32::MAX) / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_worker_polls_about_once_a_second() {
        let mut pace = Pace::quick();
        let pauses: Vec<Duration> = (0..12).map(|_| pace.next(0)).collect();
        assert_eq!(pauses[0], SHORTEST);
        assert_eq!(pauses[11], LONGEST);
        assert!(pace.next(u32::MAX) <= LONGEST + LONGEST / 4);
        pace.quicken();
        assert_eq!(pace.next(0), SHORTEST);
    }
}

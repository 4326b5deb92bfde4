//! Orderly stop: tasks are born here, told to finish here, and waited for here.
//!
//! Soft: claim no more, finish what is begun. Hard (second signal or deadline): drop it; leases give the work back.
//! A task that ends early is a fault of the program, told by its exit code, never a silent stop.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

/// The handle that every part holds.
#[derive(Debug, Clone)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    crashed: Arc<AtomicBool>,
    deadline: Duration,
}

impl Shutdown {
    /// A new one; after the soft stop, tasks have `deadline` to finish.
    #[must_use]
    pub fn new(deadline: Duration) -> Self {
        Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            tasks: TaskTracker::new(),
            crashed: Arc::new(AtomicBool::new(false)),
            deadline,
        }
    }

    /// Cancelled when no new work is to be begun.
    #[must_use]
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when work is to be dropped.
    #[must_use]
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Asks everything to finish.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Starts a task that lives as long as the program. If it ends before the soft stop, the program stops with an
    /// error; a hard stop drops it.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let this = self.clone();
        let guard = EndGuard { shutdown: this.clone(), name, armed: true };
        let run = async move {
            tokio::select! {
                () = task => {}
                () = this.hard.cancelled() => {}
            }
            guard.disarm();
            if !this.soft.is_cancelled() {
                error!(task = name, "task {name} ended by itself");
                this.crash();
            }
        };
        #[allow(clippy::disallowed_methods, reason = "the one home of it")]
        self.tasks.spawn(run);
    }

    fn crash(&self) {
        self.crashed.store(true, Ordering::SeqCst);
        self.soft.cancel();
    }

    /// Waits for SIGINT, SIGTERM or [`Shutdown::stop`], then for the tasks. Returns whether all went well.
    ///
    /// # Errors
    /// If the signal handlers cannot be installed.
    pub async fn run_until_stopped(&self) -> std::io::Result<bool> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => info!("interrupted: finishing what is begun, once more to drop it"),
            _ = terminate.recv() => info!("told to terminate: finishing what is begun"),
            () = self.soft.cancelled() => {}
        }
        self.soft.cancel();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            _ = interrupt.recv() => warn!("interrupted again: dropping what is still running"),
            _ = terminate.recv() => warn!("told to terminate again: dropping what is still running"),
            () = tokio::time::sleep(self.deadline) => warn!("not finished in time: dropping what is still running"),
        }
        self.hard.cancel();
        self.tasks.wait().await;
        Ok(!self.crashed.load(Ordering::SeqCst))
    }

    /// Stops and waits for the tasks, for callers that have no signals to wait for.
    pub async fn finish(&self) {
        self.soft.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.deadline, self.tasks.wait()).await.is_err() {
            self.hard.cancel();
            self.tasks.wait().await;
        }
    }
}

/// Notices a task that ended by panic: it is dropped without having been disarmed.
struct EndGuard {
    shutdown: Shutdown,
    name: &'static str,
    armed: bool,
}

impl EndGuard {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        if self.armed {
            error!(task = self.name, "task {} panicked", self.name);
            self.shutdown.crash();
        }
    }
}

//! Jobs that are claimed and not begun: where the fetcher puts them and the executors take them from.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore};

use super::lease::HeldJob;

/// Claimed jobs, first in first out.
#[derive(Debug)]
pub(super) struct Buffer {
    jobs: Mutex<VecDeque<HeldJob>>,
    /// As many permits as there are jobs.
    ready: Semaphore,
    /// Told whenever a job was taken or ended: there may be room for more.
    pub(super) room: Notify,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { jobs: Mutex::default(), ready: Semaphore::new(0), room: Notify::new() }
    }
}

impl Buffer {
    fn jobs(&self) -> MutexGuard<'_, VecDeque<HeldJob>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds jobs.
    pub(super) fn put(&self, jobs: Vec<HeldJob>) {
        let count = jobs.len();
        self.jobs().extend(jobs);
        self.ready.add_permits(count);
    }

    /// Takes the first job, as soon as there is one. Safe to drop while it waits.
    pub(super) async fn take(&self) -> HeldJob {
        loop {
            match self.ready.acquire().await {
                Ok(permit) => permit.forget(),
                // It is never closed.
                Err(_) => std::future::pending().await,
            }
            // None if `take_all` came in between.
            if let Some(job) = self.jobs().pop_front() {
                self.room.notify_one();
                return job;
            }
        }
    }

    /// Takes whatever is there.
    pub(super) fn take_all(&self) -> Vec<HeldJob> {
        self.jobs().drain(..).collect()
    }

    /// How many jobs are there.
    pub(super) fn len(&self) -> usize {
        self.jobs().len()
    }
}

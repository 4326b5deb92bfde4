//! Counters per AWS service, for metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What happened with one service since the program began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceStats {
    /// IAM service prefix: `ec2`.
    pub service: &'static str,
    /// HTTP requests sent, retries included.
    pub requests: u64,
    /// Answers that asked us to slow down.
    pub throttles: u64,
    /// Requests without an answer, and answers of 400 and more that were no throttling. Some are everyday: a bucket
    /// without a policy answers 404.
    pub errors: u64,
}

/// The counters of one service.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    throttles: AtomicU64,
    errors: AtomicU64,
}

impl Counters {
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_throttle(&self) {
        self.throttles.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counters of all services.
#[derive(Debug, Default)]
pub(super) struct Stats(Mutex<BTreeMap<&'static str, Arc<Counters>>>);

impl Stats {
    /// The counters of `service`.
    pub(super) fn of(&self, service: &'static str) -> Arc<Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(service).or_default().clone()
    }

    /// All counters as they stand, sorted by service.
    pub(super) fn snapshot(&self) -> Vec<ServiceStats> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let stats = |(service, counters): (&&'static str, &Arc<Counters>)| ServiceStats {
            service,
            requests: read(&counters.requests),
            throttles: read(&counters.throttles),
            errors: read(&counters.errors),
        };
        counters.iter().map(stats).collect()
    }
}

//! How long attempts ran in this process, for Prometheus.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec};

/// From jobs that only write a row to scans of large accounts.
const BUCKETS: [f64; 10] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0];

static RUN_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    let help = "How long attempts at jobs ran in this process";
    let options = HistogramOpts::new("driftsentry_job_run_seconds", help).buckets(BUCKETS.to_vec());
    HistogramVec::new(options, &["kind", "outcome"]).expect("name, labels and buckets are well formed")
});

/// How long attempts ran in this process since it started, in seconds, by `kind` and `outcome` (`completed`, `retried`,
/// `snoozed`, `discarded`, `cancelled` or `lost`).
#[must_use]
pub fn run_seconds() -> HistogramVec {
    RUN_SECONDS.clone()
}

/// Notes an attempt.
pub(super) fn note(kind: &str, outcome: &str, length: Duration) {
    RUN_SECONDS.with_label_values(&[kind, outcome]).observe(length.as_secs_f64());
}

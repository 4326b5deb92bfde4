//! `/metrics` in the Prometheus text format, made afresh at each scrape: what the database holds, what AWS was asked.
//!
//! No ids or addresses as labels: they would make a new series for every resource.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};
use rust_decimal::prelude::ToPrimitive;
use sqlx::PgConnection;

use super::HttpState;
use super::error::Problem;
use crate::resource::aws::ServiceStats;
use crate::store::{self, StoreError};

/// Answers a scrape.
pub(super) async fn metrics(State(state): State<Arc<HttpState>>) -> Response {
    match gather(&state).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "metrics cannot be gathered");
            let detail = "the database does not answer".to_owned();
            Problem { status: StatusCode::SERVICE_UNAVAILABLE, detail }.into_response()
        }
    }
}

/// Why metrics cannot be told.
#[derive(Debug, thiserror::Error)]
enum GatherError {
    #[error("read the figures")]
    Store(#[from] StoreError),
    #[error("write the figures")]
    Encode(#[from] prometheus::Error),
}

async fn gather(state: &HttpState) -> Result<Vec<u8>, GatherError> {
    let registry = Registry::new();
    let info = gauge(&registry, "build_info", "Version that runs; always 1", &["version"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
    let mut conn = state.store.conn().await?;
    drifts(&registry, &mut conn).await?;
    jobs(&registry, &mut conn).await?;
    scans(&registry, &mut conn).await?;
    coverage(&registry, &mut conn).await?;
    deliveries(&registry, &mut conn).await?;
    drop(conn);
    aws(&registry, &state.pool.stats())?;
    registry.register(Box::new(crate::queue::run_seconds()))?;
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    Ok(text)
}

async fn drifts(registry: &Registry, conn: &mut PgConnection) -> Result<(), GatherError> {
    let labels = ["severity", "type"];
    let open = gauge(registry, "drifts_open", "Drifts that are detected, triaged or approved", &labels)?;
    let cost = gauge(registry, "drifts_cost_usd_per_month", "Known monthly cost of open drifts", &labels)?;
    let unpriced = gauge(registry, "drifts_unpriced", "Open drifts of unknown cost", &labels)?;
    for row in store::metrics::open_drifts(conn).await? {
        let labels = [row.severity.as_str(), row.resource_type.as_str()];
        open.with_label_values(&labels).set(float(row.count));
        cost.with_label_values(&labels).set(row.cost_monthly.to_f64().unwrap_or_default());
        unpriced.with_label_values(&labels).set(float(row.unpriced));
    }
    Ok(())
}

async fn jobs(registry: &Registry, conn: &mut PgConnection) -> Result<(), GatherError> {
    let jobs = gauge(registry, "jobs", "Jobs that wait, run or were given up", &["kind", "state"])?;
    let waiting = gauge(registry, "jobs_waiting", "Jobs that wait, by what for", &["kind", "reason"])?;
    let help = "When the oldest waiting job fell due";
    let oldest = gauge(registry, "jobs_oldest_run_at_timestamp_seconds", help, &["kind"])?;
    let help = "For how long the oldest job that is due has waited";
    let age = gauge(registry, "jobs_oldest_due_age_seconds", help, &["kind"])?;
    for kind in store::job::kinds(conn).await? {
        let name = kind.kind.as_str();
        let states = [("available", kind.available()), ("running", kind.running), ("discarded", kind.discarded)];
        for (state, count) in states.into_iter().filter(|(_, count)| *count > 0) {
            jobs.with_label_values(&[name, state]).set(float(count));
        }
        for (reason, count) in [("worker", kind.due), ("time", kind.later), ("jobs", kind.blocked)] {
            waiting.with_label_values(&[name, reason]).set(float(count));
        }
        if let Some(at) = kind.oldest_due_at {
            oldest.with_label_values(&[name]).set(float(at.timestamp()));
        }
        age.with_label_values(&[name]).set(kind.oldest_due_seconds.unwrap_or_default());
    }
    workers(registry, conn).await
}

/// Who runs jobs, and how their attempts fared.
async fn workers(registry: &Registry, conn: &mut PgConnection) -> Result<(), GatherError> {
    let help = "Attempts that did not complete their job in the last hour";
    let attempts = gauge(registry, "job_attempts_failed_last_hour", help, &["kind", "outcome"])?;
    for row in store::job::failures(conn).await? {
        attempts.with_label_values(&[row.kind.as_str(), row.outcome.as_str()]).set(float(row.count));
    }
    let workers = store::job::workers(conn).await?;
    for (name, help, count) in [
        ("job_workers", "Processes that run jobs", workers.processes),
        ("job_workers_concurrency", "Jobs that all processes run at a time", workers.concurrency),
        ("job_workers_running", "Jobs that all processes run now, as they last said", workers.running),
    ] {
        gauge(registry, name, help, &[])?.with_label_values::<&str>(&[]).set(float(count));
    }
    Ok(())
}

async fn scans(registry: &Registry, conn: &mut PgConnection) -> Result<(), GatherError> {
    let labels = ["schedule", "status"];
    let scans = gauge(registry, "scans", "Finished scans", &labels)?;
    let last = gauge(registry, "scan_last_finished_timestamp_seconds", "When the last scan ended", &labels)?;
    for (schedule, status, count, finished_at) in store::metrics::scans(conn).await? {
        let labels = [schedule.as_str(), status.as_str()];
        scans.with_label_values(&labels).set(float(count));
        if let Some(at) = finished_at {
            last.with_label_values(&labels).set(float(at.timestamp()));
        }
    }
    Ok(())
}

/// What the latest scan of each schedule knows of the estate, and what it does not.
async fn coverage(registry: &Registry, conn: &mut PgConnection) -> Result<(), GatherError> {
    let help = "Resources at the latest scan; a resource may be in more than one state";
    let resources = gauge(registry, "scan_resources", help, &["schedule", "type", "state"])?;
    let labels = ["schedule", "type"];
    let unknown =
        gauge(registry, "scan_attributes_unknown", "Declared attributes not read at the latest scan", &labels)?;
    let ignored =
        gauge(registry, "scan_changes_ignored", "Changes that ignore rules covered at the latest scan", &labels)?;
    for row in store::metrics::coverage(conn).await? {
        let labels = [row.schedule.as_str(), row.resource_type.as_str()];
        unknown.with_label_values(&labels).set(float(row.attributes_unknown));
        ignored.with_label_values(&labels).set(float(row.ignored));
        let states = [
            ("declared", Some(row.declared)),
            ("in_sync", Some(row.in_sync)),
            ("drifted", Some(row.drifted)),
            ("missing", Some(row.missing)),
            ("unknown", Some(row.unknown)),
            ("converging", Some(row.converging)),
            ("unmanaged", row.unmanaged),
        ];
        for (state, count) in states {
            if let Some(count) = count {
                resources.with_label_values(&[labels[0], labels[1], state]).set(float(count));
            }
        }
    }
    let help = "Declared attributes that are unknown for want of an IAM action at the latest scan";
    let missing = gauge(registry, "scan_missing_permissions", help, &["schedule", "action"])?;
    for (schedule, action, attributes) in store::metrics::missing_actions(conn).await? {
        missing.with_label_values(&[schedule.as_str(), action.as_str()]).set(float(attributes));
    }
    Ok(())
}

async fn deliveries(registry: &Registry, conn: &mut PgConnection) -> Result<(), GatherError> {
    let deliveries = gauge(registry, "deliveries", "Alerts by channel and what became of them", &["channel", "state"])?;
    for (channel, state, count) in store::metrics::deliveries(conn).await? {
        deliveries.with_label_values(&[channel.as_str(), state.as_str()]).set(float(count));
    }
    Ok(())
}

/// What this process asked of AWS since it began.
fn aws(registry: &Registry, stats: &[ServiceStats]) -> Result<(), GatherError> {
    let counter = |name: &str, help: &str| {
        let counter = IntCounterVec::new(Opts::new(format!("driftsentry_aws_{name}_total"), help), &["service"])?;
        registry.register(Box::new(counter.clone()))?;
        Ok::<_, prometheus::Error>(counter)
    };
    let requests = counter("requests", "HTTP requests sent to AWS, retries included")?;
    let throttles = counter("throttles", "Answers of AWS that asked to slow down")?;
    let errors = counter("errors", "Requests to AWS without an answer, or answered by another error")?;
    for service in stats {
        requests.with_label_values(&[service.service]).inc_by(service.requests);
        throttles.with_label_values(&[service.service]).inc_by(service.throttles);
        errors.with_label_values(&[service.service]).inc_by(service.errors);
    }
    Ok(())
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
    let gauge = GaugeVec::new(Opts::new(format!("driftsentry_{name}"), help), labels)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

/// Prometheus counts in floats; a count beyond 2^53 is not to be feared here.
#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn float(count: i64) -> f64 {
    count as f64
}

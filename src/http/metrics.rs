//! `/metrics` in the Prometheus text format, made afresh at each scrape: what the database holds, what AWS was asked.
//!
//! No ids or addresses as labels: they would make a new series for every resource.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};
use rust_decimal::prelude::ToPrimitive;

use super::HttpState;
use super::error::Problem;
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
    let mut conn = state.store.conn().await?;
    let info = gauge(&registry, "build_info", "Version that runs; always 1", &["version"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);

    let open = gauge(&registry, "drifts_open", "Drifts that are detected, triaged or approved", &["severity", "type"])?;
    let cost =
        gauge(&registry, "drifts_cost_usd_per_month", "Known monthly cost of open drifts", &["severity", "type"])?;
    let unpriced = gauge(&registry, "drifts_unpriced", "Open drifts of unknown cost", &["severity", "type"])?;
    for row in store::metrics::open_drifts(&mut conn).await? {
        let labels = [row.severity.as_str(), row.resource_type.as_str()];
        open.with_label_values(&labels).set(float(row.count));
        cost.with_label_values(&labels).set(row.cost_monthly.to_f64().unwrap_or_default());
        unpriced.with_label_values(&labels).set(float(row.unpriced));
    }

    let jobs = gauge(&registry, "jobs", "Jobs that wait, run or were given up", &["kind", "state"])?;
    let oldest =
        gauge(&registry, "jobs_oldest_run_at_timestamp_seconds", "When the oldest waiting job fell due", &["kind"])?;
    for row in store::metrics::jobs(&mut conn).await? {
        jobs.with_label_values(&[row.kind.as_str(), row.state.as_str()]).set(float(row.count));
        if let Some(at) = row.oldest_run_at {
            oldest.with_label_values(&[row.kind.as_str()]).set(float(at.timestamp()));
        }
    }

    let scans = gauge(&registry, "scans", "Finished scans", &["schedule", "status"])?;
    let last =
        gauge(&registry, "scan_last_finished_timestamp_seconds", "When the last scan ended", &["schedule", "status"])?;
    for (schedule, status, count, finished_at) in store::metrics::scans(&mut conn).await? {
        let labels = [schedule.as_str(), status.as_str()];
        scans.with_label_values(&labels).set(float(count));
        if let Some(at) = finished_at {
            last.with_label_values(&labels).set(float(at.timestamp()));
        }
    }

    let deliveries =
        gauge(&registry, "deliveries", "Alerts by channel and what became of them", &["channel", "state"])?;
    for (channel, state, count) in store::metrics::deliveries(&mut conn).await? {
        deliveries.with_label_values(&[channel.as_str(), state.as_str()]).set(float(count));
    }

    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    Ok(text)
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

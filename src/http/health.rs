//! `/healthz`: the process is alive (never asks the database). `/readyz`: database reachable, schema current.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use super::HttpState;
use super::error::Problem;

/// How long the database may take to answer before we are not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// Always 200.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 200 if the database answers and its schema is the one of this version; else 503.
pub(super) async fn ready(State(state): State<Arc<HttpState>>) -> Result<&'static str, Problem> {
    let detail = match tokio::time::timeout(PATIENCE, state.store.is_current()).await {
        Ok(Ok(true)) => return Ok("ok\n"),
        Ok(Ok(false)) => "the database schema is not current: run `driftsentry migrate`".to_owned(),
        // The cause may name hosts and users: it is logged where it is handled, not told to strangers.
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready: the database does not answer");
            "the database does not answer".to_owned()
        }
        Err(_) => format!("the database did not answer within {} s", PATIENCE.as_secs()),
    };
    Err(Problem { status: StatusCode::SERVICE_UNAVAILABLE, detail })
}

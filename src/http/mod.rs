//! HTTP: liveness, readiness, metrics. The API's nouns are merged in here, one file each.
//!
//! Handlers translate; they do not decide.

pub mod error;
mod health;
mod metrics;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tracing::info;

use crate::resource::aws::AwsPool;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// What handlers work with.
#[derive(Clone)]
pub struct HttpState {
    /// The database.
    pub store: Store,
    /// AWS counters.
    pub pool: AwsPool,
}

/// All routes.
pub fn router(state: HttpState) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .with_state(Arc::new(state))
}

/// Binds the address.
///
/// # Errors
/// If the address is taken or not ours.
pub async fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    info!(http.address = %address, "listening on http://{address}");
    Ok(listener)
}

/// How long begun requests may take after the soft stop: a client that sends half of one must not keep us from ending.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until the soft stop, then lets begun requests finish.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: Shutdown) {
    let stop = shutdown.soft().clone();
    let serving = axum::serve(listener, router(state)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving.into_future() => if let Err(error) = served {
            tracing::error!(error = &error as &dyn std::error::Error, "the HTTP server ended");
        },
        () = drained => info!("HTTP requests that did not end were dropped"),
    }
}

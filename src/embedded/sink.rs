//! A web hook receiver on this machine that keeps what it gets: for the demo, and for tests, which can script its
//! answers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::shutdown::Shutdown;

/// More than any message that we send.
const BODY_LIMIT: usize = 1 << 20;

/// A receiver; it ends with the [`Shutdown`] that it was started under.
#[derive(Debug, Clone)]
pub struct Sink {
    url: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: Vec<Received>,
    answers: VecDeque<Answer>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Body as text.
    pub body: String,
}

impl Received {
    /// The body as JSON; `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What a request gets.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: String,
    /// How long it takes.
    pub delay: Duration,
}

impl Answer {
    /// A bare status, at once.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO }
    }
}

impl Sink {
    /// Starts a receiver that answers `200 ok`.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(shutdown: &Shutdown) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let router = Router::new().fallback(receive).with_state(kept.clone());
        shutdown.spawn("sink", async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the web hook receiver failed");
            }
        });
        Ok(Self { url, kept })
    }

    /// Its address: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets the next request get `answer`; several queue up, and after the last one it is `200 ok` again.
    pub fn answer_next(&self, answer: Answer) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).answers.push_back(answer);
    }

    /// All requests so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }
}

async fn receive(State(kept): State<Arc<Mutex<Kept>>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else { return plain(StatusCode::PAYLOAD_TOO_LARGE) };
    let received = Received {
        path: parts.uri.to_string(),
        headers: headers_of(&parts.headers),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let answer = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.requests.push(received);
        kept.answers.pop_front()
    };
    let Some(answer) = answer else { return plain(StatusCode::OK) };
    tokio::time::sleep(answer.delay).await;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(answer.body.into()).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(if status.is_success() { "ok" } else { "" }));
    *response.status_mut() = status;
    response
}

fn headers_of(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

//! A small HTTP server that keeps documents, as a Terraform `http` backend does: it honours conditional requests and
//! counts what it answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use tokio::net::TcpListener;

/// Status, headers and body.
type Answer = (u16, Vec<(&'static str, String)>, String);

/// A running server; it ends with the test that started it.
pub(super) struct Server {
    pub(super) url: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    documents: BTreeMap<String, String>,
    /// What the next requests get instead.
    instead: Vec<Answer>,
    /// `Authorization` that is asked for.
    login: Option<String>,
    without_etag: bool,
    answered: Vec<u16>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let router = Router::new().fallback(answer).with_state(kept.clone());
        #[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, kept }
    }

    pub(super) fn put(&self, path: &str, text: &str) {
        self.kept.lock().unwrap().documents.insert(path.to_owned(), text.to_owned());
    }

    pub(super) fn answer_next(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.kept.lock().unwrap().instead.push((status, headers, body.to_owned()));
    }

    pub(super) fn ask_for(&self, authorization: &str) {
        self.kept.lock().unwrap().login = Some(authorization.to_owned());
    }

    /// Tells no marks of contents any more.
    pub(super) fn forget_etags(&self) {
        self.kept.lock().unwrap().without_etag = true;
    }

    /// The statuses of all answers since this was asked last.
    pub(super) fn answered(&self) -> Vec<u16> {
        std::mem::take(&mut self.kept.lock().unwrap().answered)
    }
}

async fn answer(State(kept): State<Arc<Mutex<Kept>>>, request: Request<Body>) -> Response<Body> {
    let mut kept = kept.lock().unwrap();
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (status, headers, body) = if kept.instead.is_empty() {
        match kept.documents.get(request.uri().path()) {
            _ if kept.login.as_ref().is_some_and(|login| login != header("authorization")) => {
                (401, vec![("www-authenticate", "Basic realm=\"states\"".to_owned())], String::new())
            }
            None => (404, Vec::new(), "none".to_owned()),
            Some(_) if kept.without_etag => (200, Vec::new(), kept.documents[request.uri().path()].clone()),
            Some(text) => {
                let etag = format!("\"{}-{:x}\"", text.len(), text.bytes().map(u64::from).sum::<u64>());
                let modified = ("last-modified", "Mon, 02 Mar 2026 09:00:00 GMT".to_owned());
                if header("if-none-match") == etag {
                    (304, Vec::new(), String::new())
                } else {
                    (200, vec![("etag", etag), modified], text.clone())
                }
            }
        }
    } else {
        kept.instead.remove(0)
    };
    kept.answered.push(status);
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).expect("an answer")
}

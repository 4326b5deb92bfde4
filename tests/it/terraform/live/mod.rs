//! AWS that holds an estate of one's own making, and answers in the shape, with the pages and errors of the real one.
//!
//! A resource is a tree with the names of the elements that AWS answers with, so that a test can change anything that
//! AWS tells, and nothing else. It knows nothing of Terraform.

mod answers;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use serde_json::Value;

use crate::support::Call;

pub use xml::document;

/// Type and id, as DriftSentry calls them.
pub type Key = (&'static str, String);

/// A resource that AWS holds.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Where it lives; roles live in none.
    pub region: String,
    /// What AWS tells of it, by the call that tells it; see [`answers`].
    pub tree: Value,
}

/// What AWS holds.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// The account.
    pub account: String,
    /// Everything in it.
    pub resources: BTreeMap<Key, Resource>,
    /// In which order listings come; each number gives another.
    pub order: u64,
}

impl Estate {
    /// What AWS tells of a resource.
    pub fn tree(&mut self, resource_type: &'static str, id: &str) -> &mut Value {
        let found = self.resources.get_mut(&(resource_type, id.to_owned()));
        &mut found.unwrap_or_else(|| panic!("there is no {resource_type} {id}")).tree
    }

    /// The regions in which there is something.
    pub fn regions(&self) -> Vec<String> {
        let mut regions: Vec<String> = self.resources.values().map(|resource| resource.region.clone()).collect();
        regions.retain(|region| !region.is_empty());
        regions.sort();
        regions.dedup();
        if regions.is_empty() { vec!["us-east-1".to_owned()] } else { regions }
    }
}

/// A running responder; it ends with the test that started it.
#[derive(Clone)]
pub struct LiveAws {
    /// Where it listens.
    pub url: String,
    estate: Arc<Mutex<Estate>>,
}

impl LiveAws {
    /// AWS that holds `estate`.
    pub async fn holding(estate: Estate) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let estate = Arc::new(Mutex::new(estate));
        let router = Router::new().fallback(respond).with_state(estate.clone());
        #[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, estate }
    }

    /// What it holds from now on.
    pub fn hold(&self, estate: Estate) {
        *self.estate.lock().unwrap() = estate;
    }
}

async fn respond(State(estate): State<Arc<Mutex<Estate>>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a request's body");
    let call = Call::of(&parts.method, &parts.uri, &parts.headers, &body);
    let (status, body) = answers::answer(&estate.lock().unwrap(), &call);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.try_into().expect("a status");
    response
}

//! A proxy before the AWS emulator: counts requests by operation, and spoils or rewrites answers by rule.
//!
//! The emulator does not check signatures, so requests are passed on as they come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response};
use tokio::net::TcpListener;

use super::aws::World;
use super::call::{Call, error_body, slow_down};

/// What becomes of the calls that a rule is for.
#[derive(Debug, Clone)]
pub enum Effect {
    /// The credentials lack the permission.
    Denied,
    /// Asked too often.
    Throttled,
    /// AWS failed (500).
    Broken,
    /// An answer of one's own.
    Answer(u16, String),
    /// The answer comes late.
    Delay(Duration),
    /// Half of the answer comes, then the connection ends.
    HalfBody,
    /// The connection ends before the body.
    Cut,
    /// The bucket lives in this region.
    Moved(String),
    /// A text in the answer is replaced.
    Rewrite(String, String),
}

/// Which calls are meant, and what becomes of them.
#[derive(Debug, Clone)]
pub struct Rule {
    operation: String,
    subject: Option<String>,
    first: usize,
    last: usize,
    seen: usize,
    effect: Effect,
}

impl Rule {
    /// Every call of `operation`; `*` means all operations.
    pub fn on(operation: &str, effect: Effect) -> Self {
        Self { operation: operation.to_owned(), subject: None, first: 1, last: usize::MAX, seen: 0, effect }
    }

    /// Only calls for this bucket, or with this text in the form (`RoleName=web`).
    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }

    /// Only the n-th such call, from 1.
    #[must_use]
    pub fn only_call(self, n: usize) -> Self {
        self.calls(n, n)
    }

    /// Only such calls from the `first`-th to the `last`-th, from 1.
    #[must_use]
    pub fn calls(mut self, first: usize, last: usize) -> Self {
        (self.first, self.last) = (first, last);
        self
    }

    /// Notes the call if it is meant, and says whether the effect is due.
    fn strikes(&mut self, call: &Call) -> bool {
        let meant = self.operation == "*" || self.operation == call.operation;
        let subject = |subject: &String| match call.service.as_str() {
            "s3" => *subject == call.subject,
            _ => call.subject.split('&').any(|pair| pair == subject),
        };
        if !meant || !self.subject.as_ref().is_none_or(subject) {
            return false;
        }
        self.seen += 1;
        (self.first..=self.last).contains(&self.seen)
    }
}

/// A running proxy; it ends with the test that started it.
#[derive(Clone)]
pub struct Proxy {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    behind: String,
    client: reqwest::Client,
    state: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    rules: Vec<Rule>,
    counts: BTreeMap<String, usize>,
    last: BTreeMap<String, BTreeMap<String, String>>,
}

impl Proxy {
    /// A proxy before the emulator that holds `world`; use [`World::through`] with its address.
    pub async fn before(world: &World) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let shared = Arc::new(Shared { behind: world.endpoint.clone(), client, state: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(pass).with_state(shared.clone());
        #[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Adds a rule. Of several that strike, all rewrites and delays count, and the first of the others.
    pub fn add(&self, rule: Rule) {
        self.shared.state.lock().unwrap().rules.push(rule);
    }

    /// Removes all rules.
    pub fn clear_rules(&self) {
        self.shared.state.lock().unwrap().rules.clear();
    }

    /// Requests so far by operation; those that a rule spoiled count too.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.shared.state.lock().unwrap().counts.clone()
    }

    /// The parameters of the last request of an operation, those of the protocol aside.
    pub fn last_sent(&self, operation: &str) -> BTreeMap<String, String> {
        let mut sent = self.shared.state.lock().unwrap().last.get(operation).cloned().unwrap_or_default();
        sent.retain(|name, _| !["Action", "Version"].contains(&name.as_str()));
        sent
    }

    /// Requests so far, all operations, those that assume roles aside.
    pub fn total(&self) -> usize {
        self.counts().iter().filter(|(operation, _)| *operation != "AssumeRole").map(|(_, count)| count).sum()
    }

    /// Begins counting anew.
    pub fn reset_counts(&self) {
        self.shared.state.lock().unwrap().counts.clear();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 26).await.expect("a request's body");
    let call = Call::of(&parts.method, &parts.uri, &parts.headers, &body);
    let effects: Vec<Effect> = {
        let mut state = shared.state.lock().unwrap();
        *state.counts.entry(call.operation.clone()).or_default() += 1;
        state.last.insert(call.operation.clone(), call.parameters());
        state.rules.iter_mut().filter_map(|rule| rule.strikes(&call).then(|| rule.effect.clone())).collect()
    };
    for effect in &effects {
        if let Effect::Delay(delay) = effect {
            tokio::time::sleep(*delay).await;
        }
    }
    if let Some((status, body)) = effects.iter().find_map(|effect| error_for(effect, &call.service)) {
        return answer(status, &HeaderMap::new(), body.into());
    }
    if let Some(Effect::Moved(region)) = effects.iter().find(|effect| matches!(effect, Effect::Moved(_))) {
        let headers = HeaderMap::from_iter([("x-amz-bucket-region".parse().unwrap(), region.parse().unwrap())]);
        return answer(301, &headers, error_body("s3", "PermanentRedirect", "It lies elsewhere").into());
    }
    let url = format!("{}{}", shared.behind, parts.uri);
    let mut headers = parts.headers;
    headers.remove("connection");
    let sent = shared.client.request(parts.method, url).headers(headers).body(body).send().await;
    let response = sent.expect("the emulator answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.expect("the emulator's answer");
    spoil(&effects, status, &headers, body)
}

fn spoil(effects: &[Effect], status: u16, headers: &HeaderMap, mut body: Bytes) -> Response<Body> {
    for effect in effects {
        if let Effect::Rewrite(from, to) = effect {
            body = String::from_utf8_lossy(&body).replace(from, to).into();
        }
    }
    let cut_at = effects.iter().find_map(|effect| match effect {
        Effect::HalfBody => Some(body.len() / 2),
        Effect::Cut => Some(0),
        _ => None,
    });
    let Some(cut_at) = cut_at else { return answer(status, headers, body.into()) };
    let chunks = vec![Ok(body.slice(..cut_at)), Err(std::io::Error::other("cut by the test"))];
    let mut response = answer(status, headers, Body::from_stream(futures::stream::iter(chunks)));
    response.headers_mut().insert("content-length", body.len().into());
    response
}

fn answer(status: u16, headers: &HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().expect("a status");
    for (name, value) in headers {
        if !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// The error that an effect stands for, in the words and shape of the service.
fn error_for(effect: &Effect, service: &str) -> Option<(u16, String)> {
    let (status, code, message) = match (effect, service) {
        (Effect::Answer(status, body), _) => return Some((*status, body.clone())),
        (Effect::Throttled, _) => return Some(slow_down(service)),
        (Effect::Denied, "ec2") => (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
        (Effect::Denied, "s3") => (403, "AccessDenied", "Access Denied"),
        (Effect::Denied, _) => (403, "AccessDenied", "User is not authorized to perform this action"),
        (Effect::Broken, "ec2" | "s3") => (500, "InternalError", "An internal error has occurred"),
        (Effect::Broken, _) => (500, "InternalFailure", "An internal error has occurred"),
        _ => return None,
    };
    Some((status, error_body(service, code, message)))
}

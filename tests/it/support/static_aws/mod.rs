//! AWS without state: any number of resources of each type, on pages of AWS's own shape, size and tokens, as fast as
//! they can be written. For what an emulator cannot show: paging, many resources, counts of calls, throttling.
//!
//! It refuses what AWS refuses: page sizes out of range, tokens of its own making only, too many values in a filter.
//! It runs on a thread of its own, so that a test can measure its own thread. [`Scene`] puts the product before it.

mod answers;
mod buckets;
mod page;
mod scene;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use tokio::sync::oneshot;

use super::call::{Call, slow_down};
use page::{Template, numbered};

pub use scene::{Scene, core_attributes, scope};

/// The account of credentials that assumed no role.
pub const ACCOUNT: &str = "123456789012";

/// What the accounts hold and how they answer; the same in every account and region.
#[derive(Debug, Clone)]
pub struct Habits {
    /// Live resources of each type, numbered from 0: see [`id_of`].
    pub live: usize,
    /// IAM may give fewer roles than asked for, and says so.
    pub most_roles_a_page: usize,
    /// Whether `ListBuckets` tells where buckets are, which AWS does only where a parameter is sent.
    pub tells_bucket_regions: bool,
    /// How long an answer takes.
    pub latency: Duration,
    /// Accounts, and k: each k-th request of that account is asked to come again later.
    pub throttled: Vec<(&'static str, usize)>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            live: 0,
            most_roles_a_page: 1000,
            tells_bucket_regions: true,
            latency: Duration::ZERO,
            throttled: Vec::new(),
        }
    }
}

/// A request that was answered, in the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Whose credentials it was signed with.
    pub account: String,
    /// What it asked.
    pub operation: String,
    /// Whether it was asked to come again.
    pub throttled: bool,
}

/// A running responder; it ends when dropped.
pub struct StaticAws {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    habits: Habits,
    templates: BTreeMap<&'static str, Template>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    requests: Vec<Logged>,
    /// How many came from each account.
    by_account: BTreeMap<String, usize>,
}

/// The id of the resource of a type with this number.
pub fn id_of(resource_type: &str, number: usize) -> String {
    let id = match resource_type {
        "EC2" => "i-0a1b2c3d4NUMBER",
        "IAM_ROLE" => "web-NUMBER",
        "RDS" => "orders-NUMBER",
        "S3" => "bucket-NUMBER",
        "SECURITY_GROUP" => "sg-0a1b2c3d4NUMBER",
        other => panic!("no resources of type {other} here"),
    };
    numbered(id, number)
}

impl StaticAws {
    /// Starts one.
    pub fn start(habits: Habits) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared { habits, templates: answers::templates(), log: Mutex::default() });
        let router = Router::new().fallback(respond).with_state(shared.clone());
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            tokio::select! {
                ended = axum::serve(listener, router) => ended.expect("serve"),
                _ = stopped => {}
            }
        };
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(serve);
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("static-aws".to_owned()).spawn(run).expect("a thread");
        Self { url, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// All requests so far, those to STS aside.
    pub fn log(&self) -> Vec<Logged> {
        self.shared.log.lock().unwrap().requests.clone()
    }

    /// Requests of an account so far, those to STS aside.
    pub fn count_of(&self, account: &str) -> usize {
        self.shared.log.lock().unwrap().by_account.get(account).copied().unwrap_or_default()
    }

    /// Requests so far by operation, those to STS aside.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for logged in &self.shared.log.lock().unwrap().requests {
            *counts.entry(logged.operation.clone()).or_default() += 1;
        }
        counts
    }

    /// Begins counting anew.
    pub fn forget(&self) {
        *self.shared.log.lock().unwrap() = Log::default();
    }
}

impl Drop for StaticAws {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the responder's thread");
        }
    }
}

async fn respond(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a request's body");
    let call = Call::of(&parts.method, &parts.uri, &parts.headers, &body);
    if !shared.habits.latency.is_zero() {
        tokio::time::sleep(shared.habits.latency).await;
    }
    let (status, body) = if shared.is_throttled(&call) { slow_down(&call.service) } else { shared.answer(&call) };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.try_into().expect("a status");
    response
}

impl Shared {
    /// Notes the request and says whether it is to come again later.
    fn is_throttled(&self, call: &Call) -> bool {
        if call.service == "sts" {
            return false;
        }
        let account = account_of(call).to_owned();
        let mut log = self.log.lock().unwrap();
        let asked = log.by_account.entry(account.clone()).or_default();
        *asked += 1;
        let throttled =
            self.habits.throttled.iter().any(|(slowed, every)| *slowed == account && asked.is_multiple_of(*every));
        log.requests.push(Logged { account, operation: call.operation.clone(), throttled });
        throttled
    }
}

/// Whose credentials a request is signed with: [`answers`] puts the account into the access key.
fn account_of(call: &Call) -> &str {
    call.access_key.strip_prefix("ASIA").unwrap_or(ACCOUNT)
}

//! Buckets as AWS answers where the emulator does not: regions in the listing, pages by token, redirects.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use driftsentry::resource::{Aws, Undeclared};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::aws_pool;
use crate::s3::{read, request};

/// A request as a responder sees it.
struct Asked {
    /// Path and query.
    uri: String,
    /// The region that it was signed for.
    region: String,
}

/// Status, region header and body.
type Answer = (u16, Option<&'static str>, String);
type Answering = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

/// Answers as it is told; it ends when dropped.
struct Responder {
    aws: Aws,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Shared = (Answering, Arc<Mutex<Vec<String>>>);

impl Responder {
    async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared: Shared = (Arc::new(answer), asked.clone());
        let app = axum::Router::new().fallback(respond).with_state(shared);
        #[allow(clippy::disallowed_methods, reason = "aborted on drop")]
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serve") });
        let pool = aws_pool::pool(&aws_pool::settings(&url));
        let aws = pool.aws(&aws_pool::scope()).await.expect("clients");
        asked.lock().unwrap().clear();
        Self { aws, asked, server }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn respond(State((answer, seen)): State<Shared>, request: Request) -> Response {
    let signature = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut scope = signature.split('/').skip(2);
    let (region, service) = (scope.next().unwrap_or_default(), scope.next());
    if service == Some("sts") {
        return Response::new(Body::from(aws_pool::caller(aws_pool::ACCOUNT)));
    }
    let asked = Asked { uri: request.uri().to_string(), region: region.to_owned() };
    seen.lock().unwrap().push(format!("{} {}", asked.region, asked.uri));
    let (status, region, body) = answer(&asked);
    let mut response = Response::builder().status(status).header("content-type", "application/xml");
    if let Some(region) = region {
        response = response.header("x-amz-bucket-region", region);
    }
    response.body(Body::from(body)).expect("a response")
}

fn listing(buckets: impl IntoIterator<Item = (String, Option<&'static str>)>, token: Option<&str>) -> Answer {
    let bucket = |(name, region): (String, Option<&str>)| {
        let region = region.map(|region| format!("<BucketRegion>{region}</BucketRegion>")).unwrap_or_default();
        format!("<Bucket><Name>{name}</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate>{region}</Bucket>")
    };
    let buckets: String = buckets.into_iter().map(bucket).collect();
    let token = token.map(|token| format!("<ContinuationToken>{token}</ContinuationToken>")).unwrap_or_default();
    let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
    let owner = "<Owner><ID>75aa</ID></Owner>";
    let body = format!("<Buckets>{buckets}</Buckets>{token}");
    (200, None, format!("<ListAllMyBucketsResult xmlns=\"{namespace}\">{owner}{body}</ListAllMyBucketsResult>"))
}

fn versioned() -> Answer {
    (200, None, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".to_owned())
}

fn numbered(range: std::ops::Range<usize>) -> impl Iterator<Item = (String, Option<&'static str>)> {
    range.map(|number| (format!("bucket-{number:04}"), Some("us-east-1")))
}

#[tokio::test]
async fn pages_are_joined_by_token_and_regions_are_taken_from_them() {
    let responder = Responder::start(|asked| match asked.uri.as_str() {
        uri if !uri.starts_with("/?") => versioned(),
        uri if uri.contains("continuation-token=next") => listing(numbered(2000..2003), None),
        _ => listing(numbered(0..2000), Some("next")),
    })
    .await;
    let declared: &[(&str, &[&str])] = &[("bucket-0001", &["Versioning"]), ("bucket-2002", &["Versioning"])];
    let live = read(&responder.aws, &request(&responder.aws, Undeclared::Skip, declared)).await.expect("read");
    assert_eq!(live.len(), 2);
    let asked = responder.asked();
    assert_eq!(asked.len(), 4, "two pages and two reads, no call for a region: {asked:?}");
    assert!(asked.iter().filter(|uri| uri.contains(" /?")).all(|uri| uri.contains("max-buckets=2000")));
}

#[tokio::test]
async fn a_listing_that_is_cut_off_without_a_token_is_asked_for_again_whole() {
    let responder = Responder::start(|asked| match asked.uri.as_str() {
        uri if !uri.starts_with("/?") => versioned(),
        uri if uri.contains("max-buckets") => listing(numbered(0..2000), None),
        _ => listing(numbered(0..2500), None),
    })
    .await;
    let declared: &[(&str, &[&str])] = &[("bucket-0001", &["Versioning"]), ("bucket-2400", &["Versioning"])];
    let live = read(&responder.aws, &request(&responder.aws, Undeclared::Skip, declared)).await.expect("read");
    assert_eq!(live.into_keys().collect::<Vec<_>>(), ["bucket-0001", "bucket-2400"]);
}

#[tokio::test]
async fn a_listing_that_breaks_off_gives_what_came_before_and_then_the_error() {
    use futures::StreamExt;
    let responder = Responder::start(|asked| match asked.uri.as_str() {
        uri if !uri.starts_with("/?") => versioned(),
        uri if uri.contains("continuation-token") => {
            (403, None, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned())
        }
        _ => listing(numbered(0..1), Some("next")),
    })
    .await;
    let declared: &[(&str, &[&str])] = &[("bucket-0000", &["Versioning"]), ("bucket-0001", &["Versioning"])];
    let request = request(&responder.aws, Undeclared::Skip, declared);
    let read: Vec<_> = crate::s3::s3().read(&responder.aws, &request).collect().await;
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].as_ref().expect("the first page").resource_id, "bucket-0000");
    assert!(read[1].as_ref().expect_err("the second page").to_string().contains("was denied"));
}

#[tokio::test]
async fn a_bucket_is_asked_in_its_own_region() {
    let responder = Responder::start(|asked| match asked.uri.as_str() {
        uri if uri.starts_with("/?") => listing([("far".to_owned(), Some("eu-west-1"))], None),
        _ => versioned(),
    })
    .await;
    let live = read(&responder.aws, &request(&responder.aws, Undeclared::Skip, &[("far", &["Versioning"])])).await;
    assert_eq!(live.expect("read")["far"].state.get("Versioning").expect("it")["Status"], "Enabled");
    assert!(responder.asked()[1].starts_with("eu-west-1 /far"), "{:?}", responder.asked());
    assert_eq!(responder.aws.calls.get(), 2, "calls to other regions count too");
}

#[tokio::test]
async fn a_redirect_is_followed_once() {
    let moved = "<Error><Code>PermanentRedirect</Code><Message>use the right endpoint</Message></Error>";
    let responder = Responder::start(move |asked| match asked.uri.as_str() {
        uri if uri.starts_with("/?") => listing([("far".to_owned(), None), ("lost".to_owned(), None)], None),
        uri if uri.starts_with("/far") && asked.region == "ap-south-1" => versioned(),
        uri if uri.starts_with("/far") => (301, Some("ap-south-1"), moved.to_owned()),
        // Sends everyone on for ever.
        _ if asked.region == "us-east-1" => (301, Some("ap-south-1"), moved.to_owned()),
        _ => (301, Some("us-east-1"), moved.to_owned()),
    })
    .await;
    let declared: &[(&str, &[&str])] = &[("far", &["Versioning"]), ("lost", &["Versioning"])];
    let live = read(&responder.aws, &request(&responder.aws, Undeclared::Skip, declared)).await.expect("read");
    let versioning = json!({ "Status": "Enabled", "MFADelete": "Disabled" });
    assert_eq!(live["far"].state.get("Versioning"), Some(&versioning));
    assert!(live["lost"].unknown["Versioning"].contains("PermanentRedirect"), "{:?}", live["lost"].unknown);
    let to_lost = responder.asked().into_iter().filter(|asked| asked.contains("/lost")).count();
    assert_eq!(to_lost, 2);
}

#[tokio::test]
async fn a_bucket_whose_region_is_not_told_is_unknown_at_home_and_left_to_it_elsewhere() {
    let refused = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let responder = Responder::start(move |asked| match asked.uri.as_str() {
        uri if uri.starts_with("/?") => listing([("open".to_owned(), None)], None),
        uri if uri.contains("location") => (403, None, refused.to_owned()),
        _ => versioned(),
    })
    .await;
    let mut request = request(&responder.aws, Undeclared::Skip, &[("open", &["Versioning"])]);
    request.region_open = ["open".to_owned()].into();
    let live = read(&responder.aws, &request).await.expect("read");
    assert!(live["open"].state.is_empty());
    assert!(live["open"].unknown["Versioning"].contains("s3:GetBucketLocation in"), "{:?}", live["open"].unknown);
    request.is_home = false;
    assert!(read(&responder.aws, &request).await.expect("read").is_empty());
}

#[tokio::test]
async fn an_undeclared_bucket_whose_region_is_not_told_makes_the_scan_incomplete() {
    let refused = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let responder = Responder::start(move |asked| match asked.uri.as_str() {
        uri if uri.starts_with("/?") => listing([("dark".to_owned(), None)], None),
        _ => (403, None, refused.to_owned()),
    })
    .await;
    let mut request = request(&responder.aws, Undeclared::Read, &[]);
    for is_home in [true, false] {
        request.is_home = is_home;
        let error = read(&responder.aws, &request).await.expect_err("it may be any shard's");
        assert!(error.to_string().contains("s3:GetBucketLocation in"), "{error}");
    }
}

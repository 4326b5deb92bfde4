//! The meter between the SDK and the network: counts each request, waits for a token, bounds its time, sees throttling
//! and broken answers.
//!
//! It sits below the SDK's retries, so a retry is one more request here. The time that a request waits for its token is
//! not AWS's time and does not count against the time-out, which is why the time-out stands here and not in the SDK's
//! own configuration. It never changes what is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::CallCount;
use super::budget::{Attempt, Budgets, OutOfTime};
use super::limiter::Limiter;
use super::stats::Counters;

/// Codes, in the first part of an error's body, that ask us to slow down.
const THROTTLING_CODES: &[&str] =
    &["Throttl", "RequestLimitExceeded", "SlowDown", "TooManyRequests", "BandwidthLimitExceeded", "RequestThrottled"];

/// What is measured and bounded for one user of one service.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    /// The user's own count.
    pub(super) calls: CallCount,
    /// Shared by all users of the service in the account and region.
    pub(super) limiter: Arc<Limiter>,
    /// Shared by all users of the service.
    pub(super) counters: Arc<Counters>,
    /// How long one request may take, from the first byte sent to the last received.
    pub(super) call_timeout: Duration,
    /// How long all attempts of one operation may take together.
    pub(super) operation_timeout: Duration,
    /// What the operations under way have used of that.
    pub(super) budgets: Arc<Budgets>,
}

/// An HTTP client with a meter before it.
#[derive(Debug)]
pub(super) struct MeteredClient {
    /// The client that sends.
    pub(super) inner: SharedHttpClient,
    /// The meter.
    pub(super) meter: Meter,
}

impl HttpClient for MeteredClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(MeteredConnector { inner, meter: self.meter.clone() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

#[derive(Debug)]
struct MeteredConnector {
    inner: SharedHttpConnector,
    meter: Meter,
}

impl HttpConnector for MeteredConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, meter) = (self.inner.clone(), self.meter.clone());
        HttpConnectorFuture::new(async move { meter.send(&inner, request).await })
    }
}

impl Meter {
    async fn send(&self, inner: &SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let attempt = Attempt::of(&request);
        let left = self.budgets.left(&attempt, self.operation_timeout);
        if left.is_zero() {
            self.budgets.note(attempt, false, Duration::ZERO);
            // An error of no kind that the SDK would try again.
            return Err(ConnectorError::other(OutOfTime(self.operation_timeout).into(), None));
        }
        tokio::time::sleep(self.limiter.take(Instant::now())).await;
        self.calls.add_one();
        self.counters.count_request();
        let (sent_at, most) = (Instant::now(), self.call_timeout.min(left));
        let answer = match tokio::time::timeout(most, exchange(inner, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(ConnectorError::timeout(format!("no answer within {most:?}").into())),
        };
        let failed = answer.as_ref().map_or(true, |response| response.status().as_u16() >= 500);
        self.budgets.note(attempt, failed, sent_at.elapsed());
        match &answer {
            Ok(response) if is_throttled(response) => {
                self.counters.count_throttle();
                self.limiter.slow_down(sent_at, Instant::now());
            }
            Ok(response) if response.status().as_u16() < 400 => {}
            _ => self.counters.count_error(),
        }
        answer
    }
}

/// Sends, and reads the answer to its end, so that a slow or cut body is this request's failure and can be retried.
async fn exchange(inner: &SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let mut response = inner.call(request).await?;
    let body = ByteStream::new(response.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    // An error's page may come from a proxy on the way and be anything; its status tells enough.
    if response.status().is_success() && is_cut_short(&body) {
        return Err(ConnectorError::io("the answer ends in the middle of its XML document".into()));
    }
    *response.body_mut() = SdkBody::from(body);
    Ok(response)
}

/// Whether an XML document lacks its end. The SDK's parser takes such a document for a shorter list, and a resource
/// beyond the cut would look deleted.
fn is_cut_short(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    let Some((root, rest)) = root_element(body) else { return body.starts_with(b"<?xml") };
    let Some(rest) = rest.strip_suffix(b">") else { return true };
    if !rest.contains(&b'>') {
        return !rest.ends_with(b"/");
    }
    let end = rest.trim_ascii_end();
    !(end.ends_with(root) && end[..end.len() - root.len()].ends_with(b"</"))
}

/// The name of an XML document's root element and what follows it; `None` if the body is something else, or ends before.
fn root_element(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = body;
    while rest.starts_with(b"<?") || rest.starts_with(b"<!") {
        let end = rest.iter().position(|byte| *byte == b'>')?;
        rest = rest[end + 1..].trim_ascii_start();
    }
    let rest = rest.strip_prefix(b"<")?;
    let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
    (end > 0).then_some(rest.split_at(end))
}

fn is_throttled(response: &HttpResponse) -> bool {
    let status = response.status().as_u16();
    if matches!(status, 429 | 503) {
        return true;
    }
    if status < 400 {
        return false;
    }
    let is_throttling = |text: &str| THROTTLING_CODES.iter().any(|code| text.contains(code));
    let header = response.headers().get("x-amzn-errortype").is_some_and(is_throttling);
    header || error_code(response.body().bytes().unwrap_or_default()).is_some_and(is_throttling)
}

/// The code of an XML error answer.
fn error_code(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(&body[..body.len().min(2048)]).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_document_is_not_cut_short() {
        for body in [
            "<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><a>1</a></R>\n",
            "<R/>",
            "<?xml version=\"1.0\"?><R xmlns=\"x\"/>",
            "{\"Version\": \"2012-10-17\"}",
            "",
            "<R>\n</R >",
        ] {
            assert!(!is_cut_short(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn a_document_without_its_end_is_cut_short_wherever_it_was_cut() {
        let whole = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"x\"><set><item><a/></item></set></R>";
        for length in "<?xml ".len()..whole.len() {
            assert!(is_cut_short(&whole.as_bytes()[..length]), "{}", &whole[..length]);
        }
    }

    #[test]
    fn throttling_is_seen_by_status_and_by_code() {
        let response =
            |status: u16, body: &'static str| HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        assert!(is_throttled(&response(503, "")));
        assert!(is_throttled(&response(429, "")));
        assert!(is_throttled(&response(400, "<E><Error><Code>Throttling</Code></Error></E>")));
        assert!(is_throttled(&response(400, "<E><Code>RequestLimitExceeded</Code></E>")));
        assert!(!is_throttled(&response(400, "<E><Code>ValidationError</Code><M>Throttling</M></E>")));
        assert!(!is_throttled(&response(200, "<Code>Throttling</Code>")));
        assert!(!is_throttled(&response(500, "<Code>InternalError</Code>")));
    }
}

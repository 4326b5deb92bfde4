//! HTTP towards receivers: what an answer means for a delivery.
//!
//! A URL may itself be the secret, so it never appears in an error: only its scheme, host and port do. Redirects are not
//! followed: a message goes where the configuration says or nowhere.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use super::SendError;
use crate::config::options::Reader;
use crate::config::secret::Secret;
use crate::config::{Channel as ChannelConfig, ConfigProblem};
use crate::domain::words;
use crate::outbound::{self, Patience};

/// For one request, answer included.
const TIMEOUT: Duration = Duration::from_secs(15);
/// A receiver may not ask for more than this.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Characters of an answer that are kept as the reason.
const REASON_MAX: usize = 200;
/// Parts of an address that are shorter than this hide nothing.
const SHORTEST_SECRET: usize = 6;
/// Bytes of an answer that are read for that.
const ANSWER_MAX: usize = 8 * 1024;

/// A client for a channel: time-outs, no redirects, TLS by the provider of this process.
///
/// # Errors
/// If the system's certificates cannot be used.
pub(super) fn build_for(channel: &ChannelConfig) -> Result<Client, Vec<ConfigProblem>> {
    outbound::client(Patience { whole: TIMEOUT, silence: TIMEOUT }).map_err(|why| {
        let message = format!("no HTTP client for it: {why}");
        vec![ConfigProblem { path: format!("channels.{}", channel.name), line: None, message }]
    })
}

/// Reads the option `url`, which is a secret.
pub(super) fn read_url(reader: &mut Reader<'_>, example: &str) -> Option<Endpoint> {
    let address = reader.secret("url", example)?;
    match Endpoint::parse(&address) {
        Ok(endpoint) => Some(endpoint),
        Err(message) => reader.fault("url", &message),
    }
}

/// Where to send: a URL that is known to be good and must not be shown.
#[derive(Clone)]
pub(super) struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// With what to write instead, without the address.
    pub(super) fn parse(address: &Secret) -> Result<Self, String> {
        let example = "write one such as https://hooks.example.com/path";
        let url =
            Url::parse(address.expose().trim()).map_err(|error| format!("this is no URL ({error}): {example}"))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Self { url }),
            scheme => Err(format!("`{scheme}` is no scheme for it: {example}")),
        }
    }

    /// The address itself, for the request.
    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    /// The part that may be shown: `https://hooks.example.com`.
    pub(super) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{}://{host}:{port}", self.url.scheme()),
            None => format!("{}://{host}", self.url.scheme()),
        }
    }

    /// Sends a request and tells whether it was taken: 2xx is yes; 408, 425, 429 and 5xx later; anything else never.
    pub(super) async fn deliver(&self, request: RequestBuilder) -> Result<(), SendError> {
        let answer = request.send().await.map_err(|error| self.unanswered(error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(self.refused(answer).await)
    }

    /// Whether anything answers there.
    pub(super) async fn probe(&self, client: &Client) -> Result<String, SendError> {
        let mut url = self.url();
        url.set_path("/");
        url.set_query(None);
        let answer = client.head(url).send().await.map_err(|error| self.unanswered(error))?;
        Ok(format!("{} answers ({})", self.place(), answer.status().as_u16()))
    }

    fn unanswered(&self, error: reqwest::Error) -> SendError {
        let is_builder = error.is_builder();
        let what = words::clean(&outbound::why(error));
        let reason = words::cut(&format!("{} {what}", self.place()), REASON_MAX);
        if is_builder { SendError::permanent(reason) } else { SendError::retry(reason) }
    }

    /// The text without the parts of the address that may be secret.
    fn hide(&self, text: String) -> String {
        let parts = self.url.path().split('/').chain(self.url.query()).filter(|part| part.len() >= SHORTEST_SECRET);
        parts.fold(text, |text, part| text.replace(part, words::REDACTED))
    }

    async fn refused(&self, answer: Response) -> SendError {
        let status = answer.status();
        let after = retry_after(answer.headers());
        let said = beginning(answer).await;
        let mut reason = format!("{} answered {}", self.place(), status.as_u16());
        if !said.is_empty() {
            reason = format!("{reason}: {}", words::cut(&self.hide(words::clean(&said)), REASON_MAX));
        }
        match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                SendError::Retry { reason, after }
            }
            status if status.is_server_error() => SendError::Retry { reason, after },
            status if status.is_redirection() => {
                SendError::permanent(format!("{reason}; redirects are not followed: configure the final address"))
            }
            _ => SendError::permanent(reason),
        }
    }
}

/// What the receiver asks to wait: seconds, or a time of its own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    // Measured against the receiver's own clock, so that ours may be wrong.
    let wait = http_date(asked)? - http_date(headers.get(DATE)?.to_str().ok()?)?;
    wait.to_std().ok().map(|wait| wait.min(LONGEST_WAIT))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

/// The first words of an answer; nothing if they cannot be had.
async fn beginning(mut answer: Response) -> String {
    let mut read = Vec::new();
    while read.len() < ANSWER_MAX {
        match answer.chunk().await {
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    read.truncate(ANSWER_MAX);
    String::from_utf8_lossy(&read).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(reqwest::header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header value"))).collect()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_a_day() {
        let wait = |pairs: &[_]| retry_after(&headers(pairs));
        assert_eq!(wait(&[(RETRY_AFTER, "30")]), Some(Duration::from_secs(30)));
        assert_eq!(wait(&[(RETRY_AFTER, "999999999")]), Some(LONGEST_WAIT));
        let now = (DATE, "Mon, 23 Nov 2026 03:12:00 GMT");
        assert_eq!(wait(&[now.clone(), (RETRY_AFTER, "Mon, 23 Nov 2026 03:13:30 GMT")]), Some(Duration::from_secs(90)));
        assert_eq!(wait(&[now, (RETRY_AFTER, "Mon, 23 Nov 2026 03:11:00 GMT")]), None);
        assert_eq!(wait(&[(RETRY_AFTER, "soon")]), None);
    }

    #[test]
    fn an_address_must_be_http_and_is_shown_by_its_host_alone() {
        let parse = |address: &str| Endpoint::parse(&Secret::new(address));
        let place = parse("https://user:pw@hooks.example.com/services/T0/B0/secret?x=1").map(|e| e.place());
        assert_eq!(place.as_deref(), Ok("https://hooks.example.com"));
        assert_eq!(parse("http://127.0.0.1:8080/x").map(|e| e.place()).as_deref(), Ok("http://127.0.0.1:8080"));
        for wrong in ["hooks.example.com/secret", "ftp://example.com/secret", "", "https://"] {
            let fault = parse(wrong).err().expect("refused");
            assert!(!fault.contains("secret") && fault.contains("https://hooks.example.com"), "{fault}");
        }
    }
}

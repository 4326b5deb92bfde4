//! A document behind HTTP, as Terraform's `http` backend and GitLab keep states: `GET` returns it.
//!
//! A look is one conditional request. What it brings is kept until the document is read, so that a changed one costs
//! one request too; a failed look is told when the document is read, and the next look asks again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::shelf::{Budget, Shelf};
use super::spec::Target;
use super::{Document, Fault, MOST_BYTES};
use crate::config::problem::ConfigProblem;
use crate::domain::words;
use crate::outbound::{self, Patience};

/// A state of a hundred megabytes may come over a slow line, but not drop by drop.
const PATIENCE: Patience = Patience { whole: Duration::from_mins(5), silence: Duration::from_secs(20) };
/// Requests of one look at most.
const ATTEMPTS: u32 = 3;
/// Before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(400);
/// Characters of an answer's reason that are told.
const REASON_MAX: usize = 200;

/// A document behind HTTP.
pub(in crate::expected) struct Http {
    target: Target,
    shown: String,
    client: Client,
    shelf: Shelf,
    seen: Mutex<Seen>,
}

/// What is known of the document.
#[derive(Default)]
struct Seen {
    validators: Validators,
    /// Mark of the content that was last read.
    mark: Option<String>,
    /// What the last look brought, until it is read.
    brought: Option<Result<Document, Fault>>,
}

/// How the server tells whether a document changed.
#[derive(Default)]
struct Validators {
    etag: Option<String>,
    modified: Option<String>,
}

enum Answer {
    Unchanged,
    Document(Validators, Document),
}

/// Why an attempt brought nothing.
struct Failure {
    message: String,
    may_pass: bool,
}

impl Http {
    pub(super) fn new(target: Target, budget: Budget) -> Result<Self, ConfigProblem> {
        let client = outbound::client(PATIENCE).map_err(|why| ConfigProblem {
            path: "expected.path".to_owned(),
            line: None,
            message: format!("no HTTP client for it: {why}"),
        })?;
        let shown = target.shown();
        Ok(Self { target, shown, client, shelf: Shelf::new(budget), seen: Mutex::default() })
    }

    pub(super) fn describe(&self) -> String {
        self.shown.clone()
    }

    /// The mark of the content, by one conditional request; `None` if it cannot be had.
    pub(super) async fn look(&self) -> Option<String> {
        let mut seen = self.seen.lock().await;
        match self.ask(Some(&seen.validators)).await {
            Ok(Answer::Unchanged) => {
                seen.brought = None;
                seen.mark.clone()
            }
            Ok(Answer::Document(validators, document)) => {
                let mark = mark_of(&document);
                let is_news = seen.mark.as_ref() != Some(&mark);
                self.shelf.put(&self.shown, &mark, document.bytes.len(), || document.clone());
                *seen = Seen { validators, mark: Some(mark.clone()), brought: is_news.then_some(Ok(document)) };
                Some(mark)
            }
            Err(fault) => {
                seen.brought = Some(Err(fault));
                None
            }
        }
    }

    /// The document, from the last look if it brought it.
    pub(super) async fn document(&self) -> Result<Document, Fault> {
        let mut seen = self.seen.lock().await;
        if let Some(brought) = seen.brought.take() {
            return brought;
        }
        if let Some(document) = seen.mark.as_ref().and_then(|mark| self.shelf.get(&self.shown, mark)) {
            return Ok(document);
        }
        match self.ask(None).await? {
            Answer::Document(validators, document) => {
                let mark = mark_of(&document);
                self.shelf.put(&self.shown, &mark, document.bytes.len(), || document.clone());
                *seen = Seen { validators, mark: Some(mark), brought: None };
                Ok(document)
            }
            Answer::Unchanged => Err(Fault::new(&self.shown, "answers that nothing changed, though nothing was known")),
        }
    }

    /// Asks for the document, again if that may help.
    async fn ask(&self, known: Option<&Validators>) -> Result<Answer, Fault> {
        let mut attempt = 1;
        loop {
            match self.ask_once(known).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.may_pass && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE * (1 << (attempt - 1))).await;
                    attempt += 1;
                }
                Err(failure) => return Err(Fault::new(&self.shown, words::clean(&failure.message))),
            }
        }
    }

    async fn ask_once(&self, known: Option<&Validators>) -> Result<Answer, Failure> {
        let mut request = self.client.get(self.target.url.clone()).headers(self.target.headers.clone());
        if let Some((username, password)) = &self.target.login {
            request = request.basic_auth(username, Some(password.expose()));
        }
        let answer = conditional(request, known).send().await.map_err(unanswered)?;
        match answer.status() {
            StatusCode::NOT_MODIFIED => Ok(Answer::Unchanged),
            StatusCode::OK => self.take(answer).await,
            status => Err(refused(status, answer.headers())),
        }
    }

    async fn take(&self, mut answer: Response) -> Result<Answer, Failure> {
        let header = |name| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let validators = Validators { etag: header(ETAG), modified: header(LAST_MODIFIED) };
        let too_large = || Failure { message: Fault::too_large("").message, may_pass: false };
        let expected = answer.content_length().unwrap_or_default();
        if expected > MOST_BYTES {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            if (bytes.len() + chunk.len()) as u64 > MOST_BYTES {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.is_empty() {
            return Err(nothing_yet("an empty answer"));
        }
        let modified_at = validators.modified.as_deref().and_then(http_date);
        Ok(Answer::Document(validators, Document { name: self.shown.clone(), bytes, modified_at }))
    }
}

fn conditional(request: RequestBuilder, known: Option<&Validators>) -> RequestBuilder {
    match known {
        Some(Validators { etag: Some(etag), .. }) => request.header(IF_NONE_MATCH, etag),
        Some(Validators { modified: Some(modified), .. }) => request.header(IF_MODIFIED_SINCE, modified),
        _ => request,
    }
}

fn mark_of(document: &Document) -> String {
    hex::encode(Sha256::digest(&document.bytes))
}

fn unanswered(error: reqwest::Error) -> Failure {
    let may_pass = !error.is_builder();
    Failure { message: outbound::why(error), may_pass }
}

fn nothing_yet(what: &str) -> Failure {
    let message = format!("holds nothing yet ({what}): apply once, or correct the path");
    Failure { message, may_pass: false }
}

/// What an answer without a document means.
fn refused(status: StatusCode, headers: &HeaderMap) -> Failure {
    let number = status.as_u16();
    let never = |message: String| Failure { message, may_pass: false };
    match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => nothing_yet(&format!("it answers {number}")),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let asks = headers.get("www-authenticate").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let asks =
                if asks.is_empty() { String::new() } else { format!("; it asks for {}", words::cut(asks, REASON_MAX)) };
            never(format!(
                "refuses these credentials ({number}): write username and password beside the path, or headers{asks}"
            ))
        }
        status if status.is_redirection() => {
            never(format!("redirects ({number}), which is not followed: write the final address"))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Failure { message: format!("answers {number}"), may_pass: true }
        }
        status => Failure { message: format!("answers {number}"), may_pass: status.is_server_error() },
    }
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

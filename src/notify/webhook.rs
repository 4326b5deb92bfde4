//! A generic webhook: JSON for programs, signed as Standard Webhooks say.
//!
//! `webhook-id` is the alert's id and stays the same at every attempt, so a receiver can drop what it has seen. The bytes
//! that are signed are the bytes that are sent. The body is versioned: a field may be added, none changes its meaning.

mod body;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook as Signer};

use super::http::{self, Endpoint};
use super::{Channel, ChannelKind, Message, SendError};
use crate::config::options::{Options, Reader};
use crate::config::secret::Secret;
use crate::config::{Channel as ChannelConfig, ConfigProblem, KindSpec};
use crate::domain::words;

/// Headers that are ours to set.
const RESERVED: &[&str] = &[
    HEADER_WEBHOOK_ID,
    HEADER_WEBHOOK_SIGNATURE,
    HEADER_WEBHOOK_TIMESTAMP,
    "content-type",
    "content-length",
    "host",
    "transfer-encoding",
    "connection",
];

/// The kind `webhook`: `url`, and where wanted `secret` and `headers`.
#[derive(Debug, Clone, Copy)]
pub struct Webhook;

impl ChannelKind for Webhook {
    fn spec(&self) -> KindSpec {
        KindSpec { name: "webhook", check: |options| Settings::read(options).err().unwrap_or_default() }
    }

    fn build(&self, channel: &ChannelConfig) -> Result<Arc<dyn Channel>, Vec<ConfigProblem>> {
        let settings = Settings::read(&channel.options)?;
        let client = http::build_for(channel)?;
        Ok(Arc::new(WebhookChannel { settings, client }))
    }
}

/// The options, checked.
struct Settings {
    endpoint: Endpoint,
    key: Option<Vec<u8>>,
    headers: HeaderMap,
}

impl Settings {
    fn read(options: &Options) -> Result<Self, Vec<ConfigProblem>> {
        let mut reader = options.reader();
        let endpoint = http::read_url(&mut reader, "\"https://hooks.example.com/driftsentry\"");
        let key = reader.optional_secret("secret").and_then(|secret| match signing_key(&secret) {
            Ok(key) => Some(key),
            Err(message) => reader.fault("secret", message),
        });
        let configured = reader.secret_table("headers");
        let headers = headers(&mut reader, &configured);
        reader.finish()?;
        let endpoint = endpoint.ok_or_else(Vec::new)?;
        Ok(Self { endpoint, key, headers })
    }
}

/// The key of a secret: what follows `whsec_` is base64. A text without that prefix is base64 if it can be, as the
/// Standard Webhooks libraries read it, else the key is the text itself.
fn signing_key(secret: &Secret) -> Result<Vec<u8>, &'static str> {
    let text = secret.expose().trim();
    let key = match text.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| "what follows whsec_ must be base64")?,
        None => STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()),
    };
    if key.is_empty() {
        Err("it is empty: leave it out, or write whsec_ and 24 to 64 random bytes in base64")
    } else {
        Ok(key)
    }
}

fn headers(reader: &mut Reader<'_>, configured: &BTreeMap<String, Secret>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in configured {
        match header(name, value) {
            Ok((name, value)) => drop(headers.insert(name, value)),
            Err(message) => reader.fault::<()>("headers", &message).unwrap_or_default(),
        }
    }
    headers
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), String> {
    let shown = words::clean(name);
    let name: HeaderName = name.parse().map_err(|_| format!("`{shown}` is no name of a header"))?;
    if RESERVED.contains(&name.as_str()) {
        return Err(format!("`{shown}` is set by driftsentry itself: leave it out"));
    }
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| format!("the value of `{shown}` has characters that no header may have"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

struct WebhookChannel {
    settings: Settings,
    client: Client,
}

impl Channel for WebhookChannel {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let body = body::of(message).to_string();
            let mut request = self
                .client
                .post(self.settings.endpoint.url())
                .headers(self.settings.headers.clone())
                .header(CONTENT_TYPE, "application/json")
                .header(HEADER_WEBHOOK_ID, message.alert.id.to_string())
                .header(HEADER_WEBHOOK_TIMESTAMP, message.sent_at.timestamp());
            if let Some(key) = &self.settings.key {
                request = request.header(HEADER_WEBHOOK_SIGNATURE, sign(key, message, &body)?);
            }
            self.settings.endpoint.deliver(request.body(body)).await
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, SendError>> {
        Box::pin(self.settings.endpoint.probe(&self.client))
    }
}

fn sign(key: &[u8], message: &Message, body: &str) -> Result<String, SendError> {
    Signer::from_bytes(key.to_vec())
        .and_then(|signer| signer.sign(&message.alert.id.to_string(), message.sent_at.timestamp(), body.as_bytes()))
        .map_err(|error| SendError::permanent(format!("the message cannot be signed: {error}")))
}

#[cfg(test)]
mod tests;

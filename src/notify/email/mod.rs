//! E-mail by SMTP: one mail per alert, text and HTML, threaded by drift.
//!
//! A retry carries the same `Message-ID`, so that a mail system that saw the first one can tell. Mails of one drift
//! answer a synthetic root, so that they stand together in a reader's list. It must never let text from AWS become a
//! header or markup.

mod html;
mod server;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tracing::warn;

use super::{Channel, ChannelKind, Message, SendError};
use crate::config::options::{Options, Reader};
use crate::config::{Channel as ChannelConfig, ConfigProblem, KindSpec};
use crate::domain::words;

/// For one mail, from connecting to the server's last answer.
const TIMEOUT: Duration = Duration::from_secs(45);
/// For one answer of the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Characters of the server's words that are kept as the reason.
const REASON_MAX: usize = 300;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// The kind `email`: `smtp_url`, `from`, `to`.
#[derive(Debug, Clone, Copy)]
pub struct Email;

impl ChannelKind for Email {
    fn spec(&self) -> KindSpec {
        KindSpec { name: "email", check: |options| Settings::read(options).err().unwrap_or_default() }
    }

    fn build(&self, channel: &ChannelConfig) -> Result<Arc<dyn Channel>, Vec<ConfigProblem>> {
        let settings = Settings::read(&channel.options)?;
        if settings.smtp.sends_password_in_clear() {
            warn!(channel = channel.name, "the mail password travels unencrypted: add ?tls=required to smtp_url");
        }
        let problem =
            |message| vec![ConfigProblem { path: format!("channels.{}.smtp_url", channel.name), line: None, message }];
        let server = settings.smtp.transport(ANSWER_TIMEOUT).map_err(problem)?;
        Ok(Arc::new(EmailChannel { settings, server, transport: OnceLock::new() }))
    }
}

/// The options, checked.
struct Settings {
    smtp: server::SmtpUrl,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Settings {
    fn read(options: &Options) -> Result<Self, Vec<ConfigProblem>> {
        let mut reader = options.reader();
        let smtp_url = reader.secret("smtp_url", "\"smtp://user:password@mail.example.com:587?tls=required\"");
        let from = reader.text("from", "\"driftsentry@example.com\"");
        let to = reader.texts("to", "[\"ops@example.com\"]").unwrap_or_default();
        let smtp = smtp_url.and_then(|url| match server::SmtpUrl::parse(&url) {
            Ok(smtp) => Some(smtp),
            Err(message) => reader.fault("smtp_url", &message),
        });
        let from = from.and_then(|address| mailbox(&mut reader, "from", &address));
        let to = to.iter().filter_map(|address| mailbox(&mut reader, "to", address)).collect();
        reader.finish()?;
        let (Some(smtp), Some(from)) = (smtp, from) else { return Err(Vec::new()) };
        Ok(Self { smtp, from, to })
    }
}

fn mailbox(reader: &mut Reader<'_>, key: &'static str, address: &str) -> Option<Mailbox> {
    match address.parse() {
        Ok(mailbox) => Some(mailbox),
        Err(error) => {
            let shown = words::clean(address);
            reader.fault(key, &format!("`{shown}` is no mail address ({error}): write \"Name <name@example.com>\""))
        }
    }
}

struct EmailChannel {
    settings: Settings,
    server: AsyncSmtpTransportBuilder,
    /// Made with the first mail, because its pool wants a runtime to live in.
    transport: OnceLock<Transport>,
}

impl Channel for EmailChannel {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let mail = compose(&self.settings, message)?.formatted();
            let to: Vec<Address> = self.settings.to.iter().map(|mailbox| mailbox.email.clone()).collect();
            match self.hand_over(&mail, to.clone()).await {
                Err(SendError::Permanent { reason }) if to.len() > 1 => self.hand_over_singly(&mail, to, reason).await,
                outcome => outcome,
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, SendError>> {
        Box::pin(async {
            let place = self.settings.smtp.place();
            let answer = tokio::time::timeout(TIMEOUT, self.transport().test_connection()).await;
            let is_ready = answer.map_err(|_| self.too_slow())?.map_err(|error| self.refused(&error))?;
            match (is_ready, self.settings.smtp.has_login()) {
                (true, true) => Ok(format!("{place} answers and accepts the login")),
                (true, false) => Ok(format!("{place} answers; no login is configured")),
                (false, _) => Err(SendError::retry(format!("{place} answers, but not as a mail server"))),
            }
        })
    }
}

impl EmailChannel {
    fn transport(&self) -> &Transport {
        self.transport.get_or_init(|| self.server.clone().build())
    }

    async fn hand_over(&self, mail: &[u8], to: Vec<Address>) -> Result<(), SendError> {
        let from = Some(self.settings.from.email.clone());
        let envelope = Envelope::new(from, to).map_err(|error| SendError::permanent(error.to_string()))?;
        let sent = tokio::time::timeout(TIMEOUT, self.transport().send_raw(&envelope, mail)).await;
        sent.map_err(|_| self.too_slow())?.map(drop).map_err(|error| self.refused(&error))
    }

    /// One refused recipient makes the server refuse the mail for all. So that a mailbox that was closed does not keep
    /// an alert from everybody else, each is then tried alone; it is done if anybody got it.
    async fn hand_over_singly(&self, mail: &[u8], to: Vec<Address>, reason: String) -> Result<(), SendError> {
        let count = to.len();
        let mut taken = 0;
        for (index, recipient) in to.into_iter().enumerate() {
            match self.hand_over(mail, vec![recipient]).await {
                Ok(()) => taken += 1,
                Err(error) => warn!(%error, "recipient {} of {count} did not get a mail: {error}", index + 1),
            }
        }
        if taken > 0 { Ok(()) } else { Err(SendError::Permanent { reason }) }
    }

    fn too_slow(&self) -> SendError {
        SendError::retry(format!("{} does not answer in time", self.settings.smtp.place()))
    }

    fn refused(&self, error: &lettre::transport::smtp::Error) -> SendError {
        let said = words::cut(&words::clean(&error.to_string()), REASON_MAX);
        let reason = format!("{}: {said}", self.settings.smtp.place());
        if error.is_permanent() || error.is_client() { SendError::permanent(reason) } else { SendError::retry(reason) }
    }
}

fn compose(settings: &Settings, message: &Message) -> Result<lettre::Message, SendError> {
    let alert = &message.alert;
    let domain = settings.from.email.domain();
    let thread = format!("<drift-{}@{domain}>", alert.drift.id);
    let mut mail = lettre::Message::builder()
        .from(settings.from.clone())
        .subject(message.subject())
        .date(message.sent_at.into())
        .message_id(Some(format!("<{}@{domain}>", alert.id)))
        .in_reply_to(thread.clone())
        .references(thread);
    for recipient in &settings.to {
        mail = mail.to(recipient.clone());
    }
    let marks = [
        (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()),
        (HeaderName::new_from_ascii_str("X-DriftSentry-Event"), message.event().to_owned()),
        (HeaderName::new_from_ascii_str("X-DriftSentry-Severity"), alert.severity.to_string()),
        (HeaderName::new_from_ascii_str("X-DriftSentry-Drift"), alert.drift.id.to_string()),
    ];
    for (name, value) in marks {
        mail = mail.raw_header(HeaderValue::new(name, value));
    }
    let body = MultiPart::alternative_plain_html(message.text(), html::page(message).into_string());
    mail.multipart(body).map_err(|error| SendError::permanent(format!("the mail cannot be written: {error}")))
}

#[cfg(test)]
mod tests;

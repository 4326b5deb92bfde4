//! Slack by incoming webhook: one Block Kit message per alert.
//!
//! Slack refuses a whole message for one block that is too long, so every part is cut to its limit and the list of
//! changes shrinks until all of it fits. It must never let text from AWS become a mention or a link.

use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::Client;
use serde_json::{Value, json};

use super::http::{self, Endpoint};
use super::{Channel, ChannelKind, Message, SendError};
use crate::config::options::Options;
use crate::config::{Channel as ChannelConfig, ConfigProblem, KindSpec};
use crate::domain::severity::Severity;
use crate::domain::story::{ChangeWords, LISTED_CHANGES, Story, What};

/// Characters of a header block at most.
const HEADER_MAX: usize = 150;
/// Characters of a section's text at most.
const SECTION_MAX: usize = 3000;
/// Characters of a field that we use; Slack allows 2,000.
const FIELD_MAX: usize = 300;
/// Characters of a whole message at most: Slack refuses it a little above.
const PAYLOAD_MAX: usize = 12_000;
/// Rooms for the list of changes that are tried, one after the other, until the message fits.
const CHANGES_ROOMS: [usize; 4] = [SECTION_MAX - 100, 1500, 600, 0];

/// The kind `slack`: `url`.
#[derive(Debug, Clone, Copy)]
pub struct Slack;

impl ChannelKind for Slack {
    fn spec(&self) -> KindSpec {
        KindSpec { name: "slack", check: |options| read(options).err().unwrap_or_default() }
    }

    fn build(&self, channel: &ChannelConfig) -> Result<Arc<dyn Channel>, Vec<ConfigProblem>> {
        let endpoint = read(&channel.options)?;
        let client = http::build_for(channel)?;
        Ok(Arc::new(SlackChannel { endpoint, client }))
    }
}

fn read(options: &Options) -> Result<Endpoint, Vec<ConfigProblem>> {
    let mut reader = options.reader();
    let endpoint = http::read_url(&mut reader, "{ file = \"/etc/driftsentry/slack-url\" }");
    reader.finish()?;
    endpoint.ok_or_else(Vec::new)
}

struct SlackChannel {
    endpoint: Endpoint,
    client: Client,
}

impl Channel for SlackChannel {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let request = self.client.post(self.endpoint.url()).json(&payload(message));
            self.endpoint.deliver(request).await
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, SendError>> {
        Box::pin(self.endpoint.probe(&self.client))
    }
}

fn payload(message: &Message) -> Value {
    let story = message.story();
    let mut smallest = Value::Null;
    for room in CHANGES_ROOMS {
        smallest = payload_with(message, &story, room);
        if smallest.to_string().chars().count() <= PAYLOAD_MAX {
            break;
        }
    }
    smallest
}

fn payload_with(message: &Message, story: &Story<'_>, changes_room: usize) -> Value {
    let subject = message.subject();
    let mut blocks = vec![section(&format!("{} {}.", code(&story.resource(), 500), story.happened()))];
    blocks.extend(message.lead().map(|lead| section(&plain(&lead, 1500))));
    blocks.extend(changes(story, changes_room).map(|list| section(&list)));
    blocks.push(json!({"type": "section", "fields": fields(story)}));
    blocks.extend(next_steps(story).map(|steps| section(&steps)));
    json!({
        "text": escape(&subject, 600),
        "blocks": [{"type": "header", "text": {"type": "plain_text", "text": escape(&subject, HEADER_MAX)}}],
        "attachments": [{"color": colour(story.severity), "blocks": blocks}],
        "unfurl_links": false,
    })
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(text)})
}

/// Formatted text in which nothing becomes a link by itself.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn changes(story: &Story<'_>, room: usize) -> Option<String> {
    let (listed, unlisted) = story.changes(LISTED_CHANGES);
    let mut list = "*What changed*, declared → live".to_owned();
    let mut shown = 0;
    for change in &listed {
        let line = format!("\n• {}", one_change(change));
        if list.chars().count() + line.chars().count() > room {
            break;
        }
        list.push_str(&line);
        shown += 1;
    }
    let more = listed.len() - shown + unlisted;
    if more > 0 {
        list.extend(["\n… and ", &more.to_string(), " more"]);
    }
    (!listed.is_empty()).then_some(list)
}

fn one_change(change: &ChangeWords) -> String {
    let pointer = code(&change.pointer, 400);
    match &change.what {
        What::Value { from, to } => format!("{pointer}: {} → {}", code(from, 400), code(to, 400)),
        What::Policy { lines, more } => {
            let lines: Vec<String> = lines.iter().map(|line| code(line, 400)).collect();
            let more = if *more > 0 { format!("; and {more} more") } else { String::new() };
            format!("{pointer}: {}{more}", lines.join("; "))
        }
    }
}

fn fields(story: &Story<'_>) -> Vec<Value> {
    let field = |(label, fact): (&str, String)| json!({"type": "mrkdwn", "text": format!("*{label}*\n{}", escape(&fact, FIELD_MAX))});
    // Slack shows at most ten.
    story.facts().into_iter().take(10).map(field).collect()
}

fn next_steps(story: &Story<'_>) -> Option<String> {
    let steps = story.next_steps();
    let line = |(purpose, command): (&str, &str)| format!("\n• {purpose}: {}", code(command, 300));
    let lines: String = steps.iter().map(|step| line((step.purpose, &step.command))).collect();
    (!steps.is_empty()).then(|| format!("*What to do next*{lines}"))
}

/// The text with Slack's three special characters escaped, at most `max` characters, cut between entities.
fn escape(text: &str, max: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let (entity, width) = match c {
            '&' => (Some("&amp;"), 5),
            '<' => (Some("&lt;"), 4),
            '>' => (Some("&gt;"), 4),
            _ => (None, 1),
        };
        let room_for_mark = usize::from(characters.peek().is_some());
        if length + width + room_for_mark > max {
            escaped.push('…');
            break;
        }
        match entity {
            Some(entity) => escaped.push_str(entity),
            None => escaped.push(c),
        }
        length += width;
    }
    escaped
}

/// The text as code, in which Slack reads no formatting.
fn code(text: &str, max: usize) -> String {
    format!("`{}`", escape(&text.replace('`', "'"), max.saturating_sub(2)))
}

/// The text as it stands: as code if Slack would read formatting in it.
fn plain(text: &str, max: usize) -> String {
    if text.contains(['*', '_', '~', '`']) { code(text, max) } else { escape(text, max) }
}

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "#c4251c",
        Severity::Warning => "#e8912d",
        Severity::Info => "#1f6feb",
    }
}

#[cfg(test)]
mod tests;

//! Channels: how an alert reaches people and programs. One file is one kind.
//!
//! To add a kind: a file, `mod` here, an entry in [`BUILTIN`]. A channel sends one message and says whether the receiver
//! took it, may take it later, or never will; who is told and how often is decided elsewhere. What it says of a failure
//! is stored and shown, so it must never hold a password, a token or the secret part of a URL.

pub mod deliver;
pub mod email;
mod http;
pub mod message;
#[cfg(test)]
mod sample;
pub mod slack;
pub mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::config::{Channel as ChannelConfig, ConfigProblem, KindSpec};
pub use message::Message;

/// Every kind of channel.
pub const BUILTIN: &[&dyn ChannelKind] = &[&email::Email, &slack::Slack, &webhook::Webhook];

/// The configured channels by name.
pub type Channels = BTreeMap<String, Arc<dyn Channel>>;

/// A kind of channel.
pub trait ChannelKind: Send + Sync {
    /// Its name in the configuration and the check of its options.
    fn spec(&self) -> KindSpec;

    /// Makes a channel. Opens no connection.
    ///
    /// # Errors
    /// With every fault of its options.
    fn build(&self, channel: &ChannelConfig) -> Result<Arc<dyn Channel>, Vec<ConfigProblem>>;
}

/// A way to one receiver.
pub trait Channel: Send + Sync {
    /// Sends one message. `Ok` says that the receiver took it.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>>;

    /// Finds out whether the receiver can be reached, without sending it anything to read. Tells what was found.
    fn probe(&self) -> BoxFuture<'_, Result<String, SendError>>;
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may be taken later.
    #[error("{reason}")]
    Retry {
        /// Why, without secrets.
        reason: String,
        /// What the receiver asked to wait at least.
        after: Option<Duration>,
    },
    /// It will never be taken, unless somebody changes something.
    #[error("{reason}")]
    Permanent {
        /// Why, without secrets.
        reason: String,
    },
}

impl SendError {
    /// A failure that passes.
    pub(crate) fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into(), after: None }
    }

    /// A failure that stays.
    pub(crate) fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into() }
    }
}

/// Names and checks of all kinds, for the configuration.
#[must_use]
pub fn kinds() -> Vec<KindSpec> {
    BUILTIN.iter().map(|kind| kind.spec()).collect()
}

/// Makes all configured channels.
///
/// # Errors
/// With every fault of every channel's options.
pub fn build_all(configured: &[ChannelConfig]) -> Result<Channels, Vec<ConfigProblem>> {
    let mut channels = Channels::new();
    let mut problems = Vec::new();
    for channel in configured {
        match build(channel) {
            Ok(built) => drop(channels.insert(channel.name.clone(), built)),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(channels) } else { Err(problems) }
}

fn build(channel: &ChannelConfig) -> Result<Arc<dyn Channel>, Vec<ConfigProblem>> {
    let Some(kind) = BUILTIN.iter().find(|kind| kind.spec().name == channel.kind) else {
        let known: Vec<&str> = BUILTIN.iter().map(|kind| kind.spec().name).collect();
        let message = format!("no kind of channel is called `{}`: known are {}", channel.kind, known.join(", "));
        return Err(vec![ConfigProblem { path: format!("channels.{}.kind", channel.name), line: None, message }]);
    };
    kind.build(channel)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = kinds().iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), BUILTIN.len());
    }
}

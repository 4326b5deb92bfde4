//! The one home of HTTP clients: time-outs, TLS and redirects are set once, for whatever this process asks or tells.
//!
//! Redirects are not followed: a request, and the credentials in it, goes where the configuration says or nowhere.

use std::error::Error;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

/// For the connection alone: a TCP and TLS handshake takes less, even across the world.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From the request to the end of the answer.
    pub whole: Duration,
    /// Between two parts of the answer.
    pub silence: Duration,
}

/// A client.
///
/// # Errors
/// If the system's certificates cannot be used, in words.
pub fn client(patience: Patience) -> Result<Client, String> {
    crate::crypto::install();
    Client::builder()
        .user_agent(concat!("driftsentry/", env!("CARGO_PKG_VERSION")))
        .timeout(patience.whole)
        .read_timeout(patience.silence)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .build()
        .map_err(|error| root_cause(&error))
}

/// Why a request failed, without its address, which may be secret.
#[must_use]
pub fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        "does not answer in time".to_owned()
    } else {
        format!("cannot be reached: {}", root_cause(&error))
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

//! A real mail server on this machine that stores what it gets: for the demo, and for tests, which can have it refuse,
//! delay, and ask for TLS or a login.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::time::timeout;

use super::Host;
use super::guard::Plan;
use super::keeper::{Kept, Streams, first_line};
use super::toolbox::{Tool, ToolError, python_with};

const SERVER: &str = include_str!("smtp_server.py");

const START_TIMEOUT: Duration = Duration::from_mins(1);

const AIOSMTPD: Tool = Tool {
    package: "aiosmtpd",
    version: "1.4.6",
    // The second one makes the certificates.
    requirements: &["aiosmtpd==1.4.6", "cryptography>=42"],
    modules: &["aiosmtpd", "cryptography"],
    description: "the mail server aiosmtpd 1.4.6",
};

/// What the server is like.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SmtpOptions {
    /// How connections are secured.
    pub tls: Tls,
    /// User that must log in; nobody if `None`.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// What the first mails get in place of acceptance (`451 later`); an empty text accepts.
    pub answers: Vec<String>,
    /// Recipients that are refused, each with the answer (`550 no such user`).
    pub recipients: BTreeMap<String, String>,
    /// How long each mail takes to be answered, in milliseconds.
    pub delay_ms: u64,
}

/// How connections are secured; the certificate's authority is [`Smtp::ca_file`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all.
    #[default]
    None,
    /// The client must ask for it.
    Starttls,
    /// From the first byte.
    Implicit,
}

/// A mail as it arrived.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// All headers; of repeated ones the last.
    pub headers: BTreeMap<String, String>,
    /// The subject, decoded.
    pub subject: String,
    /// The text part, decoded.
    pub text: Option<String>,
    /// The HTML part, decoded.
    pub html: Option<String>,
    /// The whole mail.
    pub raw: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Who was logged in.
    pub user: Option<String>,
}

/// A running mail server; it ends when this is dropped.
#[derive(Debug)]
pub struct Smtp {
    server: Kept,
    folder: PathBuf,
    port: u16,
}

/// Why there is no mail server.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// It could not be had.
    #[error("get the local mail server")]
    Tool(#[from] ToolError),
    /// It could not be started.
    #[error("start the local mail server")]
    Start(#[source] std::io::Error),
    /// It was started and did not begin to answer.
    #[error("the local mail server does not answer")]
    Silent,
    /// A mail that it stored cannot be read.
    #[error("read the stored mail {}", path.display())]
    Mail {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Smtp {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// If it cannot be had, started or reached.
    pub async fn start(host: &Host, options: &SmtpOptions) -> Result<Self, SmtpError> {
        #[derive(Serialize)]
        struct Argument<'a> {
            folder: &'a std::path::Path,
            #[serde(flatten)]
            options: &'a SmtpOptions,
        }
        let python = python_with(host, &AIOSMTPD).await?;
        let folder = tempfile::Builder::new().prefix("driftsentry-mail-").tempdir().map_err(SmtpError::Start)?;
        let argument = serde_json::to_string(&Argument { folder: folder.path(), options });
        let argument = argument.map_err(|error| SmtpError::Start(error.into()))?;
        let command = vec![python.program.clone(), "-c".into(), SERVER.into(), argument.into()];
        let plan = Plan { commands: vec![command], remove: vec![folder.path().into()], ..Plan::default() };
        let streams = Streams { env: python.env(), without: Vec::new(), stdout: Stdio::piped(), stderr: Stdio::null() };
        let mut server = Kept::start(&host.program, &plan, streams).map_err(SmtpError::Start)?;
        let folder = TempDir::keep(folder);
        let line = timeout(START_TIMEOUT, first_line(&mut server)).await.ok().flatten();
        let port = line.and_then(|line| line.parse().ok()).ok_or(SmtpError::Silent)?;
        Ok(Self { server, folder, port })
    }

    /// Its port on 127.0.0.1; certificates also name `localhost`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed its own.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// All mails that have arrived, in order.
    ///
    /// # Errors
    /// If a stored mail cannot be read.
    pub fn mails(&self) -> Result<Vec<Mail>, SmtpError> {
        let fault = |path: &PathBuf, source| SmtpError::Mail { path: path.clone(), source };
        let entries = std::fs::read_dir(&self.folder).map_err(|source| fault(&self.folder, source))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort_unstable();
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).map_err(|source| fault(path, source))?;
            serde_json::from_str(&text).map_err(|error| fault(path, error.into()))
        };
        paths.iter().map(read).collect()
    }

    /// Stops it, and waits until it is gone.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

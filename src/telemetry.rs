//! Logs: text for people, JSON for machines, always to stderr, so that stdout holds results alone.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged where `RUST_LOG` says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// The daemon tells what it does, and libraries what worries them.
    Daemon,
    /// A command's result speaks for itself: only what would otherwise be lost.
    Command,
}

impl Verbosity {
    /// The filter. The SDK's warnings about credentials repeat our own errors at ten times the length.
    fn filter(self) -> &'static str {
        match self {
            Self::Daemon => "warn,aws_config=error,driftsentry=info",
            Self::Command => "error",
        }
    }
}

/// Starts logging. `filter` is what `RUST_LOG` holds.
pub fn start(format: LogFormat, filter: Option<&str>, verbosity: Verbosity) {
    let wanted = filter.map(EnvFilter::try_new);
    let misread = wanted.as_ref().and_then(|read| read.as_ref().err()).map(ToString::to_string);
    let filter = wanted.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(verbosity.filter()));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) changes nothing.
    let started = match format {
        LogFormat::Text => {
            subscriber.with_ansi(std::io::stderr().is_terminal()).with_target(false).finish().try_init_default()
        }
        LogFormat::Json => subscriber.json().flatten_event(true).finish().try_init_default(),
    };
    drop(started);
    if let Some(error) = misread {
        tracing::error!("RUST_LOG cannot be read and is ignored: {error}");
    }
}

/// Sets a subscriber as the process's default.
trait TryInitDefault {
    fn try_init_default(self) -> Result<(), tracing::subscriber::SetGlobalDefaultError>;
}

impl<S: tracing::Subscriber + Send + Sync> TryInitDefault for S {
    fn try_init_default(self) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
        tracing::subscriber::set_global_default(self)
    }
}

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

/// Starts logging. `filter` is what `RUST_LOG` holds; without it, our own messages from `level` up.
pub fn start(format: LogFormat, filter: Option<&str>, level: &str) {
    let default = format!("warn,driftsentry={level}");
    let filter = EnvFilter::try_new(filter.unwrap_or(&default)).unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) changes nothing.
    let started = match format {
        LogFormat::Text => {
            subscriber.with_ansi(std::io::stderr().is_terminal()).with_target(false).finish().try_init_default()
        }
        LogFormat::Json => subscriber.json().flatten_event(true).finish().try_init_default(),
    };
    drop(started);
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

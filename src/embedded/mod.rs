//! Parts that DriftSentry brings with it, so that the demo, the tests and a first use need nothing set up: a private
//! PostgreSQL, an AWS emulator, a mail server and a web hook receiver.
//!
//! Whatever is started here is started through [`guard`], so that it ends with this process however this process ends.
//! Nothing here is used against real AWS, and nothing here may touch a server that it did not start.

mod folder;
pub mod guard;
mod keeper;
mod moto;
mod postgres;
mod postgres_place;
mod postgres_tools;
pub mod sink;
pub mod smtp;
mod toolbox;

use std::path::PathBuf;
use std::sync::Arc;

pub use folder::Folder;
pub use moto::{Moto, MotoError};
pub use postgres::{Postgres, PostgresError, PostgresOptions, Site};
pub use toolbox::{Tool, ToolError};

use crate::config::options::Env;

/// What the embedded parts need to know of the machine.
#[derive(Clone)]
pub struct Host {
    /// The `driftsentry` binary, which is also the guardian of every started process.
    pub program: PathBuf,
    /// The environment as it was at start.
    pub env: Env,
    /// Where tools that had to be downloaded are kept.
    pub cache: PathBuf,
    /// Told, in a sentence, about each step that takes long.
    pub progress: Progress,
}

/// Told about each step that takes long.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

impl Host {
    /// The usual host: tools are kept under `$XDG_CACHE_HOME`, for root under `/var/cache`, where other users may
    /// read them too.
    #[must_use]
    pub fn new(program: PathBuf, env: Env, progress: Progress) -> Self {
        let cache = toolbox::default_cache(&env);
        Self { program, env, cache, progress }
    }

    pub(crate) fn tell(&self, step: &str) {
        (self.progress)(step);
    }
}

//! A temporary folder that goes when this process ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::Host;
use super::guard::Plan;
use super::keeper::{Kept, Streams};

/// A temporary folder; it goes when this is dropped.
#[derive(Debug)]
pub struct Folder {
    guardian: Kept,
    path: PathBuf,
}

impl Folder {
    /// Makes an empty one that only this user may enter.
    ///
    /// # Errors
    /// If it cannot be made, or nobody could be set to remove it.
    pub fn create(host: &Host, prefix: &str) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let plan = Plan { remove: vec![folder.path().to_owned()], ..Plan::default() };
        let streams = Streams { env: Vec::new(), without: Vec::new(), stdout: Stdio::null(), stderr: Stdio::null() };
        let guardian = Kept::start(&host.program, &plan, streams)?;
        Ok(Self { guardian, path: folder.keep() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and waits until it is gone.
    pub async fn remove(self) {
        self.guardian.stop().await;
    }
}

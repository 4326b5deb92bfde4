//! Documents on this machine: a file, a folder with everything below it, or what globs match.
//!
//! Names that begin with a dot are passed over, as `ls` does: they are editors' and version control's own. Links are
//! followed, each file and folder once, so that a loop ends.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use sha2::{Digest, Sha256};

use super::glob::Pattern;
use super::{Document, Fault, MOST_BYTES, Names};

/// Documents in one place.
#[derive(Debug, Clone)]
pub(in crate::expected) struct Local {
    path: PathBuf,
    pattern: Option<Pattern>,
    names: Names,
}

impl Fault {
    fn cannot_read(path: &Path, error: &io::Error) -> Self {
        let message = match error.kind() {
            ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self::new(path.display().to_string(), message)
    }
}

impl Local {
    /// Documents at or below `path` that in a folder are called as `names` says, or those that the pattern matches.
    pub(super) fn new(path: impl Into<PathBuf>, pattern: Option<Pattern>, names: Names) -> Self {
        Self { path: path.into(), pattern, names }
    }

    /// For people: `expected/`.
    pub(super) fn describe(&self) -> String {
        self.path.display().to_string()
    }

    /// A cheap mark of the content: path, time, size and identity of every file, so that any edit changes it. `None`
    /// if it cannot be told.
    pub(super) fn fingerprint(&self) -> BoxFuture<'_, Option<String>> {
        let place = self.clone();
        tokio::task::spawn_blocking(move || place.mark()).map(Result::ok).boxed()
    }

    /// Every document, in the order of the names, one in memory at a time.
    pub(super) fn documents(&self) -> BoxStream<'_, Result<Document, Fault>> {
        let place = self.clone();
        let walking = tokio::task::spawn_blocking(move || place.walk());
        let broke_off = |error| vec![Err(Fault::new(self.describe(), format!("reading it broke off: {error}")))];
        stream::once(async move { stream::iter(walking.await.unwrap_or_else(broke_off)) })
            .flatten()
            .then(|found| async move { read(found?).await })
            .boxed()
    }

    fn mark(&self) -> String {
        let mut hash = Sha256::new();
        for found in self.walk() {
            let (name, mark) = match found {
                Ok(File { path, metadata: m }) => {
                    let times = (m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec());
                    (path.display().to_string(), format!("{times:?} {} {}", m.len(), m.ino()))
                }
                Err(Fault { name, message }) => (name, message),
            };
            // Lengths in front, so that two lists of files never make one text.
            for text in [name, mark] {
                hash.update(text.len().to_be_bytes());
                hash.update(text);
            }
        }
        hex::encode(hash.finalize())
    }

    fn walk(&self) -> Vec<Result<File, Fault>> {
        let mut walk = Walk { place: self, seen: BTreeSet::new(), found: Vec::new() };
        match (&self.pattern, std::fs::metadata(&self.path)) {
            // What is there is meant, whatever its name looks like.
            (Some(pattern), Err(_)) => walk.start(&pattern.root, pattern.depth),
            (_, Err(error)) => walk.found.push(Err(Fault::cannot_read(&self.path, &error))),
            (_, Ok(metadata)) if metadata.is_dir() => walk.start(&self.path, None),
            (_, Ok(metadata)) => walk.found.push(file(self.path.clone(), metadata)),
        }
        if walk.found.is_empty() {
            walk.found.push(Err(Fault::new(self.describe(), self.nothing())));
        }
        walk.found
    }

    fn nothing(&self) -> String {
        match &self.pattern {
            Some(_) => "matches no file: correct it".to_owned(),
            None => format!("holds no {} file: write one, or name another folder", self.names.describe()),
        }
    }

    fn is_document(&self, path: &Path, name: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.matches(path) && (pattern.picks_names || self.names.include(name)),
            None => self.names.include(name),
        }
    }
}

struct Walk<'a> {
    place: &'a Local,
    seen: BTreeSet<(u64, u64)>,
    found: Vec<Result<File, Fault>>,
}

impl Walk<'_> {
    /// Goes through a folder, `depth` names deep at most.
    fn start(&mut self, folder: &Path, depth: Option<usize>) {
        let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match std::fs::metadata(shown) {
            Ok(metadata) if metadata.is_dir() => {
                self.seen.insert((metadata.dev(), metadata.ino()));
                self.folder(folder, depth);
            }
            Ok(_) => self.found.push(Err(Fault::new(shown.display().to_string(), "is no folder"))),
            Err(error) => self.found.push(Err(Fault::cannot_read(shown, &error))),
        }
    }

    fn folder(&mut self, folder: &Path, depth: Option<usize>) {
        let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let names = std::fs::read_dir(shown)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<BTreeSet<_>>>());
        let names = match names {
            Ok(names) => names,
            Err(error) => return self.found.push(Err(Fault::cannot_read(shown, &error))),
        };
        let below = depth.map(|depth| depth.saturating_sub(1));
        for name in names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".")) {
            let path = folder.join(name);
            let is_document = self.place.is_document(&path, &name.to_string_lossy());
            match std::fs::metadata(&path) {
                Ok(metadata)
                    if (metadata.is_dir() || is_document) && !self.seen.insert((metadata.dev(), metadata.ino())) => {}
                Ok(metadata) if metadata.is_dir() && below != Some(0) => self.folder(&path, below),
                Ok(metadata) if metadata.is_dir() => {}
                Ok(metadata) if is_document => self.found.push(file(path, metadata)),
                Err(error) if is_document => self.found.push(Err(Fault::cannot_read(&path, &error))),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

/// A document that is to be read.
struct File {
    path: PathBuf,
    metadata: Metadata,
}

/// Opening what is no regular file (a pipe) might wait for ever.
fn file(path: PathBuf, metadata: Metadata) -> Result<File, Fault> {
    let name = || path.display().to_string();
    match metadata.is_file() {
        true if metadata.len() > MOST_BYTES => Err(Fault::too_large(name())),
        true => Ok(File { path, metadata }),
        false => Err(Fault::new(name(), "is neither a file nor a folder")),
    }
}

async fn read(file: File) -> Result<Document, Fault> {
    let File { path, metadata } = file;
    let opened = tokio::fs::File::open(&path).await.map_err(|error| Fault::cannot_read(&path, &error))?;
    let name = path.display().to_string();
    let bytes = super::read_to_end(opened, metadata.len()).await.map_err(|why| Fault::new(&name, why))?;
    let modified_at = metadata.modified().ok().map(DateTime::<Utc>::from);
    Ok(Document { name, bytes, modified_at })
}

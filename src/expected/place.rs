//! Where documents of expected state lie: a file, or a folder with everything below it.
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

/// Documents of one kind in one place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    path: PathBuf,
    /// Ending of the names of documents in a folder, without the dot: `json`.
    ending: &'static str,
}

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    /// For people: `expected/web.json`.
    pub(super) name: String,
    /// Its content.
    pub(super) bytes: Vec<u8>,
    /// When it was last written, where that can be told.
    pub(super) modified_at: Option<DateTime<Utc>>,
}

/// Something that should have been a document or a folder of them.
#[derive(Debug)]
pub(super) struct Fault {
    /// For people: `expected/web.json`.
    pub(super) name: String,
    /// What is wrong and what to do.
    pub(super) message: String,
}

impl Fault {
    fn cannot_read(path: &Path, error: &io::Error) -> Self {
        let message = match error.kind() {
            ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self { name: path.display().to_string(), message }
    }
}

impl Place {
    /// Documents at or below `path` whose names, in a folder, end with `ending`.
    pub(super) fn new(path: impl Into<PathBuf>, ending: &'static str) -> Self {
        Self { path: path.into(), ending }
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
        let broke_off =
            |error| vec![Err(Fault { name: self.describe(), message: format!("reading it broke off: {error}") })];
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
        let (path, mut found) = (self.path.as_path(), Vec::new());
        match std::fs::metadata(path) {
            Err(error) => found.push(Err(Fault::cannot_read(path, &error))),
            Ok(metadata) if metadata.is_dir() => {
                let mut seen = BTreeSet::from([(metadata.dev(), metadata.ino())]);
                self.walk_folder(path, &mut seen, &mut found);
                if found.is_empty() {
                    let message = format!("holds no *.{} file: write one, or name another folder", self.ending);
                    found.push(Err(Fault { name: self.describe(), message }));
                }
            }
            Ok(metadata) => found.push(file(path.to_owned(), metadata)),
        }
        found
    }

    fn walk_folder(&self, folder: &Path, seen: &mut BTreeSet<(u64, u64)>, found: &mut Vec<Result<File, Fault>>) {
        let names = std::fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<BTreeSet<_>>>());
        let names = match names {
            Ok(names) => names,
            Err(error) => return found.push(Err(Fault::cannot_read(folder, &error))),
        };
        for name in names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".")) {
            let path = folder.join(name);
            let is_document = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(self.ending));
            match std::fs::metadata(&path) {
                Ok(metadata)
                    if (metadata.is_dir() || is_document) && !seen.insert((metadata.dev(), metadata.ino())) => {}
                Ok(metadata) if metadata.is_dir() => self.walk_folder(&path, seen, found),
                Ok(metadata) if is_document => found.push(file(path, metadata)),
                Err(error) if is_document => found.push(Err(Fault::cannot_read(&path, &error))),
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
    if metadata.is_file() {
        return Ok(File { path, metadata });
    }
    Err(Fault { name: path.display().to_string(), message: "is neither a file nor a folder".to_owned() })
}

async fn read(file: File) -> Result<Document, Fault> {
    let File { path, metadata } = file;
    let bytes = tokio::fs::read(&path).await.map_err(|error| Fault::cannot_read(&path, &error))?;
    let modified_at = metadata.modified().ok().map(DateTime::<Utc>::from);
    Ok(Document { name: path.display().to_string(), bytes, modified_at })
}

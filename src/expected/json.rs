//! Sources of kind `json`: state documents in a file, or in a folder with everything below it.
//!
//! Names that begin with a dot are passed over, as `ls` does: they are editors' and version control's own. Links are
//! followed, each file and folder once, so that a loop ends.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::{Built, Loaded, Parts, Problem, Source, SourceKind, Types, document};
use crate::config::options::Options;
use crate::config::problem::ConfigProblem;

/// The kind.
pub(super) const KIND: SourceKind = SourceKind { name: "json", check, build };

fn check(options: &Options) -> Vec<ConfigProblem> {
    read(options).err().unwrap_or_default()
}

fn build(options: &Options, parts: &Parts) -> Built {
    Ok(Box::new(JsonSource { path: read(options)?, types: parts.types }))
}

fn read(options: &Options) -> Result<PathBuf, Vec<ConfigProblem>> {
    let mut reader = options.reader();
    let path = reader.text("path", "\"expected/\"");
    if path.as_deref().is_some_and(|path| path.starts_with("s3://")) {
        reader.fault::<()>("path", "documents in S3 cannot be read yet: write the path of a file or a folder");
    }
    reader.finish()?;
    Ok(PathBuf::from(path.unwrap_or_default()))
}

struct JsonSource {
    path: PathBuf,
    types: Types,
}

impl Source for JsonSource {
    fn describe(&self) -> String {
        format!("json {}", self.path.display())
    }

    fn fingerprint(&self) -> BoxFuture<'_, Option<String>> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || fingerprint(&path)).map(Result::ok).boxed()
    }

    fn load(&self) -> BoxFuture<'_, Loaded> {
        let (path, types) = (self.path.clone(), self.types);
        let loading = tokio::task::spawn_blocking(move || load(&path, types));
        async move {
            loading.await.unwrap_or_else(|error| {
                let mut loaded = Loaded::default();
                lose(&mut loaded, &self.path, format!("reading it broke off: {error}"));
                loaded
            })
        }
        .boxed()
    }
}

/// Path, time, size and identity of every file: any edit changes one of them.
fn fingerprint(path: &Path) -> String {
    let mut hash = Sha256::new();
    for found in walk(path) {
        let (path, mark) = match found {
            Ok(File { path, metadata: m }) => {
                let times = (m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec());
                (path, format!("{times:?} {} {}", m.len(), m.ino()))
            }
            Err(Fault { path, message }) => (path, message),
        };
        // Lengths in front, so that two lists of files never make one text.
        hash.update(path.as_os_str().len().to_be_bytes());
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(mark.len().to_be_bytes());
        hash.update(mark);
    }
    hex::encode(hash.finalize())
}

fn load(path: &Path, types: Types) -> Loaded {
    let mut loaded = Loaded::default();
    for found in walk(path) {
        let read = found.and_then(|file| match std::fs::read(&file.path) {
            Ok(bytes) => Ok((file.path, bytes)),
            Err(error) => Err(Fault::cannot_read(&file.path, &error)),
        });
        match read {
            Ok((path, bytes)) => document::read(&path.display().to_string(), &bytes, types, &mut loaded),
            Err(fault) => lose(&mut loaded, &fault.path, fault.message),
        }
    }
    loaded
}

fn lose(loaded: &mut Loaded, path: &Path, message: String) {
    loaded.problems.push(Problem { place: path.display().to_string(), pointer: String::new(), message });
    loaded.note_lost();
}

/// A document that is to be read.
struct File {
    path: PathBuf,
    metadata: Metadata,
}

/// Something that should have been a document or a folder.
struct Fault {
    path: PathBuf,
    message: String,
}

impl Fault {
    fn cannot_read(path: &Path, error: &io::Error) -> Self {
        let message = match error.kind() {
            ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self { path: path.to_owned(), message }
    }
}

/// Every document at or below `path`, in the order of the names.
fn walk(path: &Path) -> Vec<Result<File, Fault>> {
    let mut found = Vec::new();
    match std::fs::metadata(path) {
        Err(error) => found.push(Err(Fault::cannot_read(path, &error))),
        Ok(metadata) if metadata.is_dir() => {
            let mut seen = BTreeSet::from([(metadata.dev(), metadata.ino())]);
            walk_folder(path, &mut seen, &mut found);
            if found.is_empty() {
                let message = "holds no *.json file: write one, or name another folder".to_owned();
                found.push(Err(Fault { path: path.to_owned(), message }));
            }
        }
        Ok(metadata) => found.push(file(path.to_owned(), metadata)),
    }
    found
}

fn walk_folder(folder: &Path, seen: &mut BTreeSet<(u64, u64)>, found: &mut Vec<Result<File, Fault>>) {
    let names = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<BTreeSet<_>>>());
    let names = match names {
        Ok(names) => names,
        Err(error) => return found.push(Err(Fault::cannot_read(folder, &error))),
    };
    for name in names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".")) {
        let path = folder.join(name);
        let is_document = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        match std::fs::metadata(&path) {
            Ok(metadata) if (metadata.is_dir() || is_document) && !seen.insert((metadata.dev(), metadata.ino())) => {}
            Ok(metadata) if metadata.is_dir() => walk_folder(&path, seen, found),
            Ok(metadata) if is_document => found.push(file(path, metadata)),
            Err(error) if is_document => found.push(Err(Fault::cannot_read(&path, &error))),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Opening what is no regular file (a pipe) might wait for ever.
fn file(path: PathBuf, metadata: Metadata) -> Result<File, Fault> {
    if metadata.is_file() {
        return Ok(File { path, metadata });
    }
    Err(Fault { path, message: "is neither a file nor a folder".to_owned() })
}

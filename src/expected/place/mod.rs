//! Where documents of expected state lie, for every kind that reads documents: on this machine, in S3, behind HTTP, on
//! standard input.
//!
//! A place is *looked at* before it is read. A look is cheap: what did not change since is neither fetched nor read
//! again. What cannot be reached or read is a [`Fault`], never an empty or a shorter list, and never the state that was
//! read before. No address is shown with what may be secret in it.

mod bucket;
mod glob;
mod http;
mod listing;
mod local;
mod s3;
mod shelf;
mod spec;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Parts;
use crate::config::options::{Options, Reader};
use crate::config::problem::ConfigProblem;

pub use shelf::Budget;
use spec::Spec;
pub use spec::{S3Location, s3_locations, source_at};

/// Bytes of a document at most: a state of a hundred thousand resources fits, and memory stays bounded.
pub(super) const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// What documents of one kind are called, where a place holds other things too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    /// Endings of their names, without the dot: `json`.
    pub(super) endings: &'static [&'static str],
    /// Endings of names that are none nevertheless: `tf.json`.
    pub(super) but: &'static [&'static str],
}

impl Names {
    /// Whether a file or an object of this name is a document.
    fn include(&self, name: &str) -> bool {
        let name = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let ends = |ending: &&str| name.strip_suffix(*ending).is_some_and(|rest| rest.ends_with('.'));
        self.endings.iter().any(ends) && !self.but.iter().any(ends)
    }

    /// For people: `*.tfstate or *.json`.
    fn describe(&self) -> String {
        self.endings.iter().map(|ending| format!("*.{ending}")).collect::<Vec<_>>().join(" or ")
    }
}

/// One document.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// For people: `expected/web.json`.
    pub(super) name: String,
    /// Its content.
    pub(super) bytes: Vec<u8>,
    /// When it was last written, where that can be told.
    pub(super) modified_at: Option<DateTime<Utc>>,
}

/// Something that should have been a document or a place of them.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// For people: `expected/web.json`.
    pub(super) name: String,
    /// What is wrong and what to do.
    pub(super) message: String,
}

impl Fault {
    fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into() }
    }

    fn too_large(name: impl Into<String>) -> Self {
        Self::new(name, format!("is larger than {} MiB, the most that is read: split it", MOST_BYTES >> 20))
    }
}

/// A place of documents of one kind.
pub(super) enum Place {
    /// A file, a folder or a glob.
    Local(local::Local),
    /// An object or a prefix.
    S3(s3::S3),
    /// A URL.
    Http(http::Http),
    /// What is piped into this process.
    StandardInput,
}

impl Place {
    /// Reads the options that say where documents lie; every fault is noted in `reader`. `-` is standard input if
    /// `stdin` says so.
    fn read_options(reader: &mut Reader<'_>, example: &str, stdin: bool) -> Option<Spec> {
        Spec::read(reader, example, stdin)
    }

    /// Every fault of the options of a kind that has none but these.
    pub(super) fn check(options: &Options, example: &str) -> Vec<ConfigProblem> {
        Self::spec_of(options, example, false).err().unwrap_or_default()
    }

    /// The place that the options of a kind tell that has none but these.
    pub(super) fn build(
        options: &Options,
        example: &str,
        names: Names,
        parts: &Parts,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let spec = Self::spec_of(options, example, parts.takes_stdin)?;
        Self::open(spec, names, parts).map_err(|problem| vec![problem])
    }

    fn spec_of(options: &Options, example: &str, stdin: bool) -> Result<Spec, Vec<ConfigProblem>> {
        let mut reader = options.reader();
        let spec = Self::read_options(&mut reader, example, stdin);
        reader.finish()?;
        spec.ok_or_else(Vec::new)
    }

    fn open(spec: Spec, names: Names, parts: &Parts) -> Result<Self, ConfigProblem> {
        Ok(match spec {
            Spec::Local { path, pattern } => Self::Local(local::Local::new(path, pattern, names)),
            Spec::S3 { location, pattern } => Self::S3(s3::S3::new(location, pattern.as_ref(), names, parts)),
            Spec::Http(target) => Self::Http(http::Http::new(target, parts.budget.clone())?),
            Spec::StandardInput => Self::StandardInput,
        })
    }

    /// For people, without what may be secret: `expected/`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Local(local) => local.describe(),
            Self::S3(s3) => s3.describe(),
            Self::Http(http) => http.describe(),
            Self::StandardInput => "standard input".to_owned(),
        }
    }

    /// Whether documents come over the network.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::S3(_) | Self::Http(_))
    }

    /// A cheap mark of the content, so that any edit changes it. `None` if it cannot be told.
    pub(super) fn fingerprint(&self) -> BoxFuture<'_, Option<String>> {
        match self {
            Self::Local(local) => local.fingerprint(),
            Self::S3(s3) => s3.look().boxed(),
            Self::Http(http) => http.look().boxed(),
            Self::StandardInput => std::future::ready(None).boxed(),
        }
    }

    /// Every document, in the order of the names, few in memory at a time.
    pub(super) fn documents(&self) -> BoxStream<'_, Result<Document, Fault>> {
        let found = match self {
            Self::Local(local) => local.documents(),
            Self::S3(s3) => s3.documents(),
            Self::Http(http) => stream::once(http.document()).boxed(),
            Self::StandardInput => stream::once(standard_input()).boxed(),
        };
        found.map(|found| found.and_then(not_compressed)).boxed()
    }
}

/// The beginnings of files that are no text because something packed them.
const PACKED: &[(&[u8], &str)] =
    &[(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"PK\x03\x04", "zip")];

fn not_compressed(document: Document) -> Result<Document, Fault> {
    match PACKED.iter().find(|(beginning, _)| document.bytes.starts_with(beginning)) {
        Some((_, format)) => {
            Err(Fault::new(document.name, format!("is compressed ({format}): store it as plain JSON")))
        }
        None => Ok(document),
    }
}

async fn standard_input() -> Result<Document, Fault> {
    let name = "standard input".to_owned();
    let bytes = read_to_end(tokio::io::stdin(), 0).await.map_err(|why| Fault::new(&name, why))?;
    if bytes.is_empty() {
        return Err(Fault::new(
            name,
            "is empty: pipe a document into this command, as `terraform state pull` writes it",
        ));
    }
    Ok(Document { name, bytes, modified_at: None })
}

/// Reads all, which is about `expected` bytes, but never more than a document may have.
async fn read_to_end(reader: impl AsyncRead + Unpin, expected: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(MOST_BYTES)).unwrap_or_default());
    reader.take(MOST_BYTES + 1).read_to_end(&mut bytes).await.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Fault::too_large("").message);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_last_ending() {
        let names = Names { endings: &["tfstate", "json"], but: &["tf.json"] };
        for name in ["a.tfstate", "x/b.JSON", "terraform.tfstate.json"] {
            assert!(names.include(name), "{name}");
        }
        for name in ["a.tfstate.backup", "main.tf.json", "json", "x.json/readme", ".tflock"] {
            assert!(!names.include(name), "{name}");
        }
        assert_eq!(names.describe(), "*.tfstate or *.json");
    }

    #[test]
    fn what_is_packed_is_refused_with_its_format() {
        let document = |bytes: &[u8]| Document { name: "a".to_owned(), bytes: bytes.to_vec(), modified_at: None };
        assert!(not_compressed(document(b"{}")).is_ok());
        let fault = not_compressed(document(b"\x1f\x8b\x08\x00")).expect_err("refused");
        assert!(fault.message.contains("gzip"), "{}", fault.message);
    }
}

//! Expected state: what people declared, from sources of several kinds, merged into one estate.
//!
//! One file is one kind of source. A fault in one source never stops the others: it is reported with its place, and
//! the estate says that it is incomplete, so that nobody takes an unread declaration for "not declared".
//!
//! To add a kind: a file, `mod` here, an entry in [`BUILTIN`].

mod baseline;
mod document;
mod estate;
mod json;
mod loaded;
mod place;
mod placing;
pub mod report;
mod scope;
mod service;
mod strict;
mod terraform;
mod text;

use std::fmt;

use futures::future::BoxFuture;

use crate::config::options::Options;
use crate::config::problem::ConfigProblem;
use crate::domain::id::{AccountId, Region};
use crate::domain::state::ResourceState;
use crate::resource::ResourceType;
use crate::resource::aws::AwsPool;
use crate::store::LateStore;

pub use estate::{Estate, SourceSummary};
pub use loaded::{DocumentSummary, Loaded};
pub use place::{Budget, S3Location, s3_locations, source_at};
pub use scope::{Declared, Found, ScopeDeclarations};
pub use service::Expected;
pub use terraform::mapping_table;

/// Every kind of source.
pub const BUILTIN: &[SourceKind] = &[json::KIND, terraform::KIND, baseline::KIND];

/// The resource types that declarations may name.
pub type Types = &'static [&'static dyn ResourceType];

/// A kind of source.
#[derive(Debug, Clone, Copy)]
pub struct SourceKind {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Tells every fault of its options.
    pub check: fn(&Options) -> Vec<ConfigProblem>,
    /// Builds a source from options that [`Self::check`] found good.
    pub build: fn(&Options, &Parts) -> Built,
}

/// A source, or every fault of its options.
pub type Built = Result<Box<dyn Source>, Vec<ConfigProblem>>;

/// What sources are built with.
#[derive(Clone)]
pub struct Parts {
    /// The resource types that declarations may name.
    pub types: Types,
    /// AWS, for documents that lie in S3; `None` where nobody can be asked.
    pub aws: Option<AwsPool>,
    /// The account that the source names, by name or id.
    pub account: Option<String>,
    /// The database, for sources that lie in it.
    pub database: LateStore,
    /// Whether `-` stands for standard input: on a command line alone.
    pub takes_stdin: bool,
    /// Room for documents from afar, shared by all sources.
    pub budget: Budget,
}

impl From<Types> for Parts {
    /// Parts for sources that need nobody but this machine.
    fn from(types: Types) -> Self {
        Self {
            types,
            aws: None,
            account: None,
            database: LateStore::default(),
            takes_stdin: false,
            budget: Budget::default(),
        }
    }
}

/// One declared resource, as a source yields it: checked and canonical.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Type name, known to exist.
    pub resource_type: String,
    /// Instance id, DB instance identifier, bucket name, role name or group id.
    pub resource_id: String,
    /// Account; `None` where the document leaves it to the source or the estate.
    pub account_id: Option<AccountId>,
    /// Region; `None` where the document leaves it open.
    pub region: Option<Region>,
    /// Declared attributes, canonical.
    pub state: ResourceState,
    /// Where it stands.
    pub origin: Origin,
}

/// Where a declaration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The document: `expected/web.json`.
    pub document: String,
    /// Line in it, from 1, where one can be told.
    pub line: Option<usize>,
    /// JSON pointer (`/resources/3`; empty: the document as a whole) or Terraform address
    /// (`module.web.aws_instance.app[0]`), which never begins with a slash.
    pub pointer: String,
}

impl Origin {
    /// For people, in messages of faults: `expected/web.json:17`.
    #[must_use]
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.document.clone(), |line| format!("{}:{line}", self.document))
    }

    /// The Terraform address, if the declaration has one.
    #[must_use]
    pub fn terraform_address(&self) -> Option<&str> {
        address_in(&self.pointer)
    }
}

/// The Terraform address that a pointer of [`Origin`] is. A JSON pointer is empty or begins with a slash.
fn address_in(pointer: &str) -> Option<&str> {
    (!pointer.is_empty() && !pointer.starts_with('/')).then_some(pointer)
}

impl fmt::Display for Origin {
    /// `expected/web.json#/resources/3`: without the line, so that an edit above it does not change it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.document, self.pointer)
    }
}

/// A fault in a source, with its place and what to do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// File, and line where one can be told: `expected/web.json:17`.
    pub place: String,
    /// JSON pointer into the document; empty if the document as a whole is at fault.
    pub pointer: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            return write!(f, "{}: {}", self.place, self.message);
        }
        write!(f, "{}: #{}: {}", self.place, self.pointer, self.message)
    }
}

/// A source of expected state, built from its options.
pub trait Source: Send + Sync {
    /// What it is, for people: `json expected/`.
    fn describe(&self) -> String;

    /// A cheap mark of the source's content: an unchanged mark means that loading again yields the same.
    /// `None` means that it cannot tell.
    fn fingerprint(&self) -> BoxFuture<'_, Option<String>>;

    /// Whether it lies in the database, which commands that could do without one must open for it.
    fn needs_database(&self) -> bool {
        false
    }

    /// Whether it reads over the network, so that what was read is worth keeping.
    fn is_remote(&self) -> bool {
        false
    }

    /// Reads everything. Faults are in the result, never instead of it.
    fn load(&self) -> BoxFuture<'_, Loaded>;
}

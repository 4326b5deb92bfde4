//! Expected state: what people declared, from sources of several kinds, merged into one estate.
//!
//! One file is one kind of source. A fault in one source never stops the others: it is reported with its place, and
//! the estate says that it is incomplete, so that nobody takes an unread declaration for "not declared".

use futures::future::BoxFuture;

use crate::domain::id::{AccountId, Region};
use crate::domain::state::ResourceState;

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
    /// Where it stands, for people: `expected/web.json#/resources/3`.
    pub declared_in: String,
}

/// A fault in a source, with its place and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File, and line where one can be told: `expected/web.json:17`.
    pub place: String,
    /// JSON pointer into the document; empty if the document as a whole is at fault.
    pub pointer: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// What one source holds.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The good declarations.
    pub declarations: Vec<Declaration>,
    /// Every fault found.
    pub problems: Vec<Problem>,
    /// Documents (files) read.
    pub documents: usize,
}

/// A source of expected state, built from its options.
pub trait Source: Send + Sync {
    /// What it is, for people: `json expected/`.
    fn describe(&self) -> String;

    /// A cheap mark of the source's content: an unchanged mark means that loading again yields the same.
    /// `None` means that it cannot tell.
    fn fingerprint(&self) -> BoxFuture<'_, Option<String>>;

    /// Reads everything. Faults are in the result, never instead of it.
    fn load(&self) -> BoxFuture<'_, Loaded>;
}

//! What one source yields, held compactly while it grows: an estate may have a hundred thousand resources.
//!
//! It must never lose a declaration silently: what cannot be used is noted as undecided, or as lost where not even the
//! resource that was meant is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::text::StateText;
use super::{Declaration, Problem};
use crate::domain::state::ResourceState;

/// States nested deeper would not be readable again.
const DEEPEST_STATE: usize = 100;

/// What one source holds.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Every fault found.
    pub problems: Vec<Problem>,
    /// Documents (files) read.
    pub documents: usize,
    /// Resources passed over because nobody watches their type, by the source's name of the type.
    pub skipped: BTreeMap<String, usize>,
    /// What was passed over for another reason, by what it is: `data source`.
    pub passed_over: BTreeMap<&'static str, usize>,
    /// What is no fault but worth knowing, each with its place.
    pub notes: Vec<String>,
    /// The documents that were read, in order.
    pub read: Vec<DocumentSummary>,
    pub(super) declarations: Vec<Packed>,
    /// Type and id of resources whose declaration is faulty.
    pub(super) faulty: BTreeSet<(String, String)>,
    /// Whether there is a declaration of which nobody can tell what it declares.
    pub(super) lost_any: bool,
    shared: Shared,
}

/// A document that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct DocumentSummary {
    /// For people: `states/web.tfstate`.
    pub name: String,
    /// When it was last written, where that can be told.
    pub modified_at: Option<DateTime<Utc>>,
    /// How often Terraform has written the state.
    pub serial: Option<u64>,
    /// The Terraform that wrote it last.
    pub terraform_version: Option<String>,
    /// Good declarations in it.
    pub resources: usize,
}

/// One declaration, its state as JSON text, what many have in common shared.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) resource_type: Arc<str>,
    pub(super) resource_id: Box<str>,
    pub(super) account_id: Option<Arc<str>>,
    pub(super) region: Option<Arc<str>>,
    pub(super) names: Arc<BTreeSet<String>>,
    pub(super) state: StateText,
    pub(super) document: Arc<str>,
    pub(super) pointer: Box<str>,
    pub(super) line: Option<usize>,
}

impl Packed {
    /// For people, in messages of faults: `expected/web.json:17`.
    pub(super) fn place(&self) -> String {
        self.line.map_or_else(|| self.document.to_string(), |line| format!("{}:{line}", self.document))
    }
}

impl Loaded {
    /// Adds a good declaration.
    pub fn declare(&mut self, declaration: Declaration) {
        let Declaration { resource_type, resource_id, account_id, region, state, origin } = declaration;
        if state.iter().any(|(_, value)| depth(value) >= DEEPEST_STATE) {
            let message = format!("its state is nested deeper than {DEEPEST_STATE} levels");
            self.problems.push(Problem { place: origin.place(), pointer: origin.pointer, message });
            return self.note_faulty(&resource_type, &resource_id);
        }
        self.declarations.push(Packed {
            resource_type: self.shared.text(&resource_type),
            resource_id: resource_id.into(),
            account_id: account_id.map(|id| self.shared.text(id.as_str())),
            region: region.map(|region| self.shared.text(region.as_str())),
            names: self.shared.names(&resource_type, &state),
            state: StateText::of(&state),
            document: self.shared.text(&origin.document),
            pointer: origin.pointer.into(),
            line: origin.line,
        });
    }

    /// Notes that the declaration of a resource is faulty: the resource is neither compared nor taken as undeclared.
    pub fn note_faulty(&mut self, resource_type: &str, resource_id: &str) {
        self.faulty.insert((resource_type.to_owned(), resource_id.to_owned()));
    }

    /// Notes that something is declared of which nobody can tell what: nothing is known to be undeclared any more.
    pub fn note_lost(&mut self) {
        self.lost_any = true;
    }

    /// Notes that a document was had; what it holds is found out by reading it.
    pub(super) fn note_document(&mut self, name: &str, modified_at: Option<DateTime<Utc>>) {
        self.read.push(DocumentSummary { name: name.to_owned(), modified_at, ..DocumentSummary::default() });
    }

    /// Does what takes long off the threads that others wait on.
    pub(super) async fn extended(mut self, by: impl FnOnce(&mut Self) + Send + 'static) -> Self {
        let extending = tokio::task::spawn_blocking(move || {
            by(&mut self);
            self
        });
        extending.await.unwrap_or_else(|error| {
            let mut loaded = Self::default();
            loaded.lose("expected state".to_owned(), format!("reading it broke off: {error}"));
            loaded
        })
    }

    /// Notes that a document, or a place of documents, could not be read.
    pub(super) fn lose(&mut self, place: String, message: String) {
        self.problems.push(Problem { place, pointer: String::new(), message });
        self.note_lost();
    }

    /// How many declarations are good.
    #[must_use]
    pub fn len(&self) -> usize {
        self.declarations.len()
    }

    /// Whether no declaration is good.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.declarations.is_empty()
    }
}

/// Texts and sets of names that many declarations have in common, each held once.
#[derive(Debug, Default)]
struct Shared {
    texts: BTreeSet<Arc<str>>,
    names: BTreeSet<Arc<BTreeSet<String>>>,
}

impl Shared {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.texts.get(text) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&shared));
        shared
    }

    /// The names of the state's attributes, with the marks that reading them takes.
    fn names(&mut self, resource_type: &str, state: &ResourceState) -> Arc<BTreeSet<String>> {
        let marks = crate::resource::find(resource_type).map(|kind| kind.read_marks(state)).unwrap_or_default();
        let names = state.names().chain(marks.iter().copied()).map(str::to_owned).collect();
        if let Some(shared) = self.names.get(&names) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(names);
        self.names.insert(Arc::clone(&shared));
        shared
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

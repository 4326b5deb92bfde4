//! Where a reader puts what it finds: instances into the fold, faults into what is told.

use serde_json::{Map, Value};

use crate::domain::schema::kind_of;
use crate::expected::terraform::fold::Fold;
use crate::expected::terraform::instance::{Attributes, Instance};
use crate::expected::{DocumentSummary, Loaded, Origin, Problem};

/// Takes what one document holds.
pub(super) struct Sink<'a> {
    /// Its name.
    pub(super) document: &'a str,
    pub(super) fold: &'a mut Fold,
    pub(super) loaded: &'a mut Loaded,
}

/// Where an instance stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) kind: String,
    pub(super) address: String,
    pub(super) line: usize,
}

impl Sink<'_> {
    /// Counts instances of a type that nobody watches.
    pub(super) fn skip(&mut self, kind: &str, count: usize) {
        if count > 0 {
            *self.loaded.skipped.entry(kind.to_owned()).or_default() += count;
        }
    }

    /// Counts something else that says nothing of what Terraform means AWS to look like.
    pub(super) fn pass_over(&mut self, what: &'static str) {
        *self.loaded.passed_over.entry(what).or_default() += 1;
    }

    /// Notes what the document says of itself.
    pub(super) fn note(&mut self, what: impl FnOnce(&mut DocumentSummary)) {
        if let Some(document) = self.loaded.read.last_mut() {
            what(document);
        }
    }

    /// Tells an instance that cannot be read: whatever it may have spoken of is in doubt.
    pub(super) fn unreadable(&mut self, place: Place, message: String) {
        self.fold.doubt_type(self.document, &place.kind);
        self.loaded.note_lost();
        let told_at = format!("{}:{}", self.document, place.line);
        self.loaded.problems.push(Problem { place: told_at, pointer: place.address, message });
    }

    /// Takes an instance with the fields that the forms of a state have in common.
    pub(super) fn take(&mut self, place: Place, attributes: Map<String, Value>, version: &Value, is_tainted: bool) {
        if let Some(instance) = self.instance(place, attributes, version, is_tainted) {
            self.fold.add(&instance, self.loaded);
        }
    }

    /// The instance; `None` if it was told that there is none to make of it.
    pub(super) fn instance(
        &mut self,
        place: Place,
        attributes: Map<String, Value>,
        version: &Value,
        is_tainted: bool,
    ) -> Option<Instance> {
        let schema_version = if version.is_null() { Some(0) } else { version.as_u64() };
        let Some(schema_version) = schema_version else {
            let message = format!("its schema_version is {} where a number belongs", kind_of(version));
            self.unreadable(place, message);
            return None;
        };
        let Place { kind, address, line } = place;
        let origin = Origin { document: self.document.to_owned(), line: Some(line), pointer: address };
        Some(Instance { kind, origin, schema_version, is_tainted, attributes: Attributes(attributes) })
    }
}

//! What AWS has accepted but not yet done: a database's new class waits for the maintenance window.
//!
//! Where the value to come is the declared one, the attribute *converges*: it is not judged, so that no drift begins for
//! it, and one that stands goes on in silence until AWS has kept its promise. (To call it restored would be too early:
//! the change can still be called off.) Where the value to come is another one, the present value counts, and what is
//! coming is noted.

use serde_json::Value;

use crate::domain::coverage::{Note, NoteKind};
use crate::domain::state::{ResourceState, escape};
use crate::domain::words;
use crate::expected::Declared;
use crate::resource::{Live, ResourceType, changes_of};

/// Characters of a value in a note.
const VALUE_MAX: usize = 160;

/// What is to be said of the declared attributes that AWS is about to change.
pub(super) fn notes_of(kind: &dyn ResourceType, declared: &Declared, live: &Live) -> Vec<Note> {
    let note = |(name, to_come): (&str, &Value)| {
        let wanted = ResourceState::new().with(name, declared.state.get(name)?.clone());
        let is_as_declared = |value: &Value| {
            let mut value = ResourceState::new().with(name, value.clone());
            kind.align(&wanted, &mut value);
            changes_of(kind, &wanted, &value).is_empty()
        };
        let (kind, text) = match (is_as_declared(to_come), live.state.get(name).is_some_and(is_as_declared)) {
            (true, true) => return None,
            (true, false) => (NoteKind::Converging, "AWS will bring it to what is declared".to_owned()),
            (false, _) => {
                let value = words::cut_and_count(&words::clean(&words::redact(name, to_come).to_string()), VALUE_MAX);
                (NoteKind::Scheduled, format!("AWS will change it to {value}, which is not declared"))
            }
        };
        let pointer = format!("/{}", escape(name));
        Some(Note { resource_id: live.resource_id.clone(), pointer, kind, text })
    };
    live.pending.iter().filter_map(note).collect()
}

/// The attributes that converge.
pub(super) fn converging(notes: &[Note]) -> impl Iterator<Item = &str> {
    // Attributes are named as AWS names its fields: nothing in them is escaped.
    notes.iter().filter(|note| note.kind == NoteKind::Converging).filter_map(|note| note.pointer.strip_prefix('/'))
}

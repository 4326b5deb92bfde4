//! Expected × actual → difference: the RFC 6902 patch that is stored, and the list of changes that is rated and read.
//!
//! The patch comes from `json-patch` and obeys the patch law: applied to the expected state it yields the actual one.
//! The changes come from a walk along the attribute table, which keeps a policy or a list whole, because
//! "statement 3, action 2" tells a reader nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema::{Attribute, Shape, find};
use super::state::{ResourceState, escape, unescape};

/// One thing that differs, for people and rules.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// JSON pointer below the state; empty for the resource as a whole (missing or unmanaged).
    pub pointer: String,
    /// The declared value; `None` if the declaration has nothing there, which is not the same as a JSON `null`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub from: Option<Value>,
    /// The live value; `None` if AWS has nothing there, which is not the same as a JSON `null`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub to: Option<Value>,
}

/// A value that is there, `null` too: serde takes `null` for `None`, and a change read back would be another one.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // State values stay out of logs.
        f.debug_tuple("Change").field(&self.pointer).finish()
    }
}

impl Change {
    /// The top-level attribute; empty for the resource as a whole.
    #[must_use]
    pub fn attribute(&self) -> String {
        unescape(self.pointer.trim_start_matches('/').split('/').next().unwrap_or_default())
    }

    /// The last key of the pointer, unescaped: a tag's key, a rule's identity.
    #[must_use]
    pub fn key(&self) -> String {
        unescape(self.pointer.rsplit('/').next().unwrap_or_default())
    }

    /// The keys of the pointer, unescaped: `["Tags", "Env"]`.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.pointer.split('/').skip(1).map(unescape).collect()
    }

    /// The declared value as text, if it is one.
    #[must_use]
    pub fn from_str(&self) -> Option<&str> {
        self.from.as_ref()?.as_str()
    }

    /// The live value as text, if it is one.
    #[must_use]
    pub fn to_str(&self) -> Option<&str> {
        self.to.as_ref()?.as_str()
    }
}

/// The stored difference: the RFC 6902 patch that turns `expected` into `actual`. Deterministic.
///
/// # Panics
/// Never: a patch is always serialisable.
#[must_use]
pub fn patch(expected: &Value, actual: &Value) -> Value {
    serde_json::to_value(json_patch::diff(expected, actual)).expect("a patch is plain JSON")
}

/// Whether the patch law holds: `difference` applied to `expected` yields `actual`.
#[must_use]
pub fn law_holds(expected: &Value, difference: &Value, actual: &Value) -> bool {
    let Ok(patch) = serde_json::from_value::<json_patch::Patch>(difference.clone()) else { return false };
    let mut patched = expected.clone();
    json_patch::patch(&mut patched, &patch).is_ok() && patched == *actual
}

/// What differs between two canonical states, sorted by pointer.
/// Objects are entered as far as the attribute table knows them; policies and lists stay whole.
#[must_use]
pub fn changes(attributes: &[Attribute], expected: &ResourceState, actual: &ResourceState) -> Vec<Change> {
    let mut found = Vec::new();
    let mut names: Vec<&str> = expected.names().chain(actual.names()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let shape = find(attributes, name).map_or(&Shape::Any, |attribute| &attribute.shape);
        walk(shape, expected.get(name), actual.get(name), format!("/{}", escape(name)), &mut found);
    }
    found
}

fn walk(shape: &Shape, from: Option<&Value>, to: Option<&Value>, pointer: String, found: &mut Vec<Change>) {
    if from == to {
        return;
    }
    let (Some(Value::Object(a)), Some(Value::Object(b))) = (from, to) else {
        return found.push(Change { pointer, from: from.cloned(), to: to.cloned() });
    };
    let below = |key: &str| match shape {
        Shape::Map(shape) => Some(*shape),
        Shape::Tags => Some(&Shape::Text),
        Shape::Set => Some(&Shape::Any),
        Shape::Object(fields) => Some(fields.iter().find(|f| f.name == key).map_or(&Shape::Any, |f| &f.shape)),
        _ => None,
    };
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let Some(shape) = below(key) else {
            return found.push(Change { pointer, from: from.cloned(), to: to.cloned() });
        };
        walk(shape, a.get(key), b.get(key), format!("{pointer}/{}", escape(key)), found);
    }
}

/// Takes one change back in the actual state, so that it equals the expected one there.
pub fn revert(actual: &mut ResourceState, change: &Change) {
    let mut keys = change.keys();
    let Some(last) = keys.pop() else { return };
    let Some((first, middle)) = keys.split_first() else {
        match &change.from {
            Some(value) => actual.set(&last, value.clone()),
            None => drop(actual.remove(&last)),
        }
        return;
    };
    let Some(mut node) = actual.get_mut(first) else { return };
    for key in middle {
        let Some(next) = node.get_mut(key) else { return };
        node = next;
    }
    let Some(node) = node.as_object_mut() else { return };
    put(node, last, change.from.clone());
}

fn put(node: &mut Map<String, Value>, key: String, value: Option<Value>) {
    match value {
        Some(value) => drop(node.insert(key, value)),
        None => drop(node.remove(&key)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_to_or_from_null_is_the_same_change_when_read_back() {
        for (from, to) in [(Some(Value::Null), Some(json!(1))), (Some(json!(1)), Some(Value::Null)), (None, None)] {
            let change = Change { pointer: "/Website".to_owned(), from, to };
            let stored = serde_json::to_value(&change).unwrap();
            assert_eq!(serde_json::from_value::<Change>(stored).unwrap(), change);
        }
    }
}

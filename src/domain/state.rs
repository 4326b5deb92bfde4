//! A resource's state as one JSON object in canonical form: attribute name → value, equal meaning is equal JSON.
//!
//! States may hold text that an account's owner would not want in a log, so `Debug` shows attribute names only.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The state of one resource: top-level attributes in AWS API vocabulary, sorted by name.
///
/// The top-level attribute is the unit of declaration: one that a declaration does not name is not compared.
/// A JSON `null` says that AWS has no such thing (no key pair, no permissions boundary).
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceState(Map<String, Value>);

impl ResourceState {
    /// An empty state.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a top-level attribute; `None` if the state does not name it.
    #[must_use]
    pub fn get(&self, attribute: &str) -> Option<&Value> {
        self.0.get(attribute)
    }

    /// The value of a top-level attribute, to be changed in place.
    pub fn get_mut(&mut self, attribute: &str) -> Option<&mut Value> {
        self.0.get_mut(attribute)
    }

    /// Sets a top-level attribute; Rust's `None` becomes JSON `null`.
    pub fn set(&mut self, attribute: &str, value: impl Into<Value>) {
        self.0.insert(attribute.to_owned(), value.into());
    }

    /// Sets a top-level attribute, for building a state in one expression.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.set(attribute, value);
        self
    }

    /// Removes a top-level attribute.
    pub fn remove(&mut self, attribute: &str) -> Option<Value> {
        self.0.remove(attribute)
    }

    /// The attribute names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Attributes and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Attributes and values, the values to be changed in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.0.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part of this state that `names` names.
    #[must_use]
    pub fn restricted_to(&self, names: &BTreeSet<String>) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(*name)).map(|(n, v)| (n.clone(), v.clone())).collect())
    }

    /// This state with the attributes of `other` laid over it.
    #[must_use]
    pub fn overlaid_with(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        merged.0.extend(other.0.iter().map(|(n, v)| (n.clone(), v.clone())));
        merged
    }

    /// What stands at a JSON pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        let mut parts = pointer.strip_prefix('/')?.splitn(2, '/');
        let attribute = unescape(parts.next()?);
        let value = self.0.get(&attribute)?;
        match parts.next() {
            Some(rest) => value.pointer(&format!("/{rest}")),
            None => Some(value),
        }
    }

    /// The state as a JSON object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

impl From<Map<String, Value>> for ResourceState {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl From<ResourceState> for Value {
    fn from(state: ResourceState) -> Self {
        Self::Object(state.0)
    }
}

impl fmt::Debug for ResourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Escapes one key for use in a JSON pointer (RFC 6901): `~` is `~0`, `/` is `~1`.
#[must_use]
pub fn escape(key: &str) -> String {
    if key.contains(['~', '/']) { key.replace('~', "~0").replace('/', "~1") } else { key.to_owned() }
}

/// Undoes [`escape`].
#[must_use]
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Whether a text or a key in `value` holds a NUL character, which the database cannot keep.
#[must_use]
pub fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

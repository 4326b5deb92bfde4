//! What becomes of live resources that nothing declares: nothing, or a drift, for all types or by type.

use std::collections::BTreeMap;

/// What becomes of live resources that nothing declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unmanaged {
    /// Nothing.
    #[default]
    Ignore,
    /// They are drifts.
    Report,
}

/// The same by type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnmanagedByType {
    /// For types that are not in `types`.
    rest: Unmanaged,
    types: BTreeMap<String, Unmanaged>,
}

impl UnmanagedByType {
    /// For the given types as given; the others are ignored.
    #[must_use]
    pub fn of_types(types: BTreeMap<String, Unmanaged>) -> Self {
        Self { rest: Unmanaged::Ignore, types }
    }

    /// What becomes of those of one type.
    #[must_use]
    pub fn of(&self, resource_type: &str) -> Unmanaged {
        self.types.get(resource_type).copied().unwrap_or(self.rest)
    }
}

impl From<Unmanaged> for UnmanagedByType {
    /// The same for all types.
    fn from(rest: Unmanaged) -> Self {
        Self { rest, types: BTreeMap::new() }
    }
}

//! What is known of a document as a whole, and bears on everything that it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Heard;
use crate::expected::terraform::mapping::Mapping;

/// A document.
pub(super) struct Heading {
    pub(super) name: Arc<str>,
    /// It could not be read to its end.
    pub(super) is_broken: bool,
    /// Our resource type and attribute of which an unreadable instance may have spoken.
    pub(super) doubtful: BTreeSet<(&'static str, &'static str)>,
    /// The only addresses that count, in a plan: what exists and is not about to be replaced.
    pub(super) existing: Option<BTreeSet<String>>,
    /// Terraform attributes whose changes the code ignores, by the address of the resource; `*` for all.
    pub(super) ignored: BTreeMap<String, BTreeSet<String>>,
}

impl Heading {
    /// Nothing known but the name.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            is_broken: false,
            doubtful: BTreeSet::new(),
            existing: None,
            ignored: BTreeMap::new(),
        }
    }

    /// Whether what was heard counts.
    pub(super) fn counts(&self, heard: &Heard) -> bool {
        heard.is_tainted || self.existing.as_ref().is_none_or(|existing| existing.contains(&*heard.address))
    }

    /// Whether the code ignores changes of what a mapping reads.
    pub(super) fn ignores(&self, heard: &Heard, mapping: &Mapping) -> bool {
        if self.ignored.is_empty() {
            return false;
        }
        let plain = super::without_keys(&heard.address);
        let Some(names) = self.ignored.get(&plain) else { return false };
        let root = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
        names.contains("*") || mapping.from.iter().any(|(path, _)| names.contains(&root(path)))
    }
}

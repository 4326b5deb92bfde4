//! What is declared in one scope, as a shard asks for it: each resource by its id, unpacked only where it must be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Estate;
use super::loaded::Packed;
use super::text::StateText;
use crate::domain::id::Scope;
use crate::domain::state::ResourceState;

/// One declared resource.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The declared attributes, canonical.
    pub state: ResourceState,
    /// Where it stands, for people: `expected/web.json#/resources/3`.
    pub declared_in: String,
    /// Its Terraform address, if Terraform declares it: `module.web.aws_instance.app[0]`.
    pub terraform_address: Option<String>,
}

/// One declared resource as an estate holds it.
#[derive(Debug)]
pub(super) struct Entry {
    id: Box<str>,
    names: Arc<BTreeSet<String>>,
    state: StateText,
    document: Arc<str>,
    pointer: Box<str>,
}

impl From<Packed> for Entry {
    fn from(declared: Packed) -> Self {
        let Packed { resource_id, names, state, document, pointer, .. } = declared;
        Self { id: resource_id, names, state, document, pointer }
    }
}

impl Entry {
    /// About how many bytes of memory it takes, without what it shares with others.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.len() + self.state.len() + self.pointer.len()
    }
}

/// What is declared in one scope.
#[derive(Debug, Clone)]
pub struct ScopeDeclarations<'e> {
    pub(super) estate: &'e Estate,
    pub(super) scope: Scope,
    /// Sorted by id, as `open` is; no id is in both.
    pub(super) here: &'e [Entry],
    /// Those that leave the region open.
    pub(super) open: &'e [Entry],
    pub(super) disputed: [Option<&'e BTreeSet<Box<str>>>; 2],
}

/// The declaration of one resource, still packed.
#[derive(Debug, Clone, Copy)]
pub struct Found<'s> {
    scope: &'s Scope,
    entry: &'s Entry,
    index: usize,
    is_region_open: bool,
}

impl ScopeDeclarations<'_> {
    /// The declaration of a resource.
    #[must_use]
    pub fn find(&self, resource_id: &str) -> Option<Found<'_>> {
        let position = |entries: &[Entry]| entries.binary_search_by(|entry| (*entry.id).cmp(resource_id)).ok();
        let open = || Some(self.here.len() + position(self.open)?);
        self.at(position(self.here).or_else(open)?)
    }

    /// Every declaration, in the order of [`Found::index`].
    pub fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        (0..self.len()).filter_map(|index| self.at(index))
    }

    /// The declaration of a resource, unpacked.
    #[must_use]
    pub fn get(&self, resource_id: &str) -> Option<Declared> {
        Some(self.find(resource_id)?.unpack())
    }

    /// Ids and the names of their declared attributes.
    #[must_use]
    pub fn attribute_names(&self) -> BTreeMap<String, Arc<BTreeSet<String>>> {
        self.here.iter().chain(self.open).map(|entry| (entry.id.to_string(), Arc::clone(&entry.names))).collect()
    }

    /// Ids whose declaration leaves the region open.
    #[must_use]
    pub fn region_open(&self) -> BTreeSet<String> {
        self.open.iter().map(|entry| entry.id.to_string()).collect()
    }

    /// Whether a resource is declared, but so that it cannot be told how.
    #[must_use]
    pub fn is_undecided(&self, resource_id: &str) -> bool {
        self.disputed.iter().flatten().any(|ids| ids.contains(resource_id))
            || (self.estate.is_faulty(&self.scope.resource_type, resource_id) && self.find(resource_id).is_none())
    }

    /// How many resources are declared here in ways that contradict each other, those that leave the region open only
    /// if `with_open`.
    #[must_use]
    pub fn disputed_count(&self, with_open: bool) -> usize {
        let [here, open] = self.disputed.map(|ids| ids.map_or(0, BTreeSet::len));
        if with_open { here + open } else { here }
    }

    /// How many resources are declared here, open regions included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.here.len() + self.open.len()
    }

    /// Whether nothing is declared here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn at(&self, index: usize) -> Option<Found<'_>> {
        let in_open = index.checked_sub(self.here.len());
        let entry = in_open.map_or_else(|| self.here.get(index), |index| self.open.get(index))?;
        Some(Found { scope: &self.scope, entry, index, is_region_open: in_open.is_some() })
    }
}

impl<'s> Found<'s> {
    /// The resource's id.
    #[must_use]
    pub fn id(&self) -> &'s str {
        &self.entry.id
    }

    /// Its place among the declarations of the scope: below [`ScopeDeclarations::len`], each once.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many attributes are declared of it.
    #[must_use]
    pub fn attribute_count(&self) -> usize {
        self.entry.names.len()
    }

    /// Whether it leaves the region open.
    #[must_use]
    pub fn is_region_open(&self) -> bool {
        self.is_region_open
    }

    /// Whether `live` has each declared attribute as declared, as far as that is seen at once. `false` says nothing:
    /// states that differ may mean the same (see [`crate::resource::ResourceType::align`]).
    #[must_use]
    pub fn plainly_says(&self, live: &ResourceState) -> bool {
        self.entry.state.is_text_of(live, &self.entry.names)
    }

    /// The declaration, parsed and canonical.
    #[must_use]
    pub fn unpack(&self) -> Declared {
        let Entry { id, state, document, pointer, .. } = self.entry;
        let mut state = state.parse();
        if let Some(kind) = crate::resource::find(&self.scope.resource_type) {
            // Only here it is certain which resource the state is of.
            kind.normalize_for(&self.scope.key(id), &mut state);
        }
        let terraform_address = super::address_in(pointer).map(str::to_owned);
        Declared { state, declared_in: format!("{document}#{pointer}"), terraform_address }
    }
}

//! Joins what many instances say of one AWS resource into one declaration.
//!
//! Everything heard is held as packed text until the last document is read, because any may speak of any resource.
//! Then, resource by resource, it is joined ([`settle`]). A resource that two instances own is declared by each, for
//! the estate to compare.
//!
//! Invariant: what is in doubt (a document that broke off, a tainted instance) is not declared, but undecided.

mod heading;
mod idle;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::address::without_keys;
use super::instance::Instance;
use super::mapping::{Alias, Join, Mapping, Role, TerraformType};
use crate::domain::id::{AccountId, Region};
use crate::domain::state::ResourceState;
use crate::expected::{Declaration, Loaded, Origin, Problem, Types};
use crate::resource::ResourceType;
use heading::Heading;
use idle::Idle;

/// What has been said so far.
pub(super) struct Fold {
    types: BTreeMap<&'static str, Vec<&'static TerraformType>>,
    joins: BTreeMap<&'static str, &'static Join>,
    documents: Vec<Heading>,
    heard: Vec<Heard>,
    aliases: BTreeMap<(&'static str, String), Vec<Alias>>,
}

/// What one instance said of one AWS resource.
#[derive(Clone)]
struct Heard {
    kind: &'static TerraformType,
    id: Box<str>,
    document: usize,
    line: Option<usize>,
    address: Arc<str>,
    is_tainted: bool,
    account_id: Option<AccountId>,
    region: Option<Region>,
    /// `[[index of the mapping, value], …]`
    said: Arc<str>,
    /// A key in what is said, and what stands for it.
    renamed: Option<(Box<str>, Box<str>)>,
}

impl Fold {
    /// Nothing said yet; `types` are the tables.
    pub(super) fn new(types: &'static [&'static [TerraformType]]) -> Self {
        let mut by_name: BTreeMap<&'static str, Vec<&'static TerraformType>> = BTreeMap::new();
        for kind in types.iter().copied().flatten() {
            by_name.entry(kind.name).or_default().push(kind);
        }
        Self {
            types: by_name,
            joins: BTreeMap::new(),
            documents: Vec::new(),
            heard: Vec::new(),
            aliases: BTreeMap::new(),
        }
    }

    /// With these tables of other ids.
    pub(super) fn joining(mut self, joins: &'static [&'static [Join]]) -> Self {
        self.joins = joins.iter().copied().flatten().map(|join| (join.name, join)).collect();
        self
    }

    /// Whether instances of this Terraform type say anything of what we watch.
    pub(super) fn knows(&self, kind: &str) -> bool {
        self.types.contains_key(kind)
    }

    /// Adds what an instance says.
    pub(super) fn add(&mut self, instance: &Instance, loaded: &mut Loaded) {
        let Some(kinds) = self.types.get(instance.kind.as_str()).cloned() else {
            *loaded.skipped.entry(instance.kind.clone()).or_default() += 1;
            return;
        };
        if instance.is_tainted {
            let message = "tainted: Terraform means to replace it, so what it declares is not compared";
            loaded.notes.push(format!("{}: {} is {message}", instance.origin.place(), instance.origin.pointer));
        }
        if let Some(join) = self.joins.get(instance.kind.as_str()).copied() {
            for alias in (join.aliases)(instance) {
                self.aliases.entry((join.resource_type, alias.other.clone())).or_default().push(alias);
            }
        }
        let document = self.document(&instance.origin.document);
        for kind in kinds {
            let ids = (kind.subjects)(instance);
            if ids.is_empty() {
                self.untold(kind, instance, loaded);
            }
            let heard = hear(kind, document, instance);
            self.heard.extend(ids.into_iter().map(|id| Heard { id: id.into(), ..heard.clone() }));
        }
    }

    /// Notes that a document could not be read to its end: nothing that it spoke of is certain.
    pub(super) fn doubt_document(&mut self, name: &str) {
        let document = self.document(name);
        self.documents[document].is_broken = true;
    }

    /// Notes that an instance of the Terraform type `kind` could not be read: what such instances add to resources of
    /// the same document is not certain.
    pub(super) fn doubt_type(&mut self, name: &str, kind: &str) {
        let parts: Vec<_> =
            self.types.get(kind).into_iter().flatten().filter(|kind| kind.role != Role::Owner).collect();
        let doubtful: Vec<_> =
            parts.iter().flat_map(|kind| kind.mappings.iter().map(|it| (kind.resource_type, it.aws))).collect();
        let document = self.document(name);
        self.documents[document].doubtful.extend(doubtful);
    }

    /// Notes that of a document, a plan, only these addresses count.
    pub(super) fn keep_only(&mut self, name: &str, addresses: BTreeSet<String>) {
        let document = self.document(name);
        self.documents[document].existing = Some(addresses);
    }

    /// Notes Terraform attributes (`*`: all) whose changes the code of the resource at `address` ignores.
    pub(super) fn ignore(&mut self, name: &str, address: String, attributes: Vec<String>) {
        let document = self.document(name);
        self.documents[document].ignored.entry(address).or_default().extend(attributes);
    }

    /// The ids of what an instance speaks of.
    pub(super) fn subjects_of(&self, instance: &Instance) -> Vec<String> {
        let kinds = self.types.get(instance.kind.as_str()).into_iter().flatten();
        kinds.flat_map(|kind| (kind.subjects)(instance)).collect()
    }

    fn document(&mut self, name: &str) -> usize {
        if self.documents.last().is_none_or(|last| *last.name != *name) {
            self.documents.push(Heading::new(name));
        }
        self.documents.len() - 1
    }

    /// What does not tell which resource it speaks of. Parts may well speak of something that nobody watches.
    fn untold(&mut self, kind: &TerraformType, instance: &Instance, loaded: &mut Loaded) {
        if instance.is_tainted {
            if kind.role != Role::Owner {
                self.doubt_type(&instance.origin.document, kind.name);
            }
            return loaded.note_lost();
        }
        if kind.role != Role::Owner {
            return;
        }
        loaded.note_lost();
        let message = "does not tell which resource of AWS it is: apply or refresh it, so that its id is in the state";
        let (place, pointer) = (instance.origin.place(), instance.origin.pointer.clone());
        loaded.problems.push(Problem { place, pointer, message: message.to_owned() });
    }

    /// Declares every resource that an owner stands for.
    pub(super) fn finish(mut self, types: Types, loaded: &mut Loaded) {
        let mut heard = self.resolved(types);
        // Stable, so that what was read first stands first.
        heard.sort_by(|a, b| (a.kind.resource_type, &a.id).cmp(&(b.kind.resource_type, &b.id)));
        let mut heard = heard.into_iter().peekable();
        let mut idle = Idle::default();
        while let Some(first) = heard.next() {
            let mut subject = vec![first];
            let is_same = |a: &Heard, b: &Heard| a.id == b.id && a.kind.resource_type == b.kind.resource_type;
            while let Some(more) = heard.next_if(|more| is_same(more, &subject[0])) {
                subject.push(more);
            }
            if let Some(kind) = types.iter().copied().find(|kind| kind.name() == subject[0].kind.resource_type) {
                self.declare(kind, &subject, loaded);
            }
            idle.note(&subject);
        }
        loaded.notes.extend(idle.told());
    }

    /// Everything heard, under the ids that AWS knows.
    fn resolved(&mut self, types: Types) -> Vec<Heard> {
        let heard = std::mem::take(&mut self.heard);
        let mut resolved = Vec::with_capacity(heard.len());
        for mut heard in heard {
            if !self.documents[heard.document].counts(&heard) {
                continue;
            }
            let resource_type = heard.kind.resource_type;
            let aliases = self.aliases.get(&(resource_type, heard.id.to_string()));
            for alias in aliases.into_iter().flatten() {
                let renamed = alias.key.as_deref().map(|key| (heard.id.clone(), key.into()));
                resolved.push(Heard { id: alias.id.as_str().into(), renamed, ..heard.clone() });
            }
            if aliases.is_none() {
                if let Some(kind) = types.iter().find(|kind| kind.name() == resource_type) {
                    heard.id = kind.canonical_id(&heard.id).into();
                }
                resolved.push(heard);
            }
        }
        resolved
    }

    /// Declares one resource, once for each of its owners; by its first aspect where it has none.
    fn declare(&self, kind: &dyn ResourceType, subject: &[Heard], loaded: &mut Loaded) {
        let has_owner = subject.iter().any(|heard| heard.kind.role == Role::Owner);
        let first_aspect = subject.iter().find(|heard| heard.kind.role == Role::Aspect).filter(|_| !has_owner);
        let is_owner = |heard: &&Heard| {
            heard.kind.role == Role::Owner || first_aspect.is_some_and(|aspect| std::ptr::eq(*heard, aspect))
        };
        let is_broken = subject.iter().any(|heard| self.documents[heard.document].is_broken);
        for owner in subject.iter().filter(is_owner) {
            if is_broken || owner.is_tainted {
                loaded.note_faulty(kind.name(), &owner.id);
                continue;
            }
            let said = subject.iter().filter(|heard| !is_owner(heard) || std::ptr::eq(*heard, owner));
            match self.state_of(kind, owner, said) {
                Ok(state) => self.declare_state(kind, owner, state, loaded),
                Err(messages) => {
                    loaded.note_faulty(kind.name(), &owner.id);
                    let (place, pointer) = (self.origin(owner).place(), owner.address.to_string());
                    let problem = |message| Problem { place: place.clone(), pointer: pointer.clone(), message };
                    loaded.problems.extend(messages.into_iter().map(problem));
                }
            }
        }
    }

    fn declare_state(&self, kind: &dyn ResourceType, owner: &Heard, state: ResourceState, loaded: &mut Loaded) {
        loaded.declare(Declaration {
            resource_type: kind.name().to_owned(),
            resource_id: owner.id.to_string(),
            account_id: owner.account_id.clone(),
            region: owner.region.clone().filter(|_| !kind.is_global()),
            state,
            origin: self.origin(owner),
        });
    }

    /// The canonical state that `owner` and the parts in `said` declare.
    fn state_of<'h>(
        &self,
        kind: &dyn ResourceType,
        owner: &Heard,
        said: impl Iterator<Item = &'h Heard>,
    ) -> Result<ResourceState, Vec<String>> {
        let mut doubtful = BTreeSet::new();
        let mut words: BTreeMap<&'static str, Vec<settle::Word<'_>>> = BTreeMap::new();
        for heard in said {
            let here = &self.documents[heard.document].doubtful;
            doubtful.extend(here.iter().filter(|(name, _)| *name == kind.name()).map(|(_, attribute)| *attribute));
            if heard.is_tainted {
                doubtful.extend(heard.kind.mappings.iter().map(|mapping| mapping.aws));
            }
            for (mapping, value) in heard.words() {
                if self.documents[heard.document].ignores(heard, mapping) {
                    doubtful.insert(mapping.aws);
                }
                words.entry(mapping.aws).or_default().push(settle::Word { rank: mapping.rank, value, by: heard });
            }
        }
        let mut state = ResourceState::new();
        for (attribute, words) in words {
            if doubtful.contains(attribute) {
                continue;
            }
            let needs_base = owner.kind.needs_base(attribute);
            let place = |heard: &Heard| self.origin(heard).to_string();
            if let Some(value) = settle::settle(attribute, words, needs_base, &place).map_err(|fault| vec![fault])? {
                state.set(attribute, value);
            }
        }
        let faults = kind.check(&state);
        if !faults.is_empty() {
            return Err(faults.into_iter().map(|fault| format!("{}: {}", fault.pointer, fault.message)).collect());
        }
        kind.normalize(&mut state);
        Ok(state)
    }

    fn origin(&self, heard: &Heard) -> Origin {
        Origin {
            document: self.documents[heard.document].name.to_string(),
            line: heard.line,
            pointer: heard.address.to_string(),
        }
    }
}

/// What `instance` says by the table `kind`; the id is still open.
fn hear(kind: &'static TerraformType, document: usize, instance: &Instance) -> Heard {
    let said = kind.mappings.iter().enumerate().filter_map(|(index, mapping)| {
        let value = (mapping.read)(instance)?;
        Some(Value::Array(vec![index.into(), value]))
    });
    let said = Value::Array(said.collect());
    Heard {
        kind,
        id: Box::default(),
        document,
        line: instance.origin.line,
        address: instance.origin.pointer.as_str().into(),
        is_tainted: instance.is_tainted,
        account_id: instance.account_id(),
        region: instance.region().filter(|_| kind.role != Role::Aspect),
        said: said.to_string().into(),
        renamed: None,
    }
}

impl Heard {
    fn says_nothing(&self) -> bool {
        &*self.said == "[]"
    }

    /// What was said, by mapping.
    fn words(&self) -> Vec<(&'static Mapping, Value)> {
        // Invariant: `said` is what `hear` wrote.
        let Ok(Value::Array(words)) = self.said.parse::<Value>() else { return Vec::new() };
        let word = |word: Value| {
            let Value::Array(mut word) = word else { return None };
            let mut value = word.pop()?;
            let index = usize::try_from(word.pop()?.as_u64()?).ok()?;
            if let (Some((key, other)), Value::Object(entries)) = (&self.renamed, &mut value)
                && let Some(entry) = entries.remove(&**key)
            {
                entries.insert(other.to_string(), entry);
            }
            Some((self.kind.mappings.get(index)?, value))
        };
        words.into_iter().filter_map(word).collect()
    }
}

//! Joins what many instances say of one AWS resource into one declaration.
//!
//! Attribute by attribute: what split resources say wins over inline copies, several are joined key by key, additions
//! come on top. Two that say different things of the same key make the resource undecided, told with both places.

use std::collections::BTreeMap;

use serde_json::Value;

use super::instance::Instance;
use super::mapping::{Mapping, Rank, Role, TerraformType};
use crate::domain::id::{AccountId, Region};
use crate::domain::state::ResourceState;
use crate::expected::{Declaration, Loaded, Origin, Problem, Types};

/// What has been said so far.
pub(super) struct Fold {
    /// One Terraform type may speak of resources of several types (`aws_ec2_tag`): a table for each.
    types: BTreeMap<&'static str, Vec<&'static TerraformType>>,
    subjects: BTreeMap<(&'static str, String), Subject>,
    /// Instances of types that we do not watch, by type.
    pub(super) skipped: BTreeMap<String, usize>,
}

/// What has been said of one AWS resource.
#[derive(Debug, Default)]
struct Subject {
    owners: Vec<Owner>,
    said: BTreeMap<&'static str, Vec<Said>>,
    /// A part of it cannot be told (a tainted instance): nothing of the resource is decided.
    is_undecided: bool,
}

#[derive(Debug)]
struct Owner {
    origin: Origin,
    account_id: Option<AccountId>,
    region: Option<Region>,
}

#[derive(Debug)]
struct Said {
    rank: Rank,
    value: Value,
    origin: Origin,
}

impl Fold {
    /// Nothing said yet; `types` are the tables.
    pub(super) fn new(types: &'static [&'static [TerraformType]]) -> Self {
        let mut tables: BTreeMap<&'static str, Vec<&'static TerraformType>> = BTreeMap::new();
        for kind in types.iter().copied().flatten() {
            tables.entry(kind.name).or_default().push(kind);
        }
        Self { types: tables, subjects: BTreeMap::new(), skipped: BTreeMap::new() }
    }

    /// Whether instances of this Terraform type say anything of what we watch.
    pub(super) fn knows(&self, kind: &str) -> bool {
        self.types.contains_key(kind)
    }

    /// Adds what an instance says.
    pub(super) fn add(&mut self, instance: &Instance, loaded: &mut Loaded) {
        let Some(tables) = self.types.get(instance.kind.as_str()) else {
            *self.skipped.entry(instance.kind.clone()).or_default() += 1;
            return;
        };
        for kind in tables.clone() {
            self.add_to(kind, instance, loaded);
        }
    }

    /// Adds what an instance says by one of the tables of its type.
    fn add_to(&mut self, kind: &'static TerraformType, instance: &Instance, loaded: &mut Loaded) {
        let ids = (kind.subjects)(instance);
        if ids.is_empty() && kind.role == Role::Owner {
            return untold(instance, loaded);
        }
        for id in ids {
            let subject = self.subjects.entry((kind.resource_type, id)).or_default();
            if instance.is_tainted {
                subject.is_undecided = true;
            }
            if kind.role == Role::Owner {
                let (account_id, region) = (instance.account_id(), instance.region());
                subject.owners.push(Owner { origin: instance.origin.clone(), account_id, region });
            }
            for mapping in kind.mappings {
                subject.hear(mapping, instance);
            }
        }
    }

    /// Declares every resource that an owner stands for.
    pub(super) fn finish(self, types: Types, loaded: &mut Loaded) {
        for ((resource_type, id), subject) in self.subjects {
            let Some(kind) = types.iter().copied().find(|kind| kind.name() == resource_type) else { continue };
            let id = kind.canonical_id(&id);
            let Some(owner) = subject.owners.first() else { continue };
            let origin = owner.origin.clone();
            let state = subject.state();
            let faults = match &state {
                Ok(state) => kind.check(state).into_iter().map(|fault| fault.message).collect(),
                Err(message) => vec![message.clone()],
            };
            match state {
                Ok(mut state) if faults.is_empty() && !subject.is_undecided => {
                    kind.normalize(&mut state);
                    let region = owner.region.clone().filter(|_| !kind.is_global());
                    let account_id = owner.account_id.clone();
                    let resource_type = resource_type.to_owned();
                    loaded.declare(Declaration { resource_type, resource_id: id, account_id, region, state, origin });
                }
                _ => {
                    loaded.note_faulty(resource_type, &id);
                    for message in faults {
                        loaded.problems.push(Problem {
                            place: origin.place(),
                            pointer: origin.pointer.clone(),
                            message,
                        });
                    }
                }
            }
        }
    }
}

fn untold(instance: &Instance, loaded: &mut Loaded) {
    loaded.note_lost();
    let message = "does not tell which resource of AWS it is: apply or refresh it, so that its id is in the state";
    let (place, pointer) = (instance.origin.place(), instance.origin.pointer.clone());
    loaded.problems.push(Problem { place, pointer, message: message.to_owned() });
}

impl Subject {
    fn hear(&mut self, mapping: &Mapping, instance: &Instance) {
        if let Some(value) = (mapping.read)(instance) {
            let said = Said { rank: mapping.rank, value, origin: instance.origin.clone() };
            self.said.entry(mapping.aws).or_default().push(said);
        }
    }

    /// The declared state, or why there is none.
    fn state(&self) -> Result<ResourceState, String> {
        let mut state = ResourceState::new();
        for (attribute, said) in &self.said {
            let has_split = said.iter().any(|said| said.rank == Rank::Split);
            let counts = |said: &&Said| said.rank != Rank::Addition && !(has_split && said.rank == Rank::Inline);
            let mut joined: Option<(Value, &Origin)> = None;
            for said in said.iter().filter(counts) {
                joined = Some(match joined {
                    None => (said.value.clone(), &said.origin),
                    Some((value, origin)) => (join(attribute, value, origin, said)?, origin),
                });
            }
            // An addition is no declaration of the whole: alone it says nothing of what else there is.
            if let Some((value, _)) = joined {
                let additions = said.iter().filter(|said| said.rank == Rank::Addition);
                state.set(attribute, additions.fold(value, add));
            }
        }
        Ok(state)
    }
}

/// A value with an addition, which is newer than a copy of it that the resource itself may hold.
fn add(value: Value, addition: &Said) -> Value {
    match (value, &addition.value) {
        (Value::Object(mut entries), Value::Object(more)) => {
            entries.extend(more.iter().map(|(key, added)| (key.clone(), added.clone())));
            Value::Object(entries)
        }
        (Value::Array(mut items), Value::Array(more)) => {
            items.extend(more.iter().filter(|item| !items.contains(item)).cloned().collect::<Vec<_>>());
            Value::Array(items)
        }
        (value, _) => value,
    }
}

/// Two values of one attribute as one: objects key by key, lists one after the other, equal values once.
fn join(attribute: &str, value: Value, origin: &Origin, other: &Said) -> Result<Value, String> {
    match (value, &other.value) {
        (Value::Object(mut entries), Value::Object(more)) => {
            for (key, added) in more {
                match entries.get(key) {
                    Some(there) if there != added => {
                        let (one, two) = (&origin.pointer, &other.origin);
                        return Err(format!("{attribute} has `{key}` in {one} and otherwise in {two}: remove one"));
                    }
                    _ => entries.insert(key.clone(), added.clone()),
                };
            }
            Ok(Value::Object(entries))
        }
        (Value::Array(mut items), Value::Array(more)) => {
            items.extend(more.iter().filter(|item| !items.contains(item)).cloned().collect::<Vec<_>>());
            Ok(Value::Array(items))
        }
        (value, more) if value == *more => Ok(value),
        _ => Err(format!("{attribute} is said in {} and otherwise in {}: remove one", origin.pointer, other.origin)),
    }
}

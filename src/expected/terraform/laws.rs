//! The law that every mapping table keeps: each row is true. Whoever changes what a row reads from sees exactly what
//! the row names change in the declaration, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fold::Fold;
use super::instance::{Attributes, Instance};
use super::mapping::{Mapping, TerraformType};
use crate::domain::state::{ResourceState, escape};
use crate::expected::{Loaded, Origin};
use crate::resource::BUILTIN;

/// Instances that together declare one AWS resource: Terraform's type and the attributes.
pub(super) type Example = Vec<(&'static str, Value)>;

/// One instance as a state would hold it.
pub(super) fn instance(kind: &str, attributes: &Value) -> Instance {
    Instance {
        kind: kind.to_owned(),
        origin: Origin { document: "terraform.tfstate".to_owned(), line: None, pointer: format!("{kind}.example") },
        schema_version: 0,
        is_tainted: false,
        attributes: Attributes(attributes.as_object().cloned().unwrap_or_default()),
    }
}

/// What instances declare: the states by id, and every problem.
pub(super) fn declared(
    tables: &'static [&'static [TerraformType]],
    instances: &[(&'static str, Value)],
) -> (Vec<(String, ResourceState)>, Vec<String>) {
    let (mut loaded, mut fold) = (Loaded::default(), Fold::new(tables).joining(super::JOINS));
    for (kind, attributes) in instances {
        fold.add(&instance(kind, attributes), &mut loaded);
    }
    fold.finish(BUILTIN, &mut loaded);
    let states = loaded.declarations.iter().map(|packed| (packed.resource_id.to_string(), packed.state.parse()));
    (states.collect(), loaded.problems.iter().map(ToString::to_string).collect())
}

/// The one state that an example declares.
pub(super) fn state(tables: &'static [&'static [TerraformType]], example: &[(&'static str, Value)]) -> ResourceState {
    let (mut states, problems) = declared(tables, example);
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(states.len(), 1, "an example declares one resource: {states:?}");
    states.remove(0).1
}

/// Holds every row of `tables` against the examples: in at least one of them the change of the row's Terraform
/// attribute shows at its pointer, and in none anything else changes.
pub(super) fn every_row_is_true(tables: &'static [&'static [TerraformType]], examples: &[Example]) {
    for example in examples {
        state(tables, example);
    }
    let rows = tables.iter().copied().flatten().flat_map(|kind| {
        let rows = kind.mappings.iter().flat_map(|mapping| mapping.from.iter().map(move |from| (mapping, from)));
        rows.map(move |(mapping, (path, pointer))| (kind, (mapping, *path, *pointer)))
    });
    let untrue = rows.filter(|(kind, row)| !examples.iter().any(|example| row_shows(tables, kind, *row, example)));
    let untrue: Vec<String> = untrue
        .map(|(kind, (mapping, path, pointer))| format!("{}.{path} -> /{}{pointer}", kind.name, mapping.aws))
        .collect();
    assert!(untrue.is_empty(), "no example shows {untrue:#?}");
}

type Row<'a> = (&'a Mapping, &'a str, &'a str);

/// Whether a change of the row's attribute shows where the row says.
fn row_shows(
    tables: &'static [&'static [TerraformType]],
    kind: &TerraformType,
    (mapping, path, pointer): Row<'_>,
    example: &Example,
) -> bool {
    // Every pointer that any row of the type promises for this attribute.
    let promised: Vec<String> = kind.mappings.iter().flat_map(|other| promises(other, path)).collect();
    let before = state(tables, example).to_value();
    let mut shown = false;
    for (index, (_, attributes)) in example.iter().enumerate().filter(|(_, (name, _))| *name == kind.name) {
        for place in places(attributes, path) {
            let differing = first_difference(tables, example, (index, &place), &before);
            for found in &differing {
                let is_promised = promised.iter().any(|promise| lies_within(found, promise));
                assert!(is_promised, "{}.{path} changes {found}, which no row says", kind.name);
            }
            let named = format!("/{}{pointer}", escape(mapping.aws));
            shown |= differing.iter().any(|found| lies_within(found, &named));
        }
    }
    shown
}

/// Where the declaration differs once the value at a place in one instance is the first other one that makes it differ.
fn first_difference(
    tables: &'static [&'static [TerraformType]],
    example: &Example,
    (index, place): (usize, &str),
    before: &Value,
) -> BTreeSet<String> {
    let Some(value) = example[index].1.pointer(place) else { return BTreeSet::new() };
    let differences = alternatives(value).into_iter().filter_map(|other| {
        let mut changed = example.clone();
        *changed[index].1.pointer_mut(place)? = other;
        let (states, problems) = declared(tables, &changed);
        let [(_, after)] = states.as_slice() else { return None };
        let differing = differing(before, &after.to_value());
        (problems.is_empty() && !differing.is_empty()).then_some(differing)
    });
    differences.take(1).flatten().collect()
}

fn promises(mapping: &Mapping, path: &str) -> Vec<String> {
    let same = mapping.from.iter().filter(|(other, _)| *other == path);
    same.map(|(_, pointer)| format!("/{}{pointer}", escape(mapping.aws))).collect()
}

/// Whether `pointer` is at or below `pattern`, in which `*` stands for any one key.
fn lies_within(pointer: &str, pattern: &str) -> bool {
    let (keys, wanted): (Vec<&str>, Vec<&str>) = (pointer.split('/').collect(), pattern.split('/').collect());
    keys.len() >= wanted.len() && wanted.iter().zip(&keys).all(|(want, key)| *want == "*" || want == key)
}

/// The places of `rule[0].filter[*].tags.*` where there is anything: indices and `*` stand for every one.
fn places(attributes: &Value, path: &str) -> Vec<String> {
    let mut places = vec![String::new()];
    for step in path.split('.') {
        let (name, is_list) = step.split_once('[').map_or((step, false), |(name, _)| (name, true));
        let wanted = if name == "*" { None } else { Some(name) };
        places = below(attributes, &places, wanted);
        if is_list {
            places = below(attributes, &places, None);
        }
    }
    places.retain(|place| attributes.pointer(place).is_some_and(|value| !value.is_null() && value != ""));
    places
}

/// The places one step below others: by one key, or by every key or index.
fn below(attributes: &Value, places: &[String], key: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    for place in places {
        let keys: Vec<String> = match (attributes.pointer(place), key) {
            (Some(Value::Object(_)), Some(key)) => vec![escape(key)],
            (Some(Value::Object(entries)), None) => entries.keys().map(|key| escape(key)).collect(),
            (Some(Value::Array(items)), None) => (0..items.len()).map(|index| index.to_string()).collect(),
            _ => Vec::new(),
        };
        found.extend(keys.into_iter().map(|key| format!("{place}/{key}")));
    }
    found
}

/// Words that stand where only certain ones are possible.
const WORDS: &[&str] = &[
    "terminate",
    "dedicated",
    "resource-name",
    "stopped",
    "standard",
    "advanced",
    "unlimited",
    "optional",
    "required",
    "enabled",
    "disabled",
    "Enabled",
    "Disabled",
    "Suspended",
    "AES256",
    "aws:kms",
    "BucketOwnerPreferred",
    "ObjectWriter",
    "COMPLIANCE",
    "GOVERNANCE",
    "Requester",
    "BucketOwner",
    "READ",
    "WRITE",
    "public-read",
    "private",
    "2031-05-01T00:00:00Z",
    "advanced",
    "standard",
    "DUAL",
    "open-source-rds-extended-support-disabled",
    "udp",
    "192.0.2.0/24",
    "2001:db8:2::/48",
    "advanced",
    "standard",
    "DUAL",
    "open-source-rds-extended-support-disabled",
];

/// Other values than this one, of the same kind, likeliest first.
fn alternatives(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Number(number) => number.as_i64().map(|number| json!(number + 1)).into_iter().collect(),
        Value::String(text) => text_alternatives(text),
        Value::Array(items) => {
            let first = items.first().map(alternatives).unwrap_or_default();
            let replaced = first.into_iter().map(|other| {
                let mut items = items.clone();
                items[0] = other;
                json!(items)
            });
            let shorter = (!items.is_empty()).then(|| json!(items[1..]));
            replaced.chain(shorter).collect()
        }
        Value::Object(entries) => {
            let mut more = entries.clone();
            more.insert("another".to_owned(), json!("one"));
            vec![Value::Object(more)]
        }
        Value::Null => Vec::new(),
    }
}

fn text_alternatives(text: &str) -> Vec<Value> {
    if let Ok(document @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text) {
        let mut others = Vec::new();
        for pointer in leaves(&document) {
            let mut other = document.clone();
            if let Some(Value::String(leaf)) = other.pointer_mut(&pointer) {
                leaf.push('x');
                others.push(json!(other.to_string()));
            }
        }
        return others;
    }
    let number = text.parse::<i64>().ok().map(|number| json!((number + 1).to_string()));
    let words = WORDS.iter().filter(|word| **word != text).map(|word| json!(word));
    let path = text.ends_with('/').then(|| json!(format!("{text}x/")));
    path.into_iter().chain(number).chain([json!(format!("{text}x"))]).chain(words).collect()
}

fn leaves(value: &Value) -> Vec<String> {
    let below = |key: String, value: &Value| leaves(value).into_iter().map(move |rest| format!("/{key}{rest}"));
    match value {
        Value::Object(entries) => entries.iter().flat_map(|(key, value)| below(escape(key), value)).collect(),
        Value::Array(items) => items.iter().enumerate().flat_map(|(at, item)| below(at.to_string(), item)).collect(),
        _ => vec![String::new()],
    }
}

/// The pointers at which two states differ, as deep as both have objects.
fn differing(before: &Value, after: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let (Value::Object(old), Value::Object(new)) = (before, after) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let below = match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) => differing(old, new),
                _ => BTreeSet::from([String::new()]),
            };
            found.extend(below.into_iter().map(|rest| format!("/{}{rest}", escape(key))));
        }
    } else if before != after {
        found.insert(String::new());
    }
    found
}

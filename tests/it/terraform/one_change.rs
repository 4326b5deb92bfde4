//! Any one thing that somebody changes in AWS is one drift, at the place that the mapping tables name.
//!
//! The tables are taken from the documentation that is printed of them. The suite fails if a mapped attribute has no
//! change in [`super::changes`], or no state of ours that holds it.

use std::collections::BTreeSet;

use driftsentry::domain::diff::Change;
use driftsentry::domain::drift::Finding;
use serde_json::Value;

use super::applied::{Block, Told};
use super::changes::{Row, changed, places, rows};
use super::live::{Estate, Key};
use super::stage::{OURS, Stage, ours};

/// A line of the printed tables.
#[derive(Debug)]
struct Mapped {
    /// `aws_instance`.
    kind: String,
    /// `metadata_options[0].http_tokens`.
    path: String,
    /// `/MetadataOptions/HttpTokens`.
    pointer: String,
}

/// How the path of an attribute ends that no state holds, and why.
const NOT_HELD: &[(&str, &str)] = &[("grantee[0].email_address", "AWS keeps the id of the account behind an address")];

fn tables() -> Vec<Mapped> {
    let text = driftsentry::expected::mapping_table();
    let line = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split("` | `");
        let (kind, path) = cells.next()?.split_once('.')?;
        let pointer = cells.next()?.split_once('`')?.0;
        Some(Mapped { kind: kind.to_owned(), path: path.to_owned(), pointer: pointer.to_owned() })
    };
    let mapped: Vec<Mapped> = text.lines().filter_map(line).collect();
    assert!(mapped.len() > 100, "the tables are read: {}", mapped.len());
    mapped
}

/// A change of the table, and a mapped attribute that it stands for: their numbers.
type Pair = (usize, usize);

#[tokio::test]
async fn each_mapped_attribute_that_is_changed_is_one_drift_at_its_pointer() {
    let mapped = tables();
    let (mut faults, mut shown, mut held) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for name in OURS {
        let stage = Stage::of(&ours(name)).await;
        let mut kinds = BTreeSet::new();
        for key in stage.applied.estate.resources.keys() {
            let here = held_of(key, &stage.applied.told, &mapped);
            held.extend(here.iter().copied());
            for (index, row) in rows().enumerate().filter(|(_, row)| row.kind == key.0) {
                let pairs: Vec<Pair> = here.iter().map(|at| (index, *at)).collect();
                let wanted = pairs.into_iter().filter(|(_, at)| stands_for(row, &mapped[*at]));
                let wanted: Vec<Pair> = wanted.filter(|pair| !shown.contains(pair)).collect();
                if wanted.is_empty() {
                    continue;
                }
                match change(&stage, key, row).await {
                    Ok(false) => {}
                    Ok(true) => shown.extend(wanted),
                    Err(fault) => faults.push(format!("{name}: {fault}")),
                }
                if kinds.insert(key.0) {
                    faults.extend(alone(&stage, key, row).await);
                }
            }
        }
    }
    faults.extend(mapped.iter().enumerate().filter_map(|(at, mapped)| unseen((at, mapped), &held, &shown)));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Makes a change at each place of a resource that it is for; whether it shows at any.
///
/// # Errors
/// If anything else shows.
async fn change(stage: &Stage, key: &Key, row: &Row) -> Result<bool, String> {
    let mut is_shown = false;
    for (place, estate) in changes_of(stage, key, row) {
        stage.aws.hold(estate);
        let changes = stage.look_at(key, row.attribute()).await;
        let strangers = outside(&changes, row.shows);
        if !strangers.is_empty() {
            return Err(format!("{place} of {key:?} shows {strangers:?}, not {}", row.shows));
        }
        is_shown |= !changes.is_empty();
    }
    Ok(is_shown)
}

/// The estate with one place changed, for each place that the change is for.
fn changes_of(stage: &Stage, key: &Key, row: &Row) -> Vec<(String, Estate)> {
    let tree = &stage.applied.estate.resources[key].tree;
    let with = |place: String| {
        let changed = changed(tree, &place, row.edit)?;
        let mut estate = stage.applied.estate.clone();
        *estate.tree(key.0, &key.1) = changed;
        Some((place, estate))
    };
    places(tree, row.at).into_iter().filter_map(with).collect()
}

/// A scan of everything sees the one drift of a change and no other.
async fn alone(stage: &Stage, key: &Key, row: &Row) -> Option<String> {
    let (_, estate) = changes_of(stage, key, row).pop()?;
    stage.aws.hold(estate);
    let seen = stage.look().await;
    let of = |finding: &Finding| (finding.key.scope.resource_type.clone(), finding.key.resource_id.clone());
    let others: Vec<_> =
        seen.findings.iter().map(of).filter(|found| *found != (key.0.to_owned(), key.1.clone())).collect();
    (!others.is_empty()).then(|| format!("a change of {key:?} shows {:?}", seen.changes()))
}

/// The mapped attributes that the state holds of a resource.
fn held_of(key: &Key, told: &[Told], mapped: &[Mapped]) -> BTreeSet<usize> {
    let of_key = told.iter().filter(|told| told.speaks_of.contains(key));
    let held = |told: &Told| -> Vec<usize> {
        let is_held = |mapped: &Mapped| mapped.kind == told.kind && holds(&told.attributes, &mapped.path);
        mapped.iter().enumerate().filter(|(_, mapped)| is_held(mapped)).map(|(at, _)| at).collect()
    };
    of_key.flat_map(held).collect()
}

/// Whether a change is one of what the mapped attribute says.
fn stands_for(row: &Row, Mapped { path, pointer, .. }: &Mapped) -> bool {
    let is_of = row.of.is_empty() || row.of.iter().any(|name| path.ends_with(name) || path.starts_with(name));
    is_of && lies_within(row.shows, pointer)
}

/// Why a mapped attribute was not seen changed.
fn unseen((at, mapped): (usize, &Mapped), held: &BTreeSet<usize>, shown: &BTreeSet<Pair>) -> Option<String> {
    let Mapped { kind, path, pointer } = mapped;
    let why = if NOT_HELD.iter().any(|(end, _)| path.ends_with(end)) || shown.iter().any(|(_, shown)| *shown == at) {
        return None;
    } else if !rows().any(|row| stands_for(row, mapped)) {
        "no change in the table stands for it"
    } else if held.contains(&at) {
        "no change of it shows"
    } else {
        "no state of ours holds it"
    };
    Some(format!("{kind}.{path} -> {pointer}: {why}"))
}

/// Pointers of changes that lie outside of `pattern`.
fn outside<'a>(changes: &'a [Change], pattern: &str) -> Vec<&'a str> {
    let wanted: Vec<&str> = pattern.split('/').collect();
    let is_within = |pointer: &str| {
        let keys: Vec<&str> = pointer.split('/').collect();
        keys.len() >= wanted.len() && wanted.iter().zip(&keys).all(|(want, key)| *want == "*" || want == key)
    };
    changes.iter().map(|change| change.pointer.as_str()).filter(|pointer| !is_within(pointer)).collect()
}

/// Whether a row's pointer is the mapped one or lies below it.
fn lies_within(shows: &str, pointer: &str) -> bool {
    let (shows, wanted): (Vec<&str>, Vec<&str>) = (shows.split('/').collect(), pointer.split('/').collect());
    shows.len() >= wanted.len()
        && wanted.iter().zip(&shows).all(|(want, key)| *want == "*" || *key == "*" || want == key)
}

/// Whether there is something at `metadata_options[0].http_tokens` or `ingress[*].cidr_blocks[*]`.
fn holds(attributes: &Block, path: &str) -> bool {
    let path = path.replace("[0]", ".*").replace("[*]", ".*");
    let step = |values: Vec<&'_ Value>, name: &str| -> Vec<Value> {
        let below = |value: &Value| match (value, name) {
            (Value::Object(fields), "*") => fields.values().cloned().collect(),
            (Value::Object(fields), name) => fields.get(name).cloned().into_iter().collect(),
            (Value::Array(items), "*") => items.clone(),
            _ => Vec::new(),
        };
        values.into_iter().flat_map(below).collect()
    };
    let mut values = vec![Value::Object(attributes.0.clone())];
    for name in path.split('.') {
        values = step(values.iter().collect(), name);
    }
    values.iter().any(|value| !value.is_null() && *value != "" && *value != serde_json::json!([]))
}

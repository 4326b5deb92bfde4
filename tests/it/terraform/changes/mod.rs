//! The table of changes: one thing that somebody does to a resource of AWS, and where the product must show it.
//!
//! A change is known by where AWS tells the thing (see [`super::live`]) and by the pointer of the canonical state.

mod access;
mod bucket;
mod bucket_rules;
mod database;
mod instance;

use serde_json::{Value, json};

/// One change.
#[derive(Clone, Copy)]
pub struct Row {
    /// Type of the resource.
    pub kind: &'static str,
    /// Where it shows; `*` is any key, and what shows may lie deeper.
    pub shows: &'static str,
    /// What is changed in the tree that AWS tells; `*` is each entry, one at a time.
    pub at: &'static str,
    /// The change; what it leaves as it was cannot be changed so.
    pub edit: fn(&mut Value),
    /// Last names of the Terraform attributes that the change stands for; empty for all that are mapped to the pointer.
    pub of: &'static [&'static str],
}

/// Every change.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let tables: [&'static [Row]; 6] =
        [instance::ROWS, access::GROUP, access::ROLE, database::ROWS, bucket::ROWS, bucket_rules::ROWS];
    tables.into_iter().flatten()
}

const fn row(kind: &'static str, shows: &'static str, at: &'static str, edit: fn(&mut Value)) -> Row {
    Row { kind, shows, at, edit, of: &[] }
}

impl Row {
    /// The attribute in which it shows.
    pub fn attribute(&self) -> &str {
        self.shows.split('/').nth(1).expect("a pointer")
    }

    const fn of(self, names: &'static [&'static str]) -> Self {
        Self { of: names, ..self }
    }
}

/// Another value of the same kind; what is not there stays away.
fn other(value: &mut Value) {
    *value = match &*value {
        Value::Bool(flag) => (!flag).into(),
        Value::Number(number) => (number.as_i64().unwrap_or_default() + 1).into(),
        Value::String(text) => format!("{text}-other").into(),
        unchanged => unchanged.clone(),
    };
}

/// The other of two words.
fn swap(value: &mut Value, one: &str, two: &str) {
    if !value.is_null() {
        *value = if *value == one { two } else { one }.into();
    }
}

fn switch(value: &mut Value) {
    swap(value, "enabled", "disabled");
}

fn status(value: &mut Value) {
    swap(value, "Enabled", "Disabled");
}

/// One more entry of a list.
fn push(value: &mut Value, entry: Value) {
    match value {
        Value::Array(items) => items.push(entry),
        Value::Null => *value = json!([entry]),
        _ => {}
    }
}

/// One entry less.
fn pop(value: &mut Value) {
    if let Value::Array(items) = value {
        items.pop();
    }
}

/// One more statement of a policy.
fn allow_more(policy: &mut Value) {
    if let Some(statements) = policy.get_mut("Statement") {
        push(
            statements,
            json!({"Effect": "Allow", "Action": "ec2:TerminateInstances", "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::333333333333:root"}}),
        );
    }
}

/// Each place of a tree that a pointer with `*` stands for; the last name may be of something that is not there.
pub fn places(tree: &Value, at: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let names: Vec<&str> = at.split('/').skip(1).collect();
    for (index, name) in names.iter().enumerate() {
        let is_last = index + 1 == names.len();
        let step = |place: String| -> Vec<String> {
            let here = tree.pointer(&place).unwrap_or(&Value::Null);
            let keys: Vec<String> = match (here, *name) {
                (Value::Array(items), "*") => (0..items.len()).map(|index| index.to_string()).collect(),
                (Value::Object(fields), "*") => fields.keys().cloned().collect(),
                // A list of one is written as what it holds.
                (_, "*") => Vec::new(),
                (Value::Array(items), name) if name.parse::<usize>().is_ok_and(|index| index < items.len()) => {
                    vec![name.to_owned()]
                }
                (Value::Object(fields), name) if is_last || fields.contains_key(name) => vec![name.to_owned()],
                _ => Vec::new(),
            };
            keys.into_iter().map(|key| format!("{place}/{key}")).collect()
        };
        found = found.into_iter().flat_map(step).collect();
    }
    found
}

/// The tree with one place changed; `None` if that changes nothing.
pub fn changed(tree: &Value, place: &str, edit: fn(&mut Value)) -> Option<Value> {
    let mut changed = tree.clone();
    let (parent, name) = place.rsplit_once('/').expect("a pointer");
    let value = match changed.pointer_mut(parent)? {
        Value::Object(fields) => fields.entry(name).or_insert(Value::Null),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?)?,
        _ => return None,
    };
    let before = value.clone();
    edit(value);
    (*value != before).then_some(changed)
}

//! The table that describes a resource type's attributes: shape, default, severity.
//!
//! One table per type is what checking, canonical form, diff, severity, help and the law tests derive from, so that
//! an attribute is described once. It must never hold a match over type names.

mod spelling;
mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::diff::Change;
use super::policy;
use super::severity::Severity;
use super::state::{ResourceState, escape};
pub use words::{Words, check_words, for_each_text, is_at};

/// One top-level attribute of a resource type.
#[derive(Debug)]
pub struct Attribute {
    /// Name as AWS writes it (`InstanceType`).
    pub name: &'static str,
    /// What values it takes.
    pub shape: Shape,
    /// What stands for it where AWS has none, or where a declaration says `null`.
    pub fill: Fill,
    /// How bad a change of it is.
    pub rate: Rate,
    /// Costs an AWS call per resource, so it is read only where it is declared (or for `baseline capture --deep`).
    pub deep: bool,
    /// One line for users.
    pub doc: &'static str,
}

/// One field of an object-shaped value.
#[derive(Debug)]
pub struct Field {
    /// Name as AWS writes it.
    pub name: &'static str,
    /// What values it takes.
    pub shape: Shape,
    /// What stands for it where it is absent or `null`.
    pub fill: Fill,
}

/// The form of a value.
#[derive(Debug)]
pub enum Shape {
    /// Text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer,
    /// An IAM policy document, compared by meaning and as a whole.
    Policy,
    /// A set: an object keyed by identity whose values are empty objects. A list of texts is taken too.
    Set,
    /// Tags: an object of texts. `aws:` keys are AWS's own and are dropped.
    Tags,
    /// An object with free keys whose values all have one shape.
    Map(&'static Shape),
    /// An object with known fields.
    Object(&'static [Field]),
    /// An ordered list, compared as a whole.
    List(&'static Shape),
    /// Any JSON, compared as a whole.
    Any,
}

/// What stands for a value that is not there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// JSON `null`: AWS knows "none" for it.
    Null,
    /// A text.
    Text(&'static str),
    /// A truth value.
    Flag(bool),
    /// A number.
    Integer(i64),
    /// The empty object.
    Empty,
    /// The empty list.
    EmptyList,
    /// Nothing: no default is certain, so a *field* with it is compared only where the declaration holds it.
    /// A top-level attribute with it may not be `null`.
    Undefined,
}

/// How the severity of a change of an attribute is found.
#[derive(Debug, Clone, Copy)]
pub enum Rate {
    /// The same for every change.
    Fixed(Severity),
    /// By what changed from what to what.
    By(fn(&Change) -> Severity),
}

/// Short for a fixed [`Severity::Info`].
pub const INFO: Rate = Rate::Fixed(Severity::Info);
/// Short for a fixed [`Severity::Warning`].
pub const WARNING: Rate = Rate::Fixed(Severity::Warning);
/// Short for a fixed [`Severity::Critical`].
pub const CRITICAL: Rate = Rate::Fixed(Severity::Critical);

/// A fault in a declared state: where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateProblem {
    /// JSON pointer (RFC 6901) below the state.
    pub pointer: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Fill {
    /// The value; `None` for [`Fill::Undefined`].
    #[must_use]
    pub fn value(self) -> Option<Value> {
        match self {
            Self::Null => Some(Value::Null),
            Self::Text(text) => Some(text.into()),
            Self::Flag(flag) => Some(flag.into()),
            Self::Integer(number) => Some(number.into()),
            Self::Empty => Some(Value::Object(Map::new())),
            Self::EmptyList => Some(Value::Array(Vec::new())),
            Self::Undefined => None,
        }
    }
}

impl Attribute {
    /// An attribute that every listing tells; the severity is fixed or found by `rate`.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape, fill: Fill, rate: Rate, doc: &'static str) -> Self {
        Self { name, shape, fill, rate, deep: false, doc }
    }

    /// The same attribute, marked as costing a call per resource.
    #[must_use]
    pub const fn deep(mut self) -> Self {
        self.deep = true;
        self
    }
}

impl Field {
    /// A field.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape, fill: Fill) -> Self {
        Self { name, shape, fill }
    }
}

/// The attribute called `name`.
#[must_use]
pub fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name == name)
}

/// Every fault of a declared state, in the order of its attributes; empty if it can be compared.
#[must_use]
pub fn check(attributes: &[Attribute], state: &ResourceState) -> Vec<StateProblem> {
    let mut problems = Vec::new();
    let mut state = state.clone();
    respell(attributes, &mut state);
    for (name, value) in state.iter() {
        let pointer = format!("/{}", escape(name));
        match find(attributes, name) {
            None => problems.push(StateProblem { pointer, message: unknown(name, attributes.iter().map(|a| a.name)) }),
            Some(attribute) if value.is_null() && attribute.fill == Fill::Undefined => problems.push(StateProblem {
                pointer,
                message: format!("null is no value for it: write {} or leave it out", attribute.shape.expects()),
            }),
            Some(attribute) => attribute.shape.check(value, &pointer, &mut problems),
        }
    }
    problems
}

/// Brings every attribute to canonical form: defaults written out, sets as objects, policies by meaning. Idempotent.
/// Values that [`check`] refuses are left as they are.
pub fn normalize(attributes: &[Attribute], state: &mut ResourceState) {
    respell(attributes, state);
    for (name, value) in state.iter_mut() {
        if let Some(attribute) = find(attributes, name) {
            attribute.shape.normalize(value, attribute.fill);
        }
    }
}

/// Brings values in another spelling of certain meaning, such as a list where a set belongs, to the table's.
pub fn respell(attributes: &[Attribute], state: &mut ResourceState) {
    for (name, value) in state.iter_mut() {
        if let Some(attribute) = find(attributes, name) {
            spelling::respell(&attribute.shape, value);
        }
    }
}

/// Drops from a live state the fields that have no certain default and that the declaration does not hold.
pub fn align(attributes: &[Attribute], declared: &ResourceState, live: &mut ResourceState) {
    for (name, value) in live.iter_mut() {
        if let (Some(attribute), Some(declared)) = (find(attributes, name), declared.get(name)) {
            attribute.shape.align(declared, value);
        }
    }
}

impl Shape {
    /// The form in words, for error messages: `a text`, `an object of texts`.
    #[must_use]
    pub fn expects(&self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Flag => "true or false",
            Self::Integer => "a whole number",
            Self::Policy => "a policy document (a JSON object with Statement)",
            Self::Set => "an object keyed by identity, such as {\"sg-0a1\": {}}",
            Self::Tags => "an object of texts, such as {\"Env\": \"prod\"}",
            Self::Map(_) | Self::Object(_) => "an object",
            Self::List(_) => "a list",
            Self::Any => "a value",
        }
    }

    fn check(&self, value: &Value, pointer: &str, problems: &mut Vec<StateProblem>) {
        let ok = match (self, value) {
            (_, Value::Null) | (Self::Any, _) => true,
            (Self::Text, value) => value.is_string(),
            (Self::Flag, value) => value.is_boolean(),
            (Self::Integer, value) => value.is_i64() || value.is_u64(),
            (Self::Policy, value) => match policy::parse(value) {
                Ok(_) => true,
                Err(error) => return problems.push(policy_problem(value, pointer, error)),
            },
            (Self::Set, value) => value.is_object(),
            (Self::Tags, Value::Object(tags)) => return check_tags(tags, pointer, problems),
            (Self::Map(shape), Value::Object(entries)) => {
                for (key, value) in entries {
                    shape.check_entry(value, &format!("{pointer}/{}", escape(key)), problems);
                }
                return;
            }
            (Self::Object(fields), Value::Object(entries)) => return check_fields(fields, entries, pointer, problems),
            (Self::List(shape), Value::Array(items)) => {
                for (index, value) in items.iter().enumerate() {
                    shape.check(value, &format!("{pointer}/{index}"), problems);
                }
                return;
            }
            _ => false,
        };
        if !ok {
            let message = format!("{} where {} belongs", kind_of(value), self.expects());
            problems.push(StateProblem { pointer: pointer.to_owned(), message });
        }
    }

    /// Checks an entry of a map. A map says "there is none" by not holding the key, so `null` means nothing there,
    /// except an object with every default.
    fn check_entry(&self, value: &Value, pointer: &str, problems: &mut Vec<StateProblem>) {
        if value.is_null() && !matches!(self, Self::Object(_) | Self::Map(_) | Self::Set | Self::Tags) {
            let message = format!("null where {} belongs: leave the entry out if there is none", self.expects());
            return problems.push(StateProblem { pointer: pointer.to_owned(), message });
        }
        self.check(value, pointer, problems);
    }

    fn normalize(&self, value: &mut Value, fill: Fill) {
        if value.is_null() {
            if let Some(filled) = fill.value() {
                *value = filled;
            }
            // A filled object may have fields to fill in turn.
            if !matches!(fill, Fill::Empty) {
                return;
            }
        }
        match (self, &mut *value) {
            (Self::Policy, value) => policy::normalize(value),
            (Self::Set, Value::Object(entries)) => {
                entries.values_mut().for_each(|entry| *entry = Value::Object(Map::new()));
            }
            (Self::Tags, Value::Object(tags)) => tags.retain(|key, _| !key.starts_with("aws:")),
            (Self::Map(shape), Value::Object(entries)) => {
                entries.values_mut().for_each(|entry| shape.normalize(entry, Fill::Empty));
            }
            (Self::Object(fields), Value::Object(entries)) => {
                for field in *fields {
                    let entry = entries.entry(field.name).or_insert(Value::Null);
                    field.shape.normalize(entry, field.fill);
                    if entry.is_null() && field.fill == Fill::Undefined {
                        entries.remove(field.name);
                    }
                }
            }
            (Self::List(shape), Value::Array(items)) => {
                for item in items {
                    shape.normalize(item, Fill::Null);
                }
            }
            _ => {}
        }
    }

    fn align(&self, declared: &Value, live: &mut Value) {
        match (self, declared, live) {
            (Self::Object(fields), Value::Object(declared), Value::Object(live)) => {
                for field in *fields {
                    match (declared.get(field.name), live.get_mut(field.name)) {
                        (None, Some(_)) if field.fill == Fill::Undefined => {
                            live.remove(field.name);
                        }
                        (Some(declared), Some(live)) => field.shape.align(declared, live),
                        _ => {}
                    }
                }
            }
            (Self::Map(shape), Value::Object(declared), Value::Object(live)) => {
                for (key, live) in live {
                    if let Some(declared) = declared.get(key) {
                        shape.align(declared, live);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A fault within a policy document, placed by pointer where the document is an object, in words where it is a text.
fn policy_problem(document: &Value, pointer: &str, error: policy::PolicyError) -> StateProblem {
    match error {
        policy::PolicyError::Malformed { pointer: within, message } if document.is_object() => {
            StateProblem { pointer: format!("{pointer}{within}"), message }
        }
        error => StateProblem { pointer: pointer.to_owned(), message: error.to_string() },
    }
}

fn check_tags(tags: &Map<String, Value>, pointer: &str, problems: &mut Vec<StateProblem>) {
    for (key, value) in tags {
        if !value.is_string() {
            let message = format!("{} where a tag's text belongs: write it in quotes", kind_of(value));
            problems.push(StateProblem { pointer: format!("{pointer}/{}", escape(key)), message });
        }
    }
}

fn check_fields(fields: &[Field], entries: &Map<String, Value>, pointer: &str, problems: &mut Vec<StateProblem>) {
    let known: BTreeMap<&str, &Field> = fields.iter().map(|field| (field.name, field)).collect();
    for (name, value) in entries {
        let pointer = format!("{pointer}/{}", escape(name));
        match known.get(name.as_str()) {
            Some(field) => field.shape.check(value, &pointer, problems),
            None => {
                let message = unknown(name, known.keys().copied());
                problems.push(StateProblem { pointer, message });
            }
        }
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    match known.iter().map(|k| (strsim::damerau_levenshtein(k, name), k)).min() {
        Some((distance, near)) if distance <= 3 => format!("no attribute is called that: did you mean `{near}`?"),
        _ => format!("no attribute is called that: known are {}", known.join(", ")),
    }
}

/// What a JSON value is, for error messages: `a number`.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

//! One change in words: for a title, a table's cell, a list.

use std::cmp::Reverse;
use std::fmt;

use serde_json::Value;

use crate::domain::diff::Change;
use crate::domain::severity::Severity;
use crate::domain::{policy, words};

/// Differences in meaning that are told of one policy document; the rest is counted.
const LISTED_STATEMENTS: usize = 4;
/// Characters of one value in a list of changes.
pub(super) const VALUE_MAX: usize = 160;
/// Characters of one value in a title or table.
const SHORT_VALUE_MAX: usize = 40;

/// One change in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeWords {
    /// JSON pointer, as an `[[ignore]]` rule would name it; empty for the resource as a whole.
    pub pointer: String,
    /// What changed.
    pub what: What,
}

/// What changed at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// One value became another.
    Value {
        /// The declared value.
        from: String,
        /// The live value.
        to: String,
    },
    /// A policy document came to mean something else.
    Policy {
        /// What it does now that it did not, and the reverse; never empty.
        lines: Vec<String>,
        /// How many more such lines there are.
        more: usize,
    },
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { from, to } => write!(f, "{from} → {to}"),
            Self::Policy { lines, more: 0 } => f.write_str(&lines.join("; ")),
            Self::Policy { lines, more } => write!(f, "{}; and {more} more", lines.join("; ")),
        }
    }
}

/// The changes for a table's cell, short: `InstanceType m5.large → m5.xlarge; 2 more`.
#[must_use]
pub fn what_changed(changes: &[Change]) -> String {
    summary(&changes.iter().collect::<Vec<_>>())
}

pub(super) fn summary(changes: &[&Change]) -> String {
    match changes {
        [] => String::new(),
        [only] => phrase(only),
        [first, rest @ ..] => format!("{}; {} more", phrase(first), rest.len()),
    }
}

/// Sorts changes as they are told: the worst first, as `rate` rates them; of equally bad ones what opens something to
/// the world leads and tags come last. What is left is in the order of pointers.
pub fn worst_first(changes: &mut [Change], rate: impl Fn(&Change) -> Severity) {
    changes.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    changes.sort_by_cached_key(|change| Reverse((rate(change), prominence(change))));
}

/// How much a change strikes the eye among those that are as bad: larger comes first.
fn prominence(change: &Change) -> u8 {
    let opens_to_world = change.from.is_none() && ["0.0.0.0/0", "::/0"].iter().any(|any| change.key().ends_with(any));
    match change.attribute().as_str() {
        _ if opens_to_world => 2,
        "Tags" => 0,
        _ => 1,
    }
}

/// One change in a few words: `IngressRules opened to 0.0.0.0/0 (tcp 22)`, `InstanceType m5.large → m5.xlarge`.
fn phrase(change: &Change) -> String {
    if change.pointer.is_empty() {
        return if change.from.is_some() { "gone" } else { "not declared" }.to_owned();
    }
    let keys: Vec<String> = change.keys().iter().map(|key| words::clean(key)).collect();
    let is_member = |value: Option<&Value>| value.is_some_and(Value::is_object) && !is_document(value);
    let label = words::cut(&keys.join("/"), 80);
    match (keys.as_slice(), change.from.as_ref(), change.to.as_ref()) {
        ([attribute, key], None, to) if is_member(to) => match rule(attribute, key) {
            Some((what, whom)) => format!("{attribute} opened to {whom} ({what})"),
            None => format!("{label} added"),
        },
        ([attribute, key], from, None) if is_member(from) => match rule(attribute, key) {
            Some((what, whom)) => format!("{attribute} closed to {whom} ({what})"),
            None => format!("{label} removed"),
        },
        _ => match in_words(change, SHORT_VALUE_MAX).what {
            What::Policy { lines, more } => match lines.len() + more {
                0 | 1 => format!("{label}: {}", lines.join("")),
                all => format!("{label}: {} and {} more", lines[0], all - 1),
            },
            value @ What::Value { .. } => format!("{label} {value}"),
        },
    }
}

/// Reads a security group rule's identity: `tcp:22-22:0.0.0.0/0` is `tcp 22` and `0.0.0.0/0`.
fn rule<'k>(attribute: &str, key: &'k str) -> Option<(String, &'k str)> {
    let is_rules = matches!(attribute, "IngressRules" | "EgressRules");
    let (protocol, rest) = key.split_once(':').filter(|_| is_rules)?;
    let (ports, whom) = rest.split_once(':')?;
    let what = match ports.split_once('-') {
        _ if protocol == "all" => "all traffic".to_owned(),
        Some((from, to)) if from == to => format!("{protocol} {from}"),
        _ => format!("{protocol} {ports}"),
    };
    Some((what, whom))
}

fn is_document(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Object(fields)) if fields.contains_key("Statement"))
}

pub(super) fn in_words(change: &Change, max: usize) -> ChangeWords {
    let pointer = words::cut_and_count(&words::clean(&change.pointer), 300);
    if is_document(change.from.as_ref()) || is_document(change.to.as_ref()) {
        return ChangeWords { pointer, what: policy_in_words(change, max) };
    }
    let key = change.key();
    let shown = |value: &Option<Value>| value.as_ref().map(|value| words::redact(&key, value));
    let (from, to) = words::pair(shown(&change.from).as_ref(), shown(&change.to).as_ref(), max);
    ChangeWords { pointer, what: What::Value { from, to } }
}

fn policy_in_words(change: &Change, max: usize) -> What {
    let all = policy::summary(change.from.as_ref().unwrap_or(&Value::Null), change.to.as_ref().unwrap_or(&Value::Null));
    let in_words = |line: &String| words::cut_and_count(&words::clean(line), 2 * max);
    let mut lines: Vec<String> = all.iter().take(LISTED_STATEMENTS).map(in_words).collect();
    if lines.is_empty() {
        lines.push("written otherwise, with the same meaning".to_owned());
    }
    What::Policy { lines, more: all.len().saturating_sub(LISTED_STATEMENTS) }
}

//! Statements of a canonical policy document as typed views, for rules about what a document grants.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{normalize, parse};

/// The kind of items that are actions; IAM ignores their case.
pub(super) const ACTION: &str = "Action";
/// The kind of items that are resources.
pub(super) const RESOURCE: &str = "Resource";

/// A document in canonical form.
pub(super) struct Document(Value);

/// One statement.
#[derive(Clone, PartialEq)]
pub(super) struct Statement<'a> {
    pub(super) sid: Option<&'a str>,
    pub(super) allows: bool,
    pub(super) principals: Selection<'a>,
    pub(super) actions: Selection<'a>,
    pub(super) resources: Selection<'a>,
    pub(super) conditions: BTreeMap<Question<'a>, BTreeSet<&'a str>>,
    /// Members that IAM has added since this was written.
    pub(super) others: BTreeMap<&'a str, &'a Value>,
}

/// What a condition asks: operator and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question<'a> {
    pub(super) operator: &'a str,
    pub(super) key: &'a str,
}

/// One name or pattern that a statement selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item<'a> {
    /// `AWS`, `Service` … for principals, else the member's name.
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
}

/// What a statement speaks of, in one of its three dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection<'a> {
    /// The statement does not say: the principal of an identity policy, the resource of a trust policy.
    Unstated,
    /// These.
    Only(BTreeSet<Item<'a>>),
    /// All but these.
    AllBut(BTreeSet<Item<'a>>),
}

impl Document {
    /// A document, in whatever form it was written. `null` is a document that grants nothing: there is no policy.
    /// `None` if it is no policy document.
    pub(super) fn read(value: &Value) -> Option<Self> {
        if value.is_null() {
            return Some(Self(Value::Null));
        }
        let mut document = parse(value).ok()?;
        normalize(&mut document);
        Some(Self(document))
    }

    /// The document in canonical form.
    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    /// The version of the policy language; `None` if there is no policy.
    pub(super) fn version(&self) -> Option<&str> {
        self.0.get("Version")?.as_str()
    }

    /// Its statements, in canonical order.
    pub(super) fn statements(&self) -> Vec<Statement<'_>> {
        let statements = self.0.get("Statement").and_then(Value::as_array);
        statements.into_iter().flatten().filter_map(Value::as_object).map(Statement::of).collect()
    }
}

impl<'a> Statement<'a> {
    fn of(members: &'a Map<String, Value>) -> Self {
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let others = members.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        Self {
            sid: members.get("Sid").and_then(Value::as_str),
            allows: members.get("Effect").and_then(Value::as_str) == Some("Allow"),
            principals: Selection::of(members, "Principal", "NotPrincipal"),
            actions: Selection::of(members, ACTION, "NotAction"),
            resources: Selection::of(members, RESOURCE, "NotResource"),
            conditions: conditions(members),
            others: others.map(|(name, value)| (name.as_str(), value)).collect(),
        }
    }
}

impl<'a> Selection<'a> {
    fn of(members: &'a Map<String, Value>, name: &'static str, negated: &str) -> Self {
        match (members.get(name), members.get(negated)) {
            (Some(value), _) => Self::Only(items(name, value)),
            (None, Some(value)) => Self::AllBut(items(name, value)),
            (None, None) => Self::Unstated,
        }
    }
}

fn items<'a>(name: &'static str, value: &'a Value) -> BTreeSet<Item<'a>> {
    match value {
        Value::Object(kinds) => kinds
            .iter()
            .flat_map(|(kind, names)| texts(names).map(move |name| Item { kind: kind.as_str(), name }))
            .collect(),
        names => texts(names).map(|text| Item { kind: name, name: text }).collect(),
    }
}

fn conditions(members: &Map<String, Value>) -> BTreeMap<Question<'_>, BTreeSet<&str>> {
    let operators = members.get("Condition").and_then(Value::as_object);
    let questions = operators.into_iter().flatten().flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, values)| (Question { operator, key }, texts(values).collect()))
    });
    questions.collect()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

//! Whether a JSON object is a policy document that IAM would take; the first fault is named by its place.
//!
//! It must stay at the grammar: whether an action or a principal exists is AWS's to say.

use serde_json::{Map, Value};

use super::PolicyError;
use crate::domain::schema::kind_of;
use crate::domain::state::escape;

const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];

type Checked = Result<(), PolicyError>;

pub(super) fn document(document: &Map<String, Value>) -> Checked {
    match document.get("Version") {
        None => {}
        Some(Value::String(version)) if VERSIONS.contains(&version.as_str()) => {}
        Some(other) => {
            return fault("/Version", format!("{other} is no version of the policy language: write \"2012-10-17\""));
        }
    }
    match document.get("Statement") {
        None => fault("", "the policy has no Statement: write a list of statements".to_owned()),
        Some(Value::Array(statements)) => {
            statements.iter().enumerate().try_for_each(|(index, one)| statement(one, &format!("/Statement/{index}")))
        }
        Some(one) => statement(one, "/Statement"),
    }
}

fn statement(value: &Value, at: &str) -> Checked {
    let Value::Object(statement) = value else {
        return fault(at, format!("{} where a statement (an object with Effect and Action) belongs", kind_of(value)));
    };
    match statement.get("Effect") {
        Some(Value::String(effect)) if effect == "Allow" || effect == "Deny" => {}
        None => return fault(at, "the statement has no Effect: write \"Allow\" or \"Deny\"".to_owned()),
        Some(other) => {
            return fault(&format!("{at}/Effect"), format!("{other} is no effect: write \"Allow\" or \"Deny\""));
        }
    }
    if statement.get("Sid").is_some_and(|sid| !sid.is_string()) {
        return fault(&format!("{at}/Sid"), "a Sid is a text".to_owned());
    }
    if !statement.contains_key("Action") && !statement.contains_key("NotAction") {
        return fault(at, "the statement has neither Action nor NotAction: name what it speaks of".to_owned());
    }
    for (name, negated) in [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")] {
        if statement.contains_key(name) && statement.contains_key(negated) {
            return fault(at, format!("the statement has both {name} and {negated}: leave one out"));
        }
        for name in [name, negated] {
            let at = format!("{at}/{name}");
            match statement.get(name) {
                None => {}
                Some(value) if name.ends_with("Principal") => principal(value, &at)?,
                Some(value) => texts(value, &at)?,
            }
        }
    }
    statement.get("Condition").map_or(Ok(()), |value| condition(value, &format!("{at}/Condition")))
}

fn principal(value: &Value, at: &str) -> Checked {
    match value {
        Value::String(everyone) if everyone == "*" => Ok(()),
        Value::Object(kinds) => {
            kinds.iter().try_for_each(|(kind, names)| texts(names, &format!("{at}/{}", escape(kind))))
        }
        other => fault(at, format!("{other} is no principal: write \"*\" or an object such as {{\"AWS\": \"…\"}}")),
    }
}

fn condition(value: &Value, at: &str) -> Checked {
    let Value::Object(operators) = value else {
        return fault(at, format!("{} where an object of condition operators belongs", kind_of(value)));
    };
    for (operator, keys) in operators {
        let at = format!("{at}/{}", escape(operator));
        let Value::Object(keys) = keys else {
            return fault(&at, format!("{} where an object of condition keys belongs", kind_of(keys)));
        };
        for (key, values) in keys {
            scalars(values, &format!("{at}/{}", escape(key)))?;
        }
    }
    Ok(())
}

fn texts(value: &Value, at: &str) -> Checked {
    each(value, at, |item, at| match item {
        Value::String(_) => Ok(()),
        other => fault(at, format!("{} where a text belongs", kind_of(other))),
    })
}

fn scalars(value: &Value, at: &str) -> Checked {
    each(value, at, |item, at| match item {
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Ok(()),
        other => fault(at, format!("{} where a text, a number or a truth value belongs", kind_of(other))),
    })
}

/// Applies `check` to a value, or to each element if it is a list.
fn each(value: &Value, at: &str, check: impl Fn(&Value, &str) -> Checked) -> Checked {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| check(item, &format!("{at}/{index}")))
        }
        one => check(one, at),
    }
}

fn fault(at: &str, message: String) -> Checked {
    Err(PolicyError::Malformed { pointer: at.to_owned(), message })
}

//! Changes of a statement that bear meaning, for the law that none of them is missed.

use serde_json::{Value, json};

use super::Dice;
use crate::domain::state::escape;

/// Changes one part of a statement, in canonical form, that bears meaning: `which` says what, `dice` where.
/// `false` if the statement has no such part.
pub(super) fn change(statement: &mut Value, which: usize, dice: &Dice) -> bool {
    let places = |statement: &Value, part: &str| -> Vec<String> {
        let all = places(statement);
        all.into_iter()
            .filter(|place| place.trim_start_matches("/Not").trim_start_matches('/').starts_with(part))
            .collect()
    };
    let pick = |places: Vec<String>| (!places.is_empty()).then(|| places[dice.pick(places.len())].clone());
    let part = ["Action", "Resource", "Principal", "Condition"][dice.pick(4)];
    let texts = || pick(places(statement, part)).filter(|place| statement.pointer(place).is_some_and(Value::is_string));
    match which {
        0 => toggle(statement, "Effect"),
        // One more, one less, another one.
        1 => texts().is_some_and(|place| edit_list(statement, &place, |items, _| items.push(json!("x:Unheard")))),
        2 => texts().is_some_and(|place| edit_list(statement, &place, |items, at| drop(items.remove(at)))),
        3 => texts().is_some_and(|place| edit_text(statement, &place, |text| format!("{text}x"))),
        // Resources, principals and values keep their case; an account is not another one.
        4 => pick(places(statement, ["Resource", "Principal", "Condition"][dice.pick(3)]))
            .is_some_and(|place| edit_text(statement, &place, swapped_case)),
        5 => pick(places(statement, "Principal"))
            .is_some_and(|place| edit_text(statement, &place, |text| text.replace("111111111111", "999999999999"))),
        // The other of a pair of members.
        6 => ["Action", "Resource", "Principal"].into_iter().any(|name| dice.coin() && toggle(statement, name)),
        7 => rename(statement, "/Principal", dice, |kind| format!("{kind}x")),
        // Another operator, another key.
        8 => rename(statement, "/Condition", dice, |operator| match operator.strip_suffix("IfExists") {
            Some(strict) => strict.to_owned(),
            None => format!("{operator}IfExists"),
        }),
        9 => rename(statement, "/Condition", dice, |operator| format!("ForAllValues:{operator}")),
        10 => {
            let operators = statement.get("Condition").and_then(Value::as_object);
            let operators = operators.map(|all| all.keys().map(|key| format!("/Condition/{key}")).collect());
            pick(operators.unwrap_or_default())
                .is_some_and(|place| rename(statement, &place, dice, |key| format!("{key}x")))
        }
        11 => remove(statement, ["Condition", "Principal"][dice.pick(2)]),
        12 => set(statement, "Sid", json!("Unheard")),
        _ => set(statement, "Novelty", json!(1)),
    }
}

/// Pointers of every leaf.
fn places(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| -> Vec<String> {
        places(value).into_iter().map(|rest| format!("/{}{rest}", escape(key))).collect()
    };
    match value {
        Value::Object(members) => members.iter().flat_map(|(key, value)| below(key, value)).collect(),
        Value::Array(items) => items.iter().enumerate().flat_map(|(at, item)| below(&at.to_string(), item)).collect(),
        _ => vec![String::new()],
    }
}

fn edit_text(statement: &mut Value, place: &str, edit: impl Fn(&str) -> String) -> bool {
    let Some(Value::String(text)) = statement.pointer_mut(place) else { return false };
    let edited = edit(text);
    let is_other = edited != *text;
    *text = edited;
    is_other
}

/// Edits the list in which a text stands.
fn edit_list(statement: &mut Value, place: &str, edit: impl Fn(&mut Vec<Value>, usize)) -> bool {
    let Some((list, at)) = place.rsplit_once('/') else { return false };
    let (Some(Value::Array(items)), Ok(at)) = (statement.pointer_mut(list), at.parse()) else { return false };
    edit(items, at);
    true
}

/// Renames one member of the object at a place.
fn rename(statement: &mut Value, place: &str, dice: &Dice, name: impl Fn(&str) -> String) -> bool {
    let Some(Value::Object(members)) = statement.pointer_mut(place) else { return false };
    let names: Vec<String> = members.keys().cloned().collect();
    if names.is_empty() {
        return false;
    }
    let old = &names[dice.pick(names.len())];
    let renamed = name(old);
    if members.contains_key(&renamed) {
        return false;
    }
    let value = members.remove(old).expect("it is there");
    members.insert(renamed, value);
    true
}

/// `Action` for `NotAction`, `Deny` for `Allow`, and the other way round.
fn toggle(statement: &mut Value, name: &str) -> bool {
    if name == "Effect" {
        statement["Effect"] = json!(if statement["Effect"] == "Allow" { "Deny" } else { "Allow" });
        return true;
    }
    let members = statement.as_object_mut().expect("an object");
    let negated = format!("Not{name}");
    let (from, to) = if members.contains_key(name) { (name, negated.as_str()) } else { (negated.as_str(), name) };
    members.remove(from).is_some_and(|value| members.insert(to.to_owned(), value).is_none())
}

fn remove(statement: &mut Value, name: &str) -> bool {
    statement.as_object_mut().expect("an object").remove(name).is_some()
}

fn set(statement: &mut Value, name: &str, value: Value) -> bool {
    statement.as_object_mut().expect("an object").insert(name.to_owned(), value);
    true
}

fn swapped_case(text: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swap).collect()
}

/// How many kinds of [`change`] there are.
pub(super) const CHANGES: usize = 14;

//! Other spellings of a declared value whose meaning is certain: a list where a set belongs, AWS's own list of tags,
//! `40.0` for 40.
//!
//! Who declares by hand or by another tool's export writes them, and a refusal would teach nothing. Total and idempotent;
//! what it does not understand it leaves alone, for `check` to refuse.

use serde_json::{Map, Value, json};

use super::Shape;

/// What names a member of a set in AWS's answers.
const IDENTITIES: &[&str] = &["GroupId", "VpcSecurityGroupId", "PolicyArn"];

/// Brings `value` to the spelling that `shape` describes.
pub(super) fn respell(shape: &Shape, value: &mut Value) {
    if let Some(object) = value.as_array().and_then(|items| object_of(shape, items)) {
        *value = Value::Object(object);
    }
    match (shape, &mut *value) {
        (Shape::Integer, Value::Number(number)) => {
            if let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(whole) {
                *value = whole.into();
            }
        }
        (Shape::Policy, Value::String(text)) if text.trim().is_empty() => *value = Value::Null,
        (Shape::Map(shape), Value::Object(entries)) => {
            entries.values_mut().for_each(|entry| respell_entry(shape, entry));
        }
        (Shape::Object(fields), Value::Object(entries)) => {
            for field in *fields {
                entries.get_mut(field.name).into_iter().for_each(|entry| respell(&field.shape, entry));
            }
        }
        (Shape::List(shape), Value::Array(items)) => items.iter_mut().for_each(|item| respell(shape, item)),
        _ => {}
    }
}

/// The object that a list stands for, where its shape makes that certain.
fn object_of(shape: &Shape, items: &[Value]) -> Option<Map<String, Value>> {
    match shape {
        Shape::Set => members(items),
        Shape::Tags => pairs(items, "Key"),
        Shape::Map(Shape::Text) => pairs(items, "Name"),
        Shape::Map(Shape::Object(_)) => keys(items),
        Shape::Map(_) if items.is_empty() => Some(Map::new()),
        _ => None,
    }
}

/// `true` says of an entry that it is there and no more.
fn respell_entry(shape: &Shape, entry: &mut Value) {
    if matches!(shape, Shape::Object(_)) && *entry == Value::Bool(true) {
        *entry = json!({});
    }
    respell(shape, entry);
}

/// The number as an integer, if it is one that a float holds exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "whole and within the range where floats are exact")]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// `["a"]` or `[{"GroupId": "a", …}]` → `{"a": {}}`.
fn members(items: &[Value]) -> Option<Map<String, Value>> {
    let name = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(item) => IDENTITIES.iter().find_map(|name| item.get(*name)?.as_str().map(str::to_owned)),
        _ => None,
    };
    items.iter().map(|item| Some((name(item)?, json!({})))).collect()
}

/// `["a"]` → `{"a": {}}`.
fn keys(items: &[Value]) -> Option<Map<String, Value>> {
    items.iter().map(|item| Some((item.as_str()?.to_owned(), json!({})))).collect()
}

/// `[{"Key": "a", "Value": "b"}]` → `{"a": "b"}`; two values of one key leave open which is meant.
fn pairs(items: &[Value], key: &str) -> Option<Map<String, Value>> {
    let pair = |item: &Value| Some((item.get(key)?.as_str()?.to_owned(), item.get("Value")?.clone()));
    let pairs: Map<String, Value> = items.iter().map(pair).collect::<Option<_>>()?;
    (pairs.len() == items.len()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::super::{Field, Fill};
    use super::*;

    const RULES: Shape =
        Shape::Map(&Shape::Object(&[Field { name: "Days", shape: Shape::Integer, fill: Fill::Integer(0) }]));

    fn respelled(shape: &Shape, mut value: Value) -> Value {
        respell(shape, &mut value);
        let once = value.clone();
        respell(shape, &mut value);
        assert_eq!(once, value, "idempotent");
        value
    }

    #[test]
    fn certain_spellings_become_the_one_form() {
        assert_eq!(respelled(&Shape::Integer, json!(40.0)), json!(40));
        assert_eq!(respelled(&Shape::Policy, json!("")), Value::Null);
        assert_eq!(respelled(&Shape::Set, json!(["a", "b"])), json!({"a": {}, "b": {}}));
        assert_eq!(respelled(&Shape::Set, json!([{"GroupId": "sg-1", "GroupName": "web"}])), json!({"sg-1": {}}));
        assert_eq!(respelled(&Shape::Tags, json!([{"Key": "a", "Value": "b"}])), json!({"a": "b"}));
        assert_eq!(respelled(&Shape::Map(&Shape::Text), json!([{"Name": "a", "Value": "b"}])), json!({"a": "b"}));
        assert_eq!(respelled(&RULES, json!(["a"])), json!({"a": {}}));
        assert_eq!(respelled(&RULES, json!({"a": true, "b": {"Days": 1.0}})), json!({"a": {}, "b": {"Days": 1}}));
        assert_eq!(respelled(&Shape::Map(&Shape::Policy), json!([])), json!({}));
    }

    #[test]
    fn what_is_not_certain_stays_as_it_is() {
        for (shape, value) in [
            (&Shape::Integer, json!(40.5)),
            (&Shape::Integer, json!(1e30)),
            (&Shape::Integer, json!("40")),
            (&Shape::Flag, json!(1)),
            (&Shape::Set, json!([{"Name": "a"}])),
            (&Shape::Tags, json!([{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}])),
            (&RULES, json!([{"Days": 1}])),
            (&RULES, json!({"a": false})),
        ] {
            assert_eq!(respelled(shape, value.clone()), value);
        }
    }
}

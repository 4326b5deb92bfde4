//! The canonical form of a policy document; the rules are told in the module's header.
//!
//! It must never fail or guess: what [`parse`] refuses is left as it stands, and is then compared as it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::parse;
use super::spelling::{spell_action, spell_key, spell_operator};

/// What IAM takes an absent `Version` for.
const DEFAULT_VERSION: &str = "2008-10-17";

/// Brings a policy document, or a text that holds one, to canonical form. Idempotent.
/// What is no policy document is left alone.
pub fn normalize(value: &mut Value) {
    if let Ok(Value::Object(document)) = parse(value) {
        *value = canonical_document(document);
    }
}

fn canonical_document(document: Map<String, Value>) -> Value {
    let mut members: BTreeMap<String, Value> = document.into_iter().collect();
    members.entry("Version".to_owned()).or_insert_with(|| DEFAULT_VERSION.into());
    let statements = match members.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        one => one.into_iter().collect(),
    };
    let sorted: BTreeMap<(String, String), Value> =
        statements.into_iter().map(canonical_statement).map(|statement| (sort_key(&statement), statement)).collect();
    members.insert("Statement".to_owned(), sorted.into_values().collect());
    members.into_iter().collect()
}

/// `Sid` first, so that a statement that changed keeps its place among the others where it has a name.
fn sort_key(statement: &Value) -> (String, String) {
    let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or_default();
    (sid.to_owned(), statement.to_string())
}

fn canonical_statement(statement: Value) -> Value {
    let Value::Object(members) = statement else { return statement };
    let members: BTreeMap<String, Value> = members
        .into_iter()
        .filter_map(|(name, value)| {
            let value = match name.as_str() {
                "Sid" if value.as_str() == Some("") => return None,
                "Action" | "NotAction" => texts(value, |action| spell_action(&action)),
                "Resource" | "NotResource" => texts(value, |resource| resource),
                "Principal" | "NotPrincipal" => principals(value),
                "Condition" => conditions(value)?,
                _ => value,
            };
            Some((name, value))
        })
        .collect();
    members.into_iter().collect()
}

fn principals(value: Value) -> Value {
    match value {
        Value::Object(kinds) => kinds
            .into_iter()
            .map(|(kind, names)| {
                let names = if kind == "AWS" { texts(names, expand_account) } else { texts(names, |name| name) };
                (kind, names)
            })
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        everyone => [("AWS".to_owned(), texts(everyone, |name| name))].into_iter().collect(),
    }
}

fn expand_account(principal: String) -> String {
    let is_account_id = principal.len() == 12 && principal.bytes().all(|byte| byte.is_ascii_digit());
    if is_account_id { format!("arn:aws:iam::{principal}:root") } else { principal }
}

/// `None` if nothing is asked.
fn conditions(value: Value) -> Option<Value> {
    let Value::Object(operators) = value else { return Some(value) };
    let respelled = operators.into_iter().filter_map(|(operator, keys)| {
        let Value::Object(keys) = keys else { return Some((operator, keys)) };
        let keys = keys.into_iter().map(|(key, values)| (key, texts(values, |value| value)));
        let keys = respell(keys, spell_key);
        (!keys.is_empty()).then(|| (operator, keys.into_iter().collect()))
    });
    let operators = respell(respelled, spell_operator);
    (!operators.is_empty()).then(|| operators.into_iter().collect())
}

/// Spells every key. A key that would then stand twice keeps its own spelling the second time: IAM has no meaning for
/// it, and to merge the two would make one up.
fn respell(entries: impl Iterator<Item = (String, Value)>, spell: impl Fn(&str) -> String) -> BTreeMap<String, Value> {
    let sorted: BTreeMap<String, Value> = entries.collect();
    let mut spelled = BTreeMap::new();
    for (key, value) in sorted {
        let canonical = spell(&key);
        let key = if spelled.contains_key(&canonical) { key } else { canonical };
        spelled.insert(key, value);
    }
    spelled
}

/// A scalar or a list of scalars as a sorted list of texts without duplicates.
fn texts(value: Value, spell: impl Fn(String) -> String) -> Value {
    let items = match value {
        Value::Array(items) => items,
        one => vec![one],
    };
    let texts: BTreeSet<String> = items.into_iter().map(text).map(spell).collect();
    texts.into_iter().collect()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical(mut value: Value) -> Value {
        normalize(&mut value);
        value
    }

    #[test]
    fn every_rule_of_the_canonical_form_shows_in_one_document() {
        let document = canonical(json!({
            "Statement": {
                "Sid": "", "Effect": "Allow", "Action": ["STS:assumerole", "sts:AssumeRole", "Glue:GetTable"],
                "Principal": {"AWS": ["222222222222", "111111111111", "arn:aws:iam::111111111111:root"]},
                "Condition": {"bool": {"AWS:MultiFactorAuthPresent": true}, "NumericLessThan": {"aws:x": 3600}, "Null": {}},
            }
        }));
        assert_eq!(
            document,
            json!({
                "Version": "2008-10-17",
                "Statement": [{
                    "Effect": "Allow", "Action": ["glue:gettable", "sts:AssumeRole"],
                    "Principal": {"AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"]},
                    "Condition": {
                        "Bool": {"aws:MultiFactorAuthPresent": ["true"]}, "NumericLessThan": {"aws:x": ["3600"]}
                    },
                }]
            })
        );
    }

    #[test]
    fn url_encoded_and_plain_text_are_the_document_they_hold() {
        let plain = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"a+b%2F"}]}"#;
        let encoded = percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC).to_string();
        let object = canonical(serde_json::from_str(plain).expect("JSON"));
        assert_eq!(canonical(plain.into()), object);
        assert_eq!(canonical(encoded.into()), object);
        assert_eq!(object["Statement"][0]["Resource"], json!(["a+b%2F"]));
    }

    #[test]
    fn what_stands_twice_in_two_spellings_is_not_merged() {
        let document = canonical(json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:a": "1"}, "stringequals": {"aws:a": "2"}}}}));
        let condition = &document["Statement"][0]["Condition"];
        assert_eq!(condition, &json!({"StringEquals": {"aws:a": ["1"]}, "stringequals": {"aws:a": ["2"]}}));
        assert_eq!(canonical(document.clone()), document);
    }

    #[test]
    fn everyone_is_everyone_in_both_spellings() {
        let with = |principal: Value| {
            canonical(json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Principal": principal}}))
        };
        assert_eq!(with(json!("*")), with(json!({"AWS": "*"})));
    }

    #[test]
    fn a_malformed_document_is_left_alone_and_its_fault_has_a_place() {
        let cases = [
            (json!({}), "the policy has no Statement"),
            (json!({"Version": 2, "Statement": []}), "at /Version of"),
            (json!({"Statement": ["x"]}), "at /Statement/0 of the policy: a text where a statement"),
            (json!({"Statement": {"Effect": "allow", "Action": "*"}}), "at /Statement/Effect of"),
            (json!({"Statement": {"Effect": "Allow"}}), "neither Action nor NotAction"),
            (json!({"Statement": {"Effect": "Allow", "Action": ["a", 3]}}), "at /Statement/Action/1 of"),
            (json!({"Statement": {"Effect": "Allow", "Action": "a", "NotAction": "b"}}), "leave one out"),
            (json!({"Statement": {"Effect": "Allow", "Action": "a", "Principal": "me"}}), "\"me\" is no principal"),
            (
                json!({"Statement": [{"Effect": "Allow", "Action": "a", "Condition": {"Null": {"a/b": null}}}]}),
                "at /Statement/0/Condition/Null/a~1b of",
            ),
            (json!("{\"Statement\": 1"), "holds no policy document"),
            (json!("%7B%FF"), "holds no policy document"),
            (json!(3), "a number where a policy document"),
        ];
        for (value, fault) in cases {
            let error = parse(&value).expect_err("malformed").to_string();
            assert!(error.contains(fault), "{value}: {error}");
            assert_eq!(canonical(value.clone()), value);
        }
    }
}

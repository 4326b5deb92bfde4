//! Policy documents as they are written to IAM, and what two of them have in common.

use serde_json::{Map, Value, json};

use crate::domain::policy::{normalize, widened};

/// Members of a statement in which one name and a list of that name are the same.
const LISTS: [&str; 7] = ["Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"];

/// The document as text, as short as its meaning allows: IAM limits its length, and one name alone needs no list.
pub(super) fn text(document: &Value) -> String {
    let mut document = document.clone();
    for statement in document.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten() {
        // What IAM may have added since is written as it stands.
        let members = statement.as_object_mut().into_iter().flatten();
        members.filter(|(name, _)| LISTS.contains(&name.as_str())).for_each(|(_, value)| shorten(value));
    }
    document.to_string()
}

fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) if items.len() == 1 => {
            if let Some(one) = items.pop() {
                *value = one;
            }
        }
        Value::Object(members) => members.values_mut().for_each(shorten),
        _ => {}
    }
}

/// A trust policy that lets nobody in: what no statement allows is not allowed.
pub(super) fn nobody() -> Value {
    let statement = json!({"Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["sts:AssumeRole"]});
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// Whether the document allows anything to anybody.
pub(super) fn allows_any(document: &Value) -> bool {
    statements(document, "Allow").next().is_some()
}

/// What two documents in canonical form both allow, with all that either denies; JSON `null` stands for "no policy".
/// Provably neither grants less, so that nobody whom both serve is cut off, as far as that can be told statement by
/// statement. `None` if nothing is left, or if it cannot be proven.
pub(super) fn common(before: &Value, after: &Value) -> Option<Value> {
    let base = if after.is_null() { before } else { after };
    let mut kept: Vec<Value> =
        statements(after, "Allow").filter_map(|statement| part_within(statement, before, base)).collect();
    kept.extend(statements(after, "Deny").cloned());
    for denied in statements(before, "Deny") {
        let mut denied = denied.clone();
        if kept.contains(&denied) {
            continue;
        }
        // A name may stand only once.
        if kept.iter().any(|other| other.get("Sid").is_some() && other.get("Sid") == denied.get("Sid")) {
            denied.as_object_mut().and_then(|denied| denied.remove("Sid"));
        }
        kept.push(denied);
    }
    if kept.is_empty() {
        return None;
    }
    let mut document = with_statements(base, kept);
    normalize(&mut document);
    let is_within = |outer: &Value| !widened(outer, &document).is_any();
    (is_within(before) && is_within(after)).then_some(document)
}

/// The part of a statement that `before` allows too: all of it, or some of its principals, actions or resources. The
/// statement stands in a document like `base`.
fn part_within(statement: &Value, before: &Value, base: &Value) -> Option<Value> {
    let is_within = |statement: &Value| {
        let widening = widened(before, &with_statements(base, vec![statement.clone()]));
        !widening.allows_more && !widening.unreadable
    };
    if is_within(statement) {
        return Some(statement.clone());
    }
    ["Principal", "Action", "Resource"].into_iter().find_map(|member| {
        let with = |value: Value| {
            let mut narrowed = statement.clone();
            narrowed.as_object_mut()?.insert(member.to_owned(), value);
            Some(narrowed)
        };
        let kept = filtered(statement.get(member)?, &|one| with(one).is_some_and(|narrowed| is_within(&narrowed)))?;
        with(kept)
    })
}

/// The items of a list, or of an object of lists, that hold alone; `None` if none does.
fn filtered(value: &Value, holds: &dyn Fn(Value) -> bool) -> Option<Value> {
    let keep = |items: &[Value], wrap: &dyn Fn(Value) -> Value| -> Vec<Value> {
        items.iter().filter(|item| holds(wrap(json!([item])))).cloned().collect()
    };
    match value {
        Value::Array(items) => {
            let kept = keep(items, &|items| items);
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Object(kinds) => {
            let kinds = kinds.iter().filter_map(|(kind, items)| {
                let kept = keep(items.as_array()?, &|items| json!({kind: items}));
                (!kept.is_empty()).then(|| (kind.clone(), Value::Array(kept)))
            });
            let kinds: Map<String, Value> = kinds.collect();
            (!kinds.is_empty()).then_some(Value::Object(kinds))
        }
        _ => None,
    }
}

fn with_statements(document: &Value, statements: Vec<Value>) -> Value {
    let mut document = document.clone();
    if let Some(members) = document.as_object_mut() {
        members.insert("Statement".to_owned(), Value::Array(statements));
    }
    document
}

fn statements<'a>(document: &'a Value, effect: &'a str) -> impl Iterator<Item = &'a Value> {
    let statements = document.get("Statement").and_then(Value::as_array);
    statements.into_iter().flatten().filter(move |one| one.get("Effect").and_then(Value::as_str) == Some(effect))
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "what is passed stands for literals")]
mod tests {
    use super::*;

    fn document(statements: Value) -> Value {
        let mut document = json!({"Version": "2012-10-17", "Statement": statements});
        normalize(&mut document);
        document
    }

    fn allow(action: Value, resource: Value) -> Value {
        json!({"Effect": "Allow", "Action": action, "Resource": resource})
    }

    fn trust(accounts: &[&str]) -> Value {
        json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": accounts}})
    }

    const A: &str = "111111111111";
    const B: &str = "222222222222";
    const C: &str = "333333333333";

    #[test]
    fn what_both_allow_is_told_by_principal_action_and_resource() {
        let common = |before, after| common(&document(before), &document(after));
        assert_eq!(common(trust(&[A, B]), trust(&[A, C])), Some(document(trust(&[A]))));
        assert_eq!(
            common(allow(json!(["a:b", "a:c"]), json!("x")), allow(json!(["a:b", "a:d"]), json!("x"))),
            Some(document(allow(json!("a:b"), json!("x"))))
        );
        assert_eq!(
            common(allow(json!("a:*"), json!(["x", "y"])), allow(json!("a:b"), json!(["y", "z"]))),
            Some(document(allow(json!("a:b"), json!("y"))))
        );
        assert_eq!(common(trust(&[A]), trust(&[B])), None);
        let service =
            json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}});
        assert_eq!(
            common(json!([trust(&[A]), service]), json!([trust(&[B]), service])),
            Some(document(json!([service])))
        );
    }

    #[test]
    fn all_that_either_denies_stays_denied_under_names_of_their_own() {
        let deny = |sid: &str, action: &str| json!({"Sid": sid, "Effect": "Deny", "Action": action, "Resource": "*"});
        let before = document(json!([allow(json!(["a:b", "a:c"]), json!("*")), deny("no", "a:x")]));
        let after = document(json!([allow(json!(["a:b", "a:d"]), json!("*")), deny("no", "a:y")]));
        let kept = common(&before, &after).unwrap();
        let unnamed = json!({"Effect": "Deny", "Action": "a:x", "Resource": "*"});
        assert_eq!(kept, document(json!([allow(json!("a:b"), json!("*")), deny("no", "a:y"), unnamed])));
        assert!(!widened(&before, &kept).is_any() && !widened(&after, &kept).is_any());
    }

    #[test]
    fn of_a_policy_that_is_to_go_what_it_denies_goes_last() {
        let deny = json!({"Effect": "Deny", "Action": "a:x", "Resource": "*"});
        let before = document(json!([allow(json!("a:b"), json!("*")), deny]));
        let kept = common(&before, &Value::Null).unwrap();
        assert_eq!(kept, document(json!([deny])));
        assert!(allows_any(&before) && !allows_any(&kept) && !allows_any(&nobody()));
        assert_eq!(common(&document(allow(json!("a:b"), json!("*"))), &Value::Null), None);
    }

    #[test]
    fn a_document_is_written_short_and_means_the_same() {
        let long = document(json!([trust(&[A]), {
            "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"AWS": [A, B]},
            "Condition": {"StringEquals": {"sts:ExternalId": ["x"]}},
        }]));
        let text = text(&long);
        assert!(text.contains("\"Action\":\"sts:AssumeRole\"") && text.contains("\"sts:ExternalId\":\"x\""), "{text}");
        let mut read = Value::String(text);
        normalize(&mut read);
        assert_eq!(read, long);
    }

    #[test]
    fn nobody_is_let_in_by_the_document_for_nobody() {
        let anybody = document(trust(&["*"]));
        assert!(!widened(&anybody, &nobody()).is_any());
        assert!(!widened(&Value::Null, &nobody()).is_any());
    }
}

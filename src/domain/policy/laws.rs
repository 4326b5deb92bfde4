//! Laws of the canonical form over generated documents: every rewriting keeps it, every change of meaning changes it.

mod change;

use std::cell::Cell;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{normalize, parse, summary, widened};
use change::{CHANGES, change};

fn canonical(mut value: Value) -> Value {
    normalize(&mut value);
    value
}

/// A few words, so that duplicates and collisions happen.
fn words(words: &'static [&'static str]) -> impl Strategy<Value = Value> + Clone {
    prop::collection::vec(prop::sample::select(words), 1..4).prop_map(|words| json!(words))
}

fn actions() -> impl Strategy<Value = Value> {
    words(&["sts:AssumeRole", "s3:GetObject", "s3:*", "glue:GetTable", "*"])
}

fn principal() -> impl Strategy<Value = Value> {
    let aws = words(&[
        "111111111111",
        "arn:aws:iam::222222222222:root",
        "arn:aws:iam::111111111111:role/Ops",
        "AROAEXAMPLEEXAMPLE",
        "*",
    ]);
    let service = words(&["ec2.amazonaws.com", "lambda.amazonaws.com"]);
    prop_oneof![
        Just(json!("*")),
        aws.clone().prop_map(|aws| json!({"AWS": aws})),
        (aws, service).prop_map(|(aws, service)| json!({"AWS": aws, "Service": service})),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let values = prop::collection::vec(
        prop_oneof![Just(json!(true)), Just(json!("o-1")), Just(json!(3600)), Just(json!("10.0.0.0/8"))],
        1..3,
    );
    let operator =
        prop::sample::select(vec!["StringEquals", "ForAnyValue:StringLike", "BoolIfExists", "NumericLessThan"]);
    let key = prop::sample::select(vec!["aws:SourceArn", "aws:PrincipalTag/Team", "sts:ExternalId"]);
    prop::collection::btree_map(operator, prop::collection::btree_map(key, values, 1..3), 0..3)
        .prop_map(|operators| json!(operators))
}

fn statement() -> impl Strategy<Value = Value> {
    let resource = words(&["arn:aws:s3:::web/*", "arn:aws:s3:::Web/*", "*", "${aws:username}"]);
    let sid = prop::option::of(prop::sample::select(vec!["", "Read", "Write"]));
    let negated = any::<(bool, bool, bool)>();
    let parts = (sid, prop::bool::ANY, actions(), resource, prop::option::of(principal()), condition(), negated);
    parts.prop_map(|(sid, allow, action, resource, principal, condition, negated)| {
        let name = |name: &str, negate: bool| if negate { format!("Not{name}") } else { name.to_owned() };
        let mut members = Map::new();
        members.extend(sid.map(|sid| ("Sid".to_owned(), json!(sid))));
        members.insert("Effect".to_owned(), json!(if allow { "Allow" } else { "Deny" }));
        members.insert(name("Action", negated.0), action);
        members.insert(name("Resource", negated.1), resource);
        members.extend(principal.map(|principal| (name("Principal", negated.2), principal)));
        members.insert("Condition".to_owned(), condition);
        Value::Object(members)
    })
}

fn document() -> impl Strategy<Value = Value> {
    let version = prop::option::of(prop::sample::select(vec!["2012-10-17", "2008-10-17"]));
    (version, prop::collection::vec(statement(), 1..4)).prop_map(|(version, statements)| {
        let mut members = Map::new();
        members.extend(version.map(|version| ("Version".to_owned(), json!(version))));
        members.insert("Statement".to_owned(), json!(statements));
        Value::Object(members)
    })
}

/// What AWS encodes in a document: all but RFC 3986's unreserved characters.
const RFC_3986: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A cheap source of choices for rewriting one document in many ways.
struct Dice(Cell<u64>);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.set(next);
        (next >> 33) % sides
    }

    /// An index below `length`.
    fn pick(&self, length: usize) -> usize {
        usize::try_from(self.roll(length as u64)).expect("small")
    }

    fn coin(&self) -> bool {
        self.roll(2) == 0
    }

    fn shuffled(&self, items: &[Value]) -> Vec<Value> {
        let mut items = items.to_vec();
        for end in (1..items.len()).rev() {
            let other = usize::try_from(self.roll(end as u64 + 1)).expect("small");
            items.swap(end, other);
        }
        items
    }

    /// A list in another order, perhaps with something twice, perhaps without brackets.
    fn relist(&self, value: &Value, mut reword: impl FnMut(&Value) -> Value) -> Value {
        let Value::Array(items) = value else { return reword(value) };
        let mut items: Vec<Value> = self.shuffled(items).iter().map(&mut reword).collect();
        if self.coin() {
            items.extend(items.first().cloned());
        } else if items.len() == 1 {
            return items.remove(0);
        }
        Value::Array(items)
    }

    fn recase(&self, text: &str) -> String {
        text.chars().map(|c| if self.coin() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
    }

    fn account(&self, principal: &Value) -> Value {
        match principal.as_str().expect("a text") {
            "111111111111" if self.coin() => json!("arn:aws:iam::111111111111:root"),
            "arn:aws:iam::222222222222:root" if self.coin() => json!("222222222222"),
            same => json!(same),
        }
    }

    fn respell_principal(&self, value: &Value) -> Value {
        let Value::Object(kinds) = value else {
            return if self.coin() { json!({"AWS": "*"}) } else { value.clone() };
        };
        let kinds = kinds.iter().map(|(kind, names)| {
            (kind.clone(), self.relist(names, |name| if kind == "AWS" { self.account(name) } else { name.clone() }))
        });
        Value::Object(kinds.collect())
    }

    fn respell_condition(&self, value: &Value) -> Value {
        let text = |value: &Value| match value {
            Value::Bool(_) | Value::Number(_) if self.coin() => json!(value.to_string()),
            same => same.clone(),
        };
        let operators = value.as_object().expect("an object").iter().map(|(operator, keys)| {
            let keys = keys.as_object().expect("an object");
            let keys = keys.iter().map(|(key, values)| (self.recase(key), self.relist(values, text)));
            (self.recase(operator), Value::Object(keys.collect()))
        });
        Value::Object(operators.collect())
    }

    fn rewrite_statement(&self, statement: &Value) -> Value {
        let mut members: Map<String, Value> = Map::new();
        for (name, value) in statement.as_object().expect("an object") {
            let value = match name.as_str() {
                "Action" | "NotAction" => {
                    self.relist(value, |action| json!(self.recase(action.as_str().expect("a text"))))
                }
                "Resource" | "NotResource" => self.relist(value, Value::clone),
                "Principal" | "NotPrincipal" => self.respell_principal(value),
                "Condition" if value == &json!({}) && self.coin() => continue,
                "Condition" => self.respell_condition(value),
                "Sid" if value == "" && self.coin() => continue,
                _ => value.clone(),
            };
            members.insert(name.clone(), value);
        }
        Value::Object(members)
    }

    fn space(&self) -> &'static str {
        ["", " ", "\n", "\t", "\r\n    "][usize::try_from(self.roll(5)).expect("small")]
    }

    /// A text in quotes, some of its characters escaped.
    fn quoted(&self, text: &str) -> String {
        let escaped = text.chars().map(|c| match c {
            '/' if self.coin() => "\\/".to_owned(),
            _ if c.is_ascii_alphanumeric() && self.roll(8) == 0 => format!("\\u{:04x}", u32::from(c)),
            _ => c.to_string(),
        });
        format!("\"{}\"", escaped.collect::<String>())
    }

    /// JSON as another program would write it: members in any order, white space and escapes as it likes.
    fn written(&self, value: &Value) -> String {
        let parts: Vec<String> = match value {
            Value::Object(members) => {
                let members: Vec<Value> = members.iter().map(|(name, value)| json!([name, value])).collect();
                let pair = |pair: &Value| {
                    let name = self.quoted(pair[0].as_str().expect("a name"));
                    format!("{name}{}:{}{}", self.space(), self.space(), self.written(&pair[1]))
                };
                self.shuffled(&members).iter().map(pair).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.written(item)).collect(),
            Value::String(text) => return self.quoted(text),
            other => return other.to_string(),
        };
        let spaced = parts.into_iter().map(|part| format!("{}{part}{}", self.space(), self.space()));
        let inner = spaced.collect::<Vec<_>>().join(",");
        if value.is_object() { format!("{{{inner}}}") } else { format!("[{inner}]") }
    }

    /// The same document, written by somebody else.
    fn rewrite(&self, document: &Value) -> Value {
        let mut rewritten = document.clone();
        rewritten["Statement"] = self.relist(&document["Statement"], |statement| self.rewrite_statement(statement));
        if document.get("Version").is_none() && self.coin() {
            rewritten["Version"] = json!("2008-10-17");
        }
        let text = self.written(&rewritten);
        let encoded = |set| json!(percent_encoding::utf8_percent_encode(&text, set).to_string());
        match self.roll(4) {
            0 => rewritten,
            1 => json!(format!("{}{text}{}", self.space(), self.space())),
            2 => encoded(percent_encoding::NON_ALPHANUMERIC),
            _ => encoded(RFC_3986),
        }
    }
}

proptest! {
    #[test]
    fn however_a_document_is_written_its_canonical_form_is_one(document in document(), seed: u64) {
        let rewritten = Dice(Cell::new(seed)).rewrite(&document);
        prop_assert_eq!(canonical(rewritten.clone()), canonical(document.clone()));
        prop_assert!(!widened(&document, &rewritten).is_any());
        prop_assert!(summary(&document, &rewritten).is_empty());
    }

    #[test]
    fn the_canonical_form_is_canonical(document in document()) {
        let once = canonical(document);
        prop_assert!(parse(&once).is_ok());
        prop_assert_eq!(canonical(once.clone()), once);
    }

    #[test]
    fn a_change_of_meaning_is_seen_however_both_are_written(
        document in document(), which in 0..CHANGES, seeds: (u64, u64, u64),
    ) {
        let before = canonical(document);
        let mut after = before.clone();
        let dice = Dice(Cell::new(seeds.0));
        let statements = before["Statement"].as_array().expect("a list");
        let at = dice.pick(statements.len());
        // Not every statement has what every change needs; the last ones need nothing.
        let done = (which..which + CHANGES).any(|which| change(&mut after["Statement"][at], which % CHANGES, &dice));
        prop_assert!(done);
        let (one, other) = (Dice(Cell::new(seeds.1)).rewrite(&before), Dice(Cell::new(seeds.2)).rewrite(&after));
        prop_assert_ne!(canonical(one.clone()), canonical(other.clone()));
        prop_assert!(!summary(&one, &other).is_empty());
    }

    #[test]
    fn a_statement_more_or_less_is_seen(document in document(), more in statement(), seeds: (u64, u64)) {
        let mut wider = document.clone();
        let twin = canonical(json!({"Statement": more}))["Statement"][0].clone();
        prop_assume!(!canonical(document.clone())["Statement"].as_array().expect("a list").contains(&twin));
        wider["Statement"].as_array_mut().expect("a list").push(more);
        let (one, other) = (Dice(Cell::new(seeds.0)).rewrite(&document), Dice(Cell::new(seeds.1)).rewrite(&wider));
        prop_assert_ne!(canonical(one.clone()), canonical(other.clone()));
        prop_assert!(!summary(&one, &other).is_empty());
    }

    #[test]
    fn another_version_is_another_meaning(document in document()) {
        let (mut new, mut old) = (document.clone(), document);
        new["Version"] = json!("2012-10-17");
        old.as_object_mut().expect("an object").remove("Version");
        prop_assert_ne!(canonical(new), canonical(old));
    }

    #[test]
    fn one_more_allowing_statement_never_counts_as_narrower(document in document(), more in statement()) {
        let mut wider = document.clone();
        let mut more = more;
        more["Effect"] = json!("Allow");
        more["Resource"] = json!("arn:aws:s3:::unheard-of/*");
        more.as_object_mut().expect("an object").remove("NotResource");
        wider["Statement"].as_array_mut().expect("a list").push(more);
        let widening = widened(&document, &wider);
        let everything = |s: &Value| s["Effect"] == "Allow"
            && (s.get("NotResource").is_some() || s["Resource"].to_string().contains("\"*\""));
        let already = document["Statement"].as_array().expect("a list").iter().any(everything);
        prop_assert!(already || widening.allows_more);
        prop_assert!(!widened(&wider, &document).is_any());
    }
}

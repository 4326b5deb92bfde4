//! JSON read strictly: a key that stands twice in an object is a fault, and any place can be found again in the text.
//!
//! `serde_json` silently takes the last of two equal keys and keeps no places; a declaration must not lose half of what
//! somebody wrote.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::domain::schema::StateProblem;
use crate::domain::state::{escape, unescape};

/// Reads a value and tells the faults that JSON itself allows: keys that stand twice, NUL characters.
///
/// # Errors
/// If it is not JSON.
pub(super) fn parse(text: &str) -> Result<(Value, Vec<StateProblem>), serde_json::Error> {
    let mut findings = Findings::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict(&mut findings).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, findings.problems))
}

/// The entries of an object in the order of the text, keys that stand twice included.
pub(super) struct Entries<'a>(pub(super) Vec<(String, &'a RawValue)>);

/// The byte offset in `text` of what stands at `pointer`, or of the nearest thing above it that is there.
pub(super) fn locate(text: &str, pointer: &str) -> usize {
    let mut here = text;
    for token in pointer.split('/').skip(1) {
        match child(here, &unescape(token)) {
            Some(child) => here = child,
            None => break,
        }
    }
    offset_in(text, here)
}

/// Where `part`, a slice of `text`, begins in it.
pub(super) fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

fn child<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let raw = if text.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        *items.get(key.parse::<usize>().ok()?)?
    } else {
        let Entries(entries) = serde_json::from_str(text).ok()?;
        entries.iter().rfind(|(name, _)| name == key)?.1
    };
    Some(raw.get())
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[derive(Default)]
struct Findings {
    pointer: String,
    problems: Vec<StateProblem>,
}

impl Findings {
    fn note(&mut self, message: String) {
        self.problems.push(StateProblem { pointer: self.pointer.clone(), message });
    }

    fn check_text(&mut self, text: &str) {
        if text.contains('\0') {
            self.note("a NUL character, which AWS has nowhere: remove it".to_owned());
        }
    }

    fn below<T>(&mut self, token: &str, visit: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(token);
        let result = visit(self);
        self.pointer.truncate(length);
        result
    }
}

/// Builds a value, noting what is found on the way.
struct Strict<'f>(&'f mut Findings);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.0.check_text(text);
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        let mut next = |index: usize| self.0.below(&index.to_string(), |found| seq.next_element_seed(Strict(found)));
        while let Some(item) = next(items.len())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let is_second = entries.contains_key(&key);
            let value = self.0.below(&escape(&key), |found| {
                if is_second {
                    found.note(format!("the key `{key}` stands twice in this object: remove one"));
                }
                found.check_text(&key);
                map.next_value_seed(Strict(found))
            })?;
            entries.insert(key, value);
        }
        Ok(Value::Object(entries))
    }
}

/// What is wrong with the text, without the place that `serde_json` writes behind it.
pub(super) fn bare_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let bare = message.rsplit_once(" at line ").map_or(message.as_str(), |(bare, _)| bare);
    match bare {
        "recursion limit exceeded" => "nested deeper than 128 levels".to_owned(),
        "key must be a string" => "not JSON: a key in quotes belongs here, and no comma before a `}`".to_owned(),
        other => format!("not JSON: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_told_with_its_pointer() {
        let (value, problems) = parse(r#"{"a": [{"b/c": 1, "b/c": 2}]}"#).expect("it is JSON");
        assert_eq!(value, serde_json::json!({"a": [{"b/c": 2}]}));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].pointer, "/a/0/b~1c");
    }

    #[test]
    fn a_pointer_is_found_in_the_text_or_what_is_above_it() {
        let text = "{\n \"a\": [1,\n  {\"b\": 2}]\n}";
        let at = |pointer: &str| &text[locate(text, pointer)..][..1];
        assert_eq!(at(""), "{");
        assert_eq!(at("/a/1/b"), "2");
        assert_eq!(locate(text, "/a/1/missing"), text.find("{\"b\"").expect("there"));
        assert_eq!(locate(text, "/a/7"), text.find('[').expect("there"));
    }
}

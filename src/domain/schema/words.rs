//! Texts of which AWS knows only a few: `required` or `optional`.
//!
//! A misspelt one would be reported as drift for ever, so it is refused where it is declared, with the words that are
//! possible. What AWS itself answers is never checked: it may learn new words.

use serde_json::Value;

use super::StateProblem;
use crate::domain::state::{ResourceState, escape};

/// A place in a state, as a JSON pointer in which `*` stands for any key, and the words that are possible there.
pub type Words = (&'static str, &'static [&'static str]);

/// Every text of a declared state that is none of the possible words.
#[must_use]
pub fn check_words(words: &[Words], state: &ResourceState) -> Vec<StateProblem> {
    let mut problems = Vec::new();
    for_each_text(state, &mut |pointer, text| {
        let known = words.iter().find(|(pattern, _)| is_at(pattern, pointer));
        if let Some((_, known)) = known.filter(|(_, known)| !known.contains(&text)) {
            let message = format!("`{text}` is no value for it: write {}", known.join(" or "));
            problems.push(StateProblem { pointer: pointer.to_owned(), message });
        }
    });
    problems
}

/// Calls `each` with the pointer and the value of every text in objects of the state, in its order.
pub fn for_each_text(state: &ResourceState, each: &mut dyn FnMut(&str, &str)) {
    for (name, value) in state.iter() {
        walk(&format!("/{}", escape(name)), value, each);
    }
}

fn walk(pointer: &str, value: &Value, each: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                walk(&format!("{pointer}/{}", escape(key)), value, each);
            }
        }
        Value::String(text) => each(pointer, text),
        _ => {}
    }
}

/// Whether a pointer is one of those that a pattern stands for.
#[must_use]
pub fn is_at(pattern: &str, pointer: &str) -> bool {
    let (pattern, pointer) = (pattern.split('/'), pointer.split('/'));
    pattern.clone().count() == pointer.clone().count() && pattern.zip(pointer).all(|(p, key)| p == "*" || p == key)
}

//! What several instances say of one attribute, as one value.
//!
//! Split resources win over inline copies and are joined key by key; additions come on top; a base fills what is left.
//! Two that say different things of the same key settle nothing: the fault names both.

use serde_json::{Map, Value};

use super::Heard;
use crate::expected::terraform::mapping::{Rank, Role, TerraformType};

/// What one instance says of the attribute.
pub(super) struct Word<'h> {
    pub(super) rank: Rank,
    pub(super) value: Value,
    pub(super) by: &'h Heard,
}

impl TerraformType {
    /// Whether `attribute` is declared only where this type, the owner, speaks of it.
    pub(super) fn needs_base(&self, attribute: &str) -> bool {
        self.mappings.iter().any(|mapping| mapping.aws == attribute && mapping.rank == Rank::Base)
    }
}

/// The value; `None` if too little is said to declare the attribute. `place` tells where an instance stands.
///
/// # Errors
/// If two contradict each other, with both places and what to do.
pub(super) fn settle(
    attribute: &str,
    words: Vec<Word<'_>>,
    needs_base: bool,
    place: &dyn Fn(&Heard) -> String,
) -> Result<Option<Value>, String> {
    let has_split = words.iter().any(|word| word.rank == Rank::Split);
    let (mut main, mut additions, mut bases, mut keys) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for word in words {
        match word.rank {
            Rank::Inline if has_split => {}
            Rank::Inline | Rank::Split => main.push(word),
            Rank::Addition => additions.push(word),
            Rank::Base => bases.push(word),
            Rank::Keys => keys.push(word.value),
        }
    }
    let has_base = bases.iter().any(|base| base.by.kind.role == Role::Owner);
    if main.is_empty() && bases.is_empty() || needs_base && !has_base {
        return Ok(complete(None, &keys));
    }
    let join = Joining { attribute, place };
    let mut value = if has_split {
        // Both are resources of their own, so they must agree.
        main.append(&mut additions);
        join.all(main)?
    } else {
        let additions = join.all(additions)?;
        fill(additions, join.all(main)?)
    };
    for base in bases {
        value = fill(value, Some(base.value));
    }
    Ok(complete(value, &keys))
}

/// The value if every key that there is has one; the empty object if there is no key and nothing was said.
fn complete(value: Option<Value>, keys: &[Value]) -> Option<Value> {
    let value = value.or_else(|| (!keys.is_empty()).then(|| Value::Object(Map::new())))?;
    let has = |key: &Value| key.as_str().is_some_and(|key| value.get(key).is_some());
    keys.iter().filter_map(Value::as_array).flatten().all(has).then_some(value)
}

/// `value`, and of `base` what it says nothing of.
fn fill(value: Option<Value>, base: Option<Value>) -> Option<Value> {
    match (value, base) {
        (Some(Value::Object(mut entries)), Some(Value::Object(base))) => {
            for (key, value) in base {
                let entry = entries.entry(key).or_insert_with(|| Value::Object(Map::new()));
                if entry.as_object().is_some_and(Map::is_empty) {
                    *entry = value;
                }
            }
            Some(Value::Object(entries))
        }
        (Some(Value::Array(mut items)), Some(Value::Array(base))) => {
            let more: Vec<Value> = base.into_iter().filter(|item| !items.contains(item)).collect();
            items.extend(more);
            Some(Value::Array(items))
        }
        (Some(value), _) => Some(value),
        (None, base) => base,
    }
}

struct Joining<'a> {
    attribute: &'a str,
    place: &'a dyn Fn(&Heard) -> String,
}

impl Joining<'_> {
    fn all(&self, words: Vec<Word<'_>>) -> Result<Option<Value>, String> {
        let mut joined: Option<(Value, &Heard)> = None;
        for word in words {
            joined = Some(match joined {
                None => (word.value, word.by),
                Some((value, by)) => (self.two(value, by, word)?, by),
            });
        }
        Ok(joined.map(|(value, _)| value))
    }

    /// Two values as one: objects key by key, lists one after the other, equal values once.
    fn two(&self, value: Value, by: &Heard, other: Word<'_>) -> Result<Value, String> {
        match (value, other.value) {
            (Value::Object(mut entries), Value::Object(more)) => {
                for (key, added) in more {
                    match entries.get(&key) {
                        Some(there) if *there != added => {
                            return Err(self.fault(&format!("has `{key}`"), by, other.by));
                        }
                        _ => drop(entries.insert(key, added)),
                    }
                }
                Ok(Value::Object(entries))
            }
            (Value::Array(mut items), Value::Array(more)) => {
                for item in more {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
                Ok(Value::Array(items))
            }
            (value, more) if value == more => Ok(value),
            _ => Err(self.fault("is said", by, other.by)),
        }
    }

    fn fault(&self, what: &str, one: &Heard, other: &Heard) -> String {
        let (attribute, one, other) = (self.attribute, (self.place)(one), (self.place)(other));
        format!("{attribute} {what} in {one} and otherwise in {other}: remove one")
    }
}

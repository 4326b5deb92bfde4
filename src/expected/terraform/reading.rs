//! Readings of attributes that many tables share: what Terraform writes for "nothing", and what AWS means by it.
//!
//! `None` always means that the state says nothing, so that nothing is declared; an attribute that the provider's version
//! did not know yet is absent from the state and is never taken for "off". A value of another kind than expected is
//! passed on as it is: the type's check tells it with its place.

use serde_json::{Map, Value};

use super::instance::{Attributes, Instance};

/// A row that reads one Terraform attribute into one of AWS as it stands, by one of the readings below.
macro_rules! row {
    ($aws:literal, $from:literal, $read:path) => {
        row!($aws, $from, $read, "")
    };
    ($aws:literal, $from:literal, $read:path, $note:literal) => {
        $crate::expected::terraform::mapping::Mapping {
            aws: $aws,
            from: &[($from, "")],
            note: $note,
            rank: $crate::expected::terraform::mapping::Rank::Inline,
            read: |instance| $read(instance, $from),
        }
    };
}
pub(super) use row;

/// A text that AWS always has: an empty one says nothing.
pub(super) fn text(instance: &Instance, name: &str) -> Option<Value> {
    instance.attributes.get(name).filter(|value| value.as_str() != Some("")).cloned()
}

/// A text that AWS may not have: an empty one says that there is none.
pub(super) fn text_or_none(instance: &Instance, name: &str) -> Option<Value> {
    let value = instance.attributes.0.get(name)?;
    Some(if value.as_str() == Some("") { Value::Null } else { value.clone() })
}

/// A truth value that may be unset without being false.
pub(super) fn flag(instance: &Instance, name: &str) -> Option<Value> {
    instance.attributes.get(name).cloned()
}

/// A truth value that is false where it is unset.
pub(super) fn flag_or_false(instance: &Instance, name: &str) -> Option<Value> {
    instance.attributes.0.get(name).map(|value| if value.is_null() { false.into() } else { value.clone() })
}

/// A number that AWS always has: 0 says nothing.
pub(super) fn number(instance: &Instance, name: &str) -> Option<Value> {
    instance.attributes.get(name).filter(|value| value.as_u64() != Some(0)).cloned()
}

/// A number that is 0 where it is unset.
pub(super) fn number_or_zero(instance: &Instance, name: &str) -> Option<Value> {
    instance.attributes.0.get(name).map(|value| if value.is_null() { 0.into() } else { value.clone() })
}

/// A set that AWS always has: an unset one says nothing.
pub(super) fn set(instance: &Instance, name: &str) -> Option<Value> {
    instance.attributes.get(name).cloned()
}

/// A set that is empty where it is unset.
pub(super) fn set_or_empty(instance: &Instance, name: &str) -> Option<Value> {
    let value = instance.attributes.0.get(name)?;
    Some(if value.is_null() { Value::Array(Vec::new()) } else { value.clone() })
}

/// The tags: with the provider's default tags where its version tells them, else the resource's own.
pub(super) fn tags(instance: &Instance) -> Option<Value> {
    let Attributes(attributes) = &instance.attributes;
    let all = attributes.get("tags_all").filter(|tags| !tags.is_null());
    Some(match all.or_else(|| attributes.get("tags"))? {
        Value::Null => Value::Object(Map::new()),
        Value::Object(tags) => {
            Value::Object(tags.iter().filter(|(_, tag)| !tag.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        other => other.clone(),
    })
}

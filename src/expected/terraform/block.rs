//! Reading of nested blocks: Terraform writes a block as a list of objects, most often of one.
//!
//! Every reader takes what providers of all versions write for "nothing": null, an empty text, an empty list, an
//! absent name. It must never tell apart what they do not.

use serde_json::{Map, Value};

use super::instance::Attributes;

/// The attributes of one block, or of the resource itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a>(Option<&'a Map<String, Value>>);

impl<'a> Block<'a> {
    /// The resource itself.
    pub(super) fn of(attributes: &'a Attributes) -> Self {
        Self(Some(&attributes.0))
    }

    /// A block without attributes.
    pub(super) const fn nothing() -> Self {
        Self(None)
    }

    /// A value that is an object; anything else reads as a block without attributes.
    pub(super) fn in_value(value: &'a Value) -> Self {
        Self(value.as_object())
    }

    /// The attribute as it stands; `None` if it is absent or null.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name).filter(|value| !value.is_null())
    }

    /// Whether there is such an attribute, be it null.
    pub(super) fn knows(self, name: &str) -> bool {
        self.0.is_some_and(|attributes| attributes.contains_key(name))
    }

    /// A text that is not empty.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A truth value.
    pub(super) fn flag(self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// A whole number, which some providers write as a text.
    pub(super) fn integer(self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A whole number of which 0 means "none".
    pub(super) fn positive(self, name: &str) -> Option<i64> {
        self.integer(name).filter(|number| *number != 0)
    }

    /// The texts of a list or set.
    pub(super) fn texts(self, name: &str) -> Vec<&'a str> {
        let items = self.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The nested blocks of a name; empty if there are none.
    pub(super) fn blocks(self, name: &str) -> Vec<Self> {
        let items = self.get(name).and_then(Value::as_array);
        items.into_iter().flatten().map(Self::in_value).collect()
    }

    /// The nested block of a name of which there is at most one.
    pub(super) fn block(self, name: &str) -> Option<Self> {
        self.blocks(name).into_iter().next()
    }
}

/// An object of the fields that are told.
pub(super) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_write_nothing_reads_as_nothing() {
        for nothing in [json!({}), json!({"a": null}), json!({"a": ""}), json!({"a": []}), json!(null)] {
            let block = Block::in_value(&nothing);
            assert_eq!((block.text("a"), block.integer("a"), block.flag("a")), (None, None, None), "{nothing}");
            assert!(block.blocks("a").is_empty() && block.texts("a").is_empty(), "{nothing}");
        }
    }

    #[test]
    fn an_empty_block_is_a_block() {
        for empty in [json!({"a": [null]}), json!({"a": [{}]})] {
            assert!(Block::in_value(&empty).block("a").is_some_and(|block| block.text("b").is_none()), "{empty}");
        }
    }

    #[test]
    fn numbers_are_read_as_numbers_and_as_texts() {
        let value = json!({"a": 5, "b": "5", "c": 0});
        let block = Block::in_value(&value);
        assert_eq!((block.integer("a"), block.integer("b"), block.integer("c")), (Some(5), Some(5), Some(0)));
        assert_eq!((block.positive("a"), block.positive("c")), (Some(5), None));
    }
}

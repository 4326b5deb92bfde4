//! What an approval is bound to: a fingerprint of the declared and the live state that were seen.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Characters of a shortened fingerprint, as people read and type it.
pub const SHORT: usize = 12;

/// The fingerprint of two canonical states: SHA-256 over their JSON, in hexadecimal. JSON objects are sorted by key, so
/// equal states have equal fingerprints.
#[must_use]
pub fn seen_hash(expected: &Value, actual: &Value) -> String {
    fingerprint(&Value::Array(vec![expected.clone(), actual.clone()]))
}

/// The fingerprint of any JSON.
#[must_use]
pub fn fingerprint(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))
}

/// The part of a fingerprint that is shown.
#[must_use]
pub fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}

/// Whether `typed`, the whole fingerprint or the part that is shown, means `hash`.
#[must_use]
pub fn is_meant(typed: &str, hash: &str) -> bool {
    typed.len() >= SHORT && hash.starts_with(&typed.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_states_have_equal_fingerprints_however_they_are_written() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let one = seen_hash(&read(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#), &Value::Null);
        let other = seen_hash(&read(r#"{"b": {"d": 3, "c": 2}, "a": 1}"#), &Value::Null);
        assert_eq!(one, other);
        assert_ne!(one, seen_hash(&json!({"a": 1}), &Value::Null));
        assert_ne!(seen_hash(&json!(1), &json!(2)), seen_hash(&json!(2), &json!(1)));
    }

    #[test]
    fn the_part_that_is_shown_suffices_and_less_does_not() {
        let hash = seen_hash(&json!({}), &json!({"a": 1}));
        assert!(is_meant(short(&hash), &hash) && is_meant(&hash.to_uppercase(), &hash));
        assert!(!is_meant(&hash[..6], &hash) && !is_meant("", &hash) && !is_meant("000000000000", &hash));
    }
}

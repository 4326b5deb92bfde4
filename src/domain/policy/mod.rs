//! IAM policy documents compared by meaning: one canonical JSON for every way to write the same thing.
//!
//! Why: AWS and people write the same policy in many ways, and a text comparison reports every one of them as drift.
//! Canonical form, decided here once:
//! - `Version` is always written; where it is absent IAM means `2008-10-17`, which is not `2012-10-17`.
//! - `Statement` is a list without duplicates, sorted by `Sid`, then by text. An empty `Sid` or `Condition` is absent.
//! - Actions, resources, principals and condition values are sorted lists without duplicates, even of one element.
//! - Actions, condition operators and condition keys, in which IAM ignores case, are spelled as AWS's documentation does
//!   where we know that spelling (see `spelling`), else in lower case. Resources and principals keep their case.
//! - A principal `*` is `{"AWS": ["*"]}`; an account id is that account's root ARN (of the partition `aws`: in another
//!   partition write the ARN).
//! - Numbers and booleans in conditions are texts.
//! - What we do not know is kept, so that it is compared as it stands.
//!
//! It must never call two documents equal that IAM treats differently. It does not simplify: `s3:*` beside
//! `s3:GetObject` differs from `s3:*` alone, because somebody wrote it so.

mod canonical;
mod check;
mod cover;
#[cfg(test)]
mod laws;
mod meaning;
mod spelling;
mod statement;
mod summary;

use serde_json::Value;

pub use canonical::normalize;
pub use meaning::{Widening, is_public, widened};
pub use summary::summary;

/// Why a value is no policy document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Neither an object nor a text that holds one.
    #[error("{0} where a policy document (a JSON object with Statement) belongs")]
    NotADocument(&'static str),
    /// A text that holds no JSON, neither plainly nor URL-encoded.
    #[error("this text holds no policy document, neither as JSON nor as URL-encoded JSON: {0}")]
    NotJson(String),
    /// A document in which something is missing or of the wrong form.
    #[error("{}{message}", within(pointer))]
    Malformed {
        /// Where in the document: a JSON pointer (RFC 6901), empty for the document as a whole.
        pointer: String,
        /// What is wrong and what to write instead.
        message: String,
    },
}

fn within(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!("at {pointer} of the policy: ") }
}

/// Reads a policy document: an object, or a text (plain or RFC 3986 URL-encoded JSON) that holds one.
/// The result is the document as it was written, not in canonical form.
///
/// # Errors
/// If it is none, or if IAM would call it malformed.
pub fn parse(value: &Value) -> Result<Value, PolicyError> {
    let document = match value {
        Value::String(text) => parse_text(text)?,
        other => other.clone(),
    };
    match &document {
        Value::Object(members) => check::document(members)?,
        other => return Err(PolicyError::NotADocument(super::schema::kind_of(other))),
    }
    Ok(document)
}

fn parse_text(text: &str) -> Result<Value, PolicyError> {
    let not_json = |reason: &dyn std::fmt::Display| PolicyError::NotJson(reason.to_string());
    if text.trim_start().starts_with('%') {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|error| not_json(&error))?;
        return serde_json::from_str(&decoded).map_err(|error| not_json(&error));
    }
    serde_json::from_str(text).map_err(|error| not_json(&error))
}

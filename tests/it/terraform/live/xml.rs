//! AWS's answers as XML, from trees of JSON that have the names of its elements.
//!
//! An array is an element that is repeated; a key `@name` is an attribute; a key `%Name` holds a policy document, which
//! IAM sends as percent-encoded JSON in the element `Name`.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What RFC 3986 leaves as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The element `name` with this content.
pub fn element(name: &str, content: &Value) -> String {
    let mut text = String::new();
    write(&mut text, name, content);
    text
}

/// A policy document as its owner wrote it: a text stays as it is.
pub fn document(policy: &Value) -> String {
    policy.as_str().map_or_else(|| policy.to_string(), str::to_owned)
}

fn write(out: &mut String, name: &str, content: &Value) {
    match (content, name.strip_prefix('%')) {
        (Value::Null, _) => {}
        (policy, Some(name)) => {
            let encoded = utf8_percent_encode(&document(policy), RESERVED).to_string();
            write!(out, "<{name}>{encoded}</{name}>").expect("a text takes all");
        }
        (Value::Array(items), None) => items.iter().for_each(|item| write(out, name, item)),
        (Value::Object(children), None) => {
            write!(out, "<{name}").expect("a text takes all");
            for (key, value) in children {
                if let Some(attribute) = key.strip_prefix('@') {
                    write!(out, " {attribute}=\"{}\"", escaped(value)).expect("a text takes all");
                }
            }
            out.push('>');
            children.iter().filter(|(key, _)| !key.starts_with('@')).for_each(|(key, child)| write(out, key, child));
            write!(out, "</{name}>").expect("a text takes all");
        }
        (scalar, None) => write!(out, "<{name}>{}</{name}>", escaped(scalar)).expect("a text takes all"),
    }
}

fn escaped(scalar: &Value) -> String {
    let text = document(scalar);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! Values and names from AWS as words for people: one line, short, harmless, without secrets.
//!
//! Everything that AWS or a declaration supplies (ids, tags, descriptions, policies) goes through here before a person
//! reads it, because whoever can set a tag could otherwise forge lines of a mail or turn its text around. It must never
//! let a control character through, nor a value whose key says that it is a secret.

use serde_json::{Map, Value};

/// What stands for a value that is not there.
pub const NONE: &str = "(none)";
/// What stands for an entry that is there and says nothing more: a member of a set.
pub const PRESENT: &str = "present";
/// What stands for a value that looks secret.
pub const REDACTED: &str = "***";

/// Parts of keys that announce a secret. Compared in lower case, `-` and `_` left out.
const SECRET_KEYS: &[&str] =
    &["password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "privatekey", "credential"];
/// AWS's own attribute names that only sound like it.
const HARMLESS_KEYS: &[&str] = &["HttpTokens", "MasterUserSecret", "CpuCredits"];
/// Beginnings of texts that are secrets whatever their key is.
const SECRET_BEGINNINGS: &[&str] = &["AKIA", "ASIA", "-----BEGIN ", "ghp_", "github_pat_", "xoxb-", "xoxp-", "glpat-"];

/// The text on one line, with every character made visible that could break a line, hide or reorder text.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { cleaned.extend(c.escape_default()) } else { cleaned.push(c) }
    }
    cleaned
}

/// Control characters, line separators, zero-width and direction marks, tag characters, byte-order marks.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most `max` characters of the text; what was cut shows as `…`.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// About `max` characters of the text; if it was cut, the whole's length is told.
#[must_use]
pub fn cut_and_count(text: &str, max: usize) -> String {
    let length = text.chars().count();
    if length <= max { text.to_owned() } else { format!("{} ({length} characters)", cut(text, max)) }
}

/// A value in words: texts without quotes, nothing as [`NONE`], a bare member of a set as [`PRESENT`], the rest as
/// JSON. Not cut.
#[must_use]
pub fn value(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => NONE.to_owned(),
        Some(Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        Some(Value::String(text)) => clean(text),
        Some(Value::Object(fields)) => match without_blanks(fields) {
            fields if fields.is_empty() => PRESENT.to_owned(),
            fields => clean(&Value::Object(fields).to_string()),
        },
        Some(other) => clean(&other.to_string()),
    }
}

fn without_blanks(fields: &Map<String, Value>) -> Map<String, Value> {
    let is_blank = |value: &Value| value.is_null() || value.as_str() == Some("");
    fields.iter().filter(|(_, value)| !is_blank(value)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Both sides of a change in words, each of about `max` characters. Where they are longer, what both begin with is
/// left out, so that the first difference can be seen.
#[must_use]
pub fn pair(from: Option<&Value>, to: Option<&Value>, max: usize) -> (String, String) {
    let (from, to) = (value(from), value(to));
    let same = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count();
    let skip = if same > max / 2 { same - max / 4 } else { 0 };
    let show = |text: &str| {
        let length = text.chars().count();
        if length <= max || skip == 0 {
            return cut_and_count(text, max);
        }
        let tail: String = ['…'].into_iter().chain(text.chars().skip(skip)).collect();
        format!("{} ({length} characters)", cut(&tail, max))
    };
    (show(&from), show(&to))
}

/// The value with everything replaced by [`REDACTED`] that looks secret by its key or by itself. `key` is the key
/// under which the value stands.
#[must_use]
pub fn redact(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key("Statement") => value.clone(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), redact(key, value))).collect(),
        Value::Array(items) => items.iter().map(|item| redact(key, item)).collect(),
        Value::String(text) if !text.is_empty() && (is_secret_key(key) || is_secret_text(text)) => REDACTED.into(),
        Value::Number(_) if is_secret_key(key) => REDACTED.into(),
        other => other.clone(),
    }
}

fn is_secret_key(key: &str) -> bool {
    let folded: String = key.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect::<String>().to_lowercase();
    !HARMLESS_KEYS.contains(&key) && SECRET_KEYS.iter().any(|part| folded.contains(part))
}

fn is_secret_text(text: &str) -> bool {
    let is_key_id = |rest: &str| rest.len() >= 16 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    SECRET_BEGINNINGS.iter().any(|start| match text.strip_prefix(start) {
        Some(rest) if start.len() == 4 && start.ends_with(char::is_alphabetic) => is_key_id(rest),
        found => found.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_that_could_forge_lines_or_turn_around_is_made_visible() {
        assert_eq!(clean("a\r\nBcc: x\tb"), "a\\r\\nBcc: x\\tb");
        assert_eq!(clean("safe\u{202e}gnp.exe\u{200b}\u{2028}"), "safe\\u{202e}gnp.exe\\u{200b}\\u{2028}");
        assert_eq!(clean("Größe 東京 🦀"), "Größe 東京 🦀");
    }

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(value(None), "(none)");
        assert_eq!(value(Some(&json!(null))), "(none)");
        assert_eq!(value(Some(&json!("m5.large"))), "m5.large");
        assert_eq!(value(Some(&json!(""))), "\"\"");
        assert_eq!(value(Some(&json!(false))), "false");
        assert_eq!(value(Some(&json!({}))), "present");
        assert_eq!(value(Some(&json!({"Description": null}))), "present");
        assert_eq!(value(Some(&json!({"Description": "web", "Iops": null}))), r#"{"Description":"web"}"#);
    }

    #[test]
    fn a_long_value_says_how_long_it_is() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut_and_count(&"x".repeat(500), 5), "xxxx… (500 characters)");
    }

    #[test]
    fn two_long_values_show_where_they_part() {
        let (from, to) = (format!("{}old{}", "x".repeat(300), "y".repeat(99)), format!("{}new", "x".repeat(300)));
        let (from, to) = pair(Some(&json!(from)), Some(&json!(to)), 40);
        assert_eq!(from, "…xxxxxxxxxxoldyyyyyyyyyyyyyyyyyyyyyyyyy… (402 characters)");
        assert_eq!(to, "…xxxxxxxxxxnew (303 characters)");
    }

    #[test]
    fn secrets_are_hidden_by_key_and_by_look() {
        assert_eq!(redact("DB_PASSWORD", &json!("hunter2")), json!("***"));
        assert_eq!(redact("api-key", &json!(["a", ""])), json!(["***", ""]));
        assert_eq!(redact("Tags", &json!({"Token": "t", "Env": "prod"})), json!({"Token": "***", "Env": "prod"}));
        assert_eq!(redact("Note", &json!("AKIAIOSFODNN7EXAMPLE")), json!("***"));
        assert_eq!(redact("Note", &json!("AKIA is a prefix")), json!("AKIA is a prefix"));
        assert_eq!(redact("HttpTokens", &json!("required")), json!("required"));
        let policy = json!({"Statement": [{"Action": "secretsmanager:GetSecretValue"}]});
        assert_eq!(redact("read-secrets", &policy), policy);
    }
}

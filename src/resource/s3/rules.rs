//! Lifecycle and replication rules: keyed by identity, their filters in one form.
//!
//! A rule without an ID gets one from AWS when it is put, so such a declared rule is keyed by what it selects and
//! finds its live counterpart when both are seen together. Nothing is ever dropped here.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::shape::{key_by, tags, take_text, unwrap};

/// How the key of a rule without an ID begins.
const UNNAMED: &str = "unnamed:";

/// The key of a rule or configuration without an ID that selects or feeds `what`.
pub(super) fn unnamed(what: &str) -> String {
    format!("{UNNAMED}{what}")
}

/// Whether a key is that of a rule or configuration without an ID.
pub(super) fn is_unnamed(key: &str) -> bool {
    key.starts_with(UNNAMED)
}

/// `{"Rules": […]}` or a list of rules → rules keyed by ID, each in one form.
pub(super) fn lifecycle(value: &mut Value) {
    unwrap_rules(value);
    each_rule(value, |rule| {
        filter(rule);
        for field in ["Transitions", "NoncurrentVersionTransitions"] {
            if let Some(transitions) = rule.get_mut(field) {
                key_by(transitions, |transition| take_text(transition, "StorageClass").unwrap_or_default());
                dates(transitions);
            }
        }
        if let Some(Value::Object(expiration)) = rule.get_mut("Expiration") {
            date(expiration);
        }
    });
    key_by(value, rule_key);
}

/// `{"Role": …, "Rules": […]}` → the same with rules keyed by ID, each in one form.
pub(super) fn replication(value: &mut Value) {
    unwrap(value, "ReplicationConfiguration");
    if let Some(rules) = value.get_mut("Rules") {
        each_rule(rules, filter);
        key_by(rules, rule_key);
    }
}

/// AWS's default for what transitions leave out; `get-bucket-lifecycle-configuration` prints it beside the rules.
const DEFAULT_MINIMUM: &str = "all_storage_classes_128K";

fn unwrap_rules(value: &mut Value) {
    // A rule may itself be called `Rules`; then its value is no list.
    if !value.get("Rules").is_some_and(Value::is_array) {
        return;
    }
    if let Value::Object(answer) = value
        && answer.get("TransitionDefaultMinimumObjectSize").is_some_and(|size| size.as_str() == Some(DEFAULT_MINIMUM))
    {
        answer.remove("TransitionDefaultMinimumObjectSize");
    }
    unwrap(value, "Rules");
}

fn each_rule(rules: &mut Value, change: impl Fn(&mut Map<String, Value>)) {
    match rules {
        Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(change),
        Value::Object(entries) => entries.values_mut().filter_map(Value::as_object_mut).for_each(change),
        _ => {}
    }
}

fn rule_key(rule: &mut Map<String, Value>) -> String {
    take_text(rule, "ID").unwrap_or_else(|| unnamed(&selection(rule)))
}

/// What a rule's filter selects, in words for a key: `logs/ Env=prod >1024`.
fn selection(rule: &Map<String, Value>) -> String {
    let filter = rule.get("Filter");
    let field = |name: &str| filter.and_then(|filter| filter.get(name));
    let mut words = vec![field("Prefix").and_then(Value::as_str).unwrap_or_default().to_owned()];
    if let Some(Value::Object(tags)) = field("Tags") {
        words.extend(tags.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())));
    }
    for (name, sign) in [("ObjectSizeGreaterThan", '>'), ("ObjectSizeLessThan", '<')] {
        words.extend(field(name).and_then(Value::as_i64).map(|size| format!("{sign}{size}")));
    }
    words.join(" ")
}

/// One form of a filter: `And` taken apart, one `Tag` among `Tags`, the old `Prefix` of the rule moved in.
fn filter(rule: &mut Map<String, Value>) {
    let old_prefix = rule.get("Prefix").filter(|prefix| prefix.is_string() || prefix.is_null()).cloned();
    let filter = rule.entry("Filter").or_insert(Value::Null);
    if filter.is_null() {
        *filter = json!({});
    }
    let Value::Object(filter) = filter else { return };
    if let Some(Value::Object(_)) = filter.get("And")
        && let Some(Value::Object(and)) = filter.remove("And")
    {
        filter.extend(and);
    }
    if let Some(Value::Object(_)) = filter.get("Tag")
        && let Some(tag) = filter.remove("Tag")
    {
        filter.insert("Tags".to_owned(), json!([tag]));
    }
    for null in ["And", "Tag"] {
        if filter.get(null).is_some_and(Value::is_null) {
            filter.remove(null);
        }
    }
    if let Some(selected) = filter.get_mut("Tags") {
        tags(selected);
    }
    if let Some(old_prefix) = old_prefix {
        filter.entry("Prefix").or_insert(old_prefix);
        rule.remove("Prefix");
    }
}

fn dates(keyed: &mut Value) {
    if let Value::Object(entries) = keyed {
        entries.values_mut().filter_map(Value::as_object_mut).for_each(date);
    }
}

/// A date in one form, midnight UTC as AWS demands: `2027-01-31T00:00:00Z`.
fn date(object: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = object.get_mut("Date")
        && let Some(date) = parse_date(text)
    {
        *text = date.to_rfc3339_opts(SecondsFormat::Secs, true);
    }
}

/// A date as AWS and people write it: RFC 3339 or the day alone.
pub(super) fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    let day = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
    DateTime::parse_from_rfc3339(text).map(|date| date.to_utc()).ok().or_else(day)
}

/// Gives a live entry the key of the declared entry without ID that it stands for: the first that nothing declares by
/// ID and that is equal, else one that agrees in `identity`.
pub(super) fn pair_unnamed(declared: &Value, live: &mut Value, identity: &str) {
    let (Some(declared), Some(live)) = (declared.as_object(), live.as_object_mut()) else { return };
    for same in [None, Some(identity)] {
        for (key, wanted) in declared.iter().filter(|(key, _)| is_unnamed(key)) {
            if live.contains_key(key) {
                continue;
            }
            let agrees = |entry: &Value| match same {
                None => entry == wanted,
                Some(field) => entry.get(field) == wanted.get(field),
            };
            let found = live.iter().find(|(name, entry)| !declared.contains_key(*name) && agrees(entry));
            let Some(name) = found.map(|(name, _)| name.clone()) else { continue };
            if let Some(entry) = live.remove(&name) {
                live.insert(key.clone(), entry);
            }
        }
    }
}

//! Which tags are to be set and which to be taken away, for types whose API does the two in calls of their own.
//!
//! Tags are declared whole, so one more than declared goes. Tags that AWS itself sets (`aws:…`) are never touched.
//!
//! Tags count as no access of their own: which of them a policy asks for, the tagged resource does not tell. Who grants
//! access by tags keeps them off the list of what may be put back.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::diff::Change;
use crate::domain::state::escape;

/// Keys with this beginning are AWS's own.
const RESERVED: &str = "aws:";

/// What is to be done to the tags of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::resource) struct TagChanges {
    /// Tags to be set: key → declared value.
    pub(in crate::resource) set: BTreeMap<String, String>,
    /// Tags to be taken away: key → live value.
    pub(in crate::resource) remove: BTreeMap<String, String>,
}

impl TagChanges {
    /// What the changes below `/Tags` ask for.
    pub(in crate::resource) fn of(changes: &[Change]) -> Self {
        let mut found = Self::default();
        for change in changes.iter().filter(|change| change.attribute() == "Tags") {
            match change.keys().as_slice() {
                [_, key] => found.note(key, change.from_str(), change.to_str()),
                _ => found.note_all(change.from.as_ref(), change.to.as_ref()),
            }
        }
        found
    }

    /// The JSON pointers of the tags to be set.
    pub(in crate::resource) fn set_pointers(&self) -> Vec<String> {
        self.set.keys().map(|key| pointer(key)).collect()
    }

    /// The JSON pointers of the tags to be taken away.
    pub(in crate::resource) fn removed_pointers(&self) -> Vec<String> {
        self.remove.keys().map(|key| pointer(key)).collect()
    }

    /// Tags of which one side is no object: all that it holds.
    fn note_all(&mut self, from: Option<&Value>, to: Option<&Value>) {
        let none = Map::new();
        let (from, to) = (from.and_then(Value::as_object), to.and_then(Value::as_object));
        let (from, to) = (from.unwrap_or(&none), to.unwrap_or(&none));
        let text = |tags: &Map<String, Value>, key: &str| tags.get(key).and_then(Value::as_str).map(str::to_owned);
        for key in from.keys().chain(to.keys()) {
            self.note(key, text(from, key).as_deref(), text(to, key).as_deref());
        }
    }

    fn note(&mut self, key: &str, from: Option<&str>, to: Option<&str>) {
        if key.starts_with(RESERVED) || from == to {
            return;
        }
        match (from, to) {
            (Some(declared), _) => drop(self.set.insert(key.to_owned(), declared.to_owned())),
            (None, live) => drop(self.remove.insert(key.to_owned(), live.unwrap_or_default().to_owned())),
        }
    }
}

/// The keys for a summary: `Env, Owner`.
pub(in crate::resource) fn listed(tags: &BTreeMap<String, String>) -> String {
    tags.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn pointer(key: &str) -> String {
    format!("/Tags/{}", escape(key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(pointer: &str, from: Option<Value>, to: Option<Value>) -> Change {
        Change { pointer: pointer.to_owned(), from, to }
    }

    #[test]
    fn declared_tags_are_set_extra_ones_go_and_aws_s_own_stay() {
        let changes = TagChanges::of(&[
            change("/Tags/Env", Some(json!("prod")), Some(json!("test"))),
            change("/Tags/a~1b", Some(json!("")), None),
            change("/Tags/Ticket", None, Some(json!("OPS-1"))),
            change("/Tags/aws:cloudformation:stack-name", None, Some(json!("web"))),
            change("/Name", None, Some(json!("web"))),
        ]);
        assert_eq!(changes.set, BTreeMap::from([("Env".into(), "prod".into()), ("a/b".into(), String::new())]));
        assert_eq!(changes.remove, BTreeMap::from([("Ticket".into(), "OPS-1".into())]));
        assert_eq!(changes.set_pointers(), ["/Tags/Env", "/Tags/a~1b"]);
        assert_eq!(changes.removed_pointers(), ["/Tags/Ticket"]);
    }

    #[test]
    fn tags_that_changed_as_a_whole_are_the_same_work() {
        let changes =
            TagChanges::of(&[change("/Tags", Some(json!({"a": "1", "b": "2"})), Some(json!({"b": "2", "c": "3"})))]);
        assert_eq!(changes.set_pointers(), ["/Tags/a"]);
        assert_eq!(changes.removed_pointers(), ["/Tags/c"]);
        assert_eq!(TagChanges::of(&[change("/Tags", Some(json!({})), Some(Value::Null))]), TagChanges::default());
    }
}

//! A declared state as JSON text: what an estate holds of it, a small part of what the parsed state takes.
//!
//! Most resources are as declared, and that is seen without parsing: canonical states that mean the same are the same
//! text. Where the texts differ, nothing is said: only a comparison of the parsed states can tell.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write};

use serde::Serializer;

use crate::domain::state::ResourceState;

/// A state as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StateText(Box<str>);

impl StateText {
    /// The text of a state.
    ///
    /// # Panics
    /// Never: a state is plain JSON.
    pub(super) fn of(state: &ResourceState) -> Self {
        Self(serde_json::to_string(state).expect("a state is plain JSON").into())
    }

    /// Bytes of the text.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The state again.
    ///
    /// # Panics
    /// Never, if the state was not nested deeper than JSON can be read again.
    pub(super) fn parse(&self) -> ResourceState {
        // Invariant: `Loaded::declare` lets no state in that is nested too deeply.
        serde_json::from_str(&self.0).expect("the text of a state")
    }

    /// Whether the part of `live` that `names` names is this text.
    pub(super) fn is_text_of(&self, live: &ResourceState, names: &BTreeSet<String>) -> bool {
        let mut rest = Rest(self.0.as_bytes());
        let part = live.iter().filter(|(name, _)| names.contains(*name));
        serde_json::Serializer::new(&mut rest).collect_map(part).is_ok() && rest.0.is_empty()
    }
}

/// Takes what is written as long as it is what was expected.
struct Rest<'a>(&'a [u8]);

impl Write for Rest<'_> {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(written).ok_or(ErrorKind::InvalidData)?;
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state() -> ResourceState {
        ResourceState::new()
            .with("Monitoring", false)
            .with("Rules", json!({"tcp:22-22:10.0.0.0/8": {"Description": "the \"office\"\n\u{e9}"}}))
            .with("Size", 8)
            .with("VpcId", serde_json::Value::Null)
    }

    fn says(live: &ResourceState) -> bool {
        let names = state().names().map(str::to_owned).collect();
        StateText::of(&state()).is_text_of(live, &names)
    }

    #[test]
    fn a_text_is_read_as_the_state_that_it_was() {
        assert_eq!(StateText::of(&state()).parse(), state());
    }

    #[test]
    fn equal_attributes_are_seen_whatever_others_there_are() {
        assert!(says(&state()));
        assert!(says(&state().with("Another", 1).with("Zone", "a")));
        assert!(StateText::of(&ResourceState::new()).is_text_of(&state(), &BTreeSet::new()));
    }

    #[test]
    fn any_difference_is_left_to_the_comparison() {
        for (name, value) in [("Monitoring", json!(true)), ("Size", json!(80)), ("VpcId", json!("vpc-1"))] {
            assert!(!says(&state().with(name, value)), "{name}");
        }
        let mut shorter = state();
        shorter.remove("VpcId");
        assert!(!says(&shorter));
        assert!(!says(&ResourceState::new()));
    }
}

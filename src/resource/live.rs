//! One live resource as a reader tells it: what was read, what could not be, what AWS is still at work on.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use super::ReadError;
use crate::domain::state::ResourceState;

/// One live resource.
#[derive(Debug, Clone)]
pub struct Live {
    /// Its id within the scope.
    pub resource_id: String,
    /// Its canonical state: every attribute of the type except those in `unknown` and those that cost a call and were
    /// not wanted.
    pub state: ResourceState,
    /// Attributes that could not be read, and why. They are neither drift nor absent.
    pub unknown: BTreeMap<String, Reason>,
    /// Attributes that AWS has promised to change but has not changed yet, canonical, as they will be. `state` has them
    /// as they are.
    pub pending: ResourceState,
    /// Set while AWS itself is changing the resource (`modifying`): it is not judged in this scan.
    pub unsettled: Option<String>,
    /// The resource exists, but another shard answers for it: a bucket whose declaration leaves the region open and
    /// that lives in another scanned region. Its state is empty; it is neither compared nor missing here.
    pub elsewhere: bool,
}

impl Live {
    /// A resource that was read whole.
    #[must_use]
    pub fn new(resource_id: impl Into<String>, state: ResourceState) -> Self {
        Self {
            resource_id: resource_id.into(),
            state,
            unknown: BTreeMap::new(),
            pending: ResourceState::new(),
            unsettled: None,
            elsewhere: false,
        }
    }

    /// A declared resource that exists but that another shard answers for.
    #[must_use]
    pub fn elsewhere(resource_id: impl Into<String>) -> Self {
        Self { elsewhere: true, ..Self::new(resource_id, ResourceState::default()) }
    }
}

/// Why an attribute is unknown, in words, and what to grant if a permission is lacking. Reads as a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    words: String,
    missing_action: Option<Box<str>>,
}

impl Reason {
    /// The IAM action that is lacking; `None` if the reason is another one.
    #[must_use]
    pub fn missing_action(&self) -> Option<&str> {
        self.missing_action.as_deref()
    }

    /// The same reason, told in other words.
    #[must_use]
    pub fn told(self, tell: impl FnOnce(&str) -> String) -> Self {
        Self { words: tell(&self.words), ..self }
    }
}

impl From<&ReadError> for Reason {
    fn from(error: &ReadError) -> Self {
        Self { words: error.to_string(), missing_action: error.missing_action.clone() }
    }
}

impl From<ReadError> for Reason {
    fn from(error: ReadError) -> Self {
        Self::from(&error)
    }
}

impl From<String> for Reason {
    fn from(words: String) -> Self {
        Self { words, missing_action: None }
    }
}

impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        Self::from(words.to_owned())
    }
}

impl Deref for Reason {
    type Target = str;

    fn deref(&self) -> &str {
        &self.words
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words)
    }
}

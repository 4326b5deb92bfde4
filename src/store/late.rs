//! The database for parts that are built before it is known whether there is one: sources of expected state.
//!
//! Whoever opens the database, or fails to, says so once. Clones say the same.

use std::sync::{Arc, OnceLock};

use super::Store;

/// A database that may be opened later, or not at all.
#[derive(Debug, Clone, Default)]
pub struct LateStore(Arc<OnceLock<Result<Store, String>>>);

impl LateStore {
    /// From now on there is a database. What was said first holds.
    pub fn open(&self, store: &Store) {
        self.0.get_or_init(|| Ok(store.clone()));
    }

    /// There is no database, and why. What was said first holds.
    pub fn refuse(&self, reason: impl Into<String>) {
        self.0.get_or_init(|| Err(reason.into()));
    }

    /// The database.
    ///
    /// # Errors
    /// With the reason why there is none, in words.
    pub fn get(&self) -> Result<&Store, String> {
        match self.0.get() {
            Some(Ok(store)) => Ok(store),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("no database is open".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_first_holds_for_every_clone() {
        let late = LateStore::default();
        let clone = late.clone();
        assert_eq!(clone.get().unwrap_err(), "no database is open");
        late.refuse("nobody listens");
        clone.refuse("another reason");
        assert_eq!(clone.get().unwrap_err(), "nobody listens");
    }
}

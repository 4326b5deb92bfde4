//! Documents from afar that are kept while they are small, so that a change of one does not fetch the others again.
//!
//! All shelves share one budget: a daemon that does nothing must hold little. What does not fit is fetched again when
//! something changed. It lives in memory alone, because states hold secrets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Document;

/// Bytes that all shelves hold at most.
const MOST_KEPT: usize = 8 * 1024 * 1024;

/// What is left for keeping documents. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<AtomicUsize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(MOST_KEPT)))
    }
}

impl Budget {
    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Documents of one place, each with the mark of the content that it had.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    budget: Budget,
    kept: Mutex<BTreeMap<String, (String, Document)>>,
}

impl Shelf {
    /// An empty shelf.
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, kept: Mutex::default() }
    }

    /// The document called `name`, if it is kept and its content has this mark.
    pub(super) fn get(&self, name: &str, mark: &str) -> Option<Document> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).filter(|(known, _)| known == mark).map(|(_, document)| document.clone())
    }

    /// Keeps a document of so many bytes in place of an older one, if there is room.
    pub(super) fn put(&self, name: &str, mark: &str, bytes: usize, document: impl FnOnce() -> Document) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, old)) = kept.remove(name) {
            self.budget.give_back(old.bytes.len());
        }
        if self.budget.take(bytes) {
            kept.insert(name.to_owned(), (mark.to_owned(), document()));
        }
    }

    /// Drops what is not among `names`.
    pub(super) fn keep_only(&self, is_there: impl Fn(&str) -> bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|name, (_, document)| {
            let stays = is_there(name);
            if !stays {
                self.budget.give_back(document.bytes.len());
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(bytes: usize) -> Document {
        Document { name: "a".to_owned(), bytes: vec![b' '; bytes], modified_at: None }
    }

    fn put(shelf: &Shelf, name: &str, mark: &str, bytes: usize) {
        shelf.put(name, mark, bytes, || document(bytes));
    }

    #[test]
    fn a_document_is_given_out_for_the_mark_that_it_was_kept_under() {
        let shelf = Shelf::default();
        put(&shelf, "a", "1", 3);
        assert_eq!(shelf.get("a", "1").map(|found| found.bytes.len()), Some(3));
        assert!(shelf.get("a", "2").is_none() && shelf.get("b", "1").is_none());
    }

    #[test]
    fn the_shelves_together_hold_no_more_than_the_budget() {
        let budget = Budget::default();
        let (one, other) = (Shelf::new(budget.clone()), Shelf::new(budget));
        put(&one, "a", "1", MOST_KEPT - 10);
        put(&other, "b", "1", 11);
        assert!(other.get("b", "1").is_none(), "there is no room");
        put(&one, "a", "2", 5);
        put(&other, "b", "1", 11);
        assert!(other.get("b", "1").is_some(), "the older one has made room");
        one.keep_only(|name| name != "a");
        assert!(one.get("a", "2").is_none());
        put(&other, "c", "1", MOST_KEPT - 11);
        assert!(other.get("c", "1").is_some(), "all of it is free again");
    }
}

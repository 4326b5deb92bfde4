//! What of a bucket's listing is a document, and the mark of it all.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::Names;
use super::glob::Pattern;

/// An object as a listing tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) bytes: u64,
    pub(super) modified_at: Option<DateTime<Utc>>,
}

/// Which objects of a bucket are meant.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    /// What their keys begin with.
    pub(super) prefix: String,
    pub(super) pattern: Option<Pattern>,
    pub(super) names: Names,
}

impl Selection {
    /// What a path means that is a prefix or a glob.
    pub(super) fn new(key: &str, pattern: Option<&Pattern>, names: Names) -> Self {
        let prefix = match pattern {
            Some(pattern) => pattern.beginning.clone(),
            None if key.is_empty() || key.ends_with('/') => key.to_owned(),
            None => format!("{key}/"),
        };
        Self { prefix, pattern: pattern.cloned(), names }
    }

    /// Whether the object is a document that is meant.
    pub(super) fn takes(&self, key: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.matches(key) && (pattern.picks_names || self.names.include(key)),
            None => self.names.include(key),
        }
    }
}

/// A mark of a whole listing: any change of an object changes it.
pub(super) fn mark_of(listing: &[Listed]) -> String {
    let mut hash = Sha256::new();
    for text in listing.iter().flat_map(|object| [&object.key, &object.etag]) {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { endings: &["tfstate", "json"], but: &[] };

    #[test]
    fn below_a_prefix_documents_are_known_by_their_endings() {
        let selection = Selection::new("env", None, NAMES);
        assert_eq!(selection.prefix, "env/");
        assert!(selection.takes("env/web.tfstate") && selection.takes("env/a/b.json"));
        assert!(!selection.takes("env/web.tflock") && !selection.takes("env/"));
        assert_eq!(Selection::new("", None, NAMES).prefix, "");
    }

    #[test]
    fn a_glob_says_itself_which_names_are_meant() {
        let pattern = Pattern::parse("env:/*/network").expect("good").expect("a glob");
        let selection = Selection::new("env:/*/network", Some(&pattern), NAMES);
        assert_eq!(selection.prefix, "env:/");
        assert!(selection.takes("env:/prod/network") && !selection.takes("env:/prod/a/network"));
        let pattern = Pattern::parse("env/**").expect("good").expect("a glob");
        let selection = Selection::new("env/**", Some(&pattern), NAMES);
        assert!(selection.takes("env/a/b.tfstate") && !selection.takes("env/a/readme"));
    }

    #[test]
    fn a_changed_object_changes_the_mark() {
        let listed = |key: &str, etag: &str| Listed { key: key.into(), etag: etag.into(), bytes: 1, modified_at: None };
        let one = mark_of(&[listed("a", "1"), listed("b", "1")]);
        assert_eq!(one, mark_of(&[listed("a", "1"), listed("b", "1")]));
        assert_ne!(one, mark_of(&[listed("a", "1"), listed("b", "2")]));
        assert_ne!(one, mark_of(&[listed("a", "1")]));
    }
}

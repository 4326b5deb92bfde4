//! Globs in the paths of files and in the keys of objects: `*` and `?` within one name, `**` for any depth.
//!
//! Brackets and braces stand for themselves: they occur in names, and nobody asked for more.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// A path with globs in it.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    matcher: GlobMatcher,
    /// The folder below which everything lies that can match; empty: the current one.
    pub(super) root: PathBuf,
    /// What every match begins with, up to the first glob.
    pub(super) beginning: String,
    /// Names below [`Self::root`] that a match has at most; `None`: any number.
    pub(super) depth: Option<usize>,
    /// Whether it says which names are meant, and not only which folders.
    pub(super) picks_names: bool,
}

impl Pattern {
    /// The pattern that a path is, if there are globs in it.
    ///
    /// # Errors
    /// If it is malformed, with what is wrong.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some(first) = text.find(['*', '?']) else { return Ok(None) };
        let names: Vec<&str> = text.split('/').collect();
        let fixed = names.iter().take_while(|name| !name.contains(['*', '?'])).count();
        let is_deep = names.iter().any(|name| name.contains("**"));
        let escaped: String = text
            .chars()
            .map(|c| match c {
                '[' => "[[]".to_owned(),
                '{' => "[{]".to_owned(),
                '}' => "[}]".to_owned(),
                c => c.to_string(),
            })
            .collect();
        let glob = GlobBuilder::new(&escaped).literal_separator(true).backslash_escape(false).build();
        let matcher = glob.map_err(|error| format!("no glob: {}", error.kind()))?.compile_matcher();
        let root = match names[..fixed].join("/") {
            root if root.is_empty() && text.starts_with('/') => PathBuf::from("/"),
            root => PathBuf::from(root),
        };
        Ok(Some(Self {
            matcher,
            root,
            beginning: text[..first].to_owned(),
            depth: (!is_deep).then_some(names.len() - fixed),
            picks_names: names.last().is_some_and(|name| *name != "**"),
        }))
    }

    /// Whether a whole path is meant.
    pub(super) fn matches(&self, path: impl AsRef<Path>) -> bool {
        self.matcher.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect("good").expect("a glob")
    }

    #[test]
    fn a_star_stays_within_a_name_and_two_do_not() {
        let one = pattern("states/*/terraform.tfstate");
        assert!(one.matches("states/web/terraform.tfstate") && !one.matches("states/web/a/terraform.tfstate"));
        assert_eq!((one.root.to_str(), one.depth), (Some("states"), Some(2)));
        let any = pattern("states/**/*.tfstate");
        assert!(any.matches("states/a.tfstate") && any.matches("states/x/y/a.tfstate") && !any.matches("a.tfstate"));
        assert_eq!((any.root.to_str(), any.depth, any.picks_names), (Some("states"), None, true));
        assert!(pattern("web-?.json").matches("web-1.json") && !pattern("web-?.json").matches("web-12.json"));
        assert!(!pattern("states/**").picks_names);
    }

    #[test]
    fn brackets_and_braces_stand_for_themselves() {
        assert!(pattern("a[1]{b}/*.json").matches("a[1]{b}/x.json"));
        assert!(!pattern("a[1]/*.json").matches("a1/x.json"));
        assert!(Pattern::parse("a[1].json").expect("good").is_none());
    }

    #[test]
    fn the_root_is_where_every_match_lies() {
        for (text, root, beginning) in
            [("*.json", "", ""), ("/*.json", "/", "/"), ("/a/b*/c", "/a", "/a/b"), ("a/b-*.json", "a", "a/b-")]
        {
            let pattern = pattern(text);
            assert_eq!((pattern.root.to_str(), pattern.beginning.as_str()), (Some(root), beginning), "{text}");
        }
    }
}

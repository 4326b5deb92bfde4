//! Users' rules over drift: which resources and paths a rule speaks of, what is ignored, what is rated otherwise.

use std::fmt;

use chrono::NaiveDate;
use globset::{GlobBuilder, GlobMatcher};

use super::id::{IgnoreRuleId, ResourceKey};
use super::severity::Severity;

/// A compiled glob, `*` within a name.
#[derive(Debug, Clone)]
pub struct Glob(GlobMatcher);

/// A compiled glob over JSON pointers: `*` within one key, `**` any depth.
///
/// It matches a pointer if it matches the pointer itself or one of its ancestors: `/Tags` and `/Tags/**` both cover
/// `/Tags/Env`, and `/Policy/**` covers a change of `/Policy` as a whole.
///
/// The empty pattern matches the empty pointer alone: the resource as a whole, missing or undeclared.
#[derive(Debug, Clone)]
pub struct PointerGlob {
    patterns: Vec<String>,
    matchers: Vec<GlobMatcher>,
}

/// A text as the glob that matches it alone.
#[must_use]
pub fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '?' | '*' | '[' | ']' | '{' | '}' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

impl Glob {
    /// Compiles a glob.
    ///
    /// # Errors
    /// If the pattern is malformed.
    pub fn parse(pattern: &str) -> Result<Self, globset::Error> {
        Ok(Self(GlobBuilder::new(pattern).backslash_escape(true).build()?.compile_matcher()))
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PointerGlob {
    /// Compiles a glob over JSON pointers. It begins with `/`.
    ///
    /// # Errors
    /// If the pattern is malformed.
    pub fn parse(pattern: &str) -> Result<Self, globset::Error> {
        Self::any_of(&[pattern.to_owned()])
    }

    /// Compiles several globs over JSON pointers, of which one has to match.
    ///
    /// # Errors
    /// If a pattern is malformed.
    pub fn any_of(patterns: &[String]) -> Result<Self, globset::Error> {
        let compile =
            |p: &str| Ok(GlobBuilder::new(p).literal_separator(true).backslash_escape(true).build()?.compile_matcher());
        let mut matchers = Vec::new();
        for pattern in patterns {
            matchers.push(compile(pattern)?);
            if let Some(parent) = pattern.strip_suffix("/**").filter(|parent| !parent.is_empty()) {
                matchers.push(compile(parent)?);
            }
        }
        Ok(Self { patterns: patterns.to_vec(), matchers })
    }

    /// Compiles a glob over JSON pointers as a person typed it.
    ///
    /// # Errors
    /// With what to write instead.
    pub fn parse_typed(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("`{text}` is no JSON pointer: it begins with `/`, such as \"/Tags/LastBackup\""));
        }
        if text.split('~').skip(1).any(|after| !after.starts_with(['0', '1'])) {
            return Err(format!("`{text}` is no JSON pointer: in a key, `~` is written `~0` and `/` is written `~1`"));
        }
        Self::parse(text).map_err(|error| format!("malformed glob: {}", error.kind()))
    }

    /// Whether the pointer, or an ancestor of it, matches.
    #[must_use]
    pub fn matches(&self, pointer: &str) -> bool {
        let mut candidate = pointer;
        loop {
            if self.matchers.iter().any(|glob| glob.is_match(candidate)) {
                return true;
            }
            match candidate.rfind('/') {
                Some(0) | None => return false,
                Some(end) => candidate = &candidate[..end],
            }
        }
    }
}

/// Whom a rule is tried against: the resource and the name its account has in the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The resource.
    pub key: &'a ResourceKey,
    /// The account's name in the configuration, if it has one.
    pub account_name: Option<&'a str>,
}

/// Which resources and paths a rule speaks of. A selector that is absent matches everything.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    /// Type name.
    pub resource_type: Option<Glob>,
    /// Resource id.
    pub resource_id: Option<Glob>,
    /// Account, by configured name or by id.
    pub account: Option<Glob>,
    /// Region.
    pub region: Option<Glob>,
    /// Path of the change. A rule without one speaks of the resource as a whole, missing and unmanaged included.
    pub path: Option<PointerGlob>,
}

impl Selector {
    /// Whether the rule speaks of a change at `pointer` of `subject`. The empty pointer is the resource as a whole.
    #[must_use]
    pub fn matches(&self, subject: Subject<'_>, pointer: &str) -> bool {
        self.matches_resource(subject) && self.path.as_ref().is_none_or(|path| path.matches(pointer))
    }

    /// Whether the rule speaks of the resource, whatever the path.
    #[must_use]
    pub fn matches_resource(&self, subject: Subject<'_>) -> bool {
        let scope = &subject.key.scope;
        let is = |glob: &Option<Glob>, text: &str| glob.as_ref().is_none_or(|glob| glob.matches(text));
        is(&self.resource_type, &scope.resource_type)
            && is(&self.resource_id, &subject.key.resource_id)
            && is(&self.region, scope.region.as_str())
            && (is(&self.account, scope.account_id.as_str())
                || subject.account_name.is_some_and(|name| is(&self.account, name)))
    }
}

impl fmt::Display for Selector {
    /// As the configuration writes it: `resource_type = "EC2", path = "/Tags/LastBackup"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let globs = [
            ("resource_type", &self.resource_type),
            ("resource_id", &self.resource_id),
            ("account", &self.account),
            ("region", &self.region),
        ];
        let typed = |name: &str, glob: &Glob| format!("{name} = \"{}\"", glob.0.glob().glob());
        let mut parts: Vec<String> =
            globs.into_iter().filter_map(|(name, glob)| Some(typed(name, glob.as_ref()?))).collect();
        parts.extend(self.path.iter().map(|path| match path.patterns.as_slice() {
            [only] => format!("path = \"{only}\""),
            several => format!("path = [\"{}\"]", several.join("\", \"")),
        }));
        f.write_str(&parts.join(", "))
    }
}

/// A difference that is not drift: `[[ignore]]`, or a row of `ignore_rules`.
#[derive(Debug, Clone)]
pub struct IgnoreRule {
    /// Its row; `None` if it stands in the configuration.
    pub id: Option<IgnoreRuleId>,
    /// What it speaks of.
    pub selector: Selector,
    /// Why, in the words of whoever wrote the rule.
    pub reason: Option<String>,
    /// The last day (UTC) on which it holds; `None` means for ever.
    pub until: Option<NaiveDate>,
}

impl IgnoreRule {
    /// What tells it from others, lastingly: its row's id, or its selectors.
    #[must_use]
    pub fn key(&self) -> String {
        self.id.map_or_else(|| self.selector.to_string(), |id| id.to_string())
    }

    /// Whether the rule holds on `today` (UTC).
    #[must_use]
    pub fn holds_on(&self, today: NaiveDate) -> bool {
        self.until.is_none_or(|until| today <= until)
    }
}

/// How many changes of a scan an ignore rule covered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleMatches {
    /// [`IgnoreRule::key`].
    pub rule: String,
    /// Its selectors, for people.
    pub label: String,
    /// Why it is there.
    pub reason: Option<String>,
    /// Changes that it covered.
    pub changes: u64,
}

impl RuleMatches {
    /// The matches of a rule.
    #[must_use]
    pub fn of(rule: &IgnoreRule, changes: u64) -> Self {
        Self { rule: rule.key(), label: rule.selector.to_string(), reason: rule.reason.clone(), changes }
    }
}

/// `[[severity]]`: a change that is rated otherwise than the built-in table does. First match wins.
#[derive(Debug, Clone)]
pub struct SeverityRule {
    /// What it speaks of.
    pub selector: Selector,
    /// The rating.
    pub severity: Severity,
}

/// `[[triage]]`: new drifts that are triaged as soon as they are found, so that approval is asked for at once.
#[derive(Debug, Clone)]
pub struct TriageRule {
    /// What it is called in the audit trail.
    pub name: String,
    /// What it speaks of: a change of the drift has to match.
    pub selector: Selector,
    /// Milder drifts are left to people.
    pub min_severity: Severity,
}

/// `[[remediation.auto_approve]]`: drifts that are put back without anybody's approval.
#[derive(Debug, Clone)]
pub struct AutoApproveRule {
    /// What it is called in the audit trail.
    pub name: String,
    /// What it speaks of: every change of the drift has to match.
    pub selector: Selector,
    /// Worse drifts are left to people.
    pub max_severity: Severity,
}

/// All rules of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// What is not drift.
    pub ignore: Vec<IgnoreRule>,
    /// What is rated otherwise.
    pub severity: Vec<SeverityRule>,
    /// What is triaged as soon as it is found.
    pub triage: Vec<TriageRule>,
}

impl Rules {
    /// These rules, and further ones of what is not drift.
    #[must_use]
    pub fn with_ignored(&self, further: &[IgnoreRule]) -> Self {
        let ignore = self.ignore.iter().chain(further).cloned().collect();
        Self { ignore, severity: self.severity.clone(), triage: self.triage.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_matches_its_text_alone() {
        for text in ["/Tags/a*b", "/Tags/[x]", "/Tags/{a,b}", "/Tags/what?", "/Tags/back\\slash", "/Tags/!a"] {
            let glob = PointerGlob::parse(&literal(text)).expect("a glob");
            assert!(glob.matches(text), "{text}");
            assert!(glob.matches(&format!("{text}/below")), "{text}");
            assert!(!glob.matches("/Tags/axb") && !glob.matches("/Tags/x") && !glob.matches("/Tags/a"), "{text}");
        }
        assert!(Glob::parse(&literal("web-[1]")).expect("a glob").matches("web-[1]"));
    }

    #[test]
    fn the_empty_path_is_the_resource_as_a_whole() {
        let whole = PointerGlob::parse("").expect("a glob");
        assert!(whole.matches("") && !whole.matches("/Tags") && !whole.matches("/Tags/Env"));
    }

    #[test]
    fn tag_keys_are_told_by_glob() {
        let backups = PointerGlob::parse("/Tags/aws-backup-*").expect("a glob");
        for (pointer, covered) in [
            ("/Tags/aws-backup-plan", true),
            ("/Tags/aws-backup-", true),
            ("/Tags/aws-backup", false),
            ("/Tags/my-aws-backup-plan", false),
            ("/Tags/aws-backup-~1daily", true),
            ("/Tags", false),
        ] {
            assert_eq!(backups.matches(pointer), covered, "{pointer}");
        }
    }

    #[test]
    fn a_selector_reads_as_it_is_written() {
        let selector = Selector {
            resource_type: Glob::parse("EC2").ok(),
            path: PointerGlob::any_of(&["/Tags/A".to_owned(), "/Tags/B*".to_owned()]).ok(),
            ..Selector::default()
        };
        assert_eq!(selector.to_string(), r#"resource_type = "EC2", path = ["/Tags/A", "/Tags/B*"]"#);
    }
}

//! Users' rules over drift: which resources and paths a rule speaks of, what is ignored, what is rated otherwise.

use chrono::NaiveDate;
use globset::{GlobBuilder, GlobMatcher};

use super::id::ResourceKey;
use super::severity::Severity;

/// A compiled glob, `*` within a name.
#[derive(Debug, Clone)]
pub struct Glob(GlobMatcher);

/// A compiled glob over JSON pointers: `*` within one key, `**` any depth.
///
/// It matches a pointer if it matches the pointer itself or one of its ancestors: `/Tags` and `/Tags/**` both cover
/// `/Tags/Env`, and `/Policy/**` covers a change of `/Policy` as a whole.
#[derive(Debug, Clone)]
pub struct PointerGlob(Vec<GlobMatcher>);

impl Glob {
    /// Compiles a glob.
    ///
    /// # Errors
    /// If the pattern is malformed.
    pub fn parse(pattern: &str) -> Result<Self, globset::Error> {
        Ok(Self(GlobBuilder::new(pattern).build()?.compile_matcher()))
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
        let compile =
            |p: &str| Ok(GlobBuilder::new(p).literal_separator(true).backslash_escape(true).build()?.compile_matcher());
        let mut matchers = vec![compile(pattern)?];
        if let Some(parent) = pattern.strip_suffix("/**").filter(|parent| !parent.is_empty()) {
            matchers.push(compile(parent)?);
        }
        Ok(Self(matchers))
    }

    /// Whether the pointer, or an ancestor of it, matches.
    #[must_use]
    pub fn matches(&self, pointer: &str) -> bool {
        let mut candidate = pointer;
        loop {
            if self.0.iter().any(|glob| glob.is_match(candidate)) {
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

/// `[[ignore]]`: a difference that is not drift.
#[derive(Debug, Clone)]
pub struct IgnoreRule {
    /// What it speaks of.
    pub selector: Selector,
    /// Why, in the words of whoever wrote the rule.
    pub reason: Option<String>,
    /// The last day (UTC) on which it holds; `None` means for ever.
    pub until: Option<NaiveDate>,
}

impl IgnoreRule {
    /// Whether the rule holds on `today` (UTC).
    #[must_use]
    pub fn holds_on(&self, today: NaiveDate) -> bool {
        self.until.is_none_or(|until| today <= until)
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

/// All rules of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// What is not drift.
    pub ignore: Vec<IgnoreRule>,
    /// What is rated otherwise.
    pub severity: Vec<SeverityRule>,
}

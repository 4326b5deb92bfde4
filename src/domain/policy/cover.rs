//! Whether one statement provably speaks of everything that another one speaks of.
//!
//! It is a proof or it is nothing: `false` means "not proven", never "not so". Severities are built on it, so in doubt
//! a change counts as a widening.

use std::collections::{BTreeMap, BTreeSet};

use super::statement::{ACTION, Item, Question, RESOURCE, Selection, Statement};

/// Above this many combinations of principal, action and resource no proof is tried.
const MAX_COMBINATIONS: usize = 100_000;

/// Whether everything `statement` speaks of is spoken of by `others` with the same effect, alone or together.
pub(super) fn is_covered(statement: &Statement<'_>, others: &[Statement<'_>]) -> bool {
    let able: Vec<&Statement<'_>> = others
        .iter()
        .filter(|other| {
            other.allows == statement.allows
                && other.others == statement.others
                && is_implied(&other.conditions, &statement.conditions)
        })
        .collect();
    let covers =
        |other: &Statement<'_>, principal: &Selection<'_>, action: &Selection<'_>, resource: &Selection<'_>| {
            other.principals.covers(principal) && other.actions.covers(action) && other.resources.covers(resource)
        };
    if able.iter().any(|other| covers(other, &statement.principals, &statement.actions, &statement.resources)) {
        return true;
    }
    let (principals, actions, resources) =
        (statement.principals.atoms(), statement.actions.atoms(), statement.resources.atoms());
    if principals.len().saturating_mul(actions.len()).saturating_mul(resources.len()) > MAX_COMBINATIONS {
        return false;
    }
    principals.iter().all(|principal| {
        actions.iter().all(|action| {
            resources.iter().all(|resource| able.iter().any(|other| covers(other, principal, action, resource)))
        })
    })
}

impl Selection<'_> {
    /// Whether everything that `other` selects is provably selected.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unstated, Self::Unstated) => true,
            (Self::Only(mine), Self::Only(theirs)) => theirs.iter().all(|t| mine.iter().any(|m| m.covers(t))),
            (Self::Only(mine), Self::AllBut(_)) => mine.iter().any(Item::is_everything),
            (Self::AllBut(mine), Self::Only(theirs)) => theirs.iter().all(|t| mine.iter().all(|m| m.is_apart_from(t))),
            (Self::AllBut(mine), Self::AllBut(theirs)) => mine.iter().all(|m| theirs.iter().any(|t| t.covers(m))),
            _ => false,
        }
    }

    /// The same selection in parts that can be covered one by one.
    fn atoms(&self) -> Vec<Self> {
        match self {
            Self::Only(items) => items.iter().map(|item| Self::Only(BTreeSet::from([*item]))).collect(),
            whole => vec![whole.clone()],
        }
    }
}

impl Item<'_> {
    /// Whether it names everything there is.
    pub(super) fn is_everything(&self) -> bool {
        self.name == "*" && matches!(self.kind, "AWS" | ACTION | RESOURCE)
    }

    /// Whether nothing provably is both. Never so for principals: whether an account's root in `NotPrincipal` stands
    /// for its roles depends on more than the document.
    fn is_apart_from(&self, other: &Item<'_>) -> bool {
        let is_open = other.name.contains(['*', '?', '$']) || self.name.contains('$');
        matches!(self.kind, ACTION | RESOURCE) && !is_open && !self.covers(other)
    }

    fn covers(&self, other: &Item<'_>) -> bool {
        self.kind == other.kind && wildcard_covers(self.name, other.name, self.kind == ACTION)
    }
}

/// Whether whoever meets `stricter` provably meets `looser`.
fn is_implied<'a>(looser: &Conditions<'a>, stricter: &Conditions<'a>) -> bool {
    looser.iter().all(|(question, allowed)| {
        stricter.get(question).is_some_and(|values| match question.sense() {
            Sense::OneOf => values.is_subset(allowed),
            Sense::Like => values.iter().all(|v| allowed.iter().any(|a| wildcard_covers(a, v, false))),
            Sense::NoneOf => values.is_superset(allowed),
            Sense::Opaque => values == allowed,
        })
    })
}

type Conditions<'a> = BTreeMap<Question<'a>, BTreeSet<&'a str>>;

/// How the values of a condition bear on its strictness.
enum Sense {
    /// Fewer values are stricter.
    OneOf,
    /// As before, and values are patterns.
    Like,
    /// More values are stricter.
    NoneOf,
    /// Not known: only equal values are equally strict.
    Opaque,
}

impl Question<'_> {
    /// The operator without quantifier and `IfExists`.
    pub(super) fn base_operator(&self) -> &str {
        let operator = self.operator.split_once(':').map_or(self.operator, |(_, operator)| operator);
        operator.strip_suffix("IfExists").unwrap_or(operator)
    }

    fn sense(&self) -> Sense {
        match self.base_operator() {
            "StringEquals"
            | "StringEqualsIgnoreCase"
            | "NumericEquals"
            | "DateEquals"
            | "Bool"
            | "BinaryEquals"
            | "IpAddress" => Sense::OneOf,
            "StringLike" | "ArnLike" | "ArnEquals" => Sense::Like,
            "StringNotEquals"
            | "StringNotEqualsIgnoreCase"
            | "StringNotLike"
            | "ArnNotEquals"
            | "ArnNotLike"
            | "NumericNotEquals"
            | "DateNotEquals"
            | "NotIpAddress" => Sense::NoneOf,
            _ => Sense::Opaque,
        }
    }
}

/// Whether pattern `pattern` (`*` any text, `?` any character) matches all that pattern `other` matches.
fn wildcard_covers(pattern: &str, other: &str, ignore_case: bool) -> bool {
    let (pattern, other) = (pattern.as_bytes(), other.as_bytes());
    let same = |p: u8, o: u8| match p {
        b'?' => o != b'*' && o.is_ascii(),
        _ if ignore_case => p.eq_ignore_ascii_case(&o),
        _ => p == o,
    };
    let (mut p, mut o) = (0, 0);
    // Where to go on if what follows the last `*` does not fit: behind the star, one byte further on.
    let mut retry: Option<(usize, usize)> = None;
    while o < other.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p + 1, o));
            p += 1;
        } else if pattern.get(p).is_some_and(|&byte| same(byte, other[o])) {
            p += 1;
            o += 1;
        } else if let Some((after_star, from)) = retry {
            retry = Some((after_star, from + 1));
            p = after_star;
            o = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_is_narrower() {
        for (pattern, other, covers) in [
            ("*", "s3:Get*", true),
            ("s3:*", "s3:GetObject", true),
            ("s3:G?t*", "s3:GetObject", true),
            ("*Object*", "s3:GetObjectAcl", true),
            ("s3:Get*", "s3:*", false),
            ("s3:?", "s3:*", false),
            ("s3:*t", "s3:Get*", false),
            ("", "", true),
            ("**", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
        ] {
            assert_eq!(wildcard_covers(pattern, other, false), covers, "{pattern} over {other}");
        }
        assert!(wildcard_covers("s3:get*", "s3:GetObject", true));
        assert!(!wildcard_covers("s3:get*", "s3:GetObject", false));
    }
}

//! The judgement: a declaration and a live state become "as declared", a finding, or "cannot be told".
//!
//! Pure. It must never judge what was not read: an attribute that could not be read keeps what the standing drift says
//! of it, or is left out of the comparison on both sides. What AWS has promised to bring to what is declared is treated
//! alike (see `scan/pending.rs`): it is no drift, and yet no drift is over before the promise is kept.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value;

use super::pending;
use crate::domain::cost::Prices;
use crate::domain::coverage::{Note, NoteKind, figure};
use crate::domain::diff::{Change, patch, revert};
use crate::domain::drift::{DriftKind, Finding};
use crate::domain::id::{ResourceKey, Scope};
use crate::domain::rule::{Rules, Subject};
use crate::domain::severity::Severity;
use crate::domain::state::ResourceState;
use crate::domain::story::worst_first;
use crate::expected::Declared;
use crate::resource::impact::impact;
use crate::resource::{Live, Reason, ResourceType, changes_of};

/// What judging needs to know beside the states.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The type.
    pub kind: &'a dyn ResourceType,
    /// What the shard covers.
    pub scope: &'a Scope,
    /// The account's configured name.
    pub account_name: Option<&'a str>,
    /// The user's rules.
    pub rules: &'a Rules,
    /// The day (UTC) on which ignore rules are tried.
    pub today: NaiveDate,
    /// List prices.
    pub prices: &'a Prices,
}

/// What a standing drift (any but a resolved one) says of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Its expected state.
    pub expected: &'a Value,
    /// Its actual state.
    pub actual: &'a Value,
}

/// The judgement over one resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// As declared, as far as it was read.
    Matches,
    /// Not as declared.
    Drifted(Box<Finding>),
    /// Nothing can be said now, and why.
    Unjudged(String),
}

/// A verdict and what it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Declared attributes that could not be read, and why.
    pub unknown: BTreeMap<String, Reason>,
    /// What else is to be known of it.
    pub notes: Vec<Note>,
    /// For each change that an ignore rule covers, the rule's place in [`Rules::ignore`].
    pub ignored: Vec<usize>,
}

impl Judgement {
    /// The resource is as declared, and all that is declared was read.
    #[must_use]
    pub fn matches() -> Self {
        Self::clear(Verdict::Matches)
    }

    fn clear(verdict: Verdict) -> Self {
        Self { verdict, unknown: BTreeMap::new(), notes: Vec::new(), ignored: Vec::new() }
    }

    /// Not judged, because AWS has not finished its own work on the resource.
    fn unsettled(resource_id: &str, doing: &str) -> Self {
        let text = format!("AWS is still at work on it: {doing}");
        let kind = NoteKind::Converging;
        let note = Note { resource_id: resource_id.to_owned(), pointer: String::new(), kind, text: text.clone() };
        Self { notes: vec![note], ..Self::clear(Verdict::Unjudged(text)) }
    }

    /// Whether something of the resource is unknown.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        !self.unknown.is_empty() || self.notes.iter().any(|note| note.kind == NoteKind::Incomparable)
    }

    /// How many declared attributes could not be read or compared.
    #[must_use]
    pub fn attributes_unknown(&self) -> i64 {
        let incomparable = self.notes.iter().filter(|note| note.kind == NoteKind::Incomparable);
        figure(self.unknown.len() + incomparable.count())
    }

    /// Whether AWS is still at work on the resource, or will bring something of it to what is declared.
    #[must_use]
    pub fn is_converging(&self) -> bool {
        self.notes.iter().any(|note| note.kind == NoteKind::Converging)
    }
}

impl Context<'_> {
    /// Judges a live resource that is declared.
    #[must_use]
    pub fn judge_declared(&self, declared: &Declared, live: &Live, standing: Option<Standing<'_>>) -> Judgement {
        if let Some(doing) = &live.unsettled {
            return Judgement::unsettled(&live.resource_id, doing);
        }
        let key = self.scope.key(&live.resource_id);
        let unknown = unknown_of(declared, live);
        let mut notes = pending::notes_of(self.kind, declared, live);
        let unjudged: BTreeSet<&str> = unknown.keys().map(String::as_str).chain(pending::converging(&notes)).collect();
        if !unjudged.is_empty() && declared.state.names().all(|name| unjudged.contains(name)) {
            let verdict = Verdict::Unjudged("nothing that is declared of it can be judged now".to_owned());
            return Judgement { verdict, unknown, notes, ignored: Vec::new() };
        }
        let (expected, mut actual) = compared_part(declared, live, &unjudged, standing);
        let incomparable = self.kind.incomparable(&expected, &actual).into_iter();
        notes.extend(incomparable.map(|(pointer, text)| {
            let resource_id = live.resource_id.clone();
            Note { resource_id, pointer, kind: NoteKind::Incomparable, text }
        }));
        self.kind.align(&expected, &mut actual);
        let (mut changes, ignored) = self.changes_not_ignored(&key, &expected, &mut actual);
        let verdict = if changes.is_empty() {
            Verdict::Matches
        } else {
            // What undeclared attributes cost is the same on both sides; what is compared overrides what was read.
            let whole = live.state.overlaid_with(&actual);
            let cost = impact(self.kind, &self.scope.region, self.prices, Some(&expected), Some(&whole), &changes);
            worst_first(&mut changes, |change| self.rate(&key, change, &whole));
            let severity = self.severity(&key, &changes, &whole);
            let (expected, actual) = (expected.to_value(), actual.to_value());
            let difference = patch(&expected, &actual);
            let kind = DriftKind::Changed;
            Verdict::Drifted(Box::new(Finding {
                key,
                kind,
                expected,
                actual,
                difference,
                changes,
                severity,
                cost,
                declared_in: Some(declared.declared_in.clone()),
                terraform_address: declared.terraform_address.clone(),
            }))
        };
        Judgement { verdict, unknown, notes, ignored }
    }

    /// Judges a declared resource that a complete listing did not hold.
    #[must_use]
    pub fn judge_missing(&self, resource_id: &str, declared: &Declared) -> Judgement {
        let change = Change { pointer: String::new(), from: Some(declared.state.to_value()), to: None };
        self.judge_whole(DriftKind::Missing, resource_id, change, Some(declared), None)
    }

    /// Judges a live resource that nothing declares. What could not be read is as the standing drift says.
    #[must_use]
    pub fn judge_unmanaged(&self, live: &Live, standing: Option<Standing<'_>>) -> Judgement {
        if self.kind.is_aws_owned(&live.resource_id, &live.state) {
            return Judgement::matches();
        }
        if let Some(doing) = &live.unsettled {
            return Judgement::unsettled(&live.resource_id, doing);
        }
        let mut state = live.state.clone();
        for name in live.unknown.keys() {
            if let Some(was) = standing.and_then(|standing| standing.actual.get(name)) {
                state.set(name, was.clone());
            }
        }
        let change = Change { pointer: String::new(), from: None, to: Some(state.to_value()) };
        let mut judgement = self.judge_whole(DriftKind::Unmanaged, &live.resource_id, change, None, Some(&state));
        judgement.unknown.clone_from(&live.unknown);
        judgement
    }

    fn judge_whole(
        &self,
        kind: DriftKind,
        resource_id: &str,
        change: Change,
        declared: Option<&Declared>,
        live: Option<&ResourceState>,
    ) -> Judgement {
        let key = self.scope.key(resource_id);
        if let Some(rule) = self.ignored_by(&key, &change) {
            return Judgement { ignored: vec![rule], ..Judgement::matches() };
        }
        let expected_state = declared.map(|d| &d.state);
        let changes = vec![change];
        let cost = impact(self.kind, &self.scope.region, self.prices, expected_state, live, &changes);
        let expected = expected_state.map_or(Value::Null, ResourceState::to_value);
        let actual = live.map_or(Value::Null, ResourceState::to_value);
        Judgement::clear(Verdict::Drifted(Box::new(Finding {
            difference: patch(&expected, &actual),
            severity: self.severity(&key, &changes, live.unwrap_or(&ResourceState::new())),
            declared_in: declared.map(|d| d.declared_in.clone()),
            terraform_address: declared.and_then(|d| d.terraform_address.clone()),
            key,
            kind,
            expected,
            actual,
            changes,
            cost,
        })))
    }

    /// The changes that no rule ignores; ignored ones are taken back in `actual`, so that the stored difference does
    /// not hold them. For each of these, its rule.
    fn changes_not_ignored(
        &self,
        key: &ResourceKey,
        expected: &ResourceState,
        actual: &mut ResourceState,
    ) -> (Vec<Change>, Vec<usize>) {
        let (mut kept, mut ignored) = (Vec::new(), Vec::new());
        for change in changes_of(self.kind, expected, actual) {
            let Some(rule) = self.ignored_by(key, &change) else {
                kept.push(change);
                continue;
            };
            revert(actual, &change);
            ignored.push(rule);
        }
        (kept, ignored)
    }

    /// The first rule that covers a change.
    fn ignored_by(&self, key: &ResourceKey, change: &Change) -> Option<usize> {
        let subject = Subject { key, account_name: self.account_name };
        self.rules
            .ignore
            .iter()
            .position(|rule| rule.holds_on(self.today) && rule.selector.matches(subject, &change.pointer))
    }

    fn severity(&self, key: &ResourceKey, changes: &[Change], live: &ResourceState) -> Severity {
        changes.iter().map(|change| self.rate(key, change, live)).max().unwrap_or(Severity::Info)
    }

    /// How bad a change is: as the user's first rule that speaks of it says, else as its type does.
    fn rate(&self, key: &ResourceKey, change: &Change, live: &ResourceState) -> Severity {
        let subject = Subject { key, account_name: self.account_name };
        let rule = self.rules.severity.iter().find(|rule| rule.selector.matches(subject, &change.pointer));
        rule.map_or_else(|| self.kind.severity_within(change, live), |rule| rule.severity)
    }
}

/// Declared attributes that the live state does not tell, and why.
fn unknown_of(declared: &Declared, live: &Live) -> BTreeMap<String, Reason> {
    let reason = |name: &str| {
        let told = live.unknown.get(name).cloned();
        told.or_else(|| live.state.get(name).is_none().then(|| "was not read".into()))
    };
    declared.state.names().filter_map(|name| Some((name.to_owned(), reason(name)?))).collect()
}

/// The two sides that are compared: declared attributes that are judged, and of the others what the standing drift says
/// of both sides, so that a failed read neither ends nor changes it, even if they are declared otherwise by now.
fn compared_part(
    declared: &Declared,
    live: &Live,
    unjudged: &BTreeSet<&str>,
    standing: Option<Standing<'_>>,
) -> (ResourceState, ResourceState) {
    let known: BTreeSet<String> =
        declared.state.names().filter(|name| !unjudged.contains(name)).map(str::to_owned).collect();
    let mut expected = declared.state.restricted_to(&known);
    let mut actual = live.state.restricted_to(&known);
    for name in unjudged {
        let Some(standing) = standing else { continue };
        let (Some(was_expected), Some(was_actual)) = (standing.expected.get(*name), standing.actual.get(*name)) else {
            continue;
        };
        expected.set(name, was_expected.clone());
        actual.set(name, was_actual.clone());
    }
    (expected, actual)
}

#[cfg(test)]
mod tests;

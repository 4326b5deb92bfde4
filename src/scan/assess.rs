//! The judgement: a declaration and a live state become "as declared", a finding, or "cannot be told".
//!
//! Pure. It must never judge what was not read: an attribute that could not be read keeps what the standing drift says
//! of it, or is left out of the comparison on both sides.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value;

use crate::domain::cost::Prices;
use crate::domain::diff::{Change, patch, revert};
use crate::domain::drift::{DriftKind, Finding};
use crate::domain::id::{ResourceKey, Scope};
use crate::domain::rule::{Rules, Subject};
use crate::domain::severity::Severity;
use crate::domain::state::ResourceState;
use crate::expected::Declared;
use crate::resource::impact::impact;
use crate::resource::{Live, ResourceType, changes_of};

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
    pub unknown: BTreeMap<String, String>,
    /// Changes that ignore rules cover.
    pub ignored: usize,
}

impl Judgement {
    fn clear(verdict: Verdict) -> Self {
        Self { verdict, unknown: BTreeMap::new(), ignored: 0 }
    }
}

impl Context<'_> {
    /// Judges a live resource that is declared.
    #[must_use]
    pub fn judge_declared(&self, declared: &Declared, live: &Live, standing: Option<Standing<'_>>) -> Judgement {
        if let Some(doing) = &live.unsettled {
            return Judgement::clear(Verdict::Unjudged(format!("AWS is still at work on it: {doing}")));
        }
        let key = self.scope.key(&live.resource_id);
        let unknown = unknown_of(declared, live);
        let (expected, mut actual) = compared_part(declared, live, &unknown, standing);
        self.kind.align(&expected, &mut actual);
        let (changes, ignored) = self.changes_not_ignored(&key, &expected, &mut actual);
        let verdict = if changes.is_empty() {
            Verdict::Matches
        } else {
            // What undeclared attributes cost is the same on both sides; what is compared overrides what was read.
            let whole = live.state.overlaid_with(&actual);
            let cost = impact(self.kind, &self.scope.region, self.prices, Some(&expected), Some(&whole), &changes);
            let severity = self.severity(&key, &changes, &whole);
            let (expected, actual) = (expected.to_value(), actual.to_value());
            let difference = patch(&expected, &actual);
            let declared_in = Some(declared.declared_in.clone());
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
                declared_in,
            }))
        };
        Judgement { verdict, unknown, ignored }
    }

    /// Judges a declared resource that a complete listing did not hold.
    #[must_use]
    pub fn judge_missing(&self, resource_id: &str, declared: &Declared) -> Judgement {
        let change = Change { pointer: String::new(), from: Some(declared.state.to_value()), to: None };
        self.judge_whole(DriftKind::Missing, resource_id, change, Some(declared), None)
    }

    /// Judges a live resource that nothing declares.
    #[must_use]
    pub fn judge_unmanaged(&self, live: &Live) -> Judgement {
        if self.kind.is_aws_owned(&live.resource_id, &live.state) {
            return Judgement::clear(Verdict::Matches);
        }
        if let Some(doing) = &live.unsettled {
            return Judgement::clear(Verdict::Unjudged(format!("AWS is still at work on it: {doing}")));
        }
        let change = Change { pointer: String::new(), from: None, to: Some(live.state.to_value()) };
        let mut judgement = self.judge_whole(DriftKind::Unmanaged, &live.resource_id, change, None, Some(&live.state));
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
        if self.is_ignored(&key, &change) {
            return Judgement { verdict: Verdict::Matches, unknown: BTreeMap::new(), ignored: 1 };
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
            key,
            kind,
            expected,
            actual,
            changes,
            cost,
        })))
    }

    /// The changes that no rule ignores; ignored ones are taken back in `actual`, so that the stored difference does
    /// not hold them.
    fn changes_not_ignored(
        &self,
        key: &ResourceKey,
        expected: &ResourceState,
        actual: &mut ResourceState,
    ) -> (Vec<Change>, usize) {
        let (ignored, kept): (Vec<_>, Vec<_>) =
            changes_of(self.kind, expected, actual).into_iter().partition(|change| self.is_ignored(key, change));
        for change in &ignored {
            revert(actual, change);
        }
        (kept, ignored.len())
    }

    fn is_ignored(&self, key: &ResourceKey, change: &Change) -> bool {
        let subject = Subject { key, account_name: self.account_name };
        self.rules
            .ignore
            .iter()
            .any(|rule| rule.holds_on(self.today) && rule.selector.matches(subject, &change.pointer))
    }

    fn severity(&self, key: &ResourceKey, changes: &[Change], live: &ResourceState) -> Severity {
        let subject = Subject { key, account_name: self.account_name };
        let rate = |change: &Change| {
            let rule = self.rules.severity.iter().find(|rule| rule.selector.matches(subject, &change.pointer));
            rule.map_or_else(|| self.kind.severity_within(change, live), |rule| rule.severity)
        };
        changes.iter().map(rate).max().unwrap_or(Severity::Info)
    }
}

/// Declared attributes that the live state does not tell, and why.
fn unknown_of(declared: &Declared, live: &Live) -> BTreeMap<String, String> {
    let reason = |name: &str| {
        let told = live.unknown.get(name).cloned();
        told.or_else(|| live.state.get(name).is_none().then(|| "was not read".to_owned()))
    };
    declared.state.names().filter_map(|name| Some((name.to_owned(), reason(name)?))).collect()
}

/// The two sides that are compared: declared attributes that were read, and of the others what the standing drift
/// says of them, so that a failed read neither ends nor changes it.
fn compared_part(
    declared: &Declared,
    live: &Live,
    unknown: &BTreeMap<String, String>,
    standing: Option<Standing<'_>>,
) -> (ResourceState, ResourceState) {
    let known: BTreeSet<String> =
        declared.state.names().filter(|name| !unknown.contains_key(*name)).map(str::to_owned).collect();
    let mut expected = declared.state.restricted_to(&known);
    let mut actual = live.state.restricted_to(&known);
    for name in unknown.keys() {
        let Some(standing) = standing else { continue };
        let (Some(was_expected), Some(was_actual)) = (standing.expected.get(name), standing.actual.get(name)) else {
            continue;
        };
        if declared.state.get(name) == Some(was_expected) {
            expected.set(name, was_expected.clone());
            actual.set(name, was_actual.clone());
        }
    }
    (expected, actual)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::diff::law_holds;
    use crate::domain::id::{AccountId, Region};
    use crate::domain::rule::{IgnoreRule, PointerGlob, Selector, SeverityRule};
    use crate::resource::find;

    struct Case {
        scope: Scope,
        rules: Rules,
        prices: Prices,
    }

    impl Case {
        fn new(resource_type: &str) -> Self {
            let scope = Scope {
                account_id: AccountId::from("123456789012"),
                region: Region::from("us-east-1"),
                resource_type: resource_type.to_owned(),
            };
            Self { scope, rules: Rules::default(), prices: crate::prices::load() }
        }

        fn context(&self) -> Context<'_> {
            Context {
                kind: find(&self.scope.resource_type).unwrap(),
                scope: &self.scope,
                account_name: Some("prod"),
                rules: &self.rules,
                today: "2026-11-23".parse().unwrap(),
                prices: &self.prices,
            }
        }

        fn judge(&self, declared: Value, live: Value, unknown: &[&str], standing: Option<Standing<'_>>) -> Judgement {
            let declared = Declared { state: state(declared), declared_in: "web.json#/resources/0".to_owned() };
            let mut live = Live::new("r-1", state(live));
            live.unknown = unknown.iter().map(|name| ((*name).to_owned(), "denied".to_owned())).collect();
            self.context().judge_declared(&declared, &live, standing)
        }
    }

    fn state(value: Value) -> ResourceState {
        let Value::Object(map) = value else { panic!("a state is an object") };
        ResourceState::from(map)
    }

    fn finding(judgement: Judgement) -> Finding {
        match judgement.verdict {
            Verdict::Drifted(finding) => *finding,
            other => panic!("expected a finding, got {other:?}"),
        }
    }

    fn ignore(path: Option<&str>) -> IgnoreRule {
        let path = path.map(|path| PointerGlob::parse(path).unwrap());
        IgnoreRule { selector: Selector { path, ..Selector::default() }, reason: None, until: None }
    }

    #[test]
    fn only_declared_attributes_are_compared() {
        let judged = Case::new("EC2").judge(
            json!({ "InstanceType": "m5.large" }),
            json!({ "InstanceType": "m5.large", "KeyName": "other" }),
            &[],
            None,
        );
        assert_eq!(judged.verdict, Verdict::Matches);
    }

    #[test]
    fn a_resize_is_a_warning_with_its_cost_and_obeys_the_patch_law() {
        let found = finding(Case::new("EC2").judge(
            json!({ "InstanceType": "m5.large", "Tags": { "Env": "prod" } }),
            json!({ "InstanceType": "m5.xlarge", "Tags": { "Env": "prod" }, "PlatformDetails": "Linux/UNIX" }),
            &[],
            None,
        ));
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(found.cost.to_cents(), Some("70.08".parse().unwrap()));
        assert!(law_holds(&found.expected, &found.difference, &found.actual));
        assert_eq!(found.changes.len(), 1);
        assert_eq!(found.changes[0].pointer, "/InstanceType");
    }

    #[test]
    fn an_unread_attribute_is_neither_drift_nor_absent() {
        let case = Case::new("S3");
        let judged = case.judge(json!({ "Policy": null, "Tags": {} }), json!({ "Tags": {} }), &["Policy"], None);
        assert_eq!(judged.verdict, Verdict::Matches);
        assert_eq!(judged.unknown["Policy"], "denied");
    }

    #[test]
    fn what_stands_of_an_unread_attribute_is_kept_beside_new_changes() {
        let case = Case::new("S3");
        let expected = json!({ "RequestPayment": "BucketOwner", "Tags": {} });
        let actual = json!({ "RequestPayment": "Requester", "Tags": {} });
        let standing = Standing { expected: &expected, actual: &actual };
        let declared = expected.clone();
        let same = case.judge(declared.clone(), json!({ "Tags": {} }), &["RequestPayment"], Some(standing));
        assert_eq!(finding(same).actual, actual, "an unread attribute does not end the drift");
        let more = case.judge(declared, json!({ "Tags": { "a": "b" } }), &["RequestPayment"], Some(standing));
        assert_eq!(finding(more).actual, json!({ "RequestPayment": "Requester", "Tags": { "a": "b" } }));
    }

    #[test]
    fn ignored_changes_leave_no_trace_in_the_difference() {
        let mut case = Case::new("EC2");
        case.rules.ignore.push(ignore(Some("/Tags/Last*")));
        let declared = json!({ "InstanceType": "m5.large", "Tags": { "LastBackup": "mon" } });
        let live = json!({ "InstanceType": "m5.large", "Tags": { "LastBackup": "tue", "LastSeen": "wed" } });
        let judged = case.judge(declared.clone(), live, &[], None);
        assert_eq!((&judged.verdict, judged.ignored), (&Verdict::Matches, 2));
        let live = json!({ "InstanceType": "t3.micro", "Tags": { "LastBackup": "tue" } });
        let found = finding(case.judge(declared, live, &[], None));
        assert_eq!(found.difference, json!([{ "op": "replace", "path": "/InstanceType", "value": "t3.micro" }]));
    }

    #[test]
    fn an_expired_ignore_rule_ignores_nothing() {
        let mut case = Case::new("EC2");
        case.rules.ignore.push(IgnoreRule { until: Some("2026-11-22".parse().unwrap()), ..ignore(None) });
        finding(case.judge(json!({ "KeyName": "a" }), json!({ "KeyName": "b" }), &[], None));
    }

    #[test]
    fn a_rule_without_a_path_covers_a_missing_resource_and_one_with_a_path_does_not() {
        let mut case = Case::new("EC2");
        let declared = Declared { state: state(json!({ "KeyName": "a" })), declared_in: String::new() };
        case.rules.ignore.push(ignore(Some("/**")));
        finding(case.context().judge_missing("i-1", &declared));
        case.rules.ignore.push(ignore(None));
        assert_eq!(case.context().judge_missing("i-1", &declared).verdict, Verdict::Matches);
    }

    #[test]
    fn the_first_matching_severity_rule_wins_over_the_table() {
        let mut case = Case::new("EC2");
        let path = |text: &str| Some(PointerGlob::parse(text).unwrap());
        for (text, severity) in [("/Tags/Owner", Severity::Critical), ("/Tags", Severity::Warning)] {
            let selector = Selector { path: path(text), ..Selector::default() };
            case.rules.severity.push(SeverityRule { selector, severity });
        }
        let judge =
            |tags: Value| finding(case.judge(json!({ "Tags": {} }), json!({ "Tags": tags }), &[], None)).severity;
        assert_eq!(judge(json!({ "Owner": "x" })), Severity::Critical);
        assert_eq!(judge(json!({ "Other": "x" })), Severity::Warning);
    }

    #[test]
    fn a_missing_instance_saves_what_it_cost_and_an_unmanaged_one_costs_it() {
        let case = Case::new("EC2");
        let declared = Declared { state: state(json!({ "InstanceType": "m5.large" })), declared_in: String::new() };
        let missing = finding(case.context().judge_missing("i-1", &declared));
        assert_eq!((missing.actual, missing.cost.to_cents()), (Value::Null, Some("-70.08".parse().unwrap())));
        let live = Live::new("i-2", state(json!({ "InstanceType": "m5.large" })));
        let unmanaged = finding(case.context().judge_unmanaged(&live));
        assert_eq!((unmanaged.expected, unmanaged.cost.to_cents()), (Value::Null, Some("70.08".parse().unwrap())));
        assert_eq!(unmanaged.severity, Severity::Info);
    }

    #[test]
    fn a_resource_that_aws_is_changing_is_not_judged() {
        let case = Case::new("RDS");
        let declared = Declared { state: state(json!({ "MultiAZ": true })), declared_in: String::new() };
        let mut live = Live::new("db", state(json!({ "MultiAZ": false })));
        live.unsettled = Some("modifying".to_owned());
        assert!(matches!(case.context().judge_declared(&declared, &live, None).verdict, Verdict::Unjudged(_)));
    }
}

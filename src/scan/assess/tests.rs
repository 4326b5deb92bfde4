//! What is judged, told as cases.

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
        let declared = Declared {
            state: state(declared),
            declared_in: "web.json#/resources/0".to_owned(),
            terraform_address: None,
        };
        let mut live = Live::new("r-1", state(live));
        live.unknown = unknown.iter().map(|name| ((*name).to_owned(), "denied".into())).collect();
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
    IgnoreRule { id: None, selector: Selector { path, ..Selector::default() }, reason: None, until: None }
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
    assert_eq!(&*judged.unknown["Policy"], "denied");
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
fn what_stands_of_an_unread_attribute_is_kept_when_it_is_declared_otherwise_by_now() {
    let case = Case::new("S3");
    let expected = json!({ "RequestPayment": "BucketOwner", "Tags": {} });
    let actual = json!({ "RequestPayment": "Requester", "Tags": {} });
    let standing = Standing { expected: &expected, actual: &actual };
    let judged = case.judge(actual.clone(), json!({ "Tags": {} }), &["RequestPayment"], Some(standing));
    let found = finding(judged);
    assert_eq!((found.expected, found.actual), (expected, actual), "only a read can tell that it is over");
}

#[test]
fn a_resource_of_which_nothing_could_be_read_is_not_judged() {
    let case = Case::new("S3");
    let (expected, gone) = (json!({ "Policy": null }), Value::Null);
    let standing = Standing { expected: &expected, actual: &gone };
    let judged = case.judge(expected.clone(), json!({}), &["Policy"], Some(standing));
    assert!(matches!(judged.verdict, Verdict::Unjudged(_)), "{judged:?}");
    assert_eq!(&*judged.unknown["Policy"], "denied");
}

#[test]
fn what_stands_of_an_unread_attribute_of_an_unmanaged_resource_is_kept() {
    let case = Case::new("S3");
    let (nothing, was) = (Value::Null, json!({ "Policy": null, "Tags": { "a": "b" } }));
    let mut live = Live::new("r-1", state(json!({ "Tags": { "a": "c" } })));
    live.unknown.insert("Policy".to_owned(), "denied".into());
    let standing = Standing { expected: &nothing, actual: &was };
    let found = finding(case.context().judge_unmanaged(&live, Some(standing)));
    assert_eq!(found.actual, json!({ "Policy": null, "Tags": { "a": "c" } }));
}

#[test]
fn ignored_changes_leave_no_trace_in_the_difference() {
    let mut case = Case::new("EC2");
    case.rules.ignore.push(ignore(Some("/Tags/Last*")));
    let declared = json!({ "InstanceType": "m5.large", "Tags": { "LastBackup": "mon" } });
    let live = json!({ "InstanceType": "m5.large", "Tags": { "LastBackup": "tue", "LastSeen": "wed" } });
    let judged = case.judge(declared.clone(), live, &[], None);
    assert_eq!((&judged.verdict, judged.ignored.len()), (&Verdict::Matches, 2));
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
    let declared =
        Declared { state: state(json!({ "KeyName": "a" })), declared_in: String::new(), terraform_address: None };
    case.rules.ignore.push(ignore(Some("/**")));
    finding(case.context().judge_missing("i-1", &declared));
    case.rules.ignore.push(ignore(None));
    assert_eq!(case.context().judge_missing("i-1", &declared).verdict, Verdict::Matches);
}

#[test]
fn the_change_that_a_rule_rates_worst_leads() {
    let mut case = Case::new("EC2");
    let declared = json!({ "InstanceType": "m5.large", "Tags": { "Owner": "ops" } });
    let live = json!({ "InstanceType": "m5.xlarge", "Tags": { "Owner": "nobody" } });
    let pointers = |case: &Case| -> Vec<String> {
        let found = finding(case.judge(declared.clone(), live.clone(), &[], None));
        found.changes.into_iter().map(|change| change.pointer).collect()
    };
    assert_eq!(pointers(&case), ["/InstanceType", "/Tags/Owner"]);
    let selector = Selector { path: PointerGlob::parse("/Tags/Owner").ok(), ..Selector::default() };
    case.rules.severity.push(SeverityRule { selector, severity: Severity::Critical });
    assert_eq!(pointers(&case), ["/Tags/Owner", "/InstanceType"]);
}

#[test]
fn the_first_matching_severity_rule_wins_over_the_table() {
    let mut case = Case::new("EC2");
    let path = |text: &str| Some(PointerGlob::parse(text).unwrap());
    for (text, severity) in [("/Tags/Owner", Severity::Critical), ("/Tags", Severity::Warning)] {
        let selector = Selector { path: path(text), ..Selector::default() };
        case.rules.severity.push(SeverityRule { selector, severity });
    }
    let judge = |tags: Value| finding(case.judge(json!({ "Tags": {} }), json!({ "Tags": tags }), &[], None)).severity;
    assert_eq!(judge(json!({ "Owner": "x" })), Severity::Critical);
    assert_eq!(judge(json!({ "Other": "x" })), Severity::Warning);
}

#[test]
fn a_missing_instance_saves_what_it_cost_and_an_unmanaged_one_costs_it() {
    let case = Case::new("EC2");
    let declared = Declared {
        state: state(json!({ "InstanceType": "m5.large" })),
        declared_in: String::new(),
        terraform_address: None,
    };
    let missing = finding(case.context().judge_missing("i-1", &declared));
    assert_eq!((missing.actual, missing.cost.to_cents()), (Value::Null, Some("-70.08".parse().unwrap())));
    let live = Live::new("i-2", state(json!({ "InstanceType": "m5.large" })));
    let unmanaged = finding(case.context().judge_unmanaged(&live, None));
    assert_eq!((unmanaged.expected, unmanaged.cost.to_cents()), (Value::Null, Some("70.08".parse().unwrap())));
    assert_eq!(unmanaged.severity, Severity::Info);
}

#[test]
fn a_resource_that_aws_is_changing_is_not_judged() {
    let case = Case::new("RDS");
    let declared =
        Declared { state: state(json!({ "MultiAZ": true })), declared_in: String::new(), terraform_address: None };
    let mut live = Live::new("db", state(json!({ "MultiAZ": false })));
    live.unsettled = Some("modifying".to_owned());
    assert!(matches!(case.context().judge_declared(&declared, &live, None).verdict, Verdict::Unjudged(_)));
}

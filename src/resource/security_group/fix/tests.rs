//! The planner of groups, attribute by attribute.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::domain::id::{ResourceKey, Scope};
use crate::domain::state::ResourceState;
use crate::resource::security_group::SecurityGroup as Kind;
use crate::resource::{ResourceType, changes_of};

fn key() -> ResourceKey {
    let resource_type = "SECURITY_GROUP".to_owned();
    let scope = Scope { account_id: "123456789012".into(), region: "us-east-1".into(), resource_type };
    scope.key("sg-0own")
}

/// The plan that brings the example from `live`, laid over it, back to `declared`, laid over it too.
fn planned(declared: Value, live: Value) -> FixPlan {
    let state = |over: Value| {
        let Value::Object(over) = over else { panic!("a state is an object") };
        let mut state = Kind.example().overlaid_with(&ResourceState::from(over));
        Kind.normalize_for(&key(), &mut state);
        state
    };
    let (expected, actual, key) = (state(declared), state(live), key());
    let changes = changes_of(&Kind, &expected, &actual);
    let request =
        FixRequest { key: &key, expected: &expected, actual: &actual, changes: &changes, apply_immediately: true };
    plan(request, &BTreeMap::new())
}

fn operations(plan: &FixPlan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.operation).collect()
}

#[test]
fn every_attribute_is_put_back_or_left_to_people() {
    let web = || json!({"tcp:443:10.0.0.0/8": {"Description": "from the office"}, "all:all:self": {}});
    let cases: [(&str, Value, &[&str]); 6] = [
        ("IngressRules", json!({}), &["AuthorizeSecurityGroupIngress"]),
        ("EgressRules", web(), &["AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"]),
        ("Tags", json!({"Env": "prod"}), &["DeleteTags", "CreateTags"]),
        ("GroupName", json!("other"), &[]),
        ("Description", json!("other"), &[]),
        ("VpcId", json!("vpc-1"), &[]),
    ];
    for (attribute, live, wanted) in &cases {
        let plan = planned(json!({}), json!({*attribute: live}));
        assert_eq!(&operations(&plan), wanted, "{attribute}");
        assert_eq!(plan.manual.len(), usize::from(wanted.is_empty()), "{attribute}");
        assert!(plan.steps.iter().all(|step| step.actions.iter().all(|action| ACTIONS.contains(action))));
    }
    let planned: BTreeSet<&str> = cases.iter().map(|(attribute, ..)| *attribute).collect();
    assert_eq!(planned, Kind.attributes().iter().map(|attribute| attribute.name).collect());
}

#[test]
fn what_is_missing_is_authorized_before_what_is_extra_is_revoked_in_one_call_each() {
    let live = json!({
        "tcp:443:0.0.0.0/0": {}, "tcp:443:::/0": {}, "tcp:22:sg-0a1": {"Description": "not declared"},
        "all:all:self": {"Description": "changed"},
    });
    let declared = json!({"tcp:443:10.0.0.0/8": {"Description": "office"}, "tcp:80:pl-1": {}, "all:all:self": {}});
    let plan = planned(json!({"IngressRules": declared}), json!({"IngressRules": live}));
    assert_eq!(
        operations(&plan),
        ["AuthorizeSecurityGroupIngress", "UpdateSecurityGroupRuleDescriptionsIngress", "RevokeSecurityGroupIngress"]
    );
    let [authorize, describe, revoke] = plan.steps.as_slice() else { panic!() };
    assert_eq!((authorize.loosens, describe.loosens, revoke.loosens), (true, false, false));
    assert_eq!(
        authorize.parameters,
        json!({"GroupId": "sg-0own", "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": "pl-1"}]},
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
             "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "office"}]},
        ]})
    );
    assert_eq!(authorize.restores, ["/IngressRules/tcp:443-443:10.0.0.0~18", "/IngressRules/tcp:80-80:pl-1"]);
    assert_eq!(authorize.summary, "authorize ingress of tcp 443 from 10.0.0.0/8, tcp 80 from pl-1");
    assert_eq!(
        describe.parameters,
        json!({"GroupId": "sg-0own", "IpPermissions": [
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-0own"}]},
        ]})
    );
    assert_eq!(describe.restores, ["/IngressRules/all:all:self/Description"]);
    assert_eq!(
        revoke.parameters,
        json!({"GroupId": "sg-0own", "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": "sg-0a1"}]},
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
             "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        ]})
    );
    assert!(plan.manual.is_empty());
}

#[test]
fn what_is_extra_goes_first_only_where_there_is_no_room_for_both() {
    let rules = |range: std::ops::Range<u32>| {
        (range.map(|n| (format!("tcp:{n}-{n}:10.0.0.0/8"), json!({"Description": ""})))).collect::<Map<_, _>>()
    };
    let order = |declared, live| {
        let plan = planned(json!({"IngressRules": rules(declared)}), json!({"IngressRules": rules(live)}));
        plan.steps.iter().map(|step| step.operation.replace("SecurityGroupIngress", "")).collect::<Vec<_>>()
    };
    assert_eq!(order(1..31, 31..61), ["Authorize", "Revoke"], "sixty have room");
    assert_eq!(order(1..31, 30..61), ["Authorize", "Revoke"]);
    assert_eq!(order(1..32, 32..62), ["Revoke", "Authorize"], "one too many");
    assert_eq!(order(1..10, 100..170), ["Authorize", "Revoke"], "who has seventy has more room");
}

#[test]
fn room_is_counted_for_each_kind_of_address() {
    let keys = |source: &str, count: u32| -> Map<String, Value> {
        (0..count).map(|n| (format!("tcp:{n}-{n}:{source}"), json!({}))).collect()
    };
    let rule = |source: &str| Rule {
        key: RuleKey::parse(&format!("udp:1:{source}"), Owner::default()).unwrap(),
        description: String::new(),
        pointer: String::new(),
    };
    assert!(!has_room(&keys("10.0.0.0/8", 60), &[rule("10.0.0.0/8")]));
    assert!(has_room(&keys("10.0.0.0/8", 60), &[rule("::/0")]));
    assert!(!has_room(&keys("10.0.0.0/8", 60), &[rule("sg-1")]), "a group counts as both");
    assert!(!has_room(&keys("sg-1", 60), &[rule("::/0")]));
}

#[test]
fn tags_of_awss_own_are_never_touched() {
    let mut plan = FixPlan::default();
    let change =
        |key: &str, from: Option<Value>, to: Option<Value>| Change { pointer: format!("/Tags/{key}"), from, to };
    plan.steps.extend(ec2_tags::steps("sg-0own", &[change("aws:x", None, Some(json!("1")))]));
    assert_eq!(plan.steps, []);
}

#[test]
fn what_cannot_be_written_or_does_not_exist_is_left_to_people() {
    let key = key();
    let (expected, actual) = (ResourceState::new(), ResourceState::new());
    let plan_of = |pointer: &str, from: Option<Value>, to: Option<Value>| {
        let changes = [Change { pointer: pointer.to_owned(), from, to }];
        let request =
            FixRequest { key: &key, expected: &expected, actual: &actual, changes: &changes, apply_immediately: true };
        plan(request, &BTreeMap::new())
    };
    for plan in [
        plan_of("/IngressRules/tcp:22-22:some-classic-group", None, Some(json!({"Description": ""}))),
        plan_of("/IngressRules", Some(json!({})), Some(Value::Null)),
        plan_of("/Unheard", Some(json!(1)), None),
        plan_of("", Some(json!({})), None),
        plan_of("", None, Some(json!({}))),
    ] {
        assert!(plan.steps.is_empty() && plan.manual.len() == 1, "{plan:?}");
    }
}

#[test]
fn a_peers_account_is_looked_up_only_where_it_may_be_wanted() {
    let change = |key: &str, from, to| Change { pointer: format!("/IngressRules/{key}"), from, to };
    let some = || Some(json!({"Description": ""}));
    assert!(names_bare_groups(&[change("tcp:1-1:sg-1", some(), None)]));
    assert!(names_bare_groups(&[change("tcp:1-1:sg-1/Description", Some(json!("a")), Some(json!("b")))]));
    assert!(!names_bare_groups(&[change("tcp:1-1:sg-1", None, some())]), "what is revoked was read with its account");
    for key in ["tcp:1-1:self", "tcp:1-1:10.0.0.0~18", "tcp:1-1:210987654321~1sg-1", "tcp:1-1:pl-1"] {
        assert!(!names_bare_groups(&[change(key, some(), None)]), "{key}");
    }
}

//! The planner of roles: attribute by attribute, and the law that no plan ever gives more than both ends do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::policy::normalize;
use crate::domain::state::ResourceState;
use crate::resource::iam_role::IamRole;
use crate::resource::{ResourceType, changes_of};

const ROLE: &str = "web";
/// Managed policies: what each allows and denies.
const MANAGED: [(&str, &[&str], &[&str]); 3] = [
    ("arn:aws:iam::aws:policy/One", &["s3:a"], &[]),
    ("arn:aws:iam::aws:policy/Two", &["s3:b", "s3:c"], &[]),
    ("arn:aws:iam::aws:policy/Not", &[], &["s3:a"]),
];
/// Managed policies that bound: what each allows.
const BOUNDS: [(&str, &[&str]); 3] = [
    ("arn:aws:iam::aws:policy/Wide", &["s3:a", "s3:b", "s3:c"]),
    ("arn:aws:iam::aws:policy/Narrow", &["s3:a"]),
    ("arn:aws:iam::aws:policy/Other", &["s3:b", "s3:c"]),
];
const ACTIONS: [&str; 3] = ["s3:a", "s3:b", "s3:c"];
const PEOPLE: [&str; 3] =
    ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:root"];

fn permissions(allowed: &[&str], denied: &[&str]) -> Value {
    document(&["Allow", "Deny"].map(|effect| {
        let actions = if effect == "Allow" { allowed } else { denied };
        (!actions.is_empty()).then(|| json!({"Effect": effect, "Action": actions, "Resource": "*"}))
    }))
}

fn trust(admitted: &[&str], refused: &[&str]) -> Value {
    document(&["Allow", "Deny"].map(|effect| {
        let people = if effect == "Allow" { admitted } else { refused };
        let who = json!({"AWS": people});
        (!people.is_empty()).then(|| json!({"Effect": effect, "Action": "sts:AssumeRole", "Principal": who}))
    }))
}

fn document(statements: &[Option<Value>]) -> Value {
    let statements: Vec<&Value> = statements.iter().flatten().collect();
    let mut document = json!({"Version": "2012-10-17", "Statement": statements});
    normalize(&mut document);
    document
}

fn facts() -> Facts {
    let managed = MANAGED.iter().map(|(arn, allowed, denied)| (*arn, permissions(allowed, denied)));
    let bounds = BOUNDS.iter().map(|(arn, allowed)| (*arn, permissions(allowed, &[])));
    Facts {
        path: "/".into(),
        description: "live".into(),
        max_session: 7200,
        documents: managed.chain(bounds).map(|(arn, document)| (arn.to_owned(), Some(document))).collect(),
    }
}

/// The plan that brings `live` to `declared`.
fn planned(declared: &Value, live: &Value, facts: &Facts) -> FixPlan {
    let state = |value: &Value| {
        let mut state = ResourceState::from(value.as_object().unwrap().clone());
        IamRole.normalize(&mut state);
        state
    };
    plan(ROLE, &changes_of(&IamRole, &state(declared), &state(live)), facts)
}

fn shown(plan: &FixPlan) -> Vec<(&str, bool)> {
    plan.steps.iter().map(|step| (step.operation, step.loosens)).collect()
}

#[test]
fn every_attribute_is_put_back_or_left_to_people() {
    let (one, narrow) = (MANAGED[0].0, BOUNDS[1].0);
    let read = || permissions(&["s3:a"], &[]);
    let cases: Vec<(&str, Value, Value, Vec<&str>)> = vec![
        ("AssumeRolePolicyDocument", trust(&PEOPLE[..1], &[]), trust(&PEOPLE, &[]), vec!["UpdateAssumeRolePolicy"]),
        ("AttachedPolicies", json!({one: {}}), json!({}), vec!["AttachRolePolicy"]),
        ("AttachedPolicies", json!({}), json!({one: {}}), vec!["DetachRolePolicy"]),
        ("InlinePolicies", json!({"p": read()}), json!({}), vec!["PutRolePolicy"]),
        ("InlinePolicies", json!({}), json!({"p": read()}), vec!["DeleteRolePolicy"]),
        ("PermissionsBoundary", json!(narrow), Value::Null, vec!["PutRolePermissionsBoundary"]),
        ("PermissionsBoundary", Value::Null, json!(narrow), vec!["DeleteRolePermissionsBoundary"]),
        ("MaxSessionDuration", json!(3600), json!(7200), vec!["UpdateRole"]),
        ("Description", json!("declared"), json!("live"), vec!["UpdateRole"]),
        ("Tags", json!({"a": "1"}), json!({"b": "2"}), vec!["UntagRole", "TagRole"]),
        ("Path", json!("/team/"), json!("/"), vec![]),
    ];
    for (attribute, declared, live, wanted) in &cases {
        let plan = planned(&json!({*attribute: declared}), &json!({*attribute: live}), &facts());
        assert_eq!(plan.steps.iter().map(|step| step.operation).collect::<Vec<_>>(), *wanted, "{attribute}");
        assert_eq!(plan.manual.len(), usize::from(wanted.is_empty()), "{attribute}");
        assert!(plan.steps.iter().all(|step| step.actions.iter().all(|action| super::ACTIONS.contains(action))));
    }
    let planned: BTreeSet<&str> = cases.iter().map(|(attribute, ..)| *attribute).collect();
    assert_eq!(planned, IamRole.attributes().iter().map(|attribute| attribute.name).collect());
}

#[test]
fn all_at_once_is_tightened_then_loosened_and_people_come_last() {
    let [one, two, not] = MANAGED.map(|(arn, ..)| arn);
    let declared = json!({
        "AssumeRolePolicyDocument": trust(&[PEOPLE[0], PEOPLE[1]], &[]),
        "AttachedPolicies": {one: {}}, "PermissionsBoundary": BOUNDS[1].0,
        "InlinePolicies": {"more": permissions(&["s3:a"], &[])},
        "MaxSessionDuration": 3600, "Description": "declared", "Tags": {"a": "1"},
    });
    let live = json!({
        "AssumeRolePolicyDocument": trust(&[PEOPLE[0], PEOPLE[2]], &[]),
        "AttachedPolicies": {two: {}, not: {}}, "PermissionsBoundary": BOUNDS[0].0,
        "InlinePolicies": {"extra": permissions(&["s3:b"], &[])},
        "MaxSessionDuration": 7200, "Description": "live", "Tags": {},
    });
    assert_eq!(
        shown(&planned(&declared, &live, &facts())),
        [
            ("PutRolePermissionsBoundary", false),
            ("DetachRolePolicy", false),
            ("DeleteRolePolicy", false),
            ("UpdateRole", false),
            ("UpdateAssumeRolePolicy", false),
            ("AttachRolePolicy", true),
            ("PutRolePolicy", true),
            ("DetachRolePolicy", true),
            ("UpdateAssumeRolePolicy", true),
            ("TagRole", false),
        ]
    );
}

#[test]
fn parameters_are_whole_and_in_iams_names() {
    let of = |attribute: &str, declared: Value, live: Value| {
        let mut plan = planned(&json!({attribute: declared}), &json!({attribute: live}), &facts());
        plan.steps.remove(0)
    };
    assert_eq!(
        of("Description", json!("declared"), json!("live")).parameters,
        json!({"RoleName": "web", "Description": "declared", "MaxSessionDuration": 7200}),
        "what is left out, IAM resets"
    );
    assert_eq!(
        of("MaxSessionDuration", json!(3600), json!(7200)).parameters,
        json!({"RoleName": "web", "Description": "live", "MaxSessionDuration": 3600})
    );
    let text = r#"{"Statement":[{"Action":"s3:a","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}"#;
    let put = of("InlinePolicies", json!({"p": permissions(&["s3:a"], &[])}), json!({}));
    assert_eq!(put.parameters, json!({"RoleName": "web", "PolicyName": "p", "PolicyDocument": text}));
    assert_eq!(put.summary, "put the embedded policy p: allows s3:a on * (new)");
    assert_eq!(
        of("Tags", json!({"a": "1"}), json!({})).parameters,
        json!({"RoleName": "web", "Tags": [{"Key": "a", "Value": "1"}]})
    );
    assert_eq!(of("Tags", json!({}), json!({"a": "1"})).parameters, json!({"RoleName": "web", "TagKeys": ["a"]}));
}

#[test]
fn a_longer_session_loosens_and_a_shorter_one_does_not() {
    let plan = |declared: i64| {
        planned(&json!({"MaxSessionDuration": declared}), &json!({"MaxSessionDuration": 7200}), &facts())
    };
    assert_eq!(shown(&plan(43_200)), [("UpdateRole", true)]);
    assert_eq!(shown(&plan(3600)), [("UpdateRole", false)]);
}

#[test]
fn what_managed_policies_say_decides_and_what_is_not_known_loosens() {
    let attached = |declared: Value, live: Value, facts: &Facts| {
        let plan = planned(&json!({"AttachedPolicies": declared}), &json!({"AttachedPolicies": live}), facts);
        plan.steps[0].loosens
    };
    let ([one, _, not], none) = (MANAGED.map(|(arn, ..)| json!({arn: {}})), json!({}));
    let known = facts();
    assert!(attached(one.clone(), none.clone(), &known) && !attached(none.clone(), one.clone(), &known));
    assert!(!attached(not.clone(), none.clone(), &known) && attached(none.clone(), not, &known));
    let unread = Facts { documents: BTreeMap::from([(MANAGED[0].0.to_owned(), Some(Value::Null))]), ..facts() };
    assert!(attached(one.clone(), none.clone(), &unread) && attached(none, one, &unread));
}

#[test]
fn another_boundary_loosens_unless_it_provably_bounds_no_less() {
    let [wide, narrow, other] = BOUNDS.map(|(arn, _)| json!(arn));
    let bounded = |declared: &Value, live: &Value, facts: &Facts| {
        planned(&json!({"PermissionsBoundary": declared}), &json!({"PermissionsBoundary": live}), facts).steps[0]
            .loosens
    };
    let known = facts();
    assert!(!bounded(&narrow, &wide, &known) && bounded(&wide, &narrow, &known));
    assert!(bounded(&other, &narrow, &known));
    assert!(!bounded(&wide, &Value::Null, &known) && bounded(&Value::Null, &wide, &known));
    let unread = Facts { documents: BTreeMap::new(), ..facts() };
    assert!(bounded(&narrow, &wide, &unread) && !bounded(&wide, &Value::Null, &unread));
}

#[test]
fn who_is_replaced_meets_no_permission_that_is_to_come() {
    let role = |people: &[&str], actions: &[&str]| json!({"AssumeRolePolicyDocument": trust(people, &[]), "InlinePolicies": {"p": permissions(actions, &[])}});
    let plan = planned(&role(&PEOPLE[..1], &["s3:a"]), &role(&PEOPLE[1..2], &["s3:b"]), &facts());
    assert_eq!(
        shown(&plan),
        [("UpdateAssumeRolePolicy", false), ("PutRolePolicy", true), ("UpdateAssumeRolePolicy", true)]
    );
    assert!(plan.steps[0].summary.starts_with("let nobody in"), "{}", plan.steps[0].summary);
    let plan = planned(&role(&PEOPLE[..1], &["s3:a"]), &role(&PEOPLE[1..2], &["s3:a"]), &facts());
    assert_eq!(shown(&plan), [("UpdateAssumeRolePolicy", true)], "nobody is shut out without need");
}

#[test]
fn a_permission_that_is_to_go_meets_no_boundary_that_is_to_come() {
    let role = |boundary: usize, actions: &[&str]| json!({"PermissionsBoundary": BOUNDS[boundary].0, "InlinePolicies": {"p": permissions(actions, &[])}});
    let plan = planned(&role(2, &["s3:a"]), &role(1, &["s3:b"]), &facts());
    assert_eq!(
        shown(&plan),
        [("DeleteRolePolicy", false), ("PutRolePermissionsBoundary", true), ("PutRolePolicy", true)]
    );
    let plan = planned(&role(1, &["s3:a"]), &role(1, &["s3:b"]), &facts());
    assert_eq!(shown(&plan), [("PutRolePolicy", true)], "under the same boundary one call does");
}

#[test]
fn what_cannot_be_called_is_left_to_people() {
    let arn = MANAGED[0].0;
    let missing = Facts { documents: BTreeMap::from([(arn.to_owned(), None)]), ..facts() };
    let of_aws = Facts { path: "/aws-service-role/ecs.amazonaws.com/".into(), ..facts() };
    let tags = (json!({"Tags": {"a": "1"}}), json!({"Tags": {}}));
    for plan in [
        planned(&json!({"AttachedPolicies": {arn: {}}}), &json!({"AttachedPolicies": {}}), &missing),
        planned(&json!({"PermissionsBoundary": arn}), &json!({"PermissionsBoundary": null}), &missing),
        planned(&tags.0, &tags.1, &of_aws),
        plan(
            ROLE,
            &[Change { pointer: "/InlinePolicies".into(), from: Some(json!({})), to: Some(Value::Null) }],
            &facts(),
        ),
        plan(ROLE, &[Change { pointer: "/Unheard".into(), from: Some(json!(1)), to: None }], &facts()),
    ] {
        assert!(plan.steps.is_empty() && plan.manual.len() == 1, "{plan:?}");
    }
}

/// A role as the law sees it: canonical documents.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    trust: Value,
    inline: BTreeMap<String, Value>,
    attached: BTreeSet<String>,
    boundary: Option<String>,
}

impl Model {
    fn state(&self) -> Value {
        let attached: BTreeMap<&String, Value> = self.attached.iter().map(|arn| (arn, json!({}))).collect();
        json!({
            "AssumeRolePolicyDocument": self.trust, "InlinePolicies": self.inline, "AttachedPolicies": attached,
            "PermissionsBoundary": self.boundary,
        })
    }

    /// Who may do what.
    fn access(&self, facts: &Facts) -> BTreeSet<(String, String)> {
        let document = |arn: &String| facts.document(arn).unwrap();
        let policies: Vec<&Value> = self.inline.values().chain(self.attached.iter().map(document)).collect();
        let bound = self.boundary.as_ref().map(document);
        let has = |policies: &[&Value], effect: &str, action: &str| {
            policies.iter().any(|policy| names(policy, effect, "Action").contains(action))
        };
        let may = |action: &str| {
            let bounds = bound.is_none_or(|bound| has(&[bound], "Allow", action));
            bounds && has(&policies, "Allow", action) && !has(&policies, "Deny", action)
        };
        let refused = names(&self.trust, "Deny", "Principal");
        let admitted = names(&self.trust, "Allow", "Principal");
        let people = admitted.into_iter().filter(|who| !refused.contains(who) && !refused.contains("*"));
        people
            .flat_map(|who| {
                ACTIONS.iter().filter(|action| may(action)).map(move |action| (who.clone(), (*action).to_owned()))
            })
            .collect()
    }

    /// What the call does, from its parameters alone.
    fn call(&mut self, step: &FixStep) {
        let text = |name: &str| step.parameters[name].as_str().unwrap().to_owned();
        let document = || {
            let mut document = json!(text("PolicyDocument"));
            normalize(&mut document);
            document
        };
        match step.operation {
            "UpdateAssumeRolePolicy" => self.trust = document(),
            "PutRolePolicy" => drop(self.inline.insert(text("PolicyName"), document())),
            "DeleteRolePolicy" => assert!(self.inline.remove(&text("PolicyName")).is_some()),
            "AttachRolePolicy" => assert!(self.attached.insert(text("PolicyArn"))),
            "DetachRolePolicy" => assert!(self.attached.remove(&text("PolicyArn"))),
            "PutRolePermissionsBoundary" => self.boundary = Some(text("PermissionsBoundary")),
            "DeleteRolePermissionsBoundary" => self.boundary = None,
            other => panic!("{other}"),
        }
    }
}

/// The names that the statements of an effect hold.
fn names(document: &Value, effect: &str, member: &str) -> BTreeSet<String> {
    let statements = document["Statement"].as_array().into_iter().flatten();
    let members = statements.filter(|one| one["Effect"] == effect).map(|one| &one[member]);
    let lists = members.map(|member| if member.is_object() { &member["AWS"] } else { member });
    lists.flat_map(|list| list.as_array().unwrap()).map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(names, 0..=names.len())
}

fn any_policy() -> impl Strategy<Value = Option<Value>> {
    (some_of(&ACTIONS), some_of(&ACTIONS), any::<bool>()).prop_map(|(allowed, denied, denies)| {
        let denied = if denies { denied } else { Vec::new() };
        (!allowed.is_empty() || !denied.is_empty()).then(|| permissions(&allowed, &denied))
    })
}

fn any_role() -> impl Strategy<Value = Model> {
    let trusts = (some_of(&PEOPLE), some_of(&PEOPLE), any::<bool>()).prop_map(|(admitted, refused, refuses)| {
        let refused = if refuses { refused } else { Vec::new() };
        if admitted.is_empty() && refused.is_empty() { trust(&PEOPLE[..1], &[]) } else { trust(&admitted, &refused) }
    });
    let attached = prop::sample::subsequence(MANAGED.map(|(arn, ..)| arn.to_owned()).to_vec(), 0..=3);
    let boundary = prop::option::of(prop::sample::select(BOUNDS.map(|(arn, _)| arn.to_owned()).to_vec()));
    (trusts, any_policy(), any_policy(), attached, boundary).prop_map(|(trust, p, q, attached, boundary)| {
        let inline = [("p", p), ("q", q)].into_iter().filter_map(|(name, policy)| Some((name.to_owned(), policy?)));
        Model { trust, inline: inline.collect(), attached: attached.into_iter().collect(), boundary }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_moment_of_a_plan_gives_what_neither_end_gives(live in any_role(), declared in any_role()) {
        let facts = facts();
        let (before, after) = (live.access(&facts), declared.access(&facts));
        let plan = planned(&declared.state(), &live.state(), &facts);
        prop_assert!(plan.manual.is_empty());
        let mut role = live;
        for step in &plan.steps {
            let had = role.access(&facts);
            role.call(step);
            let has = role.access(&facts);
            prop_assert!(step.loosens || has.is_subset(&had), "{} gives more", step.operation);
            let known = has.iter().all(|one| before.contains(one) || after.contains(one));
            prop_assert!(known, "after {} of {:?}", step.operation, shown(&plan));
        }
        prop_assert_eq!(role, declared);
    }

    #[test]
    fn plans_made_anew_after_each_call_come_to_the_same_end(live in any_role(), declared in any_role()) {
        let facts = facts();
        let mut role = live;
        for _ in 0..20 {
            let plan = planned(&declared.state(), &role.state(), &facts);
            let Some(step) = plan.steps.first() else { break };
            role.call(step);
        }
        prop_assert_eq!(role, declared);
    }
}

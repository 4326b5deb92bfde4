//! Security groups: who may reach what.
//!
//! Rules are keyed by what they let through, one source each, so that a rule that appears or goes is one change and its
//! description another. What opens to the Internet is critical; nothing else about a group is.

mod fix;
mod permission;
mod read;
mod rule;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::{Map, Value, json};

use super::{Aws, FixError, FixPlan, FixRequest, FixStep, Live, ReadError, ReadRequest, Receipt, ResourceType};
use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::diff::Change;
use crate::domain::id::{Region, ResourceKey};
use crate::domain::schema::{self, Attribute, Field, Fill, INFO, Rate, Shape, StateProblem, WARNING};
use crate::domain::severity::Severity;
use crate::domain::state::{ResourceState, escape};
pub use rule::{Owner, RuleFault, RuleKey};

const INGRESS: &str = "IngressRules";
const EGRESS: &str = "EgressRules";

/// The name of the group that each VPC comes with.
const DEFAULT_NAME: &str = "default";

const RULE: Shape = Shape::Object(&[Field::new("Description", Shape::Text, Fill::Text(""))]);
const RULES: Shape = Shape::Map(&RULE);

const ATTRIBUTES: &[Attribute] = &[
    Attribute::new("Description", Shape::Text, Fill::Text(""), INFO, "The group's description; fixed at creation"),
    Attribute::new(
        EGRESS,
        RULES,
        Fill::Empty,
        Rate::By(rate_rule),
        "What its members may reach, keyed `protocol:from-to:destination`, such as `all:all:0.0.0.0/0`",
    ),
    Attribute::new("GroupName", Shape::Text, Fill::Undefined, WARNING, "The group's name; fixed at creation"),
    Attribute::new(
        INGRESS,
        RULES,
        Fill::Empty,
        Rate::By(rate_rule),
        "Who may reach its members, keyed `protocol:from-to:source`, such as `tcp:443-443:10.0.0.0/8`",
    ),
    Attribute::new("Tags", Shape::Tags, Fill::Empty, INFO, "Tags"),
    Attribute::new("VpcId", Shape::Text, Fill::Null, WARNING, "The VPC that it belongs to; fixed at creation"),
];

/// Security groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecurityGroup;

impl ResourceType for SecurityGroup {
    fn name(&self) -> &'static str {
        "SECURITY_GROUP"
    }

    fn id_form(&self) -> &'static str {
        "security group id (sg-0123456789abcdef0)"
    }

    fn scan_actions(&self) -> &'static [&'static str] {
        &["ec2:DescribeSecurityGroups"]
    }

    fn attributes(&self) -> &'static [Attribute] {
        ATTRIBUTES
    }

    fn read<'a>(&'a self, aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
        read::read(aws, request)
    }

    fn check(&self, state: &ResourceState) -> Vec<StateProblem> {
        let mut problems = schema::check(ATTRIBUTES, state);
        let mut state = state.clone();
        schema::respell(ATTRIBUTES, &mut state);
        for attribute in [INGRESS, EGRESS] {
            let rules = state.get(attribute).and_then(Value::as_object);
            problems.extend(rules.into_iter().flat_map(|rules| check_keys(attribute, rules)));
        }
        problems
    }

    fn normalize(&self, state: &mut ResourceState) {
        normalize(state, Owner::default());
    }

    fn normalize_for(&self, key: &ResourceKey, state: &mut ResourceState) {
        normalize(state, Owner { group_id: Some(&key.resource_id), account_id: Some(key.scope.account_id.as_str()) });
    }

    fn align(&self, declared: &ResourceState, live: &mut ResourceState) {
        schema::align(ATTRIBUTES, declared, live);
        for attribute in [INGRESS, EGRESS] {
            if let (Some(declared), Some(Value::Object(live))) = (declared.get(attribute), live.get_mut(attribute)) {
                align_peers(declared, live);
            }
        }
    }

    fn monthly_cost(&self, _state: &ResourceState, _region: &Region, _prices: &Prices) -> MonthlyCost {
        // Security groups cost nothing.
        MonthlyCost::default()
    }

    fn is_aws_owned(&self, _resource_id: &str, state: &ResourceState) -> bool {
        // Each VPC comes with one, and it cannot be deleted. One that lets in more than AWS made it for is somebody's.
        state.get("GroupName").and_then(Value::as_str) == Some(DEFAULT_NAME) && is_as_made(state)
    }

    fn fix_actions(&self) -> &'static [&'static str] {
        fix::ACTIONS
    }

    fn plan_fix<'a>(&'a self, aws: &'a Aws, request: FixRequest<'a>) -> BoxFuture<'a, Result<FixPlan, FixError>> {
        Box::pin(fix::plan_fix(aws, request))
    }

    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        _key: &'a ResourceKey,
        step: &'a FixStep,
    ) -> BoxFuture<'a, Result<Receipt, FixError>> {
        Box::pin(fix::call(aws, step))
    }

    fn example(&self) -> ResourceState {
        ResourceState::new()
            .with("GroupName", "web")
            .with("Description", "web servers")
            .with("VpcId", "vpc-0123456789abcdef0")
            .with(
                INGRESS,
                json!({
                    "tcp:443-443:10.0.0.0/8": {"Description": "from the office"},
                    "all:all:self": {"Description": ""},
                }),
            )
            .with(EGRESS, json!({"all:all:0.0.0.0/0": {"Description": ""}}))
            .with("Tags", json!({"Team": "web"}))
    }
}

/// Whether a VPC's default group lets through no more than when AWS made it. Who takes rules away makes it safer.
fn is_as_made(state: &ResourceState) -> bool {
    let has_only = |attribute: &str, known: &[&str]| {
        let rules = state.get(attribute).and_then(Value::as_object);
        rules.is_none_or(|rules| rules.keys().all(|key| known.contains(&key.as_str())))
    };
    has_only(INGRESS, &["all:all:self"]) && has_only(EGRESS, &["all:all:0.0.0.0/0", "all:all:::/0"])
}

fn normalize(state: &mut ResourceState, owner: Owner<'_>) {
    schema::normalize(ATTRIBUTES, state);
    for attribute in [INGRESS, EGRESS] {
        if let Some(Value::Object(rules)) = state.get_mut(attribute) {
            *rules = std::mem::take(rules).into_iter().map(|(key, rule)| (canonical(key, owner), rule)).collect();
        }
    }
}

/// Takes over the declared key of a rule for a peer's group where only the live one names the peer's account: ids of
/// groups are unique, so that the account may be left out.
fn align_peers(declared: &Value, live: &mut Map<String, Value>) {
    let is_declared = |key: &str| declared.get(key).is_some();
    let bare = |key: &String| RuleKey::parse(key, Owner::default()).ok()?.without_account().map(|key| key.to_string());
    let peers: Vec<(String, String)> = live
        .keys()
        .filter(|key| !is_declared(key))
        .filter_map(|key| Some((key.clone(), bare(key)?)))
        .filter(|(_, bare)| is_declared(bare))
        .collect();
    for (key, bare) in peers {
        if let (false, Some(rule)) = (live.contains_key(&bare), live.remove(&key)) {
            live.insert(bare, rule);
        }
    }
}

/// The canonical key; what is no key is left alone, [`ResourceType::check`] tells it.
fn canonical(key: String, owner: Owner<'_>) -> String {
    RuleKey::parse(&key, owner).map_or(key, |parsed| parsed.to_string())
}

fn check_keys(attribute: &str, rules: &Map<String, Value>) -> Vec<StateProblem> {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for written in rules.keys() {
        let message = match RuleKey::parse(written, Owner::default()) {
            Err(fault) => fault.to_string(),
            Ok(key) => match seen.insert(key.to_string(), written) {
                Some(first) => format!("says the same as `{first}`: keep one of them"),
                None => continue,
            },
        };
        problems.push(StateProblem { pointer: format!("/{attribute}/{}", escape(written)), message });
    }
    problems
}

/// A rule that opens to the Internet is critical; one that opens to less, or closes, is a warning; a description is
/// worth knowing.
fn rate_rule(change: &Change) -> Severity {
    let keys = change.keys();
    let opens = match (keys.get(1), &change.from, &change.to) {
        (Some(_), ..) if keys.len() > 2 => return Severity::Info,
        (Some(key), None, Some(_)) => opens_to_the_world(key),
        // The rules as a whole, where one side is no object.
        (None, _, Some(Value::Object(rules))) => rules.keys().any(|key| opens_to_the_world(key)),
        _ => false,
    };
    if opens { Severity::Critical } else { Severity::Warning }
}

fn opens_to_the_world(key: &str) -> bool {
    RuleKey::parse(key, Owner::default()).is_ok_and(|key| key.is_open_to_the_world())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(pointer: &str, from: Option<Value>, to: Option<Value>) -> Change {
        Change { pointer: pointer.to_owned(), from, to }
    }

    #[test]
    fn opening_to_the_world_is_critical_and_closing_is_not() {
        let rule = || Some(json!({"Description": ""}));
        let rate = |pointer: &str, from, to| SecurityGroup.severity(&change(pointer, from, to));
        for attribute in [INGRESS, EGRESS] {
            let world = format!("/{attribute}/tcp:22-22:0.0.0.0~10");
            assert_eq!(rate(&world, None, rule()), Severity::Critical);
            assert_eq!(rate(&world, rule(), None), Severity::Warning);
            assert_eq!(rate(&format!("/{attribute}/all:all:::~10"), None, rule()), Severity::Critical);
            assert_eq!(rate(&format!("/{attribute}/tcp:22-22:10.0.0.0~18"), None, rule()), Severity::Warning);
            assert_eq!(rate(&format!("{world}/Description"), rule(), rule()), Severity::Info);
        }
        assert_eq!(rate("/Tags/Env", None, Some(json!("prod"))), Severity::Info);
        assert_eq!(rate("/GroupName", Some(json!("a")), Some(json!("b"))), Severity::Warning);
    }

    #[test]
    fn the_default_group_of_a_vpc_is_awss_own_until_it_lets_through_more() {
        let group = |name: &str, ingress: Value, egress: Value| {
            let state = ResourceState::new().with("GroupName", name).with(INGRESS, ingress).with(EGRESS, egress);
            SecurityGroup.is_aws_owned("sg-1", &state)
        };
        let (inside, outside) = (json!({"all:all:self": {}}), json!({"all:all:0.0.0.0/0": {}, "all:all:::/0": {}}));
        assert!(group("default", inside.clone(), outside.clone()));
        assert!(group("default", json!({}), json!({})), "locked down");
        assert!(!group("default", json!({"tcp:22-22:0.0.0.0/0": {}}), outside.clone()));
        assert!(!group("default", inside.clone(), json!({"tcp:25-25:10.0.0.0/8": {}})));
        assert!(!group("web", inside, outside));
    }

    #[test]
    fn declared_keys_become_canonical_and_know_their_own_group() {
        let key = ResourceKey {
            scope: crate::domain::id::Scope {
                account_id: "123456789012".into(),
                region: "us-east-1".into(),
                resource_type: "SECURITY_GROUP".to_owned(),
            },
            resource_id: "sg-0own".to_owned(),
        };
        let mut state = ResourceState::new()
            .with(INGRESS, json!({"TCP:443:10.1.2.3/8": {}, "-1:all:sg-0own": {"Description": null}}))
            .with(EGRESS, Value::Null);
        SecurityGroup.normalize_for(&key, &mut state);
        assert_eq!(
            state.to_value(),
            json!({
                "IngressRules": {
                    "all:all:self": {"Description": ""},
                    "tcp:443-443:10.0.0.0/8": {"Description": ""},
                },
                "EgressRules": {},
            })
        );
    }

    #[test]
    fn a_peers_group_may_be_declared_without_its_account() {
        let rules = |key: &str| ResourceState::new().with(INGRESS, json!({key: {"Description": ""}}));
        let aligned = |declared: &str, live: &str| {
            let mut live = rules(live);
            SecurityGroup.align(&rules(declared), &mut live);
            live
        };
        let (bare, peer) = ("tcp:22-22:sg-0a1", "tcp:22-22:210987654321/sg-0a1");
        assert_eq!(aligned(bare, peer), rules(bare));
        assert_eq!(aligned(peer, peer), rules(peer));
        assert_eq!(aligned("tcp:22-22:sg-0b2", peer), rules(peer), "another group");
        assert_eq!(aligned("tcp:22-22:110987654321/sg-0a1", peer), rules(peer), "another account");
    }

    #[test]
    fn faults_of_keys_name_the_place() {
        let state = ResourceState::new()
            .with(INGRESS, json!({"tcp:22:everyone": {}, "tcp:443:10.0.0.0/8": {}, "6:443-443:10.9.9.9/8": {}}))
            .with(EGRESS, json!(7));
        let told: Vec<_> = SecurityGroup.check(&state).into_iter().map(|p| (p.pointer, p.message)).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0].0, "/EgressRules");
        assert_eq!(told[1], ("/IngressRules/tcp:22:everyone".to_owned(), told[1].1.clone()));
        assert!(told[2].1.contains("says the same as"), "{told:?}");
    }

    #[test]
    fn the_example_is_canonical_and_whole() {
        let mut state = SecurityGroup.example();
        SecurityGroup.normalize(&mut state);
        assert_eq!(state, SecurityGroup.example());
        assert!(SecurityGroup.check(&state).is_empty());
        assert_eq!(state.names().count(), ATTRIBUTES.len());
    }
}

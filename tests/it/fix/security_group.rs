//! Groups, drift by drift.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, Tag, UserIdGroupPair};
use driftsentry::resource::aws::ErrorClass;
use driftsentry::resource::{Aws, FixError};
use serde_json::{Value, json};

use super::{Row, Stage};
use crate::mutation::Act;
use crate::mutations_security_group::create as create_web;
use crate::single_changes::whole_state;
use crate::support::{Effect, Rule};

const AUTHORIZE: &[&str] = &["AuthorizeSecurityGroupIngress"];
const AUTHORIZE_OUT: &[&str] = &["AuthorizeSecurityGroupEgress"];
const REVOKE: &[&str] = &["RevokeSecurityGroupIngress"];
const REVOKE_OUT: &[&str] = &["RevokeSecurityGroupEgress"];
const DESCRIBE: &[&str] = &["UpdateSecurityGroupRuleDescriptionsIngress"];
const DESCRIBE_OUT: &[&str] = &["UpdateSecurityGroupRuleDescriptionsEgress"];

/// Two groups of the same account, two that pass for another's: a group's id is in one account only.
const PEERS: [&str; 4] = ["near", "nearer", "far", "farther"];
const OTHER_ACCOUNT: &str = "210987654321";
const PREFIX_LIST: &str = "pl-0123456789abcdef0";

#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

/// A group with rules of every kind in both directions.
async fn create(aws: &Aws) -> String {
    let group = create_web(aws).await;
    let vpc = whole_state("SECURITY_GROUP", aws, &group).await.get("VpcId").and_then(Value::as_str).unwrap().to_owned();
    // The emulator revokes what it allows to IPv6 only where the VPC has IPv6.
    let v6_addresses = aws.ec2.associate_vpc_cidr_block().vpc_id(&vpc).amazon_provided_ipv6_cidr_block(true);
    v6_addresses.send().await.expect("addresses");
    for name in PEERS {
        let peer = aws.ec2.create_security_group().group_name(name).description("a peer").vpc_id(&vpc);
        peer.send().await.expect("a peer");
    }
    allow_peer(PEERS[0], None)(aws, &group).await;
    allow_peer(PEERS[2], Some(OTHER_ACCOUNT))(aws, &group).await;
    for rule in [office(), v4("icmp", 8, -1, "10.0.0.0/8", ""), v4("50", -1, -1, "10.0.0.0/8", ""), v6(), list()] {
        allow(Way::Out, rule)(aws, &group).await;
    }
    for rule in [v4("icmp", 8, -1, "10.0.0.0/8", "ping"), v4("50", -1, -1, "192.0.2.0/24", ""), v6(), list()] {
        allow(Way::In, rule)(aws, &group).await;
    }
    allow_self(Way::Out)(aws, &group).await;
    group
}

fn table() -> Vec<Row> {
    [ingress(), egress(), tags(), fixed()].into_iter().flatten().collect()
}

fn ingress() -> Vec<Row> {
    let row = |what, act, operations| Row::put_back("IngressRules", what, act, operations);
    let described = |text: &'static str| described(Way::In, v4("tcp", 443, 443, "10.0.0.0/8", text));
    vec![
        row("opened to everyone", allow(Way::In, v4("tcp", 22, 22, "0.0.0.0/0", "")), REVOKE),
        row("all traffic", allow(Way::In, v4("-1", -1, -1, "203.0.113.0/24", "all")), REVOKE),
        row("another protocol", allow(Way::In, v4("51", -1, -1, "10.0.0.0/8", "")), REVOKE),
        row("another peer", allow_peer(PEERS[1], None), REVOKE),
        row("closed to the office", forbid(Way::In, v4("tcp", 443, 443, "10.0.0.0/8", "")), AUTHORIZE),
        row("no more ping", forbid(Way::In, v4("icmp", 8, -1, "10.0.0.0/8", "")), AUTHORIZE),
        row("no more ESP", forbid(Way::In, v4("50", -1, -1, "192.0.2.0/24", "")), AUTHORIZE),
        row("closed to IPv6", forbid(Way::In, v6()), AUTHORIZE),
        row("closed to a prefix list", forbid(Way::In, list()), AUTHORIZE),
        row("closed to a peer", forbid_peer(PEERS[0], None), AUTHORIZE),
        row("closed to another account's peer", forbid_peer(PEERS[2], Some(OTHER_ACCOUNT)), AUTHORIZE),
        row("another account's peer", allow_peer(PEERS[3], Some(OTHER_ACCOUNT)), REVOKE),
        row("closed to itself", forbid_self(Way::In), AUTHORIZE),
        row("described otherwise", described("ask Kim"), DESCRIBE),
        Row::not_shown("IngressRules", "the emulator keeps a description that AWS takes away when it is left out"),
        row(
            "moved to another port",
            both(
                forbid(Way::In, v4("tcp", 443, 443, "10.0.0.0/8", "")),
                allow(Way::In, v4("tcp", 444, 444, "10.0.0.0/8", "")),
            ),
            &["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"],
        ),
    ]
}

fn egress() -> Vec<Row> {
    let row = |what, act, operations| Row::put_back("EgressRules", what, act, operations);
    vec![
        row("opened to a port", allow(Way::Out, v4("tcp", 25, 25, "0.0.0.0/0", "")), REVOKE_OUT),
        row("closed to all", forbid(Way::Out, v4("-1", -1, -1, "0.0.0.0/0", "")), AUTHORIZE_OUT),
        row("closed to the office", forbid(Way::Out, office()), AUTHORIZE_OUT),
        row("no more ping", forbid(Way::Out, v4("icmp", 8, -1, "10.0.0.0/8", "")), AUTHORIZE_OUT),
        row("no more ESP", forbid(Way::Out, v4("50", -1, -1, "10.0.0.0/8", "")), AUTHORIZE_OUT),
        row("closed to IPv6", forbid(Way::Out, v6()), AUTHORIZE_OUT),
        row("closed to a prefix list", forbid(Way::Out, list()), AUTHORIZE_OUT),
        row("closed to itself", forbid_self(Way::Out), AUTHORIZE_OUT),
        row("described otherwise", described(Way::Out, v4("udp", 53, 53, "10.0.0.0/8", "ask Kim")), DESCRIBE_OUT),
    ]
}

fn tags() -> Vec<Row> {
    let row = |what, act, operations| Row::put_back("Tags", what, act, operations);
    let other = both(both(untag("Owner"), tag("owner", "web")), tag("Env", "test"));
    vec![
        row("changed", tag("Env", "test"), &["CreateTags"]),
        row("emptied", tag("Env", ""), &["CreateTags"]),
        row("added", tag("a/b~c", "1"), &["DeleteTags"]),
        row("removed", untag("Owner"), &["CreateTags"]),
        row("all at once", other, &["DeleteTags", "CreateTags"]),
    ]
}

fn fixed() -> Vec<Row> {
    vec![
        Row::by_hand("GroupName", "another name", |state| state.set("GroupName", "api")),
        Row::by_hand("Description", "another description", |state| state.set("Description", "api servers")),
        Row::by_hand("VpcId", "another VPC", |state| state.set("VpcId", "vpc-0feed")),
    ]
}

#[tokio::test]
async fn each_drift_of_a_group_is_put_back_byte_for_byte() {
    let stage = Stage::new("SECURITY_GROUP", "us-east-1", create).await;
    stage.each_is_put_back(&table()).await;
    let called: BTreeSet<String> = stage.proxy.counts().into_keys().filter(|name| name != "AssumeRole").collect();
    let called: BTreeSet<String> = called.into_iter().map(|operation| format!("ec2:{operation}")).collect();
    let listed = stage.kind.fix_actions().iter().chain(stage.kind.scan_actions());
    assert_eq!(called, listed.map(|action| (*action).to_owned()).collect(), "the policy holds what is called, no more");
}

#[tokio::test]
async fn rules_of_a_call_that_are_there_or_gone_already_keep_no_other_from_being_done() {
    let stage = Stage::new("SECURITY_GROUP", "us-east-1", create).await;
    let group = stage.key.resource_id.clone();
    let baseline = stage.state().await;
    let opened = [v4("tcp", 22, 22, "0.0.0.0/0", ""), v4("tcp", 23, 23, "0.0.0.0/0", "")];
    for rule in opened.clone() {
        allow(Way::In, rule)(&stage.direct, &group).await;
    }
    for rule in [office_in(), list()] {
        forbid(Way::In, rule)(&stage.direct, &group).await;
    }
    let (_, plan) = stage.plan(&baseline).await;
    // Somebody does half of it by hand.
    forbid(Way::In, opened[0].clone())(&stage.direct, &group).await;
    allow(Way::In, list())(&stage.direct, &group).await;
    for step in &plan.steps {
        stage.call(step).await;
    }
    assert_eq!(stage.state().await, baseline);
    for step in &plan.steps {
        let receipt = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap();
        assert!(receipt.nothing_to_do, "{step:?}");
    }
}

#[tokio::test]
async fn a_peer_declared_without_its_account_is_called_with_it() {
    let stage = Stage::new("SECURITY_GROUP", "us-east-1", create).await;
    let mut declared = stage.state().await;
    let rules = declared.get_mut("IngressRules").and_then(Value::as_object_mut).unwrap();
    let known = rules.keys().find(|key| key.contains(OTHER_ACCOUNT)).unwrap().clone();
    let peer = known.rsplit('/').next().unwrap().to_owned();
    rules.remove(&known);
    rules.insert(format!("tcp:9000-9010:{peer}"), json!({"Description": ""}));
    rules.insert(format!("tcp:22-22:{peer}"), json!({"Description": ""}));
    let (_, plan) = stage.plan(&declared).await;
    let [step] = plan.steps.as_slice() else { panic!("{plan:?}") };
    let peers = json!([{"GroupId": peer, "UserId": OTHER_ACCOUNT}]);
    assert_eq!(step.parameters["IpPermissions"][0]["UserIdGroupPairs"], peers);
    stage.call(step).await;
    assert_eq!(stage.compare(&declared).await.1, []);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_made_again_and_found_done() {
    let stage = Stage::new("SECURITY_GROUP", "us-east-1", create).await;
    let baseline = stage.state().await;
    for rule in [office_in(), list()] {
        forbid(Way::In, rule)(&stage.direct, &stage.key.resource_id).await;
    }
    let (_, plan) = stage.plan(&baseline).await;
    let [step] = plan.steps.as_slice() else { panic!("{plan:?}") };
    stage.proxy.add(Rule::on(step.operation, Effect::Cut).only_call(1));
    let receipt = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap();
    assert!(receipt.nothing_to_do, "the first call took effect");
    assert_eq!(stage.state().await, baseline);
}

#[tokio::test]
async fn a_refused_call_says_why_and_which_action_it_takes() {
    let stage = Stage::new("SECURITY_GROUP", "us-east-1", create).await;
    let baseline = stage.state().await;
    allow(Way::In, v4("tcp", 22, 22, "0.0.0.0/0", ""))(&stage.direct, &stage.key.resource_id).await;
    let (_, plan) = stage.plan(&baseline).await;
    let [step] = plan.steps.as_slice() else { panic!("{plan:?}") };
    for (effect, class) in [
        (Effect::Denied, ErrorClass::Denied),
        (Effect::Throttled, ErrorClass::Throttled),
        (Effect::Broken, ErrorClass::Unavailable),
    ] {
        stage.proxy.add(Rule::on(step.operation, effect));
        let error = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap_err();
        stage.proxy.clear_rules();
        let FixError::Aws(told) = &error else { panic!("{error}") };
        assert_eq!((told.class, error.is_transient()), (class, class != ErrorClass::Denied));
        let action = (class == ErrorClass::Denied).then_some("ec2:RevokeSecurityGroupIngress");
        assert_eq!(told.missing_action.as_deref(), action);
        assert_eq!(told.detail.contains("`driftsentry iam-policy remediate`"), action.is_some(), "{error}");
    }
    let other = driftsentry::resource::FixStep { parameters: json!({"GroupId": 7}), ..step.clone() };
    let error = stage.kind.call(&stage.aws, &stage.key, &other).await.unwrap_err();
    assert!(matches!(error, FixError::Unfit { .. }), "{error}");
    let foreign = driftsentry::resource::FixStep { operation: "DeleteSecurityGroup", ..step.clone() };
    let error = stage.kind.call(&stage.aws, &stage.key, &foreign).await.unwrap_err();
    assert!(matches!(error, FixError::Unfit { .. }), "{error}");
}

fn permission(protocol: &str, from: i32, to: i32) -> aws_sdk_ec2::types::builders::IpPermissionBuilder {
    let permission = IpPermission::builder().ip_protocol(protocol);
    if protocol == "-1" { permission } else { permission.from_port(from).to_port(to) }
}

fn v4(protocol: &str, from: i32, to: i32, cidr: &str, description: &str) -> IpPermission {
    let description = (!description.is_empty()).then(|| description.to_owned());
    let range = IpRange::builder().cidr_ip(cidr).set_description(description).build();
    permission(protocol, from, to).ip_ranges(range).build()
}

fn office_in() -> IpPermission {
    v4("tcp", 443, 443, "10.0.0.0/8", "")
}

fn office() -> IpPermission {
    v4("udp", 53, 53, "10.0.0.0/8", "names")
}

fn v6() -> IpPermission {
    permission("tcp", 5432, 5433).ipv6_ranges(Ipv6Range::builder().cidr_ipv6("2001:db8::/32").build()).build()
}

fn list() -> IpPermission {
    let list = PrefixListId::builder().prefix_list_id(PREFIX_LIST).build();
    permission("tcp", 443, 443).prefix_list_ids(list).build()
}

/// A rule for the group called `name`, as one of another account if that is given.
async fn of_peer(aws: &Aws, name: &str, account: Option<&str>) -> IpPermission {
    let by_name = Filter::builder().name("group-name").values(name).build();
    let found = aws.ec2.describe_security_groups().filters(by_name).send().await.expect("the peer");
    let id = found.security_groups()[0].group_id().expect("its id").to_owned();
    let pair = UserIdGroupPair::builder().group_id(id).set_user_id(account.map(str::to_owned));
    permission("tcp", 9000, 9010).user_id_group_pairs(pair.build()).build()
}

fn allow_peer(name: &'static str, account: Option<&'static str>) -> Act {
    Box::new(move |aws, group| {
        Box::pin(async move { allow(Way::In, of_peer(aws, name, account).await)(aws, group).await })
    })
}

fn forbid_peer(name: &'static str, account: Option<&'static str>) -> Act {
    Box::new(move |aws, group| {
        Box::pin(async move { forbid(Way::In, of_peer(aws, name, account).await)(aws, group).await })
    })
}

fn of_self(group: &str) -> IpPermission {
    permission("tcp", 8443, 8443).user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build()).build()
}

fn allow(way: Way, rule: IpPermission) -> Act {
    Box::new(move |aws, group| {
        let rule = rule.clone();
        Box::pin(async move {
            let (ingress, egress) =
                (aws.ec2.authorize_security_group_ingress(), aws.ec2.authorize_security_group_egress());
            match way {
                Way::In => drop(ingress.group_id(group).ip_permissions(rule).send().await.expect("allow")),
                Way::Out => drop(egress.group_id(group).ip_permissions(rule).send().await.expect("allow")),
            }
        })
    })
}

fn forbid(way: Way, rule: IpPermission) -> Act {
    Box::new(move |aws, group| {
        let rule = rule.clone();
        Box::pin(async move {
            let (ingress, egress) = (aws.ec2.revoke_security_group_ingress(), aws.ec2.revoke_security_group_egress());
            match way {
                Way::In => drop(ingress.group_id(group).ip_permissions(rule).send().await.expect("forbid")),
                Way::Out => drop(egress.group_id(group).ip_permissions(rule).send().await.expect("forbid")),
            }
        })
    })
}

fn described(way: Way, rule: IpPermission) -> Act {
    Box::new(move |aws, group| {
        let rule = rule.clone();
        Box::pin(async move {
            let ingress = aws.ec2.update_security_group_rule_descriptions_ingress();
            let egress = aws.ec2.update_security_group_rule_descriptions_egress();
            match way {
                Way::In => drop(ingress.group_id(group).ip_permissions(rule).send().await.expect("describe")),
                Way::Out => drop(egress.group_id(group).ip_permissions(rule).send().await.expect("describe")),
            }
        })
    })
}

fn allow_self(way: Way) -> Act {
    Box::new(move |aws, group| Box::pin(async move { allow(way, of_self(group))(aws, group).await }))
}

fn forbid_self(way: Way) -> Act {
    Box::new(move |aws, group| Box::pin(async move { forbid(way, of_self(group))(aws, group).await }))
}

fn both(first: Act, second: Act) -> Act {
    Box::new(move |aws, group| {
        let (first, second) = (first(aws, group), second(aws, group));
        Box::pin(async move {
            first.await;
            second.await;
        })
    })
}

fn tag(key: &'static str, value: &'static str) -> Act {
    Box::new(move |aws, group| {
        let call = aws.ec2.create_tags().resources(group).tags(Tag::builder().key(key).value(value).build());
        Box::pin(async { drop(call.send().await.expect("tag")) })
    })
}

fn untag(key: &'static str) -> Act {
    Box::new(move |aws, group| {
        let call = aws.ec2.delete_tags().resources(group).tags(Tag::builder().key(key).build());
        Box::pin(async { drop(call.send().await.expect("untag")) })
    })
}

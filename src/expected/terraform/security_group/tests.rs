//! Groups and their rules: every row of the tables, and what AWS and Terraform write in two ways.

use serde_json::{Value, json};

use super::{EGRESS, INGRESS, TYPES};
use crate::expected::terraform::laws;

const ID: &str = "sg-0123456789abcdef0";

/// A group as a state holds it; `more` replaces or adds attributes.
fn group(more: &Value) -> (&'static str, Value) {
    let mut group = json!({
        "arn": format!("arn:aws:ec2:us-east-1:123456789012:security-group/{ID}"),
        "description": "Managed by Terraform",
        "egress": [],
        "id": ID,
        "ingress": [],
        "name": "web",
        "name_prefix": "",
        "owner_id": "123456789012",
        "revoke_rules_on_delete": false,
        "tags": null,
        "tags_all": {},
        "timeouts": null,
        "vpc_id": "vpc-0123456789abcdef0",
    });
    for (name, value) in more.as_object().expect("attributes") {
        group[name] = value.clone();
    }
    ("aws_security_group", group)
}

/// A block of a group.
fn block(protocol: &str, ports: (i32, i32), more: &Value) -> Value {
    let mut block = json!({
        "cidr_blocks": [],
        "description": "",
        "from_port": ports.0,
        "ipv6_cidr_blocks": [],
        "prefix_list_ids": [],
        "protocol": protocol,
        "security_groups": [],
        "self": false,
        "to_port": ports.1,
    });
    for (name, value) in more.as_object().expect("attributes") {
        block[name] = value.clone();
    }
    block
}

/// A rule that is a resource of its own.
fn rule(direction: &str, protocol: &str, ports: (i32, i32), more: &Value) -> (&'static str, Value) {
    let mut rule = json!({
        "cidr_blocks": null,
        "description": null,
        "from_port": ports.0,
        "id": "sgrule-1036035170",
        "ipv6_cidr_blocks": null,
        "prefix_list_ids": null,
        "protocol": protocol,
        "security_group_id": ID,
        "self": false,
        "source_security_group_id": null,
        "to_port": ports.1,
        "type": direction,
    });
    for (name, value) in more.as_object().expect("attributes") {
        rule[name] = value.clone();
    }
    ("aws_security_group_rule", rule)
}

/// A rule of one source that is a resource of its own.
fn vpc_rule(direction: &str, protocol: &str, ports: &Value, more: &Value) -> (&'static str, Value) {
    let mut rule = json!({
        "cidr_ipv4": null,
        "cidr_ipv6": null,
        "description": null,
        "from_port": ports[0],
        "id": "sgr-0123456789abcdef0",
        "ip_protocol": protocol,
        "prefix_list_id": null,
        "referenced_security_group_id": null,
        "security_group_id": ID,
        "security_group_rule_id": "sgr-0123456789abcdef0",
        "tags": null,
        "tags_all": {},
        "to_port": ports[1],
    });
    for (name, value) in more.as_object().expect("attributes") {
        rule[name] = value.clone();
    }
    (
        if direction == "ingress" {
            "aws_vpc_security_group_ingress_rule"
        } else {
            "aws_vpc_security_group_egress_rule"
        },
        rule,
    )
}

/// The rules that instances declare, as `key` or `key = description`.
fn rules(attribute: &str, instances: &[(&'static str, Value)]) -> Vec<String> {
    let state = laws::state(&[TYPES], instances);
    let rules = state.get(attribute).and_then(Value::as_object).expect("rules").iter();
    let shown = rules.map(|(key, rule)| match rule["Description"].as_str().expect("a description") {
        "" => key.clone(),
        description => format!("{key} = {description}"),
    });
    shown.collect()
}

/// What is told of instances that declare nothing.
fn fault(instances: &[(&'static str, Value)]) -> String {
    let (declared, problems) = laws::declared(&[TYPES], instances);
    assert!(declared.is_empty(), "{declared:?}");
    problems.join("\n")
}

const EVERY_SOURCE: [(&str, &str); 3] =
    [("cidr_blocks", "10.0.0.0/8"), ("ipv6_cidr_blocks", "2001:db8::/32"), ("prefix_list_ids", "pl-0a1")];

#[test]
fn every_row_is_true() {
    let mut examples = Vec::new();
    for direction in ["ingress", "egress"] {
        for (attribute, source) in EVERY_SOURCE.into_iter().chain([("security_groups", "sg-0a1")]) {
            let block = block("tcp", (80, 90), &json!({attribute: [source], "description": "web"}));
            examples.push(vec![group(&json!({direction: [block], "tags": {"Team": "web"}}))]);
        }
        let block = block("tcp", (80, 90), &json!({"cidr_blocks": ["10.0.0.0/8"]}));
        examples.push(vec![group(&json!({direction: [block], "tags_all": {"Team": "web"}}))]);
        for (attribute, source) in EVERY_SOURCE {
            let rule = rule(direction, "tcp", (80, 90), &json!({attribute: [source], "description": "web"}));
            examples.push(vec![group(&json!({})), rule]);
        }
        let peer = json!({"source_security_group_id": "sg-0a1"});
        examples.push(vec![group(&json!({})), rule(direction, "tcp", (80, 90), &peer)]);
        for (attribute, source) in [
            ("cidr_ipv4", "10.0.0.0/8"),
            ("cidr_ipv6", "2001:db8::/32"),
            ("prefix_list_id", "pl-0a1"),
            ("referenced_security_group_id", "sg-0a1"),
        ] {
            let more = json!({attribute: source, "description": "web"});
            examples.push(vec![group(&json!({})), vpc_rule(direction, "tcp", &json!([80, 90]), &more)]);
        }
    }
    let (_, old) = group(&json!({"tags": {"Team": "web"}, "tags_all": null}));
    examples.push(vec![("aws_security_group", old.clone())]);
    examples.extend(examples.clone().into_iter().map(|mut example| {
        example[0].0 = "aws_default_security_group";
        example
    }));
    let tag = json!({"id": format!("{ID},Env"), "key": "Env", "resource_id": ID, "value": "prod"});
    examples.push(vec![group(&json!({})), ("aws_ec2_tag", tag)]);
    laws::every_row_is_true(&[TYPES], &examples);
}

#[test]
fn a_rule_of_many_sources_is_many_rules() {
    let sources = json!({
        "cidr_blocks": ["10.0.0.0/8", "172.16.0.0/12"],
        "ipv6_cidr_blocks": ["2001:DB8:0:0::/64"],
        "prefix_list_ids": ["pl-0a1"],
        "description": "from inside",
    });
    let keys = [
        "tcp:443-443:10.0.0.0/8 = from inside",
        "tcp:443-443:172.16.0.0/12 = from inside",
        "tcp:443-443:2001:db8::/64 = from inside",
        "tcp:443-443:pl-0a1 = from inside",
    ];
    assert_eq!(rules(INGRESS, &[group(&json!({})), rule("ingress", "tcp", (443, 443), &sources)]), keys);
    assert_eq!(rules(EGRESS, &[group(&json!({"egress": [block("tcp", (443, 443), &sources)]}))]), keys);
}

#[test]
fn one_rule_has_one_key_however_it_is_written() {
    let anywhere = json!({"cidr_ipv4": "0.0.0.0/0"});
    for (protocol, ports, key) in [
        ("-1", json!([null, null]), "all:all:0.0.0.0/0"),
        ("-1", json!([-1, -1]), "all:all:0.0.0.0/0"),
        ("-1", json!([0, 0]), "all:all:0.0.0.0/0"),
        ("all", json!([0, 65535]), "all:all:0.0.0.0/0"),
        ("6", json!([22, 22]), "tcp:22-22:0.0.0.0/0"),
        ("17", json!([53, 53]), "udp:53-53:0.0.0.0/0"),
        ("tcp", json!([0, 65535]), "tcp:0-65535:0.0.0.0/0"),
        ("icmp", json!([-1, -1]), "icmp:-1--1:0.0.0.0/0"),
        ("icmp", json!([8, 0]), "icmp:8-0:0.0.0.0/0"),
        ("58", json!([128, 0]), "icmpv6:128-0:0.0.0.0/0"),
        ("50", json!([null, null]), "50:all:0.0.0.0/0"),
        ("50", json!([0, 0]), "50:all:0.0.0.0/0"),
    ] {
        assert_eq!(rules(INGRESS, &[group(&json!({})), vpc_rule("ingress", protocol, &ports, &anywhere)]), [key]);
    }
}

#[test]
fn the_group_itself_and_its_own_account_are_left_unsaid() {
    let own = format!("123456789012/{ID}");
    let sources = json!([own, "123456789012/sg-0a1", "210987654321/sg-0b2", "sg-0c3"]);
    let keys = ["tcp:1-1:210987654321/sg-0b2", "tcp:1-1:self", "tcp:1-1:sg-0a1", "tcp:1-1:sg-0c3"];
    let blocks = [block("tcp", (1, 1), &json!({"security_groups": sources}))];
    assert_eq!(rules(INGRESS, &[group(&json!({"ingress": blocks}))]), keys);
    // Providers write the group's own id beside `self`, too.
    let own = rule("ingress", "tcp", (1, 1), &json!({"self": true, "source_security_group_id": ID}));
    assert_eq!(rules(INGRESS, &[group(&json!({})), own]), ["tcp:1-1:self"]);
    let own = vpc_rule("egress", "tcp", &json!([1, 1]), &json!({"referenced_security_group_id": ID}));
    assert_eq!(rules(EGRESS, &[group(&json!({})), own]), ["tcp:1-1:self"]);
}

#[test]
fn rules_of_their_own_win_over_blocks_in_each_direction_by_itself() {
    let all = || block("-1", (0, 0), &json!({"cidr_blocks": ["0.0.0.0/0"]}));
    let stale = || block("tcp", (22, 22), &json!({"cidr_blocks": ["0.0.0.0/0"]}));
    let web = || block("tcp", (443, 443), &json!({"cidr_blocks": ["10.0.0.0/8"]}));
    let own = || rule("ingress", "tcp", (443, 443), &json!({"cidr_blocks": ["10.0.0.0/8"]}));
    for ingress in [json!([]), json!([web()]), json!([stale(), web()])] {
        let instances = [own(), group(&json!({"ingress": ingress, "egress": [all()]}))];
        assert_eq!(rules(INGRESS, &instances), ["tcp:443-443:10.0.0.0/8"]);
        assert_eq!(rules(EGRESS, &instances), ["all:all:0.0.0.0/0"]);
    }
    let instances = [group(&json!({"ingress": [web()], "egress": []}))];
    assert_eq!((rules(INGRESS, &instances).len(), rules(EGRESS, &instances).len()), (1, 0), "no rule is a fact");
}

#[test]
fn rules_of_all_forms_are_one_set_and_may_overlap() {
    let instances = [
        group(&json!({})),
        rule("ingress", "tcp", (443, 443), &json!({"cidr_blocks": ["10.0.0.0/8", "172.16.0.0/12"]})),
        rule("ingress", "6", (443, 443), &json!({"cidr_blocks": ["172.16.0.0/12"], "description": ""})),
        vpc_rule("ingress", "tcp", &json!([22, 22]), &json!({"prefix_list_id": "pl-0a1"})),
    ];
    let keys = ["tcp:22-22:pl-0a1", "tcp:443-443:10.0.0.0/8", "tcp:443-443:172.16.0.0/12"];
    assert_eq!(rules(INGRESS, &instances), keys);
}

#[test]
fn rules_that_differ_in_their_description_alone_are_a_conflict() {
    let described = |text: &str| rule("ingress", "tcp", (1, 1), &json!({"self": true, "description": text}));
    let told = fault(&[group(&json!({})), described("one"), described("other")]);
    assert!(
        told.contains("IngressRules has `tcp:1-1:self` in terraform.tfstate#aws_security_group_rule.example"),
        "{told}"
    );
}

#[test]
fn a_rule_that_cannot_be_read_leaves_its_group_undecided() {
    for broken in [json!({"protocol": null}), json!({"protocol": "tpc"}), json!({"to_port": 7})] {
        let mut more = json!({"cidr_blocks": ["10.0.0.0/8"]});
        more.as_object_mut().expect("attributes").extend(broken.as_object().expect("attributes").clone());
        let told = fault(&[group(&json!({})), rule("ingress", "tcp", (22, 22), &more)]);
        assert!(told.contains("protocol") || told.contains("ports"), "{told}");
    }
}

#[test]
fn a_state_reduced_to_less_than_a_rule_says_nothing_of_it() {
    let reduced = json!({"id": "sgrule-1", "security_group_id": ID, "source_security_group_id": "sg-0a1"});
    let refreshed = block("tcp", (22, 22), &json!({"security_groups": ["sg-0a1"]}));
    let instances = [group(&json!({"ingress": [refreshed]})), ("aws_security_group_rule", reduced)];
    assert_eq!(rules(INGRESS, &instances), ["tcp:22-22:sg-0a1"]);
}

#[test]
fn what_a_state_does_not_tell_is_not_declared() {
    let state = laws::state(&[TYPES], &[("aws_security_group", json!({"id": ID, "ingress": []}))]);
    assert_eq!(state.to_value(), json!({"IngressRules": {}}));
}

#[test]
fn a_rule_of_an_undeclared_group_declares_nothing() {
    let rule = rule("ingress", "tcp", (22, 22), &json!({"cidr_blocks": ["10.0.0.0/8"]}));
    let (declared, problems) = laws::declared(&[TYPES], &[rule]);
    assert!(declared.is_empty() && problems.is_empty(), "{declared:?} {problems:?}");
}

#[test]
fn tags_are_those_with_the_defaults_of_the_provider() {
    let tags = |more: Value| laws::state(&[TYPES], &[group(&more)]).get("Tags").cloned();
    assert_eq!(tags(json!({"tags": {"a": "b"}, "tags_all": {"a": "b", "c": "d"}})), Some(json!({"a": "b", "c": "d"})));
    assert_eq!(tags(json!({"tags": {"a": "b"}, "tags_all": null})), Some(json!({"a": "b"})));
    assert_eq!(tags(json!({"tags": null, "tags_all": null})), Some(json!({})));
}

#[test]
fn a_tag_of_its_own_adds_to_those_of_the_group_and_is_newer_than_its_copy_there() {
    let tag = json!({"id": format!("{ID},Env"), "key": "Env", "resource_id": ID, "value": "prod"});
    let tags = |more: Value| {
        let instances = [("aws_ec2_tag", tag.clone()), group(&more)];
        laws::state(&[TYPES], &instances).get("Tags").cloned()
    };
    assert_eq!(tags(json!({"tags_all": {"Team": "web"}})), Some(json!({"Team": "web", "Env": "prod"})));
    assert_eq!(tags(json!({"tags_all": {"Env": "test"}})), Some(json!({"Env": "prod"})));
    let untagged = [("aws_ec2_tag", tag.clone()), ("aws_security_group", json!({"id": ID, "name": "web"}))];
    assert_eq!(laws::state(&[TYPES], &untagged).get("Tags"), None, "the other tags are not known");
}

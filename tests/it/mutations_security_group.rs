//! What people do to a security group, one change at a time.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, Tag, UserIdGroupPair};
use driftsentry::domain::severity::Severity::{self, Critical, Info, Warning};
use driftsentry::domain::state::escape;
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use crate::mutation::{Act, How, Mutation};

const LISTING: &str = "DescribeSecurityGroups";
const OFFICE: &str = "10.0.0.0/8";
const FROM_OFFICE: &str = "from the office";
const DESCRIPTION: &str = "web servers";

/// Creates a group with every attribute set, and returns its id.
pub async fn create(aws: &Aws) -> String {
    let vpc = aws.ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.expect("create a VPC");
    let vpc = vpc.vpc.and_then(|vpc| vpc.vpc_id).expect("its id");
    let group = aws.ec2.create_security_group().group_name("web").description(DESCRIPTION).vpc_id(vpc);
    let group = group.send().await.expect("create a group").group_id.expect("its id");
    tag("Env", "prod")(aws, &group).await;
    tag("Owner", "web")(aws, &group).await;
    allow(Way::In, https())(aws, &group).await;
    allow_self("tcp", 8443)(aws, &group).await;
    group
}

/// Every single change of every attribute.
pub fn mutations() -> Vec<Mutation> {
    [ingress(), egress(), settings(), tags()].into_iter().flatten().collect()
}

#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

fn ingress() -> Vec<Mutation> {
    let added = |rule: IpPermission, key: &str, description: &str, severity| {
        let how = How::Api { apply: allow(Way::In, rule.clone()), undo: forbid(Way::In, rule) };
        mutation("IngressRules", key, how, None, Some(json!({"Description": description})), severity)
    };
    let mut mutations = vec![
        added(v4("tcp", 22, 22, "0.0.0.0/0", ""), "tcp:22-22:0.0.0.0/0", "", Critical),
        added(v4("tcp", 443, 443, "0.0.0.0/0", "launch day"), "tcp:443-443:0.0.0.0/0", "launch day", Critical),
        added(v4("-1", -1, -1, "0.0.0.0/0", ""), "all:all:0.0.0.0/0", "", Critical),
        added(v4("udp", 53, 53, "128.0.0.0/1", ""), "udp:53-53:128.0.0.0/1", "", Critical),
        added(v6("tcp", 5432, 5433, "::/0"), "tcp:5432-5433:::/0", "", Critical),
        added(v6("tcp", 22, 22, "2001:db8::/32"), "tcp:22-22:2001:db8::/32", "", Warning),
        added(v4("tcp", 8080, 8080, "192.0.2.0/24", "a partner"), "tcp:8080-8080:192.0.2.0/24", "a partner", Warning),
        added(v4("icmp", 8, -1, OFFICE, ""), "icmp:8--1:10.0.0.0/8", "", Warning),
        added(v4("50", -1, -1, OFFICE, ""), "50:all:10.0.0.0/8", "", Warning),
    ];
    let how = How::Api { apply: forbid(Way::In, https()), undo: allow(Way::In, https()) };
    let was = Some(json!({"Description": FROM_OFFICE}));
    mutations.push(mutation("IngressRules", "tcp:443-443:10.0.0.0/8", how, was, None, Warning));
    let how = How::Api { apply: allow_self("udp", 7946), undo: forbid_self("udp", 7946) };
    let to = Some(json!({"Description": ""}));
    mutations.push(mutation("IngressRules", "udp:7946-7946:self", how, None, to, Warning));
    let how = How::Api { apply: forbid_self("tcp", 8443), undo: allow_self("tcp", 8443) };
    let was = Some(json!({"Description": ""}));
    mutations.push(mutation("IngressRules", "tcp:8443-8443:self", how, was, None, Warning));
    mutations.push(described());
    mutations
}

fn described() -> Mutation {
    let how = How::Api { apply: describe_office("ask Kim"), undo: describe_office(FROM_OFFICE) };
    let pointer = format!("/IngressRules/{}/Description", escape("tcp:443-443:10.0.0.0/8"));
    let (from, to) = (Some(json!(FROM_OFFICE)), Some(json!("ask Kim")));
    Mutation { attribute: "IngressRules", how, pointer, from, to, severity: Info, cost: Some("0.00") }
}

fn egress() -> Vec<Mutation> {
    let everything = || v4("-1", -1, -1, "0.0.0.0/0", "");
    let how = How::Api { apply: forbid(Way::Out, everything()), undo: allow(Way::Out, everything()) };
    let was = Some(json!({"Description": ""}));
    let closed = mutation("EgressRules", "all:all:0.0.0.0/0", how, was, None, Warning);
    let added = |rule: IpPermission, key: &str, severity| {
        let how = How::Api { apply: allow(Way::Out, rule.clone()), undo: forbid(Way::Out, rule) };
        mutation("EgressRules", key, how, None, Some(json!({"Description": ""})), severity)
    };
    vec![
        closed,
        added(v4("tcp", 25, 25, "0.0.0.0/0", ""), "tcp:25-25:0.0.0.0/0", Critical),
        mutation("EgressRules", "all:all:::/0", v6_everywhere(), None, Some(json!({"Description": ""})), Critical),
        added(v4("tcp", 5432, 5432, OFFICE, ""), "tcp:5432-5432:10.0.0.0/8", Warning),
    ]
}

/// The emulator cannot revoke what it allows to IPv6.
fn v6_everywhere() -> How {
    let from = "<ipPermissionsEgress>";
    let rule =
        "<item><ipProtocol>-1</ipProtocol><ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges></item>";
    How::Rewrite { operation: LISTING, from: from.to_owned(), to: format!("{from}{rule}") }
}

fn settings() -> Vec<Mutation> {
    let rewrite = |element: &str, from: &str, to: &str| How::Rewrite {
        operation: LISTING,
        from: format!("<{element}>{from}</{element}>"),
        to: format!("<{element}>{to}</{element}>"),
    };
    let text = |text: &str| Some(json!(text));
    let (description, name, vpc) = (
        rewrite("groupDescription", DESCRIPTION, "old web servers"),
        rewrite("groupName", "web", "web-2"),
        rewrite("vpcId", "{/VpcId}", "vpc-0feed"),
    );
    vec![
        mutation("Description", "", description, text(DESCRIPTION), text("old web servers"), Info),
        mutation("GroupName", "", name, text("web"), text("web-2"), Warning),
        mutation("VpcId", "", vpc, text("{/VpcId}"), text("vpc-0feed"), Warning),
    ]
}

fn tags() -> Vec<Mutation> {
    let changed = How::Api { apply: tag("Env", "test"), undo: tag("Env", "prod") };
    let added = How::Api { apply: tag("a/b~c", "1"), undo: untag("a/b~c") };
    let removed = How::Api { apply: untag("Owner"), undo: tag("Owner", "web") };
    vec![
        mutation("Tags", "Env", changed, Some(json!("prod")), Some(json!("test")), Info),
        mutation("Tags", "a/b~c", added, None, Some(json!("1")), Info),
        mutation("Tags", "Owner", removed, Some(json!("web")), None, Info),
    ]
}

/// A change of an attribute, or of one key of it. Security groups cost nothing.
fn mutation(
    attribute: &'static str,
    key: &str,
    how: How,
    from: Option<Value>,
    to: Option<Value>,
    severity: Severity,
) -> Mutation {
    let pointer = if key.is_empty() { format!("/{attribute}") } else { format!("/{attribute}/{}", escape(key)) };
    Mutation { attribute, how, pointer, from, to, severity, cost: Some("0.00") }
}

fn https() -> IpPermission {
    v4("tcp", 443, 443, OFFICE, FROM_OFFICE)
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

fn v6(protocol: &str, from: i32, to: i32, cidr: &str) -> IpPermission {
    permission(protocol, from, to).ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).build()).build()
}

fn of_self(group: &str, protocol: &str, port: i32) -> IpPermission {
    permission(protocol, port, port).user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build()).build()
}

fn allow(way: Way, rule: IpPermission) -> Act {
    Box::new(move |aws, group| {
        let rule = rule.clone();
        Box::pin(async move {
            match way {
                Way::In => {
                    let call = aws.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(rule);
                    drop(call.send().await.expect("allow"));
                }
                Way::Out => {
                    let call = aws.ec2.authorize_security_group_egress().group_id(group).ip_permissions(rule);
                    drop(call.send().await.expect("allow"));
                }
            }
        })
    })
}

fn forbid(way: Way, rule: IpPermission) -> Act {
    Box::new(move |aws, group| {
        let rule = rule.clone();
        Box::pin(async move {
            match way {
                Way::In => {
                    let call = aws.ec2.revoke_security_group_ingress().group_id(group).ip_permissions(rule);
                    drop(call.send().await.expect("forbid"));
                }
                Way::Out => {
                    let call = aws.ec2.revoke_security_group_egress().group_id(group).ip_permissions(rule);
                    drop(call.send().await.expect("forbid"));
                }
            }
        })
    })
}

fn allow_self(protocol: &'static str, port: i32) -> Act {
    Box::new(move |aws, group| {
        Box::pin(async move { allow(Way::In, of_self(group, protocol, port))(aws, group).await })
    })
}

fn forbid_self(protocol: &'static str, port: i32) -> Act {
    Box::new(move |aws, group| {
        Box::pin(async move { forbid(Way::In, of_self(group, protocol, port))(aws, group).await })
    })
}

fn describe_office(description: &'static str) -> Act {
    Box::new(move |aws, group| {
        Box::pin(async move {
            let rule = v4("tcp", 443, 443, OFFICE, description);
            let call = aws.ec2.update_security_group_rule_descriptions_ingress().group_id(group).ip_permissions(rule);
            call.send().await.expect("describe the rule");
        })
    })
}

fn tag(key: &'static str, value: &'static str) -> Act {
    Box::new(move |aws, group| {
        Box::pin(async move {
            let tag = Tag::builder().key(key).value(value).build();
            aws.ec2.create_tags().resources(group).tags(tag).send().await.expect("tag");
        })
    })
}

fn untag(key: &'static str) -> Act {
    Box::new(move |aws, group| {
        Box::pin(async move {
            let tag = Tag::builder().key(key).build();
            aws.ec2.delete_tags().resources(group).tags(tag).send().await.expect("untag");
        })
    })
}

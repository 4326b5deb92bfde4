//! Changes of security groups and of roles: who may do what.

use serde_json::{Value, json};

use super::{Row, allow_more, other, pop, push, row, swap};

const SG: &str = "SECURITY_GROUP";
const IAM: &str = "IAM_ROLE";

/// Terraform attributes that hold groups.
const GROUPS: &[&str] = &["security_groups[*]", "source_security_group_id", "referenced_security_group_id", "self"];
const V4: &[&str] = &["cidr_blocks[*]", "cidr_ipv4"];
const V6: &[&str] = &["ipv6_cidr_blocks[*]", "cidr_ipv6"];
const LISTS: &[&str] = &["prefix_list_ids[*]", "prefix_list_id"];

fn protocol(value: &mut Value) {
    if *value == "tcp" || *value == "udp" {
        swap(value, "tcp", "udp");
    }
}

fn lower(value: &mut Value) {
    if let Some(port) = value.as_i64() {
        *value = if port > 0 { port - 1 } else { 3 }.into();
    }
}

fn describe(value: &mut Value) {
    *value = "changed by hand".into();
}

fn more_v4(value: &mut Value) {
    push(value, json!({"cidrIp": "203.0.113.0/24"}));
}

fn more_v6(value: &mut Value) {
    push(value, json!({"cidrIpv6": "2001:db8:ffff::/48"}));
}

fn more_lists(value: &mut Value) {
    push(value, json!({"prefixListId": "pl-0more"}));
}

fn more_groups(value: &mut Value) {
    push(value, json!({"userId": "111111111111", "groupId": "sg-0more"}));
}

pub const GROUP: &[Row] = &[
    row(SG, "/Description", "/group/groupDescription", other),
    row(SG, "/GroupName", "/group/groupName", other),
    row(SG, "/Tags/*", "/group/tagSet/item/*/value", other),
    row(SG, "/Tags/*", "/group/tagSet/item", |value| push(value, json!({"key": "More", "value": "x"}))),
    row(SG, "/VpcId", "/group/vpcId", other),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/ipProtocol", protocol).of(&["protocol", "ip_protocol"]),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/fromPort", lower).of(&["from_port"]),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/toPort", other).of(&["to_port"]),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/ipRanges/item", more_v4).of(V4),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/ipRanges/item", pop).of(V4),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/ipv6Ranges/item", more_v6).of(V6),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/prefixListIds/item", more_lists).of(LISTS),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/groups/item", more_groups).of(GROUPS),
    row(SG, "/IngressRules/*", "/group/ipPermissions/item/*/groups/item", pop).of(GROUPS),
    row(SG, "/IngressRules/*/Description", "/group/ipPermissions/item/*/ipRanges/item/*/description", describe),
    row(SG, "/IngressRules/*/Description", "/group/ipPermissions/item/*/groups/item/*/description", describe),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/ipProtocol", protocol)
        .of(&["protocol", "ip_protocol"]),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/fromPort", lower).of(&["from_port"]),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/toPort", other).of(&["to_port"]),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/ipRanges/item", more_v4).of(V4),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/ipRanges/item", pop).of(V4),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/ipv6Ranges/item", more_v6).of(V6),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/prefixListIds/item", more_lists).of(LISTS),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/groups/item", more_groups).of(GROUPS),
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item/*/groups/item", pop).of(GROUPS),
    row(SG, "/EgressRules/*/Description", "/group/ipPermissionsEgress/item/*/ipRanges/item/*/description", describe),
    // A group lets out all that it was not told of, as AWS makes new ones.
    row(SG, "/EgressRules/*", "/group/ipPermissionsEgress/item", |value| {
        push(value, json!({"ipProtocol": "-1", "ipRanges": {"item": [{"cidrIp": "198.51.100.0/24"}]}}));
    })
    .of(&["egress"]),
];

pub const ROLE: &[Row] = &[
    row(IAM, "/AssumeRolePolicyDocument", "/detail/%AssumeRolePolicyDocument", allow_more),
    row(IAM, "/AttachedPolicies/*", "/detail/AttachedManagedPolicies/member", |value| {
        push(
            value,
            json!({"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        );
    }),
    row(IAM, "/AttachedPolicies/*", "/detail/AttachedManagedPolicies/member", pop),
    row(IAM, "/Description", "/listed/Description", other),
    row(IAM, "/InlinePolicies/*", "/detail/RolePolicyList/member/*/%PolicyDocument", allow_more),
    row(IAM, "/InlinePolicies/*", "/detail/RolePolicyList/member", |value| {
        let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        push(value, json!({"PolicyName": "more", "%PolicyDocument": policy}));
    }),
    row(IAM, "/InlinePolicies/*", "/detail/RolePolicyList/member", pop),
    row(IAM, "/MaxSessionDuration", "/listed/MaxSessionDuration", other),
    row(IAM, "/Path", "/detail/Path", |value| *value = "/moved/".into()),
    row(IAM, "/PermissionsBoundary", "/detail/PermissionsBoundary/PermissionsBoundaryArn", other),
    row(IAM, "/Tags/*", "/detail/Tags/member/*/Value", other),
    row(IAM, "/Tags/*", "/detail/Tags/member", |value| push(value, json!({"Key": "More", "Value": "x"}))),
];

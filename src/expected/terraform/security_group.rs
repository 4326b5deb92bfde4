//! `aws_security_group`, `aws_default_security_group`, and the resources that are rules of a group.
//!
//! Rules in resources of their own win over the blocks of the group, for each direction by itself: the blocks of a
//! refreshed state hold copies of them, those of an unrefreshed one do not, and a group with rules of its own for what
//! comes in may still have blocks for what goes out.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::group_rule::{RULE, VPC_RULE, blocks};
use super::instance::Instance;
use super::mapping::{Mapping, Rank, Role, TerraformType};
use super::reading::{row, tags, text};

const SECURITY_GROUP: &str = "SECURITY_GROUP";
const INGRESS: &str = "IngressRules";
const EGRESS: &str = "EgressRules";

/// The tables.
pub(super) const TYPES: &[TerraformType] = &[
    group("aws_security_group"),
    group("aws_default_security_group"),
    TerraformType {
        name: "aws_security_group_rule",
        resource_type: SECURITY_GROUP,
        role: Role::Part,
        subjects: group_of_rule,
        mappings: &[
            Mapping {
                aws: INGRESS,
                from: RULE_PATHS,
                note: "where `type` is `ingress`; one entry for each source",
                rank: Rank::Split,
                read: |rule| if is_of(rule, "ingress") { RULE.rule(rule) } else { None },
            },
            Mapping {
                aws: EGRESS,
                from: RULE_PATHS,
                note: "where `type` is `egress`; one entry for each destination",
                rank: Rank::Split,
                read: |rule| if is_of(rule, "egress") { RULE.rule(rule) } else { None },
            },
        ],
    },
    TerraformType {
        name: "aws_vpc_security_group_ingress_rule",
        resource_type: SECURITY_GROUP,
        role: Role::Part,
        subjects: group_of_rule,
        mappings: &[vpc_rule(INGRESS)],
    },
    TerraformType {
        name: "aws_vpc_security_group_egress_rule",
        resource_type: SECURITY_GROUP,
        role: Role::Part,
        subjects: group_of_rule,
        mappings: &[vpc_rule(EGRESS)],
    },
    TerraformType {
        name: "aws_ec2_tag",
        resource_type: SECURITY_GROUP,
        role: Role::Part,
        subjects: |tag| {
            tag.attributes
                .text("resource_id")
                .filter(|id| id.starts_with("sg-"))
                .map(str::to_owned)
                .into_iter()
                .collect()
        },
        mappings: &[Mapping {
            aws: "Tags",
            from: &[("key", "/*"), ("value", "/*")],
            note: "where `resource_id` is a security group's",
            rank: Rank::Addition,
            read: |tag| {
                let (key, value) = (tag.attributes.text("key")?, tag.attributes.0.get("value")?);
                Some(Map::from_iter([(key.to_owned(), value.clone())]).into())
            },
        }],
    },
];

const RULE_PATHS: &[(&str, &str)] = &[
    ("cidr_blocks[*]", "/*"),
    ("description", "/*/Description"),
    ("from_port", "/*"),
    ("ipv6_cidr_blocks[*]", "/*"),
    ("prefix_list_ids[*]", "/*"),
    ("protocol", "/*"),
    ("self", "/*"),
    ("source_security_group_id", "/*"),
    ("to_port", "/*"),
];

const VPC_RULE_PATHS: &[(&str, &str)] = &[
    ("cidr_ipv4", "/*"),
    ("cidr_ipv6", "/*"),
    ("description", "/*/Description"),
    ("from_port", "/*"),
    ("ip_protocol", "/*"),
    ("prefix_list_id", "/*"),
    ("referenced_security_group_id", "/*"),
    ("to_port", "/*"),
];

const fn group(name: &'static str) -> TerraformType {
    TerraformType {
        name,
        resource_type: SECURITY_GROUP,
        role: Role::Owner,
        subjects: |group| group.attributes.text("id").map(str::to_owned).into_iter().collect(),
        mappings: GROUP,
    }
}

const GROUP: &[Mapping] = &[
    // An empty description is one: it is fixed when the group is made.
    Mapping {
        aws: "Description",
        from: &[("description", "")],
        note: "",
        rank: Rank::Inline,
        read: |group| group.attributes.get("description").cloned(),
    },
    row!("GroupName", "name", text),
    row!("VpcId", "vpc_id", text),
    Mapping {
        aws: "Tags",
        from: &[("tags_all.*", "/*"), ("tags.*", "/*")],
        note: "`tags` only where the state has no `tags_all`",
        rank: Rank::Inline,
        read: tags,
    },
    Mapping {
        aws: INGRESS,
        from: &[
            ("ingress[*].cidr_blocks[*]", "/*"),
            ("ingress[*].description", "/*/Description"),
            ("ingress[*].from_port", "/*"),
            ("ingress[*].ipv6_cidr_blocks[*]", "/*"),
            ("ingress[*].prefix_list_ids[*]", "/*"),
            ("ingress[*].protocol", "/*"),
            ("ingress[*].security_groups[*]", "/*"),
            ("ingress[*].self", "/*"),
            ("ingress[*].to_port", "/*"),
        ],
        note: INLINE_NOTE,
        rank: Rank::Inline,
        read: |group| blocks(group, "ingress"),
    },
    Mapping {
        aws: EGRESS,
        from: &[
            ("egress[*].cidr_blocks[*]", "/*"),
            ("egress[*].description", "/*/Description"),
            ("egress[*].from_port", "/*"),
            ("egress[*].ipv6_cidr_blocks[*]", "/*"),
            ("egress[*].prefix_list_ids[*]", "/*"),
            ("egress[*].protocol", "/*"),
            ("egress[*].security_groups[*]", "/*"),
            ("egress[*].self", "/*"),
            ("egress[*].to_port", "/*"),
        ],
        note: INLINE_NOTE,
        rank: Rank::Inline,
        read: |group| blocks(group, "egress"),
    },
];

const INLINE_NOTE: &str = "only where no rule of this direction is a resource of its own; one entry for each source";

const fn vpc_rule(aws: &'static str) -> Mapping {
    Mapping { aws, from: VPC_RULE_PATHS, note: "one source each", rank: Rank::Split, read: |rule| VPC_RULE.rule(rule) }
}

fn group_of_rule(rule: &Instance) -> Vec<String> {
    rule.attributes.text("security_group_id").map(str::to_owned).into_iter().collect()
}

fn is_of(rule: &Instance, direction: &str) -> bool {
    rule.attributes.get("type").and_then(Value::as_str) == Some(direction)
}

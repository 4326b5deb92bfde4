//! `aws_iam_role` and the resources that attach policies to it.

use serde_json::{Value, json};

use super::instance::Instance;
use super::mapping::{Mapping, Rank, Role, TerraformType};

const IAM_ROLE: &str = "IAM_ROLE";

/// The tables.
pub(super) const TYPES: &[TerraformType] = &[
    TerraformType {
        name: "aws_iam_role",
        resource_type: IAM_ROLE,
        role: Role::Owner,
        subjects: |role| role.attributes.text("name").map(str::to_owned).into_iter().collect(),
        mappings: &[Mapping {
            aws: "AttachedPolicies",
            from: &[("managed_policy_arns[*]", "/*")],
            note: "attachments in resources of their own win",
            rank: Rank::Inline,
            read: |role| role.attributes.get("managed_policy_arns").cloned(),
        }],
    },
    TerraformType {
        name: "aws_iam_role_policy_attachment",
        resource_type: IAM_ROLE,
        role: Role::Part,
        subjects: |attachment| attachment.attributes.text("role").map(str::to_owned).into_iter().collect(),
        mappings: &[Mapping {
            aws: "AttachedPolicies",
            from: &[("policy_arn", "/*")],
            note: "",
            rank: Rank::Split,
            read: attached,
        }],
    },
];

fn attached(attachment: &Instance) -> Option<Value> {
    attachment.attributes.text("policy_arn").map(|arn| json!([arn]))
}

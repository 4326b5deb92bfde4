//! `aws_iam_role` and the resources that attach policies to it or embed them in it.
//!
//! What is attached and embedded is a set, and what nobody declares in it is drift: a policy that somebody attached by
//! hand is the finding that matters most here. Which set is declared:
//! - resources of their own (`aws_iam_role_policy_attachment`, `aws_iam_role_policy` …), all of them together;
//! - without one, `managed_policy_arns` and `inline_policy` of the role itself. Where nobody wrote these they are what
//!   AWS had at the last refresh (mostly nothing), and stale beside a resource of its own;
//! - provider 2 and early 3, which know neither: undeclared without a resource of its own.
//!
//! An `…_exclusive` resource says that the set is complete: it declares even an empty one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::block::Block;
use super::instance::Instance;
use super::mapping::{Mapping, Rank, Role, TerraformType};
use super::reading;

const IAM_ROLE: &str = "IAM_ROLE";

/// The tables.
pub(super) const TYPES: &[TerraformType] = &[
    TerraformType {
        name: "aws_iam_role",
        resource_type: IAM_ROLE,
        role: Role::Owner,
        subjects: |role| {
            attributes(role).text("name").or(attributes(role).text("id")).map(role_name).into_iter().collect()
        },
        mappings: ROLE,
    },
    part("aws_iam_role_policy", |policy| embedded_in(policy).into_iter().collect(), ROLE_POLICY),
    part("aws_iam_role_policy_attachment", |it| named(it, "role").into_iter().collect(), ATTACHMENT),
    part(
        "aws_iam_policy_attachment",
        |it| attributes(it).texts("roles").into_iter().map(role_name).collect(),
        POLICY_ATTACHMENT,
    ),
    part("aws_iam_role_policies_exclusive", |it| named(it, "role_name").into_iter().collect(), POLICIES_EXCLUSIVE),
    part(
        "aws_iam_role_policy_attachments_exclusive",
        |it| named(it, "role_name").into_iter().collect(),
        ATTACHMENTS_EXCLUSIVE,
    ),
];

const fn part(
    name: &'static str,
    subjects: fn(&Instance) -> Vec<String>,
    mappings: &'static [Mapping],
) -> TerraformType {
    TerraformType { name, resource_type: IAM_ROLE, role: Role::Part, subjects, mappings }
}

const ROLE: &[Mapping] = &[
    Mapping {
        aws: "AssumeRolePolicyDocument",
        from: &[("assume_role_policy", "")],
        note: "",
        rank: Rank::Inline,
        read: |role| attributes(role).text("assume_role_policy").map(Value::from),
    },
    Mapping {
        aws: "AttachedPolicies",
        from: &[("managed_policy_arns[*]", "")],
        note: "attachments in resources of their own win; one that nobody declares is drift",
        rank: Rank::Inline,
        read: |role| list(attributes(role), "managed_policy_arns"),
    },
    Mapping {
        aws: "InlinePolicies",
        from: &[("inline_policy[*].name", ""), ("inline_policy[*].policy", "/*")],
        note: "policies in resources of their own win; one that nobody declares is drift",
        rank: Rank::Inline,
        read: |role| {
            attributes(role).get("inline_policy")?.is_array().then(|| {
                let policies = attributes(role).blocks("inline_policy").into_iter();
                policies.filter_map(embedded).collect::<BTreeMap<_, _>>().into_iter().collect()
            })
        },
    },
    Mapping {
        aws: "PermissionsBoundary",
        from: &[("permissions_boundary", "")],
        note: "none if empty",
        rank: Rank::Inline,
        read: |role| {
            let block = attributes(role);
            block.knows("permissions_boundary").then(|| block.text("permissions_boundary").into())
        },
    },
    Mapping {
        aws: "MaxSessionDuration",
        from: &[("max_session_duration", "")],
        note: "",
        rank: Rank::Inline,
        read: |role| attributes(role).positive("max_session_duration").map(Value::from),
    },
    Mapping {
        aws: "Description",
        from: &[("description", "")],
        note: "",
        rank: Rank::Inline,
        read: |role| {
            let block = attributes(role);
            block.knows("description").then(|| block.text("description").unwrap_or_default().into())
        },
    },
    Mapping {
        aws: "Path",
        from: &[("path", "")],
        note: "",
        rank: Rank::Inline,
        read: |role| attributes(role).text("path").map(Value::from),
    },
    Mapping {
        aws: "Tags",
        from: &[("tags_all.*", "/*"), ("tags.*", "/*")],
        note: "tags_all where there is one, else tags",
        rank: Rank::Inline,
        read: reading::tags,
    },
];

const ROLE_POLICY: &[Mapping] = &[Mapping {
    aws: "InlinePolicies",
    from: &[("name", ""), ("policy", "/*")],
    note: "beside others of the same role",
    rank: Rank::Split,
    read: |policy| {
        let block = attributes(policy);
        // The id is `role:name`.
        let name = block.text("name").or_else(|| Some(block.text("id")?.split_once(':')?.1))?;
        Some(json!({ name: block.text("policy")? }))
    },
}];

const ATTACHMENT: &[Mapping] = &[Mapping {
    aws: "AttachedPolicies",
    from: &[("policy_arn", "")],
    note: "beside others of the same role",
    rank: Rank::Split,
    read: attached,
}];

const POLICY_ATTACHMENT: &[Mapping] = &[Mapping {
    aws: "AttachedPolicies",
    from: &[("policy_arn", "")],
    note: "for every role in `roles`; that the policy is attached to no other role is not compared",
    rank: Rank::Split,
    read: attached,
}];

const POLICIES_EXCLUSIVE: &[Mapping] = &[Mapping {
    aws: "InlinePolicies",
    from: &[("policy_names[*]", "")],
    note: "says that there are no others; the documents are told by aws_iam_role_policy, and where one of them is not, \
           nothing is compared",
    rank: Rank::Keys,
    read: |exclusive| list(attributes(exclusive), "policy_names"),
}];

const ATTACHMENTS_EXCLUSIVE: &[Mapping] = &[Mapping {
    aws: "AttachedPolicies",
    from: &[("policy_arns[*]", "")],
    note: "complete even if it is empty",
    rank: Rank::Split,
    read: |exclusive| list(attributes(exclusive), "policy_arns"),
}];

fn attributes(instance: &Instance) -> Block<'_> {
    Block::of(&instance.attributes)
}

/// A list of texts, be it empty; `None` if the state says nothing of it.
fn list(block: Block<'_>, name: &str) -> Option<Value> {
    block.get(name)?.is_array().then(|| block.texts(name).into())
}

fn attached(attachment: &Instance) -> Option<Value> {
    attributes(attachment).text("policy_arn").map(|arn| json!([arn]))
}

/// A policy within the role: name and document. The empty block by which people say "none" holds neither.
fn embedded(policy: Block<'_>) -> Option<(String, Value)> {
    Some((policy.text("name")?.to_owned(), policy.text("policy")?.into()))
}

fn named(instance: &Instance, attribute: &str) -> Option<String> {
    attributes(instance).text(attribute).map(role_name)
}

/// The role of an `aws_iam_role_policy`, whose id is `role:name`.
fn embedded_in(policy: &Instance) -> Option<String> {
    let from_id = || Some(role_name(attributes(policy).text("id")?.split_once(':')?.0));
    named(policy, "role").or_else(from_id)
}

/// A role's name, which people also write as its ARN.
fn role_name(role: &str) -> String {
    let is_arn = role.starts_with("arn:");
    role.rsplit('/').next().filter(|_| is_arn).unwrap_or(role).to_owned()
}

#[cfg(test)]
mod tests;

//! Roles with their policies.

use serde_json::{Value, json};

use super::{Block, list_at, policy, tag_list};
use crate::terraform::live::{Estate, Key};

const ROLE: &str = "IAM_ROLE";

/// A role; `None` if the state does not tell which.
pub fn make(told: &Block) -> Option<(Key, Value)> {
    let name = told.text("name")?;
    let trust = policy(told.text("assume_role_policy"));
    let common = json!({
        "Path": told.text("path").unwrap_or("/"),
        "RoleName": name,
        "RoleId": told.text("unique_id").unwrap_or("AROAABCDEFGHIJKLMNOPQ"),
        "Arn": told.text("arn"),
        "CreateDate": "2026-03-01T08:15:30Z",
        "%AssumeRolePolicyDocument": trust,
    });
    let with = |more: Value| {
        let mut all = common.as_object().expect("an object").clone();
        all.extend(more.as_object().expect("an object").clone());
        all
    };
    let boundary = told.text("permissions_boundary");
    let embedded: Vec<Value> = told.blocks("inline_policy").iter().filter_map(embedded).collect();
    let attached: Vec<Value> = told.texts("managed_policy_arns").iter().map(|arn| attached(arn)).collect();
    let detail = with(json!({
        "RolePolicyList": {"member": embedded},
        "AttachedManagedPolicies": {"member": attached},
        "PermissionsBoundary": boundary.map(|arn| json!({
            "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn,
        })),
        "Tags": {"member": tag_list(&told.all_tags(), ("Key", "Value"))},
    }));
    let listed = with(json!({
        "Description": told.text("description"),
        "MaxSessionDuration": told.number("max_session_duration").unwrap_or(3600),
    }));
    Some(((ROLE, name.to_owned()), json!({"detail": detail, "listed": listed})))
}

fn embedded(told: &Block) -> Option<Value> {
    Some(json!({"PolicyName": told.text("name")?, "%PolicyDocument": policy(told.text("policy"))}))
}

fn attached(arn: &str) -> Value {
    json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn})
}

/// The role of a name, if it is there.
pub fn of(name: Option<&str>, estate: &Estate) -> Option<Key> {
    let key: Key = (ROLE, name?.to_owned());
    estate.resources.contains_key(&key).then_some(key)
}

/// A policy embedded by a resource of its own.
pub fn embed(told: &Block, estate: &mut Estate) -> Vec<Key> {
    let Some(key) = of(told.text("role"), estate) else { return Vec::new() };
    let policies = list_at(estate.tree(ROLE, &key.1), &["detail", "RolePolicyList", "member"]);
    policies.retain(|policy| policy["PolicyName"].as_str() != told.text("name"));
    policies.extend(embedded(told));
    vec![key]
}

/// A policy attached by a resource of its own.
pub fn attach(told: &Block, estate: &mut Estate) -> Vec<Key> {
    attach_to(told.text("role"), told.text("policy_arn"), estate).into_iter().collect()
}

/// A policy attached to several roles.
pub fn attach_to_each(told: &Block, estate: &mut Estate) -> Vec<Key> {
    told.texts("roles").iter().filter_map(|role| attach_to(Some(role), told.text("policy_arn"), estate)).collect()
}

fn attach_to(role: Option<&str>, arn: Option<&str>, estate: &mut Estate) -> Option<Key> {
    let key = of(role, estate)?;
    let policies = list_at(estate.tree(ROLE, &key.1), &["detail", "AttachedManagedPolicies", "member"]);
    policies.retain(|policy| policy["PolicyArn"].as_str() != arn);
    policies.extend(arn.map(attached));
    Some(key)
}

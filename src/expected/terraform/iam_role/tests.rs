//! The tables of roles: every row is true, and what several resources say of one role is joined rightly.

use serde_json::{Value, json};

use super::super::laws::{Example, declared, every_row_is_true, state};
use super::super::mapping::TerraformType;
use super::TYPES;

const TABLES: &[&[TerraformType]] = &[TYPES];

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READER: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn document(resource: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    ]})
    .to_string()
}

/// A role as provider 5 writes it.
fn role(name: &str) -> Value {
    json!({
        "arn": format!("arn:aws:iam::123456789012:role/team/{name}"), "name": name, "id": name, "path": "/team/",
        "assume_role_policy": json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        ]}).to_string(),
        "description": "Web servers", "force_detach_policies": false, "max_session_duration": 3600,
        "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary", "name_prefix": "",
        "managed_policy_arns": [], "inline_policy": [], "create_date": "2026-01-01T00:00:00Z", "unique_id": "AROAEXAMPLE",
        "tags": {"Env": "prod"}, "tags_all": {"Env": "prod", "Owner": "web"},
    })
}

fn with(mut value: Value, name: &str, attribute: Value) -> Value {
    value[name] = attribute;
    value
}

fn attachment(role: &str, arn: &str) -> (&'static str, Value) {
    ("aws_iam_role_policy_attachment", json!({"id": "web-2026", "role": role, "policy_arn": arn}))
}

fn policy(role: &str, name: &str) -> (&'static str, Value) {
    let attributes = json!({"id": format!("{role}:{name}"), "role": role, "name": name, "policy": document("*")});
    ("aws_iam_role_policy", attributes)
}

fn get(example: &[(&'static str, Value)], attribute: &str) -> Option<Value> {
    state(TABLES, example).get(attribute).cloned()
}

fn keys(value: Option<Value>) -> Vec<String> {
    value.and_then(|value| Some(value.as_object()?.keys().cloned().collect())).unwrap_or_default()
}

#[test]
fn every_row_of_the_tables_is_true() {
    let inline = json!([{"name": "read", "policy": document("arn:aws:s3:::web/*")}]);
    let old = with(with(role("web"), "tags_all", Value::Null), "managed_policy_arns", json!([READER]));
    let examples: Vec<Example> = vec![
        vec![("aws_iam_role", with(role("web"), "inline_policy", inline)), attachment("web", READER)],
        vec![("aws_iam_role", old), policy("web", "read")],
        vec![
            ("aws_iam_role", role("web")),
            ("aws_iam_policy_attachment", json!({"name": "all", "roles": ["web"], "policy_arn": READER})),
        ],
        vec![
            ("aws_iam_role", role("web")),
            policy("web", "read"),
            ("aws_iam_role_policies_exclusive", json!({"role_name": "web", "policy_names": ["read"]})),
            ("aws_iam_role_policy_attachments_exclusive", json!({"role_name": "web", "policy_arns": [READER]})),
        ],
    ];
    every_row_is_true(TABLES, &examples);
}

#[test]
fn attachments_of_every_form_are_one_set_and_win_over_the_stale_copy() {
    let role_with_copy = with(role("web"), "managed_policy_arns", json!([ADMIN]));
    let example = [
        ("aws_iam_role", role_with_copy),
        attachment("web", READER),
        attachment("arn:aws:iam::123456789012:role/team/web", "arn:aws:iam::aws:policy/a"),
        ("aws_iam_policy_attachment", json!({"roles": ["web"], "policy_arn": "arn:aws:iam::aws:policy/b"})),
    ];
    assert_eq!(
        keys(get(&example, "AttachedPolicies")),
        [READER, "arn:aws:iam::aws:policy/a", "arn:aws:iam::aws:policy/b"]
    );
    assert_eq!(get(&example[..1], "AttachedPolicies"), Some(json!({ ADMIN: {} })));
}

#[test]
fn an_attachment_that_names_several_roles_speaks_of_each_of_them() {
    let example = [
        ("aws_iam_role", role("web")),
        ("aws_iam_role", role("batch")),
        ("aws_iam_policy_attachment", json!({"roles": ["web", "batch", "elsewhere"], "policy_arn": READER})),
    ];
    let (states, problems) = declared(TABLES, &example);
    assert!(problems.is_empty(), "{problems:#?}");
    let attached = |at: usize| states[at].1.get("AttachedPolicies").cloned();
    assert_eq!((states.len(), attached(0), attached(1)), (2, Some(json!({ READER: {} })), Some(json!({ READER: {} }))));
}

#[test]
fn no_policy_is_declared_as_none_however_it_is_written_and_left_open_where_the_provider_knows_none() {
    for none in [json!([]), json!([{"name": "", "policy": ""}]), json!([{"name": null, "policy": null}])] {
        let example = [("aws_iam_role", with(role("web"), "inline_policy", none))];
        assert_eq!(get(&example, "InlinePolicies"), Some(json!({})));
    }
    let mut old = role("web");
    for name in ["inline_policy", "managed_policy_arns", "tags_all", "tags"] {
        old.as_object_mut().expect("an object").remove(name);
    }
    for attributes in [old, with(with(role("web"), "inline_policy", Value::Null), "managed_policy_arns", Value::Null)] {
        let example = [("aws_iam_role", attributes)];
        assert_eq!(get(&example, "InlinePolicies"), None);
        assert_eq!(get(&example, "AttachedPolicies"), None);
    }
}

#[test]
fn an_exclusive_resource_declares_the_empty_set_and_nothing_whose_document_is_not_known() {
    let bare = with(with(role("web"), "inline_policy", Value::Null), "managed_policy_arns", Value::Null);
    let exclusive =
        |names: Value| ("aws_iam_role_policies_exclusive", json!({"role_name": "web", "policy_names": names}));
    let none = ("aws_iam_role_policy_attachments_exclusive", json!({"role_name": "web", "policy_arns": []}));
    let empty = [("aws_iam_role", bare.clone()), exclusive(json!([])), none];
    assert_eq!(get(&empty, "InlinePolicies"), Some(json!({})));
    assert_eq!(get(&empty, "AttachedPolicies"), Some(json!({})));
    let unknown = [("aws_iam_role", bare.clone()), policy("web", "read"), exclusive(json!(["read", "write"]))];
    assert_eq!(get(&unknown, "InlinePolicies"), None);
    let known = [("aws_iam_role", bare), policy("web", "read"), exclusive(json!(["read"]))];
    assert_eq!(keys(get(&known, "InlinePolicies")), ["read"]);
}

#[test]
fn what_is_empty_in_the_state_is_declared_as_none() {
    let plain = with(with(role("web"), "permissions_boundary", json!("")), "description", Value::Null);
    let plain = with(with(plain, "tags_all", json!({})), "tags", Value::Null);
    let declared = state(TABLES, &[("aws_iam_role", plain)]);
    assert_eq!(declared.get("PermissionsBoundary"), Some(&Value::Null));
    assert_eq!(declared.get("Description"), Some(&json!("")));
    assert_eq!(declared.get("Tags"), Some(&json!({})));
}

#[test]
fn policies_of_roles_that_no_state_holds_declare_nothing() {
    let (states, problems) = declared(TABLES, &[attachment("elsewhere", READER), policy("elsewhere", "read")]);
    assert!(states.is_empty() && problems.is_empty(), "{states:?} {problems:?}");
}

#[test]
fn one_policy_name_with_two_documents_is_told_with_both_places() {
    let mut other = policy("web", "read");
    other.1["policy"] = json!(document("arn:aws:s3:::other/*"));
    let (states, problems) = declared(TABLES, &[("aws_iam_role", role("web")), policy("web", "read"), other]);
    assert!(states.is_empty() && problems.len() == 1, "{states:?} {problems:?}");
    assert!(problems[0].contains("InlinePolicies has `read`"), "{problems:?}");
}

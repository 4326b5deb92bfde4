//! Roles.

use driftsentry::domain::id::{ScannedAccount, Scope};
use serde_json::{Value, json};

use super::{at_hand, declared, estate, estate_of, names, statement};
use crate::expected::scope;

const READER: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const SSM: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

fn trust() -> Value {
    statement(&json!({
        "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["ec2.amazonaws.com"]},
    }))
}

fn read() -> Value {
    let read = json!({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::assets-4/*"]});
    json!({ "read": statement(&read) })
}

#[tokio::test]
async fn a_role_of_provider_4_is_declared_with_all_that_is_attached_to_it() {
    let estate = estate("provider-4").await;
    let (web, address) = declared(&estate, "IAM_ROLE", "global", "web");
    assert_eq!(address, "module.roles.aws_iam_role.web[\"blue\"]");
    assert_eq!(
        web,
        json!({
            "AssumeRolePolicyDocument": trust(), "AttachedPolicies": { READER: {}, SSM: {} }, "InlinePolicies": read(),
            "PermissionsBoundary": null, "MaxSessionDuration": 7200, "Description": "Web servers", "Path": "/team/",
            "Tags": {"Env": "prod"},
        })
    );
    let (batch, _) = declared(&estate, "IAM_ROLE", "global", "batch");
    assert_eq!((&batch["AttachedPolicies"], &batch["InlinePolicies"]), (&json!({ SSM: {} }), &read()));
}

#[tokio::test]
async fn a_role_of_provider_5_without_policies_declares_that_it_has_none() {
    let estate = estate("provider-5").await;
    let (none, _) = declared(&estate, "IAM_ROLE", "global", "none");
    assert_eq!((&none["AttachedPolicies"], &none["InlinePolicies"]), (&json!({}), &json!({})));
    assert_eq!((&none["PermissionsBoundary"], &none["Tags"]), (&Value::Null, &json!({})));
    let roles = estate.scope(&scope("IAM_ROLE", "global"));
    assert!(roles.get("tainted").is_none() && roles.is_undecided("tainted"));
    assert!(roles.get("elsewhere").is_none(), "an attachment alone does not tell what else is attached");
}

#[tokio::test]
async fn exclusive_resources_of_provider_6_make_the_sets_complete() {
    let estate = estate("provider-6").await;
    let (web, _) = declared(&estate, "IAM_ROLE", "global", "web-6");
    assert_eq!((&web["AttachedPolicies"], &web["InlinePolicies"]), (&json!({ SSM: {} }), &read()));
}

#[tokio::test]
async fn roles_of_provider_2_declare_no_policies_but_those_of_resources_of_their_own() {
    let Some(file) = at_hand("driftctl-iam-role-multiple.tfstate") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let policies = at_hand("driftctl-iam-role-policy.tfstate").expect("it lies beside");
    for state in [&file, &policies] {
        std::fs::copy(state, folder.path().join(state.file_name().expect("a name"))).expect("it is copied");
    }
    let scanned = || ScannedAccount { name: None, id: "111111111111".into(), regions: vec!["eu-west-3".into()] };
    let (alone, together) = (estate_of(&file, scanned()).await, estate_of(folder.path(), scanned()).await);
    assert_eq!((alone.problems.len(), together.problems.len()), (0, 0), "{:#?}", together.problems);
    for (estate, inline) in [(&alone, 0), (&together, 3)] {
        let scope = Scope { account_id: "111111111111".into(), ..scope("IAM_ROLE", "global") };
        let role = estate.scope(&scope).get("test_role_0").expect("declared").state.to_value();
        assert_eq!((&role["Path"], &role["Tags"]), (&json!("/test/"), &json!({"foo": "bar0"})));
        assert!(!names(&role).contains(&"AttachedPolicies"));
        let policies = role.get("InlinePolicies").and_then(Value::as_object);
        assert_eq!(policies.map_or(0, serde_json::Map::len), inline);
    }
}

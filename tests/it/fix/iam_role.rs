//! Roles, drift by drift.

use std::collections::BTreeSet;

use driftsentry::domain::state::ResourceState;
use driftsentry::resource::aws::ErrorClass;
use driftsentry::resource::{Aws, FixError, FixStep};
use serde_json::{Value, json};

use super::{Row, Stage};
use crate::mutation::Act;
use crate::mutations_iam_role::{
    ADMINISTRATOR, DESCRIPTION, INLINE, MAX_SESSION, READ_ONLY, allows, attach, create, delete_boundary, delete_inline,
    delete_tag, detach, external_id, partners, put_inline, put_tag, set_boundary, set_trust, trust, update,
};
use crate::support::{Effect, Rule, error_body};

const DENY_ALL: &str = "arn:aws:iam::aws:policy/AWSDenyAll";

fn table() -> Vec<Row> {
    [trusts(), attachments(), inlines(), settings(), tags()].into_iter().flatten().collect()
}

fn trusts() -> Vec<Row> {
    let row = |what, to: &Value, operations| Row::put_back("AssumeRolePolicyDocument", what, set_trust(to), operations);
    let (once, twice): (&[&str], &[&str]) =
        (&["UpdateAssumeRolePolicy"], &["UpdateAssumeRolePolicy", "UpdateAssumeRolePolicy"]);
    let replaced = json!({"AWS": ["111111111111", "999999999999"]});
    vec![
        row("everyone let in", &trust(&json!("*"), &external_id()), once),
        row("a condition dropped", &trust(&partners(), &json!({})), once),
        row("a partner shut out", &trust(&json!({"AWS": "111111111111"}), &external_id()), once),
        row("a partner replaced by a stranger", &trust(&replaced, &external_id()), twice),
        row("a service in the place of all", &trust(&json!({"Service": "ec2.amazonaws.com"}), &json!({})), once),
    ]
}

fn attachments() -> Vec<Row> {
    let row = |what, act, operations| Row::put_back("AttachedPolicies", what, act, operations);
    vec![
        row("an administrator", attach(ADMINISTRATOR), &["DetachRolePolicy"]),
        row("a policy that denies", attach(DENY_ALL), &["DetachRolePolicy"]),
        row("one less", detach(READ_ONLY), &["AttachRolePolicy"]),
        row("another one", both(detach(READ_ONLY), attach(ADMINISTRATOR)), &["DetachRolePolicy", "AttachRolePolicy"]),
        Row::by_hand("AttachedPolicies", "one that does not exist", |state| {
            let attached = state.get_mut("AttachedPolicies").and_then(Value::as_object_mut).expect("an object");
            attached.insert("arn:aws:iam::aws:policy/NoSuchPolicy".to_owned(), json!({}));
        }),
    ]
}

fn inlines() -> Vec<Row> {
    let row = |what, act, operations| Row::put_back("InlinePolicies", what, act, operations);
    let artefacts = "arn:aws:s3:::artefacts/*";
    let swapped = allows(&json!(["s3:GetObject", "iam:PassRole"]), artefacts);
    vec![
        row("a back door", put_inline("backdoor", &allows(&json!("*"), "*")), &["DeleteRolePolicy"]),
        row("one less", delete_inline(INLINE), &["PutRolePolicy"]),
        row("widened", put_inline(INLINE, &allows(&json!("s3:*"), "*")), &["PutRolePolicy"]),
        row("narrowed", put_inline(INLINE, &allows(&json!("s3:GetObject"), artefacts)), &["PutRolePolicy"]),
        row("one action for another", put_inline(INLINE, &swapped), &["PutRolePolicy", "PutRolePolicy"]),
    ]
}

fn settings() -> Vec<Row> {
    let update_role: &[&str] = &["UpdateRole"];
    vec![
        Row::put_back("PermissionsBoundary", "taken away", delete_boundary(), &["PutRolePermissionsBoundary"]),
        Row::put_back(
            "PermissionsBoundary",
            "another one",
            set_boundary(ADMINISTRATOR),
            &["PutRolePermissionsBoundary"],
        ),
        Row::put_back("MaxSessionDuration", "longer", update(DESCRIPTION, 43_200), update_role),
        Row::put_back("MaxSessionDuration", "shorter", update(DESCRIPTION, 3600), update_role),
        Row::put_back("Description", "another one", update("Deploys everything", MAX_SESSION), update_role),
        Row::put_back("Description", "none", update("", MAX_SESSION), update_role),
        Row::put_back("Description", "both", update("Deploys everything", 43_200), update_role),
        Row::by_hand("Path", "another path", |state| state.set("Path", "/other/")),
    ]
}

fn tags() -> Vec<Row> {
    let row = |what, act, operations| Row::put_back("Tags", what, act, operations);
    let all = both(both(delete_tag("Owner"), put_tag("Ticket", "OPS-1")), put_tag("Env", "test"));
    vec![
        row("changed", put_tag("Env", "test"), &["TagRole"]),
        row("added", put_tag("Ticket", "OPS-1"), &["UntagRole"]),
        row("removed", delete_tag("Owner"), &["TagRole"]),
        row("all at once", all, &["UntagRole", "TagRole"]),
    ]
}

#[tokio::test]
async fn each_drift_of_a_role_is_put_back_byte_for_byte() {
    let stage = Stage::new("IAM_ROLE", "global", create).await;
    stage.each_is_put_back(&table()).await;
    a_boundary_that_nobody_declares_is_taken_away(&stage).await;
    let called: BTreeSet<String> = stage.proxy.counts().into_keys().filter(|name| name != "AssumeRole").collect();
    let called: BTreeSet<String> = called.into_iter().map(|operation| format!("iam:{operation}")).collect();
    let listed = stage.kind.fix_actions().iter().map(|action| (*action).to_owned());
    assert_eq!(called, listed.collect(), "the policy holds what is called, no more");
}

/// The table's role has a boundary, so that a declaration without one is a row of its own.
async fn a_boundary_that_nobody_declares_is_taken_away(stage: &Stage) {
    let declared = ResourceState::new().with("PermissionsBoundary", Value::Null);
    let (_, plan) = stage.plan(&declared).await;
    let called: Vec<_> = plan.steps.iter().map(|step| (step.operation, step.loosens)).collect();
    assert_eq!(called, [("DeleteRolePermissionsBoundary", true)]);
    stage.carry_out(&plan).await;
    assert_eq!(stage.compare(&declared).await.1, []);
}

#[tokio::test]
async fn everything_at_once_is_put_back_and_settings_that_nobody_declares_stay() {
    let stage = Stage::new("IAM_ROLE", "global", create).await;
    let (aws, role) = (&stage.direct, stage.key.resource_id.as_str());
    let mut declared = stage.state().await;
    let acts = [
        set_trust(&trust(&json!({"AWS": ["111111111111", "999999999999"]}), &external_id())),
        attach(ADMINISTRATOR),
        detach(READ_ONLY),
        put_inline("backdoor", &allows(&json!("*"), "*")),
        delete_inline(INLINE),
        set_boundary(ADMINISTRATOR),
        update("Deploys everything", 43_200),
        put_tag("Env", "test"),
    ];
    for act in &acts {
        act(aws, role).await;
    }
    declared.remove("MaxSessionDuration");
    stage.carry_out_by_fits(&declared).await;
    assert_eq!(stage.compare(&declared).await.1, []);
    assert_eq!(stage.state().await.get("MaxSessionDuration"), Some(&json!(43_200)), "it is not declared");
}

#[tokio::test]
async fn a_role_of_aws_s_own_is_left_to_people() {
    let create = async |aws: &Aws| {
        let made = aws.iam.create_service_linked_role().aws_service_name("autoscaling.amazonaws.com").send().await;
        made.expect("a role").role.expect("the role").role_name
    };
    let stage = Stage::new("IAM_ROLE", "global", create).await;
    let declared = ResourceState::new().with("Tags", json!({"Env": "prod"})).with("MaxSessionDuration", 7200);
    let (changes, plan) = stage.plan(&declared).await;
    assert!(plan.steps.is_empty() && plan.manual.len() == changes.len() && changes.len() == 2, "{plan:?}");
    assert!(plan.manual[0].reason.contains("/aws-service-role/"), "{plan:?}");
}

#[tokio::test]
async fn what_is_gone_already_is_done_but_a_role_that_is_gone_is_not() {
    let stage = Stage::new("IAM_ROLE", "global", create).await;
    let (aws, role) = (&stage.direct, stage.key.resource_id.clone());
    let declared = stage.state().await;
    attach(ADMINISTRATOR)(aws, &role).await;
    put_inline("backdoor", &allows(&json!("*"), "*"))(aws, &role).await;
    let (_, plan) = stage.plan(&declared).await;
    assert_eq!(plan.steps.len(), 2);
    stage.carry_out(&plan).await;
    for step in &plan.steps {
        let receipt = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap();
        assert!(receipt.nothing_to_do, "{step:?}");
    }
    let gone = error_body("iam", "NoSuchEntity", "The role with name deployer cannot be found.");
    for step in &plan.steps {
        stage.proxy.add(Rule::on(step.operation, Effect::Answer(404, gone.clone())));
        let error = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap_err();
        assert!(matches!(&error, FixError::Aws(told) if told.class == ErrorClass::NotFound), "{error}");
    }
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_for_and_a_refused_call_name_the_action() {
    let stage = Stage::new("IAM_ROLE", "global", create).await;
    let declared = stage.state().await;
    attach(ADMINISTRATOR)(&stage.direct, &stage.key.resource_id).await;
    let (actual, changes) = stage.compare(&declared).await;
    for operation in ["GetRole", "GetPolicy", "GetPolicyVersion"] {
        stage.proxy.add(Rule::on(operation, Effect::Denied));
        let (key, expected, actual, changes) = (&stage.key, &declared, &actual, changes.as_slice());
        let request = driftsentry::resource::FixRequest { key, expected, actual, changes, apply_immediately: true };
        let error = stage.kind.plan_fix(&stage.aws, request).await.unwrap_err();
        stage.proxy.clear_rules();
        let FixError::Aws(told) = &error else { panic!("{error}") };
        assert_eq!(told.missing_action.as_deref(), Some(format!("iam:{operation}").as_str()), "{error}");
    }
    let (_, plan) = stage.plan(&declared).await;
    stage.proxy.add(Rule::on("DetachRolePolicy", Effect::Denied));
    let error = stage.kind.call(&stage.aws, &stage.key, &plan.steps[0]).await.unwrap_err();
    let FixError::Aws(told) = &error else { panic!("{error}") };
    assert_eq!(told.missing_action.as_deref(), Some("iam:DetachRolePolicy"));
    for other in [
        FixStep { operation: "DeleteRole", ..plan.steps[0].clone() },
        FixStep { parameters: json!({"RoleName": 7}), ..plan.steps[0].clone() },
    ] {
        let error = stage.kind.call(&stage.aws, &stage.key, &other).await.unwrap_err();
        assert!(matches!(error, FixError::Unfit { .. }), "{error}");
    }
}

fn both(first: Act, second: Act) -> Act {
    Box::new(move |aws, role| {
        let (first, second) = (first(aws, role), second(aws, role));
        Box::pin(async move {
            first.await;
            second.await;
        })
    })
}

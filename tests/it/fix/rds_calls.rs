//! Calls for databases that the emulator lacks or does not refuse as AWS does.

use std::collections::BTreeMap;

use driftsentry::domain::state::ResourceState;
use driftsentry::resource::{FixError, FixPlan, FixRequest, FixStep};
use serde_json::{Value, json};

use super::Stage;
use super::rds::create;
use crate::support::{Effect, Rule, error_body};

/// What is declared, and the parameters that AWS must get.
type Lacking = (Value, &'static [(&'static str, &'static str)]);

fn lacking() -> Vec<Lacking> {
    vec![
        (
            json!({"EngineLifecycleSupport": "open-source-rds-extended-support-disabled"}),
            &[("EngineLifecycleSupport", "open-source-rds-extended-support-disabled")],
        ),
        (
            json!({
                "PerformanceInsightsEnabled": true, "PerformanceInsightsKMSKeyId": "key",
                "PerformanceInsightsRetentionPeriod": 31,
            }),
            &[
                ("EnablePerformanceInsights", "true"),
                ("PerformanceInsightsKMSKeyId", "key"),
                ("PerformanceInsightsRetentionPeriod", "31"),
            ],
        ),
        (json!({"Port": 5433}), &[("DBPortNumber", "5433")]),
        (
            json!({"ProcessorFeatures": {"coreCount": "2"}}),
            &[
                ("ProcessorFeatures.ProcessorFeature.1.Name", "coreCount"),
                ("ProcessorFeatures.ProcessorFeature.1.Value", "2"),
            ],
        ),
        (
            json!({"EnabledCloudwatchLogsExports": {"upgrade": {}}}),
            &[
                ("CloudwatchLogsExportConfiguration.DisableLogTypes.member.1", "postgresql"),
                ("CloudwatchLogsExportConfiguration.EnableLogTypes.member.1", "upgrade"),
            ],
        ),
    ]
}

fn state(value: &Value) -> ResourceState {
    value.as_object().expect("an object").clone().into()
}

/// Declares what is not live, and makes the calls with an answer of AWS's shape.
pub async fn call_what_the_emulator_lacks(stage: &Stage) {
    for (declared, wanted) in lacking() {
        let (_, plan) = stage.plan(&state(&declared)).await;
        let [step] = plan.steps.as_slice() else { panic!("{declared}: {plan:#?}") };
        let sent = sent_by(stage, step).await;
        assert_eq!(sent.get("ApplyImmediately").map(String::as_str), Some("true"));
        for (name, value) in wanted {
            assert_eq!(sent.get(*name).map(String::as_str), Some(*value), "{declared}: {sent:?}");
        }
        assert!(sent.keys().all(|name| !name.contains("Password")), "{sent:?}");
    }
    let parameters = json!({
        "DBInstanceIdentifier": "orders", "RoleArn": "arn:aws:iam::123456789012:role/a", "FeatureName": "s3Import",
    });
    let (_, plan) = stage.plan(&state(&json!({"Port": 5433}))).await;
    for operation in ["AddRoleToDBInstance", "RemoveRoleFromDBInstance"] {
        let step = FixStep { operation, parameters: parameters.clone(), ..plan.steps[0].clone() };
        let sent: BTreeMap<String, Value> =
            sent_by(stage, &step).await.into_iter().map(|(name, value)| (name, value.into())).collect();
        assert_eq!(json!(sent), parameters, "{operation}");
    }
}

/// What AWS gets of the step's call, which it answers with success.
async fn sent_by(stage: &Stage, step: &FixStep) -> BTreeMap<String, String> {
    let name = step.operation;
    let answer = format!(
        "<{name}Response><{name}Result></{name}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </{name}Response>"
    );
    stage.proxy.add(Rule::on(name, Effect::Answer(200, answer)));
    stage.call(step).await;
    stage.proxy.clear_rules();
    stage.proxy.last_sent(name)
}

/// The plan for a declaration, or why there is none.
async fn plan(stage: &Stage, declared: &Value, apply_immediately: bool) -> Result<FixPlan, FixError> {
    let expected = state(declared);
    let (actual, changes) = stage.compare(&expected).await;
    let request =
        FixRequest { key: &stage.key, expected: &expected, actual: &actual, changes: &changes, apply_immediately };
    stage.kind.plan_fix(&stage.aws, request).await
}

#[tokio::test]
async fn a_database_that_is_being_modified_is_busy_for_all_but_its_tags() {
    let stage = Stage::new("RDS", "us-east-1", create).await;
    let status = |word: &str| format!("<DBInstanceStatus>{word}</DBInstanceStatus>");
    let is = |word: &str| Rule::on("DescribeDBInstances", Effect::Rewrite(status("available"), status(word)));
    for (word, is_busy) in [("modifying", true), ("stopped", true), ("storage-optimization", false)] {
        stage.proxy.add(is(word));
        let planned = plan(&stage, &json!({"MultiAZ": true}), true).await;
        match planned {
            Err(FixError::Busy { resource, state, operation }) if is_busy => {
                assert_eq!((resource.as_str(), state.as_str(), operation), ("orders", word, "ModifyDBInstance"));
            }
            other => assert!(other.is_ok() && !is_busy, "{word}: {other:?}"),
        }
        let tags = plan(&stage, &json!({"Tags": {"Env": "test"}}), true).await.unwrap();
        assert_eq!(tags.steps[0].operation, "AddTagsToResource");
        stage.proxy.clear_rules();
    }
    let planned = plan(&stage, &json!({"MultiAZ": true}), true).await.unwrap();
    let refusal = error_body("rds", "InvalidDBInstanceState", "Database instance is not in available state.");
    stage.proxy.add(Rule::on("ModifyDBInstance", Effect::Answer(400, refusal)));
    stage.proxy.add(is("modifying"));
    let error = stage.kind.call(&stage.aws, &stage.key, &planned.steps[0]).await.unwrap_err();
    assert!(matches!(&error, FixError::Busy { state, .. } if state == "modifying"), "{error}");
}

#[tokio::test]
async fn when_to_act_is_the_callers_choice() {
    let stage = Stage::new("RDS", "us-east-1", create).await;
    for at_once in [true, false] {
        let planned = plan(&stage, &json!({"MultiAZ": true}), at_once).await.unwrap();
        assert_eq!(planned.steps[0].parameters["ApplyImmediately"], json!(at_once));
        assert_eq!(sent_by(&stage, &planned.steps[0]).await["ApplyImmediately"], at_once.to_string());
    }
}

#[tokio::test]
async fn what_is_pending_as_declared_needs_no_call() {
    let stage = Stage::new("RDS", "us-east-1", create).await;
    let pending = "<PendingModifiedValues><MultiAZ>true</MultiAZ></PendingModifiedValues><DBInstanceStatus>";
    let rule = Rule::on("DescribeDBInstances", Effect::Rewrite("<DBInstanceStatus>".into(), pending.into()));
    stage.proxy.add(rule);
    let planned = plan(&stage, &json!({"MultiAZ": true}), true).await.unwrap();
    assert_eq!(planned, FixPlan::default());
    let planned = plan(&stage, &json!({"CopyTagsToSnapshot": true}), true).await.unwrap();
    assert!(planned.steps[0].summary.ends_with("and at once what is pending of MultiAZ"), "{planned:#?}");
}

#[tokio::test]
async fn a_role_is_given_once_however_often_it_is_asked_for() {
    let stage = Stage::new("RDS", "us-east-1", create).await;
    let role = |name: &str| json!({"s3Import": {"RoleArn": format!("arn:aws:iam::123456789012:role/{name}")}});
    let declared = json!({"AssociatedRoles": role("a")});
    let planned = plan(&stage, &declared, true).await.unwrap();
    let mut done = Vec::new();
    for _ in 0..2 {
        done.push(stage.kind.call(&stage.aws, &stage.key, &planned.steps[0]).await.unwrap().nothing_to_do);
    }
    assert_eq!(done, [false, true]);
    let (changes, _) = stage.plan(&state(&declared)).await;
    assert_eq!(changes, []);
    // The feature is another role's now.
    let planned = plan(&stage, &json!({"AssociatedRoles": role("b")}), true).await.unwrap();
    let error = stage.kind.call(&stage.aws, &stage.key, &planned.steps[1]).await.unwrap_err();
    assert!(matches!(&error, FixError::Aws(_)) && !error.is_transient(), "{error}");
    let gone = error_body("rds", "DBInstanceRoleNotFound", "The role is not associated.");
    stage.proxy.add(Rule::on("RemoveRoleFromDBInstance", Effect::Answer(404, gone)));
    assert!(stage.kind.call(&stage.aws, &stage.key, &planned.steps[0]).await.unwrap().nothing_to_do);
}

#[tokio::test]
async fn a_denied_call_names_its_action_and_one_that_does_not_fit_is_not_made() {
    let stage = Stage::new("RDS", "us-east-1", create).await;
    let declared = json!({"MultiAZ": true, "Tags": {"Team": "orders"}});
    let planned = plan(&stage, &declared, true).await.unwrap();
    assert_eq!(planned.steps.len(), 3);
    for step in &planned.steps {
        stage.proxy.add(Rule::on(step.operation, Effect::Denied));
        let error = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap_err();
        stage.proxy.clear_rules();
        let FixError::Aws(told) = &error else { panic!("{error}") };
        assert_eq!(told.missing_action.as_deref(), Some(format!("rds:{}", step.operation).as_str()));
        let other = FixStep { parameters: json!({"MasterUserPassword": "x"}), ..step.clone() };
        let error = stage.kind.call(&stage.aws, &stage.key, &other).await.unwrap_err();
        assert!(matches!(error, FixError::Unfit { .. }), "{error}");
    }
    let foreign = FixStep { operation: "DeleteDBInstance", ..planned.steps[0].clone() };
    let error = stage.kind.call(&stage.aws, &stage.key, &foreign).await.unwrap_err();
    assert!(matches!(error, FixError::Unfit { .. }), "{error}");
}

//! Calls for instances that the emulator lacks or does not refuse as AWS does.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::InstanceStateName;
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::aws::ErrorClass;
use driftsentry::resource::{Called, FixError, FixStep};
use serde_json::{Value, json};

use super::Stage;
use crate::mutations_ec2::acts::{flag, modify, set_power, text};
use crate::mutations_ec2::{create, volumes};
use crate::support::{Effect, Rule, error_body};

/// Operation, what is declared, and the parameters that AWS must get beside the instance's id.
type Lacking = (&'static str, Value, &'static [(&'static str, &'static str)]);

fn lacking() -> Vec<Lacking> {
    vec![
        ("MonitorInstances", json!({"Monitoring": true}), &[("InstanceId.1", "{id}")]),
        (
            "ModifyInstanceCpuOptions",
            json!({"CpuOptions": {"AmdSevSnp": "disabled", "CoreCount": 1, "ThreadsPerCore": 2}}),
            &[("InstanceId", "{id}"), ("CoreCount", "1"), ("ThreadsPerCore", "2")],
        ),
        (
            "ModifyInstanceCreditSpecification",
            json!({"CreditSpecification": {"CpuCredits": "unlimited"}}),
            &[
                ("InstanceCreditSpecification.1.InstanceId", "{id}"),
                ("InstanceCreditSpecification.1.CpuCredits", "unlimited"),
            ],
        ),
        (
            "ModifyInstanceMaintenanceOptions",
            json!({"MaintenanceOptions": {"AutoRecovery": "disabled"}}),
            &[("InstanceId", "{id}"), ("AutoRecovery", "disabled")],
        ),
        (
            "ModifyPrivateDnsNameOptions",
            json!({"PrivateDnsNameOptions": {
                "EnableResourceNameDnsAAAARecord": false, "EnableResourceNameDnsARecord": true,
                "HostnameType": "ip-name",
            }}),
            &[("InstanceId", "{id}"), ("EnableResourceNameDnsARecord", "true")],
        ),
        (
            "ModifyInstanceAttribute",
            json!({"EnclaveOptions": {"Enabled": true}}),
            &[("InstanceId", "{id}"), ("EnclaveOptions.Enabled", "true")],
        ),
        (
            "ReplaceIamInstanceProfileAssociation",
            json!({"IamInstanceProfile": "admin"}),
            &[("IamInstanceProfile.Name", "admin")],
        ),
        ("DisassociateIamInstanceProfile", json!({"IamInstanceProfile": null}), &[]),
    ]
}

fn state(value: &Value) -> ResourceState {
    value.as_object().expect("an object").clone().into()
}

/// Declares what is not live, and makes the calls with an answer of AWS's shape.
pub async fn call_what_the_emulator_lacks(stage: &Stage) {
    for (operation, declared, wanted) in lacking() {
        let (_, plan) = stage.plan(&state(&declared)).await;
        let step = plan.steps.iter().find(|step| step.operation == operation);
        let step = step.unwrap_or_else(|| panic!("{operation}: {plan:#?}"));
        let sent = sent_by(stage, step).await;
        for (name, value) in wanted {
            let value = value.replace("{id}", &stage.key.resource_id);
            assert_eq!(sent.get(*name), Some(&value), "{operation}: {sent:?}");
        }
    }
    let off = FixStep { operation: "UnmonitorInstances", ..monitoring(stage).await };
    assert_eq!(sent_by(stage, &off).await.get("InstanceId.1"), Some(&stage.key.resource_id));
    let groups = BTreeMap::from([
        ("NetworkInterfaceId".to_owned(), "eni-1".to_owned()),
        ("SecurityGroupId.1".to_owned(), "sg-1".to_owned()),
    ]);
    let parameters = json!({"NetworkInterfaceId": "eni-1", "Groups": ["sg-1"]});
    let operation = "ModifyNetworkInterfaceAttribute";
    let of_interface = FixStep { operation, parameters, ..monitoring(stage).await };
    assert_eq!(sent_by(stage, &of_interface).await, groups);
}

async fn monitoring(stage: &Stage) -> FixStep {
    let (_, plan) = stage.plan(&state(&json!({"Monitoring": true}))).await;
    plan.steps[0].clone()
}

/// What AWS gets of the step's call, which it answers with success.
async fn sent_by(stage: &Stage, step: &FixStep) -> BTreeMap<String, String> {
    let name = step.operation;
    let answer = format!("<{name}Response><requestId>1</requestId><return>true</return></{name}Response>");
    stage.proxy.add(Rule::on(name, Effect::Answer(200, answer)));
    stage.call(step).await;
    stage.proxy.clear_rules();
    stage.proxy.last_sent(name)
}

#[tokio::test]
async fn an_instance_that_a_cut_off_plan_stopped_is_owed_a_start() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let declared = state(&json!({"InstanceType": "t3.medium"}));
    modify(|call| call.instance_type(text("t3.large")))(&stage.direct, &stage.key.resource_id).await;
    let (_, plan) = stage.plan(&declared).await;
    let [stop, change, start] = plan.steps.as_slice() else { panic!("{plan:#?}") };
    let called = [stop, change].map(|step| Called { operation: step.operation, restores: &step.restores });
    assert_eq!(stage.kind.owed(&stage.key, &called[..0]), []);
    stage.call(stop).await;
    stage.call(change).await;
    // Cut off here. A plan made anew knows of no drift.
    let (changes, plan) = stage.plan(&declared).await;
    assert!(changes.is_empty() && plan.steps.is_empty(), "{plan:#?}");
    let owed = stage.kind.owed(&stage.key, &called);
    assert_eq!(owed, std::slice::from_ref(start));
    stage.call(&owed[0]).await;
    assert_eq!(stage.state().await.get("State"), Some(&json!("running")));
}

#[tokio::test]
async fn an_instance_that_was_stopped_before_stays_so() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let id = stage.key.resource_id.clone();
    set_power(false)(&stage.direct, &id).await;
    modify(|call| call.instance_type(text("t3.large")))(&stage.direct, &id).await;
    let (_, plan) = stage.plan(&state(&json!({"InstanceType": "t3.medium"}))).await;
    assert_eq!(plan.steps.iter().map(|step| step.operation).collect::<Vec<_>>(), ["ModifyInstanceAttribute"]);
    stage.call(&plan.steps[0]).await;
    assert_eq!(stage.state().await.get("State"), Some(&json!("stopped")));
}

#[tokio::test]
async fn stop_protection_that_is_not_declared_is_read_and_kept() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let id = stage.key.resource_id.clone();
    modify(|call| call.disable_api_stop(flag(true)))(&stage.direct, &id).await;
    modify(|call| call.instance_type(text("t3.large")))(&stage.direct, &id).await;
    let (_, plan) = stage.plan(&state(&json!({"InstanceType": "t3.medium"}))).await;
    assert!(plan.steps.is_empty() && plan.manual[0].reason.contains("protected from being stopped"), "{plan:#?}");
}

#[tokio::test]
async fn an_instance_that_is_still_stopping_is_busy() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    modify(|call| call.instance_type(text("t3.large")))(&stage.direct, &stage.key.resource_id).await;
    let (_, plan) = stage.plan(&state(&json!({"InstanceType": "t3.medium"}))).await;
    let refusal = error_body("ec2", "IncorrectInstanceState", "The instance is not in the 'stopped' state.");
    stage.proxy.add(Rule::on("ModifyInstanceAttribute", Effect::Answer(400, refusal)));
    stage.proxy.add(Rule::on("DescribeInstances", Effect::Rewrite("running".into(), "stopping".into())));
    let error = stage.kind.call(&stage.aws, &stage.key, &plan.steps[1]).await.unwrap_err();
    let FixError::Busy { resource, state, operation } = &error else { panic!("{error}") };
    assert_eq!((resource, state.as_str(), *operation), (&stage.key.resource_id, "stopping", "ModifyInstanceAttribute"));
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_volume_that_was_just_modified_is_busy_unless_it_is_as_asked_for() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let baseline = stage.state().await;
    volumes::modify(volumes::ROOT, |call| call.size(10))(&stage.direct, &stage.key.resource_id).await;
    let (_, plan) = stage.plan(&baseline).await;
    let [step] = plan.steps.as_slice() else { panic!("{plan:#?}") };
    let refusal = error_body("ec2", "VolumeModificationRateExceeded", "You've reached the maximum modification rate.");
    stage.proxy.add(Rule::on("ModifyVolume", Effect::Answer(400, refusal.clone())));
    let error = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap_err();
    assert!(matches!(&error, FixError::Busy { resource, .. } if resource.starts_with("vol-")), "{error}");
    stage.proxy.clear_rules();
    stage.call(step).await;
    stage.proxy.add(Rule::on("ModifyVolume", Effect::Answer(400, refusal)));
    let receipt = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap();
    assert!(receipt.nothing_to_do);
}

#[tokio::test]
async fn credits_that_aws_refuses_in_a_successful_answer_are_refused() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let (_, plan) = stage.plan(&state(&json!({"CreditSpecification": {"CpuCredits": "unlimited"}}))).await;
    let refused = |code: &str| {
        let name = "ModifyInstanceCreditSpecification";
        let answer = format!(
            "<{name}Response><unsuccessfulInstanceCreditSpecificationSet><item><instanceId>i-1</instanceId><error>\
             <code>{code}</code><message>Not now.</message></error></item></unsuccessfulInstanceCreditSpecificationSet>\
             </{name}Response>"
        );
        Rule::on(name, Effect::Answer(200, answer))
    };
    stage.proxy.add(refused("InstanceCreditSpecification.NotSupported"));
    let error = stage.kind.call(&stage.aws, &stage.key, &plan.steps[0]).await.unwrap_err();
    assert!(error.to_string().contains("InstanceCreditSpecification.NotSupported: Not now."), "{error}");
    assert!(!error.is_transient());
    stage.proxy.clear_rules();
    stage.proxy.add(refused("IncorrectInstanceState"));
    let error = stage.kind.call(&stage.aws, &stage.key, &plan.steps[0]).await.unwrap_err();
    assert!(matches!(error, FixError::Busy { .. }), "{error}");
}

#[tokio::test]
async fn a_profile_that_is_so_already_is_nothing_to_do() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let (_, plan) = stage.plan(&state(&json!({"IamInstanceProfile": null}))).await;
    let mut done = Vec::new();
    for _ in 0..2 {
        done.push(stage.kind.call(&stage.aws, &stage.key, &plan.steps[0]).await.unwrap().nothing_to_do);
    }
    let (_, plan) = stage.plan(&state(&json!({"IamInstanceProfile": "web"}))).await;
    for _ in 0..2 {
        done.push(stage.kind.call(&stage.aws, &stage.key, &plan.steps[0]).await.unwrap().nothing_to_do);
    }
    assert_eq!(done, [false, true, false, true]);
    // One that is another's is not so.
    let other = FixStep {
        parameters: json!({"InstanceId": stage.key.resource_id, "IamInstanceProfile": {"Name": "admin"}}),
        ..plan.steps[0].clone()
    };
    let error = stage.kind.call(&stage.aws, &stage.key, &other).await.unwrap_err();
    assert!(matches!(error, FixError::Busy { .. }), "{error}");
}

#[tokio::test]
async fn an_instance_that_is_gone_makes_no_plan() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let declared = state(&json!({"Monitoring": true}));
    let (actual, changes) = stage.compare(&declared).await;
    let running = InstanceStateName::Running.as_str().to_owned();
    stage.proxy.add(Rule::on("DescribeInstances", Effect::Rewrite(running, "shutting-down".into())));
    let key = &stage.key;
    let request = driftsentry::resource::FixRequest {
        key,
        expected: &declared,
        actual: &actual,
        changes: &changes,
        apply_immediately: false,
    };
    let error = stage.kind.plan_fix(&stage.aws, request).await.unwrap_err();
    let FixError::Aws(told) = &error else { panic!("{error}") };
    assert_eq!((told.class, error.is_transient()), (ErrorClass::NotFound, false));
}

#[tokio::test]
async fn a_denied_call_names_its_action() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    let mut declared = stage.state().await;
    declared.set("IamInstanceProfile", "admin");
    declared.set("InstanceType", "t3.large");
    let (_, plan) = stage.plan(&declared).await;
    for step in &plan.steps {
        stage.proxy.add(Rule::on(step.operation, Effect::Denied));
        let error = stage.kind.call(&stage.aws, &stage.key, step).await.unwrap_err();
        stage.proxy.clear_rules();
        let FixError::Aws(told) = &error else { panic!("{error}") };
        assert_eq!(told.missing_action.as_deref(), Some(format!("ec2:{}", step.operation).as_str()));
        let read = step.read_parameters::<BTreeMap<String, Value>>().unwrap();
        let other = FixStep { parameters: json!({"Force": true}), ..step.clone() };
        let error = stage.kind.call(&stage.aws, &stage.key, &other).await.unwrap_err();
        assert!(matches!(error, FixError::Unfit { .. }) && !read.is_empty(), "{error}");
    }
    let foreign = FixStep { operation: "TerminateInstances", ..plan.steps[0].clone() };
    let error = stage.kind.call(&stage.aws, &stage.key, &foreign).await.unwrap_err();
    assert!(matches!(error, FixError::Unfit { .. }), "{error}");
}

//! Stops and starts.

use serde_json::json;

use super::super::{Called, owed};
use super::{calls, facts, key, planned};
use crate::resource::ec2::fix::facts::{Facts, Unstoppable};
use crate::resource::fix::Disruption;

#[test]
fn all_that_needs_a_stop_shares_one() {
    let expected = json!({"InstanceType": "t3.medium", "EbsOptimized": true, "CreditSpecification": "standard"});
    let actual = json!({"InstanceType": "m5.large", "EbsOptimized": false, "CreditSpecification": null});
    let plan = planned(&expected, &actual, &Facts { has_passing_address: true, ..facts() });
    assert_eq!(
        calls(&plan),
        [
            ("StopInstances", json!({"InstanceIds": ["i-1"]})),
            ("ModifyInstanceAttribute", json!({"InstanceId": "i-1", "InstanceType": {"Value": "t3.medium"}})),
            ("ModifyInstanceAttribute", json!({"InstanceId": "i-1", "EbsOptimized": {"Value": true}})),
            (
                "ModifyInstanceCreditSpecification",
                json!({"InstanceCreditSpecifications": [{"InstanceId": "i-1", "CpuCredits": "standard"}]})
            ),
            ("StartInstances", json!({"InstanceIds": ["i-1"]})),
        ]
    );
    assert_eq!((plan.disruption(), plan.loosens()), (Disruption::StopStart, false));
    let felt: Vec<_> = plan.steps[..3].iter().map(|step| step.disruption).collect();
    assert_eq!(felt, [Disruption::StopStart; 3], "what waits for the stop is allowed with it or not at all");
    assert_eq!(plan.steps[0].summary, "stop i-1; its public address will be another one after");
    assert_eq!(plan.steps[4].summary, "start i-1 again");
    assert!(plan.steps[0].restores.is_empty() && plan.steps[4].restores.is_empty());
}

#[test]
fn what_the_declared_type_does_not_have_goes_with_the_type() {
    let expected = json!({"InstanceType": "m5.large", "CreditSpecification": null});
    let actual = json!({"InstanceType": "t3.large", "CreditSpecification": "unlimited"});
    let plan = planned(&expected, &actual, &facts());
    assert_eq!(plan.steps[1].restores, ["/InstanceType", "/CreditSpecification"]);
    assert_eq!((plan.steps.len(), plan.manual.len()), (3, 0));
}

#[test]
fn a_stopped_instance_is_neither_stopped_nor_started() {
    let stopped = Facts { is_running: false, ..facts() };
    let (expected, actual) = (json!({"InstanceType": "t3.medium"}), json!({"InstanceType": "t3.large"}));
    let plan = planned(&expected, &actual, &stopped);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.disruption(), Disruption::None);
    // Nor does it matter then what would keep it from being stopped.
    let member = Facts { unstoppable: Some(Unstoppable::Spot), is_stop_protected: true, ..stopped };
    assert_eq!(planned(&expected, &actual, &member).steps, plan.steps);
}

#[test]
fn a_declared_power_state_is_put_back_after_all_else() {
    let of = |expected: &str, actual: &str| {
        let expected = json!({"InstanceType": "t3.medium", "State": expected});
        let plan = planned(&expected, &json!({"InstanceType": "t3.large", "State": actual}), &facts());
        plan.steps.into_iter().map(|step| (step.operation, step.restores)).collect::<Vec<_>>()
    };
    let modify = ("ModifyInstanceAttribute", vec!["/InstanceType".to_owned()]);
    let power = |operation, pointers: &[&str]| (operation, pointers.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(of("running", "stopped"), [modify.clone(), power("StartInstances", &["/State"])]);
    assert_eq!(of("stopped", "running"), [power("StopInstances", &["/State"]), modify.clone()]);
    assert_eq!(of("running", "running"), [power("StopInstances", &[]), modify.clone(), power("StartInstances", &[])]);
    assert_eq!(of("stopped", "stopped"), [modify]);
}

#[test]
fn an_instance_that_must_not_stop_is_left_to_people() {
    let expected = json!({"InstanceType": "t3.medium", "Monitoring": true, "State": "stopped"});
    let actual = json!({"InstanceType": "t3.large", "Monitoring": false, "State": "running"});
    for facts in [
        Facts { unstoppable: Some(Unstoppable::Scaled("web".to_owned())), ..facts() },
        Facts { unstoppable: Some(Unstoppable::StoreRoot), ..facts() },
        Facts { unstoppable: Some(Unstoppable::Spot), ..facts() },
        Facts { is_stop_protected: true, ..facts() },
    ] {
        let plan = planned(&expected, &actual, &facts);
        assert_eq!(calls(&plan), [("MonitorInstances", json!({"InstanceIds": ["i-1"]}))], "{facts:?}");
        let left: Vec<_> = plan.manual.iter().map(|fix| fix.pointer.as_str()).collect();
        assert_eq!(left, ["/InstanceType", "/State"], "{facts:?}");
        assert!(plan.manual.iter().all(|fix| fix.reason.contains("needs a stop")), "{:?}", plan.manual);
    }
}

#[test]
fn stop_protection_goes_off_before_a_stop_and_on_after_the_start() {
    let of = |declared: bool| {
        let expected = json!({"InstanceType": "t3.medium", "DisableApiStop": declared});
        let actual = json!({"InstanceType": "t3.large", "DisableApiStop": !declared});
        let plan = planned(&expected, &actual, &Facts { is_stop_protected: !declared, ..facts() });
        assert_eq!((plan.manual.len(), plan.loosens()), (0, !declared));
        plan.steps.iter().position(|step| step.restores == ["/DisableApiStop"]).map(|at| (at, plan.steps.len()))
    };
    assert_eq!(of(false), Some((0, 4)));
    assert_eq!(of(true), Some((3, 4)));
}

#[test]
fn a_start_is_owed_after_a_stop_in_between_alone() {
    let nothing: Vec<String> = Vec::new();
    let state = vec!["/State".to_owned()];
    let called = |operation: &'static str, restores| Called { operation, restores };
    let owed = |calls: &[Called<'_>]| owed(&key(), calls).into_iter().map(|step| step.summary).collect::<Vec<_>>();
    let (stop, start) = (called("StopInstances", &nothing), called("StartInstances", &nothing));
    let modify = called("ModifyInstanceAttribute", &state);
    assert_eq!(owed(&[stop, modify]), ["start i-1 again"]);
    assert_eq!(owed(&[stop, modify, start]), [""; 0]);
    assert_eq!(owed(&[stop, start, stop]), ["start i-1 again"]);
    assert_eq!(owed(&[called("StopInstances", &state), modify]), [""; 0], "it is to be stopped");
    assert_eq!(owed(&[modify]), [""; 0]);
}

//! Planning, without AWS.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    CpuOptions, Instance, InstanceNetworkInterface, InstanceNetworkInterfaceAttachment, InstanceState,
    InstanceStateName, Tag,
};
use serde_json::{Value, json};

use super::facts::Facts;
use super::{Called, owed, plan};
use crate::domain::id::{ResourceKey, Scope};
use crate::domain::state::ResourceState;
use crate::resource::ec2::Ec2;
use crate::resource::fix::{Disruption, FixPlan, FixRequest};
use crate::resource::{ResourceType, changes_of};

fn key() -> ResourceKey {
    let scope =
        Scope { account_id: "123456789012".into(), region: "us-east-1".into(), resource_type: "EC2".to_owned() };
    ResourceKey { scope, resource_id: "i-1".to_owned() }
}

fn facts() -> Facts {
    Facts {
        is_running: true,
        interfaces: vec!["eni-1".to_owned()],
        volumes: BTreeMap::from([("/dev/xvda".to_owned(), "vol-1".to_owned())]),
        cpu: Some((1, 2)),
        association: Some("iip-assoc-1".to_owned()),
        ..Facts::default()
    }
}

fn state(value: &Value) -> ResourceState {
    let mut state = ResourceState::from(value.as_object().expect("an object").clone());
    Ec2.normalize(&mut state);
    state
}

/// The plan for these declared and live attributes.
fn planned(expected: &Value, actual: &Value, facts: &Facts) -> FixPlan {
    let (expected, actual) = (state(expected), state(actual));
    let changes = changes_of(&Ec2, &expected, &actual);
    let key = key();
    let request =
        FixRequest { key: &key, expected: &expected, actual: &actual, changes: &changes, apply_immediately: true };
    plan(request, facts)
}

/// Operations and parameters of a plan's calls.
fn calls(plan: &FixPlan) -> Vec<(&'static str, Value)> {
    plan.steps.iter().map(|step| (step.operation, step.parameters.clone())).collect()
}

/// The plan for one attribute that is live as `actual` instead of as the example has it.
fn drifted(attribute: &str, actual: &Value) -> FixPlan {
    let expected = Ec2.example().get(attribute).expect("the example holds it").clone();
    planned(&json!({attribute: expected}), &json!({attribute: actual}), &facts())
}

/// A drift of every attribute, and the operations that put it back; none if it is left to people.
fn every_attribute() -> Vec<(&'static str, Value, &'static [&'static str])> {
    const MODIFY: &str = "ModifyInstanceAttribute";
    const STOPPED: &[&str] = &["StopInstances", MODIFY, "StartInstances"];
    let device = |field: &str, value: Value| {
        let mut devices = Ec2.example().get("BlockDevices").expect("devices").clone();
        devices["/dev/xvda"][field] = value;
        devices
    };
    vec![
        ("AvailabilityZone", json!("us-east-1b"), &[]),
        ("BlockDevices", device("Size", json!(20)), &["ModifyVolume"]),
        ("BlockDevices", device("Size", json!(80)), &[]),
        ("BlockDevices", device("Encrypted", json!(false)), &[]),
        ("BlockDevices", device("KmsKeyId", json!("other")), &[]),
        ("BlockDevices", device("DeleteOnTermination", json!(false)), &[MODIFY]),
        ("BlockDevices", json!({}), &[]),
        (
            "CpuOptions",
            json!({"CoreCount": 1, "ThreadsPerCore": 1}),
            &["StopInstances", "ModifyInstanceCpuOptions", "StartInstances"],
        ),
        ("CpuOptions", json!({"AmdSevSnp": "enabled", "CoreCount": 1, "ThreadsPerCore": 2}), &[]),
        ("CreditSpecification", json!({"CpuCredits": "unlimited"}), &["ModifyInstanceCreditSpecification"]),
        ("CreditSpecification", Value::Null, &[]),
        ("DisableApiStop", json!(true), &[MODIFY]),
        ("DisableApiTermination", json!(false), &[MODIFY]),
        ("EbsOptimized", json!(false), STOPPED),
        ("EnclaveOptions", json!({"Enabled": true}), STOPPED),
        ("HibernationOptions", json!({"Configured": true}), &[]),
        ("IamInstanceProfile", json!("admin"), &["ReplaceIamInstanceProfileAssociation"]),
        ("ImageId", json!("ami-0feed"), &[]),
        ("InstanceInitiatedShutdownBehavior", json!("terminate"), &[MODIFY]),
        ("InstanceType", json!("t3.large"), STOPPED),
        ("KeyName", json!("ops"), &[]),
        ("MaintenanceOptions", json!({"AutoRecovery": "disabled"}), &["ModifyInstanceMaintenanceOptions"]),
        (
            "MetadataOptions",
            json!({"HttpTokens": "optional", "HttpPutResponseHopLimit": 2}),
            &["ModifyInstanceMetadataOptions"],
        ),
        ("Monitoring", json!(true), &["UnmonitorInstances"]),
        ("PlatformDetails", json!("Windows"), &[]),
        ("PrivateDnsNameOptions", json!({"EnableResourceNameDnsARecord": true}), &["ModifyPrivateDnsNameOptions"]),
        (
            "PrivateDnsNameOptions",
            json!({"HostnameType": "resource-name"}),
            &["StopInstances", "ModifyPrivateDnsNameOptions", "StartInstances"],
        ),
        ("SecurityGroups", json!({"sg-0feed": {}}), &[MODIFY]),
        ("SourceDestCheck", json!(false), &[MODIFY]),
        ("State", json!("stopped"), &["StartInstances"]),
        ("SubnetId", json!("subnet-0feed"), &[]),
        ("Tags", json!({"Name": "web-1", "Ticket": "OPS-1"}), &["DeleteTags"]),
        ("Tenancy", json!("dedicated"), &[]),
        ("UserDataSha256", Value::Null, &[]),
        ("VpcId", json!("vpc-0feed"), &[]),
    ]
}

#[test]
fn every_attribute_is_put_back_or_left_to_people_with_a_reason_of_its_own() {
    let table = every_attribute();
    for attribute in Ec2.attributes() {
        assert!(table.iter().any(|(name, _, _)| *name == attribute.name), "{} has no row", attribute.name);
    }
    for (attribute, live, operations) in table {
        let plan = drifted(attribute, &live);
        let called: Vec<_> = plan.steps.iter().map(|step| step.operation).collect();
        assert_eq!(called, operations, "{attribute} {live}");
        assert_eq!(plan.manual.is_empty(), !operations.is_empty(), "{attribute} {live}: {:?}", plan.manual);
        for fix in &plan.manual {
            assert_ne!(fix.reason, "no call brings the declared value about", "{attribute} {live}");
        }
        for step in &plan.steps {
            assert!(!step.summary.is_empty() && !step.actions.is_empty(), "{attribute}: {step:?}");
            assert!(step.actions.iter().all(|action| Ec2.fix_actions().contains(action)), "{:?}", step.actions);
        }
    }
}

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
    let member = Facts { scaling_group: Some("web".to_owned()), is_stop_protected: true, ..stopped };
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
        Facts { scaling_group: Some("web".to_owned()), ..facts() },
        Facts { has_store_root: true, ..facts() },
        Facts { is_spot: true, ..facts() },
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

#[test]
fn an_instance_with_several_interfaces_is_reached_by_its_primary_one() {
    let expected = json!({"SecurityGroups": ["sg-1", "sg-2"], "SourceDestCheck": true});
    let actual = json!({"SecurityGroups": ["sg-2", "sg-3"], "SourceDestCheck": false});
    let many = Facts { interfaces: vec!["eni-1".to_owned(), "eni-2".to_owned()], ..facts() };
    let operation = "ModifyNetworkInterfaceAttribute";
    assert_eq!(
        calls(&planned(&expected, &actual, &many)),
        [
            (operation, json!({"NetworkInterfaceId": "eni-1", "Groups": ["sg-1", "sg-2"]})),
            (operation, json!({"NetworkInterfaceId": "eni-1", "SourceDestCheck": {"Value": true}})),
        ]
    );
    let operation = "ModifyInstanceAttribute";
    assert_eq!(
        calls(&planned(&expected, &actual, &facts())),
        [
            (operation, json!({"InstanceId": "i-1", "Groups": ["sg-1", "sg-2"]})),
            (operation, json!({"InstanceId": "i-1", "SourceDestCheck": {"Value": true}})),
        ]
    );
}

#[test]
fn what_lets_more_in_or_gives_a_protection_up_loosens() {
    let loosens = |expected: Value, actual: Value| {
        let plan = planned(&expected, &actual, &facts());
        assert_eq!((plan.steps.len(), plan.manual.len()), (1, 0), "{expected}");
        plan.loosens()
    };
    for (attribute, safe, open) in [
        ("SecurityGroups", json!(["sg-1"]), json!(["sg-1", "sg-2"])),
        ("SourceDestCheck", json!(true), json!(false)),
        ("DisableApiTermination", json!(true), json!(false)),
        ("DisableApiStop", json!(true), json!(false)),
        ("InstanceInitiatedShutdownBehavior", json!("stop"), json!("terminate")),
        ("IamInstanceProfile", Value::Null, json!("web")),
        ("MetadataOptions", json!({"HttpTokens": "required"}), json!({"HttpTokens": "optional"})),
        ("MetadataOptions", json!({"HttpPutResponseHopLimit": 1}), json!({"HttpPutResponseHopLimit": 2})),
        ("MetadataOptions", json!({"InstanceMetadataTags": "disabled"}), json!({"InstanceMetadataTags": "enabled"})),
        ("MetadataOptions", json!({"HttpEndpoint": "disabled"}), json!({"HttpEndpoint": "enabled"})),
        (
            "BlockDevices",
            json!({"/dev/xvda": {"DeleteOnTermination": false}}),
            json!({"/dev/xvda": {"DeleteOnTermination": true}}),
        ),
    ] {
        assert!(!loosens(json!({attribute: safe}), json!({attribute: open})), "{attribute} to {safe}");
        assert!(loosens(json!({attribute: open}), json!({attribute: safe})), "{attribute} to {open}");
    }
    assert!(loosens(json!({"IamInstanceProfile": "web"}), json!({"IamInstanceProfile": "admin"})));
}

#[test]
fn what_closes_the_metadata_service_never_shares_a_call_with_what_opens_it() {
    let expected = json!({"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}});
    let actual = json!({"MetadataOptions": {"HttpTokens": "optional", "HttpPutResponseHopLimit": 1}});
    let plan = planned(&expected, &actual, &facts());
    let call = |hops: u8| {
        json!({
            "InstanceId": "i-1", "HttpEndpoint": "enabled", "HttpProtocolIpv6": "disabled",
            "HttpPutResponseHopLimit": hops, "HttpTokens": "required", "InstanceMetadataTags": "disabled",
        })
    };
    let operation = "ModifyInstanceMetadataOptions";
    assert_eq!(calls(&plan), [(operation, call(1)), (operation, call(2))]);
    assert_eq!(plan.steps.iter().map(|step| step.loosens).collect::<Vec<_>>(), [false, true]);
    assert_eq!(plan.steps[0].summary, "set the metadata options HttpTokens required");
}

#[test]
fn a_metadata_service_that_is_declared_off_is_turned_off_alone() {
    let expected = json!({"MetadataOptions": {"HttpEndpoint": "disabled", "HttpTokens": "required"}});
    let actual = json!({"MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "optional"}});
    let plan = planned(&expected, &actual, &facts());
    let call = json!({"InstanceId": "i-1", "HttpEndpoint": "disabled"});
    assert_eq!(calls(&plan), [("ModifyInstanceMetadataOptions", call)]);
    assert_eq!(plan.manual[0].pointer, "/MetadataOptions/HttpTokens");
    let plan = planned(&actual, &expected, &facts());
    assert_eq!((plan.steps.len(), plan.loosens()), (1, true), "on with all options in one call");
}

#[test]
fn a_volume_grows_and_changes_in_one_call_and_never_shrinks() {
    let expected = json!({"BlockDevices": {"/dev/xvda": {"Size": 40, "VolumeType": "gp3", "Iops": 4000}}});
    let actual = json!({"BlockDevices": {"/dev/xvda": {"Size": 20, "VolumeType": "gp2"}}});
    let plan = planned(&expected, &actual, &facts());
    let all = json!({"VolumeId": "vol-1", "Size": 40, "VolumeType": "gp3", "Iops": 4000, "Throughput": 125});
    assert_eq!(calls(&plan), [("ModifyVolume", all)]);
    assert_eq!(plan.disruption(), Disruption::Degraded);
    let larger = json!({"BlockDevices": {"/dev/xvda": {"Size": 80, "VolumeType": "gp2"}}});
    let plan = planned(&expected, &larger, &facts());
    let kind = json!({"VolumeId": "vol-1", "VolumeType": "gp3", "Iops": 4000, "Throughput": 125});
    assert_eq!(calls(&plan), [("ModifyVolume", kind)]);
    assert_eq!(plan.manual[0].reason, "a volume only ever grows");
    let detached = Facts { volumes: BTreeMap::new(), ..facts() };
    assert_eq!(planned(&expected, &actual, &detached).manual.len(), 4);
}

#[test]
fn a_volume_more_or_less_is_left_to_people() {
    let none = json!({"BlockDevices": {}});
    let one = json!({"BlockDevices": {"/dev/sdf": {"Size": 8}}});
    for (expected, actual, reason) in [(&none, &one, "ever detached"), (&one, &none, "ever made or attached")] {
        let plan = planned(expected, actual, &facts());
        assert!(plan.steps.is_empty() && plan.manual[0].reason.contains(reason), "{:?}", plan.manual);
        assert_eq!(plan.manual[0].pointer, "/BlockDevices/~1dev~1sdf");
    }
}

#[test]
fn the_profile_is_given_replaced_or_taken_as_the_association_is() {
    let of = |expected: Value, association: Option<&str>| {
        let facts = Facts { association: association.map(str::to_owned), ..facts() };
        calls(&planned(&json!({"IamInstanceProfile": expected}), &json!({"IamInstanceProfile": "x"}), &facts))
    };
    let profile = json!({"Name": "web"});
    assert_eq!(
        of(json!("web"), None),
        [("AssociateIamInstanceProfile", json!({"InstanceId": "i-1", "IamInstanceProfile": profile}))]
    );
    assert_eq!(
        of(json!("web"), Some("a-1")),
        [("ReplaceIamInstanceProfileAssociation", json!({"AssociationId": "a-1", "IamInstanceProfile": profile}))]
    );
    assert_eq!(of(Value::Null, Some("a-1")), [("DisassociateIamInstanceProfile", json!({"AssociationId": "a-1"}))]);
}

#[test]
fn a_cpu_figure_that_is_not_declared_stays_as_it_is() {
    let plan =
        planned(&json!({"CpuOptions": {"ThreadsPerCore": 1}}), &json!({"CpuOptions": {"ThreadsPerCore": 2}}), &{
            Facts { cpu: Some((4, 2)), ..facts() }
        });
    let call = json!({"InstanceId": "i-1", "CoreCount": 4, "ThreadsPerCore": 1});
    assert_eq!(calls(&plan)[1], ("ModifyInstanceCpuOptions", call));
}

#[test]
fn an_instance_tells_what_planning_must_know() {
    let interface = |id: &str, index: i32| {
        let attachment = InstanceNetworkInterfaceAttachment::builder().device_index(index).build();
        InstanceNetworkInterface::builder().network_interface_id(id).attachment(attachment).build()
    };
    let instance = Instance::builder()
        .state(InstanceState::builder().name(InstanceStateName::Stopping).build())
        .network_interfaces(interface("eni-2", 1))
        .network_interfaces(interface("eni-1", 0))
        .cpu_options(CpuOptions::builder().core_count(2).threads_per_core(1).build())
        .tags(Tag::builder().key("aws:autoscaling:groupName").value("web").build())
        .build();
    let facts = Facts::of(&instance);
    assert_eq!((facts.is_running, facts.cpu), (false, Some((2, 1))));
    assert_eq!(facts.interfaces, ["eni-1", "eni-2"]);
    assert_eq!(facts.scaling_group.as_deref(), Some("web"));
    assert!(Facts::of(&Instance::builder().build()).is_running, "what tells nothing is not taken for stopped");
}

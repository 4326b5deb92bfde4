//! Planning, without AWS.

mod power;

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    CpuOptions, Instance, InstanceNetworkInterface, InstanceNetworkInterfaceAttachment, InstanceState,
    InstanceStateName, Tag,
};
use serde_json::{Value, json};

use super::facts::{Facts, Unstoppable};
use super::plan;
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
    assert_eq!(facts.unstoppable, Some(Unstoppable::Scaled("web".to_owned())));
    assert!(Facts::of(&Instance::builder().build()).is_running, "what tells nothing is not taken for stopped");
}

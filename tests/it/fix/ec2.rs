//! Instances, drift by drift.

use std::collections::BTreeSet;

use driftsentry::domain::state::ResourceState;
use serde_json::{Value, json};

use super::ec2_calls::call_what_the_emulator_lacks;
use super::{Row, Stage};
use crate::mutations_ec2::acts::{
    disassociate_profile, drop_first_group, flag, modify, set_metadata, set_power, set_shutdown_behavior, tag, text,
    untag,
};
use crate::mutations_ec2::{create, volumes};

const MODIFY: &[&str] = &["ModifyInstanceAttribute"];
const STOPPED: &[&str] = &["StopInstances", "ModifyInstanceAttribute", "StartInstances"];

fn table() -> Vec<Row> {
    [fixed(), devices(), access(), metadata(), protection(), power(), tags(), not_shown()]
        .into_iter()
        .flatten()
        .collect()
}

fn fixed() -> Vec<Row> {
    let declared = |attribute: &'static str, value: Value| {
        Row::by_hand(attribute, "declared otherwise", move |state| state.set(attribute, value.clone()))
    };
    let other_hash = "0".repeat(64);
    vec![
        declared("AvailabilityZone", json!("us-east-1b")),
        declared("HibernationOptions", json!({"Configured": true})),
        declared("ImageId", json!("ami-0feed")),
        declared("KeyName", json!("other")),
        declared("PlatformDetails", json!("Windows")),
        declared("SubnetId", json!("subnet-0feed")),
        declared("Tenancy", json!("dedicated")),
        declared("UserDataSha256", json!(other_hash)),
        declared("VpcId", json!("vpc-0feed")),
    ]
}

fn devices() -> Vec<Row> {
    let tuned = |what, act| Row::put_back("BlockDevices", what, act, &["ModifyVolume"]);
    let field = |device: &'static str, field: &'static str, value: Value| {
        Row::by_hand("BlockDevices", field, move |state: &mut ResourceState| {
            let devices = state.get_mut("BlockDevices").expect("devices");
            devices[device][field] = value.clone();
        })
    };
    let kept = volumes::delete_with_instance(false);
    vec![
        tuned("smaller", volumes::modify(volumes::ROOT, |call| call.size(10))),
        tuned("of another type", volumes::modify(volumes::DATA, |call| call.volume_type("gp3".into()))),
        tuned("with more IOPS", volumes::modify(volumes::ROOT, |call| call.iops(4000))),
        tuned("with more throughput", volumes::modify(volumes::ROOT, |call| call.throughput(130))),
        tuned("changed in all", volumes::modify(volumes::ROOT, |call| call.size(10).iops(4000).throughput(130))),
        Row::put_back("BlockDevices", "kept after the instance", kept, MODIFY),
        field(volumes::ROOT, "Size", json!(10)),
        field(volumes::ROOT, "Encrypted", json!(false)),
        field(volumes::ROOT, "KmsKeyId", json!("arn:aws:kms:us-east-1:123456789012:key/other")),
        field("/dev/sdz", "Size", json!(10)),
        Row::by_hand("BlockDevices", "one more than declared", |state| {
            let devices = state.get_mut("BlockDevices").and_then(Value::as_object_mut).expect("devices");
            devices.remove(volumes::DATA);
        }),
    ]
}

fn access() -> Vec<Row> {
    let unchecked = modify(|call| call.source_dest_check(flag(false)));
    vec![
        Row::put_back("IamInstanceProfile", "lost", disassociate_profile(), &["AssociateIamInstanceProfile"]),
        Row::not_shown("IamInstanceProfile", "the emulator's instance keeps a profile that is replaced"),
        Row::put_back("SecurityGroups", "one less", drop_first_group(), MODIFY),
        Row::not_shown("SecurityGroups", "the emulator's instance keeps the groups that its interface loses"),
        Row::put_back("SourceDestCheck", "off", unchecked, MODIFY),
    ]
}

fn metadata() -> Vec<Row> {
    let set = |field: &'static str, value: Value| {
        Row::put_back("MetadataOptions", field, set_metadata(field, &value), &["ModifyInstanceMetadataOptions"])
    };
    vec![
        set("HttpTokens", json!("optional")),
        set("HttpPutResponseHopLimit", json!(3)),
        set("HttpEndpoint", json!("disabled")),
        set("HttpProtocolIpv6", json!("enabled")),
        set("InstanceMetadataTags", json!("enabled")),
    ]
}

fn protection() -> Vec<Row> {
    let stoppable = modify(|call| call.disable_api_stop(flag(true)));
    let terminable = modify(|call| call.disable_api_termination(flag(false)));
    vec![
        Row::put_back("DisableApiStop", "on", stoppable, MODIFY),
        Row::put_back("DisableApiTermination", "off", terminable, MODIFY),
        Row::put_back("InstanceInitiatedShutdownBehavior", "terminate", set_shutdown_behavior("terminate"), MODIFY),
    ]
}

fn power() -> Vec<Row> {
    let larger = modify(|call| call.instance_type(text("t3.large")));
    let shared = modify(|call| call.ebs_optimized(flag(false)));
    vec![
        Row::put_back("InstanceType", "larger", larger, STOPPED),
        Row::put_back("EbsOptimized", "off", shared, STOPPED),
        Row::put_back("State", "stopped", set_power(false), &["StartInstances"]),
    ]
}

fn tags() -> Vec<Row> {
    vec![
        Row::put_back("Tags", "changed", tag("Env", "test"), &["CreateTags"]),
        Row::put_back("Tags", "added", tag("a/b~c", "1"), &["DeleteTags"]),
        Row::put_back("Tags", "removed", untag("Name"), &["CreateTags"]),
    ]
}

/// What [`call_what_the_emulator_lacks`] shows to be called as AWS wants it.
fn not_shown() -> Vec<Row> {
    let lacks = |attribute| Row::not_shown(attribute, "the emulator does not know it");
    vec![
        lacks("CpuOptions"),
        lacks("EnclaveOptions"),
        lacks("MaintenanceOptions"),
        lacks("PrivateDnsNameOptions"),
        Row::not_shown("CreditSpecification", "the emulator tells all instances to be standard"),
        Row::not_shown("Monitoring", "the emulator fails when asked to change it"),
    ]
}

#[tokio::test]
async fn each_drift_of_an_instance_is_put_back_byte_for_byte() {
    let stage = Stage::new("EC2", "us-east-1", create).await;
    stage.each_is_put_back(&table()).await;
    call_what_the_emulator_lacks(&stage).await;
    let called = stage.proxy.counts().into_keys().filter(|name| name != "AssumeRole");
    let called: BTreeSet<String> = called.map(|operation| format!("ec2:{operation}")).collect();
    let (fix, scan) = (stage.kind.fix_actions(), stage.kind.scan_actions());
    for action in &called {
        assert!(fix.contains(&action.as_str()) || scan.contains(&action.as_str()), "{action} is in no policy");
    }
    // The role is passed on with a profile, by no call of its own.
    let needless: Vec<_> = fix.iter().filter(|it| **it != "iam:PassRole" && !called.contains(**it)).collect();
    assert!(needless.is_empty(), "the policy holds what is never called: {needless:?}");
}

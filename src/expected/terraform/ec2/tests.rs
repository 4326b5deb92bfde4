//! Instances: every row of the tables, and what providers of several versions write in several ways.

use serde_json::{Value, json};

use super::TYPES;
use crate::domain::state::ResourceState;
use crate::expected::terraform::laws;

const HELLO_SHA1: &str = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// Every attribute that any version of the provider has and that is mapped.
fn instance() -> Value {
    serde_json::from_str(include_str!("instance.json")).expect("the example is JSON")
}

fn with(mut attributes: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("attributes") {
        attributes[name] = value.clone();
    }
    attributes
}

fn without(mut attributes: Value, names: &[&str]) -> Value {
    for name in names {
        attributes.as_object_mut().expect("attributes").remove(*name);
    }
    attributes
}

fn volume() -> (&'static str, Value) {
    let volume = json!({
        "id": "vol-0b2", "encrypted": true, "iops": 4000, "kms_key_id": "arn:aws:kms:us-east-1:123456789012:key/2",
        "size": 100, "throughput": 200, "type": "gp3",
    });
    ("aws_ebs_volume", volume)
}

fn attachment() -> (&'static str, Value) {
    let attachment = json!({"device_name": "/dev/sdg", "instance_id": "i-0a1", "volume_id": "vol-0b2"});
    ("aws_volume_attachment", attachment)
}

fn group_attachment() -> (&'static str, Value) {
    let attachment = json!({"network_interface_id": "eni-0a1", "security_group_id": "sg-0f9"});
    ("aws_network_interface_sg_attachment", attachment)
}

fn state(more: &[(&'static str, Value)], instance: Value) -> ResourceState {
    let mut instances = more.to_vec();
    instances.push(("aws_instance", instance));
    laws::state(&[TYPES], &instances)
}

/// What an attribute of an instance is declared to be.
fn declared(attribute: &str, instance: Value) -> Option<Value> {
    state(&[], instance).get(attribute).cloned()
}

#[test]
fn every_row_is_true() {
    let of = |more: &[(&'static str, Value)]| {
        let mut example = more.to_vec();
        example.push(("aws_instance", instance()));
        example
    };
    let old = without(instance(), &["cpu_options", "tags_all"]);
    let coded = with(instance(), &json!({"user_data": null, "user_data_base64": "aGVsbG8="}));
    let tag = json!({"resource_id": "i-0a1", "key": "Owner", "value": "ops"});
    let power = json!({"instance_id": "i-0a1", "state": "running"});
    laws::every_row_is_true(
        &[TYPES],
        &[
            of(&[]),
            vec![("aws_instance", old)],
            vec![("aws_instance", coded)],
            of(&[volume(), attachment()]),
            of(&[group_attachment()]),
            of(&[("aws_ec2_tag", tag)]),
            of(&[("aws_ec2_instance_state", power)]),
        ],
    );
}

#[test]
fn an_attached_volume_is_known_by_its_device_and_wins_over_the_copy_in_the_instance() {
    let stale = json!([{"device_name": "/dev/sdg", "volume_size": 8, "volume_type": "gp2", "encrypted": false}]);
    let devices = state(&[volume(), attachment()], with(instance(), &json!({"ebs_block_device": stale})));
    let devices = devices.get("BlockDevices").expect("declared");
    let key = "arn:aws:kms:us-east-1:123456789012:key/2";
    assert_eq!(
        devices["/dev/sdg"],
        json!({"Encrypted": true, "Iops": 4000, "KmsKeyId": key, "Size": 100, "Throughput": 200, "VolumeType": "gp3"})
    );
    assert_eq!(devices.as_object().expect("devices").len(), 2, "the root device beside it");
    let elsewhere = state(&[attachment()], with(instance(), &json!({"ebs_block_device": []})));
    assert_eq!(elsewhere.get("BlockDevices").expect("declared")["/dev/sdg"], json!({}), "its volume is in no state");
}

#[test]
fn devices_are_declared_only_if_all_of_them_are_known() {
    let nameless = json!([{"volume_size": 8, "volume_type": "gp2"}]);
    let old = with(instance(), &json!({"root_block_device": nameless}));
    assert_eq!(state(&[volume(), attachment()], old).get("BlockDevices"), None);
    assert_eq!(declared("BlockDevices", json!({"id": "i-0a1"})), None);
}

#[test]
fn groups_are_those_of_the_instance_and_those_attached_to_its_interface() {
    let groups = |state: ResourceState| state.get("SecurityGroups").cloned();
    assert_eq!(groups(state(&[group_attachment()], instance())), Some(json!({"sg-0a1": {}, "sg-0f9": {}})));
    assert_eq!(groups(state(&[], with(instance(), &json!({"vpc_security_group_ids": null})))), None);
}

#[test]
fn tags_of_their_own_are_added_and_win_over_the_copy() {
    let tag = ("aws_ec2_tag", json!({"resource_id": "i-0a1", "key": "Env", "value": "stage"}));
    let state = state(&[tag], instance());
    assert_eq!(state.get("Tags"), Some(&json!({"Name": "web", "Env": "stage"})));
}

#[test]
fn user_data_is_declared_by_hash_alone() {
    for (more, expected) in [
        (json!({"user_data": HELLO_SHA1}), json!(format!("sha1:{HELLO_SHA1}"))),
        (json!({"user_data": "hello"}), json!(HELLO_SHA256)),
        (json!({"user_data": "aGVsbG8="}), json!(HELLO_SHA256)),
        (json!({"user_data": "aGVs\nbG9="}), json!(HELLO_SHA256)),
        (json!({"user_data": null, "user_data_base64": "aGVsbG8="}), json!(HELLO_SHA256)),
    ] {
        assert_eq!(declared("UserDataSha256", with(instance(), &more)), Some(expected), "{more}");
    }
    assert_eq!(declared("UserDataSha256", with(instance(), &json!({"user_data": null}))), None);
    assert_eq!(declared("UserDataSha256", with(instance(), &json!({"user_data": ""}))), None);
}

#[test]
fn what_a_state_does_not_tell_is_not_declared() {
    let nulls: Value =
        instance().as_object().expect("attributes").keys().map(|key| (key.clone(), Value::Null)).collect();
    assert_eq!(state(&[], with(nulls, &json!({"id": "i-0a1", "tags": {}}))).names().collect::<Vec<_>>(), ["Tags"]);
    assert_eq!(declared("CreditSpecification", with(instance(), &json!({"instance_type": "m5.large"}))), None);
    assert_eq!(
        declared("IamInstanceProfile", with(instance(), &json!({"iam_instance_profile": ""}))),
        Some(Value::Null)
    );
    let aliased = json!([{"device_name": "/dev/xvda", "volume_size": 8, "kms_key_id": "alias/ebs"}]);
    let devices =
        declared("BlockDevices", with(instance(), &json!({"root_block_device": aliased, "ebs_block_device": []})));
    assert_eq!(devices, Some(json!({"/dev/xvda": {"Size": 8}})));
}

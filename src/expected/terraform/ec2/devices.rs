//! Volumes by device name: from the instance's own blocks, from attachments and from the volumes attached.

use serde_json::{Map, Value, json};

use super::told;
use crate::expected::terraform::instance::Instance;
use crate::expected::terraform::mapping::{Mapping, Rank};

const BLOCK_DEVICES: &str = "BlockDevices";

/// What `aws_instance` tells.
pub(super) const INSTANCE: Mapping = Mapping {
    aws: BLOCK_DEVICES,
    from: &[
        ("root_block_device[0].device_name", "/*"),
        ("root_block_device[0].delete_on_termination", "/*/DeleteOnTermination"),
        ("root_block_device[0].encrypted", "/*/Encrypted"),
        ("root_block_device[0].iops", "/*/Iops"),
        ("root_block_device[0].kms_key_id", "/*/KmsKeyId"),
        ("root_block_device[0].throughput", "/*/Throughput"),
        ("root_block_device[0].volume_size", "/*/Size"),
        ("root_block_device[0].volume_type", "/*/VolumeType"),
        ("ebs_block_device[*].device_name", "/*"),
        ("ebs_block_device[*].delete_on_termination", "/*/DeleteOnTermination"),
        ("ebs_block_device[*].encrypted", "/*/Encrypted"),
        ("ebs_block_device[*].iops", "/*/Iops"),
        ("ebs_block_device[*].kms_key_id", "/*/KmsKeyId"),
        ("ebs_block_device[*].throughput", "/*/Throughput"),
        ("ebs_block_device[*].volume_size", "/*/Size"),
        ("ebs_block_device[*].volume_type", "/*/VolumeType"),
    ],
    note: "by device name; IOPS and throughput only of types where they are chosen; an attached aws_ebs_volume wins",
    rank: Rank::Base,
    read: own_devices,
};

/// What `aws_volume_attachment` tells: that there is a device.
pub(super) const ATTACHMENT: &[Mapping] = &[Mapping {
    aws: BLOCK_DEVICES,
    from: &[("device_name", "/*")],
    note: "joined with the aws_ebs_volume of its volume_id",
    rank: Rank::Base,
    read: |attachment| Some(json!({attachment.attributes.text("device_name")?: {}})),
}];

/// What `aws_ebs_volume` tells, under its own id until its attachment names the device.
pub(super) const VOLUME: &[Mapping] = &[Mapping {
    aws: BLOCK_DEVICES,
    from: &[
        ("encrypted", "/*/Encrypted"),
        ("iops", "/*/Iops"),
        ("kms_key_id", "/*/KmsKeyId"),
        ("size", "/*/Size"),
        ("throughput", "/*/Throughput"),
        ("type", "/*/VolumeType"),
    ],
    note: "under the device that its aws_volume_attachment names",
    rank: Rank::Split,
    read: volume,
}];

const BLOCK: &[(&str, &str)] = &[
    ("delete_on_termination", "DeleteOnTermination"),
    ("encrypted", "Encrypted"),
    ("iops", "Iops"),
    ("kms_key_id", "KmsKeyId"),
    ("throughput", "Throughput"),
    ("volume_size", "Size"),
    ("volume_type", "VolumeType"),
];

const OWN: &[(&str, &str)] = &[
    ("encrypted", "Encrypted"),
    ("iops", "Iops"),
    ("kms_key_id", "KmsKeyId"),
    ("size", "Size"),
    ("throughput", "Throughput"),
    ("type", "VolumeType"),
];

/// The devices of the instance's blocks; `None` if one has no name (provider 2 does not tell the root device's), since
/// all are compared together.
fn own_devices(instance: &Instance) -> Option<Value> {
    let mut devices = Map::new();
    instance.attributes.block("root_block_device")?;
    let roots = instance.attributes.blocks("root_block_device");
    for block in roots.chain(instance.attributes.blocks("ebs_block_device")) {
        let name = block.get("device_name").and_then(Value::as_str).filter(|name| !name.is_empty())?;
        devices.insert(name.to_owned(), device(block, BLOCK));
    }
    Some(Value::Object(devices))
}

fn volume(volume: &Instance) -> Option<Value> {
    Some(json!({volume.attributes.text("id")?: device(&volume.attributes.0, OWN)}))
}

fn device(block: &Map<String, Value>, fields: &[(&str, &str)]) -> Value {
    let mut device = told(block, fields);
    // Which key an alias stands for is not in the state.
    let is_alias = |key: &str| key.starts_with("alias/") || key.contains(":alias/");
    if device.get("KmsKeyId").and_then(Value::as_str).is_some_and(is_alias) {
        device.remove("KmsKeyId");
    }
    Value::Object(device)
}

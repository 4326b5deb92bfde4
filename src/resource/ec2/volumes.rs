//! The volumes of instances: one listing before the instances, kept small, joined by volume id.
//!
//! A volume that is being modified is listed as it will be from the moment that its modification takes effect (state
//! `optimizing`), which is seconds after it was asked for: nothing has to be asked beside.

use std::collections::HashMap;

use aws_sdk_ec2::types::{InstanceBlockDeviceMapping, Volume, VolumeType};
use serde_json::{Map, Value, json};

use super::attributes::{ATTRIBUTES, BLOCK_DEVICES};
use crate::domain::schema;
use crate::domain::state::{ResourceState, escape};
use crate::resource::ec2_query::{PAGE, declared_filter, next_page};
use crate::resource::{Aws, ReadError, ReadRequest, kms};

/// IOPS and MiB/s that a gp3 volume has unless told otherwise.
const GP3_IOPS: u32 = 3000;
const GP3_THROUGHPUT: u32 = 125;

/// What is kept of a volume until its instance comes by.
#[derive(Debug)]
struct Kept {
    size: Option<i32>,
    volume_type: Option<VolumeType>,
    iops: Option<i32>,
    throughput: Option<i32>,
    encrypted: bool,
    kms_key_id: Option<String>,
}

/// The volumes of the instances whose `BlockDevices` are wanted, by volume id.
#[derive(Debug, Default)]
pub(super) struct Volumes(HashMap<String, Kept>);

/// Whether the `BlockDevices` of instance `id` are wanted.
pub(super) fn wanted(request: &ReadRequest, id: &str) -> bool {
    schema::find(ATTRIBUTES, BLOCK_DEVICES).is_some_and(|attribute| request.wants_attribute(id, attribute))
}

/// Lists the volumes of all instances whose `BlockDevices` are wanted.
pub(super) async fn read(aws: &Aws, request: &ReadRequest) -> Result<Volumes, ReadError> {
    let mut kept = HashMap::new();
    let mut token = None;
    loop {
        let call = aws.ec2.describe_volumes().max_results(PAGE).set_next_token(token);
        let page = call.set_filters(declared_filter(request, "attachment.instance-id")).send().await;
        let page = page.map_err(|error| aws.read_error("ec2", "DescribeVolumes", &error))?;
        for volume in page.volumes.unwrap_or_default() {
            let attachments = volume.attachments();
            if attachments.iter().filter_map(|it| it.instance_id()).any(|instance| wanted(request, instance)) {
                kept.extend(volume.volume_id.clone().map(|id| (id, keep(volume))));
            }
        }
        token = next_page(page.next_token);
        if token.is_none() {
            return Ok(Volumes(kept));
        }
    }
}

fn keep(volume: Volume) -> Kept {
    Kept {
        size: volume.size,
        volume_type: volume.volume_type,
        iops: volume.iops,
        throughput: volume.throughput,
        encrypted: volume.encrypted.unwrap_or(false),
        kms_key_id: volume.kms_key_id.filter(|key| !key.is_empty()),
    }
}

impl Volumes {
    /// `BlockDevices` of an instance with these mappings.
    ///
    /// # Errors
    /// With the reason, if one of its volumes was not in the listing: it was attached since.
    pub(super) fn devices_of(&self, mappings: &[InstanceBlockDeviceMapping]) -> Result<Map<String, Value>, String> {
        let mut devices = Map::new();
        for mapping in mappings {
            let Some(ebs) = mapping.ebs() else { continue };
            let (device, id) = (mapping.device_name().unwrap_or_default(), ebs.volume_id().unwrap_or_default());
            let Some(kept) = self.0.get(id) else {
                return Err(format!("volume {id} on {device} was attached while the scan was reading"));
            };
            devices.insert(device.to_owned(), kept.to_value(ebs.delete_on_termination().unwrap_or(false)));
        }
        normalize(&mut devices);
        Ok(devices)
    }
}

impl Kept {
    fn to_value(&self, delete_on_termination: bool) -> Value {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
        set("DeleteOnTermination", Some(delete_on_termination.into()));
        set("Encrypted", Some(self.encrypted.into()));
        set("Iops", self.iops.map(Value::from));
        set("KmsKeyId", self.kms_key_id.clone().map(Value::from));
        set("Size", self.size.map(Value::from));
        set("Throughput", self.throughput.map(Value::from));
        set("VolumeType", self.volume_type.as_ref().map(|kind| kind.as_str().into()));
        Value::Object(fields)
    }
}

/// Writes out what AWS fills in for gp3, and drops what says nothing: IOPS that follow from the size or are none of the
/// owner's choice, and a throughput of zero.
pub(super) fn normalize(devices: &mut Map<String, Value>) {
    for volume in devices.values_mut().filter_map(Value::as_object_mut) {
        for name in ["Iops", "Throughput"] {
            if volume.get(name).is_some_and(|value| value.is_null() || *value == json!(0)) {
                volume.remove(name);
            }
        }
        if volume.get("KmsKeyId").is_some_and(|key| key.is_null() || *key == json!("")) {
            volume.remove("KmsKeyId");
        }
        match volume.get("VolumeType").and_then(Value::as_str) {
            Some("gp3") => {
                volume.entry("Iops").or_insert_with(|| GP3_IOPS.into());
                volume.entry("Throughput").or_insert_with(|| GP3_THROUGHPUT.into());
            }
            Some("gp2" | "st1" | "sc1" | "standard") => {
                volume.remove("Iops");
                volume.remove("Throughput");
            }
            Some("io1" | "io2") => drop(volume.remove("Throughput")),
            _ => {}
        }
    }
}

/// Takes a declared key that may be the live one for it.
pub(super) fn align_keys(declared: &ResourceState, live: &mut ResourceState) {
    let Some(Value::Object(devices)) = live.get_mut(BLOCK_DEVICES) else { return };
    for (device, volume) in devices {
        let (Some(declared), Some(Value::String(key))) = (key_of(declared, device), volume.get_mut("KmsKeyId")) else {
            continue;
        };
        if kms::may_be_same(declared, key) {
            declared.clone_into(key);
        }
    }
}

/// The keys that are declared by an alias while AWS tells the key: as pointers, with the reason.
pub(super) fn incomparable_keys(declared: &ResourceState, live: &ResourceState) -> Vec<(String, String)> {
    let devices = declared.get(BLOCK_DEVICES).and_then(Value::as_object);
    let devices = devices.into_iter().flat_map(|devices| devices.keys());
    let is_incomparable = |device: &&String| {
        let keys = key_of(declared, device).zip(key_of(live, device));
        keys.is_some_and(|(declared, live)| kms::is_incomparable(declared, live))
    };
    let pointer = |device: &String| format!("/{BLOCK_DEVICES}/{}/KmsKeyId", escape(device));
    devices.filter(is_incomparable).map(|device| (pointer(device), kms::INCOMPARABLE.to_owned())).collect()
}

fn key_of<'a>(state: &'a ResourceState, device: &str) -> Option<&'a str> {
    state.get(BLOCK_DEVICES)?.get(device)?.get("KmsKeyId")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceType;
    use crate::resource::ec2::Ec2;

    fn normalized(volume: Value) -> Value {
        let mut devices = Map::from_iter([("d".to_owned(), volume)]);
        normalize(&mut devices);
        devices["d"].clone()
    }

    #[test]
    fn what_says_nothing_is_dropped_and_gp3s_defaults_are_written_out() {
        for (given, canonical) in [
            (json!({"VolumeType": "gp2", "Iops": 100, "Throughput": 0}), json!({"VolumeType": "gp2"})),
            (json!({"VolumeType": "gp3"}), json!({"VolumeType": "gp3", "Iops": 3000, "Throughput": 125})),
            (
                json!({"VolumeType": "gp3", "Iops": 4000, "Throughput": 0}),
                json!({"VolumeType": "gp3", "Iops": 4000, "Throughput": 125}),
            ),
            (json!({"VolumeType": "io2", "Iops": 500, "Throughput": 0}), json!({"VolumeType": "io2", "Iops": 500})),
            (json!({"Size": 8, "KmsKeyId": "", "Iops": null}), json!({"Size": 8})),
        ] {
            assert_eq!(normalized(given.clone()), canonical, "{given}");
        }
    }

    #[test]
    fn a_bare_key_id_means_the_arn_that_ends_with_it() {
        let with_key = |key: &str| ResourceState::new().with(BLOCK_DEVICES, json!({"d": {"KmsKeyId": key}}));
        let arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd";
        let mut live = with_key(arn);
        Ec2.align(&with_key("1234abcd"), &mut live);
        assert_eq!(live, with_key("1234abcd"));
        let mut live = with_key(arn);
        Ec2.align(&with_key("234abcd"), &mut live);
        assert_eq!(live, with_key(arn));
        assert_eq!(Ec2.incomparable(&with_key("234abcd"), &live), []);
        let unknown = Ec2.incomparable(&with_key("alias/ebs"), &live);
        assert_eq!(unknown[0].0, "/BlockDevices/d/KmsKeyId");
        Ec2.align(&with_key("alias/ebs"), &mut live);
        assert_eq!(live, with_key("alias/ebs"), "no drift");
    }

    #[test]
    fn fields_that_are_not_declared_are_not_compared() {
        let declared = ResourceState::new().with(BLOCK_DEVICES, json!({"d": {"Size": 8}}));
        let mut live = ResourceState::new()
            .with(BLOCK_DEVICES, json!({"d": {"Size": 8, "Encrypted": true, "VolumeType": "gp2"}, "e": {"Size": 1}}));
        Ec2.align(&declared, &mut live);
        assert_eq!(live.get(BLOCK_DEVICES), Some(&json!({"d": {"Size": 8}, "e": {"Size": 1}})));
    }
}

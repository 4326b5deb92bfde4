//! The volumes: grown and tuned in place, never shrunk, attached, detached or encrypted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::{Draft, is_to_be_on, modify, step};
use super::parameters::{MappedVolume, Mapping, ModifyInstance, VolumeChange};
use crate::domain::diff::Change;
use crate::resource::ec2::attributes::BLOCK_DEVICES;
use crate::resource::fix::{Disruption, FixStep};

pub(super) const MODIFY_VOLUME: &str = "ModifyVolume";

pub(super) fn plan(draft: &mut Draft<'_>) {
    let mut devices: BTreeMap<String, Vec<&Change>> = BTreeMap::new();
    let mut fates = Vec::new();
    for change in draft.changes_of(BLOCK_DEVICES) {
        match change.keys().as_slice() {
            [_, device, field] if field == "DeleteOnTermination" => fates.push((device.clone(), change)),
            [_, device, field] if is_tunable(field, change) => devices.entry(device.clone()).or_default().push(change),
            [_, _, field] => leave_field(draft, field, change),
            _ => leave_device(draft, change),
        }
    }
    for (device, changes) in devices {
        match draft.facts.volumes.get(&device) {
            Some(volume) => draft.steps.push(tune(volume, &device, &changes)),
            None => changes.iter().for_each(|change| {
                draft.leave(change, "its volume was detached meanwhile", "attach it again, or scan anew");
            }),
        }
    }
    // What keeps a volume and what gives it up are calls of their own: the latter takes a protection away.
    for is_on in [false, true] {
        draft.steps.extend(decide_fate(draft.id(), &fates, is_on));
    }
}

/// Whether a call brings the field to its declared value.
fn is_tunable(field: &str, change: &Change) -> bool {
    let figure = |value: Option<&Value>| value.and_then(Value::as_i64);
    match field {
        "Size" => figure(change.from.as_ref()) > figure(change.to.as_ref()),
        "Iops" | "Throughput" => figure(change.from.as_ref()).is_some(),
        "VolumeType" => change.from_str().is_some(),
        _ => false,
    }
}

fn tune(volume_id: &str, device: &str, changes: &[&Change]) -> FixStep {
    let declared = |field: &str| changes.iter().find(|change| change.key() == field)?.from.as_ref();
    let figure = |field: &str| declared(field).and_then(Value::as_i64).and_then(|figure| i32::try_from(figure).ok());
    let parameters = VolumeChange {
        volume_id: volume_id.to_owned(),
        size: figure("Size"),
        volume_type: declared("VolumeType").and_then(Value::as_str).map(str::to_owned),
        iops: figure("Iops"),
        throughput: figure("Throughput"),
    };
    let told = changes.iter().map(|change| {
        let declared =
            change.from.as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        format!("{} {}", change.key(), declared.unwrap_or_default())
    });
    let summary = format!("modify {volume_id} on {device}: {}", told.collect::<Vec<_>>().join(", "));
    step(MODIFY_VOLUME, &["ec2:ModifyVolume"], &parameters, changes).saying(summary).disrupting(Disruption::Degraded)
}

fn decide_fate(id: &str, fates: &[(String, &Change)], is_on: bool) -> Option<FixStep> {
    let wanted = || fates.iter().filter(|(_, change)| is_to_be_on(change) == is_on);
    let changes: Vec<&Change> = wanted().map(|(_, change)| *change).collect();
    let devices: Vec<&str> = wanted().map(|(device, _)| device.as_str()).collect();
    let mapping = |device: &&str| Mapping {
        device_name: (*device).to_owned(),
        ebs: MappedVolume { delete_on_termination: is_on },
    };
    let mappings = devices.iter().map(mapping).collect();
    changes.first()?;
    let parameters = ModifyInstance { block_device_mappings: Some(mappings), ..ModifyInstance::of(id) };
    let fate = if is_on { "delete with the instance" } else { "keep after the instance" };
    let summary = format!("{fate} the volumes on {}", devices.join(", "));
    Some(modify(&parameters, &changes).saying(summary).loosening(is_on))
}

fn leave_field(draft: &mut Draft<'_>, field: &str, change: &Change) {
    let (reason, instead) = match field {
        "Size" => (
            "a volume only ever grows",
            "move the data to a smaller volume and put that in its place, or declare the size that is live",
        ),
        "Encrypted" | "KmsKeyId" => (
            "a volume keeps the encryption that it was made with",
            "copy a snapshot of it with the declared encryption, make a volume of that and put it in its place",
        ),
        _ => ("no call brings the declared value about", "change the volume by hand, or declare what is live"),
    };
    draft.leave(change, reason, instead);
}

fn leave_device(draft: &mut Draft<'_>, change: &Change) {
    if change.to.is_none() {
        let instead = "attach the volume by hand, or take it out of the declaration";
        draft.leave(change, "no volume is attached there, and none is ever made or attached", instead);
    } else {
        let instead = "detach the volume by hand, or declare it";
        draft.leave(change, "nothing declares this volume, and none is ever detached", instead);
    }
}

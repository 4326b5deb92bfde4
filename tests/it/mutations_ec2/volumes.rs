//! What people do to the volumes of an instance.

use aws_sdk_ec2::operation::modify_volume::builders::ModifyVolumeFluentBuilder as Modify;
use aws_sdk_ec2::types::{
    EbsInstanceBlockDeviceSpecification, Filter, InstanceBlockDeviceMappingSpecification, Volume, VolumeType,
};
use driftsentry::domain::severity::Severity::{self, Critical, Info, Warning};
use driftsentry::domain::state::escape;
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use super::{ABSENT, KEY, acts, costing, mutation};
use crate::mutation::{Act, How, Mutation};

pub const ROOT: &str = "/dev/sda1";
pub const DATA: &str = "/dev/sdf";
const LISTING: &str = "DescribeVolumes";

pub fn mutations() -> Vec<Mutation> {
    [sizes(), devices(), encryption()].into_iter().flatten().collect()
}

fn field(device: &str, field: &str, how: How, from: Value, to: Value, severity: Severity) -> Mutation {
    mutation(&format!("/BlockDevices/{}/{field}", escape(device)), how, from, to, severity)
}

fn sizes() -> Vec<Mutation> {
    let change = |device, apply: fn(Modify) -> Modify, undo: fn(Modify) -> Modify| How::Api {
        apply: modify(device, apply),
        undo: modify(device, undo),
    };
    let size = change(ROOT, |call| call.size(40), |call| call.size(20));
    let iops = change(ROOT, |call| call.iops(4000), |call| call.iops(3000));
    let throughput = change(ROOT, |call| call.throughput(130), |call| call.throughput(125));
    let kind = change(DATA, |call| call.volume_type(VolumeType::Gp3), |call| call.volume_type(VolumeType::Gp2));
    vec![
        costing(Some("1.60"), field(ROOT, "Size", size, json!(20), json!(40), Warning)),
        costing(Some("5.00"), field(ROOT, "Iops", iops, json!(3000), json!(4000), Warning)),
        costing(Some("0.20"), field(ROOT, "Throughput", throughput, json!(125), json!(130), Warning)),
        costing(Some("-0.20"), field(DATA, "VolumeType", kind, json!("gp2"), json!("gp3"), Warning)),
    ]
}

fn devices() -> Vec<Mutation> {
    let device =
        |size: i32| json!({"DeleteOnTermination": false, "Encrypted": false, "Size": size, "VolumeType": "gp2"});
    let added = How::Api { apply: attach_new("/dev/sdg", 5), undo: detach("/dev/sdg") };
    let removed = How::Api { apply: detach(DATA), undo: attach_new(DATA, 10) };
    let kept = How::Api { apply: delete_with_instance(false), undo: delete_with_instance(true) };
    let added = mutation("/BlockDevices/~1dev~1sdg", added, ABSENT, device(5), Warning);
    let removed = mutation("/BlockDevices/~1dev~1sdf", removed, device(10), ABSENT, Warning);
    vec![
        costing(Some("0.50"), added),
        costing(Some("-1.00"), removed),
        field(ROOT, "DeleteOnTermination", kept, json!(true), json!(false), Info),
    ]
}

fn encryption() -> Vec<Mutation> {
    let rewrite = |from: &str, to: &str| How::Rewrite { operation: LISTING, from: from.to_owned(), to: to.to_owned() };
    let off = rewrite("<encrypted>true</encrypted>", "<encrypted>false</encrypted>");
    let on = rewrite("<encrypted>false</encrypted>", "<encrypted>true</encrypted>");
    let other = KEY.replace("1111", "9999");
    let key = rewrite(KEY, &other);
    vec![
        field(ROOT, "Encrypted", off, json!(true), json!(false), Critical),
        field(DATA, "Encrypted", on, json!(false), json!(true), Info),
        field(ROOT, "KmsKeyId", key, json!(KEY), json!(other), Critical),
    ]
}

pub fn modify(device: &'static str, set: fn(Modify) -> Modify) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            let volume = volume_on(aws, id, device).await;
            let call = set(aws.ec2.modify_volume().volume_id(volume));
            call.send().await.expect("modify the volume");
        })
    })
}

/// Creates a gp2 volume and attaches it.
pub fn attach_new(device: &'static str, size: i32) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            let call = aws.ec2.create_volume().size(size).volume_type(VolumeType::Gp2).availability_zone("us-east-1a");
            let volume = call.send().await.expect("create a volume").volume_id.expect("its id");
            let call = aws.ec2.attach_volume().instance_id(id).volume_id(volume).device(device);
            call.send().await.expect("attach the volume");
        })
    })
}

fn detach(device: &'static str) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            let volume = volume_on(aws, id, device).await;
            let call = aws.ec2.detach_volume().instance_id(id).volume_id(&volume).device(device);
            call.send().await.expect("detach the volume");
            aws.ec2.delete_volume().volume_id(volume).send().await.expect("delete the volume");
        })
    })
}

async fn volume_on(aws: &Aws, id: &str, device: &str) -> String {
    let filter = Filter::builder().name("attachment.instance-id").values(id).build();
    let found = aws.ec2.describe_volumes().filters(filter).send().await.expect("list the volumes");
    let on_device = |volume: &&Volume| volume.attachments().iter().any(|it| it.device() == Some(device));
    found.volumes().iter().find(on_device).and_then(Volume::volume_id).expect("a volume on the device").to_owned()
}

pub fn delete_with_instance(delete: bool) -> Act {
    acts::modify(move |call| {
        let ebs = EbsInstanceBlockDeviceSpecification::builder().delete_on_termination(delete).build();
        let mapping = InstanceBlockDeviceMappingSpecification::builder().device_name(ROOT).ebs(ebs).build();
        call.block_device_mappings(mapping)
    })
}

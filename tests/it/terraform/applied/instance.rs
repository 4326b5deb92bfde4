//! Instances with their volumes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Block, list_at, tag_list};
use crate::terraform::live::{Estate, Key};

/// Texts that instances are started with. Before version 6 the provider keeps only the SHA-1 of one, from which nobody
/// can tell the text.
const USER_DATA: &[(&str, &str)] = &[("9db6f074fca0a903137b91c7c866b21d4e7205a7", "#!/bin/sh\necho hello\n")];

/// Keys of EC2's lists of tags.
const EC2_TAG: (&str, &str) = ("key", "value");

/// An instance; `None` if the state does not tell which.
pub fn make(told: &Block, account: &str) -> Option<(Key, Value)> {
    let id = told.text("id")?;
    let tree = json!({
        "instance": described(id, told, account),
        "volumes": volumes(id, told),
        "credits": told.block("credit_specification").and_then(|block| block.text("cpu_credits").map(str::to_owned)),
        "attributes": {
            "disableApiTermination": {"value": told.flag("disable_api_termination").unwrap_or(false)},
            "disableApiStop": {"value": told.flag("disable_api_stop").unwrap_or(false)},
            "instanceInitiatedShutdownBehavior":
                {"value": told.text("instance_initiated_shutdown_behavior").unwrap_or("stop")},
            "userData": {"value": user_data(told)},
        },
    });
    Some((("EC2", id.to_owned()), tree))
}

fn described(id: &str, told: &Block, account: &str) -> Value {
    let block = |name: &str| told.block(name).unwrap_or_default();
    let group = |id: String| json!({"groupId": id, "groupName": format!("name-of-{id}")});
    let groups: Vec<Value> = told.texts("vpc_security_group_ids").into_iter().map(group).collect();
    let cpu = block("cpu_options");
    let cores = told.number("cpu_core_count").or_else(|| cpu.number("core_count")).unwrap_or(1);
    let threads = told.number("cpu_threads_per_core").or_else(|| cpu.number("threads_per_core")).unwrap_or(2);
    let (metadata, dns) = (block("metadata_options"), block("private_dns_name_options"));
    let profile = told.text("iam_instance_profile").map(|name| {
        json!({"arn": format!("arn:aws:iam::{account}:instance-profile/team/{name}"), "id": "AIPAABCDEFGHIJKLMNOPQ"})
    });
    let mut tags = tag_list(&told.all_tags(), EC2_TAG);
    tags.push(json!({"key": "aws:autoscaling:groupName", "value": "web"}));
    let mappings: Vec<Value> = devices(told).iter().map(|(_, device)| mapping(device)).collect();
    json!({
        "instanceId": id,
        "imageId": told.text("ami").unwrap_or("ami-0123456789abcdef0"),
        "instanceState": {"code": 16, "name": told.text("instance_state").unwrap_or("running")},
        "keyName": told.text("key_name"),
        "instanceType": told.text("instance_type").unwrap_or("m5.large"),
        "launchTime": "2026-03-01T08:15:30.000Z",
        "placement": {
            "availabilityZone": told.text("availability_zone").unwrap_or("us-east-1a"),
            "groupName": "",
            "tenancy": told.text("tenancy").unwrap_or("default"),
        },
        "monitoring": {"state": if told.flag("monitoring") == Some(true) { "enabled" } else { "disabled" }},
        "subnetId": told.text("subnet_id").unwrap_or("subnet-0123456789abcdef0"),
        "vpcId": "vpc-0123456789abcdef0",
        "privateIpAddress": "10.0.12.34",
        "sourceDestCheck": told.flag("source_dest_check").unwrap_or(true),
        "groupSet": {"item": groups},
        "rootDeviceType": "ebs",
        "rootDeviceName": "/dev/xvda",
        "blockDeviceMapping": {"item": mappings},
        "tagSet": {"item": tags},
        "iamInstanceProfile": profile,
        "ebsOptimized": told.flag("ebs_optimized").unwrap_or(false),
        "cpuOptions": {"coreCount": cores, "threadsPerCore": threads, "amdSevSnp": cpu.text("amd_sev_snp")},
        "hibernationOptions": {"configured": told.flag("hibernation").unwrap_or(false)},
        "metadataOptions": {
            "state": "applied",
            "httpTokens": metadata.text("http_tokens").unwrap_or("optional"),
            "httpPutResponseHopLimit": metadata.number("http_put_response_hop_limit").unwrap_or(1),
            "httpEndpoint": metadata.text("http_endpoint").unwrap_or("enabled"),
            "httpProtocolIpv6": metadata.text("http_protocol_ipv6").unwrap_or("disabled"),
            "instanceMetadataTags": metadata.text("instance_metadata_tags").unwrap_or("disabled"),
        },
        "enclaveOptions": {"enabled": block("enclave_options").flag("enabled").unwrap_or(false)},
        "platformDetails": "Linux/UNIX",
        "privateDnsNameOptions": {
            "hostnameType": dns.text("hostname_type").unwrap_or("ip-name"),
            "enableResourceNameDnsARecord": dns.flag("enable_resource_name_dns_a_record").unwrap_or(false),
            "enableResourceNameDnsAAAARecord": dns.flag("enable_resource_name_dns_aaaa_record").unwrap_or(false),
        },
        "maintenanceOptions": {"autoRecovery": block("maintenance_options").text("auto_recovery").unwrap_or("default")},
        "networkInterfaceSet": {"item": [{
            "networkInterfaceId": told.text("primary_network_interface_id").unwrap_or("eni-0123456789abcdef0"),
        }]},
    })
}

/// Devices with their volumes' ids: what the image brings where the state tells of none.
fn devices(told: &Block) -> Vec<(String, Block)> {
    let blocks = told.blocks("root_block_device").into_iter().chain(told.blocks("ebs_block_device"));
    blocks.filter_map(|block| Some((block.text("volume_id")?.to_owned(), block))).collect()
}

fn mapping(device: &Block) -> Value {
    json!({"deviceName": device.text("device_name").unwrap_or("/dev/xvda"), "ebs": {
        "volumeId": device.text("volume_id"), "status": "attached",
        "deleteOnTermination": device.flag("delete_on_termination").unwrap_or(true),
    }})
}

fn volumes(instance: &str, told: &Block) -> Vec<Value> {
    let volume = |(id, device): (String, Block)| volume(instance, &id, &device, ("volume_size", "volume_type"));
    devices(told).into_iter().map(volume).collect()
}

/// A volume; `size` and `kind` are what the block calls its size and type.
fn volume(instance: &str, id: &str, told: &Block, (size, kind): (&str, &str)) -> Value {
    let gib = told.number(size).unwrap_or(8);
    let volume_type = told.text(kind).unwrap_or("gp2");
    let iops = match volume_type {
        "gp2" => Some((3 * gib).clamp(100, 16_000)),
        "gp3" => told.number("iops").or(Some(3000)),
        "io1" | "io2" => told.number("iops"),
        _ => None,
    };
    let throughput = (volume_type == "gp3").then(|| told.number("throughput").unwrap_or(125));
    let is_encrypted = told.flag("encrypted").unwrap_or(false);
    json!({
        "volumeId": id,
        "size": gib,
        "volumeType": volume_type,
        "iops": iops,
        "throughput": throughput,
        "encrypted": is_encrypted,
        "kmsKeyId": told.text("kms_key_id").filter(|_| is_encrypted),
        "status": "in-use",
        "attachmentSet": {"item": [{"volumeId": id, "instanceId": instance, "status": "attached"}]},
    })
}

fn user_data(told: &Block) -> Option<String> {
    if let Some(encoded) = told.text("user_data_base64") {
        return Some(encoded.to_owned());
    }
    let kept = told.text("user_data")?;
    let text = USER_DATA.iter().find(|(sha1, _)| *sha1 == kept).map_or(kept, |(_, text)| text);
    Some(STANDARD.encode(text))
}

/// A volume of its own on an instance.
pub fn attach(told: &Block, volumes: &BTreeMap<String, Block>, estate: &mut Estate) -> Vec<Key> {
    let (Some(instance), Some(id)) = (told.text("instance_id"), told.text("volume_id")) else { return Vec::new() };
    let key: Key = ("EC2", instance.to_owned());
    let Some(resource) = estate.resources.get_mut(&key) else { return Vec::new() };
    let is_there = list_at(&mut resource.tree, &["volumes"]).iter().any(|volume| volume["volumeId"] == id);
    if let (false, Some(told_volume)) = (is_there, volumes.get(id)) {
        let device = json!({"deviceName": told.text("device_name"),
            "ebs": {"volumeId": id, "status": "attached", "deleteOnTermination": false}});
        list_at(&mut resource.tree, &["instance", "blockDeviceMapping", "item"]).push(device);
        list_at(&mut resource.tree, &["volumes"]).push(volume(instance, id, told_volume, ("size", "type")));
    }
    vec![key]
}

/// One more group on the network interface of an instance.
pub fn join_group(told: &Block, estate: &mut Estate) -> Vec<Key> {
    let (interface, group) = (told.text("network_interface_id"), told.text("security_group_id"));
    let has =
        |tree: &Value| tree["instance"]["networkInterfaceSet"]["item"][0]["networkInterfaceId"].as_str() == interface;
    let found = estate.resources.iter_mut().find(|(key, resource)| key.0 == "EC2" && has(&resource.tree));
    let (Some((key, resource)), Some(group)) = (found, group) else { return Vec::new() };
    let groups = list_at(&mut resource.tree, &["instance", "groupSet", "item"]);
    if !groups.iter().any(|there| there["groupId"] == group) {
        groups.push(json!({"groupId": group, "groupName": "more"}));
    }
    vec![key.clone()]
}

/// One more tag on anything that EC2 holds.
pub fn tag(told: &Block, estate: &mut Estate) -> Vec<Key> {
    let (id, key) = (told.text("resource_id").unwrap_or_default(), told.text("key"));
    for (kind, part) in [("EC2", "instance"), ("SECURITY_GROUP", "group")] {
        if let Some(resource) = estate.resources.get_mut(&(kind, id.to_owned())) {
            let tags = list_at(&mut resource.tree, &[part, "tagSet", "item"]);
            tags.retain(|tag| tag["key"].as_str() != key);
            tags.push(json!({"key": key, "value": told.text("value").unwrap_or_default()}));
            return vec![(kind, id.to_owned())];
        }
    }
    Vec::new()
}

/// The power state that an instance is kept in.
pub fn power(told: &Block, estate: &mut Estate) -> Vec<Key> {
    let key: Key = ("EC2", told.text("instance_id").unwrap_or_default().to_owned());
    let Some(resource) = estate.resources.get_mut(&key) else { return Vec::new() };
    resource.tree["instance"]["instanceState"]["name"] = told.text("state").into();
    vec![key]
}

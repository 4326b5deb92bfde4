//! `aws_instance` and the resources that say something of one: its volumes, groups, tags and power state.
//!
//! A volume and its attachment stand apart: the attachment tells under which device of which instance the volume is
//! known. The instance's own `ebs_block_device` may be an older copy of it, so the volume wins.

mod devices;
mod user_data;

use serde_json::{Map, Value, json};

use super::instance::Instance;
use super::mapping::{Alias, Join, Mapping, Rank, Role, TerraformType};
use super::reading::{flag, row, tags, text};

const EC2: &str = "EC2";

/// The tables.
pub(super) const TYPES: &[TerraformType] = &[
    TerraformType {
        name: "aws_instance",
        resource_type: EC2,
        role: Role::Owner,
        subjects: |instance| id_in(instance, "id"),
        mappings: INSTANCE,
    },
    TerraformType {
        name: "aws_ebs_volume",
        resource_type: EC2,
        role: Role::Part,
        subjects: |volume| volume.attributes.text("id").map(str::to_owned).into_iter().collect(),
        mappings: devices::VOLUME,
    },
    TerraformType {
        name: "aws_volume_attachment",
        resource_type: EC2,
        role: Role::Part,
        subjects: |attachment| id_in(attachment, "instance_id"),
        mappings: devices::ATTACHMENT,
    },
    TerraformType {
        name: "aws_network_interface_sg_attachment",
        resource_type: EC2,
        role: Role::Part,
        subjects: |attachment| {
            attachment.attributes.text("network_interface_id").map(str::to_owned).into_iter().collect()
        },
        mappings: &[Mapping {
            aws: "SecurityGroups",
            from: &[("security_group_id", "/*")],
            note: "where the interface is the primary one of an instance",
            rank: Rank::Split,
            read: |attachment| Some(json!({attachment.attributes.text("security_group_id")?: {}})),
        }],
    },
    TerraformType {
        name: "aws_ec2_tag",
        resource_type: EC2,
        role: Role::Part,
        subjects: |tag| id_in(tag, "resource_id"),
        mappings: &[Mapping {
            aws: "Tags",
            from: &[("key", "/*"), ("value", "/*")],
            note: "",
            rank: Rank::Addition,
            read: |tag| Some(json!({tag.attributes.text("key")?: tag.attributes.get("value")?})),
        }],
    },
    TerraformType {
        name: "aws_ec2_instance_state",
        resource_type: EC2,
        role: Role::Part,
        subjects: |state| id_in(state, "instance_id"),
        mappings: &[row!("State", "state", text)],
    },
];

/// Other ids of instances: of the primary network interface, and of volumes.
pub(super) const JOINS: &[Join] = &[
    Join { name: "aws_instance", resource_type: EC2, aliases: |instance| interface(instance).into_iter().collect() },
    Join {
        name: "aws_volume_attachment",
        resource_type: EC2,
        aliases: |attachment| volume(attachment).into_iter().collect(),
    },
];

const INSTANCE: &[Mapping] = &[
    row!("AvailabilityZone", "availability_zone", text),
    devices::INSTANCE,
    Mapping {
        aws: "CpuOptions",
        from: &[
            ("cpu_options[0].amd_sev_snp", "/AmdSevSnp"),
            ("cpu_options[0].core_count", "/CoreCount"),
            ("cpu_options[0].threads_per_core", "/ThreadsPerCore"),
            ("cpu_core_count", "/CoreCount"),
            ("cpu_threads_per_core", "/ThreadsPerCore"),
        ],
        note: "cpu_options first",
        rank: Rank::Inline,
        read: cpu_options,
    },
    Mapping {
        aws: "CreditSpecification",
        from: &[("credit_specification[0].cpu_credits", "/CpuCredits")],
        note: "of burstable types",
        rank: Rank::Inline,
        read: credits,
    },
    row!("DisableApiStop", "disable_api_stop", flag),
    row!("DisableApiTermination", "disable_api_termination", flag),
    row!("EbsOptimized", "ebs_optimized", flag),
    Mapping {
        aws: "EnclaveOptions",
        from: &[("enclave_options[0].enabled", "/Enabled")],
        note: "",
        rank: Rank::Inline,
        read: |instance| block(instance, "enclave_options", &[("enabled", "Enabled")]),
    },
    Mapping {
        aws: "HibernationOptions",
        from: &[("hibernation", "/Configured")],
        note: "",
        rank: Rank::Inline,
        read: |instance| Some(json!({"Configured": instance.attributes.get("hibernation")?})),
    },
    row!("IamInstanceProfile", "iam_instance_profile", optional, "by name"),
    row!("ImageId", "ami", text),
    row!("InstanceInitiatedShutdownBehavior", "instance_initiated_shutdown_behavior", text),
    row!("InstanceType", "instance_type", text),
    row!("KeyName", "key_name", optional),
    Mapping {
        aws: "MaintenanceOptions",
        from: &[("maintenance_options[0].auto_recovery", "/AutoRecovery")],
        note: "",
        rank: Rank::Inline,
        read: |instance| block(instance, "maintenance_options", &[("auto_recovery", "AutoRecovery")]),
    },
    Mapping {
        aws: "MetadataOptions",
        from: &[
            ("metadata_options[0].http_endpoint", "/HttpEndpoint"),
            ("metadata_options[0].http_protocol_ipv6", "/HttpProtocolIpv6"),
            ("metadata_options[0].http_put_response_hop_limit", "/HttpPutResponseHopLimit"),
            ("metadata_options[0].http_tokens", "/HttpTokens"),
            ("metadata_options[0].instance_metadata_tags", "/InstanceMetadataTags"),
        ],
        note: "",
        rank: Rank::Inline,
        read: |instance| block(instance, "metadata_options", METADATA_OPTIONS),
    },
    row!("Monitoring", "monitoring", flag),
    Mapping {
        aws: "PrivateDnsNameOptions",
        from: &[
            ("private_dns_name_options[0].enable_resource_name_dns_aaaa_record", "/EnableResourceNameDnsAAAARecord"),
            ("private_dns_name_options[0].enable_resource_name_dns_a_record", "/EnableResourceNameDnsARecord"),
            ("private_dns_name_options[0].hostname_type", "/HostnameType"),
        ],
        note: "",
        rank: Rank::Inline,
        read: |instance| block(instance, "private_dns_name_options", PRIVATE_DNS_NAME_OPTIONS),
    },
    Mapping {
        aws: "SecurityGroups",
        from: &[("vpc_security_group_ids[*]", "/*")],
        note: "attachments to its primary network interface are added; `security_groups`, which are names, is not used",
        rank: Rank::Base,
        read: groups,
    },
    row!("SourceDestCheck", "source_dest_check", flag),
    row!("SubnetId", "subnet_id", text),
    Mapping {
        aws: "Tags",
        from: &[("tags_all.*", "/*"), ("tags.*", "/*")],
        note: "tags_all first",
        rank: Rank::Inline,
        read: tags,
    },
    row!("Tenancy", "tenancy", text),
    user_data::INSTANCE,
];

const METADATA_OPTIONS: &[(&str, &str)] = &[
    ("http_endpoint", "HttpEndpoint"),
    ("http_protocol_ipv6", "HttpProtocolIpv6"),
    ("http_put_response_hop_limit", "HttpPutResponseHopLimit"),
    ("http_tokens", "HttpTokens"),
    ("instance_metadata_tags", "InstanceMetadataTags"),
];

const PRIVATE_DNS_NAME_OPTIONS: &[(&str, &str)] = &[
    ("enable_resource_name_dns_aaaa_record", "EnableResourceNameDnsAAAARecord"),
    ("enable_resource_name_dns_a_record", "EnableResourceNameDnsARecord"),
    ("hostname_type", "HostnameType"),
];

/// The instance id in the attribute `name`; none if it is the id of something else.
fn id_in(instance: &Instance, name: &str) -> Vec<String> {
    instance.attributes.text(name).filter(|id| id.starts_with("i-")).map(str::to_owned).into_iter().collect()
}

fn interface(instance: &Instance) -> Option<Alias> {
    let (id, other) = (instance.attributes.text("id")?, instance.attributes.text("primary_network_interface_id")?);
    Some(Alias { other: other.to_owned(), id: id.to_owned(), key: None })
}

fn volume(attachment: &Instance) -> Option<Alias> {
    let text = |name| attachment.attributes.text(name).map(str::to_owned);
    Some(Alias { other: text("volume_id")?, id: text("instance_id")?, key: Some(text("device_name")?) })
}

/// A text that may be empty, which says that there is none.
fn optional(instance: &Instance, name: &str) -> Option<Value> {
    instance.attributes.get(name).map(|value| if value.as_str() == Some("") { Value::Null } else { value.clone() })
}

/// The fields of the block `name` that it tells; `None` without block or with an empty one.
fn block(instance: &Instance, name: &str, fields: &[(&str, &str)]) -> Option<Value> {
    let told = told(instance.attributes.block(name)?, fields);
    (!told.is_empty()).then_some(Value::Object(told))
}

/// The fields that a block tells, under AWS's names.
fn told(block: &Map<String, Value>, fields: &[(&str, &str)]) -> Map<String, Value> {
    let is_nothing = |value: &Value| value.is_null() || *value == json!("") || *value == json!(0);
    let told = fields.iter().filter_map(|(from, to)| {
        let value = block.get(*from).filter(|value| !is_nothing(value))?;
        Some(((*to).to_owned(), value.clone()))
    });
    told.collect()
}

fn cpu_options(instance: &Instance) -> Option<Value> {
    const BLOCK: &[(&str, &str)] =
        &[("amd_sev_snp", "AmdSevSnp"), ("core_count", "CoreCount"), ("threads_per_core", "ThreadsPerCore")];
    const FLAT: &[(&str, &str)] = &[("cpu_core_count", "CoreCount"), ("cpu_threads_per_core", "ThreadsPerCore")];
    let block = instance.attributes.block("cpu_options").map(|block| told(block, BLOCK));
    let block = block.filter(|options| options.contains_key("CoreCount"));
    let options = block.unwrap_or_else(|| told(&instance.attributes.0, FLAT));
    (!options.is_empty()).then_some(Value::Object(options))
}

/// A state may keep the credits of a type that the instance no longer has.
fn credits(instance: &Instance) -> Option<Value> {
    let mut kind = instance.attributes.text("instance_type")?.chars();
    let is_burstable = kind.next() == Some('t') && kind.next().is_some_and(|c| c.is_ascii_digit());
    block(instance, "credit_specification", &[("cpu_credits", "CpuCredits")]).filter(|_| is_burstable)
}

fn groups(instance: &Instance) -> Option<Value> {
    let value = instance.attributes.get("vpc_security_group_ids")?;
    // Outside of a VPC the list is empty although there are groups.
    let groups = value.as_array().filter(|groups| !groups.is_empty());
    match groups.map(|groups| groups.iter().map(|group| group.as_str()).collect::<Option<Vec<_>>>()) {
        Some(Some(ids)) => Some(Value::Object(ids.into_iter().map(|id| (id.to_owned(), json!({}))).collect())),
        // The type's check tells what is wrong with it.
        Some(None) => Some(value.clone()),
        None => (!value.is_array()).then(|| value.clone()),
    }
}

#[cfg(test)]
mod tests;

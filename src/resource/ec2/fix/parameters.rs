//! The parameters of each operation, as AWS names them: they are shown with the plan, and the call is made from them.

use serde::{Deserialize, Serialize};

/// AWS's way to write an attribute's new value.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Valued<T> {
    pub(super) value: T,
}

impl<T> Valued<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value }
    }
}

/// `StartInstances`, `StopInstances`, `MonitorInstances`, `UnmonitorInstances`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Instances {
    pub(super) instance_ids: Vec<String>,
}

impl Instances {
    pub(super) fn only(id: &str) -> Self {
        Self { instance_ids: vec![id.to_owned()] }
    }
}

/// `ModifyInstanceAttribute`, which takes one attribute at a time.
///
/// The shutdown behaviour goes by `Attribute` and `Value`, the older of two forms that AWS takes, because the emulator
/// knows that one alone.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct ModifyInstance {
    pub(super) instance_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attribute: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instance_type: Option<Valued<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ebs_optimized: Option<Valued<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_dest_check: Option<Valued<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) disable_api_termination: Option<Valued<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) disable_api_stop: Option<Valued<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enclave_options: Option<Enclave>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) block_device_mappings: Option<Vec<Mapping>>,
}

impl ModifyInstance {
    pub(super) fn of(id: &str) -> Self {
        Self { instance_id: id.to_owned(), ..Self::default() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Enclave {
    pub(super) enabled: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Mapping {
    pub(super) device_name: String,
    pub(super) ebs: MappedVolume,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct MappedVolume {
    pub(super) delete_on_termination: bool,
}

/// `ModifyNetworkInterfaceAttribute`, which takes one attribute at a time.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct ModifyInterface {
    pub(super) network_interface_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_dest_check: Option<Valued<bool>>,
}

/// `ModifyInstanceMetadataOptions`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct Metadata {
    pub(super) instance_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_protocol_ipv6: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_put_response_hop_limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_tokens: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instance_metadata_tags: Option<String>,
}

/// `ModifyInstanceCpuOptions`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Cpu {
    pub(super) instance_id: String,
    pub(super) core_count: i32,
    pub(super) threads_per_core: i32,
}

/// `ModifyInstanceCreditSpecification`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Credits {
    pub(super) instance_credit_specifications: Vec<Credit>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Credit {
    pub(super) instance_id: String,
    pub(super) cpu_credits: String,
}

/// `ModifyInstanceMaintenanceOptions`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Maintenance {
    pub(super) instance_id: String,
    pub(super) auto_recovery: String,
}

/// `ModifyPrivateDnsNameOptions`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct PrivateNames {
    pub(super) instance_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) private_dns_hostname_type: Option<String>,
    #[serde(rename = "EnableResourceNameDnsARecord", skip_serializing_if = "Option::is_none")]
    pub(super) a_record: Option<bool>,
    #[serde(rename = "EnableResourceNameDnsAAAARecord", skip_serializing_if = "Option::is_none")]
    pub(super) aaaa_record: Option<bool>,
}

/// `ModifyVolume`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct VolumeChange {
    pub(super) volume_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) volume_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iops: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) throughput: Option<i32>,
}

/// `AssociateIamInstanceProfile`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Associate {
    pub(super) instance_id: String,
    pub(super) iam_instance_profile: Profile,
}

/// `ReplaceIamInstanceProfileAssociation`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Replace {
    pub(super) association_id: String,
    pub(super) iam_instance_profile: Profile,
}

/// `DisassociateIamInstanceProfile`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Disassociate {
    pub(super) association_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) name: String,
}

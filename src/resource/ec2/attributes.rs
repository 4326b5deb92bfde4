//! The attributes of an EC2 instance: shape, default, severity.
//!
//! Critical is what concerns access (groups, profile, key to the metadata service, code that runs as root), encryption
//! and protection. Defaults that depend on the image, the subnet or the account are not written out: such a field is
//! compared only where it is declared.

use serde_json::{Value, json};

use crate::domain::diff::Change;
use crate::domain::schema::{Attribute, CRITICAL, Field, Fill, INFO, Rate, Shape, WARNING, Words};
use crate::domain::severity::Severity;
use crate::domain::state::ResourceState;

pub(super) const BLOCK_DEVICES: &str = "BlockDevices";
pub(super) const CREDIT_SPECIFICATION: &str = "CreditSpecification";
pub(super) const API_STOP: &str = "DisableApiStop";
pub(super) const API_TERMINATION: &str = "DisableApiTermination";
pub(super) const SHUTDOWN_BEHAVIOR: &str = "InstanceInitiatedShutdownBehavior";
pub(super) const USER_DATA: &str = "UserDataSha256";
/// Asks for the user data in the form in which it is declared where only its SHA-1 is known: `sha1:…`.
pub(super) const USER_DATA_BY_SHA1: &str = "UserDataSha256 by SHA-1";
pub(super) const SHA1: &str = "sha1:";

const ON_OR_OFF: &[&str] = &["enabled", "disabled"];

/// Where only certain words are possible.
pub(super) const WORDS: &[Words] = &[
    ("/CpuOptions/AmdSevSnp", ON_OR_OFF),
    ("/CreditSpecification/CpuCredits", &["standard", "unlimited"]),
    ("/InstanceInitiatedShutdownBehavior", &["stop", "terminate"]),
    ("/MaintenanceOptions/AutoRecovery", &["default", "disabled"]),
    ("/MetadataOptions/HttpEndpoint", ON_OR_OFF),
    ("/MetadataOptions/HttpProtocolIpv6", ON_OR_OFF),
    ("/MetadataOptions/HttpTokens", &["required", "optional"]),
    ("/MetadataOptions/InstanceMetadataTags", ON_OR_OFF),
    ("/PrivateDnsNameOptions/HostnameType", &["ip-name", "resource-name"]),
    ("/State", &["running", "stopped"]),
    ("/Tenancy", &["default", "dedicated", "host"]),
];

const DEVICE: Shape = Shape::Object(&[
    Field::new("DeleteOnTermination", Shape::Flag, Fill::Undefined),
    Field::new("Encrypted", Shape::Flag, Fill::Undefined),
    Field::new("Iops", Shape::Integer, Fill::Undefined),
    Field::new("KmsKeyId", Shape::Text, Fill::Undefined),
    Field::new("Size", Shape::Integer, Fill::Undefined),
    Field::new("Throughput", Shape::Integer, Fill::Undefined),
    Field::new("VolumeType", Shape::Text, Fill::Undefined),
]);

const CPU_OPTIONS: Shape = Shape::Object(&[
    Field::new("AmdSevSnp", Shape::Text, Fill::Text("disabled")),
    Field::new("CoreCount", Shape::Integer, Fill::Undefined),
    Field::new("ThreadsPerCore", Shape::Integer, Fill::Undefined),
]);

const METADATA_OPTIONS: Shape = Shape::Object(&[
    Field::new("HttpEndpoint", Shape::Text, Fill::Text("enabled")),
    Field::new("HttpProtocolIpv6", Shape::Text, Fill::Text("disabled")),
    // The image and the account decide on these two.
    Field::new("HttpPutResponseHopLimit", Shape::Integer, Fill::Undefined),
    Field::new("HttpTokens", Shape::Text, Fill::Undefined),
    Field::new("InstanceMetadataTags", Shape::Text, Fill::Text("disabled")),
]);

const PRIVATE_DNS_NAME_OPTIONS: Shape = Shape::Object(&[
    Field::new("EnableResourceNameDnsAAAARecord", Shape::Flag, Fill::Flag(false)),
    Field::new("EnableResourceNameDnsARecord", Shape::Flag, Fill::Flag(false)),
    Field::new("HostnameType", Shape::Text, Fill::Text("ip-name")),
]);

pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute::new("AvailabilityZone", Shape::Text, Fill::Undefined, WARNING, "Zone, fixed at launch"),
    Attribute::new(
        BLOCK_DEVICES,
        Shape::Map(&DEVICE),
        Fill::Empty,
        Rate::By(rate_device),
        "EBS volumes by device name; fields that are not declared are not compared",
    ),
    Attribute::new("CpuOptions", CPU_OPTIONS, Fill::Null, WARNING, "Cores and threads per core"),
    Attribute::new(
        CREDIT_SPECIFICATION,
        Shape::Object(&[Field::new("CpuCredits", Shape::Text, Fill::Undefined)]),
        Fill::Null,
        INFO,
        "CPU credits of a burstable type: standard or unlimited",
    ),
    Attribute::new(
        API_STOP,
        Shape::Flag,
        Fill::Flag(false),
        Rate::By(rate_protection),
        "Whether the API may not stop it",
    )
    .deep(),
    Attribute::new(
        API_TERMINATION,
        Shape::Flag,
        Fill::Flag(false),
        Rate::By(rate_protection),
        "Whether the API may not terminate it",
    )
    .deep(),
    Attribute::new("EbsOptimized", Shape::Flag, Fill::Flag(false), INFO, "Bandwidth of its own to EBS"),
    Attribute::new(
        "EnclaveOptions",
        Shape::Object(&[Field::new("Enabled", Shape::Flag, Fill::Flag(false))]),
        Fill::Empty,
        INFO,
        "Nitro enclaves",
    ),
    Attribute::new(
        "HibernationOptions",
        Shape::Object(&[Field::new("Configured", Shape::Flag, Fill::Flag(false))]),
        Fill::Empty,
        INFO,
        "Hibernation",
    ),
    Attribute::new(
        "IamInstanceProfile",
        Shape::Text,
        Fill::Null,
        Rate::By(rate_profile),
        "Name of the instance profile; an ARN is taken too",
    ),
    Attribute::new("ImageId", Shape::Text, Fill::Undefined, WARNING, "Image that it was launched from"),
    Attribute::new(
        SHUTDOWN_BEHAVIOR,
        Shape::Text,
        Fill::Text("stop"),
        Rate::By(rate_shutdown),
        "What a shutdown from within does: stop or terminate",
    )
    .deep(),
    Attribute::new("InstanceType", Shape::Text, Fill::Undefined, WARNING, "Type, such as m5.large"),
    Attribute::new("KeyName", Shape::Text, Fill::Null, WARNING, "Key pair that it was launched with"),
    Attribute::new(
        "MaintenanceOptions",
        Shape::Object(&[Field::new("AutoRecovery", Shape::Text, Fill::Text("default"))]),
        Fill::Empty,
        INFO,
        "Automatic recovery: default or disabled",
    ),
    Attribute::new(
        "MetadataOptions",
        METADATA_OPTIONS,
        Fill::Empty,
        Rate::By(rate_metadata),
        "The instance metadata service; HttpTokens is required or optional",
    ),
    Attribute::new("Monitoring", Shape::Flag, Fill::Flag(false), INFO, "Detailed monitoring"),
    Attribute::new(
        "PlatformDetails",
        Shape::Text,
        Fill::Text("Linux/UNIX"),
        WARNING,
        "Platform that is billed, such as Linux/UNIX or Windows",
    ),
    Attribute::new("PrivateDnsNameOptions", PRIVATE_DNS_NAME_OPTIONS, Fill::Empty, INFO, "Form of its private name"),
    Attribute::new(
        "SecurityGroups",
        Shape::Set,
        Fill::Empty,
        Rate::By(rate_group),
        "Security groups of its primary network interface, by id",
    ),
    Attribute::new("SourceDestCheck", Shape::Flag, Fill::Flag(true), WARNING, "Drops traffic that is not its own"),
    Attribute::new("State", Shape::Text, Fill::Undefined, WARNING, "Power state: running or stopped"),
    Attribute::new("SubnetId", Shape::Text, Fill::Null, WARNING, "Subnet, fixed at launch"),
    Attribute::new("Tags", Shape::Tags, Fill::Empty, INFO, "Tags"),
    Attribute::new("Tenancy", Shape::Text, Fill::Text("default"), WARNING, "default, dedicated or host"),
    Attribute::new(
        USER_DATA,
        Shape::Text,
        Fill::Null,
        CRITICAL,
        "SHA-256 of the decoded user data in hexadecimal (or `sha1:` and its SHA-1); null for none",
    )
    .deep(),
    Attribute::new("VpcId", Shape::Text, Fill::Null, WARNING, "VPC, fixed at launch"),
];

fn rate_device(change: &Change) -> Severity {
    let keys = change.keys();
    match keys.get(2).map(String::as_str) {
        Some("Encrypted") if change.to != Some(json!(true)) => Severity::Critical,
        Some("KmsKeyId") => Severity::Critical,
        Some("DeleteOnTermination" | "Encrypted") => Severity::Info,
        _ => Severity::Warning,
    }
}

fn rate_protection(change: &Change) -> Severity {
    if change.to == Some(json!(true)) { Severity::Info } else { Severity::Critical }
}

/// To lose the profile takes permissions away; to gain or change it gives others.
fn rate_profile(change: &Change) -> Severity {
    if change.to_str().is_some() { Severity::Critical } else { Severity::Warning }
}

/// A shutdown that terminates loses the data of volumes that go with the instance.
fn rate_shutdown(change: &Change) -> Severity {
    if change.to_str() == Some("terminate") { Severity::Critical } else { Severity::Info }
}

/// Without tokens, a request forged within the instance can steal its credentials.
fn rate_metadata(change: &Change) -> Severity {
    let tokens = match change.keys().get(1) {
        Some(field) if field == "HttpTokens" => change.to_str(),
        Some(_) => None,
        None => change.to.as_ref().and_then(|to| to.get("HttpTokens")).and_then(Value::as_str),
    };
    if tokens == Some("optional") { Severity::Critical } else { Severity::Warning }
}

/// Another group may open what was closed.
fn rate_group(change: &Change) -> Severity {
    let is_more = change.to.as_ref().is_some_and(|to| !to.is_null());
    if is_more { Severity::Critical } else { Severity::Warning }
}

/// A small valid state with every attribute.
pub(super) fn example() -> ResourceState {
    ResourceState::new()
        .with("AvailabilityZone", "us-east-1a")
        .with(
            BLOCK_DEVICES,
            json!({"/dev/xvda": {
                "DeleteOnTermination": true,
                "Encrypted": true,
                "Iops": 3000,
                "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                "Size": 40,
                "Throughput": 125,
                "VolumeType": "gp3",
            }}),
        )
        .with("CpuOptions", json!({"AmdSevSnp": "disabled", "CoreCount": 1, "ThreadsPerCore": 2}))
        .with(CREDIT_SPECIFICATION, json!({"CpuCredits": "standard"}))
        .with(API_STOP, false)
        .with(API_TERMINATION, true)
        .with("EbsOptimized", true)
        .with("EnclaveOptions", json!({"Enabled": false}))
        .with("HibernationOptions", json!({"Configured": false}))
        .with("IamInstanceProfile", "web")
        .with("ImageId", "ami-0123456789abcdef0")
        .with(SHUTDOWN_BEHAVIOR, "stop")
        .with("InstanceType", "t3.medium")
        .with("KeyName", Value::Null)
        .with("MaintenanceOptions", json!({"AutoRecovery": "default"}))
        .with(
            "MetadataOptions",
            json!({
                "HttpEndpoint": "enabled",
                "HttpProtocolIpv6": "disabled",
                "HttpPutResponseHopLimit": 2,
                "HttpTokens": "required",
                "InstanceMetadataTags": "disabled",
            }),
        )
        .with("Monitoring", false)
        .with("PlatformDetails", "Linux/UNIX")
        .with(
            "PrivateDnsNameOptions",
            json!({
                "EnableResourceNameDnsAAAARecord": false,
                "EnableResourceNameDnsARecord": false,
                "HostnameType": "ip-name",
            }),
        )
        .with("SecurityGroups", json!({"sg-0123456789abcdef0": {}}))
        .with("SourceDestCheck", true)
        .with("State", "running")
        .with("SubnetId", "subnet-0123456789abcdef0")
        .with("Tags", json!({"Name": "web-1"}))
        .with("Tenancy", "default")
        .with(USER_DATA, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
        .with("VpcId", "vpc-0123456789abcdef0")
}

//! Changes of instances.

use serde_json::{Value, json};

use super::{Row, other, pop, push, row, swap, switch};

const EC2: &str = "EC2";

/// Another size of the same family, because the family decides on credits.
fn resize(value: &mut Value) {
    let family = value.as_str().and_then(|kind| kind.split('.').next()).unwrap_or_default();
    *value = format!("{family}.metal").into();
}

/// A volume type that has the same figures.
fn retype(value: &mut Value) {
    let to = match value.as_str() {
        Some("gp2") => "standard",
        Some("io1") => "io2",
        Some("io2") => "io1",
        Some("st1") => "sc1",
        _ => return,
    };
    *value = to.into();
}

pub const ROWS: &[Row] = &[
    row(EC2, "/AvailabilityZone", "/instance/placement/availabilityZone", other),
    row(EC2, "/BlockDevices/*", "/instance/blockDeviceMapping/item", pop),
    row(
        EC2,
        "/BlockDevices/*/DeleteOnTermination",
        "/instance/blockDeviceMapping/item/*/ebs/deleteOnTermination",
        other,
    ),
    row(EC2, "/BlockDevices/*/Encrypted", "/volumes/*/encrypted", other),
    row(EC2, "/BlockDevices/*/Iops", "/volumes/*/iops", other),
    row(EC2, "/BlockDevices/*/KmsKeyId", "/volumes/*/kmsKeyId", other),
    row(EC2, "/BlockDevices/*/Size", "/volumes/*/size", other),
    row(EC2, "/BlockDevices/*/Throughput", "/volumes/*/throughput", other),
    row(EC2, "/BlockDevices/*/VolumeType", "/volumes/*/volumeType", retype),
    row(EC2, "/CpuOptions/AmdSevSnp", "/instance/cpuOptions/amdSevSnp", switch),
    row(EC2, "/CpuOptions/CoreCount", "/instance/cpuOptions/coreCount", other),
    row(EC2, "/CpuOptions/ThreadsPerCore", "/instance/cpuOptions/threadsPerCore", other),
    row(EC2, "/CreditSpecification/CpuCredits", "/credits", |value| swap(value, "standard", "unlimited")),
    row(EC2, "/DisableApiStop", "/attributes/disableApiStop/value", other),
    row(EC2, "/DisableApiTermination", "/attributes/disableApiTermination/value", other),
    row(EC2, "/EbsOptimized", "/instance/ebsOptimized", other),
    row(EC2, "/EnclaveOptions/Enabled", "/instance/enclaveOptions/enabled", other),
    row(EC2, "/HibernationOptions/Configured", "/instance/hibernationOptions/configured", other),
    row(EC2, "/IamInstanceProfile", "/instance/iamInstanceProfile/arn", other),
    row(EC2, "/ImageId", "/instance/imageId", other),
    row(EC2, "/InstanceInitiatedShutdownBehavior", "/attributes/instanceInitiatedShutdownBehavior/value", |value| {
        swap(value, "stop", "terminate");
    }),
    row(EC2, "/InstanceType", "/instance/instanceType", resize),
    row(EC2, "/KeyName", "/instance/keyName", other),
    row(EC2, "/MaintenanceOptions/AutoRecovery", "/instance/maintenanceOptions/autoRecovery", |value| {
        swap(value, "default", "disabled");
    }),
    row(EC2, "/MetadataOptions/HttpEndpoint", "/instance/metadataOptions/httpEndpoint", switch),
    row(EC2, "/MetadataOptions/HttpProtocolIpv6", "/instance/metadataOptions/httpProtocolIpv6", switch),
    row(EC2, "/MetadataOptions/HttpPutResponseHopLimit", "/instance/metadataOptions/httpPutResponseHopLimit", other),
    row(EC2, "/MetadataOptions/HttpTokens", "/instance/metadataOptions/httpTokens", |value| {
        swap(value, "optional", "required");
    }),
    row(EC2, "/MetadataOptions/InstanceMetadataTags", "/instance/metadataOptions/instanceMetadataTags", switch),
    row(EC2, "/Monitoring", "/instance/monitoring/state", switch),
    row(
        EC2,
        "/PrivateDnsNameOptions/EnableResourceNameDnsAAAARecord",
        "/instance/privateDnsNameOptions/enableResourceNameDnsAAAARecord",
        other,
    ),
    row(
        EC2,
        "/PrivateDnsNameOptions/EnableResourceNameDnsARecord",
        "/instance/privateDnsNameOptions/enableResourceNameDnsARecord",
        other,
    ),
    row(EC2, "/PrivateDnsNameOptions/HostnameType", "/instance/privateDnsNameOptions/hostnameType", |value| {
        swap(value, "ip-name", "resource-name");
    }),
    row(EC2, "/SecurityGroups/*", "/instance/groupSet/item", |value| push(value, json!({"groupId": "sg-0more"}))),
    row(EC2, "/SecurityGroups/*", "/instance/groupSet/item", pop),
    row(EC2, "/SourceDestCheck", "/instance/sourceDestCheck", other),
    row(EC2, "/State", "/instance/instanceState/name", |value| swap(value, "running", "stopped")),
    row(EC2, "/SubnetId", "/instance/subnetId", other),
    row(EC2, "/Tags/*", "/instance/tagSet/item/*/value", other),
    row(EC2, "/Tags/*", "/instance/tagSet/item", |value| push(value, json!({"key": "More", "value": "x"}))),
    row(EC2, "/Tenancy", "/instance/placement/tenancy", |value| swap(value, "default", "dedicated")),
    row(EC2, "/UserDataSha256", "/attributes/userData/value", |value| {
        if !value.is_null() {
            *value = "Y2hhbmdlZA==".into();
        }
    }),
];

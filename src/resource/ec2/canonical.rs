//! An instance in canonical form: from AWS's answer, and from a declaration.

use aws_sdk_ec2::types::{
    CpuOptions, Instance, InstanceMetadataOptionsResponse, InstanceStateName, MonitoringState, PlatformValues,
    PrivateDnsNameOptionsResponse,
};
use serde_json::{Map, Value, json};

use super::attributes::{ATTRIBUTES, BLOCK_DEVICES, CREDIT_SPECIFICATION, SHA1, SHUTDOWN_BEHAVIOR, USER_DATA, WORDS};
use super::volumes;
use crate::domain::schema::{self, StateProblem, check_words};
use crate::domain::state::ResourceState;
use crate::resource::ec2_query::tags;

/// Attributes for which AWS and people write "none" as an empty text too.
const OPTIONAL_TEXTS: &[&str] =
    &["IamInstanceProfile", "KeyName", SHUTDOWN_BEHAVIOR, "SubnetId", "Tenancy", USER_DATA, "VpcId"];

/// Attributes whose fields other tools write as an empty text where they say nothing.
const OPTIONAL_FIELDS: &[&str] = &["CpuOptions", "MaintenanceOptions", "MetadataOptions", "PrivateDnsNameOptions"];

/// Whether AWS lists the instance although it is gone.
pub(super) fn is_gone(instance: &Instance) -> bool {
    matches!(power_state(instance), Some(InstanceStateName::Terminated | InstanceStateName::ShuttingDown))
}

fn power_state(instance: &Instance) -> Option<&InstanceStateName> {
    instance.state.as_ref()?.name.as_ref()
}

/// The canonical state as far as `DescribeInstances` tells it.
pub(super) fn state_of(instance: Instance) -> ResourceState {
    let state = match power_state(&instance) {
        Some(InstanceStateName::Stopped | InstanceStateName::Stopping) => "stopped",
        _ => "running",
    };
    let platform = match instance.platform_details {
        Some(details) => details,
        None if instance.platform == Some(PlatformValues::Windows) => "Windows".to_owned(),
        None => "Linux/UNIX".to_owned(),
    };
    let monitoring = instance.monitoring.and_then(|monitoring| monitoring.state);
    let (zone, tenancy) = instance.placement.map_or((None, None), |it| (it.availability_zone, it.tenancy));
    let groups = instance.security_groups.unwrap_or_default();
    let groups: Map<String, Value> =
        groups.into_iter().filter_map(|group| Some((group.group_id?, json!({})))).collect();
    let recovery = instance.maintenance_options.and_then(|options| options.auto_recovery);

    let mut canonical = ResourceState::new()
        .with("AvailabilityZone", zone)
        .with("CpuOptions", instance.cpu_options.and_then(cpu_options))
        .with("EbsOptimized", instance.ebs_optimized)
        .with("EnclaveOptions", json!({"Enabled": instance.enclave_options.and_then(|options| options.enabled)}))
        .with("HibernationOptions", json!({"Configured": instance.hibernation_options.and_then(|o| o.configured)}))
        .with("IamInstanceProfile", instance.iam_instance_profile.and_then(|profile| profile.arn))
        .with("ImageId", instance.image_id)
        .with("InstanceType", instance.instance_type.map(|kind| kind.as_str().to_owned()))
        .with("KeyName", instance.key_name)
        .with("MaintenanceOptions", json!({"AutoRecovery": recovery.map(|recovery| recovery.as_str().to_owned())}))
        .with("MetadataOptions", instance.metadata_options.map(metadata_options))
        .with("Monitoring", matches!(monitoring, Some(MonitoringState::Enabled | MonitoringState::Pending)))
        .with("PlatformDetails", platform)
        .with("PrivateDnsNameOptions", instance.private_dns_name_options.map(private_dns_name_options))
        .with("SecurityGroups", groups)
        .with("SourceDestCheck", instance.source_dest_check)
        .with("State", state)
        .with("SubnetId", instance.subnet_id)
        .with("Tags", tags(instance.tags))
        .with("Tenancy", tenancy.map(|tenancy| tenancy.as_str().to_owned()))
        .with("VpcId", instance.vpc_id);
    normalize(&mut canonical);
    canonical
}

fn cpu_options(options: CpuOptions) -> Option<Value> {
    // An emulator's empty element says nothing.
    options.core_count?;
    Some(json!({
        "AmdSevSnp": options.amd_sev_snp.map(|snp| snp.as_str().to_owned()),
        "CoreCount": options.core_count,
        "ThreadsPerCore": options.threads_per_core,
    }))
}

fn metadata_options(options: InstanceMetadataOptionsResponse) -> Value {
    json!({
        "HttpEndpoint": options.http_endpoint.map(|it| it.as_str().to_owned()),
        "HttpProtocolIpv6": options.http_protocol_ipv6.map(|it| it.as_str().to_owned()),
        "HttpPutResponseHopLimit": options.http_put_response_hop_limit,
        "HttpTokens": options.http_tokens.map(|it| it.as_str().to_owned()),
        "InstanceMetadataTags": options.instance_metadata_tags.map(|it| it.as_str().to_owned()),
    })
}

fn private_dns_name_options(options: PrivateDnsNameOptionsResponse) -> Value {
    json!({
        "EnableResourceNameDnsAAAARecord": options.enable_resource_name_dns_aaaa_record,
        "EnableResourceNameDnsARecord": options.enable_resource_name_dns_a_record,
        "HostnameType": options.hostname_type.map(|it| it.as_str().to_owned()),
    })
}

/// AWS's own JSON form of an attribute becomes ours.
fn respell(state: &mut ResourceState) {
    for (name, value) in state.iter_mut() {
        let wrapper: &[&str] = match name {
            "IamInstanceProfile" => &["Arn", "Name"],
            "Monitoring" => &["State"],
            "State" => &["Name"],
            _ => &[],
        };
        if let Some(inner) = wrapper.iter().find_map(|key| value.get_mut(*key).map(Value::take)) {
            *value = inner;
        }
        match (name, value.as_str()) {
            ("Monitoring", Some("enabled" | "pending")) => *value = true.into(),
            ("Monitoring", Some("disabled" | "disabling")) => *value = false.into(),
            (CREDIT_SPECIFICATION, Some("standard" | "unlimited")) => *value = json!({ "CpuCredits": value.take() }),
            (name, Some("")) if OPTIONAL_TEXTS.contains(&name) => *value = Value::Null,
            _ => {}
        }
        let fields = value.as_object_mut().filter(|_| OPTIONAL_FIELDS.contains(&name));
        for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
            if field.as_str() == Some("") {
                *field = Value::Null;
            }
        }
    }
}

/// Brings a state to canonical form.
pub(super) fn normalize(state: &mut ResourceState) {
    respell(state);
    schema::normalize(ATTRIBUTES, state);
    for (name, value) in state.iter_mut() {
        match (name, &mut *value) {
            ("IamInstanceProfile", Value::String(profile)) => {
                if let Some((_, name)) = profile.rsplit_once('/').filter(|_| profile.starts_with("arn:")) {
                    *profile = name.to_owned();
                }
            }
            (USER_DATA, Value::String(hash)) => hash.make_ascii_lowercase(),
            (BLOCK_DEVICES, Value::Object(devices)) => volumes::normalize(devices),
            _ => {}
        }
    }
}

fn is_hash(text: &str) -> bool {
    let (digits, length) = text.strip_prefix(SHA1).map_or((text, 64), |digits| (digits, 40));
    text.is_empty() || (digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Every fault of a declared state.
pub(super) fn check(state: &ResourceState) -> Vec<StateProblem> {
    let mut state = state.clone();
    respell(&mut state);
    let mut problems = schema::check(ATTRIBUTES, &state);
    let mut fault = |pointer: String, message: &str| {
        problems.push(StateProblem { pointer, message: message.to_owned() });
    };
    let text = |name: &str| state.get(name).and_then(Value::as_str);
    if text(USER_DATA).is_some_and(|hash| !is_hash(hash)) {
        let message =
            "no SHA-256: write 64 hexadecimal digits (or `sha1:` and the 40 of a SHA-1), or null for no user data";
        fault(format!("/{USER_DATA}"), message);
    }
    problems.extend(check_words(WORDS, &state));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceType;
    use crate::resource::ec2::Ec2;

    fn normalized(state: Value) -> Value {
        let Value::Object(state) = state else { panic!("a state is an object") };
        let mut state = ResourceState::from(state);
        Ec2.normalize(&mut state);
        state.to_value()
    }

    #[test]
    fn declarations_become_canonical() {
        assert_eq!(
            normalized(json!({
                "IamInstanceProfile": "arn:aws:iam::123456789012:instance-profile/team/web",
                "KeyName": "",
                "UserDataSha256": "",
                "SecurityGroups": ["sg-2", "sg-1"],
                "MetadataOptions": {"HttpTokens": "required"},
                "CpuOptions": null,
                "Tags": {"aws:autoscaling:groupName": "x", "Name": "web"},
            })),
            json!({
                "IamInstanceProfile": "web",
                "KeyName": null,
                "UserDataSha256": null,
                "SecurityGroups": {"sg-1": {}, "sg-2": {}},
                "MetadataOptions": {
                    "HttpEndpoint": "enabled", "HttpProtocolIpv6": "disabled", "HttpTokens": "required",
                    "InstanceMetadataTags": "disabled",
                },
                "CpuOptions": null,
                "Tags": {"Name": "web"},
            })
        );
    }

    #[test]
    fn what_aws_writes_is_taken_too() {
        let declared = json!({
            "CreditSpecification": "unlimited",
            "IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/web", "Id": "AIPA"},
            "Monitoring": {"State": "enabled"},
            "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "web"}],
            "State": {"Code": 16, "Name": "running"},
            "Tags": [{"Key": "Name", "Value": "web"}],
        });
        let state = ResourceState::from(declared.as_object().expect("an object").clone());
        assert_eq!(Ec2.check(&state), []);
        assert_eq!(
            normalized(declared),
            json!({
                "CreditSpecification": {"CpuCredits": "unlimited"},
                "IamInstanceProfile": "web",
                "Monitoring": true,
                "SecurityGroups": {"sg-1": {}},
                "State": "running",
                "Tags": {"Name": "web"},
            })
        );
        assert_eq!(normalized(json!({"Monitoring": "disabled"})), json!({"Monitoring": false}));
    }

    #[test]
    fn an_instance_that_tells_little_has_the_defaults() {
        let state = state_of(Instance::builder().instance_id("i-1").image_id("ami-1").build()).to_value();
        assert_eq!(state["PlatformDetails"], json!("Linux/UNIX"));
        assert_eq!(state["Tenancy"], json!("default"));
        assert_eq!(state["SourceDestCheck"], json!(true));
        assert_eq!(state["MaintenanceOptions"], json!({"AutoRecovery": "default"}));
        assert_eq!(state["CpuOptions"], Value::Null);
        let windows = state_of(Instance::builder().platform(PlatformValues::Windows).build());
        assert_eq!(windows.get("PlatformDetails"), Some(&json!("Windows")));
    }

    #[test]
    fn states_on_their_way_count_as_where_they_go() {
        let of = |name: InstanceStateName| {
            let state = aws_sdk_ec2::types::InstanceState::builder().name(name).build();
            let instance = Instance::builder().state(state).build();
            (is_gone(&instance), state_of(instance).get("State").cloned())
        };
        assert_eq!(of(InstanceStateName::Pending), (false, Some(json!("running"))));
        assert_eq!(of(InstanceStateName::Stopping), (false, Some(json!("stopped"))));
        assert!(of(InstanceStateName::ShuttingDown).0 && of(InstanceStateName::Terminated).0);
    }

    #[test]
    fn faults_name_the_place() {
        let state = ResourceState::new()
            .with("State", "on")
            .with("UserDataSha256", "abc")
            .with("BlockDevices", json!({"/dev/sda1": {"KmsKeyId": "alias/ebs"}}));
        let pointers: Vec<_> = Ec2.check(&state).into_iter().map(|problem| problem.pointer).collect();
        assert_eq!(pointers, ["/UserDataSha256", "/State"]);
    }

    #[test]
    fn a_word_that_aws_does_not_know_is_refused_with_those_that_it_knows() {
        let state = ResourceState::new()
            .with(
                "MetadataOptions",
                json!({"HttpTokens": "Required", "HttpEndpoint": "on", "InstanceMetadataTags": ""}),
            )
            .with("Tenancy", "shared")
            .with("InstanceInitiatedShutdownBehavior", "");
        let told: Vec<_> = Ec2.check(&state).into_iter().map(|problem| (problem.pointer, problem.message)).collect();
        let no_value = |pointer: &str, text: &str, words: &str| {
            (pointer.to_owned(), format!("`{text}` is no value for it: write {words}"))
        };
        assert_eq!(
            told,
            [
                no_value("/MetadataOptions/HttpEndpoint", "on", "enabled or disabled"),
                no_value("/MetadataOptions/HttpTokens", "Required", "required or optional"),
                no_value("/Tenancy", "shared", "default or dedicated or host"),
            ]
        );
        let nothing = json!({"MetadataOptions": {"InstanceMetadataTags": ""}, "Tenancy": ""});
        let expected =
            json!({"HttpEndpoint": "enabled", "HttpProtocolIpv6": "disabled", "InstanceMetadataTags": "disabled"});
        assert_eq!(normalized(nothing), json!({"MetadataOptions": expected, "Tenancy": "default"}));
    }
}

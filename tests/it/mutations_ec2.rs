//! What people do to an instance, one change at a time.

pub mod acts;
pub mod volumes;

use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, InstanceMetadataOptionsRequest, InstanceType, VolumeType,
};
use driftsentry::domain::schema;
use driftsentry::domain::severity::Severity::{self, Critical, Info, Warning};
use driftsentry::domain::state::escape;
use driftsentry::resource::{Aws, find};
use serde_json::{Value, json};

use crate::mutation::{How, Mutation};
use acts::{
    associate_profile, create_profile, disassociate_profile, drop_first_group, modify, restore_groups, set_metadata,
    set_power, tag, untag,
};

const IMAGE: &str = "ami-1e749f67";
const LISTING: &str = "DescribeInstances";

/// The root volume's key.
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";

/// SHA-256 of `hello` and of `#!/bin/sh`.
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const SHELL: &str = "3af71adb278ad4af33c144b78fa1ae708da03b773d98324ae991a7daedb53ca2";

/// Creates an instance with two volumes and everything set that can be, and returns its id.
pub async fn create(aws: &Aws) -> String {
    let vpc = aws.ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.expect("create a VPC");
    let vpc = vpc.vpc.and_then(|vpc| vpc.vpc_id).expect("its id");
    let subnet = aws.ec2.create_subnet().vpc_id(&vpc).cidr_block("10.0.1.0/24").availability_zone("us-east-1a");
    let subnet = subnet.send().await.expect("create a subnet").subnet.and_then(|it| it.subnet_id).expect("its id");
    let groups = [create_group(aws, &vpc, "web").await, create_group(aws, &vpc, "ssh").await];
    create_profile(aws, "web").await;
    create_profile(aws, "admin").await;
    let metadata = InstanceMetadataOptionsRequest::builder()
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(2)
        .build();
    let run = aws.ec2.run_instances().image_id(IMAGE).min_count(1).max_count(1).instance_type(InstanceType::T3Medium);
    let run = run.key_name("ops").user_data("aGVsbG8=").subnet_id(subnet).ebs_optimized(true);
    let run = run.set_security_group_ids(Some(groups.into())).metadata_options(metadata);
    let run = run.block_device_mappings(root_device());
    let run = run.send().await.expect("run an instance");
    let id = run.instances()[0].instance_id().expect("its id").to_owned();
    for (key, value) in [("Name", "web-1"), ("Env", "prod")] {
        tag(key, value)(aws, &id).await;
    }
    associate_profile("web")(aws, &id).await;
    modify(|call| call.disable_api_termination(acts::flag(true)))(aws, &id).await;
    volumes::attach_new("/dev/sdf", 10)(aws, &id).await;
    id
}

fn root_device() -> BlockDeviceMapping {
    let volume = EbsBlockDevice::builder().volume_size(20).volume_type(VolumeType::Gp3).encrypted(true);
    let volume = volume.kms_key_id(KEY).delete_on_termination(true).build();
    BlockDeviceMapping::builder().device_name("/dev/sda1").ebs(volume).build()
}

async fn create_group(aws: &Aws, vpc: &str, name: &str) -> String {
    let group = aws.ec2.create_security_group().group_name(name).description(name).vpc_id(vpc);
    group.send().await.expect("create a group").group_id.expect("its id")
}

/// Every single change of every attribute.
pub fn mutations() -> Vec<Mutation> {
    [placement(), access(), metadata(), options(), deep(), sizes(), volumes::mutations(), tags()]
        .into_iter()
        .flatten()
        .collect()
}

/// A value that is not there.
const ABSENT: Option<Value> = None;

/// A change of an attribute that costs nothing.
fn mutation(
    pointer: &str,
    how: How,
    from: impl Into<Option<Value>>,
    to: impl Into<Option<Value>>,
    severity: Severity,
) -> Mutation {
    let attribute = pointer.split('/').nth(1).unwrap_or_default();
    let attribute = find("EC2").and_then(|kind| schema::find(kind.attributes(), attribute)).expect("an attribute").name;
    let (pointer, from, to) = (pointer.to_owned(), from.into(), to.into());
    Mutation { attribute, how, pointer, from, to, severity, cost: Some("0.00") }
}

/// The same, with another cost.
fn costing(cost: Option<&'static str>, mutation: Mutation) -> Mutation {
    Mutation { cost, ..mutation }
}

fn rewrite(from: &str, to: &str) -> How {
    How::Rewrite { operation: LISTING, from: from.to_owned(), to: to.to_owned() }
}

fn element(name: &str, from: &str, to: &str) -> How {
    rewrite(&format!("<{name}>{from}</{name}>"), &format!("<{name}>{to}</{name}>"))
}

/// The emulator lacks the element: it is put before one that every instance has.
fn with_element(xml: &str) -> How {
    rewrite("<amiLaunchIndex>", &format!("{xml}<amiLaunchIndex>"))
}

/// What is fixed at launch.
fn placement() -> Vec<Mutation> {
    let zone = element("availabilityZone", "us-east-1a", "us-east-1b");
    let windows = with_element("<platformDetails>Windows</platformDetails>");
    let fixed = |pointer: &str, how, from: &str, to: &str| mutation(pointer, how, json!(from), json!(to), Warning);
    vec![
        fixed("/AvailabilityZone", zone, "us-east-1a", "us-east-1b"),
        fixed("/ImageId", element("imageId", IMAGE, "ami-0feed"), IMAGE, "ami-0feed"),
        fixed("/KeyName", element("keyName", "ops", "other"), "ops", "other"),
        mutation("/KeyName", rewrite("<keyName>ops</keyName>", ""), json!("ops"), Value::Null, Warning),
        fixed("/SubnetId", element("subnetId", "{/SubnetId}", "subnet-0feed"), "{/SubnetId}", "subnet-0feed"),
        fixed("/VpcId", element("vpcId", "{/VpcId}", "vpc-0feed"), "{/VpcId}", "vpc-0feed"),
        costing(None, fixed("/Tenancy", element("tenancy", "default", "dedicated"), "default", "dedicated")),
        costing(None, fixed("/PlatformDetails", windows, "Linux/UNIX", "Windows")),
    ]
}

/// Who may reach it, and what it may do.
fn access() -> Vec<Mutation> {
    let groups = "<rootDeviceType>ebs</rootDeviceType><groupSet>";
    let group = "<item><groupId>sg-0feed</groupId><groupName>open</groupName></item>";
    let added = rewrite(groups, &format!("{groups}{group}"));
    let removed = How::Api { apply: drop_first_group(), undo: restore_groups(["web", "ssh"]) };
    let admin = How::Api { apply: associate_profile("admin"), undo: associate_profile("web") };
    let lost = How::Api { apply: disassociate_profile(), undo: associate_profile("web") };
    let check = |on: bool| modify(move |call| call.source_dest_check(acts::flag(on)));
    let unchecked = How::Api { apply: check(false), undo: check(true) };
    vec![
        mutation("/SecurityGroups/sg-0feed", added, ABSENT, json!({}), Critical),
        mutation("/SecurityGroups/{key /SecurityGroups}", removed, json!({}), ABSENT, Warning),
        mutation("/IamInstanceProfile", admin, json!("web"), json!("admin"), Critical),
        mutation("/IamInstanceProfile", lost, json!("web"), Value::Null, Warning),
        mutation("/SourceDestCheck", unchecked, json!(true), json!(false), Warning),
    ]
}

fn metadata() -> Vec<Mutation> {
    let set = |field: &str, from: Value, to: Value, severity| {
        let how = How::Api { apply: set_metadata(field, &to), undo: set_metadata(field, &from) };
        mutation(&format!("/MetadataOptions/{field}"), how, from, to, severity)
    };
    vec![
        set("HttpTokens", json!("required"), json!("optional"), Critical),
        set("HttpPutResponseHopLimit", json!(2), json!(3), Warning),
        set("HttpEndpoint", json!("enabled"), json!("disabled"), Warning),
        set("HttpProtocolIpv6", json!("disabled"), json!("enabled"), Warning),
        set("InstanceMetadataTags", json!("disabled"), json!("enabled"), Warning),
    ]
}

fn options() -> Vec<Mutation> {
    let dns = |xml: &str| with_element(&format!("<privateDnsNameOptions>{xml}</privateDnsNameOptions>"));
    let hostname = dns("<hostnameType>resource-name</hostnameType>");
    let a_record = dns("<enableResourceNameDnsARecord>true</enableResourceNameDnsARecord>");
    let aaaa_record = dns("<enableResourceNameDnsAAAARecord>true</enableResourceNameDnsAAAARecord>");
    let cores = with_element("<cpuOptions><coreCount>1</coreCount><threadsPerCore>1</threadsPerCore></cpuOptions>");
    let enclave = with_element("<enclaveOptions><enabled>true</enabled></enclaveOptions>");
    let recovery = with_element("<maintenanceOptions><autoRecovery>disabled</autoRecovery></maintenanceOptions>");
    let hibernation =
        rewrite("<hibernationOptions/>", "<hibernationOptions><configured>true</configured></hibernationOptions>");
    let names = "/PrivateDnsNameOptions";
    let (no, yes) = (json!(false), json!(true));
    let cpu = json!({"AmdSevSnp": "disabled", "CoreCount": 1, "ThreadsPerCore": 1});
    vec![
        mutation("/CpuOptions", cores, Value::Null, cpu, Warning),
        mutation("/EnclaveOptions/Enabled", enclave, no.clone(), yes.clone(), Info),
        mutation("/HibernationOptions/Configured", hibernation, no.clone(), yes.clone(), Info),
        mutation("/MaintenanceOptions/AutoRecovery", recovery, json!("default"), json!("disabled"), Info),
        mutation(&format!("{names}/HostnameType"), hostname, json!("ip-name"), json!("resource-name"), Info),
        mutation(&format!("{names}/EnableResourceNameDnsARecord"), a_record, no.clone(), yes.clone(), Info),
        mutation(&format!("{names}/EnableResourceNameDnsAAAARecord"), aaaa_record, no, yes, Info),
    ]
}

/// What only a call per instance tells.
fn deep() -> Vec<Mutation> {
    let stop = |on: bool| modify(move |call| call.disable_api_stop(acts::flag(on)));
    let termination = |on: bool| modify(move |call| call.disable_api_termination(acts::flag(on)));
    let stoppable = How::Api { apply: stop(true), undo: stop(false) };
    let terminable = How::Api { apply: termination(false), undo: termination(true) };
    let shutdown =
        How::Api { apply: acts::set_shutdown_behavior("terminate"), undo: acts::set_shutdown_behavior("stop") };
    let user_data = How::Api { apply: acts::set_user_data("#!/bin/sh"), undo: acts::set_user_data("hello") };
    vec![
        mutation("/DisableApiStop", stoppable, json!(false), json!(true), Info),
        mutation("/DisableApiTermination", terminable, json!(true), json!(false), Critical),
        mutation("/InstanceInitiatedShutdownBehavior", shutdown, json!("stop"), json!("terminate"), Critical),
        mutation("/UserDataSha256", user_data, json!(HELLO), json!(SHELL), Critical),
    ]
}

/// What costs.
fn sizes() -> Vec<Mutation> {
    let kind = |kind: &'static str| modify(move |call| call.instance_type(acts::text(kind)));
    let optimised = |on: bool| modify(move |call| call.ebs_optimized(acts::flag(on)));
    let larger = How::Api { apply: kind("t3.large"), undo: kind("t3.medium") };
    let smaller = How::Api { apply: kind("t3.micro"), undo: kind("t3.medium") };
    let stopped = How::Api { apply: set_power(false), undo: set_power(true) };
    let shared = How::Api { apply: optimised(false), undo: optimised(true) };
    let monitored = rewrite("<monitoring><state>disabled</state>", "<monitoring><state>enabled</state>");
    let unlimited = How::Rewrite {
        operation: "DescribeInstanceCreditSpecifications",
        from: "<instanceCreditSpecificationSet/>".to_owned(),
        to: "<instanceCreditSpecificationSet><item><instanceId>{id}</instanceId><cpuCredits>unlimited</cpuCredits>\
             </item></instanceCreditSpecificationSet>"
            .to_owned(),
    };
    let (standard, credits) = (json!("standard"), json!("unlimited"));
    let typed = |how, to: &str| mutation("/InstanceType", how, json!("t3.medium"), json!(to), Warning);
    vec![
        costing(Some("30.37"), typed(larger, "t3.large")),
        costing(Some("-22.78"), typed(smaller, "t3.micro")),
        costing(Some("-30.37"), mutation("/State", stopped, json!("running"), json!("stopped"), Warning)),
        mutation("/EbsOptimized", shared, json!(true), json!(false), Info),
        costing(None, mutation("/Monitoring", monitored, json!(false), json!(true), Info)),
        costing(None, mutation("/CreditSpecification/CpuCredits", unlimited, standard, credits, Info)),
    ]
}

fn tags() -> Vec<Mutation> {
    let changed = How::Api { apply: tag("Env", "test"), undo: tag("Env", "prod") };
    let added = How::Api { apply: tag("a/b~c", "1"), undo: untag("a/b~c") };
    let removed = How::Api { apply: untag("Name"), undo: tag("Name", "web-1") };
    let added_at = format!("/Tags/{}", escape("a/b~c"));
    vec![
        mutation("/Tags/Env", changed, json!("prod"), json!("test"), Info),
        mutation(&added_at, added, ABSENT, json!("1"), Info),
        mutation("/Tags/Name", removed, json!("web-1"), ABSENT, Info),
    ]
}

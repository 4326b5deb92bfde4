//! Servers of the demo's estate.

use anyhow::Context;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, Filter, HttpTokensState, InstanceMetadataOptionsRequest, InstanceType,
    ResourceType, VolumeType,
};

use super::network::{Network, tags};
use crate::resource::Aws;

/// The servers that mistakes are made with.
pub(super) struct Servers {
    pub(super) web: String,
    pub(super) worker: String,
}

/// One server.
pub(super) struct Plan<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) gib: i32,
    pub(super) subnet: &'a str,
    pub(super) group: &'a str,
}

pub(super) async fn make_shop(aws: &Aws, network: &Network) -> anyhow::Result<Servers> {
    let [first, second] = network.subnets.as_slice() else { anyhow::bail!("the shop has two subnets") };
    let (frontend, backend) = (&network.frontend, &network.backend);
    let web = make(aws, &Plan { name: "web-1", kind: "m5.large", gib: 50, subnet: first, group: frontend }).await?;
    make(aws, &Plan { name: "web-2", kind: "m5.large", gib: 50, subnet: second, group: frontend }).await?;
    let worker = Plan { name: "worker-1", kind: "c5.xlarge", gib: 100, subnet: first, group: backend };
    Ok(Servers { web, worker: make(aws, &worker).await? })
}

pub(super) async fn make(aws: &Aws, plan: &Plan<'_>) -> anyhow::Result<String> {
    let disk = EbsBlockDevice::builder()
        .volume_size(plan.gib)
        .volume_type(VolumeType::Gp3)
        .encrypted(true)
        .delete_on_termination(true)
        .build();
    let metadata = InstanceMetadataOptionsRequest::builder().http_tokens(HttpTokensState::Required).build();
    let own_tags = [("Name", plan.name), ("Env", "production"), ("CostCenter", "4711"), ("Team", "shop")];
    let request = aws.ec2.run_instances().image_id(image(aws).await?).instance_type(InstanceType::from(plan.kind));
    let made = request
        .min_count(1)
        .max_count(1)
        .subnet_id(plan.subnet)
        .security_group_ids(plan.group)
        .metadata_options(metadata)
        .block_device_mappings(BlockDeviceMapping::builder().device_name("/dev/xvda").ebs(disk).build())
        .tag_specifications(tags(ResourceType::Instance, &own_tags))
        .send()
        .await
        .with_context(|| format!("launch {}", plan.name))?;
    let instance = made.instances.and_then(|instances| instances.into_iter().next());
    instance.and_then(|instance| instance.instance_id).with_context(|| format!("{} has no id", plan.name))
}

/// The newest Amazon Linux.
async fn image(aws: &Aws) -> anyhow::Result<String> {
    let name = Filter::builder().name("name").values("al2023-ami-2023*x86_64").build();
    let images = aws.ec2.describe_images().owners("amazon").filters(name).send().await.context("list images")?;
    let newest = images.images().iter().max_by_key(|image| image.name());
    newest.and_then(|image| image.image_id()).map(str::to_owned).context("the emulator knows no Amazon Linux image")
}

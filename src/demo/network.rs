//! Networks and security groups of the demo's estate.

use anyhow::Context;
use aws_sdk_ec2::types::{IpPermission, IpRange, ResourceType, Tag, TagSpecification, UserIdGroupPair};

use crate::resource::Aws;

/// How many groups [`make_shop`] makes.
pub(super) const SHOP_GROUPS: usize = 3;

/// The shop's network.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) subnets: Vec<String>,
    pub(super) frontend: String,
    pub(super) backend: String,
    pub(super) database: String,
}

pub(super) async fn make_shop(aws: &Aws) -> anyhow::Result<Network> {
    let vpc = make_vpc(aws, "shop", "10.20.0.0/16").await?;
    let subnets = make_subnets(aws, &vpc, &[("a", "10.20.1.0/24"), ("b", "10.20.2.0/24")]).await?;
    let frontend = make_group(aws, &vpc, "web-frontend", "Web servers, open to the world").await?;
    let backend = make_group(aws, &vpc, "app-backend", "Application servers").await?;
    let database = make_group(aws, &vpc, "orders-db", "The orders database").await?;
    for port in [80, 443] {
        allow(aws, &frontend, from_cidr(port, "0.0.0.0/0", "Customers")).await?;
    }
    allow(aws, &backend, from_group(8080, &frontend, "Web servers")).await?;
    allow(aws, &backend, from_cidr(22, "10.99.0.0/16", "VPN")).await?;
    allow(aws, &database, from_group(5432, &backend, "Application servers")).await?;
    Ok(Network { subnets, frontend, backend, database })
}

pub(super) async fn make_vpc(aws: &Aws, name: &str, cidr: &str) -> anyhow::Result<String> {
    let made = aws.ec2.create_vpc().cidr_block(cidr).tag_specifications(tags(ResourceType::Vpc, &[("Name", name)]));
    let made = made.send().await.with_context(|| format!("create VPC {name}"))?;
    made.vpc.and_then(|vpc| vpc.vpc_id).with_context(|| format!("VPC {name} has no id"))
}

pub(super) async fn make_subnets(aws: &Aws, vpc: &str, zones: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for (zone, cidr) in zones {
        let zone = format!("{}{zone}", aws.region);
        let made = aws.ec2.create_subnet().vpc_id(vpc).cidr_block(*cidr).availability_zone(zone).send().await;
        let made = made.with_context(|| format!("create subnet {cidr}"))?;
        ids.push(made.subnet.and_then(|subnet| subnet.subnet_id).context("a subnet has no id")?);
    }
    Ok(ids)
}

pub(super) async fn make_group(aws: &Aws, vpc: &str, name: &str, description: &str) -> anyhow::Result<String> {
    let specification = tags(ResourceType::SecurityGroup, &[("Name", name), ("Env", "production")]);
    let request = aws.ec2.create_security_group().group_name(name).description(description).vpc_id(vpc);
    let made = request.tag_specifications(specification).send().await;
    let made = made.with_context(|| format!("create security group {name}"))?;
    made.group_id.with_context(|| format!("security group {name} has no id"))
}

pub(super) async fn allow(aws: &Aws, group: &str, permission: IpPermission) -> anyhow::Result<()> {
    let request = aws.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(permission);
    request.send().await.with_context(|| format!("open {group}"))?;
    Ok(())
}

pub(super) fn from_cidr(port: i32, cidr: &str, description: &str) -> IpPermission {
    let range = IpRange::builder().cidr_ip(cidr).description(description).build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

fn from_group(port: i32, group: &str, description: &str) -> IpPermission {
    let pair = UserIdGroupPair::builder().group_id(group).description(description).build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).user_id_group_pairs(pair).build()
}

pub(super) fn tags(resource: ResourceType, pairs: &[(&str, &str)]) -> TagSpecification {
    let tags = pairs.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build());
    TagSpecification::builder().resource_type(resource).set_tags(Some(tags.collect())).build()
}

//! The estate: a web shop in one region, its reporting in another, with all five resource types.

use anyhow::Context;

use super::{databases, instances, network, storage};
use crate::domain::id::{AccountId, Region};
use crate::resource::Aws;
use crate::resource::aws::AwsPool;

/// Where the estate is; IAM and the shop itself belong to the first one.
pub const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// What was made, as far as the mistakes need to name it.
#[derive(Debug, Clone)]
pub struct Estate {
    /// The shop's region.
    pub(super) shop: Aws,
    /// The reporting region.
    pub(super) reporting: Aws,
    /// Group of the application servers.
    pub(super) backend_group: String,
    /// A web server.
    pub(super) web_server: String,
    /// A batch worker.
    pub(super) worker: String,
    /// The bucket with invoices.
    pub(super) invoices: String,
    /// How many resources there are.
    pub size: usize,
}

/// Makes the estate in an empty account.
///
/// # Errors
/// If a call to the emulator fails; names the resource.
pub async fn build(pool: &AwsPool, account_id: &AccountId) -> anyhow::Result<Estate> {
    let [shop_region, reporting_region] = REGIONS.map(Region::from);
    let shop = pool.aws_for(account_id, &shop_region).await?;
    let reporting = pool.aws_for(account_id, &reporting_region).await?;

    let network = network::make_shop(&shop).await.context("make the shop's network")?;
    let servers = instances::make_shop(&shop, &network).await.context("make the shop's servers")?;
    databases::make_shop(&shop, &network).await.context("make the shop's database")?;
    let invoices = storage::make_buckets(&shop, account_id).await.context("make the buckets")?;
    storage::make_roles(&shop, account_id).await.context("make the roles")?;
    make_reporting(&reporting).await.context("make the reporting region")?;
    Ok(Estate {
        backend_group: network.backend,
        web_server: servers.web,
        worker: servers.worker,
        invoices,
        size: network::SHOP_GROUPS + 3 + 1 + 2 + 2 + 3,
        shop,
        reporting,
    })
}

async fn make_reporting(aws: &Aws) -> anyhow::Result<()> {
    let vpc = network::make_vpc(aws, "reporting", "10.30.0.0/16").await?;
    let group = network::make_group(aws, &vpc, "reporting-access", "Analysts by VPN").await?;
    let vpn = network::from_cidr(443, "10.99.0.0/16", "VPN");
    network::allow(aws, &group, vpn).await?;
    let subnets = network::make_subnets(aws, &vpc, &[("a", "10.30.1.0/24"), ("b", "10.30.2.0/24")]).await?;
    let plan = instances::Plan { name: "reporting-1", kind: "t3.medium", gib: 30, subnet: &subnets[0], group: &group };
    instances::make(aws, &plan).await?;
    databases::make_reporting(aws, &subnets, &group).await
}

//! AWS accounts in the emulator: each test has one of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use driftsentry::config;
use driftsentry::domain::id::{AccountId, Region};
use driftsentry::resource::Aws;
use driftsentry::resource::aws::{AwsPool, Credentials};

use super::servers::moto_endpoint;

/// An AWS account that no other test touches.
#[derive(Debug, Clone)]
pub struct World {
    /// Its id.
    pub account_id: AccountId,
    /// The emulator that holds it, or a proxy before it.
    pub endpoint: String,
    /// Its clients.
    pub pool: AwsPool,
}

impl World {
    /// A fresh account.
    pub async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(100_000_000_001);
        let account_id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let endpoint = moto_endpoint(&account_id).await.to_owned();
        Self::at(account_id.into(), endpoint)
    }

    /// The same account through another address, such as a proxy's.
    pub fn through(&self, endpoint: &str) -> Self {
        Self::at(self.account_id.clone(), endpoint.to_owned())
    }

    /// The account's clients for a region.
    pub async fn aws(&self, region: &str) -> Aws {
        self.pool.aws_for(&self.account_id, &Region::from(region)).await.expect("the emulator's account")
    }

    /// A name for something that must be unique beyond the account, such as a bucket.
    pub fn unique(&self, name: &str) -> String {
        format!("{name}-{}", self.account_id)
    }

    /// The `[aws]` section that scans this account.
    pub fn settings(&self) -> config::Aws {
        settings(&self.account_id, &self.endpoint)
    }

    fn at(account_id: AccountId, endpoint: String) -> Self {
        let pool = AwsPool::with_credentials(&settings(&account_id, &endpoint), anyone());
        Self { account_id, endpoint, pool }
    }
}

/// Clients for an account and region of the emulator at `endpoint`.
pub async fn aws(account_id: &AccountId, region: &str, endpoint: &str) -> Aws {
    World::at(account_id.clone(), endpoint.to_owned()).aws(region).await
}

/// Credentials that the emulator lets assume any role.
pub fn anyone() -> Credentials {
    Credentials::new("test", "test", None, None, "test")
}

fn settings(account_id: &AccountId, endpoint: &str) -> config::Aws {
    let regions = vec![Region::from("us-east-1"), Region::from("eu-west-1")];
    let account = config::Account {
        name: "test".to_owned(),
        id: account_id.clone(),
        role_arn: Some(format!("arn:aws:iam::{account_id}:role/driftsentry-scan")),
        remediate_role_arn: None,
        external_id: None,
        regions: regions.clone(),
    };
    config::Aws {
        regions,
        endpoint_url: Some(endpoint.to_owned()),
        accounts: vec![account],
        call_timeout: Duration::from_secs(20),
        operation_timeout: Duration::from_mins(1),
        max_attempts: 3,
        max_requests_per_second: 10_000,
    }
}

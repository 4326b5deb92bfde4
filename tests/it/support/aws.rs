//! AWS accounts in the emulator: each test has one of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sts::config::{Credentials, Region};
use driftsentry::domain::id::AccountId;
use driftsentry::resource::Aws;

use super::servers::moto_endpoint;

/// An AWS account that no other test touches.
#[derive(Debug, Clone)]
pub struct World {
    /// Its id.
    pub account_id: AccountId,
    /// The emulator that holds it, or a proxy before it.
    pub endpoint: String,
}

impl World {
    /// A fresh account.
    pub async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(100_000_000_001);
        let account_id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let endpoint = moto_endpoint(&account_id).await.to_owned();
        Self { account_id: account_id.into(), endpoint }
    }

    /// The account's clients for a region.
    pub async fn aws(&self, region: &str) -> Aws {
        aws(&self.account_id, region, &self.endpoint).await
    }

    /// The same account through another address, such as a proxy's.
    pub fn through(&self, endpoint: &str) -> Self {
        Self { account_id: self.account_id.clone(), endpoint: endpoint.to_owned() }
    }

    /// A name for something that must be unique beyond the account, such as a bucket.
    pub fn unique(&self, name: &str) -> String {
        format!("{name}-{}", self.account_id)
    }
}

/// Clients for an account and region of the emulator at `endpoint`.
pub async fn aws(account_id: &AccountId, region: &str, endpoint: &str) -> Aws {
    let config = config_for(account_id, region, endpoint).await;
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
    Aws {
        account_id: account_id.clone(),
        region: region.into(),
        ec2: aws_sdk_ec2::Client::new(&config),
        rds: aws_sdk_rds::Client::new(&config),
        s3: aws_sdk_s3::Client::from_conf(s3),
        iam: aws_sdk_iam::Client::new(&config),
        calls: driftsentry::resource::aws::CallCount::default(),
    }
}

/// An SDK configuration with credentials of the account.
async fn config_for(account_id: &AccountId, region: &str, endpoint: &str) -> SdkConfig {
    let region = if region == driftsentry::domain::id::GLOBAL { "us-east-1" } else { region };
    let anyone = config(region, endpoint, Credentials::new("test", "test", None, None, "test")).await;
    let assumed = aws_sdk_sts::Client::new(&anyone)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{account_id}:role/test"))
        .role_session_name("test")
        .send()
        .await
        .expect("assume a role in the emulator");
    let assumed = assumed.credentials.expect("credentials");
    let (key, secret, token) = (assumed.access_key_id, assumed.secret_access_key, assumed.session_token);
    config(region, endpoint, Credentials::new(key, secret, Some(token), None, "test")).await
}

async fn config(region: &str, endpoint: &str, credentials: Credentials) -> SdkConfig {
    // A client per test: connections belong to the runtime of the test that opened them.
    let http = aws_smithy_http_client::Builder::new().build_http();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
        .load()
        .await
}

//! The pool: accounts, their credentials and their clients, built once and handed out with a count of their own.
//!
//! A client costs tens of milliseconds to build and next to nothing to derive, so one set per account and region is kept
//! and every caller gets a derived one whose requests are counted for it alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_ec2::config::SharedHttpClient;
use aws_sdk_ec2::config::retry::RetryPartition;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::sync::OnceCell;

use super::account::{AssumedRole, caller_account};
use super::connector::{Meter, MeteredClient};
use super::error::{ErrorClass, ReadError};
use super::limiter::Limiter;
use super::stats::{ServiceStats, Stats};
use super::{Aws, Bystanders, CallCount};
use crate::config;
use crate::domain::id::{AccountId, GLOBAL, Region, ScannedAccount, Scope};

/// A TCP and TLS handshake takes less, even across the world.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// All AWS accounts of the configuration. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct AwsPool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    settings: config::Aws,
    credentials: Option<Credentials>,
    http: SharedHttpClient,
    /// The default chain's configuration, read at first use.
    base: OnceCell<SdkConfig>,
    accounts: OnceCell<Vec<ScannedAccount>>,
    connected: Mutex<HashMap<AccountId, Arc<OnceCell<Arc<Account>>>>>,
    /// The default credentials, whoever's they are.
    unnamed: OnceCell<Account>,
    stats: Arc<Stats>,
}

/// One account whose credentials are proven.
#[derive(Debug)]
struct Account {
    sdk: SdkConfig,
    role: Option<SharedRole>,
    home: Region,
    regions: Mutex<HashMap<Region, Arc<Clients>>>,
}

type SharedRole = Arc<AssumedRole>;

/// The clients of one account and region, from which the handed-out ones derive.
#[derive(Debug)]
struct Clients {
    ec2: Base<aws_sdk_ec2::Config>,
    rds: Base<aws_sdk_rds::Config>,
    s3: Base<aws_sdk_s3::Config>,
    iam: Base<aws_sdk_iam::Config>,
}

/// A service's configuration and its rate limit.
#[derive(Debug)]
struct Base<C> {
    service: &'static str,
    config: C,
    limiter: Arc<Limiter>,
}

impl AwsPool {
    /// The accounts of `settings`, with the default credential chain. Asks nobody yet.
    #[must_use]
    pub fn new(settings: &config::Aws) -> Self {
        Self::build(settings, None)
    }

    /// The accounts of `settings`, with fixed credentials in place of the default chain (emulators, tests).
    #[must_use]
    pub fn with_credentials(settings: &config::Aws, credentials: Credentials) -> Self {
        Self::build(settings, Some(credentials))
    }

    fn build(settings: &config::Aws, credentials: Option<Credentials>) -> Self {
        let tls = Provider::Rustls(CryptoMode::Ring);
        Self(Arc::new(Pool {
            settings: settings.clone(),
            credentials,
            http: aws_smithy_http_client::Builder::new().tls_provider(tls).build_https(),
            base: OnceCell::new(),
            accounts: OnceCell::new(),
            connected: Mutex::default(),
            unnamed: OnceCell::new(),
            stats: Arc::default(),
        }))
    }

    /// The same accounts for calls that change something: by their `remediate_role_arn` where they have one, else by the
    /// credentials that read. It has rate limits of its own and counts into the same statistics.
    #[must_use]
    pub fn for_remediation(&self) -> Self {
        let mut settings = self.0.settings.clone();
        for account in &mut settings.accounts {
            account.role_arn = account.remediate_role_arn.clone().or(account.role_arn.take());
        }
        Self(Arc::new(Pool {
            settings,
            credentials: self.0.credentials.clone(),
            http: self.0.http.clone(),
            base: OnceCell::new(),
            accounts: OnceCell::new(),
            connected: Mutex::default(),
            unnamed: OnceCell::new(),
            stats: Arc::clone(&self.0.stats),
        }))
    }

    /// The role that clients of this account assume; `None` if they have the default credentials.
    #[must_use]
    pub fn role_of(&self, account_id: &AccountId) -> Option<&str> {
        self.0.settings.accounts.iter().find(|account| account.id == *account_id)?.role_arn.as_deref()
    }

    /// The accounts that are scanned: the configured ones, else the one of the default credentials, which costs one
    /// `sts:GetCallerIdentity` once.
    ///
    /// # Errors
    /// If nothing is configured and AWS does not tell whose the default credentials are.
    pub async fn accounts(&self) -> Result<Vec<ScannedAccount>, ReadError> {
        self.0.accounts.get_or_try_init(|| self.0.find_accounts()).await.cloned()
    }

    /// Clients for the account and region of `scope`, with a call count of their own.
    ///
    /// # Errors
    /// If the account is not one of [`Self::accounts`], its role cannot be assumed, or the credentials turn out to
    /// belong to another account.
    pub async fn aws(&self, scope: &Scope) -> Result<Aws, ReadError> {
        self.aws_for(&scope.account_id, &scope.region).await
    }

    /// Clients for an account and region, with a call count of their own. Region `global` is signed for the account's
    /// first region.
    ///
    /// # Errors
    /// As [`Self::aws`].
    pub async fn aws_for(&self, account_id: &AccountId, region: &Region) -> Result<Aws, ReadError> {
        let account = self.0.account(account_id).await?;
        if let Some(role) = &account.role {
            role.credentials().await?;
        }
        Ok(self.0.clients(&account, account_id, region).hand_out(&self.0, account_id, region))
    }

    /// Clients for what no scope names (documents of expected state), with a call count of their own: those of the
    /// account that is called `account` by name or id; where none is named, of the only one, else of the default
    /// credentials. Without `region`, for the account's first.
    ///
    /// # Errors
    /// As [`Self::aws`].
    pub async fn aws_called(&self, account: Option<&str>, region: Option<&Region>) -> Result<Aws, ReadError> {
        let accounts = self.accounts().await?;
        let has_role =
            |id| self.0.settings.accounts.iter().any(|account| account.id == id && account.role_arn.is_some());
        let found = match (account, accounts.as_slice()) {
            (Some(text), all) => {
                let unknown = || not_configured(&AccountId::from(text), &self.0.first_region());
                Some(all.iter().find(|account| account.is_called(text)).ok_or_else(unknown)?)
            }
            (None, [only]) => Some(only),
            (None, several) => several.iter().find(|account| !has_role(account.id.clone())),
        };
        let first = found.and_then(|account| account.regions.first()).cloned();
        let region = region.cloned().or(first).unwrap_or_else(|| self.0.first_region());
        match found {
            Some(account) => self.aws_for(&account.id, &region).await,
            None => Ok(self.0.aws_by_default(&region).await),
        }
    }

    /// Requests, throttled answers and errors by service since the pool was made.
    #[must_use]
    pub fn stats(&self) -> Vec<ServiceStats> {
        self.0.stats.snapshot()
    }
}

impl Pool {
    async fn find_accounts(&self) -> Result<Vec<ScannedAccount>, ReadError> {
        if self.settings.accounts.is_empty() {
            let region = self.first_region();
            let sts = self.sts(self.base().await, &region);
            let id = caller_account(&sts, None, &region).await?;
            let mut regions = self.settings.regions.clone();
            if regions.is_empty() {
                regions.push(region);
            }
            return Ok(vec![ScannedAccount { name: None, id, regions }]);
        }
        let scanned = |account: &config::Account| ScannedAccount {
            name: Some(account.name.clone()),
            id: account.id.clone(),
            regions: account.regions.clone(),
        };
        Ok(self.settings.accounts.iter().map(scanned).collect())
    }

    /// The account, proven; concurrent callers share the proof, and a failed one is tried again by the next caller.
    async fn account(&self, id: &AccountId) -> Result<Arc<Account>, ReadError> {
        let cell = {
            let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
            connected.entry(id.clone()).or_default().clone()
        };
        cell.get_or_try_init(|| self.connect(id)).await.cloned()
    }

    async fn connect(&self, id: &AccountId) -> Result<Arc<Account>, ReadError> {
        let base = self.base().await;
        let accounts = self.accounts.get_or_try_init(|| self.find_accounts()).await?;
        let Some(scanned) = accounts.iter().find(|account| account.id == *id) else {
            return Err(not_configured(id, &self.first_region()));
        };
        let home = scanned.regions.first().cloned().unwrap_or_else(|| self.first_region());
        let configured = self.settings.accounts.iter().find(|account| account.id == *id);
        let sts = self.sts(base, &home);
        let Some((account, role_arn)) = configured.and_then(|a| Some((a, a.role_arn.clone()?))) else {
            if configured.is_some() {
                caller_account(&sts, Some(id), &home).await?;
            }
            return Ok(Arc::new(Account { sdk: base.clone(), role: None, home, regions: Mutex::default() }));
        };
        let role = Arc::new(AssumedRole {
            sts,
            role_arn,
            external_id: account.external_id.clone(),
            account_id: id.clone(),
            region: home.clone(),
            current: tokio::sync::Mutex::new(None),
        });
        let sdk = self.sdk_of_role(base, &role);
        Ok(Arc::new(Account { sdk, role: Some(role), home, regions: Mutex::default() }))
    }

    async fn aws_by_default(&self, region: &Region) -> Aws {
        let connect = async || {
            let sdk = self.base().await.clone();
            Account { sdk, role: None, home: self.first_region(), regions: Mutex::default() }
        };
        let account = self.unnamed.get_or_init(connect).await;
        let id = AccountId::from("default-credentials");
        self.clients(account, &id, region).hand_out(self, &id, region)
    }

    fn sdk_of_role(&self, base: &SdkConfig, role: &SharedRole) -> SdkConfig {
        let cache = IdentityCache::lazy().load_timeout(self.settings.call_timeout * self.settings.max_attempts.max(1));
        let provider: Arc<dyn ProvideCredentials> = role.clone();
        base.clone()
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .identity_cache(cache.build())
            .build()
    }

    async fn base(&self) -> &SdkConfig {
        self.base.get_or_init(|| self.load_base()).await
    }

    async fn load_base(&self) -> SdkConfig {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT.min(self.settings.call_timeout));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(sdk_region(&self.first_region()))
            .retry_config(RetryConfig::standard().with_max_attempts(self.settings.max_attempts.max(1)))
            .timeout_config(timeouts.build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(url) = &self.settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        loader.load().await
    }

    fn first_region(&self) -> Region {
        let of_account = self.settings.accounts.first().and_then(|account| account.regions.first());
        self.settings.regions.first().or(of_account).cloned().unwrap_or_else(|| Region::from("us-east-1"))
    }

    fn sts(&self, sdk: &SdkConfig, region: &Region) -> aws_sdk_sts::Client {
        let http = self.metered("sts", &self.limiter(), &CallCount::default());
        let config = aws_sdk_sts::config::Builder::from(sdk).region(sdk_region(region)).http_client(http);
        aws_sdk_sts::Client::from_conf(config.build())
    }

    fn clients(&self, account: &Account, id: &AccountId, region: &Region) -> Arc<Clients> {
        let mut regions = account.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.entry(region.clone()).or_insert_with(|| Arc::new(self.build_clients(account, id, region))).clone()
    }

    fn build_clients(&self, account: &Account, id: &AccountId, region: &Region) -> Clients {
        let signed = sdk_region(if region.as_str() == GLOBAL { &account.home } else { region });
        let sdk = &account.sdk;
        // A partition of our own making shares its retry quota with no other, not even one of the same name.
        let partition = |service: &str| RetryPartition::custom(format!("{id}/{region}/{service}")).build();
        macro_rules! base {
            ($sdk_crate:ident, $service:literal $(, $set:ident = $value:expr)?) => {
                Base {
                    service: $service,
                    config: $sdk_crate::config::Builder::from(sdk)
                        .region(signed.clone())
                        .retry_partition(partition($service))
                        $(.$set($value))?
                        .build(),
                    limiter: self.limiter(),
                }
            };
        }
        Clients {
            ec2: base!(aws_sdk_ec2, "ec2"),
            rds: base!(aws_sdk_rds, "rds"),
            // Bucket names are no host names at an emulator.
            s3: base!(aws_sdk_s3, "s3", force_path_style = sdk.endpoint_url().is_some()),
            iam: base!(aws_sdk_iam, "iam"),
        }
    }

    fn limiter(&self) -> Arc<Limiter> {
        Arc::new(Limiter::new(self.settings.max_requests_per_second, Instant::now()))
    }

    fn metered(&self, service: &'static str, limiter: &Arc<Limiter>, calls: &CallCount) -> MeteredClient {
        let meter = Meter {
            calls: calls.clone(),
            limiter: limiter.clone(),
            counters: self.stats.of(service),
            call_timeout: self.settings.call_timeout,
            operation_timeout: self.settings.operation_timeout,
            budgets: Arc::default(),
        };
        MeteredClient { inner: self.http.clone(), meter }
    }
}

impl Clients {
    fn hand_out(&self, pool: &Pool, account_id: &AccountId, region: &Region) -> Aws {
        let calls = CallCount::default();
        macro_rules! derive {
            ($sdk_crate:ident, $base:expr) => {{
                let http = pool.metered($base.service, &$base.limiter, &calls);
                $sdk_crate::Client::from_conf($base.config.to_builder().http_client(http).build())
            }};
        }
        Aws {
            account_id: account_id.clone(),
            region: region.clone(),
            ec2: derive!(aws_sdk_ec2, self.ec2),
            rds: derive!(aws_sdk_rds, self.rds),
            s3: derive!(aws_sdk_s3, self.s3),
            iam: derive!(aws_sdk_iam, self.iam),
            calls,
            bystanders: Bystanders::default(),
        }
    }
}

fn sdk_region(region: &Region) -> aws_sdk_ec2::config::Region {
    aws_sdk_ec2::config::Region::new(region.as_str().to_owned())
}

fn not_configured(id: &AccountId, region: &Region) -> ReadError {
    ReadError {
        service: "sts",
        operation: "AssumeRole",
        account_id: id.clone(),
        region: region.clone(),
        class: ErrorClass::Other,
        detail: ": no such account is configured: add it to [[aws.accounts]] with its role_arn".into(),
        missing_action: None,
    }
}

//! Configuration as the program uses it: checked, complete, impossible to get wrong.
//!
//! [`load()`] reads TOML and environment and reports every problem at once, each with its path, its line and what to
//! write instead. What kinds of sources and channels exist is told by the caller ([`Vocabulary`]), because the kinds
//! live in higher layers. Inside: text → `tree` (values with lines) → `env` laid over it → `check` → [`Config`].

mod check;
pub mod cron;
mod env;
pub mod lines;
mod load;
pub mod options;
pub mod problem;
pub mod remediation;
pub mod secret;
mod section;
pub mod suggest;
mod tree;
mod unmanaged;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;

use crate::domain::id::{AccountId, Region};
pub use crate::domain::route::Route;
use crate::domain::rule::Rules;
pub use env::process_env;
pub use load::{find_file, load};
use options::Options;
pub use problem::{ConfigErrors, ConfigProblem};
pub use remediation::{Disruptive, Remediation, RemediationMode, Window};
use secret::Secret;
pub use unmanaged::{Unmanaged, UnmanagedByType};

/// The commented default configuration: every key, explained. It loads to what [`load()`] gives without any file.
pub const DEFAULT: &str = include_str!("../../config/driftsentry.toml");

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[database]`
    pub database: Database,
    /// `[aws]`
    pub aws: Aws,
    /// `[[expected]]`
    pub expected: Vec<ExpectedSource>,
    /// `[[schedules]]`
    pub schedules: Vec<Schedule>,
    /// `[[ignore]]`, `[[severity]]` and `[[triage]]`
    pub rules: Rules,
    /// `[[channels]]`
    pub channels: Vec<Channel>,
    /// `[[routes]]`
    pub routes: Vec<Route>,
    /// `[remediation]`
    pub remediation: Remediation,
    /// `[api]`
    pub api: Api,
    /// `[queue]`
    pub queue: Queue,
}

/// `[database]`
#[derive(Debug, Clone)]
pub struct Database {
    /// Connection URL; `None` means a private PostgreSQL under `data_dir`.
    pub url: Option<Secret>,
    /// Where the private PostgreSQL and its tools live.
    pub data_dir: PathBuf,
    /// Connections of one process at most.
    pub max_connections: u32,
}

/// `[aws]`
#[derive(Debug, Clone)]
pub struct Aws {
    /// Regions that are scanned where an account names none: as configured, else `AWS_REGION` or
    /// `AWS_DEFAULT_REGION`. Empty if neither says, which [`Aws::require_regions`] refuses.
    pub regions: Vec<Region>,
    /// Address of an emulator or of a private endpoint, from the key or from `AWS_ENDPOINT_URL`; `None` means AWS.
    pub endpoint_url: Option<String>,
    /// Accounts; empty means the one of the default credentials.
    pub accounts: Vec<Account>,
    /// How long one attempt of one AWS call may take.
    pub call_timeout: Duration,
    /// How long all attempts of one AWS call may take together, waiting between them left out.
    pub operation_timeout: Duration,
    /// Attempts of one AWS call, the first included.
    pub max_attempts: u32,
    /// Requests per second at most, per account, region and service, before any throttling.
    pub max_requests_per_second: u32,
}

/// `[[aws.accounts]]`
#[derive(Debug, Clone)]
pub struct Account {
    /// The name that other sections and messages use.
    pub name: String,
    /// Twelve digits.
    pub id: AccountId,
    /// Role to assume; `None` means the default credentials.
    pub role_arn: Option<String>,
    /// Role to assume for calls that change something; `None` means the same credentials that read.
    pub remediate_role_arn: Option<String>,
    /// External id for the roles.
    pub external_id: Option<Secret>,
    /// Regions to scan: its own, else those of `[aws]`. Empty only where [`Aws::require_regions`] refuses.
    pub regions: Vec<Region>,
}

impl Aws {
    /// Whether there is a region to scan in every account; for the commands that talk to AWS.
    ///
    /// # Errors
    /// With what to write.
    pub fn require_regions(&self) -> Result<(), ConfigProblem> {
        let lacking = self.accounts.iter().position(|account| account.regions.is_empty());
        let path = match lacking {
            Some(index) => format!("aws.accounts[{index}].regions"),
            None if self.accounts.is_empty() && self.regions.is_empty() => "aws.regions".to_owned(),
            None => return Ok(()),
        };
        let message = "no region to scan: write regions = [\"us-east-1\"] under [aws], or set AWS_REGION".to_owned();
        Err(ConfigProblem { path, line: None, message })
    }
}

/// `[[expected]]`
#[derive(Debug, Clone)]
pub struct ExpectedSource {
    /// The kind's name: `json`, later `terraform`, `baseline`.
    pub kind: String,
    /// Account (configured name) of resources that name none.
    pub account: Option<String>,
    /// The kind's own options.
    pub options: Options,
}

/// `[[schedules]]`
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Unique name.
    pub name: String,
    /// Seconds-first cron expression, known to be valid.
    pub cron: String,
    /// Time zone of the expression.
    pub timezone: Tz,
    /// What is scanned.
    pub filter: ScanFilter,
    /// Whether resources that nothing declares are reported.
    pub unmanaged: UnmanagedByType,
}

/// Which part of the estate a scan covers. Empty lists mean everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanFilter {
    /// Accounts by configured name or id.
    pub accounts: Vec<String>,
    /// Regions.
    pub regions: Vec<Region>,
    /// Type names.
    pub resource_types: Vec<String>,
}

/// `[[channels]]`
#[derive(Debug, Clone)]
pub struct Channel {
    /// Unique name that routes use.
    pub name: String,
    /// The kind's name: `email`, `slack`, `webhook`.
    pub kind: String,
    /// The kind's own options.
    pub options: Options,
}

/// `[api]`
#[derive(Debug, Clone)]
pub struct Api {
    /// Address to listen on.
    pub listen: SocketAddr,
}

/// `[queue]`
#[derive(Debug, Clone)]
pub struct Queue {
    /// Jobs that one process runs at a time.
    pub concurrency: usize,
    /// After this, the jobs of a process that died are taken by others.
    pub lease: Duration,
}

/// What kinds exist, told by the layers above, so that a wrong name in the configuration is found at start.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// Resource type names.
    pub resource_types: Vec<&'static str>,
    /// Kinds of expected state: name and check of its options.
    pub expected: Vec<KindSpec>,
    /// Kinds of channels: name and check of its options.
    pub channels: Vec<KindSpec>,
}

/// A kind that has options of its own.
#[derive(Debug, Clone, Copy)]
pub struct KindSpec {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Tells every fault of its options.
    pub check: fn(&Options) -> Vec<ConfigProblem>,
}

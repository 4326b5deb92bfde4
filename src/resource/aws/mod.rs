//! AWS as the readers see it: one set of clients per account and region, every call counted, limited and timed.
//!
//! [`AwsPool`] hands out [`Aws`] values; each has a call count of its own, so that a shard knows what it cost, while
//! connections, credentials, rate limits and retry quotas are shared by all that talk to the same account and region.
//! Nothing here knows a resource type.

mod account;
mod budget;
mod connector;
mod error;
mod limiter;
mod pool;
mod stats;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::id::{AccountId, Region};
use error::Purpose;

pub use aws_credential_types::Credentials;
pub use error::{ErrorClass, ReadError, SdkError};
pub use pool::AwsPool;
pub use stats::ServiceStats;

/// The clients of one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The account.
    pub account_id: AccountId,
    /// The region; [`crate::domain::id::GLOBAL`] for account-wide types.
    pub region: Region,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// RDS.
    pub rds: aws_sdk_rds::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// HTTP requests sent through these clients, retries included.
    pub calls: CallCount,
    /// Resources that listings told of and nobody asked for.
    pub bystanders: Bystanders,
}

impl Aws {
    /// The read error that stands for `error` of `service:operation` in this account and region.
    #[must_use]
    pub fn read_error<E>(&self, service: &'static str, operation: &'static str, error: &SdkError<E>) -> ReadError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.read_error_needing(&format!("{service}:{operation}"), service, operation, error)
    }

    /// As [`Self::read_error`], for an operation that needs an IAM action of another name.
    #[must_use]
    pub fn read_error_needing<E>(
        &self,
        action: &str,
        service: &'static str,
        operation: &'static str,
        error: &SdkError<E>,
    ) -> ReadError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        ReadError::of_sdk(service, operation, Some(action), (&self.account_id, &self.region), error)
    }

    /// As [`Self::read_error_needing`], for a call that plans or puts something back: the advice names the policy for
    /// that.
    #[must_use]
    pub fn fix_error<E>(
        &self,
        action: &str,
        service: &'static str,
        operation: &'static str,
        error: &SdkError<E>,
    ) -> ReadError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let place = (&self.account_id, &self.region);
        ReadError::of_call(Purpose::Remediate, service, operation, Some(action), place, error)
    }
}

/// Counts HTTP requests. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct CallCount(Arc<AtomicU64>);

impl CallCount {
    /// Counts one more.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts the resources that nothing declares, where only declared ones are wanted: as far as listings tell them
/// anyway, because no call is spent on them. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Bystanders(Arc<Mutex<Option<u64>>>);

impl Bystanders {
    /// Counts so many more, and notes with that a listing tells of them: with 0, that there were none.
    pub fn add(&self, count: u64) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted = Some(counted.unwrap_or_default() + count);
    }

    /// The count; `None` if no listing told of them.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! AWS as the readers see it: one set of clients per account and region, every call counted, limited and timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::id::{AccountId, Region};

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

/// Why something could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service}:{operation} in {account_id}/{region} {class}{detail}")]
pub struct ReadError {
    /// IAM service prefix: `ec2`.
    pub service: &'static str,
    /// API operation: `DescribeInstances`.
    pub operation: &'static str,
    /// Account asked.
    pub account_id: AccountId,
    /// Region asked.
    pub region: Region,
    /// What went wrong.
    pub class: ErrorClass,
    /// AWS's code, message and request id as `: Code: message (request id …)`; empty if there is none.
    pub detail: String,
}

/// What went wrong with an AWS call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorClass {
    /// Credentials lack a permission, or are not valid at all.
    #[error("was denied")]
    Denied,
    /// AWS asked us to slow down, more often than retries could bear.
    #[error("was throttled")]
    Throttled,
    /// No answer in time.
    #[error("timed out")]
    TimedOut,
    /// AWS failed (5xx), or the connection did.
    #[error("failed at the other end")]
    Unavailable,
    /// The asked-for thing does not exist.
    #[error("found nothing")]
    NotFound,
    /// Anything else: a request that AWS calls malformed, an answer we cannot read.
    #[error("failed")]
    Other,
}

impl ReadError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.class, ErrorClass::Throttled | ErrorClass::TimedOut | ErrorClass::Unavailable)
    }
}

//! The per-bucket calls: one per attribute, with the permission it needs and AWS's words for "there is none".

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::domain::id::Region;

use super::super::{Aws, ReadError};
use super::region::moved_to;
use super::{answers, emulator};

/// How one attribute of a bucket is read.
pub(super) struct Get {
    /// The attribute.
    pub attribute: &'static str,
    /// The IAM action that AWS checks, which is not always the operation's name.
    pub action: &'static str,
    /// Error codes that say that the bucket has none.
    pub absent: &'static [&'static str],
    /// Sends the call, and gives the answer in AWS's JSON form.
    pub send: for<'a> fn(Ask<'a>) -> BoxFuture<'a, Result<Value, Failure>>,
}

/// Whom to ask for what.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub aws: &'a Aws,
    pub client: &'a Client,
    pub bucket: &'a str,
    /// Whether a plan asks, and no scan: the advice to who is refused names the policy for that.
    pub plans: bool,
}

/// A call that brought no value.
pub(super) struct Failure {
    /// AWS's error code.
    pub code: Option<String>,
    /// Where the bucket lives, if AWS says that it is not where it was asked for.
    pub moved_to: Option<Region>,
    /// The error.
    pub error: ReadError,
}

impl Failure {
    fn of<E>(ask: Ask<'_>, operation: &'static str, action: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let told = if ask.plans { Aws::fix_error } else { Aws::read_error_needing };
        Self { code, moved_to: moved_to(error), error: told(ask.aws, action, "s3", operation, error) }
    }

    /// Whether AWS's error code is one of `codes`.
    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

/// One row: attribute, operation, its method and how its answer is read, IAM action, codes for "none".
macro_rules! get {
    ($attribute:literal, $operation:literal, $method:ident, $action:literal, [$($absent:literal),*]) => {
        Get {
            attribute: $attribute,
            action: $action,
            absent: &[$($absent),*],
            send: |ask| {
                Box::pin(async move {
                    let error = match ask.client.$method().bucket(ask.bucket).send().await {
                        Ok(answer) => return Ok(answers::$method(answer)),
                        Err(error) => error,
                    };
                    let stand_in = error.raw_response().and_then(|answer| emulator::answer($operation, answer));
                    stand_in.ok_or_else(|| Failure::of(ask, $operation, $action, &error))
                })
            },
        }
    };
}

/// Every attribute's call.
#[rustfmt::skip] // a table
pub(super) const GETS: &[Get] = &[
    get!("PublicAccessBlock", "GetPublicAccessBlock", get_public_access_block,
        "s3:GetBucketPublicAccessBlock", ["NoSuchPublicAccessBlockConfiguration"]),
    get!("Policy", "GetBucketPolicy", get_bucket_policy,
        "s3:GetBucketPolicy", ["NoSuchBucketPolicy"]),
    get!("Acl", "GetBucketAcl", get_bucket_acl,
        "s3:GetBucketAcl", []),
    get!("OwnershipControls", "GetBucketOwnershipControls", get_bucket_ownership_controls,
        "s3:GetBucketOwnershipControls", ["OwnershipControlsNotFoundError"]),
    get!("Encryption", "GetBucketEncryption", get_bucket_encryption,
        "s3:GetEncryptionConfiguration", ["ServerSideEncryptionConfigurationNotFoundError"]),
    get!("Versioning", "GetBucketVersioning", get_bucket_versioning,
        "s3:GetBucketVersioning", []),
    get!("Logging", "GetBucketLogging", get_bucket_logging,
        "s3:GetBucketLogging", []),
    get!("Lifecycle", "GetBucketLifecycleConfiguration", get_bucket_lifecycle_configuration,
        "s3:GetLifecycleConfiguration", ["NoSuchLifecycleConfiguration"]),
    get!("Cors", "GetBucketCors", get_bucket_cors,
        "s3:GetBucketCORS", ["NoSuchCORSConfiguration"]),
    get!("Website", "GetBucketWebsite", get_bucket_website,
        "s3:GetBucketWebsite", ["NoSuchWebsiteConfiguration"]),
    get!("Replication", "GetBucketReplication", get_bucket_replication,
        "s3:GetReplicationConfiguration", ["ReplicationConfigurationNotFoundError"]),
    get!("ObjectLock", "GetObjectLockConfiguration", get_object_lock_configuration,
        "s3:GetBucketObjectLockConfiguration", ["ObjectLockConfigurationNotFoundError"]),
    get!("Notification", "GetBucketNotificationConfiguration", get_bucket_notification_configuration,
        "s3:GetBucketNotification", []),
    // Where transfer acceleration or requester pays do not exist, asking is refused; there they cannot be on.
    get!("Accelerate", "GetBucketAccelerateConfiguration", get_bucket_accelerate_configuration,
        "s3:GetAccelerateConfiguration", ["MethodNotAllowed", "UnsupportedArgument", "NotImplemented"]),
    get!("RequestPayment", "GetBucketRequestPayment", get_bucket_request_payment,
        "s3:GetBucketRequestPayment", ["MethodNotAllowed", "UnsupportedArgument", "NotImplemented"]),
    get!("Tags", "GetBucketTagging", get_bucket_tagging,
        "s3:GetBucketTagging", ["NoSuchTagSet"]),
];

/// Every IAM action of a scan: the two of the listing, and those of [`GETS`].
pub(super) const SCAN_ACTIONS: &[&str] = &actions();

const fn actions() -> [&'static str; GETS.len() + 2] {
    let mut actions = ["s3:ListAllMyBuckets"; GETS.len() + 2];
    actions[1] = "s3:GetBucketLocation";
    let mut index = 0;
    while index < GETS.len() {
        actions[index + 2] = GETS[index].action;
        index += 1;
    }
    actions
}

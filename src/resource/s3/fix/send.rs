//! The calls that change a bucket: one row per operation, with the IAM actions that it takes and how it is made from
//! the parameters of a step.
//!
//! Every one of them may be repeated: S3 sets or deletes a configuration as a whole. A call goes to the bucket's own
//! region, and follows it once where AWS says that it lies elsewhere.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::RequestId;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;

use crate::domain::id::{Region, ResourceKey};

use super::super::super::aws::SdkError;
use super::super::super::{Aws, FixError, FixStep, Receipt};
use super::super::region::{client_in, moved_to};
use super::input::{self, Fields, Read};

/// AWS's code for "somebody else is changing this configuration right now".
const CONFLICT: &str = "OperationAborted";

/// One operation.
pub(super) struct Operation {
    /// Its name.
    pub name: &'static str,
    /// The IAM actions that AWS checks, whose names are not always the operation's.
    pub actions: &'static [&'static str],
    send: for<'a> fn(To<'a>) -> BoxFuture<'a, Result<Answer, FixError>>,
}

/// Whom to send which step.
#[derive(Clone, Copy)]
struct To<'a> {
    aws: &'a Aws,
    client: &'a Client,
    /// The region that it is sent to, if the bucket may turn out to lie elsewhere.
    here: Option<&'a Region>,
    step: &'a FixStep,
}

/// What came of a call that AWS did not refuse.
enum Answer {
    Done(Receipt),
    /// The bucket lies in this region.
    Moved(Region),
}

/// The operation called `name`.
pub(super) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// Makes the call of a step.
pub(in super::super) async fn call(aws: &Aws, key: &ResourceKey, step: &FixStep) -> Result<Receipt, FixError> {
    let operation = find(step.operation).ok_or_else(|| step.foreign())?;
    let here = &key.scope.region;
    let client = client_in(aws, here);
    match (operation.send)(To { aws, client: &client, here: Some(here), step }).await? {
        Answer::Done(receipt) => Ok(receipt),
        Answer::Moved(actual) => {
            let client = client_in(aws, &actual);
            match (operation.send)(To { aws, client: &client, here: None, step }).await? {
                Answer::Done(receipt) => Ok(receipt),
                Answer::Moved(_) => Err(step.unfit("AWS sends it from region to region")),
            }
        }
    }
}

fn settle<O, E>(to: To<'_>, outcome: Result<O, SdkError<E>>) -> Result<Answer, FixError>
where
    O: RequestId,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let Err(error) = &outcome {
        if let Some(region) = moved_to(error)
            && to.here.is_some_and(|here| *here != region)
        {
            return Ok(Answer::Moved(region));
        }
        if error.code() == Some(CONFLICT) {
            let resource = to.step.parameters["Bucket"].as_str().unwrap_or_default().to_owned();
            let state = "being changed by somebody else".to_owned();
            return Err(FixError::Busy { resource, state, operation: to.step.operation });
        }
    }
    to.step.settle(to.aws, outcome, &[]).map(Answer::Done)
}

/// One row: operation, its method, IAM actions, and what it takes beside the bucket.
macro_rules! operation {
    ($name:literal, $method:ident, [$($action:literal),+] $(, |$fields:ident| $set:ident($value:expr))*) => {
        Operation {
            name: $name,
            actions: &[$($action),+],
            send: |to| {
                let call = || -> Read<_> {
                    let mut fields = Fields::of(String::new(), &to.step.parameters)?;
                    let call = to.client.$method().set_bucket(fields.text("Bucket")?);
                    let call = call.set_expected_bucket_owner(fields.text("ExpectedBucketOwner")?);
                    $(let $fields = &mut fields; let call = call.$set($value?);)*
                    fields.end()?;
                    Ok(call)
                };
                let call = call();
                Box::pin(async move {
                    let call = call.map_err(|reason| to.step.unfit(reason))?;
                    settle(to, call.send().await)
                })
            },
        }
    };
}

/// Every operation.
#[rustfmt::skip] // a table
const OPERATIONS: &[Operation] = &[
    operation!("PutPublicAccessBlock", put_public_access_block, ["s3:PutBucketPublicAccessBlock"],
        |f| set_public_access_block_configuration(f.part("PublicAccessBlockConfiguration", input::public_access_block))),
    operation!("DeletePublicAccessBlock", delete_public_access_block, ["s3:PutBucketPublicAccessBlock"]),
    operation!("PutBucketPolicy", put_bucket_policy, ["s3:PutBucketPolicy"], |f| set_policy(f.text("Policy"))),
    operation!("DeleteBucketPolicy", delete_bucket_policy, ["s3:DeleteBucketPolicy"]),
    operation!("PutBucketAcl", put_bucket_acl, ["s3:PutBucketAcl"],
        |f| set_access_control_policy(f.part("AccessControlPolicy", input::acl))),
    operation!("PutBucketOwnershipControls", put_bucket_ownership_controls, ["s3:PutBucketOwnershipControls"],
        |f| set_ownership_controls(f.part("OwnershipControls", input::ownership))),
    operation!("DeleteBucketOwnershipControls", delete_bucket_ownership_controls, ["s3:PutBucketOwnershipControls"]),
    operation!("PutBucketEncryption", put_bucket_encryption, ["s3:PutEncryptionConfiguration"],
        |f| set_server_side_encryption_configuration(f.part("ServerSideEncryptionConfiguration", input::encryption))),
    operation!("PutBucketVersioning", put_bucket_versioning, ["s3:PutBucketVersioning"],
        |f| set_versioning_configuration(f.part("VersioningConfiguration", input::versioning))),
    operation!("PutBucketLogging", put_bucket_logging, ["s3:PutBucketLogging"],
        |f| set_bucket_logging_status(f.part("BucketLoggingStatus", input::logging))),
    operation!("PutBucketLifecycleConfiguration", put_bucket_lifecycle_configuration, ["s3:PutLifecycleConfiguration"],
        |f| set_lifecycle_configuration(f.part("LifecycleConfiguration", input::lifecycle)),
        |f| set_transition_default_minimum_object_size(f.word("TransitionDefaultMinimumObjectSize"))),
    operation!("DeleteBucketLifecycle", delete_bucket_lifecycle, ["s3:PutLifecycleConfiguration"]),
    operation!("PutBucketCors", put_bucket_cors, ["s3:PutBucketCORS"],
        |f| set_cors_configuration(f.part("CORSConfiguration", input::cors))),
    operation!("DeleteBucketCors", delete_bucket_cors, ["s3:PutBucketCORS"]),
    operation!("PutBucketWebsite", put_bucket_website, ["s3:PutBucketWebsite"],
        |f| set_website_configuration(f.part("WebsiteConfiguration", input::website))),
    operation!("DeleteBucketWebsite", delete_bucket_website, ["s3:DeleteBucketWebsite"]),
    // AWS checks that the caller may hand the replication's role over to S3.
    operation!("PutBucketReplication", put_bucket_replication, ["s3:PutReplicationConfiguration", "iam:PassRole"],
        |f| set_replication_configuration(f.part("ReplicationConfiguration", input::replication))),
    operation!("DeleteBucketReplication", delete_bucket_replication, ["s3:PutReplicationConfiguration"]),
    operation!("PutObjectLockConfiguration", put_object_lock_configuration, ["s3:PutBucketObjectLockConfiguration"],
        |f| set_object_lock_configuration(f.part("ObjectLockConfiguration", input::object_lock))),
    operation!("PutBucketNotificationConfiguration", put_bucket_notification_configuration,
        ["s3:PutBucketNotification"],
        |f| set_notification_configuration(f.part("NotificationConfiguration", input::notification))),
    operation!("PutBucketAccelerateConfiguration", put_bucket_accelerate_configuration,
        ["s3:PutAccelerateConfiguration"],
        |f| set_accelerate_configuration(f.part("AccelerateConfiguration", input::accelerate))),
    operation!("PutBucketRequestPayment", put_bucket_request_payment, ["s3:PutBucketRequestPayment"],
        |f| set_request_payment_configuration(f.part("RequestPaymentConfiguration", input::request_payment))),
    operation!("PutBucketTagging", put_bucket_tagging, ["s3:PutBucketTagging"],
        |f| set_tagging(f.part("Tagging", input::tagging))),
    operation!("DeleteBucketTagging", delete_bucket_tagging, ["s3:PutBucketTagging"]),
];

/// Every IAM action of [`OPERATIONS`], each once.
pub(in super::super) const ACTIONS: &[&str] = &[
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketOwnershipControls",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutBucketLogging",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketCORS",
    "s3:PutBucketWebsite",
    "s3:DeleteBucketWebsite",
    "s3:PutReplicationConfiguration",
    "iam:PassRole",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketNotification",
    "s3:PutAccelerateConfiguration",
    "s3:PutBucketRequestPayment",
    "s3:PutBucketTagging",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_actions_are_those_of_the_operations_each_once() {
        let taken: BTreeSet<&str> = OPERATIONS.iter().flat_map(|operation| operation.actions).copied().collect();
        assert_eq!(ACTIONS.iter().copied().collect::<BTreeSet<_>>(), taken);
        assert_eq!(ACTIONS.len(), taken.len());
    }
}

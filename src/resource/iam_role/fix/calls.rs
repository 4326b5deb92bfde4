//! The calls that change a role: their parameters as IAM names them, and the call made from these alone.

use aws_sdk_iam::operation::RequestId;
use aws_sdk_iam::types::Tag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::text;
use crate::resource::Aws;
use crate::resource::aws::SdkError;
use crate::resource::fix::tags::{TagChanges, listed};
use crate::resource::fix::{FixError, FixStep, Receipt};

const SERVICE: &str = "iam";
const ATTACH: &str = "AttachRolePolicy";
const DELETE_BOUNDARY: &str = "DeleteRolePermissionsBoundary";
const DELETE_INLINE: &str = "DeleteRolePolicy";
const DETACH: &str = "DetachRolePolicy";
const PUT_BOUNDARY: &str = "PutRolePermissionsBoundary";
const PUT_INLINE: &str = "PutRolePolicy";
const SET_TRUST: &str = "UpdateAssumeRolePolicy";
const TAG: &str = "TagRole";
const UNTAG: &str = "UntagRole";
const UPDATE: &str = "UpdateRole";

/// Defines the parameters of an operation: fields are written as IAM names them, and none is unknown.
macro_rules! parameters {
    ($($name:ident { $($field:ident: $kind:ty),+ $(,)? })+) => {$(
        #[derive(Debug, Serialize, Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        struct $name { $($field: $kind),+ }
    )+};
}

parameters! {
    Attachment { role_name: String, policy_arn: String }
    Boundary { role_name: String, permissions_boundary: String }
    Embedded { role_name: String, policy_name: String, policy_document: String }
    EmbeddedName { role_name: String, policy_name: String }
    Role { role_name: String }
    Settings { role_name: String, description: String, max_session_duration: i32 }
    TagKeys { role_name: String, tag_keys: Vec<String> }
    TagPair { key: String, value: String }
    Tags { role_name: String, tags: Vec<TagPair> }
    Trust { role_name: String, policy_document: String }
}

pub(super) fn attach(role: &str, arn: &str) -> FixStep {
    let parameters = Attachment { role_name: role.to_owned(), policy_arn: arn.to_owned() };
    FixStep::new(SERVICE, ATTACH, &["iam:AttachRolePolicy"], &parameters)
}

pub(super) fn detach(role: &str, arn: &str) -> FixStep {
    let parameters = Attachment { role_name: role.to_owned(), policy_arn: arn.to_owned() };
    FixStep::new(SERVICE, DETACH, &["iam:DetachRolePolicy"], &parameters)
}

pub(super) fn put_inline(role: &str, name: &str, document: &Value) -> FixStep {
    let (role_name, policy_name, policy_document) = (role.to_owned(), name.to_owned(), text(document));
    let parameters = Embedded { role_name, policy_name, policy_document };
    FixStep::new(SERVICE, PUT_INLINE, &["iam:PutRolePolicy"], &parameters)
}

pub(super) fn delete_inline(role: &str, name: &str) -> FixStep {
    let parameters = EmbeddedName { role_name: role.to_owned(), policy_name: name.to_owned() };
    FixStep::new(SERVICE, DELETE_INLINE, &["iam:DeleteRolePolicy"], &parameters)
}

pub(super) fn put_boundary(role: &str, arn: &str) -> FixStep {
    let parameters = Boundary { role_name: role.to_owned(), permissions_boundary: arn.to_owned() };
    FixStep::new(SERVICE, PUT_BOUNDARY, &["iam:PutRolePermissionsBoundary"], &parameters)
}

pub(super) fn delete_boundary(role: &str) -> FixStep {
    let parameters = Role { role_name: role.to_owned() };
    FixStep::new(SERVICE, DELETE_BOUNDARY, &["iam:DeleteRolePermissionsBoundary"], &parameters)
}

pub(super) fn set_trust(role: &str, document: &Value) -> FixStep {
    let parameters = Trust { role_name: role.to_owned(), policy_document: text(document) };
    FixStep::new(SERVICE, SET_TRUST, &["iam:UpdateAssumeRolePolicy"], &parameters)
}

/// Both settings, always: IAM resets what is left out. The longest session is in seconds.
pub(super) fn update_role(role: &str, description: &str, max_session: i64) -> FixStep {
    let parameters = Settings {
        role_name: role.to_owned(),
        description: description.to_owned(),
        max_session_duration: i32::try_from(max_session).unwrap_or(i32::MAX),
    };
    FixStep::new(SERVICE, UPDATE, &["iam:UpdateRole"], &parameters)
}

pub(super) fn tag_role(role: &str, changes: &TagChanges) -> FixStep {
    let pair = |(key, value): (&String, &String)| TagPair { key: key.clone(), value: value.clone() };
    let parameters = Tags { role_name: role.to_owned(), tags: changes.set.iter().map(pair).collect() };
    let step = FixStep::new(SERVICE, TAG, &["iam:TagRole"], &parameters);
    step.restoring(changes.set_pointers()).saying(format!("set the tags {}", listed(&changes.set)))
}

pub(super) fn untag_role(role: &str, changes: &TagChanges) -> FixStep {
    let parameters = TagKeys { role_name: role.to_owned(), tag_keys: changes.remove.keys().cloned().collect() };
    let step = FixStep::new(SERVICE, UNTAG, &["iam:UntagRole"], &parameters);
    step.restoring(changes.removed_pointers()).saying(format!("delete the tags {}", listed(&changes.remove)))
}

/// Makes the call of one step.
pub(in crate::resource::iam_role) async fn call(aws: &Aws, step: &FixStep) -> Result<Receipt, FixError> {
    match step.operation {
        ATTACH | DETACH | PUT_INLINE | DELETE_INLINE => call_policy(aws, step).await,
        PUT_BOUNDARY | DELETE_BOUNDARY | SET_TRUST => call_limits(aws, step).await,
        UPDATE | TAG | UNTAG => call_settings(aws, step).await,
        _ => Err(step.foreign()),
    }
}

/// What the role may do.
async fn call_policy(aws: &Aws, step: &FixStep) -> Result<Receipt, FixError> {
    let iam = &aws.iam;
    match step.operation {
        ATTACH => {
            let Attachment { role_name, policy_arn } = step.read_parameters()?;
            step.settle(aws, iam.attach_role_policy().role_name(role_name).policy_arn(policy_arn).send().await, &[])
        }
        DETACH => {
            let Attachment { role_name, policy_arn } = step.read_parameters()?;
            settle_removal(aws, step, iam.detach_role_policy().role_name(role_name).policy_arn(policy_arn).send().await)
        }
        PUT_INLINE => {
            let Embedded { role_name, policy_name, policy_document } = step.read_parameters()?;
            let call = iam.put_role_policy().role_name(role_name).policy_name(policy_name);
            step.settle(aws, call.policy_document(policy_document).send().await, &[])
        }
        _ => {
            let EmbeddedName { role_name, policy_name } = step.read_parameters()?;
            let call = iam.delete_role_policy().role_name(role_name).policy_name(policy_name);
            settle_removal(aws, step, call.send().await)
        }
    }
}

/// Who may be the role, and what bounds it.
async fn call_limits(aws: &Aws, step: &FixStep) -> Result<Receipt, FixError> {
    let iam = &aws.iam;
    match step.operation {
        PUT_BOUNDARY => {
            let Boundary { role_name, permissions_boundary } = step.read_parameters()?;
            let call = iam.put_role_permissions_boundary().role_name(role_name);
            step.settle(aws, call.permissions_boundary(permissions_boundary).send().await, &[])
        }
        DELETE_BOUNDARY => {
            let Role { role_name } = step.read_parameters()?;
            settle_removal(aws, step, iam.delete_role_permissions_boundary().role_name(role_name).send().await)
        }
        _ => {
            let Trust { role_name, policy_document } = step.read_parameters()?;
            let call = iam.update_assume_role_policy().role_name(role_name).policy_document(policy_document);
            step.settle(aws, call.send().await, &[])
        }
    }
}

/// What is about no access.
async fn call_settings(aws: &Aws, step: &FixStep) -> Result<Receipt, FixError> {
    let iam = &aws.iam;
    match step.operation {
        UPDATE => {
            let Settings { role_name, description, max_session_duration } = step.read_parameters()?;
            let call = iam.update_role().role_name(role_name).description(description);
            step.settle(aws, call.max_session_duration(max_session_duration).send().await, &[])
        }
        TAG => {
            let Tags { role_name, tags } = step.read_parameters()?;
            let tag = |pair: TagPair| Tag::builder().key(pair.key).value(pair.value).build();
            let tags = tags.into_iter().map(tag).collect::<Result<Vec<_>, _>>().map_err(|error| step.unfit(error))?;
            step.settle(aws, iam.tag_role().role_name(role_name).set_tags(Some(tags)).send().await, &[])
        }
        _ => {
            let TagKeys { role_name, tag_keys } = step.read_parameters()?;
            step.settle(aws, iam.untag_role().role_name(role_name).set_tag_keys(Some(tag_keys)).send().await, &[])
        }
    }
}

/// What became of a call that takes something away. IAM answers with one code whether that or the role itself is not
/// there: a role that is gone is no success.
fn settle_removal<O, E>(aws: &Aws, step: &FixStep, outcome: Result<O, SdkError<E>>) -> Result<Receipt, FixError>
where
    O: RequestId,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let message = outcome.as_ref().err().and_then(ProvideErrorMetadata::message).unwrap_or_default();
    let is_role_gone = ["The role with name", "Role "].iter().any(|beginning| message.starts_with(beginning));
    step.settle(aws, outcome, if is_role_gone { &[] } else { &["NoSuchEntity"] })
}

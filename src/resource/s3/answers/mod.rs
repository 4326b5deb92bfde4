//! The SDK's answers in AWS's own JSON form, the one that `aws s3api` prints. One function per call, named as it.
//!
//! Nothing is judged or filled in here: fields that AWS did not send stay away, and [`super::shape`] does the rest.
#![allow(clippy::needless_pass_by_value, reason = "the table of calls hands every answer over alike")]

mod access;
mod delivery;
mod retention;

use aws_sdk_s3::types::Tag;
use serde_json::{Map, Value};

pub(super) use access::{
    get_bucket_acl, get_bucket_encryption, get_bucket_logging, get_bucket_ownership_controls, get_bucket_policy,
    get_bucket_request_payment, get_bucket_tagging, get_public_access_block,
};
pub(super) use delivery::{
    get_bucket_accelerate_configuration, get_bucket_cors, get_bucket_notification_configuration,
    get_bucket_replication, get_bucket_website,
};
pub(super) use retention::{get_bucket_lifecycle_configuration, get_bucket_versioning, get_object_lock_configuration};

/// An object of the fields that are there.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let present = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(present.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// A list, each item made by `make`; null if AWS sent none.
fn list<T>(items: Option<Vec<T>>, make: impl Fn(T) -> Value) -> Value {
    items.map(|items| items.into_iter().map(make).collect::<Vec<Value>>()).into()
}

/// An optional part, made by `make`; null if AWS sent none.
fn part<T>(part: Option<T>, make: impl Fn(T) -> Value) -> Value {
    part.map_or(Value::Null, make)
}

/// A word of one of the SDK's enumerations; null if AWS sent none.
macro_rules! word {
    ($word:expr) => {
        $word.as_ref().map(|word| word.as_str()).into()
    };
}
use word;

fn tag(tag: Tag) -> Value {
    object([("Key", tag.key.into()), ("Value", tag.value.into())])
}

//! What only a call per instance and attribute tells: termination and stop protection, shutdown behaviour, user data.
//!
//! User data may hold secrets: only a hash of it leaves this file.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_ec2::operation::describe_instance_attribute::DescribeInstanceAttributeOutput;
use aws_sdk_ec2::types::{AttributeBooleanValue, AttributeValue, InstanceAttributeName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::attributes::{API_STOP, API_TERMINATION, ATTRIBUTES, SHA1, SHUTDOWN_BEHAVIOR, USER_DATA, USER_DATA_BY_SHA1};
use crate::domain::schema;
use crate::resource::aws::ErrorClass;
use crate::resource::{Aws, Live, ReadRequest, Reason};

/// An attribute and how AWS calls it.
type Asked = (&'static str, fn() -> InstanceAttributeName);

const ASKED: [Asked; 4] = [
    (API_STOP, || InstanceAttributeName::DisableApiStop),
    (API_TERMINATION, || InstanceAttributeName::DisableApiTermination),
    (SHUTDOWN_BEHAVIOR, || InstanceAttributeName::InstanceInitiatedShutdownBehavior),
    (USER_DATA, || InstanceAttributeName::UserData),
];

/// Reads the deep attributes of one scan.
#[derive(Debug)]
pub(super) struct DeepReader<'a> {
    aws: &'a Aws,
    request: &'a ReadRequest,
    /// Attributes that the credentials may not read, and AWS's words: nobody is asked twice.
    denied: Mutex<BTreeMap<&'static str, Reason>>,
}

impl<'a> DeepReader<'a> {
    pub(super) fn new(aws: &'a Aws, request: &'a ReadRequest) -> Self {
        Self { aws, request, denied: Mutex::default() }
    }

    /// Adds the deep attributes that are wanted of `live`.
    pub(super) async fn complete(&self, mut live: Live) -> Live {
        for (name, asked) in ASKED {
            let Some(attribute) = schema::find(ATTRIBUTES, name) else { continue };
            if !self.request.wants_attribute(&live.resource_id, attribute) {
                continue;
            }
            match self.ask(&live.resource_id, name, asked()).await {
                Ok(value) => live.state.set(name, value),
                Err(reason) => drop(live.unknown.insert(name.to_owned(), reason)),
            }
        }
        super::canonical::normalize(&mut live.state);
        live
    }

    /// How the user data of an instance is to be known.
    fn hash_for(&self, id: &str) -> Hash {
        let names = self.request.declared.get(id);
        if names.is_some_and(|names| names.contains(USER_DATA_BY_SHA1)) { Hash::Sha1 } else { Hash::Sha256 }
    }

    async fn ask(&self, id: &str, name: &'static str, asked: InstanceAttributeName) -> Result<Value, Reason> {
        if let Some(reason) = self.denied.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Err(reason.clone());
        }
        let answer = self.aws.ec2.describe_instance_attribute().instance_id(id).attribute(asked).send().await;
        let answer = answer.map_err(|error| self.aws.read_error("ec2", "DescribeInstanceAttribute", &error));
        match answer {
            Ok(answer) => value_of(name, &answer, self.hash_for(id)).map_err(Reason::from),
            Err(error) => {
                let reason = Reason::from(&error);
                if error.class == ErrorClass::Denied {
                    let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
                    denied.insert(name, reason.clone());
                }
                Err(reason)
            }
        }
    }
}

/// The value of the attribute `name` in an answer; `null` takes the attribute's default.
fn value_of(name: &str, answer: &DescribeInstanceAttributeOutput, hash: Hash) -> Result<Value, String> {
    let flag = |value: Option<&AttributeBooleanValue>| value.and_then(AttributeBooleanValue::value).into();
    let value = match name {
        API_STOP => flag(answer.disable_api_stop()),
        API_TERMINATION => flag(answer.disable_api_termination()),
        SHUTDOWN_BEHAVIOR => text(answer.instance_initiated_shutdown_behavior()).into(),
        _ => hash_of(text(answer.user_data()).unwrap_or_default(), hash)?,
    };
    Ok(value)
}

fn text(value: Option<&AttributeValue>) -> Option<&str> {
    value.and_then(AttributeValue::value)
}

/// How user data is known: by SHA-256, unless a declaration knows its SHA-1 alone (Terraform before provider 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha256,
}

/// The hash of Base64-coded user data; `null` if there is none.
fn hash_of(user_data: &str, hash: Hash) -> Result<Value, String> {
    let text: String = user_data.split_ascii_whitespace().collect();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(match hash {
            Hash::Sha1 => format!("{SHA1}{}", hex::encode(Sha1::digest(bytes))).into(),
            Hash::Sha256 => hex::encode(Sha256::digest(bytes)).into(),
        }),
        Err(_) => Err("the user data in AWS's answer is not Base64".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn user_data_is_known_by_its_hash_alone() {
        let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(hash_of("aGVsbG8=", Hash::Sha256), Ok(json!(hello)));
        assert_eq!(hash_of("aGVs\nbG8=\n", Hash::Sha256), Ok(json!(hello)));
        assert_eq!(hash_of("", Hash::Sha256), Ok(Value::Null));
        let by_sha1 = json!("sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
        assert_eq!(hash_of("aGVsbG8=", Hash::Sha1), Ok(by_sha1));
        assert!(hash_of("?", Hash::Sha256).is_err());
    }
}

//! What a plan needs to know of a bucket beyond the two states: the drifted attributes with nothing left out, those on
//! which their calls depend, and what must be carried over although nobody declares it.
//!
//! Only reads, and only such as a scan may make.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::id::Region;
use crate::domain::state::ResourceState;

use super::super::super::{Aws, FixError, FixRequest, ReadError};
use super::super::align;
use super::super::gets::{Ask, Failure, GETS, Get};
use super::super::region::client_in;
use super::form::RESTORES;

/// A bucket as a plan sees it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its live attributes as far as they matter: canonical, entries without ID keyed as in the declaration, but with
    /// every field that AWS told.
    pub state: ResourceState,
    /// The canonical user id of the bucket's owner, if the ACL matters.
    pub owner: Option<String>,
    /// Tags that AWS set itself, if tags matter: it refuses to have them removed.
    pub aws_tags: BTreeMap<String, String>,
    /// What AWS takes for too small to be moved by lifecycle rules, if these matter.
    pub minimum_size: Option<String>,
}

/// The attributes that a plan must see: what drifted, and what that depends on.
pub(super) fn needed(changed: &BTreeSet<String>) -> BTreeSet<&'static str> {
    let drifted = RESTORES.iter().filter(|restore| changed.contains(restore.attribute));
    drifted.flat_map(|restore| restore.context.iter().chain([&restore.attribute])).copied().collect()
}

/// Reads what the plan must see.
pub(super) async fn read(aws: &Aws, request: &FixRequest<'_>) -> Result<Seen, FixError> {
    let changed: BTreeSet<String> = request.changes.iter().map(super::super::super::Change::attribute).collect();
    let needed = needed(&changed);
    let mut asking = Asking { aws, bucket: &request.key.resource_id, region: request.key.scope.region.clone() };
    let mut seen = Seen::default();
    for get in GETS.iter().filter(|get| needed.contains(get.attribute)) {
        let value = asking.get(get).await?;
        seen.note(get.attribute, value);
    }
    if changed.contains("Lifecycle") && seen.state.get("Lifecycle").is_some_and(|rules| !rules.is_null()) {
        seen.minimum_size = asking.minimum_size().await?;
    }
    super::super::canonical(&mut seen.state);
    align::pair(request.expected, &mut seen.state);
    Ok(seen)
}

impl Seen {
    /// Notes an answer in AWS's form, and what canonical form would drop of it.
    fn note(&mut self, attribute: &str, value: Value) {
        match attribute {
            "Acl" => self.owner = value.pointer("/Owner/ID").and_then(Value::as_str).map(str::to_owned),
            "Tags" => self.aws_tags = aws_tags(&value),
            _ => {}
        }
        self.state.set(attribute, value);
    }
}

fn aws_tags(tags: &Value) -> BTreeMap<String, String> {
    let text = |tag: &Value, field: &str| tag.get(field).and_then(Value::as_str).map(str::to_owned);
    let pairs = tags.as_array().into_iter().flatten().filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?)));
    pairs.filter(|(key, _)| key.starts_with("aws:")).collect()
}

/// One bucket, asked where it lies.
struct Asking<'a> {
    aws: &'a Aws,
    bucket: &'a str,
    region: Region,
}

impl Asking<'_> {
    /// AWS's form of an attribute; null if there is none.
    async fn get(&mut self, get: &Get) -> Result<Value, ReadError> {
        let answer = match self.send(get).await {
            Err(Failure { moved_to: Some(actual), .. }) if actual != self.region => {
                self.region = actual;
                self.send(get).await
            }
            answer => answer,
        };
        match answer {
            Err(failure) if failure.is(get.absent) => Ok(Value::Null),
            answer => answer.map_err(|failure| failure.error),
        }
    }

    async fn send(&self, get: &Get) -> Result<Value, Failure> {
        let client = client_in(self.aws, &self.region);
        (get.send)(Ask { aws: self.aws, client: &client, bucket: self.bucket, plans: true }).await
    }

    /// A header of the answer that holds the rules; it is no part of the rules' canonical form.
    async fn minimum_size(&self) -> Result<Option<String>, ReadError> {
        const OPERATION: &str = "GetBucketLifecycleConfiguration";
        let client = client_in(self.aws, &self.region);
        let answer = client.get_bucket_lifecycle_configuration().bucket(self.bucket).send().await;
        let answer =
            answer.map_err(|error| self.aws.fix_error("s3:GetLifecycleConfiguration", "s3", OPERATION, &error))?;
        Ok(answer.transition_default_minimum_object_size().map(|size| size.as_str().to_owned()))
    }
}

//! `aws_s3_bucket` and the resources that each say one attribute of a bucket.
//!
//! Provider 2 and 3 keep everything in `aws_s3_bucket`. From provider 4 on each attribute has a resource of its own, and
//! what the bucket still holds inline is "computed": what AWS had when the state was last refreshed, whoever set it. It
//! is stale beside a resource of its own, and declared by nobody without one. So:
//! - a resource of its own always wins;
//! - without one, the inline attributes of provider 2 and 3 count, where an absent block means "none";
//! - the inline copies of provider 4 and later declare nothing, even those few that somebody wrote inline: a state does
//!   not tell them from copies, and a copy reported as drift is a false alarm.
//!
//! A state tells the two apart by the bucket's attribute `object_lock_enabled`, which came with provider 4
//! ([`bucket`]); `schema_version` is 0 in all of them.
//!
//! Never compared: what only Terraform knows (`force_destroy`, `expected_bucket_owner`, `mfa`, `token`), what AWS
//! derives from the name, and `transition_default_minimum_object_size`, which our bucket state does not hold.

mod access;
mod bucket;
mod delivery;
mod lifecycle;
mod replication;
mod retention;
#[cfg(test)]
mod tests;
mod website;

use super::block::Block;
use super::instance::Instance;
use super::mapping::{Mapping, Role, TerraformType};

pub(super) use access::TYPES as ACCESS;
pub(super) use bucket::TYPES as BUCKET;
pub(super) use delivery::TYPES as DELIVERY;
pub(super) use retention::TYPES as RETENTION;

const S3: &str = "S3";

/// How the names of directory buckets end, which are another resource type of AWS.
const DIRECTORY_BUCKET: &str = "--x-s3";

/// A resource of its own for some attributes of a bucket.
const fn aspect(name: &'static str, mappings: &'static [Mapping]) -> TerraformType {
    TerraformType { name, resource_type: S3, role: Role::Aspect, subjects: bucket_name, mappings }
}

/// The bucket's name: `bucket`, else the id, which may go on with the owner (`assets,123456789012`).
fn bucket_name(instance: &Instance) -> Vec<String> {
    let attributes = Block::of(&instance.attributes);
    let name = attributes.text("bucket").or_else(|| attributes.text("id")?.split(',').next());
    let watched = name.filter(|name| !name.ends_with(DIRECTORY_BUCKET) && !name.starts_with("arn:"));
    watched.map(str::to_owned).into_iter().collect()
}

/// The attributes of an instance.
fn attributes(instance: &Instance) -> Block<'_> {
    Block::of(&instance.attributes)
}

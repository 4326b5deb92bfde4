//! S3 buckets: one listing, then only the per-bucket reads that the declared attributes need.
//!
//! A scan of N declared buckets costs one `ListBuckets` per 2,000 buckets of the account and one call per declared
//! attribute and bucket; a bucket that nothing declares costs none. "There is no such configuration" is an answer, a
//! refused or failed read is *unknown*: neither is ever taken for the other.

mod acl;
mod align;
mod answers;
mod attributes;
mod check;
pub(crate) mod cors;
mod emulator;
mod example;
mod fix;
mod gets;
mod list;
mod read;
mod region;
mod rules;
mod severity;
mod shape;
#[cfg(test)]
mod tests;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use serde_json::Value;

use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::id::{Region, ResourceKey};
use crate::domain::schema::{self, Attribute, StateProblem};
use crate::domain::state::ResourceState;

use super::{Aws, FixError, FixPlan, FixRequest, FixStep, Live, ReadError, ReadRequest, Receipt, ResourceType};

/// S3 buckets, keyed by name.
#[derive(Debug)]
pub(super) struct S3;

/// Why a bucket's monthly cost is unknown.
const USAGE: &str = "S3 bills what is stored and asked, which the configuration does not tell";

impl ResourceType for S3 {
    fn name(&self) -> &'static str {
        "S3"
    }

    fn region_may_be_open(&self) -> bool {
        true
    }

    fn id_form(&self) -> &'static str {
        "bucket name (assets.example.com)"
    }

    fn scan_actions(&self) -> &'static [&'static str] {
        gets::SCAN_ACTIONS
    }

    fn attributes(&self) -> &'static [Attribute] {
        attributes::ATTRIBUTES
    }

    fn read<'a>(&'a self, aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
        read::buckets(aws, request).boxed()
    }

    fn check(&self, state: &ResourceState) -> Vec<StateProblem> {
        check::check(state)
    }

    fn normalize(&self, state: &mut ResourceState) {
        canonical(state);
    }

    fn align(&self, declared: &ResourceState, live: &mut ResourceState) {
        align::align(declared, live);
    }

    fn monthly_cost(&self, _state: &ResourceState, region: &Region, _prices: &Prices) -> MonthlyCost {
        let mut cost = MonthlyCost::default();
        cost.push_unknown("storage and requests", region.as_str(), USAGE);
        cost
    }

    fn usage_priced(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("Accelerate", "accelerated transfer is billed by the gigabyte"),
            ("Encryption", "KMS requests are billed by number"),
            ("Lifecycle", "rules change how much is stored, for how long and in which class"),
            ("Logging", "log objects are stored and billed"),
            ("Notification", "the receiving services bill each event"),
            ("ObjectLock", "locked versions are stored until their retention ends"),
            ("Replication", "replicas are stored, transferred and requested"),
            ("RequestPayment", "it decides who pays for requests and transfer"),
            ("Versioning", "old versions are stored and billed"),
        ]
    }

    fn fix_actions(&self) -> &'static [&'static str] {
        fix::ACTIONS
    }

    fn plan_fix<'a>(&'a self, aws: &'a Aws, request: FixRequest<'a>) -> BoxFuture<'a, Result<FixPlan, FixError>> {
        Box::pin(fix::plan(aws, request))
    }

    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        key: &'a ResourceKey,
        step: &'a FixStep,
    ) -> BoxFuture<'a, Result<Receipt, FixError>> {
        Box::pin(fix::call(aws, key, step))
    }

    fn example(&self) -> ResourceState {
        example::state()
    }
}

/// Brings a state to canonical form. Idempotent.
fn canonical(state: &mut ResourceState) {
    shape::reshape(state);
    schema::normalize(attributes::ATTRIBUTES, state);
    // Only whole rules have a certain order.
    if let Some(Value::Array(rules)) = state.get_mut("Cors") {
        cors::sort(rules);
    }
}

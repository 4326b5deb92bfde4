//! EC2 instances with their volumes.
//!
//! Two listings tell nearly everything; what only a call per instance tells is read where it is declared. An instance
//! that is terminated or about to be counts as gone, although AWS lists it for another hour.

mod attributes;
mod canonical;
pub(super) mod cost;
mod deep;
mod fix;
mod read;
mod volumes;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;

use super::{Aws, Called, FixError, FixPlan, FixRequest, FixStep, Live, ReadError, ReadRequest, Receipt, ResourceType};
use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::id::{Region, ResourceKey};
use crate::domain::schema::{self, Attribute, StateProblem};
use crate::domain::state::ResourceState;

/// The EC2 instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ec2;

impl ResourceType for Ec2 {
    fn name(&self) -> &'static str {
        "EC2"
    }

    fn id_form(&self) -> &'static str {
        "instance id (i-0123456789abcdef0)"
    }

    fn scan_actions(&self) -> &'static [&'static str] {
        &[
            "ec2:DescribeInstances",
            "ec2:DescribeVolumes",
            "ec2:DescribeInstanceCreditSpecifications",
            "ec2:DescribeInstanceAttribute",
        ]
    }

    fn attributes(&self) -> &'static [Attribute] {
        attributes::ATTRIBUTES
    }

    fn read<'a>(&'a self, aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
        read::read(aws, request)
    }

    fn check(&self, state: &ResourceState) -> Vec<StateProblem> {
        canonical::check(state)
    }

    fn normalize(&self, state: &mut ResourceState) {
        canonical::normalize(state);
    }

    fn read_marks(&self, declared: &ResourceState) -> &'static [&'static str] {
        let user_data = declared.get(attributes::USER_DATA).and_then(Value::as_str).unwrap_or_default();
        if user_data.starts_with(attributes::SHA1) { &[attributes::USER_DATA_BY_SHA1] } else { &[] }
    }

    fn align(&self, declared: &ResourceState, live: &mut ResourceState) {
        schema::align(attributes::ATTRIBUTES, declared, live);
        volumes::align_keys(declared, live);
    }

    fn incomparable(&self, declared: &ResourceState, live: &ResourceState) -> Vec<(String, String)> {
        volumes::incomparable_keys(declared, live)
    }

    fn monthly_cost(&self, state: &ResourceState, region: &Region, prices: &Prices) -> MonthlyCost {
        cost::monthly_cost(state, region, prices)
    }

    fn usage_priced(&self) -> &'static [(&'static str, &'static str)] {
        &[(attributes::CREDIT_SPECIFICATION, "CPU credits are billed by use")]
    }

    fn fix_actions(&self) -> &'static [&'static str] {
        fix::ACTIONS
    }

    fn plan_fix<'a>(&'a self, aws: &'a Aws, request: FixRequest<'a>) -> BoxFuture<'a, Result<FixPlan, FixError>> {
        Box::pin(fix::plan_fix(aws, request))
    }

    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        key: &'a ResourceKey,
        step: &'a FixStep,
    ) -> BoxFuture<'a, Result<Receipt, FixError>> {
        Box::pin(fix::call(aws, key, step))
    }

    fn owed(&self, key: &ResourceKey, called: &[Called<'_>]) -> Vec<FixStep> {
        fix::owed(key, called)
    }

    fn example(&self) -> ResourceState {
        attributes::example()
    }
}

//! Putting resources back: for each attribute of each type one way to drift, made through the AWS API, planned, carried
//! out call by call, and read again.
//!
//! Each type has a file here that creates a resource with every attribute set and lists its rows. A row says what
//! becomes of one drift: which calls put it back, or that it is left to people, or why the emulator cannot show it.

mod ec2;
mod ec2_calls;
mod iam_role;
mod rds;
mod rds_calls;
mod s3;
mod security_group;

use std::collections::BTreeSet;

use driftsentry::domain::diff::Change;
use driftsentry::domain::id::{ResourceKey, Scope};
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::{Aws, FixPlan, FixRequest, FixStep, ResourceType, changes_of};

use crate::mutation::Act;
use crate::single_changes::{kind, whole_state};
use crate::support::{Proxy, World};

/// One drift of one attribute and what becomes of it.
pub struct Row {
    attribute: &'static str,
    what: &'static str,
    fate: Fate,
}

enum Fate {
    /// These calls, in this order, put it back after the act.
    PutBack { act: Act, operations: &'static [&'static str] },
    /// No call puts it back. The declaration is what changes, because the emulator does not change it live.
    ByHand { declare: Box<dyn Fn(&mut ResourceState) + Send + Sync> },
    /// The emulator cannot show it, for this reason; a unit test of the planner has it.
    NotShown,
}

impl Row {
    /// After `act`, the calls of these operations put the attribute back.
    pub fn put_back(
        attribute: &'static str,
        what: &'static str,
        act: Act,
        operations: &'static [&'static str],
    ) -> Self {
        Self { attribute, what, fate: Fate::PutBack { act, operations } }
    }

    /// What differs once the declaration is changed so is left to people.
    pub fn by_hand(
        attribute: &'static str,
        what: &'static str,
        declare: impl Fn(&mut ResourceState) + Send + Sync + 'static,
    ) -> Self {
        Self { attribute, what, fate: Fate::ByHand { declare: Box::new(declare) } }
    }

    /// The emulator cannot show it: why.
    pub fn not_shown(attribute: &'static str, why: &'static str) -> Self {
        Self { attribute, what: why, fate: Fate::NotShown }
    }
}

/// A resource whose drifts are put back. What the product does goes through a proxy that counts it.
pub struct Stage {
    pub kind: &'static dyn ResourceType,
    pub key: ResourceKey,
    /// The clients that acts use.
    pub direct: Aws,
    /// The clients that the product uses.
    pub aws: Aws,
    pub proxy: Proxy,
}

impl Stage {
    /// The resource that `create` makes in a fresh account.
    pub async fn new(type_name: &str, region: &str, create: impl AsyncFnOnce(&Aws) -> String) -> Self {
        let world = World::new().await;
        let proxy = Proxy::before(&world).await;
        let (direct, aws) = (world.aws(region).await, world.through(&proxy.url).aws(region).await);
        let resource_id = create(&direct).await;
        let resource_type = type_name.to_owned();
        let scope = Scope { account_id: aws.account_id.clone(), region: aws.region.clone(), resource_type };
        Self { kind: kind(type_name), key: ResourceKey { scope, resource_id }, direct, aws, proxy }
    }

    /// The whole live state, as it is without the proxy.
    pub async fn state(&self) -> ResourceState {
        whole_state(self.kind.name(), &self.direct, &self.key.resource_id).await
    }

    /// The live state as far as it is declared, and what differs.
    pub async fn compare(&self, expected: &ResourceState) -> (ResourceState, Vec<Change>) {
        let mut live = self.state().await.restricted_to(&expected.names().map(str::to_owned).collect());
        self.kind.align(expected, &mut live);
        let changes = changes_of(self.kind, expected, &live);
        (live, changes)
    }

    /// What differs from the declaration now, and the plan for it.
    pub async fn plan(&self, expected: &ResourceState) -> (Vec<Change>, FixPlan) {
        let (actual, changes) = self.compare(expected).await;
        let request =
            FixRequest { key: &self.key, expected, actual: &actual, changes: &changes, apply_immediately: true };
        let plan = self.kind.plan_fix(&self.aws, request).await.expect("a plan");
        (changes, plan)
    }

    /// Makes the call of a step.
    pub async fn call(&self, step: &FixStep) {
        let outcome = self.kind.call(&self.aws, &self.key, step).await;
        outcome.unwrap_or_else(|error| panic!("{} {}: {error}", step.operation, step.parameters));
    }

    /// Carries out the whole plan, each call twice, as after a time-out that hid a success.
    async fn carry_out(&self, plan: &FixPlan) {
        for step in &plan.steps {
            self.call(step).await;
            self.call(step).await;
        }
    }

    /// Makes only the first call of each plan and then plans anew, as after a crash between any two calls.
    async fn carry_out_by_fits(&self, expected: &ResourceState) {
        for _ in 0..20 {
            let (changes, plan) = self.plan(expected).await;
            let Some(step) = plan.steps.first() else { return assert_eq!(changes, []) };
            self.call(step).await;
        }
        panic!("the plans come to no end");
    }

    /// Goes through the table. Afterwards the resource is as it was. The operations that the product called are in the
    /// proxy's counts.
    pub async fn each_is_put_back(&self, table: &[Row]) {
        every_attribute_has_a_row(self.kind, table);
        let baseline = self.state().await;
        for row in table {
            match &row.fate {
                Fate::PutBack { act, operations } => self.is_put_back(row, &baseline, act, operations).await,
                Fate::ByHand { declare } => self.is_left_to_people(row, &baseline, declare).await,
                Fate::NotShown => {}
            }
        }
    }

    async fn is_put_back(&self, row: &Row, baseline: &ResourceState, act: &Act, operations: &[&str]) {
        let row = format!("{}: {}", row.attribute, row.what);
        act(&self.direct, &self.key.resource_id).await;
        let (changes, plan) = self.plan(baseline).await;
        assert!(!changes.is_empty(), "{row}: nothing drifted");
        let called: Vec<&str> = plan.steps.iter().map(|step| step.operation).collect();
        assert_eq!(called, operations, "{row}: {plan:#?}");
        assert_tells_all(self.kind, &row, &changes, &plan);
        self.carry_out(&plan).await;
        assert_same(&row, &self.state().await, baseline);
        act(&self.direct, &self.key.resource_id).await;
        self.carry_out_by_fits(baseline).await;
        assert_same(&row, &self.state().await, baseline);
    }

    async fn is_left_to_people(
        &self,
        row: &Row,
        baseline: &ResourceState,
        declare: &(dyn Fn(&mut ResourceState) + Sync),
    ) {
        let mut expected = baseline.clone();
        declare(&mut expected);
        self.kind.normalize_for(&self.key, &mut expected);
        let (changes, plan) = self.plan(&expected).await;
        assert!(!changes.is_empty() && plan.steps.is_empty(), "{}: {}: {plan:#?}", row.attribute, row.what);
        assert_tells_all(self.kind, row.what, &changes, &plan);
    }
}

/// Fails unless every attribute of the type has a row.
fn every_attribute_has_a_row(kind: &dyn ResourceType, table: &[Row]) {
    let has_row: BTreeSet<&str> = table.iter().map(|row| row.attribute).collect();
    assert_eq!(has_row, kind.attributes().iter().map(|attribute| attribute.name).collect());
}

/// Every change is either put back or left to people, in words, and every call's action is in the printed policy.
fn assert_tells_all(kind: &dyn ResourceType, row: &str, changes: &[Change], plan: &FixPlan) {
    let planned = plan.steps.iter().flat_map(|step| &step.restores).chain(plan.manual.iter().map(|fix| &fix.pointer));
    let planned: BTreeSet<&String> = planned.collect();
    assert_eq!(planned, changes.iter().map(|change| &change.pointer).collect(), "{row}");
    for step in &plan.steps {
        assert!(!step.summary.is_empty() && !step.actions.is_empty(), "{row}: {step:?}");
        let unlisted: Vec<_> = step.actions.iter().filter(|action| !kind.fix_actions().contains(action)).collect();
        assert!(unlisted.is_empty(), "{row}: {unlisted:?}");
    }
    assert!(plan.manual.iter().all(|fix| !fix.reason.is_empty() && !fix.instead.is_empty()), "{row}");
}

fn assert_same(row: &str, live: &ResourceState, baseline: &ResourceState) {
    assert_eq!(live.to_value().to_string(), baseline.to_value().to_string(), "{row}");
}

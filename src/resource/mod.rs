//! AWS resource types: how each is read, compared, rated and priced. One file is one type.
//!
//! To add a type: a file, `mod` here, an entry in [`BUILTIN`]. Everything else (help, filters, printed IAM policy, law
//! tests) iterates the list; there is no match over type names anywhere.

pub mod aws;
mod bill;
mod ec2;
mod ec2_query;
pub mod fix;
mod iam_role;
pub mod impact;
mod kms;
mod live;
mod rds;
mod s3;
mod security_group;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::domain::cost::{MonthlyCost, Prices};
use crate::domain::diff::{Change, changes};
use crate::domain::id::{Region, ResourceKey, Scope};
use crate::domain::schema::{self, Attribute, Rate, StateProblem};
use crate::domain::severity::Severity;
use crate::domain::state::ResourceState;

pub use aws::{Aws, ReadError};
pub use fix::{Called, FixError, FixPlan, FixRequest, FixStep, Receipt};
pub use live::{Live, Reason};
pub(crate) use s3::cors;
pub use security_group::{Owner as RuleOwner, RuleFault, RuleKey};

/// Every type that DriftSentry watches.
pub const BUILTIN: &[&dyn ResourceType] =
    &[&ec2::Ec2, &iam_role::IamRole, &rds::Rds, &s3::S3, &security_group::SecurityGroup];

/// The type called `name` (`EC2`).
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn ResourceType> {
    BUILTIN.iter().copied().find(|kind| kind.name() == name)
}

/// One AWS resource type: how to read it, what matters in it, what it costs.
pub trait ResourceType: Send + Sync {
    /// Name in config, database and URLs (`EC2`). Never renamed once released.
    fn name(&self) -> &'static str;

    /// Whether its resources belong to the account as a whole (IAM): scanned once per account, region `global`.
    fn is_global(&self) -> bool {
        false
    }

    /// Whether a declaration may leave the region open, because the name alone finds the resource (S3 buckets).
    fn region_may_be_open(&self) -> bool {
        false
    }

    /// What its resource ids are, for help and errors: `instance id (i-0123456789abcdef0)`.
    fn id_form(&self) -> &'static str;

    /// A declared resource id as AWS spells it, for types whose ids differ only in case.
    fn canonical_id(&self, id: &str) -> String {
        id.to_owned()
    }

    /// IAM actions that [`Self::read`] calls; the printed scan policy is their union.
    fn scan_actions(&self) -> &'static [&'static str];

    /// The attributes of its canonical state.
    fn attributes(&self) -> &'static [Attribute];

    /// Live resources of the request's scope, page by page as AWS gives them.
    ///
    /// An `Err` ends the stream: what came before it is good, what did not come is *unknown*, never gone. A stream
    /// that ends without `Err` was complete: a declared resource that it did not yield does not exist.
    /// One attribute that could not be read goes into [`Live::unknown`] and ends nothing.
    fn read<'a>(&'a self, aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>>;

    /// Faults of a declared state beyond what the attribute table tells.
    fn check(&self, state: &ResourceState) -> Vec<StateProblem> {
        schema::check(self.attributes(), state)
    }

    /// Marks that a reader must see beside the names of the declared attributes, to tell `declared` apart from others
    /// with the same names: a form in which an attribute is to be read.
    fn read_marks(&self, declared: &ResourceState) -> &'static [&'static str] {
        let _ = declared;
        &[]
    }

    /// Brings a state to canonical form, so that equal meaning is equal JSON. Idempotent.
    fn normalize(&self, state: &mut ResourceState) {
        schema::normalize(self.attributes(), state);
    }

    /// As [`Self::normalize`], for the declared state of the resource `key`: where the state names the resource itself
    /// (a security group as the source of its own rule), that becomes the canonical form too.
    fn normalize_for(&self, key: &ResourceKey, state: &mut ResourceState) {
        let _ = key;
        self.normalize(state);
    }

    /// Brings a live state, already restricted to the declared attributes, nearer to the declaration where the two
    /// mean the same only when seen together (`8.0` and `8.0.43`; fields without a certain default).
    fn align(&self, declared: &ResourceState, live: &mut ResourceState) {
        schema::align(self.attributes(), declared, live);
    }

    /// Declared values that stand for what AWS tells in another way which only a call of another service could resolve
    /// (the alias of a KMS key and the key's ARN), as JSON pointers with the reason. They are unknown, not drift:
    /// [`Self::align`] takes them for equal.
    fn incomparable(&self, declared: &ResourceState, live: &ResourceState) -> Vec<(String, String)> {
        let _ = (declared, live);
        Vec::new()
    }

    /// How bad one change is. A resource that is missing as a whole is a warning, an unmanaged one an info.
    fn severity(&self, change: &Change) -> Severity {
        match schema::find(self.attributes(), &change.attribute()).map(|attribute| attribute.rate) {
            Some(Rate::Fixed(severity)) => severity,
            Some(Rate::By(rate)) => rate(change),
            None if change.pointer.is_empty() && change.from.is_none() => Severity::Info,
            None => Severity::Warning,
        }
    }

    /// How bad one change is where that depends on more of the live state than what changed (storage that grew
    /// within its autoscaling limit).
    fn severity_within(&self, change: &Change, live: &ResourceState) -> Severity {
        let _ = live;
        self.severity(change)
    }

    /// What a resource in this state costs a month. Attributes that the state does not hold are priced as AWS's
    /// defaults where those are certain; a part that cannot be priced is in the result as unknown.
    fn monthly_cost(&self, state: &ResourceState, region: &Region, prices: &Prices) -> MonthlyCost;

    /// Attributes whose change costs something that configuration alone does not tell (requests, storage used):
    /// attribute name → why. Such a change makes the cost impact unknown.
    fn usage_priced(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether an undeclared resource is left out even when unmanaged ones are reported: AWS made it, not a person.
    fn is_aws_owned(&self, resource_id: &str, state: &ResourceState) -> bool {
        let _ = (resource_id, state);
        false
    }

    /// IAM actions that the steps of [`Self::plan_fix`] take, and those that making and verifying plans takes beyond
    /// [`Self::scan_actions`]; the printed remediation policy is the union of both.
    fn fix_actions(&self) -> &'static [&'static str] {
        &[]
    }

    /// The calls that bring the resource from its live state to the declared one. May read what the states do not hold
    /// (ids of volumes and interfaces, tags that are not ours); changes nothing.
    ///
    /// # Errors
    /// If what it must read cannot be read.
    fn plan_fix<'a>(&'a self, aws: &'a Aws, request: FixRequest<'a>) -> BoxFuture<'a, Result<FixPlan, FixError>> {
        let _ = aws;
        Box::pin(async move { Ok(FixPlan::by_hand(request.changes)) })
    }

    /// Makes the call of one step. Whoever asks has checked that it may be made.
    ///
    /// # Errors
    /// If AWS refuses or fails. After a time-out the call may have taken effect: read again before anything else.
    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        key: &'a ResourceKey,
        step: &'a FixStep,
    ) -> BoxFuture<'a, Result<Receipt, FixError>> {
        let (_, _) = (aws, key);
        let error = FixError::Unfit { operation: step.operation.to_owned(), reason: "this type has no calls".into() };
        Box::pin(async move { Err(error) })
    }

    /// Steps that are owed after these calls, which were made (or may have been) in this order to put the resource
    /// back: what a call began and another was to end, as the start of an instance that was stopped for a change. They
    /// hold even if a call in between failed for good, and they are not in a plan made anew, which sees the stopped
    /// instance alone. A step that such a plan holds as well is to be called once.
    fn owed(&self, key: &ResourceKey, called: &[Called<'_>]) -> Vec<FixStep> {
        let (_, _) = (key, called);
        Vec::new()
    }

    /// A small valid state with every attribute: documentation for users, seed of the law tests.
    fn example(&self) -> ResourceState;
}

/// What differs between two canonical states of a type, sorted by pointer.
#[must_use]
pub fn changes_of(kind: &dyn ResourceType, expected: &ResourceState, actual: &ResourceState) -> Vec<Change> {
    changes(kind.attributes(), expected, actual)
}

/// What a scan wants to know of a scope.
#[derive(Debug, Clone)]
pub struct ReadRequest {
    /// Account, region, type.
    pub scope: Scope,
    /// Declared resources: id → names of the declared attributes and [`ResourceType::read_marks`]. Sorted, so that pages can be joined.
    pub declared: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// Declared ids whose declaration leaves the region open (buckets only); a subset of `declared`. One of them that
    /// the stream does not yield is missing only for the shard that [`Self::is_home`]; for others it is not theirs.
    pub region_open: BTreeSet<String>,
    /// Whether this shard answers for resources in no scanned region: true in exactly one region of each account.
    pub is_home: bool,
    /// The regions of the account that are scanned.
    pub regions: Vec<Region>,
    /// What to yield of resources that nothing declares.
    pub undeclared: Undeclared,
}

/// What to yield of resources that nothing declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undeclared {
    /// Nothing, and no call is spent on them.
    Skip,
    /// All attributes that listings tell, and for S3 the per-bucket reads, but nothing marked deep.
    Read,
    /// All attributes, deep ones included.
    ReadDeep,
}

impl ReadRequest {
    /// Whether any resource is wanted; if not, no call is to be made.
    #[must_use]
    pub fn wants_any(&self) -> bool {
        self.undeclared != Undeclared::Skip || !self.declared.is_empty()
    }

    /// Whether resource `id` is wanted at all.
    #[must_use]
    pub fn wants(&self, id: &str) -> bool {
        self.undeclared != Undeclared::Skip || self.declared.contains_key(id)
    }

    /// Whether `attribute` of resource `id` is wanted.
    #[must_use]
    pub fn wants_attribute(&self, id: &str, attribute: &Attribute) -> bool {
        match self.undeclared {
            Undeclared::ReadDeep => true,
            Undeclared::Read if !attribute.deep => true,
            _ => self.declared.get(id).is_some_and(|names| names.contains(attribute.name)),
        }
    }
}

//! The plan itself: from the declaration's changes and what is live to calls in a safe order. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::diff::{Change, revert};
use crate::domain::id::ResourceKey;
use crate::domain::policy;
use crate::domain::state::{ResourceState, unescape};

use super::super::super::fix::ManualFix;
use super::super::super::{FixPlan, FixRequest, FixStep};
use super::form::{self, Call};
use super::seen::Seen;
use super::{block, loosening, obstacle, send};

/// One attribute that is to be put back as a whole.
#[derive(Debug, Clone)]
pub(super) struct Fix {
    /// What is live.
    pub live: Value,
    /// What it is to become.
    pub target: Value,
    /// The changes that this takes back.
    pub pointers: Vec<String>,
}

/// A bucket on the way to its declaration.
pub(super) struct Bucket<'a> {
    pub key: &'a ResourceKey,
    pub seen: &'a Seen,
    /// What is to be put back, by attribute.
    pub fixes: BTreeMap<&'static str, Fix>,
}

/// When a step has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Takes access away or protects more.
    Early,
    /// May give access or protect less, or needs what does.
    Late,
    /// Once all else is done.
    Last,
}

/// The order of the steps that tighten: ACLs are made private before they are switched off. In that of the others, these
/// two change places: ACLs are switched on before they are set.
pub(super) const ORDER: &[&str] = &[
    "PublicAccessBlock",
    "Policy",
    "Acl",
    "OwnershipControls",
    "Encryption",
    "Versioning",
    "ObjectLock",
    "Logging",
    "Replication",
    "Lifecycle",
    "Cors",
    "Website",
    "Notification",
    "RequestPayment",
    "Accelerate",
    "Tags",
];

static NULL: Value = Value::Null;

impl Bucket<'_> {
    /// The live value of an attribute; null if it was not read.
    pub(super) fn live(&self, attribute: &str) -> &Value {
        self.seen.state.get(attribute).unwrap_or(&NULL)
    }

    /// The value of an attribute once the plan is carried out.
    pub(super) fn end(&self, attribute: &str) -> &Value {
        self.fixes.get(attribute).map_or_else(|| self.live(attribute), |fix| &fix.target)
    }

    /// Whether the public access block, as it is in `state`, refuses what an attribute is to become.
    pub(super) fn is_refused(&self, attribute: &str, access_block: &Value) -> bool {
        let is_on = |flag: &str| access_block.get(flag) == Some(&Value::Bool(true));
        let Some(fix) = self.fixes.get(attribute) else { return false };
        match attribute {
            "Policy" => is_on("BlockPublicPolicy") && policy::is_public(&fix.target),
            "Acl" => is_on("BlockPublicAcls") && form::is_public_acl(&fix.target),
            _ => false,
        }
    }

    /// A step with one of the calls for this bucket.
    pub(super) fn step(&self, call: Call) -> FixStep {
        let mut parameters = Map::new();
        parameters.insert("Bucket".to_owned(), self.key.resource_id.as_str().into());
        parameters.insert("ExpectedBucketOwner".to_owned(), self.key.scope.account_id.as_str().into());
        parameters.extend(call.parameters.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let actions = send::find(call.operation).map_or(&[][..], |operation| operation.actions);
        FixStep::new("s3", call.operation, actions, &parameters).saying(call.summary)
    }
}

/// The plan for a bucket that is there and declared.
pub(super) fn plan(request: &FixRequest<'_>, seen: &Seen) -> FixPlan {
    let mut manual: Vec<ManualFix> = request.changes.iter().filter_map(obstacle::fixed).collect();
    let restorable: Vec<&Change> = request.changes.iter().filter(|change| obstacle::fixed(change).is_none()).collect();
    let mut bucket = Bucket { key: request.key, seen, fixes: fixes(request, seen, &restorable) };
    set_aside(&mut bucket, &mut manual);
    let mut turns = block::steps(&bucket);
    turns.extend(ownership_preparation(&bucket));
    for restore in form::RESTORES.iter().filter(|restore| restore.attribute != block::ATTRIBUTE) {
        let Some(fix) = bucket.fixes.get(restore.attribute) else { continue };
        let loosens = loosening::loosens(restore.attribute, &fix.live, &fix.target);
        let step = bucket.step((restore.call)(fix, seen)).restoring(&fix.pointers).loosening(loosens);
        turns.push((place(&bucket, restore.attribute, loosens), step));
    }
    turns.sort_by_key(|(place, _)| *place);
    manual.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    FixPlan { steps: turns.into_iter().map(|(_, step)| step).collect(), manual }
}

/// A turn and the rank within it.
pub(super) type Place = (Turn, usize);

/// What is live with the changes taken back, for each attribute that has any.
fn fixes(request: &FixRequest<'_>, seen: &Seen, changes: &[&Change]) -> BTreeMap<&'static str, Fix> {
    let mut fixes = BTreeMap::new();
    for restore in form::RESTORES {
        let attribute = restore.attribute;
        let of_it: Vec<&Change> = changes.iter().filter(|change| change.attribute() == attribute).copied().collect();
        let Some(live) = seen.state.get(attribute).filter(|_| !of_it.is_empty()) else { continue };
        let target = taken_back(attribute, live, &of_it, request.expected);
        let pointers = of_it.iter().map(|change| change.pointer.clone()).collect();
        fixes.insert(attribute, Fix { live: live.clone(), target, pointers });
    }
    fixes
}

fn taken_back(attribute: &str, live: &Value, changes: &[&Change], expected: &ResourceState) -> Value {
    let mut state = ResourceState::new().with(attribute, live.clone());
    for change in changes {
        revert(&mut state, change);
    }
    // Where the live value has meanwhile become of another form, the declaration as a whole is what is wanted.
    let is_back = changes.iter().all(|change| state.pointer(&change.pointer) == change.from.as_ref());
    let target = if is_back { state.remove(attribute) } else { expected.get(attribute).cloned() };
    target.unwrap_or_default()
}

/// Leaves to people what AWS would refuse. What is set aside may stand in the way of another, so it is asked again
/// until nothing more is.
fn set_aside(bucket: &mut Bucket<'_>, manual: &mut Vec<ManualFix>) {
    let next = |bucket: &Bucket<'_>| {
        bucket.fixes.keys().find_map(|attribute| Some((*attribute, obstacle::of(bucket, attribute)?)))
    };
    while let Some((attribute, (reason, instead))) = next(bucket) {
        let Some(fix) = bucket.fixes.remove(attribute) else { return };
        manual.extend(fix.pointers.iter().map(|pointer| ManualFix::new(pointer, &reason, &instead)));
        if ["Policy", "Acl"].contains(&attribute) {
            manual.extend(block::stay_closed(bucket));
        }
    }
}

fn place(bucket: &Bucket<'_>, attribute: &str, loosens: bool) -> Place {
    let waits = match attribute {
        "Acl" if form::is_enforced(bucket.live("OwnershipControls")) => true,
        _ => bucket.is_refused(attribute, &block::tightened(bucket)),
    };
    let (turn, stands_for) = match attribute {
        _ if !loosens && !waits => (Turn::Early, attribute),
        "Acl" => (Turn::Late, "OwnershipControls"),
        "OwnershipControls" => (Turn::Late, "Acl"),
        _ => (Turn::Late, attribute),
    };
    (turn, ORDER.iter().position(|name| *name == stands_for).unwrap_or(ORDER.len()))
}

/// AWS switches ACLs off only where the ACL grants nothing to others: what it grants has no effect from then on, and is
/// taken away before.
fn ownership_preparation(bucket: &Bucket<'_>) -> Option<(Place, FixStep)> {
    let switches_off =
        bucket.fixes.contains_key("OwnershipControls") && form::is_enforced(bucket.end("OwnershipControls"));
    if !switches_off || bucket.fixes.contains_key("Acl") || form::is_private(bucket.live("Acl")) {
        return None;
    }
    let target = form::private_acl();
    let fix = Fix { live: bucket.live("Acl").clone(), target, pointers: Vec::new() };
    let mut call = form::acl(&fix, bucket.seen);
    call.summary = format!("{}, so that ACLs can be switched off", call.summary);
    Some((place(bucket, "Acl", false), bucket.step(call)))
}

/// The second key of a pointer: a flag, a tag's key, a rule's identity.
pub(super) fn second_key(pointer: &str) -> String {
    pointer.split('/').nth(2).map(unescape).unwrap_or_default()
}

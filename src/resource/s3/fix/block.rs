//! The public access block, which others wait for: what it is to close it closes first, what it is to open it opens
//! last.
//!
//! It refuses public policies and ACLs (`Block…`) and disarms those that are there (`Ignore…`, `Restrict…`). Where a
//! policy or ACL is to be put that it refuses today but not as declared, only the refusing is lifted before and the
//! rest after: what stood there meanwhile is never armed.

use serde_json::{Value, json};

use super::super::super::FixStep;
use super::super::super::fix::ManualFix;
use super::form;
use super::plan::{Bucket, Fix, Place, Turn, second_key};

/// Its attribute.
pub(super) const ATTRIBUTE: &str = "PublicAccessBlock";

/// Those that refuse, then those that disarm.
const FLAGS: [&str; 4] = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

/// How many of [`FLAGS`] refuse.
const REFUSING: usize = 2;

type Block = [bool; 4];

fn flags(value: &Value) -> Block {
    FLAGS.map(|flag| value.get(flag) == Some(&Value::Bool(true)))
}

fn value(block: Block) -> Value {
    FLAGS.iter().zip(block).map(|(flag, on)| ((*flag).to_owned(), json!(on))).collect()
}

/// The block once everything is on that is live or declared.
fn closed(bucket: &Bucket<'_>) -> Block {
    let (live, end) = (flags(bucket.live(ATTRIBUTE)), flags(bucket.end(ATTRIBUTE)));
    std::array::from_fn(|flag| live[flag] || end[flag])
}

/// The block with which the other steps of a plan begin.
pub(super) fn tightened(bucket: &Bucket<'_>) -> Value {
    value(closed(bucket))
}

/// Takes from the plan whatever opens it, where a policy or ACL is left to people: what it disarms must not be armed
/// before they have seen to it.
pub(super) fn stay_closed(bucket: &mut Bucket<'_>) -> Vec<ManualFix> {
    let closed = closed(bucket);
    let Some(fix) = bucket.fixes.get_mut(ATTRIBUTE) else { return Vec::new() };
    let target = flags(&fix.target);
    let opens = |pointer: &String| {
        let flag = FLAGS.iter().position(|flag| *flag == second_key(pointer));
        flag.map_or(closed != target, |flag| closed[flag] && !target[flag])
    };
    let (opening, closing): (Vec<String>, Vec<String>) = fix.pointers.drain(..).partition(opens);
    fix.target = value(closed);
    fix.pointers = closing;
    if fix.pointers.is_empty() {
        bucket.fixes.remove(ATTRIBUTE);
    }
    let reason = "it would let a policy or ACL count that drifted, too, and that AWS lets nobody put back as declared";
    let instead = "see to the policy and the ACL first";
    opening.iter().map(|pointer| ManualFix::new(pointer, reason, instead)).collect()
}

/// The steps that put it back, as few as are safe.
pub(super) fn steps(bucket: &Bucket<'_>) -> Vec<(Place, FixStep)> {
    let Some(fix) = bucket.fixes.get(ATTRIBUTE) else { return Vec::new() };
    let (live, closed, target) = (flags(&fix.live), closed(bucket), flags(&fix.target));
    let is_waited_for = ["Policy", "Acl"].iter().any(|other| bucket.is_refused(other, &value(closed)));
    let mut admitting = closed;
    if is_waited_for {
        admitting[..REFUSING].copy_from_slice(&target[..REFUSING]);
    }
    let stations = [((Turn::Early, 0), closed), ((Turn::Late, 0), admitting), ((Turn::Last, 0), target)];
    let mut steps = Vec::new();
    let mut before = live;
    for (place, block) in stations {
        if block != before {
            steps.push((place, step(bucket, fix, (before, block, target))));
            before = block;
        }
    }
    steps
}

fn step(bucket: &Bucket<'_>, fix: &Fix, (before, block, target): (Block, Block, Block)) -> FixStep {
    let is_put_back = |pointer: &&String| {
        let flag = FLAGS.iter().position(|flag| *flag == second_key(pointer));
        // A pointer to the block as a whole is put back by the last step.
        flag.map_or(block == target, |flag| before[flag] != block[flag] && block[flag] == target[flag])
    };
    let call = form::public_access_block(
        &Fix { live: value(before), target: value(block), pointers: Vec::new() },
        bucket.seen,
    );
    let opens = before.iter().zip(block).any(|(before, after)| *before && !after);
    bucket.step(call).restoring(fix.pointers.iter().filter(is_put_back)).loosening(opens)
}

//! The steps that decide who may do what, each with the rank that its meaning gives it.
//!
//! What a call gives or takes is judged by the documents, of managed policies too: detaching a policy that denies
//! loosens, attaching one that only denies does not. What is not proven counts as loosening.

use serde_json::Value;

use super::facts::Facts;
use super::{Draft, Rank, calls, document, or_null};
use crate::domain::diff::Change;
use crate::domain::policy::{Widening, summary, widened};
use crate::resource::fix::{FixStep, ManualFix};

/// Lines about a document in one summary.
const MOST_LINES: usize = 3;

/// A managed policy to be attached or detached.
pub(super) fn attachment(draft: &mut Draft, role: &str, change: &Change, facts: &Facts) {
    let arn = change.key();
    if change.from.is_some() && !facts.exists(&arn) {
        return draft.manual.push(no_such_policy(change, &arn));
    }
    let document = facts.document(&arn);
    let (rank, step, verb) = if change.from.is_some() {
        let widening = document.map(|document| widened(&Value::Null, document));
        (rank_of(widening.as_ref()), calls::attach(role, &arn), "attach")
    } else {
        let widening = document.map(|document| widened(document, &Value::Null));
        // Of a policy that cannot be read it is not known what it denies.
        let rank = if widening.is_none() { Rank::Allow } else { rank_of(widening.as_ref()) };
        (rank, calls::detach(role, &arn), "detach")
    };
    draft.add(rank, step.restoring([&change.pointer]).saying(format!("{verb} {arn}")));
}

/// An embedded policy to be put, replaced or deleted.
pub(super) fn inline(draft: &mut Draft, role: &str, change: &Change) {
    let name = change.key();
    let (declared, live) = (or_null(change.from.as_ref()), or_null(change.to.as_ref()));
    let put = |target: &Value, said: &str| {
        let step = calls::put_inline(role, &name, target).restoring([&change.pointer]);
        step.saying(explained(&format!("{said} {name}"), live, target))
    };
    let rank = rank_of(Some(&widened(live, declared)));
    let delete = || calls::delete_inline(role, &name).restoring([&change.pointer]);
    if rank.loosens() && is_mixed(live, declared) {
        match document::common(live, declared) {
            Some(kept) => draft.add(Rank::Tighten, put(&kept, "take what is not declared from the embedded policy")),
            // What it allows must not meet a boundary that lets it through.
            None if draft.rebounds() && !live.is_null() => {
                draft.add(Rank::Tighten, delete().saying(format!("delete the embedded policy {name}, to put it anew")));
            }
            None => {}
        }
    }
    let last = if declared.is_null() {
        delete().saying(format!("delete the embedded policy {name}"))
    } else {
        put(declared, "put the embedded policy")
    };
    draft.add(rank, last);
}

/// The boundary: one more bounds, one less does not, another one by what it says.
pub(super) fn boundary(draft: &mut Draft, role: &str, change: &Change, facts: &Facts) {
    let (rank, step, said) = match (change.from_str(), change.to_str()) {
        (None, _) => (Rank::Unbound, calls::delete_boundary(role), "take the permissions boundary away".to_owned()),
        (Some(declared), _) if !facts.exists(declared) => {
            return draft.manual.push(no_such_policy(change, declared));
        }
        (Some(declared), live) => {
            // Whether the first of two policies provably allows all that the second does.
            let covers = |wide: &str, narrow: &str| {
                let documents = facts.document(wide).zip(facts.document(narrow));
                documents.is_some_and(|(wide, narrow)| !widened(wide, narrow).is_any())
            };
            let rank = match live {
                None => Rank::Bound,
                Some(live) if covers(live, declared) => Rank::Bound,
                Some(live) if covers(declared, live) => Rank::Unbound,
                Some(_) => Rank::Rebound,
            };
            (rank, calls::put_boundary(role, declared), format!("set the permissions boundary to {declared}"))
        }
    };
    draft.add(rank, step.restoring([&change.pointer]).saying(said));
}

/// The trust policy. All other steps must be in the draft.
pub(super) fn trust(draft: &mut Draft, role: &str, change: &Change) {
    let (declared, live) = (or_null(change.from.as_ref()), or_null(change.to.as_ref()));
    let set = |target: &Value, said: &str| -> FixStep {
        let step = calls::set_trust(role, target).restoring([&change.pointer]);
        step.saying(explained(said, live, target))
    };
    if !widened(live, declared).is_any() {
        return draft.add(Rank::Tighten, set(declared, "set the trust policy"));
    }
    if is_mixed(live, declared) {
        let kept = document::common(live, declared);
        match kept.filter(document::allows_any) {
            Some(kept) => {
                draft.add(Rank::Tighten, set(&kept, "take what is not declared from the trust policy"));
            }
            // Both let nobody in: who is to be let in no more must not meet the permissions that are to come.
            None if draft.permits_more() => {
                draft.add(
                    Rank::Tighten,
                    set(&document::nobody(), "let nobody in until the permissions are as declared"),
                );
            }
            None => {}
        }
    }
    draft.add(Rank::Admit, set(declared, "set the trust policy"));
}

/// Whether the live document may allow what the declared one does not, or what that denies.
fn is_mixed(live: &Value, declared: &Value) -> bool {
    widened(declared, live).is_any()
}

/// The rank of a step by how it widens; `None` if that is not known.
fn rank_of(widening: Option<&Widening>) -> Rank {
    match widening {
        Some(widening) if !widening.is_any() => Rank::Tighten,
        Some(widening) if widening.denies_less || widening.unreadable => Rank::Allow,
        _ => Rank::Permit,
    }
}

fn explained(said: &str, from: &Value, to: &Value) -> String {
    let lines = summary(from, to);
    let more = match lines.len().saturating_sub(MOST_LINES) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    if lines.is_empty() {
        return said.to_owned();
    }
    format!("{said}: {}{more}", lines[..lines.len().min(MOST_LINES)].join("; "))
}

fn no_such_policy(change: &Change, arn: &str) -> ManualFix {
    let instead = "create the policy, or declare another one";
    ManualFix::new(&change.pointer, format!("there is no managed policy {arn}"), instead)
}

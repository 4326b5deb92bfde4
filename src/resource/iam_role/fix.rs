//! Putting a role back: which calls, and in which order nobody may do what neither the live nor the declared role allows.
//!
//! First comes what provably takes access away: a boundary, a narrower trust, policies detached and statements removed.
//! Then another boundary; then what permits more; then what forbids less, once the permissions that it forbade are as declared; then a wider
//! boundary. Last, more people are let in. So a plan that breaks off anywhere leaves the role with no access that it had
//! neither before nor is to have in the end. Tags and the description come at the end of all.
//!
//! A document that both gives and takes is put back in two calls: first what both sides allow, which only takes away,
//! then the declared one. What is not proven to take access away counts as loosening. A managed policy comes and goes
//! whole: of several that allow and deny at once the one that goes first may forbid what another one still allows.

mod calls;
mod document;
mod facts;
mod grants;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "what is passed stands for literals")]
mod tests;

use serde_json::Value;

use super::{ATTACHED, BOUNDARY, DESCRIPTION, INLINE, MAX_SESSION, PATH, TAGS, TRUST, is_aws_path};
use crate::domain::diff::Change;
use crate::resource::Aws;
use crate::resource::fix::tags::TagChanges;
use crate::resource::fix::{FixError, FixPlan, FixRequest, FixStep, ManualFix};
pub(super) use calls::call;
use facts::Facts;

/// The IAM actions that steps and plans take.
pub(super) const ACTIONS: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
];

/// When a step is safe; the order of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A boundary that provably bounds no less.
    Bound,
    /// Provably takes access away.
    Tighten,
    /// May bound less here and more there: before anything is permitted that only the old boundary lets through.
    Rebound,
    /// May permit more.
    Permit,
    /// May forbid less.
    Allow,
    /// May bound less.
    Unbound,
    /// May let in more, or for longer.
    Admit,
    /// Is about no access.
    Describe,
}

impl Rank {
    /// Whether somebody may be able to do more after such a step.
    fn loosens(self) -> bool {
        matches!(self, Self::Rebound | Self::Permit | Self::Allow | Self::Unbound | Self::Admit)
    }
}

/// What is planned so far.
#[derive(Debug, Default)]
struct Draft {
    steps: Vec<(Rank, FixStep)>,
    manual: Vec<ManualFix>,
}

impl Draft {
    fn add(&mut self, rank: Rank, step: FixStep) {
        self.steps.push((rank, step.loosening(rank.loosens())));
    }

    /// Whether some step permits more to whoever is let in.
    fn permits_more(&self) -> bool {
        self.steps.iter().any(|(rank, _)| (Rank::Rebound..=Rank::Unbound).contains(rank))
    }

    /// Whether the boundary becomes another one that is neither wider nor narrower.
    fn rebounds(&self) -> bool {
        self.steps.iter().any(|(rank, _)| *rank == Rank::Rebound)
    }

    fn finish(mut self) -> FixPlan {
        self.steps.sort_by_key(|(rank, _)| *rank);
        FixPlan { steps: self.steps.into_iter().map(|(_, step)| step).collect(), manual: self.manual }
    }
}

/// The plan. Read are the role itself (its path, and what `UpdateRole` would reset) and the managed policies that are
/// to be attached, detached or to bound.
pub(super) async fn plan_fix(aws: &Aws, request: FixRequest<'_>) -> Result<FixPlan, FixError> {
    if let Some(plan) = FixPlan::of_existence(request.changes) {
        return Ok(plan);
    }
    let facts = Facts::read(aws, request).await?;
    Ok(plan(&request.key.resource_id, request.changes, &facts))
}

/// The pure core.
fn plan(role: &str, changes: &[Change], facts: &Facts) -> FixPlan {
    if is_aws_path(&facts.path) {
        return FixPlan {
            steps: Vec::new(),
            manual: changes.iter().map(|change| of_aws(change, &facts.path)).collect(),
        };
    }
    let mut draft = Draft::default();
    // First, because it matters to permissions whether the boundary changes with them.
    for change in changes.iter().filter(|change| change.attribute() == BOUNDARY) {
        grants::boundary(&mut draft, role, change, facts);
    }
    for change in changes {
        match change.attribute().as_str() {
            ATTACHED | INLINE if change.keys().len() != 2 => draft.manual.push(by_hand(change, &change.attribute())),
            ATTACHED => grants::attachment(&mut draft, role, change, facts),
            INLINE => grants::inline(&mut draft, role, change),
            BOUNDARY | TRUST | DESCRIPTION | MAX_SESSION | TAGS => {}
            other => draft.manual.push(by_hand(change, other)),
        }
    }
    settings(&mut draft, role, changes, facts);
    tags(&mut draft, role, changes);
    // Last, because it matters whether anything else permits more.
    for change in changes.iter().filter(|change| change.attribute() == TRUST) {
        grants::trust(&mut draft, role, change);
    }
    draft.finish()
}

/// Description and longest session, which one call sets: what it leaves out, IAM resets.
fn settings(draft: &mut Draft, role: &str, changes: &[Change], facts: &Facts) {
    let of = |attribute: &str| changes.iter().find(|change| change.attribute() == attribute);
    let (description, session) = (of(DESCRIPTION), of(MAX_SESSION));
    if description.is_none() && session.is_none() {
        return;
    }
    let declared_session = session.and_then(|change| change.from.as_ref()?.as_i64());
    let seconds = declared_session.unwrap_or(facts.max_session);
    let text = description.map_or(facts.description.as_str(), |change| change.from_str().unwrap_or_default());
    let rank = match declared_session {
        None => Rank::Describe,
        Some(declared) if declared < facts.max_session => Rank::Tighten,
        Some(_) => Rank::Admit,
    };
    let said = match (description, declared_session) {
        (Some(_), Some(seconds)) => format!("set the description, and the longest session to {seconds} seconds"),
        (_, Some(seconds)) => format!("set the longest session to {seconds} seconds"),
        _ => "set the description".to_owned(),
    };
    let pointers = description.into_iter().chain(session).map(|change| &change.pointer);
    draft.add(rank, calls::update_role(role, text, seconds).restoring(pointers).saying(said));
}

fn tags(draft: &mut Draft, role: &str, changes: &[Change]) {
    let changes = TagChanges::of(changes);
    // First away, then anew: keys of a role's tags that differ only in case are one key to IAM.
    if !changes.remove.is_empty() {
        draft.add(Rank::Describe, calls::untag_role(role, &changes));
    }
    if !changes.set.is_empty() {
        draft.add(Rank::Describe, calls::tag_role(role, &changes));
    }
}

fn by_hand(change: &Change, attribute: &str) -> ManualFix {
    if attribute != PATH {
        return ManualFix::new(&change.pointer, format!("no call changes {attribute}"), "declare what is live");
    }
    let instead = "make a role of another name at the declared path, move to it whoever uses this one, then delete \
                   this one; or declare what is live";
    ManualFix::new(&change.pointer, "the path of a role is fixed at its creation", instead)
}

/// A change of a role that AWS makes and that nobody else may change.
fn of_aws(change: &Change, path: &str) -> ManualFix {
    let reason = format!("AWS itself makes the roles at {path}, and lets nobody else change them");
    let instead = "change the service, or the permission set of single sign-on, that the role is made for; or declare \
                   what is live";
    ManualFix::new(&change.pointer, reason, instead)
}

/// A value that may be absent, JSON `null` if it is.
fn or_null(value: Option<&Value>) -> &Value {
    value.unwrap_or(&Value::Null)
}

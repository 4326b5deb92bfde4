//! Putting a bucket back: one call per attribute, in an order that is safe at every prefix.
//!
//! S3 sets each configuration as a whole, so a step always holds the whole of it. It is made from what is live *now*
//! with only the drift taken back: what is ignored, what is not compared and what AWS keeps for itself (its own tags,
//! the least size of objects in transition, blocked encryption types) is carried over, never wiped out by the way.
//!
//! **Order.** First whatever takes access away or protects more, then whatever gives access or protects less; a crash
//! between two calls leaves the bucket never more open than it was or is declared. Within that, what a call needs comes
//! before it: the public access block before a policy or ACL that it would refuse, an ACL is made private before ACLs
//! are switched off and set after they are switched on, versioning before replication.
//!
//! **Loosening** ([`loosening`]): a step loosens if somebody may do more after it or something is protected less, and
//! where that is not certain. The same words that rate a drift are asked with the sides turned round.
//!
//! Every call names the account that must own the bucket: names are free again once a bucket is deleted, and what is
//! meant for ours must never be put on a stranger's.
//!
//! Restored never: what AWS fixes at creation or lets nobody take back (object lock), what needs the root user's second
//! factor (MFA delete), and what AWS would refuse because of another attribute. Each is told with what to do instead.
//! Buckets on which tags grant access (ABAC) refuse `PutBucketTagging`; AWS's error says so.

mod block;
mod form;
mod input;
mod loosening;
mod obstacle;
mod plan;
mod seen;
mod send;
#[cfg(test)]
mod tests;

use super::super::{Aws, FixError, FixPlan, FixRequest};

pub(super) use send::{ACTIONS, call};

/// The calls that bring the bucket from its live state to the declared one. Reads the drifted attributes again, and
/// those on which AWS makes the calls depend.
pub(super) async fn plan(aws: &Aws, request: FixRequest<'_>) -> Result<FixPlan, FixError> {
    if let Some(plan) = FixPlan::of_existence(request.changes) {
        return Ok(plan);
    }
    let seen = seen::read(aws, &request).await?;
    Ok(plan::plan(&request, &seen))
}

//! `drifts` and `drift_details`: what is not as declared, and where each drift is in its life.
//!
//! `read.rs` turns rows into [`crate::domain::drift::Drift`], `write.rs` is what a scan does to many drifts at once,
//! `transition.rs` what people do to one. The database's trigger allows legal moves only; the statements here state
//! them as guards, so that a move that cannot be is told as such and not as a failed statement.

mod mark;
mod read;
mod transition;
mod write;

pub use mark::{mark_recurring, triage_all};
pub use read::{DriftFilter, StoredDrift, find, get, list, lock_standing, standing};
pub use transition::{approve, approve_again, reject, resolve, triage};
pub use write::{NewDrifts, insert_all, kept_cost, reject_all, resolve_all, update_all};

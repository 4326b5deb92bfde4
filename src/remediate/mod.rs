//! Putting approved drift back: what would be done ([`Remediator::plan`]), and doing it ([`run::RemediateHandler`]).
//!
//! ```text
//! approved ─► still what was approved? ─► guards ─► begin ─► for each step: stopped? write down ─► call ─► write down
//!                     │ no                  │ no, or not yet                                            │
//!                     ▼                     ▼                                                           ▼
//!                 failed, told        failed, told, or waiting as a snoozed job        read again until as declared
//! ```
//!
//! - Live state is read again just before the first call. Each of its differences must be one that was approved, or one
//!   that this job's own earlier calls are about: that is what a run leaves that was killed between two calls.
//! - A call is written down before it is made. After a crash or a time-out nothing is concluded from what was written:
//!   the plan is made anew from what is live, and what is owed (an instance to be started again) is added.
//! - Nothing is made anew and nothing is deleted; a drift of which a part is left to people is not begun with.
//! - Waiting (for a window, for AWS, for the switch) is a snoozed job, never a held worker.
//!
//! It must never call AWS to change something without a row in `remediation_attempts`, nor hold a transaction meanwhile.

pub mod auto;
mod call;
pub mod guard;
mod live;
mod permission;
mod plan;
mod prove;
pub mod run;
mod tell;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::clock::SharedClock;
use crate::config::Remediation;
use crate::domain::drift::Drift;
use crate::domain::id::ResourceKey;
use crate::domain::rule::Rules;
use crate::domain::state::ResourceState;
use crate::resource::aws::AwsPool;
use crate::resource::{FixError, ReadError, ResourceType};
use crate::store::StoreError;
pub use permission::{Held, Permission};
pub use plan::{Planned, PlannedStep};

/// What a resource is declared as now; `None` if nothing declares it. The error says why that cannot be told.
pub type DeclaredNow =
    Arc<dyn Fn(ResourceKey) -> BoxFuture<'static, Result<Option<ResourceState>, String>> + Send + Sync>;

/// Everything that putting back needs except the database.
pub struct Remediator {
    /// Clients of the roles that may change something.
    pub pool: AwsPool,
    /// What is declared now.
    pub declared: DeclaredNow,
    /// How far it may go.
    pub config: Remediation,
    /// The rules of the configuration: what is ignored is not put back.
    pub rules: Rules,
    /// Business time.
    pub clock: SharedClock,
}

/// Why a drift cannot be planned for or put back.
#[derive(Debug, thiserror::Error)]
pub enum RemediateError {
    /// It is not what was approved, or a guard forbids it, or it cannot be done: said in full.
    #[error("{0}")]
    Refused(String),
    /// It cannot be done now, but may be later.
    #[error("{0}")]
    NotNow(String),
    /// AWS.
    #[error(transparent)]
    Fix(#[from] FixError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReadError> for RemediateError {
    fn from(error: ReadError) -> Self {
        Self::Fix(error.into())
    }
}

impl RemediateError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::NotNow(_) => true,
            Self::Fix(error) => error.is_transient(),
            Self::Store(error) => error.is_transient() || matches!(error, StoreError::Sql { .. }),
        }
    }
}

/// The type of a drift's resource.
fn kind_of(drift: &Drift) -> Result<&'static dyn ResourceType, RemediateError> {
    let name = &drift.key.scope.resource_type;
    crate::resource::find(name).ok_or_else(|| RemediateError::Refused(format!("no resource type is called {name}")))
}

/// The declared state that a drift was found against.
fn expected_of(drift: &Drift) -> ResourceState {
    state_of(&drift.expected_state)
}

/// A stored state; JSON `null` is an empty one.
fn state_of(value: &serde_json::Value) -> ResourceState {
    value.as_object().cloned().map(ResourceState::from).unwrap_or_default()
}

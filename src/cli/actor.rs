//! `--as EMAIL`: in whose name a command acts.

use clap::Args;

use crate::domain::user::Actor;
use crate::store::Store;
use crate::triage::{self, ActionError};

#[derive(Debug, Clone, Args)]
pub(super) struct ActorArgs {
    /// The acting user (role engineer or admin); without it the action is recorded without a user
    #[arg(long = "as", value_name = "EMAIL", env = "DRIFTSENTRY_USER")]
    user: Option<String>,
}

impl ActorArgs {
    /// The acting user, who must exist and be allowed to act.
    pub(super) async fn actor(&self, store: &Store) -> Result<Actor, ActionError> {
        match &self.user {
            Some(email) => Ok(Actor::from(&triage::actor(store, email).await?)),
            None => Ok(Actor::system()),
        }
    }
}

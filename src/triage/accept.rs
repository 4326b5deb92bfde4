//! `drifts reject --accept`: the live state of one drift becomes the baseline.
//!
//! It must never write what another source declares too: the two would contradict each other from the next scan on.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::ActionError;
use crate::domain::baseline::{BaselineAct, BaselineEntry, is_place_in_baseline};
use crate::domain::drift::{Drift, DriftKind};
use crate::domain::state::ResourceState;
use crate::domain::user::Actor;
use crate::store;
use crate::store::baseline::{Edits, NewVersion};

/// Takes the live state of `drift` over into the baseline; the version that says it.
///
/// A resource that is missing leaves the baseline, one that nothing declared enters it. Attributes that the drift does
/// not tell stay as the baseline says.
pub(super) async fn take_over(
    conn: &mut PgConnection,
    drift: &Drift,
    actor: &Actor,
    note: Option<&str>,
    now: DateTime<Utc>,
) -> Result<i64, ActionError> {
    if let Some(place) = drift.declared_in.as_ref().filter(|place| !is_place_in_baseline(place)) {
        let place = drift.terraform_address.as_ref().map_or_else(|| place.clone(), |at| format!("{at} ({place})"));
        return Err(ActionError::DeclaredElsewhere { key: drift.key.clone(), place });
    }
    store::baseline::lock(conn).await?;
    let current = store::baseline::find(conn, &drift.key).await?;
    let said_since = current.as_ref().map(|entry| entry.since_version);
    let Some(edits) = edits(drift, current)? else { return Ok(said_since.unwrap_or_default()) };
    let new = NewVersion {
        act: BaselineAct::Accepted,
        actor: actor.clone(),
        note: note.map(str::to_owned),
        drift_id: Some(drift.id),
    };
    Ok(store::baseline::add_version(conn, &new, &edits, now).await?)
}

/// What the baseline has to say otherwise; `None` if it says so already.
fn edits(drift: &Drift, current: Option<BaselineEntry>) -> Result<Option<Edits>, ActionError> {
    let key = drift.key.clone();
    let live = match &drift.actual_state {
        Value::Object(attributes) => ResourceState::from(attributes.clone()),
        _ => ResourceState::new(),
    };
    match (drift.kind, current) {
        (DriftKind::Missing, Some(_)) => Ok(Some(Edits { removed: vec![key], ..Edits::default() })),
        (DriftKind::Missing, None) => Ok(None),
        (DriftKind::Unmanaged, None) => Ok(Some(Edits { added: vec![(key, live)], ..Edits::default() })),
        (DriftKind::Changed, None) => Err(ActionError::NotInBaseline(key)),
        (_, Some(entry)) => {
            let after = entry.state.overlaid_with(&live);
            let is_new = after != entry.state;
            Ok(is_new.then(|| Edits { changed: vec![(key, after)], ..Edits::default() }))
        }
    }
}

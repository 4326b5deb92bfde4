//! `drifts ignore`: what one drift tells is no drift any more.
//!
//! The drift itself is left to the next scan, which sees live match expected and ends it by legal moves: only a scan
//! knows what is live, and the rule may cover a part of the drift only.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

use super::ActionError;
use crate::domain::drift::{Drift, DriftKind, DriftStatus};
use crate::domain::id::{DriftId, IgnoreRuleId};
use crate::domain::rule::{PointerGlob, literal};
use crate::domain::user::Actor;
use crate::store::event::{DriftEvent, NewEvent};
use crate::store::ignore::NewRule;
use crate::store::{self, Store, StoreError};

/// What is to be ignored of a drift.
#[derive(Debug, Clone, Default)]
pub struct Ignore {
    /// Globs over JSON pointers; empty means exactly what has changed.
    pub paths: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// The last day (UTC) on which the rule holds; `None` means for ever.
    pub until: Option<NaiveDate>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Ignored {
    /// The rule.
    pub rule: IgnoreRuleId,
    /// Its globs over JSON pointers.
    pub paths: Vec<String>,
    /// The drift.
    pub drift: Drift,
    /// Changes of the drift that the rule covers.
    pub covered: usize,
}

/// Writes a rule about the drift's resource, and the event that says so, in one transaction.
///
/// # Errors
/// If the drift is resolved, the last day is past, a path is malformed or covers nothing of the drift, or the database
/// fails; then nothing is written.
pub async fn ignore(
    store: &Store,
    id: DriftId,
    ignore: &Ignore,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Ignored, ActionError> {
    let mut tx = store.begin().await?;
    let drift = store::drift::get(&mut tx, id).await?;
    let paths = paths_of(&drift, ignore, now)?;
    let glob = PointerGlob::any_of(&paths).map_err(|error| ActionError::Refused(error.to_string()))?;
    let covered = drift.changes.iter().filter(|change| glob.matches(&change.pointer)).count();
    if covered == 0 {
        let changed: Vec<&str> = drift.changes.iter().map(|change| change.pointer.as_str()).collect();
        let changed = changed.join(", ");
        return Err(ActionError::Refused(format!("that covers nothing of drift {id}, which changed {changed}")));
    }
    let rule = IgnoreRuleId::new();
    let new = NewRule {
        id: rule,
        key: &drift.key,
        paths: &paths,
        reason: ignore.reason.as_deref(),
        until: ignore.until,
        drift_id: id,
        actor,
    };
    store::ignore::create(&mut tx, &new, now).await?;
    let details = json!({ "rule": rule, "paths": paths, "until": ignore.until, "reason": ignore.reason });
    let event = NewEvent { drift_id: id, event: DriftEvent::Ignored, actor: actor.clone(), details: Some(details) };
    store::event::append_all(&mut tx, &[event], now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Ignored { rule, paths, drift, covered })
}

fn paths_of(drift: &Drift, ignore: &Ignore, now: DateTime<Utc>) -> Result<Vec<String>, ActionError> {
    let refuse = |why: String| Err(ActionError::Refused(why));
    if drift.status == DriftStatus::Resolved {
        return refuse(format!("drift {} is resolved: there is nothing to ignore", drift.id));
    }
    if let Some(until) = ignore.until.filter(|until| *until < now.date_naive()) {
        return refuse(format!("{until} is past: write the last day (UTC) on which it is to be ignored"));
    }
    if ignore.paths.is_empty() {
        return Ok(drift.changes.iter().map(|change| literal(&change.pointer)).collect());
    }
    if drift.kind != DriftKind::Changed {
        return refuse("the resource is missing or undeclared as a whole: leave --path out".to_owned());
    }
    for path in &ignore.paths {
        PointerGlob::parse_typed(path).map_err(ActionError::Refused)?;
    }
    Ok(ignore.paths.clone())
}

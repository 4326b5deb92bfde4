//! A capture against the baseline in the database: what would be added, changed and removed, and the version that is
//! made of it.
//!
//! What could not be read stays as the baseline says, whole or in part: a failed read is never taken for "gone".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::capture::{Captured, CapturedResource, Wanted};
use crate::domain::baseline::{BaselineEntry, is_place_in_baseline};
use crate::domain::id::{ResourceKey, Scope};
use crate::domain::rule::Glob;
use crate::domain::state::{ResourceState, holds_nul};
use crate::domain::words::{clean, cut};
use crate::expected::{Declared, Estate};
use crate::resource::changes_of;
use crate::store::baseline::{Edits, NewVersion};
use crate::store::{self, Store, StoreError};

/// Characters of an id at most, as the database keeps it.
const RESOURCE_ID_MAX: usize = 255;

/// Which ids a capture covers; all if there is no glob.
#[derive(Debug, Clone, Default)]
pub struct Ids(pub Vec<Glob>);

impl Ids {
    /// Whether an id is covered.
    #[must_use]
    pub fn cover(&self, resource_id: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|glob| glob.matches(resource_id))
    }
}

/// A resource of which the baseline says something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The resource.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// JSON pointers of what differs.
    pub pointers: Vec<String>,
}

/// What a capture makes of the baseline.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The version that it is compared with; 0 if there is none.
    pub against: i64,
    /// What is to be written.
    pub edits: Edits,
    /// What differs in the changed resources, in their order.
    pub changed: Vec<Changed>,
    /// Resources that are as the baseline says.
    pub unchanged: usize,
    /// Resources that the capture covers and that stay as the baseline says because they could not be read.
    pub kept_unread: usize,
    /// Resources that cannot be stored, and why.
    pub refused: Vec<String>,
}

/// Whether a source other than the baseline declares a resource, or may do so.
#[must_use]
pub fn is_declared_elsewhere(estate: &Estate, key: &ResourceKey) -> bool {
    let scope = estate.scope(&key.scope);
    let elsewhere = |declared: Declared| !is_place_in_baseline(&declared.declared_in);
    scope.is_undecided(&key.resource_id) || scope.get(&key.resource_id).is_some_and(elsewhere)
}

/// The attributes that the baseline holds of each resource, so that a capture reads all of them again.
///
/// # Errors
/// If the database does not answer.
pub async fn wanted(store: &Store, scopes: &[Scope]) -> Result<Wanted, StoreError> {
    let entries = store::baseline::of_scopes(&mut *store.conn().await?, scopes).await?;
    let mut wanted = Wanted::new();
    for BaselineEntry { key, state, .. } in entries {
        let names: BTreeSet<String> = state.names().map(str::to_owned).collect();
        wanted.entry(key.scope).or_default().insert(key.resource_id, Arc::new(names));
    }
    Ok(wanted)
}

/// What a capture of the scopes would make of the baseline as it is now.
///
/// # Errors
/// If the database does not answer.
pub async fn preview(
    store: &Store,
    captured: &Captured,
    scopes: &[Scope],
    ids: &Ids,
) -> Result<Comparison, StoreError> {
    let mut conn = store.conn().await?;
    let against = store::baseline::newest(&mut conn).await?;
    let current = store::baseline::of_scopes(&mut conn, scopes).await?;
    Ok(Comparison { against, ..compare(captured, current, ids) })
}

/// Makes a version of what was captured; the number of the version and how it differs from the one before.
///
/// # Errors
/// If the database refuses; then nothing is written.
pub async fn keep(
    store: &Store,
    captured: &Captured,
    scopes: &[Scope],
    ids: &Ids,
    new: &NewVersion,
    now: DateTime<Utc>,
) -> Result<(i64, Comparison), StoreError> {
    let mut tx = store.begin().await?;
    store::baseline::lock(&mut tx).await?;
    let against = store::baseline::newest(&mut tx).await?;
    let current = store::baseline::of_scopes(&mut tx, scopes).await?;
    let comparison = Comparison { against, ..compare(captured, current, ids) };
    let version = store::baseline::add_version(&mut tx, new, &comparison.edits, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((version, comparison))
}

/// Compares what was captured with what the baseline says of the scopes.
#[must_use]
pub fn compare(captured: &Captured, current: Vec<BaselineEntry>, ids: &Ids) -> Comparison {
    let mut left: BTreeMap<ResourceKey, ResourceState> =
        current.into_iter().map(|entry| (entry.key, entry.state)).collect();
    let mut comparison = Comparison::default();
    for resource in captured.resources.iter().filter(|resource| ids.cover(&resource.resource_id)) {
        let (key, before) = (resource.key(), left.remove(&resource.key()));
        match why_not(resource) {
            Some(reason) => {
                let told = key.scope.key(&cut(&key.resource_id, 80));
                comparison.refused.push(clean(&format!("{told}: {reason}")));
            }
            None => comparison.place(key, before, &resource.state),
        }
    }
    for key in left.into_keys().filter(|key| ids.cover(&key.resource_id)) {
        if captured.listed.contains(&key.scope) && !captured.unread.contains(&key) {
            comparison.edits.removed.push(key);
        } else {
            comparison.kept_unread += 1;
        }
    }
    comparison
}

impl Comparison {
    fn place(&mut self, key: ResourceKey, before: Option<ResourceState>, live: &ResourceState) {
        let Some(before) = before else { return self.edits.added.push((key, live.clone())) };
        // What was not read this time is as it was said before.
        let after = before.overlaid_with(live);
        if after == before {
            self.unchanged += 1;
            return;
        }
        let kind = crate::resource::find(&key.scope.resource_type);
        let changes = kind.map(|kind| changes_of(kind, &before, &after)).unwrap_or_default();
        let pointers = changes.into_iter().map(|change| change.pointer).collect();
        self.changed.push(Changed { key: key.clone(), pointers });
        self.edits.changed.push((key, after));
    }
}

fn why_not(resource: &CapturedResource) -> Option<&'static str> {
    if resource.resource_id.chars().count() > RESOURCE_ID_MAX {
        return Some("its id has more than 255 characters");
    }
    let holds_nul = resource.resource_id.contains('\0') || holds_nul(&resource.state.to_value());
    holds_nul.then_some("it holds a NUL character, which the database cannot keep")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(region: &str) -> Scope {
        Scope { account_id: "123456789012".into(), region: region.into(), resource_type: "EC2".to_owned() }
    }

    fn live(id: &str, state: ResourceState) -> CapturedResource {
        let Scope { account_id, region, resource_type } = scope("us-east-1");
        CapturedResource { resource_type, resource_id: id.to_owned(), account_id, region, state }
    }

    fn said(region: &str, id: &str, state: ResourceState) -> BaselineEntry {
        BaselineEntry { key: scope(region).key(id), since_version: 1, state }
    }

    fn of_type(name: &str) -> ResourceState {
        ResourceState::new().with("InstanceType", name)
    }

    #[test]
    fn what_is_gone_leaves_only_a_listing_that_was_read_whole_and_covers_it() {
        let captured = Captured {
            resources: vec![live("web-1", of_type("m5.large")), live("db-1", of_type("m5.large"))],
            listed: [scope("us-east-1")].into(),
            unread: [scope("us-east-1").key("web-busy")].into(),
            ..Captured::default()
        };
        let current = || {
            vec![
                said("us-east-1", "web-1", of_type("m5.large")),
                said("us-east-1", "web-gone", of_type("m5.large")),
                said("us-east-1", "web-busy", of_type("m5.large")),
                said("us-east-1", "db-gone", of_type("m5.large")),
                said("eu-west-1", "web-far", of_type("m5.large")),
            ]
        };
        let web = Ids(vec![Glob::parse("web-*").expect("a glob")]);
        let some = compare(&captured, current(), &web);
        assert_eq!(some.edits.removed, [scope("us-east-1").key("web-gone")]);
        assert_eq!((some.edits.added.len(), some.unchanged, some.kept_unread), (0, 1, 2));
        let all = compare(&captured, current(), &Ids::default());
        assert_eq!(all.edits.removed, [scope("us-east-1").key("db-gone"), scope("us-east-1").key("web-gone")]);
        assert_eq!(all.edits.added.len(), 1);
    }

    #[test]
    fn an_attribute_that_was_not_read_is_as_it_was_said_before() {
        let before = of_type("m5.large").with("DisableApiStop", true);
        let captured = Captured { resources: vec![live("i-1", of_type("m5.xlarge"))], ..Captured::default() };
        let compared = compare(&captured, vec![said("us-east-1", "i-1", before)], &Ids::default());
        assert_eq!(compared.changed[0].pointers, ["/InstanceType"]);
        assert_eq!(compared.edits.changed[0].1, of_type("m5.xlarge").with("DisableApiStop", true));
    }

    #[test]
    fn what_cannot_be_stored_is_told_and_spoils_nothing() {
        let resources =
            vec![live("i-1", ResourceState::new().with("Tags", json!({"a": "b\0"}))), live("i-2", of_type("m5.large"))];
        let compared = compare(&Captured { resources, ..Captured::default() }, Vec::new(), &Ids::default());
        assert_eq!(compared.edits.added.len(), 1);
        assert!(compared.refused[0].contains("EC2 i-1") && compared.refused[0].contains("NUL"), "{compared:?}");
    }
}

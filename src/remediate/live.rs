//! The live state of one drift's resource, read now, as a scan would compare it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;

use super::{RemediateError, Remediator, expected_of, kind_of, state_of};
use crate::domain::diff::{Change, revert};
use crate::domain::drift::Drift;
use crate::domain::rule::{IgnoreRule, Subject};
use crate::domain::state::ResourceState;
use crate::resource::{Aws, Live, ReadRequest, ResourceType, Undeclared, changes_of};

/// What was seen.
#[derive(Debug)]
pub(super) enum Sight {
    /// The resource is not there.
    Gone,
    /// AWS is at work on it, in its words.
    Unsettled(String),
    /// It is there.
    Seen(Seen),
}

/// A resource that was read.
#[derive(Debug)]
pub(super) struct Seen {
    /// What the drift was found against.
    pub(super) expected: ResourceState,
    /// The same attributes as they are.
    pub(super) actual: ResourceState,
    /// What differs.
    pub(super) changes: Vec<Change>,
    /// Attributes that AWS has promised to bring to what is declared.
    pub(super) promised: BTreeSet<String>,
}

impl Seen {
    /// The pointers of what differs.
    pub(super) fn pointers(&self) -> Vec<String> {
        self.changes.iter().map(|change| change.pointer.clone()).collect()
    }

    /// Whether all that differs is promised.
    pub(super) fn is_promised(&self) -> bool {
        self.changes.iter().all(|change| self.promised.contains(&change.attribute()))
    }
}

impl Remediator {
    /// Reads the resource of a drift. `ignore` are the rules that the database holds.
    pub(super) async fn look(&self, aws: &Aws, drift: &Drift, ignore: &[IgnoreRule]) -> Result<Sight, RemediateError> {
        let kind = kind_of(drift)?;
        let expected = expected_of(drift);
        let Some(live) = read_one(kind, aws, drift, &expected).await? else { return Ok(Sight::Gone) };
        if let Some(doing) = live.unsettled {
            return Ok(Sight::Unsettled(doing));
        }
        for name in expected.names() {
            if let Some(reason) = live.unknown.get(name) {
                return Err(RemediateError::NotNow(format!("{name} of {} cannot be read: {reason}", drift.key)));
            }
        }
        let names: BTreeSet<String> = expected.names().map(str::to_owned).collect();
        let mut actual = live.state.restricted_to(&names);
        kind.align(&expected, &mut actual);
        let mut changes = changes_of(kind, &expected, &actual);
        changes.retain(|change| {
            let is_ignored = self.is_ignored(drift, change, ignore);
            if is_ignored {
                revert(&mut actual, change);
            }
            !is_ignored
        });
        let promised = promised(kind, &expected, &live);
        Ok(Sight::Seen(Seen { expected, actual, changes, promised }))
    }

    fn is_ignored(&self, drift: &Drift, change: &Change, further: &[IgnoreRule]) -> bool {
        let subject = Subject { key: &drift.key, account_name: drift.account_name.as_deref() };
        let today = self.clock.now().date_naive();
        let mut rules = self.rules.ignore.iter().chain(further);
        rules.any(|rule| rule.holds_on(today) && rule.selector.matches(subject, &change.pointer))
    }
}

async fn read_one(
    kind: &dyn ResourceType,
    aws: &Aws,
    drift: &Drift,
    expected: &ResourceState,
) -> Result<Option<Live>, RemediateError> {
    let id = &drift.key.resource_id;
    let marks = kind.read_marks(expected).iter().copied();
    let names: BTreeSet<String> = expected.names().chain(marks).map(str::to_owned).collect();
    let request = ReadRequest {
        scope: drift.key.scope.clone(),
        declared: BTreeMap::from([(id.clone(), Arc::new(names))]),
        region_open: BTreeSet::new(),
        is_home: true,
        regions: vec![drift.key.scope.region.clone()],
        undeclared: Undeclared::Skip,
    };
    let mut found = None;
    let mut stream = kind.read(aws, &request);
    while let Some(live) = stream.next().await {
        let live = live?;
        if live.resource_id == *id && !live.elsewhere {
            found = Some(live);
        }
    }
    Ok(found)
}

/// Attributes whose value to come is the declared one.
fn promised(kind: &dyn ResourceType, expected: &ResourceState, live: &Live) -> BTreeSet<String> {
    let is_as_declared = |(name, value): &(&str, &serde_json::Value)| {
        let Some(wanted) = expected.get(name) else { return false };
        let wanted = ResourceState::new().with(name, wanted.clone());
        let mut value = ResourceState::new().with(name, (*value).clone());
        kind.align(&wanted, &mut value);
        changes_of(kind, &wanted, &value).is_empty()
    };
    live.pending.iter().filter(is_as_declared).map(|(name, _)| name.to_owned()).collect()
}

/// What differs now and was neither approved nor is the subject of calls that were made (`touched`, JSON pointers).
pub(super) fn strange<'c>(drift: &Drift, now: &'c [Change], touched: &[String]) -> Vec<&'c Change> {
    let Ok(kind) = kind_of(drift) else { return now.iter().collect() };
    let approved = changes_of(kind, &expected_of(drift), &state_of(&drift.actual_state));
    let is_below = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
    let is_ours = |change: &Change| {
        touched.iter().any(|pointer| is_below(&change.pointer, pointer) || is_below(pointer, &change.pointer))
    };
    now.iter().filter(|change| !approved.contains(change) && !is_ours(change)).collect()
}

//! The tags, which AWS takes in any status of the database.

use super::draft::Draft;
use super::parameters::{AddTags, Pair, RemoveTags};
use crate::resource::fix::FixStep;
use crate::resource::fix::tags::{TagChanges, listed};

pub(super) const ADD: &str = "AddTagsToResource";
pub(super) const REMOVE: &str = "RemoveTagsFromResource";
pub(super) const OPERATIONS: &[&str] = &[ADD, REMOVE];

/// Tags go before others come, so that a full set has room.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let changes = TagChanges::of(draft.request.changes);
    let resource_name = draft.now.arn.clone();
    if !changes.remove.is_empty() {
        let tag_keys = changes.remove.keys().cloned().collect();
        let parameters = RemoveTags { resource_name: resource_name.clone(), tag_keys };
        let step = FixStep::new("rds", REMOVE, &["rds:RemoveTagsFromResource"], &parameters);
        let summary = format!("delete the tags {}", listed(&changes.remove));
        draft.steps.push(step.restoring(changes.removed_pointers()).saying(summary));
    }
    if !changes.set.is_empty() {
        let pair = |(key, value): (&String, &String)| Pair { key: key.clone(), value: value.clone() };
        let parameters = AddTags { resource_name, tags: changes.set.iter().map(pair).collect() };
        let step = FixStep::new("rds", ADD, &["rds:AddTagsToResource"], &parameters);
        let summary = format!("set the tags {}", listed(&changes.set));
        draft.steps.push(step.restoring(changes.set_pointers()).saying(summary));
    }
}

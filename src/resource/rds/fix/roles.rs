//! The roles that the database may use, one for each feature.

use serde_json::Value;

use super::draft::Draft;
use super::parameters::FeatureRole;
use crate::domain::diff::Change;
use crate::resource::fix::FixStep;

pub(super) const ADD: &str = "AddRoleToDBInstance";
pub(super) const REMOVE: &str = "RemoveRoleFromDBInstance";

/// Roles go before others come: a feature has room for one.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let mut added = Vec::new();
    for change in draft.changes_of("AssociatedRoles") {
        let Some(feature) = change.keys().get(1).cloned() else { continue };
        let (declared, live) = (role_of(change.from.as_ref()), role_of(change.to.as_ref()));
        if let Some(live) = live {
            let restores = declared.is_none().then_some(change);
            let step = step(draft, REMOVE, &["rds:RemoveRoleFromDBInstance"], &feature, live);
            let step = step.saying(format!("take the role {live} away"));
            draft.steps.push(step.restoring(restores.map(|change: &Change| &change.pointer)));
        }
        if let Some(declared) = declared {
            let step = step(draft, ADD, &["rds:AddRoleToDBInstance", "iam:PassRole"], &feature, declared);
            let step = step.saying(format!("give it the role {declared}"));
            added.push(step.restoring([&change.pointer]).loosening(true));
        }
    }
    draft.steps.extend(added);
}

/// The role in an entry, or in its one field.
fn role_of(value: Option<&Value>) -> Option<&str> {
    let value = value?;
    value.get("RoleArn").unwrap_or(value).as_str()
}

/// A role without a feature is keyed by itself.
fn step(
    draft: &Draft<'_>,
    operation: &'static str,
    actions: &'static [&'static str],
    feature: &str,
    role: &str,
) -> FixStep {
    let feature_name = if feature == role { String::new() } else { feature.to_owned() };
    let parameters = FeatureRole { id: draft.id().to_owned(), role_arn: role.to_owned(), feature_name };
    FixStep::new("rds", operation, actions, &parameters)
}

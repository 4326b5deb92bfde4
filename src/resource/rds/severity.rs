//! How bad a change of a database is, where that depends on what changed to what.

use serde_json::Value;

use super::version;
use crate::domain::diff::Change;
use crate::domain::severity::Severity::{self, Critical, Info, Warning};
use crate::domain::state::ResourceState;

/// Reachable from the internet is critical; no longer reachable may break a client.
pub(super) fn exposure(change: &Change) -> Severity {
    if is(change, true) { Critical } else { Warning }
}

/// Storage in clear text is critical.
pub(super) fn encryption(change: &Change) -> Severity {
    if is(change, false) { Critical } else { Warning }
}

/// Protection lost is critical, gained is good to know.
pub(super) fn protection(change: &Change) -> Severity {
    if is(change, false) { Critical } else { Info }
}

/// Backups off are critical.
pub(super) fn backups(change: &Change) -> Severity {
    if change.to.as_ref().and_then(Value::as_u64) == Some(0) { Critical } else { Warning }
}

/// What gives access (a security group, a role): more of it is critical, less of it may break a client.
pub(super) fn access(change: &Change) -> Severity {
    let is_less = change.from.is_some() && change.to.is_none();
    if is_less { Warning } else { Critical }
}

/// A newer minor version is what automatic upgrades bring.
pub(super) fn engine_version(change: &Change) -> Severity {
    match (change.from_str(), change.to_str()) {
        (Some(declared), Some(live)) if version::is_minor_upgrade(declared, live) => Info,
        _ => Warning,
    }
}

/// Whether storage grew as its autoscaling limit allows: nobody's mistake.
pub(super) fn is_autoscaling(change: &Change, live: &ResourceState) -> bool {
    let figure = |value: Option<&Value>| value.and_then(Value::as_u64);
    match (figure(change.from.as_ref()), figure(change.to.as_ref()), figure(live.get("MaxAllocatedStorage"))) {
        (Some(from), Some(to), Some(limit)) => change.pointer == "/AllocatedStorage" && from < to && to <= limit,
        _ => false,
    }
}

fn is(change: &Change, flag: bool) -> bool {
    change.to == Some(Value::Bool(flag))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::diff::Change;
    use crate::domain::severity::Severity::{self, Critical, Info, Warning};
    use crate::domain::state::ResourceState;
    use crate::resource::ResourceType;
    use crate::resource::rds::Rds;

    fn rated(pointer: &str, from: serde_json::Value, to: serde_json::Value) -> Severity {
        let some = |value: serde_json::Value| Some(value).filter(|value| !value.is_null());
        Rds.severity(&Change { pointer: pointer.to_owned(), from: some(from), to: some(to) })
    }

    #[test]
    fn what_weakens_is_critical_and_what_strengthens_is_not() {
        assert_eq!(rated("/PubliclyAccessible", json!(false), json!(true)), Critical);
        assert_eq!(rated("/PubliclyAccessible", json!(true), json!(false)), Warning);
        assert_eq!(rated("/StorageEncrypted", json!(true), json!(false)), Critical);
        assert_eq!(rated("/DeletionProtection", json!(true), json!(false)), Critical);
        assert_eq!(rated("/DeletionProtection", json!(false), json!(true)), Info);
        assert_eq!(rated("/BackupRetentionPeriod", json!(7), json!(0)), Critical);
        assert_eq!(rated("/BackupRetentionPeriod", json!(7), json!(1)), Warning);
    }

    #[test]
    fn a_way_in_more_is_critical_and_one_less_is_a_warning() {
        assert_eq!(rated("/VpcSecurityGroups/sg-1", json!(null), json!({})), Critical);
        assert_eq!(rated("/VpcSecurityGroups/sg-1", json!({}), json!(null)), Warning);
        assert_eq!(rated("/AssociatedRoles/s3Import", json!(null), json!({"RoleArn": "r"})), Critical);
        assert_eq!(rated("/AssociatedRoles/s3Import/RoleArn", json!("r"), json!("s")), Critical);
    }

    #[test]
    fn a_newer_minor_version_is_an_info_and_any_other_a_warning() {
        assert_eq!(rated("/EngineVersion", json!("16.4"), json!("16.10")), Info);
        assert_eq!(rated("/EngineVersion", json!("16.10"), json!("16.4")), Warning);
        assert_eq!(rated("/EngineVersion", json!("15"), json!("16.4")), Warning);
    }

    #[test]
    fn storage_that_grew_within_its_limit_is_an_info() {
        let live = |limit: u64| ResourceState::new().with("MaxAllocatedStorage", limit);
        let change = |from: u64, to: u64| Change {
            pointer: "/AllocatedStorage".to_owned(),
            from: Some(from.into()),
            to: Some(to.into()),
        };
        assert_eq!(Rds.severity_within(&change(20, 40), &live(100)), Info);
        assert_eq!(Rds.severity_within(&change(20, 140), &live(100)), Warning);
        assert_eq!(Rds.severity_within(&change(40, 20), &live(100)), Warning);
        assert_eq!(Rds.severity_within(&change(20, 40), &live(0)), Warning);
    }
}

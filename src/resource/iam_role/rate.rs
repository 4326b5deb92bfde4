//! How bad a change of a role is: what may grant more is critical, what takes away or cannot do harm is not.

use serde_json::Value;

use crate::domain::diff::Change;
use crate::domain::policy::widened;
use crate::domain::severity::Severity;

/// Name parts of managed policies that take permissions away: to lose one of them is to gain what it denied.
const DENYING_NAMES: [&str; 2] = ["deny", "quarantine"];

/// A trust policy: critical if somebody may assume the role who may not have before.
pub(super) fn trust(change: &Change) -> Severity {
    by_meaning(change)
}

/// An embedded policy: critical if it may grant more than before.
pub(super) fn inline(change: &Change) -> Severity {
    by_meaning(change)
}

fn by_meaning(change: &Change) -> Severity {
    let widening = widened(change.from.as_ref().unwrap_or(&Value::Null), change.to.as_ref().unwrap_or(&Value::Null));
    if widening.is_any() { Severity::Critical } else { Severity::Warning }
}

/// A managed policy: attached is critical, detached is not, unless it was there to deny.
pub(super) fn attached(change: &Change) -> Severity {
    let denies = || {
        let name = change.key().to_ascii_lowercase();
        DENYING_NAMES.iter().any(|part| name.contains(part))
    };
    if change.to.is_some() || denies() { Severity::Critical } else { Severity::Warning }
}

/// The boundary: to lose or to change it is critical, to gain one is not.
pub(super) fn boundary(change: &Change) -> Severity {
    match &change.from {
        None | Some(Value::Null) => Severity::Warning,
        Some(_) => Severity::Critical,
    }
}

/// The longest session: longer is a warning, shorter an info.
pub(super) fn max_session(change: &Change) -> Severity {
    let seconds = |value: &Option<Value>| value.as_ref().and_then(Value::as_i64);
    match (seconds(&change.from), seconds(&change.to)) {
        (Some(from), Some(to)) if to < from => Severity::Info,
        _ => Severity::Warning,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(pointer: &str, from: Value, to: Value) -> Change {
        let some = |value: Value| (!value.is_null()).then_some(value);
        Change { pointer: pointer.to_owned(), from: some(from), to: some(to) }
    }

    #[test]
    fn a_policy_that_denies_is_missed_critically() {
        let detached = |arn: &str| attached(&change(&format!("/AttachedPolicies/{arn}"), json!({}), Value::Null));
        assert_eq!(detached("arn:aws:iam::aws:policy~1AWSDenyAll"), Severity::Critical);
        assert_eq!(detached("arn:aws:iam::aws:policy~1ReadOnlyAccess"), Severity::Warning);
    }

    #[test]
    fn an_embedded_policy_that_only_denies_is_gained_mildly_and_lost_critically() {
        let deny = json!({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}});
        assert_eq!(inline(&change("/InlinePolicies/x", Value::Null, deny.clone())), Severity::Warning);
        assert_eq!(inline(&change("/InlinePolicies/x", deny, Value::Null)), Severity::Critical);
        let allow = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        assert_eq!(inline(&change("/InlinePolicies/x", Value::Null, allow.clone())), Severity::Critical);
        assert_eq!(inline(&change("/InlinePolicies/x", allow, Value::Null)), Severity::Warning);
    }

    #[test]
    fn a_principal_that_was_deleted_is_another_principal_and_critical() {
        let trust_of = |principal: &str| {
            json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
            ]})
        };
        let declared = trust_of("arn:aws:iam::123456789012:role/deployer");
        for deleted in ["AROAEXAMPLEEXAMPLE12", "AIDAEXAMPLEEXAMPLE12"] {
            let change = change("/AssumeRolePolicyDocument", declared.clone(), trust_of(deleted));
            assert_eq!(trust(&change), Severity::Critical);
        }
    }

    #[test]
    fn what_bounds_a_role_is_lost_critically() {
        assert_eq!(boundary(&change("/PermissionsBoundary", json!("a"), Value::Null)), Severity::Critical);
        assert_eq!(boundary(&change("/PermissionsBoundary", json!("a"), json!("b"))), Severity::Critical);
        assert_eq!(boundary(&change("/PermissionsBoundary", Value::Null, json!("b"))), Severity::Warning);
        assert_eq!(max_session(&change("/MaxSessionDuration", json!(3600), json!(7200))), Severity::Warning);
        assert_eq!(max_session(&change("/MaxSessionDuration", json!(7200), json!(3600))), Severity::Info);
    }
}

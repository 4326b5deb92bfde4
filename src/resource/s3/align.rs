//! Live values brought nearer to a declaration where the two mean the same only when seen together.

use serde_json::Value;

use crate::domain::schema;
use crate::domain::state::ResourceState;

use super::acl;
use super::attributes::ATTRIBUTES;
use super::rules::pair_unnamed;

/// Aligns `live` with `declared`, both canonical.
pub(super) fn align(declared: &ResourceState, live: &mut ResourceState) {
    pair(declared, live);
    schema::align(ATTRIBUTES, declared, live);
}

/// As [`align`], but nothing is dropped: keys and spellings become the declaration's.
pub(super) fn pair(declared: &ResourceState, live: &mut ResourceState) {
    for (name, live) in live.iter_mut() {
        let Some(declared) = declared.get(name) else { continue };
        match name {
            "Acl" => acl::align(declared, live),
            "Encryption" => same_key(declared, live),
            "Versioning" => no_longer_versioned(declared, live),
            "Lifecycle" => pair_unnamed(declared, live, "Filter"),
            "Replication" => pair_within(declared, live, "Rules", "Destination"),
            "Notification" => {
                pair_within(declared, live, "TopicConfigurations", "TopicArn");
                pair_within(declared, live, "QueueConfigurations", "QueueArn");
                pair_within(declared, live, "LambdaFunctionConfigurations", "LambdaFunctionArn");
            }
            _ => {}
        }
    }
}

/// A bucket that was versioned once never gets back to `Disabled`: `Suspended` is as near as it gets, and keeps no more.
fn no_longer_versioned(declared: &Value, live: &mut Value) {
    let status = |versioning: &Value| versioning.get("Status").and_then(Value::as_str).map(str::to_owned);
    if status(declared).as_deref() == Some("Disabled") && status(live).as_deref() == Some("Suspended") {
        live["Status"] = "Disabled".into();
    }
}

fn pair_within(declared: &Value, live: &mut Value, field: &str, identity: &str) {
    if let (Some(declared), Some(live)) = (declared.get(field), live.get_mut(field)) {
        pair_unnamed(declared, live, identity);
    }
}

/// A KMS key may be given by ARN or by id alone, an alias likewise: the live one is written as the declaration writes it.
fn same_key(declared: &Value, live: &mut Value) {
    const FIELD: &str = "KMSMasterKeyID";
    let (Some(declared), Some(live)) = (declared.get(FIELD).and_then(Value::as_str), live.get_mut(FIELD)) else {
        return;
    };
    if live.as_str().is_some_and(|live| is_same_key(declared, live)) {
        *live = declared.into();
    }
}

fn is_same_key(a: &str, b: &str) -> bool {
    // Two ARNs that differ name different keys, whatever their ids: accounts and regions have keys of their own.
    let both_arns = a.starts_with("arn:") && b.starts_with("arn:");
    a == b || (!both_arns && key_name(a) == key_name(b))
}

/// What names a key within its account and region: `ID` or `alias/NAME`.
fn key_name(key: &str) -> &str {
    let resource = if key.starts_with("arn:") { key.rsplit(':').next().unwrap_or(key) } else { key };
    resource.strip_prefix("key/").unwrap_or(resource)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn suspended_versioning_meets_a_declaration_of_none_but_not_the_other_way_round() {
        let aligned = |declared: &str, live: &str| {
            let mut live = json!({"Status": live, "MFADelete": "Disabled"});
            no_longer_versioned(&json!({"Status": declared}), &mut live);
            live["Status"] == declared
        };
        assert!(aligned("Disabled", "Suspended"));
        assert!(
            !aligned("Disabled", "Enabled") && !aligned("Suspended", "Disabled") && !aligned("Enabled", "Suspended")
        );
    }

    #[test]
    fn a_key_id_and_its_arn_are_the_same_key() {
        let arn = "arn:aws:kms:us-east-1:123456789012:key/1f2e";
        assert!(is_same_key(arn, "1f2e") && is_same_key("key/1f2e", arn) && is_same_key(arn, arn));
        assert!(is_same_key("alias/data", "arn:aws:kms:us-east-1:123456789012:alias/data"));
        assert!(!is_same_key(arn, "arn:aws:kms:us-east-1:210987654321:key/1f2e"));
        assert!(!is_same_key("1f2e", "alias/1f2e"));
    }
}

//! Faults of a declared bucket state: shapes by the attribute table, then words and dates that AWS would refuse.
//!
//! A misspelt `enabled` would otherwise be reported as drift for ever. Faults are found in DriftSentry's form and
//! told at the place in the declaration, which may be written in AWS's.

use serde_json::Value;

use crate::domain::schema::{self, StateProblem, Words, check_words, for_each_text, is_at};
use crate::domain::state::{ResourceState, escape, unescape};

use super::attributes::ATTRIBUTES;
use super::rules::parse_date;
use super::shape::reshape;

/// Where only certain words are possible; `*` stands for any key.
const WORDS: &[Words] = &[
    ("/OwnershipControls/ObjectOwnership", &["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]),
    ("/Encryption/SSEAlgorithm", &["AES256", "aws:kms", "aws:kms:dsse", "aws:fsx"]),
    ("/Versioning/Status", &["Enabled", "Suspended", "Disabled"]),
    ("/Versioning/MFADelete", &["Enabled", "Disabled"]),
    ("/Lifecycle/*/Status", &["Enabled", "Disabled"]),
    ("/Replication/Rules/*/Status", &["Enabled", "Disabled"]),
    ("/ObjectLock/ObjectLockEnabled", &["Enabled"]),
    ("/ObjectLock/Rule/DefaultRetention/Mode", &["GOVERNANCE", "COMPLIANCE"]),
    ("/Accelerate", &["Enabled", "Suspended"]),
    ("/RequestPayment", &["BucketOwner", "Requester"]),
];

/// Where a text must be a date.
const DATES: &[&str] = &["/Lifecycle/*/Expiration/Date", "/Lifecycle/*/Transitions/*/Date"];

/// What a permission in an ACL may be.
const PERMISSIONS: &[&str] = &["FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP"];

/// Every fault of a declared state, in the order of its attributes.
pub(super) fn check(declared: &ResourceState) -> Vec<StateProblem> {
    let mut state = declared.clone();
    reshape(&mut state);
    let mut problems = schema::check(ATTRIBUTES, &state);
    problems.extend(check_words(WORDS, &state));
    check_dates(&state, &mut problems);
    check_grants(&state, &mut problems);
    check_ownership(&state, &mut problems);
    let given = declared.to_value();
    for problem in &mut problems {
        problem.pointer = locate(&given, &problem.pointer);
    }
    problems
}

fn check_dates(state: &ResourceState, problems: &mut Vec<StateProblem>) {
    for_each_text(state, &mut |pointer, text| {
        if DATES.iter().any(|pattern| is_at(pattern, pointer)) && parse_date(text).is_none() {
            let message = format!("`{text}` is no date: write it as 2027-01-31 or 2027-01-31T00:00:00Z");
            problems.push(StateProblem { pointer: pointer.to_owned(), message });
        }
    });
}

fn check_grants(state: &ResourceState, problems: &mut Vec<StateProblem>) {
    let Some(Value::Object(grants)) = state.get("Acl") else { return };
    for key in grants.keys() {
        let permission = key.rsplit_once(':').filter(|(grantee, _)| !grantee.is_empty()).map(|(_, word)| word);
        if !permission.is_some_and(|word| PERMISSIONS.contains(&word)) {
            let message = format!(
                "`{key}` is no grant: write grantee:permission, such as owner:FULL_CONTROL; permissions are {}",
                PERMISSIONS.join(", ")
            );
            problems.push(StateProblem { pointer: format!("/Acl/{}", escape(key)), message });
        }
    }
}

fn check_ownership(state: &ResourceState, problems: &mut Vec<StateProblem>) {
    if let Some(Value::Object(controls)) = state.get("OwnershipControls")
        && controls.get("ObjectOwnership").is_none_or(Value::is_null)
    {
        let message = "ObjectOwnership is missing: write {\"ObjectOwnership\": \"BucketOwnerEnforced\"}, or null for \
                       a bucket without ownership controls";
        problems.push(StateProblem { pointer: "/OwnershipControls".to_owned(), message: message.to_owned() });
    }
}

/// The pointer into a declaration as given for a pointer into its reshaped form: along the same keys as far as they
/// are there, into lists by the element that carries the key as its identity. Stops where the two forms part.
fn locate(given: &Value, pointer: &str) -> String {
    let (mut at, mut found) = (given, String::new());
    for token in pointer.split('/').skip(1) {
        let key = unescape(token);
        let mut step = child(at, &key);
        if step.is_none()
            && let Some((wrapper, list)) = ["Rules", "CORSRules"].iter().find_map(|name| Some((name, at.get(name)?)))
        {
            found = format!("{found}/{wrapper}");
            step = child(list, &key);
        }
        let Some((token, next)) = step else { break };
        found = format!("{found}/{token}");
        at = next;
    }
    // A key that is missing altogether is told at the pointer that was asked for.
    if found.is_empty() { pointer.to_owned() } else { found }
}

fn child<'a>(at: &'a Value, key: &str) -> Option<(String, &'a Value)> {
    match at {
        Value::Object(entries) => entries.get(key).map(|value| (escape(key), value)),
        Value::Array(items) => {
            let names = |item: &Value| {
                ["ID", "Id", "StorageClass", "Key"]
                    .iter()
                    .any(|field| item.get(field).and_then(Value::as_str) == Some(key))
            };
            let index = items.iter().position(names).or_else(|| key.parse().ok())?;
            items.get(index).map(|value| (index.to_string(), value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(state: &Value) -> Vec<(String, String)> {
        let state: ResourceState = serde_json::from_value(state.clone()).unwrap();
        check(&state).into_iter().map(|problem| (problem.pointer, problem.message)).collect()
    }

    #[test]
    fn a_misspelt_word_is_told_with_the_words_that_are_possible() {
        let found = problems(&json!({ "Versioning": { "Status": "enabled" } }));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "/Versioning/Status");
        assert!(found[0].1.contains("Enabled or Suspended or Disabled"), "{}", found[0].1);
    }

    #[test]
    fn a_fault_in_awss_own_form_is_told_at_its_place_there() {
        let found = problems(&json!({ "Lifecycle": { "Rules": [
            { "ID": "a", "Status": "Enabled" },
            { "ID": "b", "Status": "Enabled", "Expiration": { "Days": "30" } },
        ] } }));
        assert_eq!(
            found,
            [("/Lifecycle/Rules/1/Expiration/Days".to_owned(), "a text where a whole number belongs".to_owned())]
        );
    }

    #[test]
    fn wrong_grants_dates_and_shapes_are_refused() {
        for (state, pointer) in [
            (json!({ "Acl": { "AllUsers": {} } }), "/Acl/AllUsers"),
            (json!({ "Acl": "publik" }), "/Acl"),
            (json!({ "Lifecycle": { "x": { "Expiration": { "Date": "soon" } } } }), "/Lifecycle/x/Expiration/Date"),
            (json!({ "Lifecycle": [1] }), "/Lifecycle"),
            (json!({ "OwnershipControls": {} }), "/OwnershipControls"),
            (json!({ "Website": { "Index": {} } }), "/Website/Index"),
            (json!({ "Versionning": {} }), "/Versionning"),
        ] {
            let found = problems(&state);
            assert_eq!(found.iter().map(|(pointer, _)| pointer.as_str()).collect::<Vec<_>>(), [pointer], "{state}");
        }
    }

    #[test]
    fn awss_own_forms_are_taken() {
        let found = problems(&json!({
            "Acl": "private",
            "OwnershipControls": { "Rules": [{ "ObjectOwnership": "ObjectWriter" }] },
            "Encryption": { "Rules": [{ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" } }] },
            "Cors": { "CORSRules": [{ "AllowedMethods": ["GET"], "AllowedOrigins": ["*"] }] },
            "Accelerate": { "Status": "Enabled" },
            "Tags": [{ "Key": "Env", "Value": "prod" }],
            "Policy": null,
        }));
        assert_eq!(found, []);
    }
}

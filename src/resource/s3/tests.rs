//! The laws of a bucket's canonical form: equal meaning is equal JSON, whatever the form it was written in.

use serde_json::{Value, json};

use super::super::{ResourceType, changes_of};
use super::attributes::ATTRIBUTES;
use super::gets::GETS;
use super::{S3, canonical};
use crate::domain::state::ResourceState;

fn canonical_of(state: Value) -> Value {
    let mut state: ResourceState = serde_json::from_value(state).expect("an object");
    canonical(&mut state);
    let once = state.to_value();
    canonical(&mut state);
    assert_eq!(state.to_value(), once, "canonical form is not idempotent");
    once
}

fn assert_all_mean_the_same(forms: &[Value]) {
    let first = canonical_of(forms[0].clone());
    for form in &forms[1..] {
        assert_eq!(canonical_of(form.clone()), first, "{form}");
    }
}

#[test]
fn every_attribute_is_read_by_one_call() {
    let read: Vec<&str> = GETS.iter().map(|get| get.attribute).collect();
    let described: Vec<&str> = ATTRIBUTES.iter().map(|attribute| attribute.name).collect();
    assert_eq!(read, described);
}

#[test]
fn the_scan_policy_names_every_action_once() {
    let actions: std::collections::BTreeSet<&str> = S3.scan_actions().iter().copied().collect();
    assert_eq!(actions.len(), S3.scan_actions().len());
    assert!(actions.contains("s3:ListAllMyBuckets") && actions.contains("s3:GetEncryptionConfiguration"));
}

#[test]
fn the_example_is_valid_canonical_and_complete() {
    let example = S3.example();
    assert_eq!(S3.check(&example), []);
    assert_eq!(canonical_of(example.to_value()), example.to_value());
    assert_eq!(example.names().count(), ATTRIBUTES.len());
}

#[test]
fn what_a_bucket_does_not_have_is_written_out_as_awss_default() {
    let absent: ResourceState =
        ATTRIBUTES.iter().fold(ResourceState::new(), |state, a| state.with(a.name, Value::Null));
    let state = canonical_of(absent.to_value());
    let all_off = json!({
        "BlockPublicAcls": false, "BlockPublicPolicy": false, "IgnorePublicAcls": false, "RestrictPublicBuckets": false,
    });
    assert_eq!(state["PublicAccessBlock"], all_off);
    assert_eq!(
        state["Encryption"],
        json!({ "SSEAlgorithm": "AES256", "KMSMasterKeyID": null, "BucketKeyEnabled": false })
    );
    assert_eq!(state["Versioning"], json!({ "Status": "Disabled", "MFADelete": "Disabled" }));
    assert_eq!((&state["Accelerate"], &state["RequestPayment"]), (&json!("Suspended"), &json!("BucketOwner")));
    assert_eq!((&state["Logging"], &state["Cors"], &state["Lifecycle"]), (&json!(null), &json!([]), &json!({})));
    assert_eq!(state["Notification"]["EventBridge"], json!(false));
}

#[test]
fn lifecycle_rules_mean_the_same_in_any_order_and_with_any_spelling_of_the_filter() {
    let transitions = json!([{ "StorageClass": "STANDARD_IA", "Days": 30 }, { "StorageClass": "GLACIER", "Days": 90 }]);
    let turned = json!([{ "StorageClass": "GLACIER", "Days": 90 }, { "StorageClass": "STANDARD_IA", "Days": 30 }]);
    let whole = |filter: Value| {
        let mut rule = json!({ "ID": "whole", "Status": "Enabled", "Expiration": { "Date": "2027-01-31" } });
        rule.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        rule
    };
    let tagged = json!({
        "ID": "tagged", "Status": "Enabled", "Transitions": transitions,
        "Filter": { "And": { "Prefix": "logs/", "Tags": [{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }] } },
    });
    let retagged = json!({
        "ID": "tagged", "Status": "Enabled", "Transitions": turned,
        "Filter": { "And": { "Tags": [{ "Key": "b", "Value": "2" }, { "Key": "a", "Value": "1" }], "Prefix": "logs/" } },
    });
    assert_all_mean_the_same(&[
        json!({ "Lifecycle": { "Rules": [tagged, whole(json!({ "Filter": {} }))] } }),
        json!({ "Lifecycle": { "Rules": [whole(json!({ "Prefix": "" })), retagged],
                               "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K" } }),
        json!({ "Lifecycle": [whole(json!({ "Filter": { "Prefix": "" } })), tagged] }),
        json!({ "Lifecycle": [whole(json!({})), tagged] }),
        json!({ "Lifecycle": {
            "whole": { "Expiration": { "Date": "2027-01-31T00:00:00.000Z" } },
            "tagged": {
                "Filter": { "Prefix": "logs/", "Tags": { "a": "1", "b": "2" } },
                "Transitions": { "GLACIER": { "Days": 90 }, "STANDARD_IA": { "Days": 30 } },
            },
        } }),
    ]);
}

#[test]
fn a_single_tag_in_a_filter_is_a_set_of_one() {
    assert_all_mean_the_same(&[
        json!({ "Lifecycle": [{ "ID": "x", "Filter": { "Tag": { "Key": "a", "Value": "1" } } }] }),
        json!({ "Lifecycle": { "x": { "Filter": { "Tags": { "a": "1" } } } } }),
    ]);
}

#[test]
fn two_rules_of_one_name_are_both_kept() {
    let state =
        canonical_of(json!({ "Lifecycle": [{ "ID": "x" }, { "ID": "x" }, { "Prefix": "a" }, { "Prefix": "a" }] }));
    let keys: Vec<&String> = state["Lifecycle"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["unnamed:a", "unnamed:a#2", "x", "x#2"]);
}

#[test]
fn other_attributes_are_taken_in_awss_form_and_in_ours() {
    assert_all_mean_the_same(&[
        json!({ "Encryption": { "Rules": [{
            "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "" },
            "BucketKeyEnabled": true, "BlockedEncryptionTypes": { "EncryptionType": ["SSE-C"] },
        }] } }),
        json!({ "Encryption": { "SSEAlgorithm": "aws:kms", "BucketKeyEnabled": true, "BlockedEncryptionTypes": { "SSE-C": {} } } }),
    ]);
    assert_all_mean_the_same(&[
        json!({ "Logging": { "LoggingEnabled": { "TargetBucket": "logs", "TargetPrefix": "" } } }),
        json!({ "Logging": { "TargetBucket": "logs", "TargetObjectKeyFormat": { "SimplePrefix": {} } } }),
    ]);
    assert_all_mean_the_same(&[json!({ "Logging": {} }), json!({ "Logging": null })]);
    assert_all_mean_the_same(&[
        json!({ "OwnershipControls": "BucketOwnerEnforced" }),
        json!({ "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] } }),
    ]);
    assert_all_mean_the_same(&[
        json!({ "Cors": { "CORSRules": [{ "AllowedMethods": ["PUT", "GET"], "AllowedOrigins": ["*"] }] } }),
        json!({ "Cors": [{ "AllowedOrigins": ["*"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": [] }] }),
    ]);
    assert_all_mean_the_same(&[
        json!({ "Tags": [{ "Key": "b", "Value": "2" }, { "Key": "aws:cloudformation:stack-id", "Value": "x" }] }),
        json!({ "Tags": { "b": "2" } }),
    ]);
}

#[test]
fn a_tag_or_a_rule_may_be_called_like_a_wrapper() {
    assert_eq!(canonical_of(json!({ "Tags": { "TagSet": "x" } })), json!({ "Tags": { "TagSet": "x" } }));
    let state = canonical_of(json!({ "Lifecycle": { "Rules": { "Expiration": { "Days": 1 } } } }));
    assert_eq!(state["Lifecycle"]["Rules"]["Status"], "Enabled");
}

#[test]
fn notifications_mean_the_same_in_awss_form_and_in_ours() {
    let arn = "arn:aws:sqs:us-east-1:123456789012:uploads";
    assert_all_mean_the_same(&[
        json!({ "Notification": { "EventBridgeConfiguration": {}, "QueueConfigurations": [{
            "Id": "u", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*", "s3:ObjectCreated:*"],
            "Filter": { "Key": { "FilterRules": [{ "Name": "Suffix", "Value": ".png" }] } },
        }] } }),
        json!({ "Notification": { "EventBridge": true, "QueueConfigurations": { "u": {
            "QueueArn": arn, "Events": { "s3:ObjectCreated:*": {}, "s3:ObjectRemoved:*": {} }, "Filter": { "Suffix": ".png" },
        } } } }),
    ]);
}

#[test]
fn a_rule_declared_without_id_is_compared_with_the_live_rule_that_selects_the_same() {
    let mut declared: ResourceState = serde_json::from_value(json!({
        "Lifecycle": [{ "Prefix": "logs/", "Expiration": { "Days": 30 } }, { "ID": "kept", "Prefix": "logs/" }],
    }))
    .unwrap();
    let mut live: ResourceState = serde_json::from_value(json!({
        "Lifecycle": [
            { "ID": "ZDYyYzQ", "Filter": { "Prefix": "logs/" }, "Expiration": { "Days": 7 } },
            { "ID": "kept", "Filter": { "Prefix": "logs/" } },
        ],
    }))
    .unwrap();
    canonical(&mut declared);
    canonical(&mut live);
    S3.align(&declared, &mut live);
    let changes = changes_of(&S3, &declared, &live);
    let pointers: Vec<&str> = changes.iter().map(|change| change.pointer.as_str()).collect();
    assert_eq!(pointers, ["/Lifecycle/unnamed:logs~1/Expiration/Days"]);
}

#[test]
fn blocked_encryption_types_and_the_owners_id_are_compared_only_where_declared() {
    let mut declared: ResourceState =
        serde_json::from_value(json!({ "Encryption": {}, "Acl": "private" })).expect("an object");
    let mut live: ResourceState = serde_json::from_value(json!({
        "Encryption": { "SSEAlgorithm": "AES256", "BlockedEncryptionTypes": ["SSE-C"] },
        "Acl": { "Owner": { "ID": "75aa" }, "Grants": [
            { "Grantee": { "Type": "CanonicalUser", "ID": "75aa" }, "Permission": "FULL_CONTROL" },
        ] },
    }))
    .unwrap();
    canonical(&mut declared);
    canonical(&mut live);
    S3.align(&declared, &mut live);
    assert_eq!(live.to_value(), declared.to_value());
}

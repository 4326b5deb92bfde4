//! What is put is read back as the same canonical value, to the byte, for every form that a configuration can take.

use serde_json::{Value, json};

use super::super::form::RESTORES;
use super::super::plan::Fix;
use super::*;

/// The canonical value after it was put over `live` and read again.
fn put_and_read(attribute: &str, live: &Value, target: &Value) -> Value {
    let restore = RESTORES.iter().find(|restore| restore.attribute == attribute).expect("a row");
    let fix = Fix { live: live.clone(), target: target.clone(), pointers: Vec::new() };
    let empty = ResourceState::new();
    let (key, seen) = (key("assets"), seen(&empty));
    let bucket = super::super::plan::Bucket { key: &key, seen: &seen, fixes: std::collections::BTreeMap::new() };
    let step = bucket.step((restore.call)(&fix, &seen));
    assert!(!step.actions.is_empty(), "{}", step.operation);
    let (name, answer) = super::echo::answer(&step);
    assert_eq!(name, attribute);
    let mut read = canonical_of(&json!({ attribute: answer }));
    align::pair(&ResourceState::new().with(attribute, target.clone()), &mut read);
    read.get(attribute).cloned().expect("it")
}

fn assert_round_trip(attribute: &str, form: &Value) {
    let target = canonical_of(&json!({ attribute: form })).get(attribute).cloned().expect("it");
    let read = put_and_read(attribute, &Value::Null, &target);
    assert_eq!(read.to_string(), target.to_string(), "{attribute}: {form}");
}

#[test]
fn the_example_is_read_back_as_it_was_put() {
    let mut example = S3.example();
    // AWS tells whom it takes for the owner.
    example.set("Acl", json!({ "owner:FULL_CONTROL": { "ID": OWNER } }));
    for (attribute, value) in example.iter() {
        assert_round_trip(attribute, value);
    }
}

#[test]
fn nothing_at_all_is_read_back_as_awss_defaults() {
    for attribute in S3.attributes() {
        // AWS has no such call, or no such state.
        if !matches!(attribute.name, "Acl" | "ObjectLock" | "Versioning") {
            assert_round_trip(attribute.name, &Value::Null);
        }
    }
}

#[test]
fn access_in_every_form() {
    let owner = json!({ "ID": OWNER });
    assert_round_trip(
        "Acl",
        &json!({ "owner:FULL_CONTROL": owner, "AllUsers:READ": {}, "AuthenticatedUsers:READ_ACP": {},
        "LogDelivery:WRITE": {}, "0123abcd:WRITE_ACP": {} }),
    );
    for controls in ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"] {
        assert_round_trip("OwnershipControls", &json!(controls));
    }
    for encryption in [
        json!({ "SSEAlgorithm": "aws:kms:dsse", "KMSMasterKeyID": "alias/data" }),
        json!({ "SSEAlgorithm": "AES256", "BlockedEncryptionTypes": [] }),
        json!({ "SSEAlgorithm": "AES256", "BlockedEncryptionTypes": ["SSE-C"] }),
    ] {
        assert_round_trip("Encryption", &encryption);
    }
    for logging in [
        json!({ "TargetBucket": "logs", "TargetGrants": ["0123abcd:READ", "AllUsers:WRITE"] }),
        json!({ "TargetBucket": "logs", "TargetObjectKeyFormat": { "PartitionedPrefix": { "PartitionDateSource": "DeliveryTime" } } }),
    ] {
        assert_round_trip("Logging", &logging);
    }
    assert_round_trip("RequestPayment", &json!("Requester"));
    assert_round_trip("Tags", &json!({ "a": "", "TagSet": "x", "b/c~": "1" }));
    assert_round_trip("PublicAccessBlock", &json!({ "IgnorePublicAcls": true }));
}

#[test]
fn retention_in_every_form() {
    for filter in [
        json!({}),
        json!({ "Prefix": "a/" }),
        json!({ "Tags": { "k": "v" } }),
        json!({ "Tags": { "k": "v", "l": "w" } }),
        json!({ "Prefix": "a/", "Tags": { "k": "v" } }),
        json!({ "ObjectSizeGreaterThan": 0 }),
        json!({ "ObjectSizeGreaterThan": 5_000_000_000_i64, "ObjectSizeLessThan": 6_000_000_000_i64 }),
    ] {
        assert_round_trip("Lifecycle", &json!({ "x": { "Filter": filter, "Expiration": { "Days": 1 } } }));
    }
    assert_round_trip(
        "Lifecycle",
        &json!({
            "date": { "Status": "Disabled", "Expiration": { "Date": "2027-01-31" } },
            "markers": { "Expiration": { "ExpiredObjectDeleteMarker": true } },
            "no markers": { "Expiration": {} },
            "twice": { "Transitions": [
                { "StorageClass": "GLACIER", "Days": 0 }, { "StorageClass": "GLACIER", "Date": "2027-01-31" },
            ] },
            "old": {
                "NoncurrentVersionTransitions": { "DEEP_ARCHIVE": { "NoncurrentDays": 30, "NewerNoncurrentVersions": 2 } },
                "NoncurrentVersionExpiration": { "NoncurrentDays": 60 },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 3 },
            },
        }),
    );
    assert_round_trip("Lifecycle", &json!([{ "Prefix": "logs/", "Expiration": { "Days": 1 } }]));
    for lock in [
        json!({}),
        json!({ "Rule": { "DefaultRetention": { "Mode": "COMPLIANCE", "Years": 1 } } }),
        json!({ "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": 1, "DefaultEventHold": { "Days": 2 } } } }),
    ] {
        assert_round_trip("ObjectLock", &lock);
    }
}

#[test]
fn delivery_in_every_form() {
    assert_round_trip(
        "Cors",
        &json!([
            { "ID": "one", "AllowedMethods": ["PUT", "GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"],
              "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 30 },
            { "AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example.com", "https://b.example.com"] },
        ]),
    );
    assert_round_trip(
        "Website",
        &json!({ "RedirectAllRequestsTo": { "HostName": "example.com", "Protocol": "https" } }),
    );
    assert_round_trip(
        "Website",
        &json!({
            "IndexDocument": { "Suffix": "index.html" },
            "RoutingRules": [
                { "Condition": { "KeyPrefixEquals": "docs/" }, "Redirect": { "ReplaceKeyPrefixWith": "documents/" } },
                { "Redirect": { "HostName": "example.com", "HttpRedirectCode": "301", "Protocol": "http", "ReplaceKeyWith": "x" } },
            ],
        }),
    );
    let to = json!({ "Bucket": "arn:aws:s3:::replica" });
    for rule in [
        json!({ "Prefix": "a/", "Destination": to }),
        json!({ "Priority": 1, "Filter": { "Tags": { "k": "v" } }, "Destination": to, "DeleteMarkerReplication": { "Status": "Disabled" } }),
        json!({ "Priority": 2, "Status": "Disabled", "Filter": { "Prefix": "a", "Tags": { "k": "v" } },
            "DeleteMarkerReplication": { "Status": "Enabled" },
            "ExistingObjectReplication": { "Status": "Enabled" },
            "SourceSelectionCriteria": { "SseKmsEncryptedObjects": { "Status": "Enabled" } },
            "Destination": { "Bucket": "arn:aws:s3:::replica", "Account": "210987654321", "StorageClass": "STANDARD_IA",
                "AccessControlTranslation": { "Owner": "Destination" },
                "EncryptionConfiguration": { "ReplicaKmsKeyID": "arn:aws:kms:us-east-1:210987654321:key/1" },
                "ReplicationTime": { "Status": "Enabled", "Time": { "Minutes": 15 } },
                "Metrics": { "Status": "Enabled", "EventThreshold": { "Minutes": 15 } } } }),
    ] {
        assert_round_trip(
            "Replication",
            &json!({ "Role": "arn:aws:iam::123456789012:role/r", "Rules": { "x": rule } }),
        );
    }
    let events = ["s3:ObjectRemoved:*", "s3:ObjectCreated:*"];
    assert_round_trip(
        "Notification",
        &json!({
            "TopicConfigurations": { "t": { "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Events": events } },
            "QueueConfigurations": [{ "QueueArn": "arn:aws:sqs:us-east-1:123456789012:q", "Events": events }],
            "LambdaFunctionConfigurations": { "f": {
                "LambdaFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f", "Events": events,
                "Filter": { "Prefix": "img/", "Suffix": ".png" } } },
            "EventBridge": true,
        }),
    );
    assert_round_trip("Accelerate", &json!("Enabled"));
}

#[test]
fn parameters_that_do_not_fit_are_refused_and_never_left_out() {
    use super::super::input::{Fields, lifecycle};
    let read = |value: Value| {
        let parameters = json!({ "LifecycleConfiguration": value });
        let mut fields = Fields::of(String::new(), &parameters)?;
        let configuration = fields.part("LifecycleConfiguration", lifecycle)?;
        fields.end().map(|()| configuration)
    };
    for (rules, fault) in [
        (
            json!([{ "ID": "x", "Status": "Enabled", "Expire": 1 }]),
            "unknown field /LifecycleConfiguration/Rules/0/Expire",
        ),
        (json!([{ "ID": 1, "Status": "Enabled" }]), "no text at /LifecycleConfiguration/Rules/0/ID"),
        (json!([{ "ID": "x", "Status": "Enabled", "Expiration": { "Days": 1e12 } }]), "no fitting number at"),
        (json!([{ "ID": "x", "Status": "Enabled", "Expiration": { "Date": "soon" } }]), "no date at"),
        (json!([{ "ID": "x" }]), "status"),
        (json!({}), "no list at"),
    ] {
        let error = read(json!({ "Rules": rules })).expect_err("it does not fit");
        assert!(error.contains(fault), "{error}");
    }
    assert!(read(json!({ "Rules": [{ "ID": "x", "Status": "Enabled" }] })).is_ok());
}

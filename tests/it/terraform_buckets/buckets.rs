//! Buckets.

use serde_json::{Value, json};

use super::{at_hand, declared, estate, estate_of, names, statement};
use crate::expected::account;

const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";

#[tokio::test]
async fn a_bucket_of_provider_4_is_declared_by_its_split_resources_not_by_its_stale_copies() {
    let estate = estate("provider-4").await;
    let (state, address) = declared(&estate, "S3", "us-east-1", "assets-4");
    assert_eq!(address, "module.assets.aws_s3_bucket.this");
    for (attribute, value) in access().into_iter().chain(retention()).chain(delivery()) {
        assert_eq!(state[attribute], value, "{attribute}");
    }
    assert_eq!(names(&state).len(), 16, "every attribute of a bucket is declared: {:?}", names(&state));
    let (bare, _) = declared(&estate, "S3", "us-east-1", "bare-4");
    assert_eq!(bare, json!({"Tags": {"Env": "prod", "Owner": "web"}}));
}

fn access() -> Vec<(&'static str, Value)> {
    let deny = json!({
        "Sid": "TlsOnly", "Effect": "Deny", "Action": ["s3:*"], "Principal": {"AWS": ["*"]},
        "Resource": ["arn:aws:s3:::assets-4", "arn:aws:s3:::assets-4/*"],
        "Condition": {"Bool": {"aws:SecureTransport": ["false"]}},
    });
    vec![
        (
            "PublicAccessBlock",
            json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": false}),
        ),
        ("Policy", statement(&deny)),
        ("Acl", json!({"owner:FULL_CONTROL": {}})),
        ("OwnershipControls", json!({"ObjectOwnership": "BucketOwnerPreferred"})),
        (
            "Encryption",
            json!({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:123456789012:key/1f2e", "BucketKeyEnabled": true}),
        ),
        ("RequestPayment", json!("Requester")),
        ("Tags", json!({"Env": "prod", "Owner": "web"})),
    ]
}

fn rule(more: Value) -> Value {
    let mut rule = json!({
        "Status": "Enabled", "Filter": filter("", &json!({}), &Value::Null), "Expiration": null, "Transitions": {},
        "NoncurrentVersionExpiration": null, "NoncurrentVersionTransitions": {}, "AbortIncompleteMultipartUpload": null,
    });
    if let (Value::Object(rule), Value::Object(more)) = (&mut rule, more) {
        rule.extend(more);
    }
    rule
}

fn filter(prefix: &str, tags: &Value, greater: &Value) -> Value {
    json!({"Prefix": prefix, "Tags": tags, "ObjectSizeGreaterThan": greater, "ObjectSizeLessThan": null})
}

fn retention() -> Vec<(&'static str, Value)> {
    let uploads = rule(json!({
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 3},
    }));
    let logs = rule(json!({
        "Filter": filter("logs/", &json!({"Class": "raw"}), &Value::Null),
        "Expiration": {"Days": 365, "Date": null, "ExpiredObjectDeleteMarker": false},
        "Transitions": {"INTELLIGENT_TIERING": {"Days": 0, "Date": null}, "GLACIER": {"Days": 90, "Date": null}},
    }));
    let lock = json!({"Mode": "GOVERNANCE", "Days": null, "Years": 1, "DefaultEventHold": null});
    vec![
        ("Versioning", json!({"Status": "Enabled", "MFADelete": "Disabled"})),
        ("Lifecycle", json!({"uploads": uploads, "logs": logs})),
        ("ObjectLock", json!({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": lock}})),
    ]
}

fn delivery() -> Vec<(&'static str, Value)> {
    let read = json!({
        "ID": "read", "AllowedHeaders": ["*"], "AllowedMethods": ["GET", "HEAD"], "AllowedOrigins": ["*"],
        "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 3600,
    });
    let write = json!({
        "ID": null, "AllowedHeaders": [], "AllowedMethods": ["PUT"], "AllowedOrigins": ["https://www.example.com"],
        "ExposeHeaders": [], "MaxAgeSeconds": null,
    });
    let routing = json!({
        "Condition": {"HttpErrorCodeReturnedEquals": null, "KeyPrefixEquals": "docs/"},
        "Redirect": {
            "HostName": null, "HttpRedirectCode": null, "Protocol": null, "ReplaceKeyPrefixWith": "documents/",
            "ReplaceKeyWith": null,
        },
    });
    let website = json!({
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "404.html"}, "RedirectAllRequestsTo": null,
        "RoutingRules": [routing],
    });
    let queue = json!({
        "QueueArn": "arn:aws:sqs:us-east-1:123456789012:uploads",
        "Events": {"s3:ObjectCreated:*": {}, "s3:ObjectRemoved:*": {}}, "Filter": {"Prefix": "img/", "Suffix": ""},
    });
    let notification = json!({
        "TopicConfigurations": {}, "QueueConfigurations": {"tf-s3-queue-1": queue}, "LambdaFunctionConfigurations": {},
        "EventBridge": false,
    });
    let images = json!({
        "Status": "Enabled", "Priority": 0, "Filter": {"Prefix": "img/", "Tags": {}},
        "Destination": {
            "Bucket": "arn:aws:s3:::replica-4", "Account": null, "StorageClass": "STANDARD_IA",
            "AccessControlTranslation": null, "EncryptionConfiguration": null, "ReplicationTime": null, "Metrics": null,
        },
        "DeleteMarkerReplication": {"Status": "Enabled"}, "ExistingObjectReplication": {"Status": "Disabled"},
        "SourceSelectionCriteria": {
            "SseKmsEncryptedObjects": {"Status": "Disabled"}, "ReplicaModifications": {"Status": "Disabled"},
        },
    });
    vec![
        (
            "Logging",
            json!({
                "TargetBucket": "logs.example.com", "TargetPrefix": "assets/", "TargetGrants": {},
                "TargetObjectKeyFormat": {"SimplePrefix": {}},
            }),
        ),
        ("Cors", json!([read, write])),
        ("Website", website),
        ("Notification", notification),
        ("Replication", json!({"Role": "arn:aws:iam::123456789012:role/replicate", "Rules": {"images": images}})),
        ("Accelerate", json!("Enabled")),
    ]
}

#[tokio::test]
async fn a_bucket_of_provider_5_is_declared_by_what_has_a_resource_of_its_own() {
    let estate = estate("provider-5").await;
    let (state, address) = declared(&estate, "S3", "us-east-1", "assets-5");
    assert_eq!(address, "aws_s3_bucket.this[0]");
    assert_eq!(names(&state), ["Acl", "Lifecycle", "Logging", "Tags", "Versioning"]);
    assert_eq!(state["Versioning"]["Status"], "Suspended");
    assert_eq!(state["Acl"], json!({"owner:FULL_CONTROL": {"ID": OWNER}, "LogDelivery:WRITE": {}}));
    assert_eq!(state["Logging"]["TargetGrants"], json!({"AllUsers:READ": {}}));
    let format = json!({"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}});
    assert_eq!(state["Logging"]["TargetObjectKeyFormat"], format);
    let all = rule(json!({
        "Expiration": {"Days": 30, "Date": null, "ExpiredObjectDeleteMarker": false},
        "NoncurrentVersionTransitions": {"GLACIER": {"NoncurrentDays": 10, "NewerNoncurrentVersions": null}},
    }));
    let large = rule(json!({
        "Status": "Disabled", "Filter": filter("", &json!({}), &json!(1_000_000)),
        "Transitions": {"DEEP_ARCHIVE": {"Days": null, "Date": "2030-01-01T00:00:00Z"}},
    }));
    assert_eq!(state["Lifecycle"], json!({"all": all, "large": large}));
    let (redirect, _) = declared(&estate, "S3", "us-east-1", "www-5");
    assert_eq!(names(&redirect), ["Tags", "Website"], "the order of overlapping CORS rules is not known");
    assert_eq!(redirect["Website"]["RedirectAllRequestsTo"], json!({"HostName": "www.example.com", "Protocol": null}));
}

#[tokio::test]
async fn a_bucket_of_provider_6_is_in_its_own_region_not_in_the_one_it_is_managed_from() {
    let estate = estate("provider-6").await;
    let (state, _) = declared(&estate, "S3", "eu-west-1", "assets-6");
    assert_eq!(names(&state), ["Encryption", "Tags"]);
    let encryption = json!({
        "SSEAlgorithm": "AES256", "KMSMasterKeyID": null, "BucketKeyEnabled": false,
        "BlockedEncryptionTypes": {"SSE-C": {}},
    });
    assert_eq!(state["Encryption"], encryption);
}

#[tokio::test]
async fn a_split_resource_declares_its_attribute_of_a_bucket_that_no_state_holds() {
    let estate = estate("provider-6").await;
    let (state, address) = declared(&estate, "S3", "us-east-1", "shared-6");
    assert_eq!(address, "aws_s3_bucket_public_access_block.shared_6");
    assert_eq!(names(&state), ["PublicAccessBlock"]);
}

#[tokio::test]
async fn buckets_of_provider_2_are_declared_by_their_inline_attributes_and_the_split_ones_of_then() {
    let Some(file) = at_hand("driftctl-s3-full.tfstate") else { return };
    let estate = estate_of(&file, account(&["eu-west-3"])).await;
    assert_eq!(estate.problems, []);
    let (state, _) = declared(&estate, "S3", "eu-west-3", "bucket-martin-test-drift");
    assert_eq!(state["Versioning"], json!({"Status": "Disabled", "MFADelete": "Disabled"}));
    assert_eq!(state["Acl"], json!({"owner:FULL_CONTROL": {}}));
    assert_eq!((&state["Logging"], &state["Cors"], &state["Lifecycle"]), (&json!(null), &json!([]), &json!({})));
    assert_eq!(state["Policy"]["Statement"][0]["Sid"], "PublicReadGetObject");
    let functions = state["Notification"]["LambdaFunctionConfigurations"].as_object().expect("functions");
    assert_eq!(functions.len(), 2);
    assert_eq!(functions["tf-s3-lambda-20201028152606931900000001"]["Filter"]["Suffix"], ".log");
    assert!(state.get("PublicAccessBlock").is_none());
    let (second, _) = declared(&estate, "S3", "eu-west-3", "bucket-martin-test-drift2");
    assert!(second.get("Notification").is_none(), "nothing says anything of its notifications");
}

#[tokio::test]
async fn a_lone_public_access_block_is_declared() {
    let Some(file) = at_hand("driftctl-s3-public-access-block.tfstate") else { return };
    let estate = estate_of(&file, account(&["eu-west-3"])).await;
    assert_eq!(estate.problems, []);
    let (state, _) = declared(&estate, "S3", "eu-west-3", "elie-dev-driftctl");
    let block = json!({
        "BlockPublicAcls": true, "IgnorePublicAcls": false, "BlockPublicPolicy": true, "RestrictPublicBuckets": false,
    });
    assert_eq!(state, json!({ "PublicAccessBlock": block }));
}

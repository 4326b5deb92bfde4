//! A bucket with every attribute set: documentation for users, seed of the law tests.

use serde_json::{Value, json};

use crate::domain::state::ResourceState;

/// The example, in canonical form.
pub(super) fn state() -> ResourceState {
    let mut state = ResourceState::new();
    for part in [access(), retention(), delivery()] {
        let Value::Object(attributes) = part else { continue };
        state = state.overlaid_with(&ResourceState::from(attributes));
    }
    super::canonical(&mut state);
    state
}

fn access() -> Value {
    json!({
        "PublicAccessBlock": {
            "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true,
        },
        "Policy": {
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::assets.example.com", "arn:aws:s3:::assets.example.com/*"],
                "Condition": { "Bool": { "aws:SecureTransport": "false" } },
            }],
        },
        "Acl": { "owner:FULL_CONTROL": {} },
        "OwnershipControls": { "ObjectOwnership": "BucketOwnerEnforced" },
        "Encryption": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": "arn:aws:kms:us-east-1:123456789012:key/1f2e3d4c-0000-4000-8000-000000000000",
            "BucketKeyEnabled": true,
            "BlockedEncryptionTypes": { "SSE-C": {} },
        },
        "Logging": { "TargetBucket": "logs.example.com", "TargetPrefix": "s3/assets/" },
        "RequestPayment": "BucketOwner",
        "Tags": { "Env": "prod", "Owner": "web" },
    })
}

fn retention() -> Value {
    json!({
        "Versioning": { "Status": "Enabled" },
        "Lifecycle": {
            "old-versions": {
                "Filter": { "Prefix": "img/", "Tags": { "Class": "raw" } },
                "NoncurrentVersionExpiration": { "NoncurrentDays": 30, "NewerNoncurrentVersions": 3 },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
            },
            "reports": {
                "Filter": { "Prefix": "reports/" },
                "Transitions": { "STANDARD_IA": { "Days": 30 }, "GLACIER": { "Days": 90 } },
                "Expiration": { "Days": 365 },
            },
        },
        "ObjectLock": { "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": 30 } } },
    })
}

fn delivery() -> Value {
    json!({
        "Cors": [{
            "AllowedMethods": ["GET", "HEAD"],
            "AllowedOrigins": ["https://www.example.com"],
            "MaxAgeSeconds": 3600,
        }],
        "Website": { "IndexDocument": { "Suffix": "index.html" }, "ErrorDocument": { "Key": "404.html" } },
        "Replication": {
            "Role": "arn:aws:iam::123456789012:role/replicate-assets",
            "Rules": {
                "to-replica": {
                    "Priority": 1,
                    "Destination": { "Bucket": "arn:aws:s3:::replica.example.com", "StorageClass": "STANDARD_IA" },
                    "DeleteMarkerReplication": { "Status": "Disabled" },
                },
            },
        },
        "Notification": {
            "QueueConfigurations": {
                "uploads": {
                    "QueueArn": "arn:aws:sqs:us-east-1:123456789012:uploads",
                    "Events": { "s3:ObjectCreated:*": {} },
                    "Filter": { "Prefix": "img/", "Suffix": ".png" },
                },
            },
            "EventBridge": true,
        },
        "Accelerate": "Suspended",
    })
}

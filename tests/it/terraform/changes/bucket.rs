//! Changes of buckets: who may do what, how objects are kept safe, how they leave.

use serde_json::{Value, json};

use super::{Row, allow_more, other, push, row, status, swap};

const S3: &str = "S3";

fn grant(value: &mut Value) {
    let grantee = json!({"@xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "@xsi:type": "CanonicalUser",
        "ID": "ffff0000"});
    push(value, json!({"Grantee": grantee, "Permission": "WRITE_ACP"}));
}

fn algorithm(value: &mut Value) {
    swap(value, "aws:kms", "aws:kms:dsse");
}

/// The times at which partitions begin, or none.
fn partition(value: &mut Value) {
    swap(value, "DeliveryTime", "EventTime");
}

pub const ROWS: &[Row] = &[
    row(S3, "/Accelerate", "/accelerate/Status", |value| swap(value, "Enabled", "Suspended")),
    row(S3, "/Acl", "/acl/AccessControlList/Grant", grant),
    row(S3, "/Acl", "/acl/AccessControlList/Grant/*/Permission", |value| *value = "READ_ACP".into()),
    row(S3, "/Acl", "/acl/Owner/ID", other),
    row(S3, "/Cors", "/cors/CORSRule/*/AllowedHeader", |value| push(value, json!("x-more")))
        .of(&["allowed_headers[*]"]),
    row(S3, "/Cors", "/cors/CORSRule/*/AllowedMethod", |value| push(value, json!("POST"))).of(&["allowed_methods[*]"]),
    row(S3, "/Cors", "/cors/CORSRule/*/AllowedOrigin", |value| push(value, json!("https://more.example.com")))
        .of(&["allowed_origins[*]"]),
    row(S3, "/Cors", "/cors/CORSRule/*/ExposeHeader", |value| push(value, json!("x-more"))).of(&["expose_headers[*]"]),
    row(S3, "/Cors", "/cors/CORSRule/*/ID", other).of(&["id"]),
    row(S3, "/Cors", "/cors/CORSRule/*/MaxAgeSeconds", other).of(&["max_age_seconds"]),
    row(S3, "/Encryption/BlockedEncryptionTypes", "/encryption/Rule/BlockedEncryptionTypes", |value| {
        if !value.is_null() {
            *value = json!({"EncryptionType": ["NONE"]});
        }
    }),
    row(S3, "/Encryption/BucketKeyEnabled", "/encryption/Rule/BucketKeyEnabled", other),
    row(S3, "/Encryption/KMSMasterKeyID", "/encryption/Rule/ApplyServerSideEncryptionByDefault/KMSMasterKeyID", other),
    row(S3, "/Encryption/SSEAlgorithm", "/encryption/Rule/ApplyServerSideEncryptionByDefault/SSEAlgorithm", algorithm),
    row(S3, "/Logging/TargetBucket", "/logging/LoggingEnabled/TargetBucket", other),
    row(S3, "/Logging/TargetGrants", "/logging/LoggingEnabled/TargetGrants/Grant", grant),
    row(
        S3,
        "/Logging/TargetObjectKeyFormat",
        "/logging/LoggingEnabled/TargetObjectKeyFormat/PartitionedPrefix/PartitionDateSource",
        partition,
    ),
    row(S3, "/Logging/TargetPrefix", "/logging/LoggingEnabled/TargetPrefix", other),
    row(S3, "/Notification/EventBridge", "/notification/EventBridgeConfiguration", |value| {
        *value = if value.is_null() { json!({}) } else { Value::Null };
    }),
    row(S3, "/ObjectLock/Rule/DefaultRetention/Days", "/object-lock/Rule/DefaultRetention/Days", other),
    row(S3, "/ObjectLock/Rule/DefaultRetention/Mode", "/object-lock/Rule/DefaultRetention/Mode", |value| {
        swap(value, "GOVERNANCE", "COMPLIANCE");
    }),
    row(S3, "/ObjectLock/Rule/DefaultRetention/Years", "/object-lock/Rule/DefaultRetention/Years", other),
    row(S3, "/ObjectLock", "/object-lock", |value| *value = Value::Null),
    row(S3, "/OwnershipControls/ObjectOwnership", "/ownershipControls/Rule/ObjectOwnership", |value| {
        swap(value, "BucketOwnerPreferred", "ObjectWriter");
    }),
    row(S3, "/Policy", "/policy", allow_more),
    row(S3, "/PublicAccessBlock/BlockPublicAcls", "/publicAccessBlock/BlockPublicAcls", other),
    row(S3, "/PublicAccessBlock/BlockPublicPolicy", "/publicAccessBlock/BlockPublicPolicy", other),
    row(S3, "/PublicAccessBlock/IgnorePublicAcls", "/publicAccessBlock/IgnorePublicAcls", other),
    row(S3, "/PublicAccessBlock/RestrictPublicBuckets", "/publicAccessBlock/RestrictPublicBuckets", other),
    row(S3, "/RequestPayment", "/requestPayment/Payer", |value| swap(value, "BucketOwner", "Requester")),
    row(S3, "/Tags/*", "/tagging/TagSet/Tag/*/Value", other),
    row(S3, "/Tags/*", "/tagging/TagSet/Tag", |value| push(value, json!({"Key": "More", "Value": "x"}))),
    row(S3, "/Versioning/MFADelete", "/versioning/MfaDelete", |value| {
        if value.is_null() {
            *value = "Enabled".into();
        } else {
            status(value);
        }
    }),
    row(S3, "/Versioning/Status", "/versioning/Status", |value| {
        if value.is_null() {
            *value = "Enabled".into();
        } else {
            swap(value, "Enabled", "Suspended");
        }
    }),
    row(S3, "/Website/ErrorDocument/Key", "/website/ErrorDocument/Key", other),
    row(S3, "/Website/IndexDocument/Suffix", "/website/IndexDocument/Suffix", other),
    row(S3, "/Website/RedirectAllRequestsTo/HostName", "/website/RedirectAllRequestsTo/HostName", other),
    row(S3, "/Website/RedirectAllRequestsTo/Protocol", "/website/RedirectAllRequestsTo/Protocol", |value| {
        swap(value, "https", "http");
    }),
    row(
        S3,
        "/Website/RoutingRules",
        "/website/RoutingRules/RoutingRule/*/Condition/HttpErrorCodeReturnedEquals",
        other,
    )
    .of(&["http_error_code_returned_equals", "routing_rules"]),
    row(S3, "/Website/RoutingRules", "/website/RoutingRules/RoutingRule/*/Condition/KeyPrefixEquals", other)
        .of(&["key_prefix_equals", "routing_rules"]),
    row(S3, "/Website/RoutingRules", "/website/RoutingRules/RoutingRule/*/Redirect/HostName", other).of(&["host_name"]),
    row(S3, "/Website/RoutingRules", "/website/RoutingRules/RoutingRule/*/Redirect/HttpRedirectCode", other)
        .of(&["http_redirect_code"]),
    row(S3, "/Website/RoutingRules", "/website/RoutingRules/RoutingRule/*/Redirect/Protocol", |value| {
        swap(value, "https", "http");
    })
    .of(&["protocol"]),
    row(S3, "/Website/RoutingRules", "/website/RoutingRules/RoutingRule/*/Redirect/ReplaceKeyPrefixWith", other)
        .of(&["replace_key_prefix_with"]),
    row(S3, "/Website/RoutingRules", "/website/RoutingRules/RoutingRule/*/Redirect/ReplaceKeyWith", other)
        .of(&["replace_key_with"]),
];

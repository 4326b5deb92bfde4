//! Buckets, with the configurations that older states hold inline.

use serde_json::{Map, Value, json};

use super::bucket_parts::{OWNER, acl_of, canned, content, grant_to, xml_tags};
use super::{Block, policy};
use crate::terraform::live::Key;

/// A bucket; `None` if the state does not tell which. What the state does not tell is as AWS makes new buckets.
pub fn make(told: &Block) -> Option<(Key, Value)> {
    let name = told.text("bucket").or_else(|| told.text("id"))?;
    let mut tags = told.all_tags();
    tags.insert("aws:cloudformation:stack-name".to_owned(), "base".into());
    let tree = json!({
        "publicAccessBlock": {"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true,
            "RestrictPublicBuckets": true},
        "ownershipControls": {"Rule": {"ObjectOwnership": "BucketOwnerEnforced"}},
        "acl": acl(told),
        "policy": policy(told.text("policy")),
        "encryption": encryption(told),
        "versioning": versioning(told),
        "logging": told.block("logging").map(|block| json!({"LoggingEnabled": {
            "TargetBucket": block.text("target_bucket"), "TargetPrefix": block.text("target_prefix").unwrap_or_default(),
        }})),
        "lifecycle": content("Rule", told.blocks("lifecycle_rule").iter().map(lifecycle_rule).collect()),
        "cors": content("CORSRule", told.blocks("cors_rule").iter().map(cors_rule).collect()),
        "website": told.block("website").map(|block| website(&block)),
        "replication": told.block("replication_configuration").map(|block| replication(&block)),
        "object-lock": object_lock(told),
        "accelerate": told.text("acceleration_status").map(|status| json!({"Status": status})),
        "requestPayment": {"Payer": told.text("request_payer").unwrap_or("BucketOwner")},
        "tagging": {"TagSet": {"Tag": xml_tags(&tags)}},
    });
    Some((("S3", name.to_owned()), tree))
}

fn acl(told: &Block) -> Value {
    let grants = told.blocks("grant");
    if grants.is_empty() {
        return acl_of(canned(told.text("acl").unwrap_or("private")));
    }
    let grant = |block: &Block| {
        let grantee = block.text("uri").or_else(|| block.text("id")).unwrap_or(OWNER).to_owned();
        block
            .texts("permissions")
            .into_iter()
            .map(move |permission| grant_to(&grantee, &permission))
            .collect::<Vec<_>>()
    };
    acl_of(grants.iter().flat_map(grant).collect())
}

fn encryption(told: &Block) -> Value {
    let rule = told.block("server_side_encryption_configuration").and_then(|block| block.block("rule"));
    let by_default = rule.as_ref().and_then(|rule| rule.block("apply_server_side_encryption_by_default"));
    let by_default = by_default.unwrap_or_default();
    json!({"Rule": {
        "ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": by_default.text("sse_algorithm").unwrap_or("AES256"),
            "KMSMasterKeyID": by_default.text("kms_master_key_id"),
        },
        "BucketKeyEnabled": rule.and_then(|rule| rule.flag("bucket_key_enabled")).unwrap_or(false),
    }})
}

/// A bucket that never had versions tells nothing of them.
fn versioning(told: &Block) -> Value {
    let block = told.block("versioning").unwrap_or_default();
    let is_on = block.flag("enabled") == Some(true);
    json!({
        "Status": is_on.then_some("Enabled"),
        "MfaDelete": (block.flag("mfa_delete") == Some(true)).then_some("Enabled"),
    })
}

fn lifecycle_rule(told: &Block) -> Value {
    let transitions = |name: &str, days: &str| -> Vec<Value> {
        let moved = |block: &Block| {
            json!({days: block.number("days"), "Date": block.text("date").map(midnight),
                "StorageClass": block.text("storage_class")})
        };
        told.blocks(name).iter().map(moved).collect()
    };
    let tags = told.map("tags");
    let prefix = told.text("prefix").unwrap_or_default();
    let filter = if tags.is_empty() {
        json!({"Prefix": prefix})
    } else {
        json!({"And": {"Prefix": prefix, "Tag": xml_tags(&tags)}})
    };
    json!({
        "ID": told.text("id"),
        "Status": if told.flag("enabled") == Some(true) { "Enabled" } else { "Disabled" },
        "Filter": filter,
        "AbortIncompleteMultipartUpload":
            told.number("abort_incomplete_multipart_upload_days").map(|days| json!({"DaysAfterInitiation": days})),
        "Expiration": told.block("expiration").map(|block| expiration(&block)),
        "Transition": transitions("transition", "Days"),
        "NoncurrentVersionExpiration": told.block("noncurrent_version_expiration")
            .map(|block| json!({"NoncurrentDays": block.number("days")})),
        "NoncurrentVersionTransition": transitions("noncurrent_version_transition", "NoncurrentDays"),
    })
}

/// When objects expire.
pub fn expiration(told: &Block) -> Value {
    let marker = told.flag("expired_object_delete_marker").filter(|is_on| *is_on);
    json!({"Days": told.number("days"), "Date": told.text("date").map(midnight), "ExpiredObjectDeleteMarker": marker})
}

/// AWS tells a day as the midnight that begins it.
pub fn midnight(date: &str) -> String {
    if date.contains('T') { date.to_owned() } else { format!("{date}T00:00:00Z") }
}

/// A CORS rule. AWS keeps an age of zero where the provider sent one, and other tools send none.
pub fn cors_rule(told: &Block) -> Value {
    json!({
        "ID": told.text("id"),
        "AllowedHeader": told.texts("allowed_headers"),
        "AllowedMethod": told.texts("allowed_methods"),
        "AllowedOrigin": told.texts("allowed_origins"),
        "ExposeHeader": told.texts("expose_headers"),
        "MaxAgeSeconds": told.0.get("max_age_seconds").and_then(Value::as_i64),
    })
}

fn website(told: &Block) -> Value {
    let redirect_all = told.text("redirect_all_requests_to").map(|target| {
        let (protocol, host) =
            target.split_once("://").map_or((None, target), |(protocol, host)| (Some(protocol), host));
        json!({"HostName": host, "Protocol": protocol})
    });
    let rules: Value = told.text("routing_rules").map_or(json!([]), |text| serde_json::from_str(text).expect("JSON"));
    json!({
        "IndexDocument": told.text("index_document").map(|suffix| json!({"Suffix": suffix})),
        "ErrorDocument": told.text("error_document").map(|key| json!({"Key": key})),
        "RedirectAllRequestsTo": redirect_all,
        "RoutingRules": {"RoutingRule": rules},
    })
}

fn object_lock(told: &Block) -> Value {
    let block = told.block("object_lock_configuration").unwrap_or_default();
    let is_on = told.flag("object_lock_enabled") == Some(true) || block.text("object_lock_enabled") == Some("Enabled");
    if !is_on {
        return Value::Null;
    }
    let retention = block.block("rule").and_then(|rule| rule.block("default_retention"));
    json!({"ObjectLockEnabled": "Enabled", "Rule": retention.map(|block| json!({"DefaultRetention": {
        "Mode": block.text("mode"), "Days": block.number("days"), "Years": block.number("years"),
    }}))})
}

fn replication(told: &Block) -> Value {
    let rule = |block: &Block| {
        let filter = block.block("filter").map(|filter| {
            let tags: Map<String, Value> = filter.map("tags");
            if tags.is_empty() {
                json!({"Prefix": filter.text("prefix").unwrap_or_default()})
            } else {
                json!({"And": {"Prefix": filter.text("prefix").unwrap_or_default(), "Tag": xml_tags(&tags)}})
            }
        });
        let to = block.block("destination").unwrap_or_default();
        json!({
            "ID": block.text("id"),
            "Status": block.text("status"),
            "Priority": filter.as_ref().map(|_| block.number("priority").unwrap_or(0)),
            "Prefix": if filter.is_some() { None } else { Some(block.text("prefix").unwrap_or_default()) },
            "DeleteMarkerReplication": filter.as_ref().map(|_| json!({
                "Status": block.text("delete_marker_replication_status").unwrap_or("Disabled"),
            })),
            "Filter": filter,
            "Destination": {
                "Bucket": to.text("bucket"), "Account": to.text("account_id"), "StorageClass": to.text("storage_class"),
                "EncryptionConfiguration": to.text("replica_kms_key_id").map(|key| json!({"ReplicaKmsKeyID": key})),
                "ReplicationTime": to.block("replication_time").map(|block| {
                    json!({"Status": block.text("status"), "Time": {"Minutes": block.number("minutes")}})
                }),
                "Metrics": to.block("metrics").map(|block| {
                    json!({"Status": block.text("status"), "EventThreshold": {"Minutes": block.number("minutes")}})
                }),
                "AccessControlTranslation":
                    to.block("access_control_translation").map(|block| json!({"Owner": block.text("owner")})),
            },
            "SourceSelectionCriteria": block.block("source_selection_criteria").map(|criteria| {
                let is_on = criteria.block("sse_kms_encrypted_objects").and_then(|block| block.flag("enabled"));
                json!({"SseKmsEncryptedObjects": {"Status": if is_on == Some(true) { "Enabled" } else { "Disabled" }}})
            }),
        })
    };
    json!({"Role": told.text("role"), "Rule": told.blocks("rules").iter().map(rule).collect::<Vec<_>>()})
}

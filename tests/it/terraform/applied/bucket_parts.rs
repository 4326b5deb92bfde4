//! Configurations of buckets that are resources of their own in Terraform.

use serde_json::{Map, Value, json};

use super::bucket::{cors_rule, expiration, midnight};
use super::{Block, policy};
use crate::terraform::live::{Estate, Key};

/// The canonical id of the account.
pub const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";
const GROUPS: &str = "http://acs.amazonaws.com/groups/";

/// Configures a bucket as a resource says.
pub fn configure(kind: &str, told: &Block, estate: &mut Estate) -> Vec<Key> {
    let key: Key = ("S3", told.text("bucket").unwrap_or_default().to_owned());
    let (Some(resource), Some((part, made))) = (estate.resources.get_mut(&key), made(kind, told)) else {
        return Vec::new();
    };
    resource.tree[part] = made;
    vec![key]
}

/// Which configuration a resource is, and what it says.
fn made(kind: &str, told: &Block) -> Option<(&'static str, Value)> {
    let flag = |name: &str| told.flag(name).unwrap_or(false);
    Some(match kind.trim_start_matches("aws_s3_bucket_") {
        "public_access_block" => (
            "publicAccessBlock",
            json!({
                "BlockPublicAcls": flag("block_public_acls"), "IgnorePublicAcls": flag("ignore_public_acls"),
                "BlockPublicPolicy": flag("block_public_policy"),
                "RestrictPublicBuckets": flag("restrict_public_buckets"),
            }),
        ),
        "policy" => ("policy", policy(told.text("policy"))),
        "acl" => ("acl", acl(told)),
        "ownership_controls" => {
            let rule = told.block("rule").unwrap_or_default();
            ("ownershipControls", json!({"Rule": {"ObjectOwnership": rule.text("object_ownership")}}))
        }
        "server_side_encryption_configuration" => ("encryption", encryption(told)),
        "versioning" => ("versioning", versioning(told)),
        "logging" => ("logging", logging(told)),
        "lifecycle_configuration" => {
            ("lifecycle", content("Rule", told.blocks("rule").iter().map(lifecycle).collect()))
        }
        "cors_configuration" => ("cors", content("CORSRule", told.blocks("cors_rule").iter().map(cors_rule).collect())),
        "website_configuration" => ("website", website(told)),
        "replication_configuration" => ("replication", replication(told)),
        "object_lock_configuration" => ("object-lock", object_lock(told)),
        "notification" => ("notification", notification(told)),
        "accelerate_configuration" => ("accelerate", json!({"Status": told.text("status")})),
        "request_payment_configuration" => ("requestPayment", json!({"Payer": told.text("payer")})),
        _ => return None,
    })
}

/// A list of `name`; nothing if it is empty.
pub fn content(name: &str, items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { json!({name: Value::Array(items)}) }
}

/// Tags as S3 writes them.
pub fn xml_tags(tags: &Map<String, Value>) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// An access control list of the account's own bucket.
pub fn acl_of(grants: Vec<Value>) -> Value {
    json!({"Owner": {"ID": OWNER}, "AccessControlList": {"Grant": Value::Array(grants)}})
}

/// The grants that AWS makes of the name of a canned list.
pub fn canned(name: &str) -> Vec<Value> {
    let mut grants = vec![grant_to(OWNER, "FULL_CONTROL")];
    let more: &[(&str, &str)] = match name {
        "public-read" => &[("global/AllUsers", "READ")],
        "public-read-write" => &[("global/AllUsers", "READ"), ("global/AllUsers", "WRITE")],
        "authenticated-read" => &[("global/AuthenticatedUsers", "READ")],
        "log-delivery-write" => &[("s3/LogDelivery", "WRITE"), ("s3/LogDelivery", "READ_ACP")],
        _ => &[],
    };
    grants.extend(more.iter().map(|(group, permission)| grant_to(&format!("{GROUPS}{group}"), permission)));
    grants
}

/// A grant to a group, by its URI, or to an account, by its id.
pub fn grant_to(grantee: &str, permission: &str) -> Value {
    let (kind, field) = if grantee.starts_with("http") { ("Group", "URI") } else { ("CanonicalUser", "ID") };
    json!({"Permission": permission, "Grantee": {
        "@xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "@xsi:type": kind, field: grantee,
    }})
}

fn acl(told: &Block) -> Value {
    match told.text("acl") {
        Some(name) => acl_of(canned(name)),
        None => {
            let control = told.block("access_control_policy").unwrap_or_default();
            acl_of(control.blocks("grant").iter().map(grant).collect())
        }
    }
}

fn grant(told: &Block) -> Value {
    let grantee = told.block("grantee").unwrap_or_default();
    let who = grantee.text("uri").or_else(|| grantee.text("id")).unwrap_or(OWNER);
    grant_to(who, told.text("permission").unwrap_or("READ"))
}

fn encryption(told: &Block) -> Value {
    let rule = told.block("rule").unwrap_or_default();
    let by_default = rule.block("apply_server_side_encryption_by_default").unwrap_or_default();
    let blocked = rule.texts("blocked_encryption_types");
    json!({"Rule": {
        "ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": by_default.text("sse_algorithm").unwrap_or("AES256"),
            "KMSMasterKeyID": by_default.text("kms_master_key_id"),
        },
        "BucketKeyEnabled": rule.flag("bucket_key_enabled").unwrap_or(false),
        "BlockedEncryptionTypes": (!blocked.is_empty()).then(|| json!({"EncryptionType": blocked})),
    }})
}

fn versioning(told: &Block) -> Value {
    let block = told.block("versioning_configuration").unwrap_or_default();
    // What was never on, AWS does not tell.
    json!({
        "Status": block.text("status").filter(|status| *status != "Disabled"),
        "MfaDelete": block.text("mfa_delete"),
    })
}

fn logging(told: &Block) -> Value {
    let grants: Vec<Value> = told.blocks("target_grant").iter().map(grant).collect();
    let format = told.block("target_object_key_format").map(|format| {
        let partitioned = format.block("partitioned_prefix");
        let partitioned = partitioned.map(|block| json!({"PartitionDateSource": block.text("partition_date_source")}));
        let simple = if partitioned.is_none() { json!({}) } else { Value::Null };
        json!({"PartitionedPrefix": partitioned, "SimplePrefix": simple})
    });
    json!({"LoggingEnabled": {
        "TargetBucket": told.text("target_bucket"),
        "TargetPrefix": told.text("target_prefix").unwrap_or_default(),
        "TargetGrants": (!grants.is_empty()).then(|| json!({"Grant": grants})),
        "TargetObjectKeyFormat": format,
    }})
}

fn lifecycle(told: &Block) -> Value {
    let transitions = |name: &str, days: &str, from: &str| -> Vec<Value> {
        let moved = |block: &Block| {
            json!({
                // A transition on the day of creation is one.
                days: block.0.get(from).and_then(Value::as_i64).filter(|_| block.text("date").is_none()),
                "Date": block.text("date").map(midnight),
                "StorageClass": block.text("storage_class"),
                "NewerNoncurrentVersions": block.number("newer_noncurrent_versions"),
            })
        };
        told.blocks(name).iter().map(moved).collect()
    };
    json!({
        "ID": told.text("id"),
        "Status": told.text("status"),
        "Filter": filter(told),
        "AbortIncompleteMultipartUpload": told.block("abort_incomplete_multipart_upload")
            .map(|block| json!({"DaysAfterInitiation": block.number("days_after_initiation")})),
        "Expiration": told.block("expiration").map(|block| expiration(&block)),
        "Transition": transitions("transition", "Days", "days"),
        "NoncurrentVersionExpiration": told.block("noncurrent_version_expiration").map(|block| json!({
            "NoncurrentDays": block.number("noncurrent_days"),
            "NewerNoncurrentVersions": block.number("newer_noncurrent_versions"),
        })),
        "NoncurrentVersionTransition":
            transitions("noncurrent_version_transition", "NoncurrentDays", "noncurrent_days"),
    })
}

fn filter(told: &Block) -> Value {
    let Some(filter) = told.block("filter") else { return json!({"Prefix": told.text("prefix").unwrap_or_default()}) };
    let sizes = |block: &Block| {
        let (greater, less) = (block.number("object_size_greater_than"), block.number("object_size_less_than"));
        json!({"ObjectSizeGreaterThan": greater, "ObjectSizeLessThan": less})
    };
    if let Some(and) = filter.block("and") {
        let mut content = sizes(&and);
        content["Prefix"] = and.text("prefix").unwrap_or_default().into();
        content["Tag"] = xml_tags(&and.map("tags")).into();
        return json!({"And": content});
    }
    if let Some(tag) = filter.block("tag") {
        return json!({"Tag": {"Key": tag.text("key"), "Value": tag.text("value").unwrap_or_default()}});
    }
    let mut content = sizes(&filter);
    let is_sized = content.as_object().expect("an object").values().any(|value| !value.is_null());
    if !is_sized {
        content["Prefix"] = filter.text("prefix").unwrap_or_default().into();
    }
    content
}

fn website(told: &Block) -> Value {
    let rule = |block: &Block| {
        let condition = block.block("condition").map(|block| {
            json!({
                "HttpErrorCodeReturnedEquals": block.text("http_error_code_returned_equals"),
                "KeyPrefixEquals": block.text("key_prefix_equals"),
            })
        });
        let to = block.block("redirect").unwrap_or_default();
        json!({"Condition": condition, "Redirect": {
            "HostName": to.text("host_name"), "HttpRedirectCode": to.text("http_redirect_code"),
            "Protocol": to.text("protocol"), "ReplaceKeyPrefixWith": to.text("replace_key_prefix_with"),
            "ReplaceKeyWith": to.text("replace_key_with"),
        }})
    };
    let rules: Vec<Value> = told.blocks("routing_rule").iter().map(rule).collect();
    json!({
        "IndexDocument": told.block("index_document").map(|block| json!({"Suffix": block.text("suffix")})),
        "ErrorDocument": told.block("error_document").map(|block| json!({"Key": block.text("key")})),
        "RedirectAllRequestsTo": told.block("redirect_all_requests_to")
            .map(|block| json!({"HostName": block.text("host_name"), "Protocol": block.text("protocol")})),
        "RoutingRules": (!rules.is_empty()).then(|| json!({"RoutingRule": rules})),
    })
}

fn object_lock(told: &Block) -> Value {
    let retention = told.block("rule").and_then(|rule| rule.block("default_retention"));
    json!({"ObjectLockEnabled": "Enabled", "Rule": retention.map(|block| json!({"DefaultRetention": {
        "Mode": block.text("mode"), "Days": block.number("days"), "Years": block.number("years"),
    }}))})
}

fn replication(told: &Block) -> Value {
    json!({"Role": told.text("role"), "Rule": told.blocks("rule").iter().map(replication_rule).collect::<Vec<_>>()})
}

fn replication_rule(told: &Block) -> Value {
    let status = |block: Option<Block>| block.map(|block| json!({"Status": block.text("status")}));
    let minutes = |block: Option<Block>| block.map(|block| json!({"Minutes": block.number("minutes")}));
    let to = told.block("destination").unwrap_or_default();
    let criteria = told.block("source_selection_criteria").map(|block| {
        json!({
            "SseKmsEncryptedObjects": status(block.block("sse_kms_encrypted_objects")),
            "ReplicaModifications": status(block.block("replica_modifications")),
        })
    });
    json!({
        "ID": told.text("id"),
        "Status": told.text("status"),
        "Priority": told.block("filter").map(|_| told.number("priority").unwrap_or(0)),
        "Filter": told.block("filter").map(|_| filter(told)),
        "Prefix": told.block("filter").is_none().then(|| told.text("prefix").unwrap_or_default()),
        "DeleteMarkerReplication": status(told.block("delete_marker_replication")),
        "ExistingObjectReplication": status(told.block("existing_object_replication")),
        "SourceSelectionCriteria": criteria,
        "Destination": {
            "Bucket": to.text("bucket"),
            "Account": to.text("account"),
            "StorageClass": to.text("storage_class"),
            "AccessControlTranslation":
                to.block("access_control_translation").map(|block| json!({"Owner": block.text("owner")})),
            "EncryptionConfiguration": to.block("encryption_configuration")
                .map(|block| json!({"ReplicaKmsKeyID": block.text("replica_kms_key_id")})),
            "ReplicationTime": to.block("replication_time")
                .map(|block| json!({"Status": block.text("status"), "Time": minutes(block.block("time"))})),
            "Metrics": to.block("metrics").map(|block| {
                json!({"Status": block.text("status"), "EventThreshold": minutes(block.block("event_threshold"))})
            }),
        },
    })
}

fn notification(told: &Block) -> Value {
    let targets = |name: &str, (arn, field): (&str, &str)| -> Vec<Value> {
        let target = |block: &Block| {
            let rule = |name: &str, value: Option<&str>| value.map(|value| json!({"Name": name, "Value": value}));
            let rules = [rule("Prefix", block.text("filter_prefix")), rule("Suffix", block.text("filter_suffix"))];
            let rules: Vec<Value> = rules.into_iter().flatten().collect();
            json!({
                "Id": block.text("id"),
                field: block.text(arn),
                "Event": block.texts("events"),
                "Filter": (!rules.is_empty()).then(|| json!({"S3Key": {"FilterRule": rules}})),
            })
        };
        told.blocks(name).iter().map(target).collect()
    };
    json!({
        "TopicConfiguration": targets("topic", ("topic_arn", "Topic")),
        "QueueConfiguration": targets("queue", ("queue_arn", "Queue")),
        "CloudFunctionConfiguration": targets("lambda_function", ("lambda_function_arn", "CloudFunction")),
        "EventBridgeConfiguration": (told.flag("eventbridge") == Some(true)).then(|| json!({})),
    })
}

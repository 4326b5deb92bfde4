//! Buckets as providers 3 and 5 write them, and examples that together hold every attribute that a table reads.

use serde_json::{Value, json};

use super::super::super::laws::Example;

/// A bucket of provider 3 with nothing set.
pub(super) fn bucket_3() -> Value {
    json!({
        "acceleration_status": "", "acl": "private", "arn": "arn:aws:s3:::assets", "bucket": "assets",
        "bucket_domain_name": "assets.s3.amazonaws.com", "bucket_prefix": null, "cors_rule": [], "force_destroy": false,
        "grant": [], "hosted_zone_id": "Z1", "id": "assets", "lifecycle_rule": [], "logging": [],
        "object_lock_configuration": [], "policy": null, "region": "eu-west-3", "replication_configuration": [],
        "request_payer": "BucketOwner", "server_side_encryption_configuration": [], "tags": {"Env": "prod"},
        "versioning": [{"enabled": false, "mfa_delete": false}], "website": [], "website_domain": null,
    })
}

/// A bucket of provider 5: everything inline is a copy of what AWS had.
pub(super) fn bucket_5() -> Value {
    let owner = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";
    json!({
        "acceleration_status": "Enabled", "acl": null, "arn": "arn:aws:s3:::assets", "bucket": "assets",
        "bucket_prefix": "", "cors_rule": [], "force_destroy": false,
        "grant": [{"id": owner, "permissions": ["FULL_CONTROL"], "type": "CanonicalUser", "uri": ""}],
        "id": "assets", "lifecycle_rule": [inline_rule()], "logging": [], "object_lock_configuration": [],
        "object_lock_enabled": false, "policy": policy("assets"), "region": "eu-west-3", "replication_configuration": [],
        "request_payer": "BucketOwner", "server_side_encryption_configuration": [{"rule": [{
            "apply_server_side_encryption_by_default": [{"kms_master_key_id": "", "sse_algorithm": "AES256"}],
            "bucket_key_enabled": false,
        }]}],
        "tags": null, "tags_all": {"Env": "prod"}, "timeouts": null,
        "versioning": [{"enabled": true, "mfa_delete": false}], "website": [],
    })
}

/// Examples that hold every attribute of every table, in pairs where one form excludes another.
pub(super) fn every_example() -> Vec<Example> {
    let inline = [inline_retention(), inline_delivery(), inline_other()];
    let split = [access(), retention(), delivery(), other_forms()].into_iter().map(|mut parts| {
        parts.insert(0, ("aws_s3_bucket", bucket_5()));
        parts
    });
    inline.into_iter().map(|bucket| vec![("aws_s3_bucket", bucket)]).chain(split).collect()
}

fn policy(bucket: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": format!("arn:aws:s3:::{bucket}/*"),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }]})
    .to_string()
}

fn overlaid(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

fn inline_rule() -> Value {
    json!({
        "id": "old", "enabled": true, "prefix": "logs/", "tags": {"Class": "raw"},
        "abort_incomplete_multipart_upload_days": 7,
        "expiration": [{"date": "", "days": 365, "expired_object_delete_marker": false}],
        "noncurrent_version_expiration": [{"days": 30}],
        "noncurrent_version_transition": [{"days": 10, "storage_class": "GLACIER"}],
        "transition": [
            {"date": "", "days": 30, "storage_class": "STANDARD_IA"},
            {"date": "2030-01-01T00:00:00Z", "days": 0, "storage_class": "GLACIER"},
        ],
    })
}

fn inline_retention() -> Value {
    let by_date = json!({
        "id": "a", "enabled": false, "prefix": "", "tags": {},
        "expiration": [{"date": "2030-01-01T00:00:00Z", "days": 0, "expired_object_delete_marker": false}],
        "transition": [{"date": "2030-01-01T00:00:00Z", "days": 0, "storage_class": "GLACIER"}],
    });
    let lock = json!([{"object_lock_enabled": "Enabled", "rule": [{"default_retention": [
        {"mode": "GOVERNANCE", "days": 30, "years": 0}
    ]}]}]);
    overlaid(
        bucket_3(),
        json!({
            "lifecycle_rule": [by_date, inline_rule()], "object_lock_configuration": lock,
            "versioning": [{"enabled": true, "mfa_delete": true}], "acceleration_status": "Enabled",
            "policy": policy("assets"), "tags_all": {"Env": "prod"},
        }),
    )
}

fn inline_delivery() -> Value {
    let rule = json!({
        "id": "all", "status": "Enabled", "priority": 1, "prefix": "", "filter": [{"prefix": "img/", "tags": {"A": "b"}}],
        "delete_marker_replication_status": "Enabled",
        "source_selection_criteria": [{"sse_kms_encrypted_objects": [{"enabled": true}]}],
        "destination": [{
            "bucket": "arn:aws:s3:::replica", "account_id": "210987654321", "storage_class": "STANDARD_IA",
            "replica_kms_key_id": "arn:aws:kms:eu-west-1:123456789012:key/1", "access_control_translation": [{"owner": "Destination"}],
            "replication_time": [{"minutes": 15, "status": "Enabled"}], "metrics": [{"minutes": 15, "status": "Enabled"}],
        }],
    });
    let routing =
        json!([{"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}]);
    overlaid(
        bucket_3(),
        json!({
            "replication_configuration": [{"role": "arn:aws:iam::123456789012:role/replicate", "rules": [rule]}],
            "website": [{
                "index_document": "index.html", "error_document": "404.html", "redirect_all_requests_to": "",
                "routing_rules": routing.to_string(),
            }],
            "cors_rule": [cors_rule()],
            "logging": [{"target_bucket": "logs", "target_prefix": "assets/"}],
            "grant": [
                {"id": "75aa", "type": "CanonicalUser", "permissions": ["FULL_CONTROL"], "uri": ""},
            ],
            "server_side_encryption_configuration": [{"rule": [{
                "apply_server_side_encryption_by_default": [{"kms_master_key_id": "1f2e", "sse_algorithm": "aws:kms"}],
                "bucket_key_enabled": true,
            }]}],
        }),
    )
}

/// The first schema of replication, and what excludes another form.
fn inline_other() -> Value {
    let rule = json!({
        "id": "all", "status": "Enabled", "priority": 0, "prefix": "img/", "filter": [],
        "delete_marker_replication_status": "", "destination": [{"bucket": "arn:aws:s3:::replica"}],
    });
    let lock = json!([{"object_lock_enabled": "Enabled", "rule": [{"default_retention": [
        {"mode": "COMPLIANCE", "days": 0, "years": 1}
    ]}]}]);
    overlaid(
        bucket_3(),
        json!({
            "replication_configuration": [{"role": "arn:aws:iam::123456789012:role/replicate", "rules": [rule]}],
            "website": [{"index_document": "", "redirect_all_requests_to": "https://www.example.com"}],
            "object_lock_configuration": lock,
            "grant": [{
                "id": "", "type": "Group", "permissions": ["READ"], "uri": "http://acs.amazonaws.com/groups/global/AllUsers",
            }],
        }),
    )
}

fn cors_rule() -> Value {
    json!({
        "allowed_headers": ["*"], "allowed_methods": ["GET", "HEAD"], "allowed_origins": ["https://www.example.com"],
        "expose_headers": ["ETag"], "max_age_seconds": 3600,
    })
}

fn grantee(name: &str, value: &str) -> Value {
    overlaid(
        json!([{"display_name": "", "email_address": "", "id": "", "type": "CanonicalUser", "uri": ""}])[0].clone(),
        json!({ name: value }),
    )
}

/// One grant to each kind of grantee.
fn foreign_grants() -> Vec<Value> {
    let grants = [
        ("id", "9b1f"),
        ("uri", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"),
        ("email_address", "ops@example.com"),
    ];
    let grant = |(name, value)| json!({"grantee": [grantee(name, value)], "permission": "READ"});
    grants.into_iter().map(grant).collect()
}

fn access() -> Example {
    let owner = "75aa";
    let mut grants = foreign_grants();
    let own = json!({"grantee": [grantee("id", owner)], "permission": "FULL_CONTROL"});
    grants.push(own);
    vec![
        (
            "aws_s3_bucket_public_access_block",
            json!({
                "id": "assets", "bucket": "assets", "block_public_acls": true, "ignore_public_acls": true,
                "block_public_policy": true, "restrict_public_buckets": true,
            }),
        ),
        ("aws_s3_bucket_policy", json!({"id": "assets", "bucket": "assets", "policy": policy("assets")})),
        (
            "aws_s3_bucket_acl",
            json!({
                "id": "assets", "bucket": "assets", "acl": "", "expected_bucket_owner": "",
                "access_control_policy": [{"grant": grants, "owner": [{"display_name": "", "id": owner}]}],
            }),
        ),
        (
            "aws_s3_bucket_ownership_controls",
            json!({"id": "assets", "bucket": "assets", "rule": [{"object_ownership": "BucketOwnerEnforced"}]}),
        ),
        (
            "aws_s3_bucket_server_side_encryption_configuration",
            json!({"id": "assets", "bucket": "assets", "expected_bucket_owner": "", "rule": [{
                "apply_server_side_encryption_by_default": [{"kms_master_key_id": "1f2e", "sse_algorithm": "aws:kms"}],
                "bucket_key_enabled": true, "blocked_encryption_types": ["SSE-C"],
            }]}),
        ),
        (
            "aws_s3_bucket_request_payment_configuration",
            json!({"id": "assets", "bucket": "assets", "payer": "Requester"}),
        ),
    ]
}

fn retention() -> Example {
    let rule = json!({
        "id": "old", "status": "Enabled", "prefix": "",
        "filter": [{"and": [{
            "prefix": "logs/", "tags": {"Class": "raw"}, "object_size_greater_than": 500, "object_size_less_than": 64000,
        }], "prefix": "", "tag": [], "object_size_greater_than": "", "object_size_less_than": ""}],
        "expiration": [{"date": "", "days": 365, "expired_object_delete_marker": false}],
        "transition": [{"date": "", "days": 30, "storage_class": "STANDARD_IA"}],
        "noncurrent_version_expiration": [{"noncurrent_days": 90, "newer_noncurrent_versions": "3"}],
        "noncurrent_version_transition": [
            {"noncurrent_days": 10, "newer_noncurrent_versions": "2", "storage_class": "GLACIER"},
        ],
        "abort_incomplete_multipart_upload": [{"days_after_initiation": 7}],
    });
    vec![
        (
            "aws_s3_bucket_versioning",
            json!({"id": "assets", "bucket": "assets", "mfa": null, "versioning_configuration": [
                {"status": "Enabled", "mfa_delete": "Disabled"}
            ]}),
        ),
        (
            "aws_s3_bucket_lifecycle_configuration",
            json!({"id": "assets", "bucket": "assets", "rule": [rule],
                "transition_default_minimum_object_size": "all_storage_classes_128K"}),
        ),
        (
            "aws_s3_bucket_object_lock_configuration",
            json!({"id": "assets", "bucket": "assets", "object_lock_enabled": "Enabled", "rule": [{"default_retention": [
                {"mode": "GOVERNANCE", "days": 30, "years": 0}
            ]}], "token": null}),
        ),
    ]
}

fn delivery() -> Example {
    let target = |id: &str, name: &str, arn: &str| {
        json!({
            "id": id, name: arn, "events": ["s3:ObjectCreated:*"], "filter_prefix": "img/", "filter_suffix": ".png",
        })
    };
    let routing = json!({
        "condition": [{"http_error_code_returned_equals": "404", "key_prefix_equals": "docs/"}],
        "redirect": [{
            "host_name": "www.example.com", "http_redirect_code": "302", "protocol": "https",
            "replace_key_prefix_with": "documents/", "replace_key_with": "",
        }],
    });
    let whole_key = json!({"condition": [], "redirect": [{"replace_key_with": "sorry.html"}]});
    vec![
        (
            "aws_s3_bucket_logging",
            json!({"id": "assets", "bucket": "assets", "target_bucket": "logs", "target_prefix": "assets/",
                "target_grant": foreign_grants(),
                "target_object_key_format": [{"partitioned_prefix": [{"partition_date_source": "EventTime"}], "simple_prefix": []}],
            }),
        ),
        (
            "aws_s3_bucket_cors_configuration",
            json!({"id": "assets", "bucket": "assets", "cors_rule": [overlaid(cors_rule(), json!({"id": "web"}))]}),
        ),
        (
            "aws_s3_bucket_website_configuration",
            json!({"id": "assets", "bucket": "assets", "index_document": [{"suffix": "index.html"}],
                "error_document": [{"key": "404.html"}], "redirect_all_requests_to": [], "routing_rule": [routing, whole_key],
                "routing_rules": "[]"}),
        ),
        (
            "aws_s3_bucket_replication_configuration",
            json!({"id": "assets", "bucket": "assets", "role": "arn:aws:iam::123456789012:role/replicate", "token": "",
                "rule": [replication_rule()]}),
        ),
        (
            "aws_s3_bucket_notification",
            json!({"id": "assets", "bucket": "assets", "eventbridge": true,
                "topic": [target("t", "topic_arn", "arn:aws:sns:eu-west-3:123456789012:uploads")],
                "queue": [target("q", "queue_arn", "arn:aws:sqs:eu-west-3:123456789012:uploads")],
                "lambda_function": [target("l", "lambda_function_arn", "arn:aws:lambda:eu-west-3:123456789012:function:thumb")],
            }),
        ),
        ("aws_s3_bucket_accelerate_configuration", json!({"id": "assets", "bucket": "assets", "status": "Enabled"})),
    ]
}

fn replication_rule() -> Value {
    json!({
        "id": "all", "status": "Enabled", "priority": 1, "prefix": "",
        "filter": [{"and": [{"prefix": "img/", "tags": {"A": "b"}}], "prefix": "", "tag": []}],
        "delete_marker_replication": [{"status": "Enabled"}],
        "existing_object_replication": [{"status": "Enabled"}],
        "source_selection_criteria": [{
            "sse_kms_encrypted_objects": [{"status": "Enabled"}], "replica_modifications": [{"status": "Enabled"}],
        }],
        "destination": [{
            "bucket": "arn:aws:s3:::replica", "account": "210987654321", "storage_class": "STANDARD_IA",
            "access_control_translation": [{"owner": "Destination"}],
            "encryption_configuration": [{"replica_kms_key_id": "arn:aws:kms:eu-west-1:123456789012:key/1"}],
            "replication_time": [{"status": "Enabled", "time": [{"minutes": 15}]}],
            "metrics": [{"status": "Enabled", "event_threshold": [{"minutes": 15}]}],
        }],
    })
}

/// The forms that exclude those of the other examples.
fn other_forms() -> Example {
    let rule = |id: &str, more: Value| overlaid(json!({"id": id, "status": "Enabled"}), more);
    let lifecycle = [
        rule("tag", json!({"filter": [{"prefix": null, "and": [], "tag": [{"key": "Class", "value": "raw"}]}]})),
        rule("old-prefix", json!({"prefix": "tmp/", "filter": []})),
        rule("prefix", json!({"filter": [{"prefix": "logs/"}]})),
        rule("size", json!({"filter": [{"object_size_greater_than": 500, "object_size_less_than": "64000"}]})),
        rule(
            "date",
            json!({
                "expiration": [{"date": "2030-01-01T00:00:00Z", "days": null, "expired_object_delete_marker": null}],
                "transition": [{"date": "2029-01-01T00:00:00Z", "days": null, "storage_class": "GLACIER"}],
            }),
        ),
        rule("marker", json!({"expiration": [{"date": "", "days": 0, "expired_object_delete_marker": true}]})),
    ];
    let to_replica =
        |id: &str, more: Value| rule(id, overlaid(more, json!({"destination": [{"bucket": "arn:aws:s3:::replica"}]})));
    let replication = [
        to_replica("first-schema", json!({"prefix": "a/", "priority": 0, "filter": []})),
        to_replica("prefix", json!({"priority": 1, "filter": [{"prefix": "b/", "and": [], "tag": []}]})),
        to_replica(
            "tag",
            json!({"priority": 2, "filter": [{"prefix": "", "and": [], "tag": [{"key": "A", "value": "b"}]}]}),
        ),
    ];
    let routing =
        json!([{"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}]);
    vec![
        ("aws_s3_bucket_acl", json!({"id": "assets,private", "bucket": "assets", "acl": "private"})),
        ("aws_s3_bucket_lifecycle_configuration", json!({"id": "assets", "bucket": "assets", "rule": lifecycle})),
        (
            "aws_s3_bucket_replication_configuration",
            json!({"id": "assets", "bucket": "assets", "role": "arn:aws:iam::123456789012:role/replicate", "rule": replication}),
        ),
        (
            "aws_s3_bucket_object_lock_configuration",
            json!({"id": "assets", "bucket": "assets", "rule": [{"default_retention": [
                {"mode": "COMPLIANCE", "days": null, "years": 1}
            ]}]}),
        ),
        (
            "aws_s3_bucket_website_configuration",
            json!({"id": "assets", "bucket": "assets", "redirect_all_requests_to": [
                {"host_name": "www.example.com", "protocol": "https"}
            ], "routing_rule": [], "routing_rules": routing.to_string()}),
        ),
    ]
}

//! The tables of buckets: every row is true, and which of two that speak of one attribute counts.

mod examples;

use serde_json::{Value, json};

use super::super::laws::{declared, every_row_is_true, state};
use super::super::mapping::TerraformType;
use super::{ACCESS, BUCKET, DELIVERY, RETENTION};
use examples::{bucket_3, bucket_5, every_example};

const TABLES: &[&[TerraformType]] = &[BUCKET, ACCESS, RETENTION, DELIVERY];

fn get(example: &[(&'static str, Value)], attribute: &str) -> Option<Value> {
    state(TABLES, example).get(attribute).cloned()
}

fn with(mut value: Value, name: &str, attribute: Value) -> Value {
    value[name] = attribute;
    value
}

#[test]
fn every_row_of_the_tables_is_true() {
    every_row_is_true(TABLES, &every_example());
}

#[test]
fn the_inline_copies_of_provider_4_and_later_declare_nothing() {
    let declared = state(TABLES, &[("aws_s3_bucket", bucket_5())]);
    assert_eq!(declared.names().collect::<Vec<_>>(), ["Tags"]);
}

#[test]
fn a_resource_of_its_own_wins_over_the_inline_attribute() {
    let versioning = json!({"bucket": "assets", "versioning_configuration": [{"status": "Enabled", "mfa_delete": ""}]});
    for bucket in [bucket_3(), bucket_5()] {
        let bucket = with(bucket, "versioning", json!([{"enabled": false, "mfa_delete": false}]));
        let example = [("aws_s3_bucket", bucket), ("aws_s3_bucket_versioning", versioning.clone())];
        assert_eq!(get(&example, "Versioning"), Some(json!({"Status": "Enabled", "MFADelete": "Disabled"})));
    }
}

#[test]
fn an_empty_bucket_of_provider_3_declares_that_there_is_nothing() {
    let declared = state(TABLES, &[("aws_s3_bucket", bucket_3())]);
    for (attribute, none) in [
        ("Logging", Value::Null),
        ("Website", Value::Null),
        ("Replication", Value::Null),
        ("ObjectLock", Value::Null),
        ("Cors", json!([])),
        ("Lifecycle", json!({})),
        ("Acl", json!({"owner:FULL_CONTROL": {}})),
        ("RequestPayment", json!("BucketOwner")),
        ("Versioning", json!({"Status": "Disabled", "MFADelete": "Disabled"})),
    ] {
        assert_eq!(declared.get(attribute), Some(&none), "{attribute}");
    }
    assert_eq!(declared.get("Encryption").map(|sse| sse["SSEAlgorithm"].clone()), Some(json!("AES256")));
    // Whether there is a policy or a block is another resource's to say.
    for undeclared in ["Policy", "PublicAccessBlock", "OwnershipControls", "Notification", "Accelerate"] {
        assert_eq!(declared.get(undeclared), None, "{undeclared}");
    }
}

#[test]
fn an_aspect_stands_for_its_bucket_where_no_state_holds_the_bucket() {
    let block = json!({"id": "assets", "bucket": "assets", "block_public_acls": true});
    let (states, problems) = declared(TABLES, &[("aws_s3_bucket_public_access_block", block)]);
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(states[0].0, "assets");
    assert_eq!(states[0].1.names().collect::<Vec<_>>(), ["PublicAccessBlock"]);
    assert_eq!(states[0].1.pointer("/PublicAccessBlock/BlockPublicPolicy"), Some(&json!(false)));
}

#[test]
fn the_name_is_read_from_an_id_with_an_owner_too_and_directory_buckets_are_none_of_ours() {
    let versioning = |id: &str| json!({"id": id, "versioning_configuration": [{"status": "Enabled"}]});
    let (states, _) = declared(TABLES, &[("aws_s3_bucket_versioning", versioning("assets,123456789012"))]);
    assert_eq!(states[0].0, "assets");
    let (states, problems) = declared(TABLES, &[("aws_s3_bucket_versioning", versioning("a--use1-az4--x-s3"))]);
    assert!(states.is_empty() && problems.is_empty(), "{states:?} {problems:?}");
}

#[test]
fn every_way_to_select_the_whole_bucket_is_one() {
    let lifecycle = |rule: Value| {
        let rule = with(rule, "expiration", json!([{"days": 30, "date": "", "expired_object_delete_marker": false}]));
        let rule = with(with(rule, "id", json!("old")), "status", json!("Enabled"));
        get(&[("aws_s3_bucket_lifecycle_configuration", json!({"bucket": "assets", "rule": [rule]}))], "Lifecycle")
    };
    let whole = lifecycle(json!({}));
    assert!(whole.is_some());
    for rule in [
        json!({"filter": []}),
        json!({"filter": [], "prefix": ""}),
        json!({"filter": [{"prefix": "", "and": [], "tag": []}], "prefix": null}),
        json!({"filter": [{"prefix": null, "object_size_greater_than": null, "object_size_less_than": ""}]}),
        json!({"filter": [null]}),
        json!({"filter": [{"object_size_greater_than": 0, "object_size_less_than": 0}]}),
    ] {
        assert_eq!(lifecycle(rule.clone()), whole, "{rule}");
    }
    assert_ne!(lifecycle(json!({"filter": [{"prefix": "logs/"}]})), whole);
}

#[test]
fn zeros_are_nothing_but_for_a_transition_that_is_due_at_once() {
    let rule = json!({"id": "x", "status": "Enabled",
        "transition": [
            {"days": 0, "date": "", "storage_class": "INTELLIGENT_TIERING"},
            {"days": 0, "date": "2030-01-01T00:00:00Z", "storage_class": "GLACIER"},
        ],
        "noncurrent_version_expiration": [{"noncurrent_days": 30, "newer_noncurrent_versions": ""}],
        "abort_incomplete_multipart_upload": [{"days_after_initiation": 0}],
    });
    let declared =
        get(&[("aws_s3_bucket_lifecycle_configuration", json!({"bucket": "a", "rule": [rule]}))], "Lifecycle");
    let rule = declared.map(|rules| rules["x"].clone()).expect("a rule");
    assert_eq!(
        rule["Transitions"],
        json!({"INTELLIGENT_TIERING": {"Days": 0, "Date": null}, "GLACIER": {"Days": null, "Date": "2030-01-01T00:00:00Z"}})
    );
    assert_eq!(rule["NoncurrentVersionExpiration"], json!({"NoncurrentDays": 30, "NewerNoncurrentVersions": null}));
    assert_eq!(rule["AbortIncompleteMultipartUpload"], Value::Null);
}

#[test]
fn cors_rules_that_one_request_may_match_are_not_compared_because_their_order_is_lost() {
    let cors =
        |rules: Value| get(&[("aws_s3_bucket_cors_configuration", json!({"bucket": "a", "cors_rule": rules}))], "Cors");
    let rule = |method: &str, origin: &str| json!({"allowed_methods": [method], "allowed_origins": [origin]});
    let (get_all, put_all) = (rule("GET", "*"), rule("PUT", "*"));
    let either = cors(json!([get_all, put_all]));
    assert!(either.is_some());
    assert_eq!(either, cors(json!([put_all, get_all])));
    let (states, _) = declared(
        TABLES,
        &[
            ("aws_s3_bucket", with(bucket_5(), "bucket", json!("a"))),
            (
                "aws_s3_bucket_cors_configuration",
                json!({"bucket": "a", "cors_rule": [get_all, rule("GET", "https://a")]}),
            ),
        ],
    );
    assert_eq!(states[0].1.get("Cors"), None);
}

#[test]
fn acls_whose_grants_are_not_certain_and_empty_policies_declare_nothing() {
    for (kind, attributes) in [
        ("aws_s3_bucket_acl", json!({"bucket": "a", "acl": "aws-exec-read", "access_control_policy": []})),
        ("aws_s3_bucket_policy", json!({"bucket": "a", "policy": ""})),
        ("aws_s3_bucket_policy", json!({"bucket": "a", "policy": "{}"})),
    ] {
        let (states, problems) = declared(TABLES, &[(kind, attributes)]);
        assert!(problems.is_empty() && states.iter().all(|(_, state)| state.is_empty()), "{states:?} {problems:?}");
    }
}

#[test]
fn a_redirect_of_a_whole_site_has_its_protocol_in_front_inline() {
    let site = |to: &str| with(bucket_3(), "website", json!([{"redirect_all_requests_to": to, "index_document": ""}]));
    let to =
        |to: &str| get(&[("aws_s3_bucket", site(to))], "Website").map(|site| site["RedirectAllRequestsTo"].clone());
    assert_eq!(to("https://www.example.com"), Some(json!({"HostName": "www.example.com", "Protocol": "https"})));
    assert_eq!(to("www.example.com"), Some(json!({"HostName": "www.example.com", "Protocol": null})));
}

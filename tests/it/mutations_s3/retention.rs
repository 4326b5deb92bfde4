//! How long objects and their versions are kept.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus, DefaultRetention,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule, Transition,
    TransitionStorageClass, VersioningConfiguration,
};
use driftsentry::domain::severity::Severity::{Critical, Warning};
use serde_json::{Value, json};

use super::{BY_USE, act, api, canonical, rewrite};
use crate::mutation::{Act, Mutation};

pub fn setup() -> Vec<Act> {
    vec![versioning(BucketVersioningStatus::Enabled), lifecycle(declared_rules()), object_lock(Some(30))]
}

pub fn mutations() -> Vec<Mutation> {
    let mut all = versioning_mutations();
    all.extend(rule_mutations());
    all.extend(expiry_mutations());
    all.extend(lock_mutations());
    all
}

fn versioning(status: BucketVersioningStatus) -> Act {
    let config = VersioningConfiguration::builder().status(status).build();
    act!(|s3, id| s3.put_bucket_versioning().bucket(id).versioning_configuration(config.clone()))
}

fn versioning_mutations() -> Vec<Mutation> {
    let sides = (Some(json!("Enabled")), Some(json!("Suspended")));
    let acts = (versioning(BucketVersioningStatus::Suspended), versioning(BucketVersioningStatus::Enabled));
    let suspended = api("/Versioning/Status", sides, (Critical, BY_USE), acts);
    // The emulator drops MFA delete.
    let sides = (Some(json!("Disabled")), Some(json!("Enabled")));
    let text =
        ("GET ?versioning", "<Status>Enabled</Status>", "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>");
    vec![suspended, rewrite("/Versioning/MFADelete", sides, (Warning, BY_USE), text)]
}

/// Objects below a prefix: archived, then deleted.
fn reports(prefix: &str, status: ExpirationStatus, (expire, archive): (i32, i32)) -> LifecycleRule {
    let to_archive = Transition::builder().days(archive).storage_class(TransitionStorageClass::Glacier).build();
    LifecycleRule::builder()
        .id("reports")
        .status(status)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
        .expiration(LifecycleExpiration::builder().days(expire).build())
        .transitions(to_archive)
        .build()
        .expect("a rule")
}

/// Old versions and torn uploads anywhere in the bucket.
fn leftovers(versions: i32, uploads: i32) -> LifecycleRule {
    LifecycleRule::builder()
        .id("leftovers")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .noncurrent_version_expiration(NoncurrentVersionExpiration::builder().noncurrent_days(versions).build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder().days_after_initiation(uploads).build(),
        )
        .build()
        .expect("a rule")
}

fn declared_reports() -> LifecycleRule {
    reports("reports/", ExpirationStatus::Enabled, (365, 90))
}

fn declared_rules() -> Vec<LifecycleRule> {
    vec![declared_reports(), leftovers(30, 7)]
}

fn lifecycle(rules: Vec<LifecycleRule>) -> Act {
    let config = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().expect("a configuration");
    act!(|s3, id| s3.put_bucket_lifecycle_configuration().bucket(id).lifecycle_configuration(config.clone()))
}

fn rule_change(
    pointer: &str,
    sides: (Option<Value>, Option<Value>),
    severity: driftsentry::domain::severity::Severity,
    live: Vec<LifecycleRule>,
) -> Mutation {
    let acts = (lifecycle(live), lifecycle(declared_rules()));
    api(&format!("/Lifecycle/{pointer}"), sides, (severity, BY_USE), acts)
}

/// Rules that come, go, rest or reach further.
fn rule_mutations() -> Vec<Mutation> {
    let rule = |rule: Value| canonical("Lifecycle", json!([rule]))["x"].clone();
    let everything = LifecycleRule::builder().id("everything").status(ExpirationStatus::Enabled);
    let everything = everything.filter(LifecycleRuleFilter::builder().prefix("").build());
    let everything = everything.expiration(LifecycleExpiration::builder().days(1).build()).build().expect("a rule");
    let added = Some(rule(json!({ "ID": "x", "Expiration": { "Days": 1 } })));
    let removed = Some(rule(json!({
        "ID": "x", "NoncurrentVersionExpiration": { "NoncurrentDays": 30 },
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
    })));
    let texts = |from: &str, to: &str| (Some(from.into()), Some(to.into()));
    let resting = reports("reports/", ExpirationStatus::Disabled, (365, 90));
    let wider = reports("", ExpirationStatus::Enabled, (365, 90));
    let narrower = reports("reports/old/", ExpirationStatus::Enabled, (365, 90));
    vec![
        rule_change("everything", (None, added), Critical, [declared_rules(), vec![everything]].concat()),
        rule_change("leftovers", (removed, None), Warning, vec![declared_reports()]),
        rule_change("reports/Status", texts("Enabled", "Disabled"), Warning, vec![resting, leftovers(30, 7)]),
        rule_change("reports/Filter/Prefix", texts("reports/", ""), Critical, vec![wider, leftovers(30, 7)]),
        rule_change(
            "reports/Filter/Prefix",
            texts("reports/", "reports/old/"),
            Warning,
            vec![narrower, leftovers(30, 7)],
        ),
    ]
}

/// Days that grow and shrink.
fn expiry_mutations() -> Vec<Mutation> {
    let days = |from: i32, to: i32| (Some(from.into()), Some(to.into()));
    let reports =
        |expire, archive| vec![reports("reports/", ExpirationStatus::Enabled, (expire, archive)), leftovers(30, 7)];
    let leftovers = |versions, uploads| vec![declared_reports(), leftovers(versions, uploads)];
    vec![
        rule_change("reports/Expiration/Days", days(365, 30), Critical, reports(30, 90)),
        rule_change("reports/Expiration/Days", days(365, 400), Warning, reports(400, 90)),
        rule_change("reports/Transitions/GLACIER/Days", days(90, 120), Warning, reports(365, 120)),
        rule_change("leftovers/NoncurrentVersionExpiration/NoncurrentDays", days(30, 7), Critical, leftovers(7, 7)),
        rule_change(
            "leftovers/AbortIncompleteMultipartUpload/DaysAfterInitiation",
            days(7, 1),
            Warning,
            leftovers(30, 1),
        ),
    ]
}

fn object_lock(days: Option<i32>) -> Act {
    let rule = days.map(|days| {
        let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Governance).days(days).build();
        ObjectLockRule::builder().default_retention(retention).build()
    });
    let config = ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).set_rule(rule);
    let config = config.build();
    act!(|s3, id| s3.put_object_lock_configuration().bucket(id).object_lock_configuration(config.clone()))
}

fn lock_mutations() -> Vec<Mutation> {
    let days = |to: i32, severity| {
        let sides = (Some(json!(30)), Some(json!(to)));
        let acts = (object_lock(Some(to)), object_lock(Some(30)));
        api("/ObjectLock/Rule/DefaultRetention/Days", sides, (severity, BY_USE), acts)
    };
    let rule = json!({ "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": 30 } } });
    let sides = (Some(canonical("ObjectLock", rule)["Rule"].clone()), Some(Value::Null));
    let lost = api("/ObjectLock/Rule", sides, (Critical, BY_USE), (object_lock(None), object_lock(Some(30))));
    vec![days(1, Critical), days(60, Warning), lost]
}

//! Buckets put back: one with every attribute set, from which each is changed or taken, and one with none, to which each
//! is added.
//!
//! The emulator differs from AWS in what matters here: it takes ACLs where they are switched off, suspends versioning
//! under object lock, ignores `ExpectedBucketOwner`, refuses AWS's own tags in a call (AWS refuses their absence), and
//! has neither requester pays, nor MFA delete, nor formats of logs' names, nor `EventBridge` in its answers. The
//! planner's own tests have these, and read back every form of every configuration through the SDK's types.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{
    BucketCannedAcl, BucketLoggingStatus, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
};
use driftsentry::domain::diff::Change;
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::aws::ErrorClass;
use driftsentry::resource::{Aws, FixError, FixPlan, FixRequest, changes_of};
use serde_json::{Value, json};

use super::{Row, Stage};
use crate::mutation::{Act, How};
use crate::mutations_s3::{self, access, act, delivery, retention};
use crate::support::{Effect, Rule};

const NO_REQUESTER_PAYS: &str = "the emulator does not know who pays and makes the bucket anew";

fn ownership(who: ObjectOwnership) -> Act {
    let rule = OwnershipControlsRule::builder().object_ownership(who).build().expect("a rule");
    let controls = OwnershipControls::builder().rules(rule).build().expect("controls");
    act!(|s3, id| s3.put_bucket_ownership_controls().bucket(id).ownership_controls(controls.clone()))
}

fn private() -> Act {
    act!(|s3, id| s3.put_bucket_acl().bucket(id).acl(BucketCannedAcl::Private))
}

/// First one, then the other.
fn both(first: Act, then: Act) -> Act {
    let (first, then) = (std::sync::Arc::new(first), std::sync::Arc::new(then));
    Box::new(move |aws, id| {
        let (first, then) = (first.clone(), then.clone());
        Box::pin(async move {
            first(aws, id).await;
            then(aws, id).await;
        })
    })
}

/// A bucket with every attribute set, on which ACLs count.
async fn full(aws: &Aws) -> String {
    let id = mutations_s3::create(aws).await;
    ownership(ObjectOwnership::ObjectWriter)(aws, &id).await;
    id
}

/// The one call that puts a changed attribute of the full bucket back.
fn operations(attribute: &str) -> &'static [&'static str] {
    match attribute {
        "PublicAccessBlock" => &["PutPublicAccessBlock"],
        "Policy" => &["PutBucketPolicy"],
        "Acl" => &["PutBucketAcl"],
        "Encryption" => &["PutBucketEncryption"],
        "Versioning" => &["PutBucketVersioning"],
        "Logging" => &["PutBucketLogging"],
        "Lifecycle" => &["PutBucketLifecycleConfiguration"],
        "Cors" => &["PutBucketCors"],
        "Website" => &["DeleteBucketWebsite"],
        "Replication" => &["PutBucketReplication"],
        "ObjectLock" => &["PutObjectLockConfiguration"],
        "Notification" => &["PutBucketNotificationConfiguration"],
        "Accelerate" => &["PutBucketAccelerateConfiguration"],
        "Tags" => &["PutBucketTagging"],
        other => panic!("{other} has no row"),
    }
}

/// Every mutation that the emulator can make, but for the ownership of objects, and what those do not show.
fn changed() -> Vec<Row> {
    let mut rows = vec![
        Row::not_shown("RequestPayment", NO_REQUESTER_PAYS),
        Row::by_hand("ObjectLock", "declared as never enabled", |state| state.set("ObjectLock", Value::Null)),
        Row::by_hand("Versioning", "declared with MFA delete", |state| {
            state.set("Versioning", json!({ "Status": "Enabled", "MFADelete": "Enabled" }));
        }),
    ];
    for mutation in mutations_s3::mutations() {
        if let (How::Api { apply, .. }, true) = (mutation.how, mutation.attribute != "OwnershipControls") {
            rows.push(Row::put_back(mutation.attribute, "a mutation", apply, operations(mutation.attribute)));
        }
    }
    rows.extend(taken());
    rows
}

/// Each attribute taken away as a whole, and ACLs switched off.
fn taken() -> Vec<Row> {
    let off: Act = act!(|s3, id| s3.delete_bucket_ownership_controls().bucket(id));
    let acls_off = both(private(), ownership(ObjectOwnership::BucketOwnerEnforced));
    let no_log = BucketLoggingStatus::builder().build();
    let gone = |attribute: &'static str, act: Act| Row::put_back(attribute, "taken away", act, operations(attribute));
    vec![
        Row::put_back("OwnershipControls", "taken away", off, &["PutBucketOwnershipControls"]),
        Row::put_back("Acl", "switched off", acls_off, &["PutBucketOwnershipControls", "PutBucketAcl"]),
        gone("PublicAccessBlock", act!(|s3, id| s3.delete_public_access_block().bucket(id))),
        gone("Encryption", act!(|s3, id| s3.delete_bucket_encryption().bucket(id))),
        gone("Lifecycle", act!(|s3, id| s3.delete_bucket_lifecycle().bucket(id))),
        gone("Cors", act!(|s3, id| s3.delete_bucket_cors().bucket(id))),
        gone("Tags", act!(|s3, id| s3.delete_bucket_tagging().bucket(id))),
        gone("Logging", act!(|s3, id| s3.put_bucket_logging().bucket(id).bucket_logging_status(no_log.clone()))),
    ]
}

#[tokio::test]
async fn every_attribute_of_a_full_bucket_is_put_back() {
    let stage = Stage::new("S3", "us-east-1", full).await;
    stage.each_is_put_back(&changed()).await;
}

/// A bucket that is versioned and nothing more, beside one for logs.
async fn bare(aws: &Aws) -> String {
    let (id, logs) = (format!("bare-{}", aws.account_id), logs_of(aws));
    for bucket in [&id, &logs] {
        aws.s3.create_bucket().bucket(bucket).send().await.expect("create a bucket");
    }
    access::open_to_log_delivery()(aws, &logs).await;
    let [versioning, ..]: [Act; 3] = retention::setup().try_into().ok().expect("three acts");
    versioning(aws, &id).await;
    id
}

fn logs_of(aws: &Aws) -> String {
    format!("logs-{}", aws.account_id)
}

/// Each attribute added to a bucket without it.
fn added(logs: &str) -> Vec<Row> {
    let [block, policy, acl, enforced, encryption, tags]: [Act; 6] = access::setup().try_into().ok().expect("six acts");
    let [_, lifecycle, _]: [Act; 3] = retention::setup().try_into().ok().expect("three acts");
    let [logging, cors, replication, notification, _]: [Act; 5] =
        delivery::setup(logs).try_into().ok().expect("five acts");
    let site = mutations_s3::mutations().into_iter().filter(|mutation| mutation.attribute == "Website");
    let site = site.filter_map(|mutation| match mutation.how {
        How::Api { apply, .. } => Some(Row::put_back("Website", "added", apply, &["DeleteBucketWebsite"])),
        How::Rewrite { .. } => None,
    });
    let row = |attribute, act, operations| Row::put_back(attribute, "added", act, operations);
    let mut rows = vec![
        row("PublicAccessBlock", block, &["DeletePublicAccessBlock"]),
        row("Policy", policy, &["DeleteBucketPolicy"]),
        row("Acl", acl, &["PutBucketAcl"]),
        row("OwnershipControls", enforced, &["DeleteBucketOwnershipControls"]),
        row("Encryption", encryption, &["PutBucketEncryption"]),
        Row::not_shown("Versioning", "never enabled, it cannot be again; the planner's tests have it"),
        row("Logging", logging, &["PutBucketLogging"]),
        row("Lifecycle", lifecycle, &["DeleteBucketLifecycle"]),
        row("Cors", cors, &["DeleteBucketCors"]),
        row("Replication", replication, &["DeleteBucketReplication"]),
        Row::by_hand("ObjectLock", "declared as enabled", |state| state.set("ObjectLock", json!({}))),
        row("Notification", notification, &["PutBucketNotificationConfiguration"]),
        Row::not_shown("Accelerate", "in the other table"),
        Row::not_shown("RequestPayment", NO_REQUESTER_PAYS),
        row("Tags", tags, &["DeleteBucketTagging"]),
    ];
    rows.extend(site);
    rows
}

#[tokio::test]
async fn what_is_added_to_a_bare_bucket_is_taken_away() {
    let stage = Stage::new("S3", "us-east-1", bare).await;
    stage.each_is_put_back(&added(&logs_of(&stage.direct))).await;
}

/// A bucket of which these tags are declared, and that has none.
async fn tagless() -> (Stage, ResourceState) {
    let stage = Stage::new("S3", "us-east-1", bare).await;
    (stage, ResourceState::new().with("Tags", json!({ "Env": "prod" })))
}

/// The plan, or why there is none.
async fn plan_of(stage: &Stage, expected: &ResourceState) -> Result<FixPlan, FixError> {
    let (actual, changes) = stage.compare(expected).await;
    let request = FixRequest { key: &stage.key, expected, actual: &actual, changes: &changes, apply_immediately: true };
    stage.kind.plan_fix(&stage.aws, request).await
}

#[tokio::test]
async fn a_plan_reads_what_drifted_and_calls_follow_the_bucket_to_its_region() {
    let (stage, expected) = tagless().await;
    for call in ["GET ?tagging", "PUT ?tagging"] {
        stage.proxy.add(Rule::on(call, Effect::Moved("eu-west-1".to_owned())).only_call(1));
    }
    stage.proxy.reset_counts();
    let plan = plan_of(&stage, &expected).await.expect("a plan");
    assert_eq!(stage.proxy.counts().into_iter().collect::<Vec<_>>(), [("GET ?tagging".to_owned(), 2)]);
    stage.call(&plan.steps[0]).await;
    assert_eq!(stage.proxy.counts()["PUT ?tagging"], 2);
    assert_eq!(stage.compare(&expected).await.1, [] as [Change; 0]);
}

/// The emulator has no such configuration, so AWS's answers are given in its place.
#[tokio::test]
async fn the_owner_pays_again_by_one_call() {
    let stage = Stage::new("S3", "us-east-1", bare).await;
    let payer = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
    stage.proxy.add(Rule::on("GET ?requestPayment", Effect::Answer(200, payer.to_owned())));
    stage.proxy.add(Rule::on("PUT ?requestPayment", Effect::Answer(200, String::new())));
    let expected = ResourceState::new().with("RequestPayment", "BucketOwner");
    let actual = ResourceState::new().with("RequestPayment", "Requester");
    let changes = changes_of(stage.kind, &expected, &actual);
    let request = FixRequest {
        key: &stage.key,
        expected: &expected,
        actual: &actual,
        changes: &changes,
        apply_immediately: true,
    };
    let plan = stage.kind.plan_fix(&stage.aws, request).await.expect("a plan");
    let operations: Vec<&str> = plan.steps.iter().map(|step| step.operation).collect();
    assert_eq!(operations, ["PutBucketRequestPayment"]);
    assert_eq!(plan.steps[0].parameters["RequestPaymentConfiguration"], json!({ "Payer": "BucketOwner" }));
    stage.call(&plan.steps[0]).await;
    assert_eq!(stage.proxy.counts()["PUT ?requestPayment"], 1);
}

#[tokio::test]
async fn a_refused_call_names_the_action_that_lacks_and_a_conflict_is_told_as_passing() {
    let stage = Stage::new("S3", "us-east-1", bare).await;
    let mut expected = ResourceState::new().with("Encryption", json!({ "SSEAlgorithm": "aws:kms" }));
    stage.kind.normalize(&mut expected);
    let plan = plan_of(&stage, &expected).await.expect("a plan");
    let error = async |effect: Effect| {
        stage.proxy.clear_rules();
        stage.proxy.add(Rule::on("PUT ?encryption", effect));
        stage.kind.call(&stage.aws, &stage.key, &plan.steps[0]).await.expect_err("it is spoiled")
    };
    let denied = error(Effect::Denied).await;
    assert!(!denied.is_transient(), "{denied}");
    let words = denied.to_string();
    assert!(words.contains("allow s3:PutEncryptionConfiguration") && words.contains("iam-policy remediate"), "{words}");
    let conflict = "<Error><Code>OperationAborted</Code><Message>A conflicting conditional operation is currently in \
                    progress against this resource. Please try again.</Message></Error>";
    let conflict = error(Effect::Answer(409, conflict.to_owned())).await;
    assert!(conflict.is_transient() && conflict.to_string().contains("PutBucketEncryption"), "{conflict}");
    assert!(error(Effect::Throttled).await.is_transient());
}

#[tokio::test]
async fn a_plan_for_what_cannot_be_read_or_is_gone_is_none() {
    let (stage, expected) = tagless().await;
    stage.proxy.add(Rule::on("GET ?tagging", Effect::Denied));
    let denied = plan_of(&stage, &expected).await.expect_err("nothing was read");
    assert!(matches!(&denied, FixError::Aws(error) if error.class == ErrorClass::Denied), "{denied}");
    stage.proxy.clear_rules();
    let (actual, changes) = stage.compare(&expected).await;
    stage.direct.s3.delete_bucket().bucket(&stage.key.resource_id).send().await.expect("delete it");
    let request = FixRequest {
        key: &stage.key,
        expected: &expected,
        actual: &actual,
        changes: &changes,
        apply_immediately: true,
    };
    let gone = stage.kind.plan_fix(&stage.aws, request).await.expect_err("it is gone");
    assert!(matches!(&gone, FixError::Aws(error) if error.class == ErrorClass::NotFound), "{gone}");
}

#[tokio::test]
async fn a_bucket_that_is_gone_as_a_whole_is_left_to_people_without_a_call() {
    let (stage, expected) = tagless().await;
    let changes = changes_of(stage.kind, &expected, &ResourceState::new());
    assert_eq!(changes.len(), 1);
    let whole = [Change { pointer: String::new(), from: Some(expected.to_value()), to: None }];
    stage.proxy.reset_counts();
    let actual = ResourceState::new();
    let request =
        FixRequest { key: &stage.key, expected: &expected, actual: &actual, changes: &whole, apply_immediately: true };
    let plan = stage.kind.plan_fix(&stage.aws, request).await.expect("a plan");
    assert!(plan.steps.is_empty() && plan.manual.len() == 1);
    assert_eq!(stage.proxy.counts().keys().collect::<BTreeSet<_>>(), BTreeSet::new());
}

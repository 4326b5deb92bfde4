//! Plans without AWS: what is put back, in which order, what loosens, what is left to people.

mod echo;
mod orders;
mod prefixes;
mod round_trip;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::id::{ResourceKey, Scope};
use crate::domain::state::ResourceState;

use super::super::super::{FixPlan, FixRequest, FixStep, ResourceType, changes_of};
use super::super::{S3, align, canonical};
use super::form::RESTORES;
use super::plan::{ORDER, plan};
use super::seen::{Seen, needed};

const OWNER: &str = "75aa";

fn key(name: &str) -> ResourceKey {
    let scope = Scope { account_id: "123456789012".into(), region: "us-east-1".into(), resource_type: "S3".into() };
    ResourceKey { scope, resource_id: name.to_owned() }
}

fn canonical_of(state: &Value) -> ResourceState {
    let mut state: ResourceState = serde_json::from_value(state.clone()).expect("an object");
    canonical(&mut state);
    state
}

/// What would be read of a bucket in this state.
fn seen(live: &ResourceState) -> Seen {
    Seen { state: live.clone(), owner: Some(OWNER.to_owned()), ..Seen::default() }
}

/// The plan for a bucket of which these attributes are declared, and that is live like this.
fn plan_for(expected: &Value, live: &Value) -> FixPlan {
    let live = canonical_of(live);
    plan_seen(expected, &live, seen(&live))
}

fn plan_seen(expected: &Value, live: &ResourceState, mut seen: Seen) -> FixPlan {
    let expected = canonical_of(expected);
    let mut actual = live.restricted_to(&expected.names().map(str::to_owned).collect());
    S3.align(&expected, &mut actual);
    let changes = changes_of(&S3, &expected, &actual);
    align::pair(&expected, &mut seen.state);
    let key = key("assets");
    let request =
        FixRequest { key: &key, expected: &expected, actual: &actual, changes: &changes, apply_immediately: false };
    let plan = plan(&request, &seen);
    let pointers: Vec<String> = changes.iter().map(|change| change.pointer.clone()).collect();
    assert_tells_each_change_once(&plan, &pointers);
    plan
}

fn assert_tells_each_change_once(plan: &FixPlan, changes: &[String]) {
    let told = plan.steps.iter().flat_map(|step| step.restores.clone());
    let mut told: Vec<String> = told.chain(plan.manual.iter().map(|fix| fix.pointer.clone())).collect();
    told.sort();
    assert_eq!(told, changes);
}

fn operations(plan: &FixPlan) -> Vec<&'static str> {
    plan.steps.iter().map(|step| step.operation).collect()
}

/// The one step of a plan with nothing left to people.
fn only(plan: FixPlan) -> FixStep {
    assert_eq!(plan.manual, []);
    let [step] = <[FixStep; 1]>::try_from(plan.steps).expect("one step");
    step
}

#[test]
fn every_attribute_is_restored_by_one_row_and_has_its_turn() {
    let names: Vec<&str> = S3.attributes().iter().map(|attribute| attribute.name).collect();
    assert_eq!(RESTORES.iter().map(|restore| restore.attribute).collect::<Vec<_>>(), names);
    let names: BTreeSet<&str> = names.into_iter().collect();
    assert_eq!(ORDER.iter().copied().collect::<BTreeSet<_>>(), names);
    assert_eq!(ORDER.len(), names.len());
}

#[test]
fn each_attribute_of_the_example_is_put_back_from_awss_defaults_or_told_to_people() {
    let example = S3.example();
    let defaults = canonical_of(&S3.attributes().iter().map(|a| (a.name.to_owned(), Value::Null)).collect());
    let mut untouched = BTreeSet::new();
    for (name, declared) in example.iter() {
        let mut live = example.clone();
        live.set(name, defaults.get(name).cloned());
        let plan = plan_seen(&json!({ name: declared }), &live, seen(&live));
        let is_handled = !plan.steps.is_empty() || !plan.manual.is_empty();
        if !is_handled {
            untouched.insert(name.to_owned());
        }
    }
    // The example declares the default of these.
    assert_eq!(untouched, BTreeSet::from(["Accelerate".to_owned(), "RequestPayment".to_owned()]));
}

#[test]
fn a_call_names_the_bucket_its_owner_and_the_whole_configuration() {
    let step = only(plan_for(&json!({ "Versioning": { "Status": "Enabled" } }), &json!({ "Versioning": {} })));
    let parameters = json!({
        "Bucket": "assets", "ExpectedBucketOwner": "123456789012", "VersioningConfiguration": { "Status": "Enabled" },
    });
    assert_eq!((step.service, step.operation, &step.parameters), ("s3", "PutBucketVersioning", &parameters));
    assert_eq!(
        (step.restores.as_slice(), step.actions),
        (&["/Versioning/Status".to_owned()][..], &["s3:PutBucketVersioning"][..])
    );
    assert!(!step.loosens && step.summary == "set versioning to Enabled");
}

#[test]
fn what_is_ignored_or_not_compared_is_carried_over() {
    let live = canonical_of(&json!({
        "Tags": { "Env": "test", "LastBackup": "today" },
        "Encryption": { "SSEAlgorithm": "AES256", "BucketKeyEnabled": true, "BlockedEncryptionTypes": ["SSE-C"] },
    }));
    let expected = canonical_of(
        &json!({ "Tags": { "Env": "prod", "Old": "1" }, "Encryption": { "SSEAlgorithm": "aws:kms", "BucketKeyEnabled": true } }),
    );
    let mut actual = live.clone();
    S3.align(&expected, &mut actual);
    // Somebody ignores all tags but Env.
    let mut changes = changes_of(&S3, &expected, &actual);
    changes.retain(|change| change.attribute() != "Tags" || change.key() == "Env");
    let key = key("assets");
    let request =
        FixRequest { key: &key, expected: &expected, actual: &actual, changes: &changes, apply_immediately: false };
    let seen =
        Seen { aws_tags: [("aws:cloudformation:stack-name".to_owned(), "web".to_owned())].into(), ..seen(&live) };
    let plan = plan(&request, &seen);
    let tags = json!([
        { "Key": "Env", "Value": "prod" },
        { "Key": "LastBackup", "Value": "today" },
        { "Key": "aws:cloudformation:stack-name", "Value": "web" },
    ]);
    assert_eq!(operations(&plan), ["PutBucketEncryption", "PutBucketTagging"]);
    assert_eq!(plan.steps[1].parameters["Tagging"]["TagSet"], tags);
    let rule = &plan.steps[0].parameters["ServerSideEncryptionConfiguration"]["Rules"][0];
    assert_eq!(rule["BlockedEncryptionTypes"], json!({ "EncryptionType": ["SSE-C"] }));
}

#[test]
fn awss_own_tags_are_sent_along_even_where_no_tag_is_declared() {
    let live = canonical_of(&json!({ "Tags": { "Env": "test" } }));
    let of_aws = [("aws:cloudformation:stack-name".to_owned(), "web".to_owned())];
    let seen_with = |tags: &[(String, String)]| Seen { aws_tags: tags.iter().cloned().collect(), ..seen(&live) };
    let kept = only(plan_seen(&json!({ "Tags": {} }), &live, seen_with(&of_aws)));
    assert_eq!(kept.operation, "PutBucketTagging");
    assert_eq!(kept.parameters["Tagging"]["TagSet"][0]["Key"], "aws:cloudformation:stack-name");
    assert_eq!(only(plan_seen(&json!({ "Tags": {} }), &live, seen_with(&[]))).operation, "DeleteBucketTagging");
}

#[test]
fn the_least_size_that_lifecycle_rules_move_is_sent_along() {
    let rules = json!({ "x": { "Transitions": { "GLACIER": { "Days": 90 } } } });
    let live = canonical_of(&json!({ "Lifecycle": { "x": { "Transitions": { "GLACIER": { "Days": 30 } } } } }));
    let seen = Seen { minimum_size: Some("varies_by_storage_class".to_owned()), ..seen(&live) };
    let step = only(plan_seen(&json!({ "Lifecycle": rules }), &live, seen));
    assert_eq!(step.parameters["TransitionDefaultMinimumObjectSize"], "varies_by_storage_class");
}

#[test]
fn a_plan_sees_what_drifted_and_what_that_depends_on_and_no_more() {
    let seen = |changed: &[&str]| needed(&changed.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(seen(&["Tags"]), ["Tags"].into());
    assert_eq!(seen(&["Acl"]), ["Acl", "OwnershipControls", "PublicAccessBlock"].into());
    assert_eq!(seen(&["Replication"]), ["Replication", "Versioning"].into());
}

#[test]
fn what_is_live_meanwhile_in_another_form_becomes_the_declaration_as_a_whole() {
    let website = json!({ "IndexDocument": { "Suffix": "index.html" } });
    let expected = canonical_of(&json!({ "Website": website }));
    let actual = canonical_of(&json!({ "Website": { "IndexDocument": { "Suffix": "home.html" } } }));
    let changes = changes_of(&S3, &expected, &actual);
    let key = key("assets");
    let request =
        FixRequest { key: &key, expected: &expected, actual: &actual, changes: &changes, apply_immediately: false };
    let step = only(plan(&request, &seen(&canonical_of(&json!({ "Website": null })))));
    assert_eq!(step.parameters["WebsiteConfiguration"], website);
}

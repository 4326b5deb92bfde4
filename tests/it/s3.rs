//! Buckets in the emulator: every change is read as exactly that change, for as few calls as AWS allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftsentry::domain::id::{Region, Scope};
use driftsentry::domain::severity::Severity;
use driftsentry::domain::state::ResourceState;
use driftsentry::prices;
use driftsentry::resource::impact::impact;
use driftsentry::resource::{Aws, Live, ReadError, ReadRequest, ResourceType, Undeclared, changes_of, find};
use futures::TryStreamExt;
use serde_json::json;

use crate::mutation::{How, Mutation};
use crate::mutations_s3;
use crate::support::{Effect, Proxy, Rule, World};

pub fn s3() -> &'static dyn ResourceType {
    find("S3").expect("a type")
}

/// A request for `declared` buckets (name and attributes), in one region that answers for all.
pub fn request(aws: &Aws, undeclared: Undeclared, declared: &[(&str, &[&str])]) -> ReadRequest {
    let names = |attributes: &[&str]| Arc::new(attributes.iter().map(|name| (*name).to_owned()).collect());
    let region = aws.region.clone();
    ReadRequest {
        scope: Scope { account_id: aws.account_id.clone(), region: region.clone(), resource_type: "S3".to_owned() },
        declared: declared.iter().map(|(id, attributes)| ((*id).to_owned(), names(attributes))).collect(),
        region_open: BTreeSet::new(),
        is_home: true,
        regions: vec![region],
        undeclared,
    }
}

pub async fn read(aws: &Aws, request: &ReadRequest) -> Result<BTreeMap<String, Live>, ReadError> {
    s3().read(aws, request).map_ok(|live| (live.resource_id.clone(), live)).try_collect().await
}

fn all_attributes() -> Vec<&'static str> {
    s3().attributes().iter().map(|attribute| attribute.name).collect()
}

/// The live state of these attributes.
async fn state_of(aws: &Aws, id: &str, attributes: &[&str]) -> ResourceState {
    let live = read(aws, &request(aws, Undeclared::Skip, &[(id, attributes)])).await;
    let live = live.expect("read").remove(id).expect("the bucket");
    assert_eq!(live.unknown, BTreeMap::new());
    live.state
}

/// Reads the bucket after the change, and the changed attribute again after it is undone.
async fn states_after(mutation: &Mutation, proxy: &Proxy, aws: &Aws, id: &str) -> (ResourceState, ResourceState) {
    let (all, undone) = (all_attributes(), [mutation.attribute]);
    match &mutation.how {
        How::Api { apply, undo } => {
            apply(aws, id).await;
            let changed = state_of(aws, id, &all).await;
            undo(aws, id).await;
            (changed, state_of(aws, id, &undone).await)
        }
        How::Rewrite { operation, from, to } => {
            proxy.add(Rule::on(operation, Effect::Rewrite(from.clone(), to.clone())));
            let changed = state_of(aws, id, &all).await;
            proxy.clear_rules();
            (changed, state_of(aws, id, &undone).await)
        }
    }
}

#[tokio::test]
async fn each_change_of_a_bucket_is_read_as_that_change_alone() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let id = mutations_s3::create(&aws).await;
    let (before, prices) = (state_of(&aws, &id, &all_attributes()).await, prices::load());
    assert_eq!(s3().check(&before), []);
    for mutation in mutations_s3::mutations() {
        let (mut live, undone) = states_after(&mutation, &proxy, &aws, &id).await;
        s3().align(&before, &mut live);
        let changes = changes_of(s3(), &before, &live);
        let found: Vec<_> = changes.iter().map(|c| (&c.pointer, &c.from, &c.to, s3().severity(c))).collect();
        assert_eq!(found, [(&mutation.pointer, &mutation.from, &mutation.to, mutation.severity)]);
        let cost = impact(s3(), &aws.region, &prices, Some(&before), Some(&live), &changes);
        let cents = cost.to_cents().map(|usd| format!("{usd:.2}"));
        assert_eq!(cents.as_deref(), mutation.cost, "{}: {cost:?}", mutation.pointer);
        assert_eq!(undone.get(mutation.attribute), before.get(mutation.attribute), "{} undone", mutation.pointer);
    }
    assert_eq!(state_of(&aws, &id, &all_attributes()).await.to_value(), before.to_value());
}

#[tokio::test]
async fn logging_that_ends_is_a_warning_and_a_bucket_that_is_gone_has_an_unknown_cost() {
    let world = World::new().await;
    let aws = world.aws("us-east-1").await;
    let id = mutations_s3::create(&aws).await;
    let before = state_of(&aws, &id, &["Logging"]).await;
    let off = aws_sdk_s3::types::BucketLoggingStatus::builder().build();
    aws.s3.put_bucket_logging().bucket(&id).bucket_logging_status(off).send().await.expect("end logging");
    let changes = changes_of(s3(), &before, &state_of(&aws, &id, &["Logging"]).await);
    let found: Vec<_> = changes.iter().map(|c| (c.pointer.as_str(), c.to.clone(), s3().severity(c))).collect();
    assert_eq!(found, [("/Logging", Some(json!(null)), Severity::Warning)]);
    let cost = impact(s3(), &aws.region, &prices::load(), Some(&before), None, &[]);
    assert_eq!(cost.to_cents(), None, "{cost:?}");
}

#[test]
fn every_attribute_of_a_bucket_has_a_mutation() {
    let covered: BTreeSet<&str> = mutations_s3::mutations().iter().map(|mutation| mutation.attribute).collect();
    assert_eq!(covered, all_attributes().into_iter().collect());
}

async fn make_buckets(world: &World, aws: &Aws, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|index| world.unique(&format!("bucket-{index}"))).collect();
    for name in &names {
        aws.s3.create_bucket().bucket(name).send().await.expect("create a bucket");
    }
    names
}

#[tokio::test]
async fn a_scan_costs_one_listing_and_one_call_for_each_declared_attribute() {
    let world = World::new().await;
    let names = make_buckets(&world, &world.aws("us-east-1").await, 5).await;
    let core: &[&str] = &[
        "Versioning",
        "Encryption",
        "PublicAccessBlock",
        "Policy",
        "Tags",
        "Logging",
        "OwnershipControls",
        "Lifecycle",
    ];
    let declared: &[(&str, &[&str])] =
        &[(&names[0], core), (&names[1], core), (&names[2], &["Versioning"]), (&names[3], &[])];
    let aws = world.aws("us-east-1").await;
    let live = read(&aws, &request(&aws, Undeclared::Skip, declared)).await.expect("read");
    assert_eq!(live.len(), 4, "the undeclared bucket is left out");
    assert_eq!(aws.calls.get(), 1 + 8 + 8 + 1);
    assert_eq!(
        live[&names[2]].state.to_value(),
        json!({ "Versioning": { "Status": "Disabled", "MFADelete": "Disabled" } })
    );
}

#[tokio::test]
async fn a_new_bucket_reads_as_awss_defaults_and_all_attributes_are_read_where_undeclared_ones_are_wanted() {
    let world = World::new().await;
    let aws = world.aws("us-east-1").await;
    let names = make_buckets(&world, &aws, 1).await;
    let live = read(&aws, &request(&aws, Undeclared::Read, &[])).await.expect("read").remove(&names[0]).expect("it");
    assert_eq!(live.unknown, BTreeMap::new());
    assert_eq!(live.state.names().collect::<BTreeSet<_>>(), all_attributes().into_iter().collect());
    assert_eq!(live.state.get("Encryption").expect("encryption")["SSEAlgorithm"], "AES256");
    assert_eq!(live.state.get("Website"), Some(&json!(null)));
    assert_eq!(live.state.get("RequestPayment"), Some(&json!("BucketOwner")));
}

#[tokio::test]
async fn what_is_refused_or_broken_is_unknown_with_the_permission_that_lacks() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let names = make_buckets(&world, &aws, 2).await;
    proxy.add(Rule::on("GET ?encryption", Effect::Denied).about(&names[0]));
    proxy.add(Rule::on("GET ?tagging", Effect::Broken).about(&names[0]));
    proxy.add(Rule::on("GET ?versioning", Effect::HalfBody).about(&names[0]));
    let attributes: &[&str] = &["Encryption", "Tags", "Versioning", "Logging"];
    let declared: &[(&str, &[&str])] = &[(&names[0], attributes), (&names[1], attributes)];
    let live = read(&aws, &request(&aws, Undeclared::Skip, declared)).await.expect("read");
    let unknown = &live[&names[0]].unknown;
    assert_eq!(unknown.keys().collect::<Vec<_>>(), ["Encryption", "Tags", "Versioning"]);
    assert!(
        unknown["Encryption"].contains("; allow s3:GetEncryptionConfiguration to the role"),
        "{}",
        unknown["Encryption"]
    );
    assert!(unknown["Tags"].contains("s3:GetBucketTagging in"), "{}", unknown["Tags"]);
    assert_eq!(live[&names[0]].state.to_value(), json!({ "Logging": null }));
    assert_eq!(live[&names[1]].unknown, BTreeMap::new());
}

#[tokio::test]
async fn a_bucket_deleted_during_the_scan_is_gone_and_a_refused_listing_is_no_empty_one() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let names = make_buckets(&world, &aws, 1).await;
    let gone = "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>".to_owned();
    proxy.add(Rule::on("GET ?tagging", Effect::Answer(404, gone)));
    let request = request(&aws, Undeclared::Skip, &[(&names[0], &["Tags", "Versioning"])]);
    assert!(read(&aws, &request).await.expect("read").is_empty());
    proxy.clear_rules();
    proxy.add(Rule::on("ListBuckets", Effect::Denied));
    let error = read(&aws, &request).await.expect_err("no listing");
    assert!(error.to_string().contains("s3:ListBuckets in"), "{error}");
}

#[tokio::test]
async fn a_bucket_with_an_open_region_is_compared_where_it_lives_and_once() {
    let world = World::new().await;
    let (here, there) = (world.aws("us-east-1").await, world.aws("eu-west-1").await);
    let name = world.unique("somewhere");
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder();
    let place = place.location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1).build();
    there.s3.create_bucket().bucket(&name).create_bucket_configuration(place).send().await.expect("create it");
    let open = |aws: &Aws, regions: &[&str], is_home| ReadRequest {
        region_open: [name.clone()].into(),
        regions: regions.iter().map(|region| Region::from(*region)).collect(),
        is_home,
        ..request(aws, Undeclared::Skip, &[(&name, &["Versioning"])])
    };
    let both = ["us-east-1", "eu-west-1"];
    let home = read(&here, &open(&here, &both, true)).await.expect("read");
    assert!(home[&name].elsewhere && home[&name].state.is_empty());
    let other = read(&there, &open(&there, &both, false)).await.expect("read");
    assert!(!other[&name].elsewhere && other[&name].state.get("Versioning").is_some());
    let only_home = read(&here, &open(&here, &["us-east-1"], true)).await.expect("read");
    assert!(only_home[&name].state.get("Versioning").is_some(), "in no scanned region: the home shard compares it");
    let stranger = read(&here, &open(&here, &both, false)).await.expect("read");
    assert!(stranger.is_empty(), "neither home nor its region");
}

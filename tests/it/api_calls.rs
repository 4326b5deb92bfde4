//! What a scan costs in API calls, counted where they arrive: the bars of each type, and what must cost nothing.

use std::collections::BTreeMap;

use driftsentry::domain::scan::ScanStatus;

use crate::support::{Habits, Scene, core_attributes};

/// Declares `count` of as many live resources, scans them, and tells the calls by operation.
async fn calls_for(resource_type: &str, count: usize, attributes: &[&str], habits: Habits) -> BTreeMap<String, usize> {
    let scene = Scene::new(Habits { live: count, ..habits });
    scene.declare(resource_type, 0..count, attributes).await;
    let survey = scene.survey(&scene.app(), resource_type).await;
    assert_eq!((survey.status(), survey.error()), (ScanStatus::Succeeded, None));
    assert_eq!((survey.scanned, survey.findings.len()), (count as u64, 0), "all are compared, and match");
    let counts = scene.aws.counts();
    assert_eq!(survey.api_calls, total(&counts) as u64, "the scan counts what arrives");
    counts
}

fn total(counts: &BTreeMap<String, usize>) -> usize {
    counts.values().sum()
}

/// Checks a bar at several sizes.
async fn stays_within(resource_type: &str, habits: Habits, bar: fn(usize) -> usize) {
    for count in [1, 250, 1000, 2500] {
        let counts = calls_for(resource_type, count, &core_attributes(resource_type), habits.clone()).await;
        assert!(total(&counts) <= bar(count), "{resource_type}: {counts:?} for {count}");
    }
}

#[tokio::test]
async fn instances_cost_three_calls_a_thousand_and_two() {
    stays_within("EC2", Habits::default(), |count| 3 * count.div_ceil(1000) + 2).await;
}

#[tokio::test]
async fn security_groups_cost_a_call_a_thousand_and_one() {
    stays_within("SECURITY_GROUP", Habits::default(), |count| count.div_ceil(1000) + 1).await;
}

#[tokio::test]
async fn databases_cost_a_call_a_hundred_and_one() {
    stays_within("RDS", Habits::default(), |count| count.div_ceil(100) + 1).await;
}

#[tokio::test]
async fn roles_cost_two_calls_a_hundred_and_two_however_short_the_pages() {
    let short = Habits { most_roles_a_page: 100, ..Habits::default() };
    for habits in [Habits::default(), short] {
        stays_within("IAM_ROLE", habits, |count| 2 * count.div_ceil(100) + 2).await;
    }
}

#[tokio::test]
async fn buckets_cost_a_call_a_thousand_and_one_for_each_declared_attribute() {
    let core = core_attributes("S3");
    for (count, attributes) in [(1, core.as_slice()), (250, &core), (1000, &core[..1]), (2500, &core[..1])] {
        let counts = calls_for("S3", count, attributes, Habits::default()).await;
        let listings = counts["ListBuckets"];
        assert!(listings <= count.div_ceil(1000), "{listings} listings for {count}");
        assert_eq!(total(&counts) - listings, count * attributes.len(), "{counts:?}");
    }
}

#[tokio::test]
async fn a_bucket_whose_region_is_not_told_costs_at_most_one_call_more() {
    let silent = Habits { tells_bucket_regions: false, ..Habits::default() };
    let core = core_attributes("S3");
    let counts = calls_for("S3", 20, &core, silent).await;
    assert!(total(&counts) <= 1 + 20 * (core.len() + 1), "{counts:?}");
}

#[tokio::test]
async fn what_nothing_declares_costs_no_call_of_its_own() {
    let scene = Scene::new(Habits { live: 1500, ..Habits::default() });
    scene.declare("S3", 7..8, &["Versioning"]).await;
    let app = scene.app();
    let survey = scene.survey(&app, "S3").await;
    assert_eq!((survey.scanned, survey.error()), (1, None));
    assert_eq!(scene.aws.counts(), counted(&[("GET ?versioning", 1), ("ListBuckets", 1)]));
}

#[tokio::test]
async fn a_shard_of_which_nothing_is_declared_costs_nothing() {
    let scene = Scene::new(Habits { live: 100, ..Habits::default() });
    let app = scene.app();
    for kind in driftsentry::resource::BUILTIN {
        let survey = scene.survey(&app, kind.name()).await;
        assert_eq!((survey.status(), survey.api_calls), (ScanStatus::Succeeded, 0), "{}", kind.name());
    }
    assert_eq!(scene.aws.counts(), counted(&[]));
}

#[tokio::test]
async fn attributes_that_cost_a_call_each_are_read_where_they_are_declared() {
    let scene = Scene::new(Habits { live: 5, ..Habits::default() });
    scene.declare("EC2", 0..5, &["InstanceType"]).await;
    assert_eq!(scene.survey(&scene.app(), "EC2").await.scanned, 5);
    assert_eq!(scene.aws.counts(), counted(&[("DescribeInstances", 1)]));

    scene.declare("EC2", 1..3, &["DisableApiTermination", "UserDataSha256"]).await;
    let survey = scene.survey(&scene.app(), "EC2").await;
    assert_eq!((survey.scanned, survey.findings.len()), (2, 0));
    assert_eq!(scene.aws.counts(), counted(&[("DescribeInstanceAttribute", 4), ("DescribeInstances", 1)]));
}

fn counted(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect()
}

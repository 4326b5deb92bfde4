//! The demo's estate: what is captured of it matches it, and each mistake is one drift.

use std::collections::{BTreeMap, BTreeSet};

use driftsentry::demo::{REGIONS, build, make_mistakes};
use driftsentry::domain::id::{GLOBAL, Region, ResourceKey, Scope};
use driftsentry::domain::severity::Severity;
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::{BUILTIN, ReadRequest, Undeclared, changes_of, find};
use futures::TryStreamExt;

use crate::support::World;

#[tokio::test]
async fn eight_mistakes_in_the_demo_estate_are_eight_drifts() {
    let world = World::new().await;
    let estate = build(&world.pool, &world.account_id).await.expect("the estate");
    let before = read_all(&world).await;
    let types: BTreeSet<&str> = before.keys().map(|key| key.scope.resource_type.as_str()).collect();
    assert_eq!(types.len(), BUILTIN.len(), "all types are shown: {types:?}");
    assert!(estate.size >= 10);
    assert_eq!(before.len(), estate.size, "{:?}", before.keys());
    assert_eq!(read_all(&world).await, before, "reading twice gives the same");

    let told = make_mistakes(&estate).await.expect("the mistakes");
    let after = read_all(&world).await;
    let mut drifts: Vec<(String, Vec<String>, Severity)> = Vec::new();
    for (key, state) in &before {
        let kind = find(&key.scope.resource_type).expect("a type");
        let changes = changes_of(kind, state, &after[key]);
        if let Some(worst) = changes.iter().map(|change| kind.severity(change)).max() {
            let pointers = changes.iter().map(|change| change.pointer.clone()).collect();
            drifts.push((key.scope.resource_type.clone(), pointers, worst));
        }
    }
    assert_eq!(drifts.len(), told.len(), "{drifts:#?}");
    drifts.sort();
    insta::assert_debug_snapshot!(drifts);
}

/// Every resource of the estate with its state, those that AWS itself makes aside.
async fn read_all(world: &World) -> BTreeMap<ResourceKey, ResourceState> {
    let mut found = BTreeMap::new();
    for kind in BUILTIN {
        let regions = if kind.is_global() { vec![GLOBAL] } else { REGIONS.to_vec() };
        for (index, region) in regions.iter().enumerate() {
            let aws = world.aws(region).await;
            let scope = Scope {
                account_id: world.account_id.clone(),
                region: Region::from(*region),
                resource_type: kind.name().to_owned(),
            };
            let request = ReadRequest {
                scope: scope.clone(),
                declared: BTreeMap::new(),
                region_open: BTreeSet::new(),
                is_home: index == 0,
                regions: REGIONS.map(Region::from).to_vec(),
                undeclared: Undeclared::Read,
            };
            let live: Vec<_> = kind.read(&aws, &request).try_collect().await.expect("read the estate");
            for live in live {
                if !live.elsewhere && !kind.is_aws_owned(&live.resource_id, &live.state) {
                    assert_eq!(live.unknown, BTreeMap::new(), "{}", live.resource_id);
                    found.insert(scope.key(&live.resource_id), live.state);
                }
            }
        }
    }
    found
}

//! Goes through a type's table of mutations without the daemon: create, read, change, read again, undo, read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftsentry::domain::cost::Prices;
use driftsentry::domain::id::{Region, Scope};
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::impact::impact;
use driftsentry::resource::{Aws, Live, ReadError, ReadRequest, ResourceType, Undeclared, changes_of, find};
use futures::StreamExt;

use crate::mutation::{How, Mutation};
use crate::support::{Effect, Proxy, Rule, World};

/// The type called `name`.
pub fn kind(name: &str) -> &'static dyn ResourceType {
    find(name).expect("the type is listed")
}

/// A request for these resources with these declared attributes.
pub fn request(kind: &str, aws: &Aws, declared: &[(&str, &[&str])], undeclared: Undeclared) -> ReadRequest {
    let names = |names: &[&str]| Arc::new(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
    let (account_id, region) = (aws.account_id.clone(), aws.region.clone());
    ReadRequest {
        scope: Scope { account_id, region: region.clone(), resource_type: kind.to_owned() },
        declared: declared.iter().map(|(id, attributes)| ((*id).to_owned(), names(attributes))).collect(),
        region_open: BTreeSet::new(),
        is_home: true,
        regions: vec![region],
        undeclared,
    }
}

/// Everything that the request yields.
pub async fn read(aws: &Aws, request: &ReadRequest) -> Vec<Result<Live, ReadError>> {
    kind(&request.scope.resource_type).read(aws, request).collect().await
}

/// The whole state of one resource, deep attributes included.
pub async fn whole_state(kind: &str, aws: &Aws, id: &str) -> ResourceState {
    let lives = read(aws, &request(kind, aws, &[], Undeclared::ReadDeep)).await;
    let mut lives = lives.into_iter().map(|live| live.expect("a read without error"));
    let live = lives.find(|live| live.resource_id == id).expect("the resource is there");
    assert_eq!(live.unknown, BTreeMap::new(), "everything could be read");
    live.state
}

/// Checks that each mutation is seen as exactly the change that the table tells, and as none once it is undone.
pub async fn each_is_seen_alone(world: &World, type_name: &str, id: &str, mutations: Vec<Mutation>) {
    let kind = kind(type_name);
    let direct = world.aws("us-east-1").await;
    let proxy = Proxy::before(world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let prices = driftsentry::prices::load();
    let baseline = whole_state(type_name, &aws, id).await;
    assert_is_canonical(kind, &baseline);
    let mut faults = Vec::new();
    for mutation in mutations {
        let mutation = mutation.of(id, &baseline);
        match &mutation.how {
            How::Api { apply, .. } => apply(&direct, id).await,
            How::Rewrite { operation, from, to } => {
                proxy.add(Rule::on(operation, Effect::Rewrite(from.clone(), to.clone())));
            }
        }
        let live = whole_state(type_name, &aws, id).await;
        faults.extend(fault(kind, &prices, &mutation, &baseline, &live));
        match &mutation.how {
            How::Api { undo, .. } => undo(&direct, id).await,
            How::Rewrite { .. } => proxy.clear_rules(),
        }
        let left = changes_of(kind, &baseline, &whole_state(type_name, &aws, id).await);
        assert_eq!(left, [], "{} is undone", mutation.pointer);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Fails unless the table has a mutation of every attribute of the type.
pub fn every_attribute_has_one(type_name: &str, mutations: &[Mutation]) {
    let changed: BTreeSet<&str> = mutations.iter().map(|mutation| mutation.attribute).collect();
    assert_eq!(changed, kind(type_name).attributes().iter().map(|attribute| attribute.name).collect());
}

fn assert_is_canonical(kind: &dyn ResourceType, state: &ResourceState) {
    let mut normalized = state.clone();
    kind.normalize(&mut normalized);
    assert_eq!(normalized.to_value(), state.to_value(), "what is read is canonical");
    assert_eq!(kind.check(state), [], "what is read can be declared");
    assert_eq!(state.names().count(), kind.attributes().len(), "every attribute is read");
}

/// What the table and the program disagree on.
fn fault(
    kind: &dyn ResourceType,
    prices: &Prices,
    mutation: &Mutation,
    baseline: &ResourceState,
    live: &ResourceState,
) -> Option<String> {
    let mut aligned = live.clone();
    kind.align(baseline, &mut aligned);
    let changes = changes_of(kind, baseline, &aligned);
    let cost = impact(kind, &Region::from("us-east-1"), prices, Some(baseline), Some(live), &changes);
    let cost = cost.to_cents().map(|usd| format!("{usd:.2}"));
    let [change] = changes.as_slice() else {
        let shown: Vec<_> = changes.iter().map(|c| format!("{} {:?} -> {:?}", c.pointer, c.from, c.to)).collect();
        return Some(format!("{}: one change is wanted, not {shown:?}", mutation.pointer));
    };
    let found = (&change.pointer, &change.from, &change.to, kind.severity(change), cost.as_deref());
    let wanted = (&mutation.pointer, &mutation.from, &mutation.to, mutation.severity, mutation.cost);
    (found != wanted).then(|| format!("wanted {wanted:?}\n found {found:?}"))
}

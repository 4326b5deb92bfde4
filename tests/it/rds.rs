//! Databases: every change is read as exactly that change; pages are joined; what is not ours to judge is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use driftsentry::domain::cost::CostImpact;
use driftsentry::domain::id::Scope;
use driftsentry::domain::state::ResourceState;
use driftsentry::prices;
use driftsentry::resource::impact::impact;
use driftsentry::resource::{Aws, Live, ReadError, ReadRequest, ResourceType, Undeclared, changes_of, find};
use futures::TryStreamExt;

use crate::aws_pool::{self, Answer, Responder};
use crate::mutation::{How, Mutation};
use crate::mutations_rds;
use crate::support::{Effect, Proxy, Rule, World};

fn rds() -> &'static dyn ResourceType {
    find("RDS").expect("a type")
}

fn request(aws: &Aws, undeclared: Undeclared, declared: &[&str]) -> ReadRequest {
    let names: Arc<BTreeSet<String>> = Arc::new(["DBInstanceClass".to_owned()].into());
    let region = aws.region.clone();
    ReadRequest {
        scope: Scope { account_id: aws.account_id.clone(), region: region.clone(), resource_type: "RDS".to_owned() },
        declared: declared.iter().map(|id| ((*id).to_owned(), names.clone())).collect(),
        region_open: BTreeSet::new(),
        is_home: true,
        regions: vec![region],
        undeclared,
    }
}

async fn read(aws: &Aws, request: &ReadRequest) -> Result<BTreeMap<String, Live>, ReadError> {
    rds().read(aws, request).map_ok(|live| (live.resource_id.clone(), live)).try_collect().await
}

async fn state_of(aws: &Aws, id: &str) -> ResourceState {
    let live = read(aws, &request(aws, Undeclared::Read, &[id])).await.expect("read").remove(id).expect("the database");
    assert_eq!((live.unknown.len(), live.unsettled), (0, None));
    live.state
}

/// Reads the database after the change, and again after it is undone.
async fn states_after(mutation: &Mutation, proxy: &Proxy, aws: &Aws, id: &str) -> (ResourceState, ResourceState) {
    match &mutation.how {
        How::Api { apply, undo } => {
            apply(aws, id).await;
            let changed = state_of(aws, id).await;
            undo(aws, id).await;
            (changed, state_of(aws, id).await)
        }
        How::Rewrite { operation, from, to } => {
            proxy.add(Rule::on(operation, Effect::Rewrite(from.clone(), to.clone())));
            let changed = state_of(aws, id).await;
            proxy.clear_rules();
            (changed, state_of(aws, id).await)
        }
    }
}

#[tokio::test]
async fn each_change_of_a_database_is_read_as_that_change_alone() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let id = mutations_rds::create(&aws).await;
    let (before, prices) = (state_of(&aws, &id).await, prices::load());
    assert_eq!(rds().check(&before), [], "what is read can be declared");
    for mutation in mutations_rds::mutations() {
        let (after, undone) = states_after(&mutation, &proxy, &aws, &id).await;
        let changes = changes_of(rds(), &before, &after);
        let found: Vec<_> =
            changes.iter().map(|c| (&c.pointer, &c.from, &c.to, rds().severity_within(c, &after))).collect();
        assert_eq!(found, [(&mutation.pointer, &mutation.from, &mutation.to, mutation.severity)]);
        let cost = impact(rds(), &aws.region, &prices, Some(&before), Some(&after), &changes);
        let cents = cost.to_cents().map(|usd| format!("{usd:.2}"));
        assert_eq!(cents.as_deref(), mutation.cost, "{}: {cost:?}", mutation.pointer);
        assert_eq!(changes_of(rds(), &before, &undone), [], "{} undone", mutation.pointer);
    }
}

#[test]
fn every_attribute_of_a_database_has_a_mutation() {
    let covered: BTreeSet<&str> = mutations_rds::mutations().iter().map(|mutation| mutation.attribute).collect();
    let known: BTreeSet<&str> = rds().attributes().iter().map(|attribute| attribute.name).collect();
    assert_eq!(covered, known);
}

#[tokio::test]
async fn a_deleted_database_is_not_listed_and_costs_less() {
    let world = World::new().await;
    let aws = world.aws("us-east-1").await;
    let id = mutations_rds::create(&aws).await;
    let before = state_of(&aws, &id).await;
    let modify = aws.rds.modify_db_instance().db_instance_identifier(&id).deletion_protection(false);
    modify.send().await.expect("allow deletion");
    let delete = aws.rds.delete_db_instance().db_instance_identifier(&id).skip_final_snapshot(true);
    delete.send().await.expect("delete the database");
    assert!(read(&aws, &request(&aws, Undeclared::Read, &[&id])).await.expect("read").is_empty());
    let saved = impact(rds(), &aws.region, &prices::load(), Some(&before), None, &[]);
    assert_eq!(saved.to_string(), "-$117.35");
}

/// One instance as AWS writes it, cut to what these tests look at.
fn instance(id: &str, status: &str, more: &str) -> String {
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceStatus>{status}</DBInstanceStatus>\
         <DBInstanceClass>db.t3.large</DBInstanceClass><Engine>postgres</Engine><EngineVersion>16.4</EngineVersion>\
         <AllocatedStorage>20</AllocatedStorage><StorageType>gp2</StorageType>{more}</DBInstance>"
    )
}

fn page(instances: &str, marker: &str) -> Answer {
    Answer::Text(
        200,
        format!(
            "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\
             <DescribeDBInstancesResult>{instances}{marker}</DescribeDBInstancesResult>\
             <ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></DescribeDBInstancesResponse>"
        ),
    )
}

fn list(instances: impl IntoIterator<Item = String>) -> String {
    format!("<DBInstances>{}</DBInstances>", instances.into_iter().collect::<String>())
}

/// Answers the listing page by page; the clients that ask it.
async fn listing(pages: Vec<Answer>) -> (Responder, Aws) {
    let pages = Mutex::new(pages.into_iter());
    let responder = Responder::start(move |text, _| {
        if text.contains("Action=DescribeDBInstances") {
            pages.lock().unwrap().next().expect("no call after the last page")
        } else {
            Answer::Text(200, aws_pool::caller(aws_pool::ACCOUNT))
        }
    })
    .await;
    let aws = aws_pool::pool(&aws_pool::settings(&responder.url)).aws(&aws_pool::scope()).await.expect("clients");
    (responder, aws)
}

/// What a listing of one page is read as.
async fn read_page(
    page: Answer,
    undeclared: Undeclared,
    declared: &[&str],
) -> Result<BTreeMap<String, Live>, ReadError> {
    let (_responder, aws) = listing(vec![page]).await;
    read(&aws, &request(&aws, undeclared, declared)).await
}

#[tokio::test]
async fn pages_of_a_hundred_are_joined_with_one_call_each() {
    let pages = (0..3).map(|number| {
        let ids = (0..100).map(|index| format!("db-{number}-{index:02}"));
        let marker = if number < 2 { format!("<Marker>after-{number}</Marker>") } else { String::new() };
        page(&list(ids.map(|id| instance(&id, "available", ""))), &marker)
    });
    let (responder, aws) = listing(pages.collect()).await;
    let found = read(&aws, &request(&aws, Undeclared::Read, &[])).await.expect("all pages");
    assert_eq!((found.len(), aws.calls.get()), (300, 3));
    let asked = responder.requests().into_iter().map(|seen| seen.text).filter(|form| form.contains("DescribeDB"));
    let asked: Vec<String> = asked.collect();
    assert!(asked.iter().all(|form| form.contains("MaxRecords=100")));
    assert!(!asked[0].contains("Marker="));
    assert!(asked[1].contains("Marker=after-0") && asked[2].contains("Marker=after-1"));
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_an_error_after_what_came_before_it() {
    let answers = vec![
        page(&list([instance("db-1", "available", "")]), "<Marker>more</Marker>"),
        Answer::Text(
            403,
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>\
             <RequestId>req-2</RequestId></ErrorResponse>"
                .to_owned(),
        ),
    ];
    let (_responder, aws) = listing(answers).await;
    let request = request(&aws, Undeclared::Read, &[]);
    let mut listing = rds().read(&aws, &request);
    let first = listing.try_next().await.expect("the first page").expect("a database");
    assert_eq!(first.resource_id, "db-1");
    let error = listing.try_next().await.expect_err("the second page");
    assert!(error.to_string().starts_with("rds:DescribeDBInstances in 123456789012/us-east-1 was denied"), "{error}");
}

#[tokio::test]
async fn an_answer_without_a_list_is_not_taken_for_an_empty_one() {
    let read = read_page(page("", ""), Undeclared::Read, &[]).await;
    assert!(read.expect_err("no list").to_string().ends_with("the answer holds no list of instances"));
    let nameless = list([instance("", "available", "").replace("<DBInstanceIdentifier></DBInstanceIdentifier>", "")]);
    let read = read_page(page(&nameless, ""), Undeclared::Read, &[]).await;
    assert!(read.expect_err("no id").to_string().ends_with("the answer holds an instance without identifier"));
    let read = read_page(page("<DBInstances/>", ""), Undeclared::Read, &[]).await;
    assert!(read.expect("an empty list").is_empty());
}

#[tokio::test]
async fn what_aws_is_still_changing_is_not_settled() {
    let statuses =
        ["available", "backing-up", "storage-optimization", "stopped", "modifying", "configuring-log-exports"];
    let listed = list(statuses.iter().map(|status| instance(status, status, "")));
    let read = read_page(page(&listed, ""), Undeclared::Read, &[]).await;
    let unsettled: Vec<_> = read.expect("read").into_values().filter_map(|live| live.unsettled).collect();
    assert_eq!(unsettled, ["configuring-log-exports", "modifying"]);
}

#[tokio::test]
async fn members_of_clusters_are_read_only_where_they_are_declared() {
    let member = |id: &str| instance(id, "available", "<DBClusterIdentifier>orders</DBClusterIdentifier>");
    let listed = list([member("writer"), member("reader"), instance("alone", "available", "")]);
    let read = read_page(page(&listed, ""), Undeclared::Read, &["reader"]).await;
    assert_eq!(read.expect("read").into_keys().collect::<Vec<_>>(), ["alone", "reader"]);
}

#[tokio::test]
async fn an_attribute_that_every_database_has_is_unknown_where_the_answer_lacks_it() {
    let listed = list([instance("db-1", "available", "").replace("<AllocatedStorage>20</AllocatedStorage>", "")]);
    let read = read_page(page(&listed, ""), Undeclared::Skip, &["db-1"]).await;
    let live = read.expect("read").remove("db-1").expect("the database");
    assert_eq!(live.unknown.keys().collect::<Vec<_>>(), ["AllocatedStorage"]);
    assert_eq!(live.state.get("AllocatedStorage"), None);
    assert!(matches!(
        impact(rds(), &aws_pool::scope().region, &prices::load(), None, Some(&live.state), &[]),
        CostImpact::Unknown(_)
    ));
}

#[tokio::test]
async fn what_is_not_wanted_is_not_yielded() {
    let listed = list([instance("db-1", "available", ""), instance("db-2", "available", "")]);
    let read = read_page(page(&listed, ""), Undeclared::Skip, &["db-2"]).await;
    assert_eq!(read.expect("read").into_keys().collect::<Vec<_>>(), ["db-2"]);
}

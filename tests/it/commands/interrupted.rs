//! A scan that is interrupted ends: with its result if all parts were begun, else called off.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{Daemon, Effect, Place, Proxy, Rule, TestDatabase, World, until};

const DECLARED: &str = "[[expected]]\nkind = \"json\"\npath = \"expected.json\"\n";
const DOCUMENT: &str =
    "{\"resources\": [{\"resource_type\": \"SECURITY_GROUP\", \"resource_id\": \"sg-0a1\", \"state\": {}}]}";

/// A scan of one type that waits for AWS.
async fn reading(database: &TestDatabase, answer_after: Duration) -> Daemon {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    proxy.add(Rule::on("DescribeSecurityGroups", Effect::Delay(answer_after)));
    let place = Place::of(&world, &proxy.url, &database.url(), DECLARED);
    place.write("expected.json", DOCUMENT);
    let scan = place.start_command(&["scan", "--type", "SECURITY_GROUP"]);
    until("it reads", async || proxy.counts().get("DescribeSecurityGroups").map(|_| ())).await;
    scan
}

#[tokio::test]
async fn an_interrupted_scan_finishes_what_is_being_read() {
    let database = TestDatabase::new().await;
    let mut scan = reading(&database, Duration::from_secs(2)).await;
    scan.signal(Signal::SIGINT);
    let status = scan.ends_within(Duration::from_secs(15)).await;
    assert!(status.success(), "it was done: {}", scan.log());
    assert!(scan.log().contains("stopping: what is being read is finished"), "{}", scan.log());
    let scans: Vec<(String,)> = sqlx::query_as("select status from scans").fetch_all(&database.pool).await.unwrap();
    assert_eq!(scans, [("succeeded".to_owned(),)]);
}

#[tokio::test]
async fn a_scan_that_is_interrupted_twice_is_called_off() {
    let database = TestDatabase::new().await;
    let mut scan = reading(&database, Duration::from_mins(1)).await;
    scan.signal(Signal::SIGTERM);
    until("it heard", async || scan.log().contains("stopping").then_some(())).await;
    scan.signal(Signal::SIGINT);
    let status = scan.ends_within(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(1), "{}", scan.log());
    assert!(scan.log().contains("is called off"), "{}", scan.log());
    let row = "select s.status, j.state, s.error from scans s join scan_shards h on h.scan_id = s.id join jobs j on j.id = h.job_id";
    let (status, job, error): (String, String, String) =
        sqlx::query_as(row).fetch_one(&database.pool).await.expect("the scan");
    assert_eq!((status.as_str(), job.as_str()), ("failed", "cancelled"));
    assert!(error.contains("cancelled"), "{error}");
}

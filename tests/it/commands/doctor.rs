//! `doctor`: one line for each thing, and what to do about each that is broken.

use std::time::Duration;

use driftsentry::embedded::sink::Sink;
use driftsentry::shutdown::Shutdown;

use crate::support::{Effect, Output, Place, Proxy, Rule, TestDatabase, World};

const CHANNEL: &str = "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\n";
const SCHEDULE: &str = "[[schedules]]\nname = \"all\"\ncron = \"@hourly\"\n";
const DECLARED: &str = "[[expected]]\nkind = \"json\"\npath = \"expected.json\"\n";

/// The things that are said to be broken.
fn failed(output: &Output) -> Vec<&str> {
    let lines = output.stdout.lines().filter_map(|line| line.strip_prefix("FAIL"));
    lines.filter_map(|line| line.get(2..18)).map(str::trim).collect()
}

#[tokio::test]
async fn a_doctor_who_finds_nothing_says_so_line_by_line() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let sink = Sink::start(&Shutdown::new(Duration::from_secs(5))).await.expect("a sink");
    let more = format!("{DECLARED}{SCHEDULE}{CHANNEL}url = \"{}/secret-path\"\n", sink.url());
    let place = Place::of(&world, &world.endpoint, &database.url(), &more);
    place.write("expected.json", "{\"resources\": []}");
    let output = place.run(&["doctor"]).await;
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    for words in [
        "ok    configuration    driftsentry.toml",
        "ok    database         PostgreSQL ",
        "ok    AWS              test: credentials of account",
        "ok    EC2              test/us-east-1: readable",
        "ok    IAM_ROLE         test/global: readable",
        "ok    expected state   0 resources declared",
        "ok    channel          hook: http://127.0.0.1:",
        "ok    schedule         all: next at ",
    ] {
        assert!(output.stdout.contains(words), "`{words}` in {}", output.stdout);
    }
    assert!(!output.stdout.contains("secret-path"), "{}", output.stdout);
}

#[tokio::test]
async fn each_broken_thing_is_one_line_with_what_to_do() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    proxy.add(Rule::on("DescribeDBInstances", Effect::Denied));
    let more = format!("{DECLARED}{SCHEDULE}{CHANNEL}url = \"http://127.0.0.1:1/secret-path\"\n");
    let place = Place::of(&world, &proxy.url, "postgres://u:geheim@127.0.0.1:1/x", &more);
    place.write("expected.json", "{\"resources\": [{}]}");
    let output = place.run(&["doctor"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(failed(&output), ["database", "RDS", "expected state", "channel"], "{}", output.stdout);
    for words in [
        "start the server or check [database].url",
        "allow rds:DescribeDBInstances to the role or user that scans",
        "`driftsentry expected check` tells all",
        "hook: http://127.0.0.1:1 cannot be reached",
        "ok    schedule         all: next at ",
    ] {
        assert!(output.stdout.contains(words), "`{words}` in {}", output.stdout);
    }
    assert!(!output.stdout.contains("geheim") && !output.stdout.contains("secret-path"), "{}", output.stdout);
}

#[tokio::test]
async fn missing_credentials_are_one_line_and_not_one_for_each_type() {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let place = Place::of(&world, &world.endpoint, &database.url(), "").with("AWS_ACCESS_KEY_ID", "");
    let output = place.run(&["doctor"]).await;
    assert_eq!((output.code, failed(&output)), (Some(1), vec!["AWS"]), "{output:?}");
    assert!(output.stdout.contains("there are none; give credentials by AWS_ACCESS_KEY_ID"), "{}", output.stdout);

    let output = place.run(&["scan"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(output.stderr.matches("there are none").count(), 1, "one reason for all parts: {}", output.stderr);
}

#[tokio::test]
async fn a_wrong_configuration_and_no_region_are_findings_too() {
    let place = Place::new("[api]\nlisten = 1\n");
    let output = place.run(&["doctor"]).await;
    assert_eq!((output.code, failed(&output)), (Some(1), vec!["configuration"]), "{output:?}");
    assert!(output.stdout.contains("driftsentry.toml:2: api.listen"), "{}", output.stdout);

    let database = TestDatabase::new().await;
    let place = Place::new(SCHEDULE).with("DATABASE_URL", &database.url());
    let output = place.run(&["doctor"]).await;
    assert_eq!((output.code, failed(&output)), (Some(1), vec!["AWS"]), "{output:?}");
    assert!(output.stdout.contains("write regions = [\"us-east-1\"] under [aws]"), "{}", output.stdout);
    assert!(output.stdout.contains("ok    schedule"), "the rest is looked at: {}", output.stdout);
}

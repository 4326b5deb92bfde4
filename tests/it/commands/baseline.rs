//! `baseline capture|list|show|remove` into the database, and `drifts reject --accept`.

use serde_json::{Value, json};

use super::list;
use crate::support::{Effect, Place, Proxy, Rule, S3, SECURITY_GROUP, TestDatabase, World, config};

const SOURCE: &str = "[[expected]]\nkind = \"baseline\"\n";

async fn place() -> (TestDatabase, World, Place) {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let place = Place::of(&world, &world.endpoint, &database.url(), SOURCE);
    (database, world, place)
}

fn ids(keys: &Value) -> Vec<&str> {
    list(keys).iter().map(|key| key["resource_id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn versions_of_the_baseline_are_previewed_made_listed_shown_and_cut() {
    let (_database, world, place) = place().await;
    let aws = world.aws("us-east-1").await;
    let (web, job) = ((S3.create)(&aws, "web-1").await, (S3.create)(&aws, "job-1").await);
    let capture = ["baseline", "capture", "--type", "S3"];
    let with = |more: &[&'static str]| [&capture[..], more].concat();
    let none = place.run(&["baseline", "list"]).await;
    assert!(none.code == Some(0) && none.stdout.contains("no baseline: `driftsentry baseline capture`"), "{none:?}");
    place.run(&["baseline", "show"]).await.refuses(&["there is no baseline"]);

    let preview = place.run(&with(&["--dry-run"])).await;
    let words = "would be: 2 added, 0 changed, 0 removed, 0 as before (against no version yet); nothing is written";
    assert!(preview.code == Some(0) && preview.stdout.contains(words), "{preview:?}");
    assert!(preview.stdout.contains(&format!("+ S3 {web} ")), "{preview:?}");
    assert_eq!(place.run(&["baseline", "list", "--format", "json"]).await.json(), json!([]));

    create_user(&place, "ada@example.com", "engineer").await;
    place.run(&with(&["--as", "who@example.com"])).await.refuses(&["no user has the address"]);
    let made = place.run(&with(&["--id", "web-*", "--as", "ada@example.com", "--note", "the first"])).await;
    assert!(made.code == Some(0) && made.stdout.ends_with("version 1: 1 added, 0 changed, 0 removed, 0 as before\n"));
    let second = place.run(&with(&["--format", "json"])).await.json();
    assert_eq!((&second["version"], &second["against"], &second["unchanged"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(ids(&second["added"]), [job.as_str()]);

    (S3.give_to)(&aws, &web, "sales").await;
    (S3.delete)(&aws, &job).await;
    let part = place.run(&with(&["--id", "web-?-*", "--format", "json", "--dry-run"])).await.json();
    assert_eq!((list(&part["removed"]).len(), &part["version"]), (0, &Value::Null), "not asked for, not gone: {part}");
    let third = place.run(&with(&["--format", "json"])).await.json();
    assert_eq!(ids(&third["removed"]), [job.as_str()]);
    assert_eq!(third["changed"][0]["pointers"], json!(["/Tags/Owner"]), "{third}");

    let versions = place.run(&["baseline", "list", "--format", "json"]).await.json();
    let told = |version: &Value| (version["version"].clone(), version["resources"].clone());
    assert_eq!(
        list(&versions).iter().map(told).collect::<Vec<_>>(),
        [(json!(3), json!(1)), (json!(2), json!(2)), (json!(1), json!(1))]
    );
    assert_eq!(versions[2]["created_by_email"], "ada@example.com");
    assert_eq!((&versions[2]["note"], &versions[2]["act"]), (&json!("the first"), &json!("captured")));
    assert!(versions[1]["created_by"].is_null());

    let second = place.run(&["baseline", "show", "2", "--format", "json"]).await.json();
    assert_eq!(ids(&second["resources"]), [job.as_str(), web.as_str()]);
    place.write("second.json", &second.to_string());
    let json_source = "[[expected]]\nkind = \"json\"\npath = \"second.json\"\n";
    let elsewhere = Place::of(&world, &world.endpoint, "postgres://127.0.0.1:1/x", json_source);
    elsewhere.write("second.json", &second.to_string());
    let checked = elsewhere.run(&["expected", "check"]).await;
    assert!(checked.code == Some(0) && checked.stdout.contains("2 resources"), "a version is a document: {checked:?}");
    place.run(&["baseline", "show", "9"]).await.refuses(&["there is no version 9: the newest is 3"]);
    let table = place.run(&["baseline", "show", "--account", "test"]).await;
    assert!(table.stdout.contains(&web) && table.stdout.ends_with("version 3: 1 resource\n"), "{table:?}");

    place.run(&["baseline", "remove"]).await.refuses(&["name the resources by --id"]);
    place.run(&["baseline", "remove", "--id", "no-*"]).await.refuses(&["the baseline holds no such resource"]);
    let preview = place.run(&["baseline", "remove", "--id", "web-*", "--dry-run"]).await;
    assert!(preview.stdout.ends_with("would be: 1 resource removed; nothing is written\n"), "{preview:?}");
    let removed = place.run(&["baseline", "remove", "--id", "web-*", "--note", "moved"]).await;
    assert!(removed.stdout.ends_with("version 4: 1 resource removed\n"), "{removed:?}");
    let checked = place.run(&["expected", "check"]).await;
    assert!(checked.code == Some(0) && checked.stdout.contains("baseline: 1 document, 0 resources"), "{checked:?}");
}

async fn create_user(place: &Place, email: &str, role: &str) {
    let create = ["users", "create", email, "--role", role, "--password-stdin"];
    let done = place.run_with(&create, "a long enough password").await;
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[tokio::test]
async fn what_another_source_declares_is_left_to_it() {
    let (database, world, place) = place().await;
    let aws = world.aws("us-east-1").await;
    let (web, job) = ((S3.create)(&aws, "web").await, (S3.create)(&aws, "job").await);
    let capture = ["baseline", "capture", "--type", "S3", "--format", "json"];
    assert_eq!(list(&place.run(&capture).await.json()["added"]).len(), 2);
    let json_source = "[[expected]]\nkind = \"json\"\npath = \"web.json\"\n";
    place.configure(&config(&world, &world.endpoint, &database.url(), &format!("{SOURCE}{json_source}")));
    let declared = json!({ "resource_type": "S3", "resource_id": web, "state": { "Tags": { "Owner": "web" } } });
    place.write("web.json", &json!({ "resources": [declared] }).to_string());
    assert_eq!(place.run(&["expected", "check"]).await.code, Some(1), "declared twice and otherwise");
    let given_up = place.run(&[&capture[..], &["--undeclared"]].concat()).await.json();
    assert_eq!((ids(&given_up["removed"]), &given_up["unchanged"]), (vec![web.as_str()], &json!(1)));
    assert_eq!(place.run(&["expected", "check"]).await.code, Some(0));
    let again = place.run(&[&capture[..], &["--undeclared"]].concat()).await.json();
    assert_eq!((list(&again["added"]).len(), &again["unchanged"]), (0, &json!(1)), "{job} alone");
    place.write("web.json", "{");
    place
        .run(&[&capture[..], &["--undeclared"]].concat())
        .await
        .refuses(&["cannot be told what other sources declare"]);
}

#[tokio::test]
async fn a_capture_that_could_not_read_says_so_and_takes_nothing_out() {
    let (database, world, place) = place().await;
    let aws = world.aws("us-east-1").await;
    (SECURITY_GROUP.create)(&aws, "web").await;
    let capture = ["baseline", "capture", "--type", "SECURITY_GROUP", "--type", "RDS"];
    assert_eq!(place.run(&capture).await.code, Some(0));
    let proxy = Proxy::before(&world).await;
    proxy.add(Rule::on("DescribeSecurityGroups", Effect::Denied));
    place.configure(&config(&world, &proxy.url, &database.url(), SOURCE));
    let denied = place.run(&capture).await;
    assert_eq!(denied.code, Some(1), "{denied:?}");
    assert!(denied.stdout.contains("0 removed, 0 as before, 1 unread and kept"), "{denied:?}");
    assert!(denied.stderr.contains("not captured: ec2:DescribeSecurityGroups"), "{denied:?}");
    place.run(&capture[..4]).await.refuses(&["nothing could be read, so the baseline stays as it is"]);
}

#[tokio::test]
async fn a_baseline_that_no_source_reads_is_hinted_at_and_takes_no_drift_over() {
    let (database, world, place) = place().await;
    place.configure(&config(&world, &world.endpoint, &database.url(), ""));
    let captured = place.run(&["baseline", "capture", "--type", "RDS"]).await;
    let words = "no source of kind `baseline` is configured, so scans do not compare with it: write [[expected]]";
    assert!(captured.code == Some(0) && captured.stderr.contains(words), "{captured:?}");
    place.run(&["drifts", "reject", "0123", "--accept"]).await.refuses(&[words, "without --accept"]);
}

#[tokio::test]
async fn what_is_live_is_taken_over_drift_by_drift() {
    let (database, world, place) = place().await;
    let aws = world.aws("us-east-1").await;
    let bucket = (S3.create)(&aws, "web").await;
    let capture = ["baseline", "capture", "--type", "S3"];
    assert_eq!(place.run(&capture).await.code, Some(0));
    let scan = ["scan", "--type", "S3", "--detailed-exitcode"];
    assert_eq!(place.run(&scan).await.code, Some(0));
    (S3.give_to)(&aws, &bucket, "sales").await;
    assert_eq!(place.run(&[&scan[..], &["--dry-run"]].concat()).await.code, Some(2), "a dry run reads the baseline");
    let found = place.run(&["scan", "--type", "S3", "--format", "json"]).await.json();
    let id = found["drifts"][0]["id"].as_str().expect("an id");
    let shown = place.run(&["drifts", "show", id]).await;
    assert!(shown.stdout.contains("baseline#/versions/1"), "{shown:?}");
    let accepted = place.run(&["drifts", "reject", id, "--accept", "--reason", "sold"]).await;
    assert_eq!((accepted.code, accepted.stdout), (Some(0), format!("{id} is rejected\n")));
    assert_eq!(place.run(&scan).await.code, Some(0));
    let shown = place.run(&["drifts", "show", id, "--format", "json"]).await.json();
    assert_eq!((&shown["status"], &shown["resolved_how"]), (&json!("resolved"), &json!("manual-fix")));
    let versions = place.run(&["baseline", "list"]).await.stdout;
    assert!(versions.contains("accepted") && versions.contains("sold"), "{versions}");

    place.configure(&config(&world, &world.endpoint, "postgres://127.0.0.1:1/x", SOURCE));
    (S3.delete)(&aws, &bucket).await;
    let dry = place.run(&[&scan[..], &["--dry-run", "--unmanaged"]].concat()).await;
    assert!(dry.code == Some(1) && dry.stdout.starts_with("partial: 0 resources compared, no drift"), "{dry:?}");
    let words = "expected state is incomplete: baseline: cannot be read, so nothing is known of what it declares";
    assert!(dry.stderr.contains(words) && dry.stderr.contains("[database].url"), "{dry:?}");
    let checked = place.run(&["expected", "check"]).await;
    assert!(checked.code == Some(1) && checked.stdout.contains("problem: baseline: cannot be read"), "{checked:?}");
    drop(database);
}

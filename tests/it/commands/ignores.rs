//! `drifts ignore`, `ignores list|remove`, and what scans say of ignored changes.

use serde_json::{Value, json};

use super::list;
use crate::support::{Place, S3, TestDatabase, World};

const CONFIG: &str = "[[expected]]\nkind = \"baseline\"\n\
                      [[ignore]]\nresource_type = \"S3\"\npath = \"/Tags/Never\"\nreason = \"old\"\nuntil = 2020-01-01\n";

/// A place with a bucket that differs from its baseline in its tags.
async fn drifted() -> (TestDatabase, World, Place, String) {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let place = Place::of(&world, &world.endpoint, &database.url(), CONFIG);
    let aws = world.aws("us-east-1").await;
    let bucket = (S3.create)(&aws, "web").await;
    assert_eq!(place.run(&["baseline", "capture", "--type", "S3"]).await.code, Some(0));
    (S3.give_to)(&aws, &bucket, "sales").await;
    let scan = place.run(&["scan", "--type", "S3", "--format", "json"]).await.json();
    let id = scan["drifts"][0]["id"].as_str().expect("an id").to_owned();
    (database, world, place, id)
}

#[tokio::test]
async fn what_is_ignored_is_told_by_scans_listed_and_taken_back() {
    let (database, _world, place, id) = drifted().await;
    let ignore = ["drifts", "ignore", &id, "--reason", "sold", "--until", "2199-12-31"];
    place.run(&[&ignore[..3], &["--until", "2020-01-01"]].concat()).await.refuses(&["2020-01-01 is past"]);
    place.run(&[&ignore[..3], &["--until", "soon"]].concat()).await.refuses(&["invalid value 'soon'"]);
    place.run(&[&ignore[..3], &["--path", "/Policy"]].concat()).await.refuses(&["covers nothing of drift"]);
    let done = place.run(&ignore).await;
    assert!(
        done.code == Some(0) && done.stdout.contains("ignores until 2199-12-31 1 of 1 changes of S3 web-"),
        "{done:?}"
    );
    let label = "path = \"/Tags/Owner\"";
    for more in [&[][..], &["--dry-run"]] {
        let scan = place.run(&[&["scan", "--type", "S3", "--detailed-exitcode"], more].concat()).await;
        assert_eq!(scan.code, Some(0), "{scan:?}");
        let line = scan.stdout.lines().find(|line| line.starts_with("ignored: 1 change by ")).expect("what is ignored");
        assert!(line.contains(label) && line.ends_with("(sold)"), "{scan:?}");
        let scan = place.run(&[&["scan", "--type", "S3", "--format", "json"], more].concat()).await.json();
        assert_eq!((&scan["ignored_by"][0]["changes"], &scan["drifts"]), (&json!(1), &json!([])), "{scan}");
    }
    let shown = place.run(&["drifts", "show", &id]).await;
    assert!(shown.stdout.contains("ignored   by driftsentry: sold"), "{shown:?}");

    let listed = place.run(&["ignores", "list", "--format", "json"]).await.json();
    let told = |rule: &Value| (rule["kept_in"].clone(), rule["standing"].clone(), rule["total"].clone());
    assert_eq!(
        list(&listed).iter().map(told).collect::<Vec<_>>(),
        [(json!("configuration"), json!("expired"), json!(0)), (json!("database"), json!("active"), json!(2))]
    );
    let stale = place.run(&["ignores", "list", "--stale"]).await;
    assert!(stale.stdout.contains("expired after 2020-01-01") && !stale.stdout.contains("sold"), "{stale:?}");
    let age = "update ignore_rule_uses set last_matched_at = now() - interval '31 days' where total > 0";
    sqlx::query(age).execute(&database.pool).await.expect("age it");
    let stale = place.run(&["ignores", "list", "--stale", "--format", "json"]).await.json();
    assert_eq!(stale[1]["standing"], "idle");
    let doctor = place.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("2 rules: 1 expired, 1 covered nothing for long"), "{doctor:?}");

    let rule = listed[1]["rule"].as_str().expect("an id");
    place.run(&["ignores", "remove", "path"]).await.refuses(&["is no id of an ignore rule"]);
    place.run(&["ignores", "remove", "00000000"]).await.refuses(&["there is no ignore rule"]);
    assert_eq!(place.run(&["ignores", "remove", &rule[..18]]).await.code, Some(0));
    place.run(&["ignores", "remove", rule]).await.refuses(&["there is no ignore rule"]);
    assert_eq!(place.run(&["scan", "--type", "S3", "--detailed-exitcode"]).await.code, Some(2), "it is drift again");
}

#[tokio::test]
async fn the_drifts_of_a_dry_run_have_no_id() {
    let (_database, _world, place, _) = drifted().await;
    let dry = place.run(&["scan", "--type", "S3", "--dry-run", "--format", "json"]).await.json();
    let drift = dry["drifts"][0].as_object().expect("a drift");
    assert_eq!(drift.get("id"), Some(&Value::Null));
}

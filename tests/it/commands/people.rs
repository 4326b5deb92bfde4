//! `users` and the workflow of `drifts`: who may do what, and what is said to those who may not.

use serde_json::{Value, json};

use super::list;
use crate::support::{Output, Place, TestDatabase, World};

const PASSWORD: &str = "correct horse battery staple";

async fn create(place: &Place, email: &str, role: &str) -> Output {
    place.run_with(&["users", "create", email, "--role", role, "--password-stdin"], &format!("{PASSWORD}\n")).await
}

async fn password_hash(database: &TestDatabase) -> String {
    sqlx::query_scalar("select password_hash from users").fetch_one(&database.pool).await.expect("the user")
}

#[tokio::test]
async fn users_are_made_and_listed_and_passwords_are_never_shown() {
    let database = TestDatabase::new().await;
    let place = Place::new("").with("DATABASE_URL", &database.url());
    let made = create(&place, " Ada@Example.com", "engineer").await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.starts_with("ada@example.com created as engineer ("), "{made:?}");
    assert!(password_hash(&database).await.starts_with("$argon2id$"));

    let long = "x".repeat(300);
    for (args, input, words) in [
        (vec!["ada@EXAMPLE.com"], PASSWORD, "a user with the address ada@example.com exists already"),
        (vec!["nobody"], PASSWORD, "`nobody` is no e-mail address"),
        (vec![""], PASSWORD, "`` is no e-mail address"),
        (vec!["b@example.com"], "geheim", "the password is too short: at least 12 characters"),
        (vec!["b@example.com"], "", "the password is too short"),
        (vec!["b@example.com", "--first-name", &long], PASSWORD, "the given name is too long: at most 100 characters"),
        (vec![&format!("{long}@example.com")], PASSWORD, "the e-mail address is too long: at most 255 characters"),
    ] {
        let refused = place.run_with(&[&["users", "create", "--password-stdin"][..], &args].concat(), input).await;
        refused.refuses(&[words]);
        assert!(!refused.stderr.contains("geheim") && !refused.stderr.contains(PASSWORD), "{refused:?}");
    }
    // Nobody types here: the process has no terminal.
    let no_terminal = place.command(&["users", "create", "b@example.com"]).output();
    let no_terminal = no_terminal.await.expect("its end");
    assert_eq!(no_terminal.status.code(), Some(1), "{no_terminal:?}");

    let users = place.run(&["users", "list", "--format", "json"]).await;
    assert_eq!(list(&users.json()).len(), 1, "{users:?}");
    let table = place.run(&["users", "list"]).await;
    for shown in [&users, &table] {
        assert!(shown.stdout.contains("ada@example.com") && !shown.stdout.contains("argon2"), "{shown:?}");
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_until_enabled_and_a_new_password_ends_sessions() {
    let database = TestDatabase::new().await;
    let place = Place::new("").with("DATABASE_URL", &database.url());
    create(&place, "ada@example.com", "engineer").await;
    let open_session = async |token: &'static str| {
        let insert = "insert into sessions (id, user_id, refresh_token, expires_at)
                      select gen_random_uuid(), id, $1, now() + interval '1 day' from users";
        sqlx::query(insert).bind(token).execute(&database.pool).await.expect("a session");
    };
    let open_sessions = async || -> i64 {
        let count = "select count(*) from sessions where not is_revoked";
        sqlx::query_scalar(count).fetch_one(&database.pool).await.expect("sessions")
    };
    let active = async || place.run(&["users", "list", "--format", "json"]).await.json()[0]["is_active"].clone();

    open_session("one").await;
    let done = place.run(&["users", "disable", "ADA@example.com"]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "ada@example.com is disabled\n"));
    assert_eq!((active().await, open_sessions().await), (json!(false), 0));
    place
        .run(&["drifts", "triage", "0123", "--as", "ada@example.com"])
        .await
        .refuses(&["account of ada@example.com is disabled"]);
    let done = place.run(&["users", "enable", "ada@example.com"]).await;
    assert_eq!((done.stdout.as_str(), active().await), ("ada@example.com is enabled\n", json!(true)));

    open_session("two").await;
    let before = password_hash(&database).await;
    let set = &["users", "set-password", "ada@example.com", "--password-stdin"];
    place.run_with(set, "short").await.refuses(&["too short"]);
    assert_eq!(password_hash(&database).await, before);
    let done = place.run_with(set, "another long password\nand what follows is not read").await;
    assert!(done.code == Some(0) && done.stdout.starts_with("ada@example.com has a new password"), "{done:?}");
    assert!(password_hash(&database).await != before && open_sessions().await == 0);

    let unknown = ["there is no user with the address who@example.com"];
    place.run(&["users", "disable", "who@example.com"]).await.refuses(&unknown);
    place.run(&["users", "enable", "who@example.com"]).await.refuses(&unknown);
    place.run_with(&["users", "set-password", "who@example.com", "--password-stdin"], PASSWORD).await.refuses(&unknown);
}

/// Three drifts: instances, databases and groups that are declared and do not exist.
async fn with_drifts() -> (TestDatabase, Place, Vec<String>) {
    let (database, world) = (TestDatabase::new().await, World::new().await);
    let more = "[[expected]]\nkind = \"json\"\npath = \"expected.json\"\n";
    let place = Place::of(&world, &world.endpoint, &database.url(), more);
    let gone = |id: &str| json!({"resource_type": "SECURITY_GROUP", "resource_id": id, "state": {"IngressRules": {}}});
    place.write("expected.json", &json!({"resources": [gone("sg-0a"), gone("sg-0b"), gone("sg-0c")]}).to_string());
    let scan = place.run(&["scan", "--format", "json"]).await.json();
    let ids: Vec<String> =
        list(&scan["drifts"]).iter().map(|drift| drift["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(ids.len(), 3, "{scan}");
    (database, place, ids)
}

#[tokio::test]
async fn drifts_go_from_detected_to_resolved_in_the_name_of_who_may() {
    let (_database, place, ids) = with_drifts().await;
    create(&place, "ada@example.com", "engineer").await;
    create(&place, "vic@example.com", "viewer").await;
    let (first, second) = (ids[0].as_str(), ids[1].as_str());

    place
        .run(&["drifts", "triage", first, "--as", "vic@example.com"])
        .await
        .refuses(&["vic@example.com is a viewer: acting on drifts takes"]);
    place
        .run(&["drifts", "triage", first, "--as", "who@example.com"])
        .await
        .refuses(&["no user has the address who@example.com"]);
    let done = place.run(&["drifts", "triage", first, "--as", "ada@example.com"]).await;
    assert_eq!((done.code, done.stdout), (Some(0), format!("{first} is triaged\n")));
    place
        .run(&["drifts", "resolve", first])
        .await
        .refuses(&["is triaged, so it cannot become resolved; it can become"]);
    let approve =
        ["drifts", "approve", first, "--as", "ada@example.com", "--reason", "put it back", "--format", "json"];
    assert_eq!(place.run(&approve).await.json()["status"], "approved");
    let resolved = place.run(&["drifts", "resolve", first, "--as", "ada@example.com", "--format", "json"]).await.json();
    assert_eq!(resolved["resolved_how"], "manual-fix");
    place.run(&["drifts", "reject", first]).await.refuses(&["resolved is final"]);

    let rejected = place.run(&["drifts", "reject", second, "--reason", "as agreed", "--format", "json"]).await.json();
    assert_eq!((&rejected["status"], &rejected["rejection_reason"]), (&json!("rejected"), &json!("as agreed")));

    let shown = place.run(&["drifts", "show", first, "--format", "json"]).await.json();
    let events: Vec<(&Value, &Value)> =
        list(&shown["events"]).iter().map(|e| (&e["event"], &e["actor_email"])).collect();
    let ada = json!("ada@example.com");
    let wanted = [("detected", &Value::Null), ("triaged", &ada), ("approved", &ada), ("resolved", &ada)];
    assert_eq!(
        events,
        wanted
            .map(|(event, who)| (event.into(), who))
            .iter()
            .map(|(e, w): &(Value, &Value)| (e, *w))
            .collect::<Vec<_>>()
    );
    let text = place.run(&["drifts", "show", first]).await.stdout;
    assert!(text.contains("approved  by ada@example.com: put it back"), "{text}");

    for (filter, found) in [
        (&[][..], 1),
        (&["--all"], 3),
        (&["--status", "resolved"], 1),
        (&["--status", "resolved", "--status", "rejected"], 2),
        (&["--all", "--severity", "info"], 0),
        (&["--all", "--resource", "sg-0b"], 1),
        (&["--all", "--type", "S3"], 0),
        (&["--all", "--region", "us-east-1"], 3),
        (&["--all", "--account", "999999999999"], 0),
        (&["--all", "--limit", "2"], 2),
    ] {
        let listed = place.run(&[&["drifts", "list", "--format", "json"], filter].concat()).await.json();
        assert_eq!(list(&listed).len(), found, "{filter:?}");
    }
}

#[tokio::test]
async fn a_drift_is_found_by_the_beginning_or_the_end_of_its_id() {
    let (_database, place, ids) = with_drifts().await;
    let last = &ids[2][ids[2].len() - 8..];
    let shown = place.run(&["drifts", "show", last]).await;
    assert!(shown.code == Some(0) && shown.stdout.contains(&ids[2]), "{shown:?}");
    place.run(&["drifts", "show", &ids[0][..4]]).await.refuses(&["several drifts fit", "for example"]);
    for wrong in ["", "01", "zzzz", "%%%%", "ffffffff"] {
        let refused = place.run(&["drifts", "show", wrong]).await;
        refused.refuses(&[if wrong == "ffffffff" { "there is no drift" } else { "is no drift id; write all of one" }]);
    }
    let table = place.run(&["drifts", "list"]).await.stdout;
    assert!(ids.iter().all(|id| table.contains(id)), "ids can be copied: {table}");
}

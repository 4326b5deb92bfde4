//! The way to the database from the command line: what is said when it is not there, and `migrate`.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::{Place, TestDatabase};

/// What `drifts list` says about a database that cannot be used, and that it does not take long.
async fn refusal<const N: usize>(url: &str, words: [&str; N]) {
    let place = Place::new("").with("DATABASE_URL", url);
    let begun = Instant::now();
    let output = place.run(&["drifts", "list"]).await;
    output.refuses(&words);
    assert!(!output.stderr.contains("geheim"), "{output:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?} for {output:?}", begun.elapsed());
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named_with_what_to_do() {
    let database = TestDatabase::new().await;
    let (here, name) = (database.url(), database.name());
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_at = silent.local_addr().expect("its address");
    let web_at = web_server();
    let (missing, foreign) = (here.replace(name, "nodb"), here.replace("driftsentry@", "stranger:geheim@"));
    let (closed, silent_url) = ("postgres://u:geheim@127.0.0.1:1/x", format!("postgres://u:geheim@{silent_at}/x"));
    let web_url = format!("postgres://u:geheim@{web_at}/x");
    let silence = format!("{silent_at}, database x: what listens there, or a firewall on the way, does not answer");
    let web = format!("{web_at}, database x: what answers there is no PostgreSQL; check [database].url");
    tokio::join!(
        refusal(closed, ["PostgreSQL at 127.0.0.1:1, database x: nothing answers there; start the server or check"]),
        refusal("postgres://u:geheim@no.invalid/x", ["no host is called no.invalid; check [database].url"]),
        refusal(&silent_url, [silence.as_str()]),
        refusal(&web_url, [web.as_str()]),
        refusal(&missing, ["create the database with: createdb nodb"]),
        refusal(&foreign, ["the server refused user stranger; check user and password"]),
        refusal("postgres://u:geheim@h:99999/x", ["is no PostgreSQL URL", "invalid port number"]),
        refusal("mysql://u:geheim@h/x", ["DATABASE_URL: not a PostgreSQL URL"]),
    );
}

/// Something that answers, but not as PostgreSQL does; it ends with the test.
fn web_server() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        }
    });
    address
}

#[tokio::test]
async fn a_cause_is_told_once() {
    let database = TestDatabase::new().await;
    let place = Place::new("").with("DATABASE_URL", &database.url().replace(database.name(), "nodb"));
    let output = place.run(&["jobs", "stats"]).await;
    assert_eq!(output.stderr.matches("database \"nodb\" does not exist").count(), 1, "{output:?}");
}

#[tokio::test]
async fn the_schema_is_made_by_migrate_and_by_any_command_that_may() {
    let (one, other) = (TestDatabase::empty().await, TestDatabase::empty().await);
    let place = Place::new("").with("DATABASE_URL", &one.url());
    place.run(&["--no-migrate", "jobs", "stats"]).await.refuses(&["not current: run `driftsentry migrate`"]);
    for _ in 0..2 {
        let output = place.run(&["migrate"]).await;
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "the database schema is current\n"));
    }
    let stats = place.run(&["--no-migrate", "jobs", "stats", "--format", "json"]).await.json();
    assert_eq!(stats["kinds"], serde_json::json!([]));

    let place = Place::new("").with("DATABASE_URL", &other.url());
    let (users, drifts) = tokio::join!(place.run(&["users", "list"]), place.run(&["drifts", "list"]));
    assert_eq!((users.code, drifts.code), (Some(0), Some(0)), "at once: {users:?} {drifts:?}");
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                 values (99991231000000, 'of the future', true, '', 0)",
    )
    .execute(&other.pool)
    .await
    .expect("a migration");
    place.run(&["drifts", "list"]).await.refuses(&["99991231000000", "used with a newer one; install that"]);
}

//! Every way in which a database cannot be used is told in words that say what to do.

use driftsentry::config::secret::Secret;
use driftsentry::store::{Store, StoreError};

use super::store_of;
use crate::support::TestDatabase;

async fn refusal(url: &str) -> StoreError {
    Store::connect(&Secret::new(url), 2).await.unwrap_err()
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_being_repeated() {
    for url in ["", "not a url", "mysql://root:hunter2@db.example.com/x", "postgres://u:hunter2@h:port/x"] {
        let error = refusal(url).await.to_string();
        assert!(error.contains("write postgres://USER@HOST:PORT/DATABASE"), "{url}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_database_is_told_with_the_command_that_makes_it() {
    let db = TestDatabase::empty().await;
    let url = db.url().replace("/test_", "/missing_test_");
    let error = refusal(&url).await.to_string();
    assert!(error.contains("create the database with: createdb missing_test_"), "{error}");
    assert!(error.contains("connect to PostgreSQL at socket /"), "{error}");
}

#[tokio::test]
async fn a_refused_user_is_told() {
    let db = TestDatabase::empty().await;
    let as_nobody = format!("{}&user=nobody-of-this-name", db.url());
    let error = refusal(&as_nobody).await;
    assert!(error.to_string().contains("the server refused user nobody-of-this-name"), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_host_without_a_name_is_told_at_once() {
    let error = refusal("postgres://user:hunter2@no-such-host.invalid/x").await.to_string();
    assert!(error.contains("connect to PostgreSQL at no-such-host.invalid:5432, database x"), "{error}");
    assert!(error.contains("no host is called no-such-host.invalid"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_after_a_few_seconds() {
    let error = refusal("postgres://user@127.0.0.1:1/x").await;
    assert!(error.to_string().contains("nothing answers there; start the server"), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn an_empty_database_is_brought_up_to_date_by_several_at_once() {
    let db = TestDatabase::empty().await;
    let store = store_of(&db).await;
    assert!(!store.is_current().await.unwrap());
    let all = futures::future::join_all((0..4).map(|_| store.migrate())).await;
    for done in all {
        done.unwrap();
    }
    assert!(store.is_current().await.unwrap());
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (29990101000000, 'future', true, '', 0)",
    )
    .execute(store.pool())
    .await
    .unwrap();
    for error in [store.migrate().await.unwrap_err(), store.is_current().await.unwrap_err()] {
        assert!(error.to_string().contains("was used with a newer one; install that"), "{error}");
    }
}

#[tokio::test]
async fn a_database_made_by_another_build_is_refused() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    sqlx::query("update _sqlx_migrations set checksum = 'x'").execute(store.pool()).await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaForeign { .. }), "{error}");
    // The lock is free again: a second try ends too.
    store.migrate().await.unwrap_err();
}

//! How jobs are enqueued: what is written, what is refused, and unique keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use driftsentry::domain::id::JobId;
use driftsentry::queue::{self, EnqueueOptions, JobArgs, OnConflict, Policy, Rate, Unique};
use driftsentry::store::Store;
use driftsentry::store::job::JobState;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{Diary, Doer, doer, errand, job_of, shutdown, store_of, workers};
use crate::support::TestDatabase;

const ALL_BUT_DISCARDED: &[JobState] =
    &[JobState::Available, JobState::Running, JobState::Completed, JobState::Cancelled];

/// A job of another kind, in another lane.
#[derive(Serialize, Deserialize)]
struct Chore;

impl JobArgs for Chore {
    const KIND: &'static str = "chore";
    const POLICY: Policy =
        Policy { max_attempts: 7, backoff_base: Duration::from_secs(1), backoff_cap: Duration::from_secs(1) };
    const LANE: &'static str = "side";
}

pub(super) fn at(second: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(4_000_000_000 + second, 0)
}

pub(super) fn unique(key: &str) -> EnqueueOptions {
    EnqueueOptions { unique: Some(Unique::new(key)), ..EnqueueOptions::default() }
}

fn on_conflict(key: &str, on_conflict: OnConflict) -> EnqueueOptions {
    EnqueueOptions { unique: Some(Unique { on_conflict, ..Unique::new(key) }), ..EnqueueOptions::default() }
}

pub(super) fn ordered(key: &str) -> EnqueueOptions {
    EnqueueOptions { order: Some(key.to_owned()), ..EnqueueOptions::default() }
}

pub(super) async fn put(conn: &mut PgConnection, name: &str, options: EnqueueOptions) -> JobId {
    queue::enqueue_with(conn, &errand(name), options).await.unwrap()
}

pub(super) async fn put_all<const N: usize>(conn: &mut PgConnection, jobs: [(&str, EnqueueOptions); N]) -> [JobId; N] {
    let jobs = jobs.map(|(name, options)| (errand(name), options));
    queue::enqueue_all_with(conn, jobs).await.unwrap().try_into().unwrap()
}

pub(super) async fn set_state(store: &Store, id: JobId, state: &str) {
    sqlx::query("update jobs set state = $2, finished_at = now() where id = $1")
        .bind(id.0)
        .bind(state)
        .execute(store.pool())
        .await
        .unwrap();
}

pub(super) async fn count(store: &Store, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(store.pool())
        .await
        .unwrap()
}

pub(super) fn diarist(diary: &Diary) -> Doer {
    let notes = diary.clone();
    doer(move |_, args| {
        notes.note(args.name);
        async { Ok(()) }
    })
}

#[tokio::test]
async fn all_that_is_said_of_a_job_is_written_singly_and_in_bulk() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let rate = Some(Rate { key: "mail".into(), every: Duration::from_millis(1500) });
    let options = EnqueueOptions { run_at: at(0), priority: 2, rate, ..ordered("drift") };
    let plain = EnqueueOptions::default();
    let one = queue::enqueue_with(&mut conn, &Chore, options.clone()).await.unwrap();
    let many = queue::enqueue_all_with(&mut conn, [(Chore, plain), (Chore, options)]).await.unwrap();
    let sql =
        "select lane, max_attempts, priority, run_at > now(), order_key, rate_key, rate_interval::text, waiting_for
               from jobs where id = $1";
    let mut rows = Vec::new();
    for id in [one, many[0], many[1]] {
        type Row = (String, i32, i16, bool, Option<String>, Option<String>, Option<String>, i32);
        let row: Row = sqlx::query_as(sql).bind(id.0).fetch_one(store.pool()).await.unwrap();
        rows.push(row);
    }
    let told = |waiting| {
        let text = |text: &str| Some(text.to_owned());
        ("side".to_owned(), 7, 2, true, text("drift"), text("mail"), text("00:00:01.5"), waiting)
    };
    assert_eq!(rows, [told(0), ("side".to_owned(), 7, 0, false, None, None, None, 0), told(1)]);
}

#[tokio::test]
async fn very_many_jobs_are_written_in_the_order_of_their_arguments() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let ids = queue::enqueue_all(&mut conn, (0..45_000).map(|n| errand(&n.to_string()))).await.unwrap();
    assert_eq!((ids.len(), count(&store, "jobs").await), (45_000, 45_000));
    assert_eq!(job_of(&store, ids[44_999]).await.payload, serde_json::json!({ "name": "44999" }));
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_nothing_is_written() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let urgent = EnqueueOptions { priority: 3, ..EnqueueOptions::default() };
    let jobs = [(errand("fine"), EnqueueOptions::default()), (errand("hasty"), urgent)];
    let error = queue::enqueue_all_with(&mut conn, jobs).await.unwrap_err().to_string();
    assert_eq!(error, "a errand job cannot have the priority 3: it goes from -1 to 2");
    let error = queue::enqueue(&mut conn, &errand("a\0b")).await.unwrap_err().to_string();
    assert!(error.contains("its arguments hold a NUL character"), "{error}");
    queue::enqueue(&mut conn, &errand("a\\u0000b")).await.unwrap();

    let id = JobId::new();
    let later = (errand("later"), EnqueueOptions { id: Some(id), ..EnqueueOptions::default() });
    let jobs = [(errand("x"), EnqueueOptions { after: vec![id], ..unique("x") }), later];
    let error = queue::enqueue_all_with(&mut conn, jobs).await.unwrap_err().to_string();
    assert!(error.ends_with("put that one first"), "{error}");
    assert_eq!((count(&store, "jobs").await, count(&store, "job_uniques").await), (1, 0));
}

#[tokio::test]
async fn a_rolled_back_enqueue_leaves_nothing() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let awaited = put(&mut store.conn().await.unwrap(), "awaited", ordered("o")).await;
    let mut tx = store.begin().await.unwrap();
    let options = EnqueueOptions { after: vec![awaited], order: Some("o".into()), ..unique("u") };
    put(&mut tx, "never", options).await;
    tx.rollback().await.unwrap();
    for (table, rows) in [("jobs", 1), ("job_uniques", 0), ("job_dependencies", 0), ("job_orders", 1)] {
        assert_eq!(count(&store, table).await, rows, "{table}");
    }
    let marked: bool = sqlx::query_scalar("select has_dependents from jobs").fetch_one(store.pool()).await.unwrap();
    assert!(!marked);
}

#[tokio::test]
async fn a_job_whose_key_is_held_is_not_written_until_the_holder_is_over() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let first = put(&mut conn, "first", unique("k")).await;
    assert_eq!(put(&mut conn, "second", unique("k")).await, first);
    assert_ne!(put(&mut conn, "other", unique("other")).await, first);
    let chore = queue::enqueue_with(&mut conn, &Chore, unique("k")).await.unwrap();
    assert_ne!(chore, first, "each kind has keys of its own");
    set_state(&store, first, "running").await;
    assert_eq!(put(&mut conn, "second", unique("k")).await, first);
    assert_eq!(job_of(&store, first).await.payload["name"], "first");
    for state in ["completed", "discarded", "cancelled"] {
        let holder = put(&mut conn, "again", unique("k")).await;
        assert_eq!(put(&mut conn, "second", unique("k")).await, holder, "the key went to the new one");
        set_state(&store, holder, state).await;
        assert_ne!(put(&mut conn, "new", unique(&format!("other {state}"))).await, holder);
        assert_ne!(put(&mut conn, "new", unique("k")).await, holder, "{state}");
        sqlx::query("update jobs set state = 'completed' where state = 'available'")
            .execute(store.pool())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_holder_counts_in_the_chosen_states_and_for_the_chosen_time() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let once_an_hour = EnqueueOptions {
        unique: Some(Unique {
            states: ALL_BUT_DISCARDED,
            within: Some(Duration::from_hours(1)),
            ..Unique::new("report")
        }),
        ..EnqueueOptions::default()
    };
    let first = put(&mut conn, "first", once_an_hour.clone()).await;
    set_state(&store, first, "completed").await;
    assert_eq!(put(&mut conn, "second", once_an_hour.clone()).await, first);
    set_state(&store, first, "discarded").await;
    let second = put(&mut conn, "second", once_an_hour.clone()).await;
    assert_ne!(second, first, "one that was given up does not count");
    sqlx::query("update job_uniques set created_at = now() - interval '1 hour'").execute(store.pool()).await.unwrap();
    let third = put(&mut conn, "third", once_an_hour.clone()).await;
    assert_ne!(third, second, "it is an hour old");
    sqlx::query("delete from jobs").execute(store.pool()).await.unwrap();
    assert_ne!(put(&mut conn, "fourth", once_an_hour).await, third, "it is gone");

    let waiting_only = EnqueueOptions {
        unique: Some(Unique { states: &[JobState::Available], ..Unique::new("refresh") }),
        ..EnqueueOptions::default()
    };
    let running = put(&mut conn, "running", waiting_only.clone()).await;
    set_state(&store, running, "running").await;
    let waiting = put(&mut conn, "waiting", waiting_only.clone()).await;
    assert_ne!(waiting, running);
    assert_eq!(put(&mut conn, "further", waiting_only).await, waiting);
}

#[tokio::test]
async fn a_waiting_holder_is_replaced_or_put_off_and_a_running_one_is_left_alone() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let what = async |id| {
        let job = job_of(&store, id).await;
        (job.payload["name"].as_str().unwrap().to_owned(), job.priority, Some(job.run_at))
    };
    let first = put(&mut conn, "first", EnqueueOptions { run_at: at(1), ..unique("k") }).await;
    let options = EnqueueOptions { run_at: at(2), priority: 2, ..on_conflict("k", OnConflict::ResetTime) };
    assert_eq!(put(&mut conn, "second", options).await, first);
    assert_eq!(what(first).await, ("first".to_owned(), 0, at(2)));
    sqlx::query("update jobs set max_attempts = 99").execute(store.pool()).await.unwrap();
    let options = EnqueueOptions { run_at: at(3), priority: 2, ..on_conflict("k", OnConflict::Replace) };
    assert_eq!(put(&mut conn, "third", options.clone()).await, first);
    assert_eq!(what(first).await, ("third".to_owned(), 2, at(3)));
    assert_eq!(job_of(&store, first).await.max_attempts, 3);

    set_state(&store, first, "running").await;
    let options = EnqueueOptions { run_at: at(4), ..options };
    assert_eq!(put(&mut conn, "fourth", options).await, first);
    assert_eq!(what(first).await, ("third".to_owned(), 2, at(3)));
    let put_off = put(&mut conn, "fifth", EnqueueOptions { run_at: at(5), ..unique("l") }).await;
    put(&mut conn, "sixth", on_conflict("l", OnConflict::ResetTime)).await;
    assert!(what(put_off).await.2 < at(0), "no time is now");
}

#[tokio::test]
async fn keys_that_come_twice_in_one_call_are_met_as_if_one_by_one() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let old = put(&mut conn, "old", unique("old")).await;
    let replace = |key: &str, second| EnqueueOptions { run_at: at(second), ..on_conflict(key, OnConflict::Replace) };
    let reset = |key: &str, second| EnqueueOptions { run_at: at(second), ..on_conflict(key, OnConflict::ResetTime) };
    let ids = put_all(
        &mut conn,
        [
            ("a", unique("new")),
            ("plain", EnqueueOptions::default()),
            ("b", replace("old", 1)),
            ("c", replace("new", 2)),
            ("d", reset("old", 3)),
            ("e", unique("new")),
            ("f", EnqueueOptions { unique: Some(Unique { states: &[], ..Unique::new("new") }), ..Default::default() }),
            ("g", unique("new")),
        ],
    )
    .await;
    assert_eq!((ids[2], ids[4], ids[3], ids[5]), (old, old, ids[0], ids[0]));
    assert_ne!(ids[6], ids[0]);
    assert_eq!(ids[7], ids[6], "the key went on to the one that met no holder");
    let (old, new) = (job_of(&store, old).await, job_of(&store, ids[0]).await);
    assert_eq!((old.payload["name"].as_str(), Some(old.run_at)), (Some("b"), at(3)));
    assert_eq!((new.payload["name"].as_str(), Some(new.run_at)), (Some("c"), at(2)));
    assert_eq!(count(&store, "jobs").await, 4);
    assert_eq!(put(&mut conn, "h", unique("new")).await, ids[6]);
}

#[tokio::test]
async fn of_two_transactions_with_one_key_the_second_waits_for_the_first() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    for is_committed in [true, false] {
        let key = format!("key {is_committed}");
        let (mut one, mut two) = (store.begin().await.unwrap(), store.begin().await.unwrap());
        let first = put(&mut one, "first", unique(&key)).await;
        let mut second = Box::pin(put(&mut two, "second", unique(&key)));
        assert!(tokio::time::timeout(Duration::from_millis(300), &mut second).await.is_err(), "it waits");
        if is_committed {
            one.commit().await.unwrap();
        } else {
            one.rollback().await.unwrap();
        }
        let second = second.await;
        assert_eq!(second == first, is_committed);
        two.commit().await.unwrap();
    }
    assert_eq!(count(&store, "jobs").await, 2);
}

#[tokio::test]
async fn calls_without_a_transaction_write_one_job_for_a_key() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let one = async || {
        let mut conn = store.conn().await.unwrap();
        put_all(&mut conn, [("x", unique("b")), ("x", unique("a")), ("x", unique("c"))]).await
    };
    for _ in 0..10 {
        let all = futures::future::join_all((0..5).map(|_| one())).await;
        assert!(all.iter().all(|ids| *ids == all[0]), "{all:?}");
        assert_eq!(count(&store, "jobs_live").await, 3);
        sqlx::query("update jobs set state = 'completed'").execute(store.pool()).await.unwrap();
    }
}

#[tokio::test]
async fn a_waiting_job_that_stands_in_for_another_begins_after_that_ones_transaction() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let workers = workers(&store, &shutdown(), &diarist(&diary)).build();
    put(&mut store.conn().await.unwrap(), "refresh", unique("k")).await;
    let mut tx = store.begin().await.unwrap();
    put(&mut tx, "refresh again", unique("k")).await;
    assert_eq!(workers.drain().await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!((workers.drain().await.unwrap(), diary.read()), (1, vec!["refresh".to_owned()]));
}

//! What holds jobs back (lanes, rates, priorities) and what may not (a full buffer, an idle or another process).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use driftsentry::queue::{EnqueueOptions, LaneLimits, Rate, enqueue_all, enqueue_all_with};
use driftsentry::store::Store;
use driftsentry::store::job::JobState;
use tokio::sync::Notify;

use super::enqueue::{count, diarist, put};
use super::{Diary, Doer, doer, enqueue, errand, job_of, shutdown, store_of, until, until_state, workers};
use crate::support::TestDatabase;

/// The lane of the test's kind.
const LANE: &str = "errand";

/// Counts how many run at once, and how many did at most.
fn crowd(most: &Arc<AtomicUsize>) -> Doer {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::clone(most));
    doer(move |_, _| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    })
}

async fn until_none_is_live(store: &Store) {
    until("no job is left", async || count(store, "jobs_live").await == 0).await;
}

fn of_every_priority(number: usize) -> impl Iterator<Item = (super::Errand, EnqueueOptions)> {
    (0..number).map(|n| {
        let priority = [0, 1, 2, -1][n % 4];
        (errand(&n.to_string()), EnqueueOptions { priority, ..EnqueueOptions::default() })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_global_limit_holds_over_two_processes() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    enqueue_all_with(&mut store.conn().await.unwrap(), of_every_priority(40)).await.unwrap();
    let most = Arc::new(AtomicUsize::new(0));
    let crowd = crowd(&most);
    let limits = LaneLimits { local: None, global: Some(3) };
    let (here, there) = (shutdown(), shutdown());
    workers(&store, &here, &crowd).concurrency(8).lane(LANE, limits).build().start();
    workers(&store_of(&db).await, &there, &crowd).concurrency(8).lane(LANE, limits).build().start();
    until_none_is_live(&store).await;
    here.finish().await;
    there.finish().await;
    assert_eq!((most.load(Ordering::SeqCst), count(&store, "jobs_done").await), (3, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_limit_holds_over_all_priorities_together() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    enqueue_all_with(&mut store.conn().await.unwrap(), of_every_priority(40)).await.unwrap();
    let most = Arc::new(AtomicUsize::new(0));
    let shutdown = shutdown();
    let limits = LaneLimits { local: Some(2), global: None };
    workers(&store, &shutdown, &crowd(&most)).concurrency(8).lane(LANE, limits).build().start();
    until_none_is_live(&store).await;
    shutdown.finish().await;
    assert_eq!((most.load(Ordering::SeqCst), count(&store, "jobs_done").await), (2, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_under_a_rate_take_turns_and_hold_up_nobody_else() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let every = Duration::from_millis(100);
    let rated = |n: usize| {
        let rate = Some(Rate { key: "mail".into(), every });
        (errand(&format!("rated {n}")), EnqueueOptions { rate, ..EnqueueOptions::default() })
    };
    let others = (0..20).map(|n| (errand(&format!("other {n}")), EnqueueOptions::default()));
    let diary = Diary::default();
    let mut conn = store.conn().await.unwrap();
    let ids = enqueue_all_with(&mut conn, (0..10).map(rated).chain(others)).await.unwrap();
    let shutdown = shutdown();
    workers(&store, &shutdown, &diarist(&diary)).build().start();
    until_none_is_live(&store).await;
    shutdown.finish().await;

    let mut turns: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for id in &ids[..10] {
        let job = job_of(&store, *id).await;
        assert!((job.state, job.attempt) == (JobState::Completed, 1) && job.snoozes <= 1, "{job:?}");
        if job.snoozes == 1 {
            turns.push((job.run_at, job.started_at.unwrap()));
        }
    }
    turns.sort_unstable();
    assert_eq!(turns.len(), 9, "all but the first had to wait");
    let every = chrono::TimeDelta::from_std(every).unwrap();
    assert!(turns.is_sorted_by(|a, b| b.0 - a.0 >= every), "{turns:?}");
    assert!(turns.iter().all(|(turn, started)| started >= turn), "{turns:?}");
    let notes = diary.read();
    let last_other = notes.iter().rposition(|name| name.starts_with("other")).unwrap();
    assert!(notes[last_other..].iter().filter(|name| name.starts_with("rated")).count() >= 5, "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_low_priority_gets_its_turn_while_a_backlog_of_high_ones_does_not_end() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let notes = diary.clone();
    let doer = doer(move |_, args| {
        let notes = notes.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if args.name == "low" {
                notes.note(args.name);
            }
            Ok(())
        }
    });
    let mut conn = store.conn().await.unwrap();
    put(&mut conn, "low", EnqueueOptions { priority: -1, ..EnqueueOptions::default() }).await;
    let feed = async |conn: &mut sqlx::PgConnection| {
        let high = || (errand("high"), EnqueueOptions { priority: 2, ..EnqueueOptions::default() });
        enqueue_all_with(conn, (0..300).map(|_| high())).await.unwrap();
    };
    feed(&mut conn).await;
    let shutdown = shutdown();
    workers(&store, &shutdown, &doer).build().start();
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while diary.read().is_empty() {
        assert!(tokio::time::Instant::now() < patience, "the low one starves");
        let waiting: i64 = sqlx::query_scalar("select count(*) from jobs_live where state = 'available'")
            .fetch_one(store.pool())
            .await
            .unwrap();
        if waiting < 1000 {
            feed(&mut conn).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left: i64 = sqlx::query_scalar("select count(*) from jobs_live where state = 'available' and priority = 2")
        .fetch_one(store.pool())
        .await
        .unwrap();
    shutdown.finish().await;
    assert!(left > 0, "there was a backlog all the time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_claimed_ahead_is_handed_back_at_a_soft_stop() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (may_end, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_end, at_begin) = (Arc::clone(&may_end), Arc::clone(&begun));
    let doer = doer(move |_, args| {
        let (may_end, begun) = (Arc::clone(&at_end), Arc::clone(&at_begin));
        async move {
            if args.name == "40" {
                begun.notify_one();
                may_end.notified().await;
            }
            Ok(())
        }
    });
    enqueue_all(&mut store.conn().await.unwrap(), (0..500).map(|n| errand(&n.to_string()))).await.unwrap();
    let shutdown = shutdown();
    workers(&store, &shutdown, &doer).concurrency(1).build().start();
    begun.notified().await;
    let held = "select count(*) from jobs_live where state = 'running'";
    until("jobs are claimed ahead", async || {
        sqlx::query_scalar::<_, i64>(held).fetch_one(store.pool()).await.unwrap() > 1
    })
    .await;
    shutdown.stop();
    may_end.notify_one();
    shutdown.finish().await;
    let untouched = "select count(*) from jobs_live where state = 'available' and attempt = 0 and lease_token is null";
    let untouched: i64 = sqlx::query_scalar(untouched).fetch_one(store.pool()).await.unwrap();
    assert_eq!(untouched + count(&store, "jobs_done").await, 500);
    assert!(untouched > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_starts_at_its_time_though_nothing_else_happens() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let shutdown = shutdown();
    workers(&store, &shutdown, &doer(|_, _| async { Ok(()) })).build().start();
    let mut conn = store.conn().await.unwrap();
    let now: DateTime<Utc> = sqlx::query_scalar("select now()").fetch_one(&mut *conn).await.unwrap();
    for delay in [2_000, 3_700, 5_300] {
        let run_at = Some(now + chrono::TimeDelta::milliseconds(delay));
        let id = put(&mut conn, "x", EnqueueOptions { run_at, ..EnqueueOptions::default() }).await;
        until_state(&store, id, JobState::Completed).await;
        let job = job_of(&store, id).await;
        let late = job.started_at.unwrap() - job.run_at;
        assert!(late.num_milliseconds() < 200, "{late}");
    }
    shutdown.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_tells_another_of_jobs_and_that_one_does_not_wait_for_its_poll() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let doer = doer(|_, _| async { Ok(()) });
    let (here, there) = (shutdown(), shutdown());
    workers(&store, &here, &doer).only(["errand"]).build().start();
    until("the first is there", async || count(&store, "job_workers").await == 1).await;
    workers(&store, &there, &doer).only(["nothing"]).build().start();
    until("the second is there", async || count(&store, "job_workers").await == 2).await;

    // Said: the second, at least, has seen that it is not alone.
    let mut listener = sqlx::postgres::PgListener::connect(&db.url()).await.unwrap();
    listener.listen("driftsentry_jobs").await.unwrap();
    enqueue(&store, "x").await;
    let told = tokio::time::timeout(Duration::from_secs(5), listener.recv()).await;
    assert!(told.expect("somebody tells it").unwrap().payload().starts_with("work "));

    // Heard: written by SQL, which wakes nobody in this process, and told as by another.
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(1700)).await;
        let id = driftsentry::domain::id::JobId::new();
        sqlx::query(
            "insert into jobs (id, kind, lane, max_attempts, payload) values ($1, 'errand', 'errand', 1, '{\"name\": \"x\"}')",
        )
        .bind(id.0)
        .execute(store.pool())
        .await
        .unwrap();
        sqlx::query("select pg_notify('driftsentry_jobs', 'work another 1')").execute(store.pool()).await.unwrap();
        until_state(&store, id, JobState::Completed).await;
        let job = job_of(&store, id).await;
        let late = job.started_at.unwrap() - job.created_at;
        assert!(late.num_milliseconds() < 300, "{late}");
    }
    here.finish().await;
    there.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_is_seen_at_once_by_one_that_believed_to_be_alone() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (first, second) = (shutdown(), shutdown());
    workers(&store, &first, &doer(|_, _| async { Ok(()) })).build().start();
    let seen = async || {
        let seen = "select name, seen_at from job_workers order by started_at";
        sqlx::query_as::<_, (String, chrono::DateTime<chrono::Utc>)>(seen).fetch_all(store.pool()).await.unwrap()
    };
    let listens = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%'";
    until("the first is there and listens", async || {
        let listening: i64 = sqlx::query_scalar(listens).fetch_one(store.pool()).await.unwrap();
        seen().await.len() == 1 && listening == 1
    })
    .await;
    let alone = seen().await.remove(0);
    workers(&store, &second, &doer(|_, _| async { Ok(()) })).build().start();
    // Signs of life come every ten seconds without it.
    let again = until("the first looked again", async || seen().await[0].1 > alone.1);
    assert!(tokio::time::timeout(Duration::from_secs(5), again).await.is_ok(), "it was not told");
    first.finish().await;
    second.finish().await;
}

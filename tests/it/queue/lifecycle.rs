//! One job from enqueued to its end, and many at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use driftsentry::queue::{EnqueueOptions, JobError, enqueue_all, enqueue_all_with};
use driftsentry::store::StoreError;
use driftsentry::store::job::{self, JobQuery, JobState};
use tokio::sync::Notify;

use super::{
    Diary, Doer, doer, enqueue, errand, farewells, job_of, make_due, outcomes, shutdown, store_of, until, until_state,
    workers,
};
use crate::support::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn eight_workers_run_each_of_many_jobs_once() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let notes = diary.clone();
    let doer = doer(move |job, args| {
        notes.note(format!("{} {}", args.name, job.attempt));
        async { Ok(()) }
    });
    enqueue_all(&mut store.conn().await.unwrap(), (0..500).map(|n| errand(&n.to_string()))).await.unwrap();
    let mut fleet = Vec::new();
    for _ in 0..8 {
        let shutdown = shutdown();
        workers(&store_of(&db).await, &shutdown, &doer).build().start();
        fleet.push(shutdown);
    }
    until("all jobs are completed", async || {
        let query = JobQuery { state: Some(JobState::Completed), ..JobQuery::default() };
        job::list(&mut store.conn().await.unwrap(), &query, 1000).await.unwrap().len() == 500
    })
    .await;
    for shutdown in fleet {
        shutdown.finish().await;
    }
    let mut runs = BTreeMap::new();
    for note in diary.read() {
        *runs.entry(note).or_insert(0) += 1;
    }
    assert_eq!(runs.len(), 500);
    assert!(runs.iter().all(|(note, count)| note.ends_with(" 1") && *count == 1), "{runs:?}");
}

#[tokio::test]
async fn a_job_of_a_transaction_that_is_rolled_back_does_not_exist() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut tx = store.begin().await.unwrap();
    driftsentry::queue::enqueue(&mut tx, &errand("never")).await.unwrap();
    tx.rollback().await.unwrap();
    let doer = doer(|_, _| async { Ok(()) });
    assert_eq!(workers(&store, &shutdown(), &doer).build().drain().await.unwrap(), 0);
}

#[tokio::test]
async fn higher_priority_goes_first_and_the_future_waits() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let notes = diary.clone();
    let doer = doer(move |_, args| {
        notes.note(args.name);
        async { Ok(()) }
    });
    let tomorrow = chrono::DateTime::from_timestamp(4_000_000_000, 0);
    let options = [("low", -1, None), ("usual", 0, None), ("high", 2, None), ("later", 2, tomorrow)];
    let jobs = options.map(|(name, priority, run_at)| {
        (errand(name), EnqueueOptions { run_at, priority, ..EnqueueOptions::default() })
    });
    enqueue_all_with(&mut store.conn().await.unwrap(), jobs).await.unwrap();
    let ran = workers(&store, &shutdown(), &doer).concurrency(1).build().drain().await.unwrap();
    assert_eq!((ran, diary.read()), (3, vec!["high".to_owned(), "usual".to_owned(), "low".to_owned()]));
}

#[tokio::test]
async fn a_failing_job_is_tried_again_after_a_pause_and_given_up_in_the_end() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let doer = doer(|job, _| async move { Err(JobError::retry(format!("no luck at attempt {}", job.attempt))) });
    let workers = workers(&store, &shutdown(), &doer).build();
    let id = enqueue(&store, "unlucky").await;

    workers.drain().await.unwrap();
    let job = job_of(&store, id).await;
    assert_eq!(
        (job.state, job.attempt, job.last_error.as_deref()),
        (JobState::Available, 1, Some("no luck at attempt 1"))
    );
    assert!(job.run_at > job.started_at.unwrap());
    for _ in 0..2 {
        make_due(&store).await;
        workers.drain().await.unwrap();
    }
    let job = job_of(&store, id).await;
    assert_eq!(
        (job.state, job.attempt, job.last_error.as_deref()),
        (JobState::Discarded, 3, Some("no luck at attempt 3"))
    );
    assert!(job.finished_at.is_some());
    assert_eq!(outcomes(&store, id).await, ["1 retried", "2 retried", "3 discarded"]);
    assert_eq!(farewells(&store).await, [("unlucky".to_owned(), "no luck at attempt 3".to_owned())]);
}

#[tokio::test]
async fn a_told_pause_is_kept() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let doer = doer(|_, _| async { Err(JobError::retry_after("busy", std::time::Duration::from_hours(1))) });
    let id = enqueue(&store, "x").await;
    workers(&store, &shutdown(), &doer).build().drain().await.unwrap();
    let job = job_of(&store, id).await;
    let pause = job.run_at - job.started_at.unwrap();
    assert!((3600..3660).contains(&pause.num_seconds()), "{pause}");
}

#[tokio::test]
async fn a_job_that_cannot_succeed_is_given_up_at_once() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let doer = doer(|_, _| async { Err(JobError::give_up("there is no such channel")) });
    let id = enqueue(&store, "hopeless").await;
    workers(&store, &shutdown(), &doer).build().drain().await.unwrap();
    let job = job_of(&store, id).await;
    assert_eq!((job.state, job.attempt), (JobState::Discarded, 1));
    assert_eq!(farewells(&store).await, [("hopeless".to_owned(), "there is no such channel".to_owned())]);
}

#[tokio::test]
async fn a_job_is_given_up_together_with_its_handlers_rows_or_not_at_all() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let fails = Arc::new(AtomicBool::new(true));
    let is_failing = Arc::clone(&fails);
    let doer = Doer {
        farewell: Arc::new(move |_, _| {
            if is_failing.load(Ordering::SeqCst) { Err(StoreError::Refused("not now".into())) } else { Ok(()) }
        }),
        ..doer(|_, _| async { Err(JobError::give_up("hopeless")) })
    };
    let workers = workers(&store, &shutdown(), &doer).build();
    let id = enqueue(&store, "x").await;
    workers.drain().await.unwrap();
    assert_eq!((job_of(&store, id).await.state, farewells(&store).await.len()), (JobState::Running, 0));

    fails.store(false, Ordering::SeqCst);
    super::expire_leases(&store).await;
    workers.drain().await.unwrap();
    assert_eq!((job_of(&store, id).await.state, farewells(&store).await.len()), (JobState::Discarded, 1));
}

#[tokio::test]
async fn arguments_that_cannot_be_read_are_given_up_with_a_reason() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let id = enqueue(&store, "x").await;
    sqlx::query("update jobs set payload = '{\"nome\": 1}'").execute(store.pool()).await.unwrap();
    workers(&store, &shutdown(), &doer(|_, _| async { Ok(()) })).build().drain().await.unwrap();
    let job = job_of(&store, id).await;
    assert_eq!(job.state, JobState::Discarded);
    let error = job.last_error.unwrap();
    assert!(error.starts_with("read the arguments of a errand job: missing field `name`"), "{error}");
}

#[tokio::test]
async fn a_snoozed_job_loses_no_attempt() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let naps = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&naps);
    let doer = doer(move |_, _| {
        let nap = count.fetch_add(1, Ordering::SeqCst);
        async move { if nap < 10 { Err(JobError::Snooze(std::time::Duration::ZERO)) } else { Ok(()) } }
    });
    let id = enqueue(&store, "sleepy").await;
    workers(&store, &shutdown(), &doer).build().drain().await.unwrap();
    let job = job_of(&store, id).await;
    assert_eq!((job.state, job.attempt, naps.load(Ordering::SeqCst)), (JobState::Completed, 1, 11));
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_failed_attempt() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let doer = doer(|job, _| {
        assert!(job.attempt > 1, "first attempts are hard");
        async { Ok(()) }
    });
    let workers = workers(&store, &shutdown(), &doer).build();
    let id = enqueue(&store, "x").await;
    workers.drain().await.unwrap();
    let error = job_of(&store, id).await.last_error.unwrap();
    assert_eq!(error, "the handler panicked: first attempts are hard");
    make_due(&store).await;
    workers.drain().await.unwrap();
    assert_eq!(job_of(&store, id).await.state, JobState::Completed);
}

#[tokio::test]
async fn a_cancelled_job_does_not_run_and_one_that_was_given_up_can_be_retried() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let workers = workers(&store, &shutdown(), &doer(|_, _| async { Ok(()) })).build();
    let id = enqueue(&store, "x").await;
    let mut conn = store.conn().await.unwrap();
    job::cancel(&mut conn, id).await.unwrap();
    assert_eq!(workers.drain().await.unwrap(), 0);
    let again = job::cancel(&mut conn, id).await.unwrap_err().to_string();
    assert!(again.contains("is cancelled; only one that waits or runs"), "{again}");

    job::retry(&mut conn, id).await.unwrap();
    assert_eq!(workers.drain().await.unwrap(), 1);
    assert_eq!(job_of(&store, id).await.state, JobState::Completed);
    let done = job::retry(&mut conn, id).await.unwrap_err().to_string();
    assert!(done.contains("is completed; only one that waits or was given up"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_stop_finishes_what_runs_and_leaves_the_rest() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (begun, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_begin, at_end) = (Arc::clone(&begun), Arc::clone(&may_end));
    let doer = doer(move |_, _| {
        let (begun, may_end) = (Arc::clone(&at_begin), Arc::clone(&at_end));
        async move {
            begun.notify_one();
            may_end.notified().await;
            Ok(())
        }
    });
    let (first, second) = (enqueue(&store, "first").await, enqueue(&store, "second").await);
    let shutdown = shutdown();
    workers(&store, &shutdown, &doer).concurrency(1).build().start();
    begun.notified().await;
    shutdown.stop();
    may_end.notify_one();
    shutdown.finish().await;
    assert_eq!(job_of(&store, first).await.state, JobState::Completed);
    let second = job_of(&store, second).await;
    assert_eq!((second.state, second.attempt), (JobState::Available, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_comes_while_all_are_idle_is_found() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let shutdown = shutdown();
    workers(&store, &shutdown, &doer(|_, _| async { Ok(()) })).build().start();
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    // Written by another program, so that nothing wakes the workers of this process.
    let id = driftsentry::domain::id::JobId::new();
    sqlx::query("insert into jobs (id, kind, max_attempts, payload) values ($1, 'errand', 1, '{\"name\": \"x\"}')")
        .bind(id.0)
        .execute(store.pool())
        .await
        .unwrap();
    until_state(&store, id, JobState::Completed).await;
    shutdown.finish().await;
}

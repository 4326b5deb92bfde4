//! Jobs that wait for others: orders and dependencies, written and released.

use std::time::Duration;

use driftsentry::domain::id::JobId;
use driftsentry::queue::{self, EnqueueOptions};
use driftsentry::store::Store;
use driftsentry::store::job::{self, JobState};

use super::enqueue::{at, count, diarist, ordered, put, put_all, set_state, unique};
use super::{Diary, doer, errand, job_of, shutdown, store_of, workers};
use crate::support::TestDatabase;

fn after(awaited: &[JobId]) -> EnqueueOptions {
    EnqueueOptions { after: awaited.to_vec(), ..EnqueueOptions::default() }
}

async fn waiting_for(store: &Store, id: JobId) -> i32 {
    sqlx::query_scalar("select waiting_for from jobs where id = $1").bind(id.0).fetch_one(store.pool()).await.unwrap()
}

async fn awaited_by(store: &Store, id: JobId) -> Vec<JobId> {
    let ids = sqlx::query_scalar("select on_job_id from job_dependencies where job_id = $1 order by on_job_id");
    ids.bind(id.0).fetch_all(store.pool()).await.unwrap().into_iter().map(JobId).collect()
}

#[tokio::test]
async fn jobs_of_one_order_wait_each_for_the_one_before() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let [a, b, other] = put_all(&mut conn, [("a", ordered("k")), ("b", ordered("k")), ("x", ordered("l"))]).await;
    let [c, d] = put_all(&mut conn, [("c", ordered("k")), ("d", ordered("k"))]).await;
    let last = put(&mut conn, "e", EnqueueOptions { after: vec![a, d], ..ordered("k") }).await;
    for (job, awaited) in [(a, vec![]), (b, vec![a]), (c, vec![b]), (d, vec![c]), (last, vec![a, d]), (other, vec![])] {
        assert_eq!(usize::try_from(waiting_for(&store, job).await), Ok(awaited.len()));
        assert_eq!(awaited_by(&store, job).await, awaited);
    }
    set_state(&store, other, "completed").await;
    let next = put(&mut conn, "y", ordered("l")).await;
    assert_eq!(waiting_for(&store, next).await, 0, "the one before is over");
    let marked = "select array_agg(payload ->> 'name' order by payload ->> 'name') from jobs where has_dependents";
    let marked: Vec<String> = sqlx::query_scalar(marked).fetch_one(store.pool()).await.unwrap();
    assert_eq!(marked, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn only_jobs_that_are_not_over_are_waited_for() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let plain = EnqueueOptions::default;
    let [waiting, running, over] = put_all(&mut conn, [("w", plain()), ("r", plain()), ("o", plain())]).await;
    set_state(&store, running, "running").await;
    set_state(&store, over, "discarded").await;
    let last = put(&mut conn, "last", after(&[waiting, over, running, waiting, JobId::new()])).await;
    assert_eq!(awaited_by(&store, last).await, [waiting, running]);
    assert_eq!(waiting_for(&store, last).await, 2);
    let free = put(&mut conn, "free", after(&[over])).await;
    assert_eq!(waiting_for(&store, free).await, 0);

    // In one call: for one that is new, and for one whose key another holds.
    let (new, held) = (JobId::new(), JobId::new());
    put(&mut conn, "holder", unique("k")).await;
    let [_, holder, last] = put_all(
        &mut conn,
        [
            ("new", EnqueueOptions { id: Some(new), ..plain() }),
            ("held", EnqueueOptions { id: Some(held), ..unique("k") }),
            ("last", after(&[new, held])),
        ],
    )
    .await;
    assert_eq!(awaited_by(&store, last).await, {
        let mut ids = [new, holder];
        ids.sort();
        ids
    });
}

#[tokio::test]
async fn a_job_that_ends_while_another_is_enqueued_after_it_is_not_waited_for() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let awaited = put(&mut store.conn().await.unwrap(), "awaited", EnqueueOptions::default()).await;
    let mut ending = store.begin().await.unwrap();
    sqlx::query("delete from jobs_live where id = $1").bind(awaited.0).execute(&mut *ending).await.unwrap();
    let mut conn = store.conn().await.unwrap();
    let last = put(&mut conn, "last", after(&[awaited]));
    tokio::pin!(last);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut last).await.is_err(), "it waits for the end");
    ending.commit().await.unwrap();
    let last = last.await;
    assert_eq!(waiting_for(&store, last).await, 0);
}

#[tokio::test]
async fn jobs_of_one_order_run_in_it_even_if_many_run_at_once() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let mut conn = store.conn().await.unwrap();
    let names: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    for some in names.chunks(7) {
        let jobs = some.iter().map(|name| (errand(name), ordered("k")));
        queue::enqueue_all_with(&mut conn, jobs).await.unwrap();
    }
    let workers = workers(&store, &shutdown(), &diarist(&diary)).build();
    assert_eq!(workers.drain().await.unwrap(), 20);
    assert_eq!(diary.read(), names);
    for table in ["job_orders", "job_dependencies", "jobs_live"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_follow_up_runs_once_when_all_that_it_waits_for_are_over_however_they_ended() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let notes = diary.clone();
    let doer = doer(move |_, args| {
        notes.note(args.name.clone());
        async move { if args.name == "fails" { Err(queue::JobError::give_up("no")) } else { Ok(()) } }
    });
    let workers = workers(&store, &shutdown(), &doer).build();
    let mut conn = store.conn().await.unwrap();
    let later = EnqueueOptions { run_at: at(0), ..EnqueueOptions::default() };
    let [done, fails, called_off] = put_all(
        &mut conn,
        [("done", EnqueueOptions::default()), ("fails", EnqueueOptions::default()), ("never", later)],
    )
    .await;
    let last = put(&mut conn, "last", after(&[done, fails, called_off])).await;
    assert_eq!(workers.drain().await.unwrap(), 2);
    assert_eq!(waiting_for(&store, last).await, 1);
    job::cancel(&mut conn, called_off).await.unwrap();
    assert_eq!(workers.drain().await.unwrap(), 1);
    assert_eq!(diary.read().iter().filter(|name| *name == "last").count(), 1);
    assert_eq!(job_of(&store, last).await.state, JobState::Completed);
    assert_eq!(count(&store, "job_dependencies").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_that_are_enqueued_while_their_jobs_end_are_all_released() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let shutdown = shutdown();
    workers(&store, &shutdown, &diarist(&diary)).build().start();
    let enqueue = async |lane: usize| {
        let mut conn = store.conn().await.unwrap();
        for _ in 0..50 {
            let first = put(&mut conn, "first", EnqueueOptions::default()).await;
            put(&mut conn, "next", EnqueueOptions { after: vec![first], ..ordered(&lane.to_string()) }).await;
        }
    };
    futures::future::join_all([enqueue(0), enqueue(1), enqueue(2)]).await;
    super::until("all have run", async || diary.read().len() == 300).await;
    shutdown.finish().await;
    assert_eq!(count(&store, "jobs_live").await, 0);
}

//! Workers that hang, die or are cut off: their jobs are run by others, once per loss, and they write nothing more.

use std::sync::Arc;
use std::time::Duration;

use driftsentry::store::job::{self, Done, End, JobState, Lease};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    Diary, Doer, claim, complete, doer, enqueue, expire_leases, farewells, job_of, outcomes, shutdown, store_of, until,
    until_state, workers,
};
use crate::support::TestDatabase;

/// Long enough that a busy machine does not lose it, short enough to wait for.
const SHORT: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn who_lost_the_lease_settles_nothing() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let id = enqueue(&store, "x").await;
    let mut conn = store.conn().await.unwrap();
    let hour = Duration::from_hours(1);
    let slow = claim(&store, "slow", hour, 10).await.remove(0).lease;
    assert_eq!(claim(&store, "quick", hour, 10).await, [], "it is held");
    expire_leases(&store).await;
    let quick = claim(&store, "quick", hour, 10).await.remove(0);
    assert_eq!((quick.attempt, quick.was_lost), (2, true));
    assert_eq!(claim(&store, "third", hour, 10).await, [], "one loss is one rescue");

    assert!(!complete(&store, slow).await);
    assert!(!job::retry_later(&mut conn, slow, hour, "late").await.unwrap());
    assert!(!job::snooze(&mut conn, slow, hour).await.unwrap());
    assert!(!job::end(&mut conn, slow, End::Discarded, "late").await.unwrap());
    assert!(!job::report_progress(&mut conn, slow, &serde_json::json!("late")).await.unwrap());
    job::hand_back(&mut conn, &[slow]).await.unwrap();
    let guess = Lease { job_id: id, token: Uuid::new_v4() };
    let held = job::extend(&mut conn, &[slow, guess], hour).await.unwrap();
    assert_eq!(held, []);
    assert_eq!(job_of(&store, id).await.state, JobState::Running);
    assert!(complete(&store, quick.lease).await);
    assert!(!complete(&store, quick.lease).await);
    assert_eq!(outcomes(&store, id).await, ["1 lost"]);
}

#[tokio::test]
async fn a_row_that_a_handler_is_about_to_commit_holds_up_no_other_lease() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let ids = [enqueue(&store, "committing").await, enqueue(&store, "other").await];
    let leases: Vec<Lease> = claim(&store, "w", SHORT, 2).await.into_iter().map(|job| job.lease).collect();
    let mut committing = store.begin().await.unwrap();
    let done = Done { lease: leases[0], is_kept: true };
    assert_eq!(job::complete_all(&mut committing, &[done]).await.unwrap().jobs, [ids[0]]);

    let mut conn = store.conn().await.unwrap();
    let held = job::extend(&mut conn, &leases, Duration::from_hours(1));
    let mut held = tokio::time::timeout(Duration::from_secs(5), held).await.expect("it waits for nobody").unwrap();
    held.sort_by_key(|held| held.job_id);
    assert_eq!(held.iter().map(|held| held.job_id).collect::<Vec<_>>(), ids, "neither is lost");
    committing.rollback().await.unwrap();
    let extended = "select payload ->> 'name' from jobs_live where lease_until > now() + interval '30 minutes'";
    let extended: Vec<String> = sqlx::query_scalar(extended).fetch_all(store.pool()).await.unwrap();
    assert_eq!(extended, ["other"]);
}

#[tokio::test]
async fn a_job_that_is_handed_back_has_lost_no_attempt() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let id = enqueue(&store, "x").await;
    let mut conn = store.conn().await.unwrap();
    let claimed = claim(&store, "stopping", SHORT, 10).await.remove(0);
    job::hand_back(&mut conn, &[claimed.lease]).await.unwrap();
    let job = job_of(&store, id).await;
    assert_eq!((job.state, job.attempt, job.worker), (JobState::Available, 0, None));
}

/// A job that says when it has begun and then never ends.
fn stuck(begun: &Arc<Notify>, diary: &Diary) -> Doer {
    let (begun, diary) = (Arc::clone(begun), diary.clone());
    doer(move |_, args| {
        let (begun, diary) = (Arc::clone(&begun), diary.clone());
        async move {
            let _end = OnDrop(diary);
            begun.notify_one();
            std::future::pending::<()>().await;
            drop(args);
            Ok(())
        }
    })
}

struct OnDrop(Diary);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_dead_process_is_run_by_another() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let begun = Arc::new(Notify::new());
    let dying = shutdown();
    workers(&store, &dying, &stuck(&begun, &Diary::default())).lease(SHORT).build().start();
    let id = enqueue(&store, "x").await;
    begun.notified().await;
    // Dropped in the middle, as by a kill: nothing is handed back.
    dying.soft().cancel();
    dying.hard().cancel();
    dying.finish().await;
    assert_eq!(job_of(&store, id).await.state, JobState::Running);

    let heir = shutdown();
    workers(&store, &heir, &doer(|_, _| async { Ok(()) })).lease(SHORT).build().start();
    until_state(&store, id, JobState::Completed).await;
    heir.finish().await;
    assert_eq!(job_of(&store, id).await.attempt, 2);
    assert_eq!(outcomes(&store, id).await, ["1 lost"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_job_keeps_its_lease() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let diary = Diary::default();
    let notes = diary.clone();
    let doer = doer(move |_, _| {
        notes.note("begun");
        async {
            tokio::time::sleep(SHORT * 2).await;
            Ok(())
        }
    });
    let (here, there) = (shutdown(), shutdown());
    workers(&store, &here, &doer).lease(SHORT).build().start();
    workers(&store, &there, &doer).lease(SHORT).build().start();
    let id = enqueue(&store, "x").await;
    until_state(&store, id, JobState::Completed).await;
    here.finish().await;
    there.finish().await;
    assert_eq!((diary.read().len(), job_of(&store, id).await.attempt), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_that_is_cancelled_is_dropped() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (begun, diary) = (Arc::new(Notify::new()), Diary::default());
    let shutdown = shutdown();
    workers(&store, &shutdown, &stuck(&begun, &diary)).lease(SHORT).build().start();
    let id = enqueue(&store, "x").await;
    begun.notified().await;
    job::cancel(&mut store.conn().await.unwrap(), id).await.unwrap();
    until("the handler is dropped", async || diary.read() == ["dropped"]).await;
    shutdown.finish().await;
    assert_eq!(job_of(&store, id).await.state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_last_attempt_is_lost_is_given_up_by_who_finds_it() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let id = enqueue(&store, "killer").await;
    for _ in 0..3 {
        assert_eq!(claim(&store, "victim", SHORT, 1).await.len(), 1);
        expire_leases(&store).await;
    }
    let shutdown = shutdown();
    workers(&store, &shutdown, &doer(|_, _| async { Ok(()) })).lease(SHORT).build().start();
    until_state(&store, id, JobState::Discarded).await;
    shutdown.finish().await;
    let error = job_of(&store, id).await.last_error.unwrap();
    assert!(error.starts_with("lost on attempt 3 of 3: its worker stopped or hung"), "{error}");
    assert_eq!(farewells(&store).await, [("killer".to_owned(), error)]);
    assert_eq!(outcomes(&store, id).await, ["1 lost", "2 lost", "3 lost", "3 discarded"]);
}

#[tokio::test]
async fn old_rows_are_removed_and_young_ones_kept() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    for (name, state, age) in [
        ("old", "completed", "2 days"),
        ("young", "completed", "1 hour"),
        ("dead", "discarded", "2 days"),
        ("long dead", "cancelled", "40 days"),
    ] {
        let id = enqueue(&store, name).await;
        sqlx::query("update jobs set state = $2, finished_at = now() - $3::text::interval where id = $1")
            .bind(id.0)
            .bind(state)
            .bind(age)
            .execute(store.pool())
            .await
            .unwrap();
    }
    let mut conn = store.conn().await.unwrap();
    let day = Duration::from_hours(24);
    assert_eq!(job::prune(&mut conn, day, day * 30, 100).await.unwrap(), 2);
    let mut left: Vec<String> =
        sqlx::query_scalar("select payload ->> 'name' from jobs").fetch_all(store.pool()).await.unwrap();
    left.sort();
    assert_eq!(left, ["dead", "young"]);
}

//! What a handler is told of its job while it runs, and what it may say of it.

use std::sync::Arc;
use std::time::Duration;

use driftsentry::queue::JobError;
use driftsentry::store::job::{self, JobState};
use tokio::sync::Notify;

use super::{
    Diary, Doer, claim, doer, enqueue, expire_leases, farewells, job_of, shutdown, store_of, until, until_state,
    workers,
};
use crate::support::TestDatabase;

async fn write_effect(conn: &mut sqlx::PgConnection) {
    sqlx::query("insert into schedules (name, cron, timezone, first_seen_at) values ('effect', '', '', now())")
        .execute(conn)
        .await
        .unwrap();
}

#[tokio::test]
async fn effects_and_completion_are_written_together() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let effects = store.clone();
    let doer = doer(move |job, _| {
        let store = effects.clone();
        async move {
            let mut tx = store.begin().await?;
            write_effect(&mut tx).await;
            job.complete_in(&mut tx).await?;
            if job.attempt == 1 {
                tx.rollback().await.unwrap();
                return Err(JobError::retry_after("rolled back", Duration::ZERO));
            }
            tx.commit().await.map_err(JobError::retry)
        }
    });
    let id = enqueue(&store, "x").await;
    workers(&store, &shutdown(), &doer).build().drain().await.unwrap();
    let job = job_of(&store, id).await;
    assert_eq!((job.state, job.attempt, farewells(&store).await.len()), (JobState::Completed, 2, 1));
}

#[tokio::test]
async fn who_lost_the_lease_cannot_complete_in_a_transaction() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (effects, diary) = (store.clone(), Diary::default());
    let notes = diary.clone();
    let doer = doer(move |job, _| {
        let (store, notes) = (effects.clone(), notes.clone());
        async move {
            // More than once, because a heartbeat may come in between.
            until("the job is stolen", async || {
                expire_leases(&store).await;
                claim(&store, "thief", Duration::from_hours(1), 1).await.len() == 1
            })
            .await;
            let mut tx = store.begin().await?;
            write_effect(&mut tx).await;
            let refused = job.complete_in(&mut tx).await.unwrap_err();
            notes.note(refused.to_string());
            Err(JobError::from(refused))
        }
    });
    let id = enqueue(&store, "x").await;
    workers(&store, &shutdown(), &doer).build().drain().await.unwrap();
    assert_eq!(diary.read(), [format!("the lease of job {id} is gone: another worker has it")]);
    let job = job_of(&store, id).await;
    assert_eq!((job.state, job.attempt, job.worker.as_deref()), (JobState::Running, 2, Some("thief")));
    assert!(farewells(&store).await.is_empty(), "nothing of it is written");
}

/// Says when it has begun, and then that it was asked to end; ends only if `obeys`.
fn asked(begun: &Arc<Notify>, diary: &Diary, obeys: bool) -> Doer {
    let (begun, diary) = (Arc::clone(begun), diary.clone());
    doer(move |job, _| {
        let (begun, diary) = (Arc::clone(&begun), diary.clone());
        async move {
            begun.notify_one();
            job.cancelled.cancelled().await;
            diary.note("asked");
            if !obeys {
                std::future::pending::<()>().await;
            }
            diary.note("ended");
            Err(JobError::retry("in the middle"))
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_that_is_cancelled_ends_by_itself_or_is_dropped_after_a_while() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let cases = [
        (true, Duration::from_mins(1), "cancelled while it ran: ", ["asked", "ended"].as_slice()),
        (false, Duration::from_millis(300), "cancelled while it ran", &["asked"]),
    ];
    for (obeys, grace, error, notes) in cases {
        let (begun, diary, shutdown) = (Arc::new(Notify::new()), Diary::default(), shutdown());
        workers(&store, &shutdown, &asked(&begun, &diary, obeys)).cancel_grace(grace).build().start();
        let id = enqueue(&store, &format!("obeys: {obeys}")).await;
        begun.notified().await;
        // A heartbeat comes every ten seconds: it is told of it before.
        let asked = std::time::Instant::now();
        job::cancel(&mut store.conn().await.unwrap(), id).await.unwrap();
        until_state(&store, id, JobState::Cancelled).await;
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        shutdown.finish().await;
        let job = job_of(&store, id).await;
        assert!(job.last_error.as_deref().unwrap().starts_with(error), "{job:?}");
        assert!(job.cancel_requested_at.is_some());
        assert_eq!(diary.read(), notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_how_far_a_running_job_is() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (said, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (saying, ending) = (Arc::clone(&said), Arc::clone(&may_end));
    let doer = doer(move |job, _| {
        let (said, may_end) = (Arc::clone(&saying), Arc::clone(&ending));
        async move {
            job.report(&serde_json::json!({ "read": 3, "of": 7 })).await?;
            said.notify_one();
            may_end.notified().await;
            Ok(())
        }
    });
    let shutdown = shutdown();
    workers(&store, &shutdown, &doer).build().start();
    let id = enqueue(&store, "x").await;
    said.notified().await;
    let job = job_of(&store, id).await;
    assert_eq!((job.state, job.progress), (JobState::Running, Some(serde_json::json!({ "read": 3, "of": 7 }))));
    may_end.notify_one();
    until_state(&store, id, JobState::Completed).await;
    shutdown.finish().await;
}

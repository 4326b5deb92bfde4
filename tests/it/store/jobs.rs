//! What people do to jobs, and what follows for others.

use driftsentry::domain::id::JobId;
use driftsentry::store::Store;
use driftsentry::store::job::{self, Cancelled, JobQuery, JobState};
use uuid::Uuid;

use super::store_of;
use crate::support::TestDatabase;

/// Writes a job as it lies in the table.
pub(super) async fn write(store: &Store, kind: &str, state: &str) -> JobId {
    let id = JobId::new();
    sqlx::query(
        "insert into jobs (id, kind, state, max_attempts, payload, finished_at)
         values ($1, $2, $3, 3, '{}', case when $3 in ('available', 'running') then null else now() end)",
    )
    .bind(id.0)
    .bind(kind)
    .bind(state)
    .execute(store.pool())
    .await
    .unwrap();
    id
}

/// Has one job wait for another.
async fn wait_for(store: &Store, id: JobId, on: JobId) {
    for (statement, job, other) in [
        ("insert into job_dependencies (job_id, on_job_id) values ($1, $2)", id, on),
        ("update jobs_live set waiting_for = waiting_for + 1 where id = $1 and id <> $2", id, on),
        ("update jobs_live set has_dependents = true where id = $1 and id <> $2", on, id),
    ] {
        sqlx::query(statement).bind(job.0).bind(other.0).execute(store.pool()).await.unwrap();
    }
}

async fn waits(store: &Store, id: JobId) -> Vec<JobId> {
    let mut conn = store.conn().await.unwrap();
    let on: Vec<JobId> = job::waited_for(&mut conn, id).await.unwrap().into_iter().map(|job| job.id).collect();
    let waiting_for = job::get(&mut conn, id).await.unwrap().waiting_for;
    assert_eq!(usize::try_from(waiting_for).unwrap(), on.len(), "the count is that of the rows");
    on
}

async fn cancel(store: &Store, id: JobId) -> Cancelled {
    let mut tx = store.begin().await.unwrap();
    let done = job::cancel(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    done
}

#[tokio::test]
async fn a_job_that_is_cancelled_lets_go_what_waits_for_it() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let (first, second) = (write(&store, "part", "available").await, write(&store, "part", "available").await);
    let last = write(&store, "sum", "available").await;
    wait_for(&store, last, first).await;
    wait_for(&store, last, second).await;
    assert_eq!(cancel(&store, first).await, Cancelled::AtOnce);
    assert_eq!(waits(&store, last).await, [second]);
    assert_eq!(cancel(&store, last).await, Cancelled::AtOnce);
    let left: i64 = sqlx::query_scalar("select count(*) from job_dependencies").fetch_one(store.pool()).await.unwrap();
    assert_eq!(left, 0, "what is over waits for nothing");
}

#[tokio::test]
async fn a_job_that_runs_is_asked_and_goes_on_until_its_worker_settles_it() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut ear = sqlx::postgres::PgListener::connect_with(store.pool()).await.unwrap();
    ear.listen("driftsentry_jobs").await.unwrap();
    let id = write(&store, "part", "running").await;
    assert_eq!(cancel(&store, id).await, Cancelled::Asked);
    assert_eq!(ear.recv().await.unwrap().payload(), format!("cancel {id}"));
    let since = async || job::get(&mut store.conn().await.unwrap(), id).await.unwrap().cancel_requested_at;
    let first = since().await.unwrap();
    assert_eq!(cancel(&store, id).await, Cancelled::Asked);
    assert_eq!(since().await, Some(first), "asked once");
    assert_eq!(job::get(&mut store.conn().await.unwrap(), id).await.unwrap().state, JobState::Running);
}

#[tokio::test]
async fn an_order_outlives_the_cancelling_of_a_job_in_it() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut chain = Vec::new();
    for state in ["running", "available", "available"] {
        chain.push(write(&store, "mail", state).await);
    }
    let keyed = "update jobs_live set order_key = 'drift 1'";
    sqlx::query(keyed).execute(store.pool()).await.unwrap();
    wait_for(&store, chain[1], chain[0]).await;
    wait_for(&store, chain[2], chain[1]).await;
    let last = "insert into job_orders (key, last_job_id) values ('drift 1', $1)";
    sqlx::query(last).bind(chain[2].0).execute(store.pool()).await.unwrap();
    let last = async || {
        let last = sqlx::query_scalar::<_, Uuid>("select last_job_id from job_orders where key = 'drift 1'");
        last.fetch_optional(store.pool()).await.unwrap().map(JobId)
    };

    cancel(&store, chain[1]).await;
    assert_eq!(waits(&store, chain[2]).await, [chain[0]], "the third still comes after the first");
    assert_eq!(last().await, Some(chain[2]));
    cancel(&store, chain[2]).await;
    assert_eq!(last().await, Some(chain[0]), "and so does the next one");
}

#[tokio::test]
async fn a_retried_job_begins_anew_and_a_waiting_one_is_hurried() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let mut conn = store.conn().await.unwrap();
    let waiting = write(&store, "part", "available").await;
    let dead = write(&store, "part", "discarded").await;
    let wear =
        "update jobs set attempt = 3, run_at = now() + interval '1 day', started_at = now(), last_error = 'no luck',
                                cancel_requested_at = now(), lost_worker = 'w'";
    sqlx::query(wear).execute(store.pool()).await.unwrap();
    for id in [waiting, dead] {
        job::retry(&mut conn, id).await.unwrap();
        let job = job::get(&mut conn, id).await.unwrap();
        assert_eq!((job.state, job.attempt), (JobState::Available, 0));
        assert!(job.run_at <= job::now(&mut conn).await.unwrap());
        assert_eq!(job.last_error.as_deref(), Some("no luck"));
    }
    let job = job::get(&mut conn, dead).await.unwrap();
    assert_eq!((job.finished_at, job.started_at, job.cancel_requested_at), (None, None, None));
    let lost: i64 = sqlx::query_scalar("select count(*) from jobs_live where id = $1 and lost_worker is not null")
        .bind(dead.0)
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert_eq!(lost, 0);
}

#[tokio::test]
async fn jobs_are_found_by_all_that_can_be_asked_for() {
    let db = TestDatabase::new().await;
    let store = store_of(&db).await;
    let old = write(&store, "part", "discarded").await;
    let new = write(&store, "sum", "available").await;
    let wear = "update jobs set last_error = 'Access denied', lane = 'mail' where id = $1";
    sqlx::query(wear).bind(old.0).execute(store.pool()).await.unwrap();
    let mut conn = store.conn().await.unwrap();
    let at = job::get(&mut conn, new).await.unwrap().created_at;
    let all = JobQuery::default();
    for (query, found) in [
        (all.clone(), vec![new, old]),
        (JobQuery { state: Some(JobState::Discarded), ..all.clone() }, vec![old]),
        (JobQuery { kind: Some("sum".into()), ..all.clone() }, vec![new]),
        (JobQuery { lane: Some("mail".into()), ..all.clone() }, vec![old]),
        (JobQuery { error: Some("ACCESS".into()), ..all.clone() }, vec![old]),
        (JobQuery { error: Some("%".into()), ..all.clone() }, vec![]),
        (JobQuery { older_than: Some(at), ..all.clone() }, vec![old]),
        (JobQuery { newer_than: Some(at), ..all.clone() }, vec![new]),
    ] {
        let jobs = job::list(&mut conn, &query, 10).await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), found, "{query:?}");
    }
}

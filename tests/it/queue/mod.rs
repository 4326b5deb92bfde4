//! The queue on a real PostgreSQL: what runs, how often, and what becomes of jobs whose worker fails or dies.

mod context;
mod enqueue;
mod lifecycle;
mod limits;
mod loss;
mod model;
mod wait;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driftsentry::config::secret::Secret;
use driftsentry::domain::id::JobId;
use driftsentry::queue::{Handler, JobArgs, JobContext, JobError, Policy, Workers, WorkersBuilder};
use driftsentry::shutdown::Shutdown;
use driftsentry::store::job::{self, Claim, ClaimedJob, Done, Job, JobState, Lease, Strand};
use driftsentry::store::{Store, StoreError};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::support::TestDatabase;

/// A job for tests.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Errand {
    name: String,
}

impl JobArgs for Errand {
    const KIND: &'static str = "errand";
    const POLICY: Policy =
        Policy { max_attempts: 3, backoff_base: Duration::from_secs(100), backoff_cap: Duration::from_secs(1000) };
}

fn errand(name: &str) -> Errand {
    Errand { name: name.to_owned() }
}

type Deed = dyn Fn(JobContext, Errand) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync;
type Farewell = dyn Fn(Errand, String) -> Result<(), StoreError> + Send + Sync;

/// Does what a test says.
#[derive(Clone)]
struct Doer {
    deed: Arc<Deed>,
    farewell: Arc<Farewell>,
}

impl Handler for Doer {
    type Args = Errand;

    fn run<'a>(&'a self, job: &'a JobContext, args: Errand) -> BoxFuture<'a, Result<(), JobError>> {
        (self.deed)(job.clone(), args)
    }

    fn discarded<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        args: Errand,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // A row of the handler's own, so that a test can see both written or none.
            sqlx::query("insert into schedules (name, cron, timezone, first_seen_at) values ($1, $2, '', now())")
                .bind(&args.name)
                .bind(error)
                .execute(conn)
                .await?;
            (self.farewell)(args, error.to_owned())
        })
    }
}

fn doer<F, R>(deed: F) -> Doer
where
    F: Fn(JobContext, Errand) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), JobError>> + Send + 'static,
{
    Doer { deed: Arc::new(move |job, args| Box::pin(deed(job, args))), farewell: Arc::new(|_, _| Ok(())) }
}

/// Writes down who ran.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn store_of(db: &TestDatabase) -> Store {
    Store::connect(&Secret::new(db.url()), 6).await.unwrap()
}

fn shutdown() -> Shutdown {
    Shutdown::new(Duration::from_secs(20))
}

fn workers(store: &Store, shutdown: &Shutdown, doer: &Doer) -> WorkersBuilder {
    Workers::builder(store.clone(), shutdown.clone()).concurrency(4).add(doer.clone())
}

async fn enqueue(store: &Store, name: &str) -> JobId {
    driftsentry::queue::enqueue(&mut store.conn().await.unwrap(), &errand(name)).await.unwrap()
}

async fn job_of(store: &Store, id: JobId) -> Job {
    job::get(&mut store.conn().await.unwrap(), id).await.unwrap()
}

async fn outcomes(store: &Store, id: JobId) -> Vec<String> {
    let attempts = job::attempts(&mut store.conn().await.unwrap(), id).await.unwrap();
    attempts.into_iter().map(|attempt| format!("{} {}", attempt.attempt, attempt.outcome)).collect()
}

/// Waits for a fact.
async fn until<R: Future<Output = bool>>(what: &str, fact: impl Fn() -> R) {
    let wait = async {
        while !fact().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok(), "in vain waited until {what}");
}

async fn until_state(store: &Store, id: JobId, state: JobState) {
    until(&format!("the job is {state}"), async || job_of(store, id).await.state == state).await;
}

/// Lets a job that waits for its next attempt run now.
async fn make_due(store: &Store) {
    sqlx::query("update jobs set run_at = now() where state = 'available'").execute(store.pool()).await.unwrap();
}

/// Claims up to `limit` jobs as `worker`, lost ones too.
async fn claim(store: &Store, worker: &str, lease: Duration, limit: i64) -> Vec<ClaimedJob> {
    let strand = |priority| Strand { lane: Errand::LANE.to_owned(), priority, after: None, limit };
    let strands = [2, 1, 0, -1].map(strand);
    let kinds = ["errand".to_owned()];
    let mut tx = store.begin().await.unwrap();
    let jobs = job::claim(&mut tx, &Claim { kinds: &kinds, strands: &strands, worker, lease, limit }).await.unwrap();
    tx.commit().await.unwrap();
    jobs
}

/// Completes a job; false if the lease no longer held.
async fn complete(store: &Store, lease: Lease) -> bool {
    let mut tx = store.begin().await.unwrap();
    let done = job::complete_all(&mut tx, &[Done { lease, is_kept: true }]).await.unwrap();
    tx.commit().await.unwrap();
    done.jobs == [lease.job_id]
}

/// Makes every lease run out.
async fn expire_leases(store: &Store) {
    sqlx::query("update jobs set lease_until = now() - interval '1 second' where state = 'running'")
        .execute(store.pool())
        .await
        .unwrap();
}

/// Rows that handlers wrote when their job was given up.
async fn farewells(store: &Store) -> Vec<(String, String)> {
    sqlx::query_as("select name, cron from schedules order by name").fetch_all(store.pool()).await.unwrap()
}

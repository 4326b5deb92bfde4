//! What new jobs wait for: jobs that they name, and the one before them in their order.
//!
//! An awaited job is locked before it is written down that it is awaited. So either it is over by then and nobody waits
//! for it, or whoever ends it comes after this transaction and finds who waits: a job is released exactly once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use super::NewJob;
use super::unique::Admitted;
use crate::domain::id::JobId;
use crate::store::error::{Step, StoreError, expect_rows};

/// How a new job hangs together with others.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    /// Jobs that are not over and that it waits for.
    on: BTreeSet<Uuid>,
    /// Whether another new job waits for it.
    pub(super) has_dependents: bool,
}

impl Waits {
    /// How many it waits for.
    pub(super) fn count(&self) -> i32 {
        i32::try_from(self.on.len()).unwrap_or(i32::MAX)
    }
}

/// For each new job, what it waits for; those are locked, and marked as awaited, if they are not new themselves.
pub(super) async fn find(conn: &mut PgConnection, admitted: &Admitted) -> Result<Vec<Waits>, StoreError> {
    let jobs = &admitted.jobs;
    let positions: HashMap<Uuid, usize> = jobs.iter().enumerate().map(|(at, job)| (job.id.0, at)).collect();
    let mut waits = vec![Waits::default(); jobs.len()];
    for (at, job) in jobs.iter().enumerate() {
        for awaited in &job.after {
            let awaited = admitted.aliases.get(awaited).unwrap_or(awaited).0;
            if positions.get(&awaited).is_some_and(|position| *position >= at) {
                return Err(never(job.id, awaited));
            }
            waits[at].on.insert(awaited);
        }
    }
    follow_orders(conn, jobs, &mut waits).await?;

    let awaited: BTreeSet<Uuid> = waits.iter().flat_map(|waits| waits.on.iter().copied()).collect();
    let (new, old): (Vec<Uuid>, Vec<Uuid>) = awaited.into_iter().partition(|id| positions.contains_key(id));
    for id in &new {
        waits[positions[id]].has_dependents = true;
    }
    let mut unfinished: BTreeSet<Uuid> = new.into_iter().collect();
    unfinished.extend(mark_awaited(conn, &old).await?);
    for waits in &mut waits {
        waits.on.retain(|id| unfinished.contains(id));
    }
    Ok(waits)
}

fn never(job: JobId, awaited: Uuid) -> StoreError {
    StoreError::Refused(format!(
        "job {job} cannot wait for job {awaited}, which is enqueued with it but not before it: put that one first"
    ))
}

/// Puts new jobs at the end of their orders, one after the other.
async fn follow_orders(conn: &mut PgConnection, jobs: &[NewJob], waits: &mut [Waits]) -> Result<(), StoreError> {
    let mut chains: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        if let Some(key) = &job.order {
            chains.entry(key).or_default().push(at);
        }
    }
    if chains.is_empty() {
        return Ok(());
    }
    let mut lasts: BTreeMap<&str, Uuid> = BTreeMap::new();
    for (key, chain) in &chains {
        for pair in chain.windows(2) {
            waits[pair[1]].on.insert(jobs[pair[0]].id.0);
        }
        lasts.extend(chain.last().map(|at| (*key, jobs[*at].id.0)));
    }
    let formers = lock_orders(conn, &lasts).await?;
    for (key, former) in &formers {
        waits[chains[key.as_str()][0]].on.insert(*former);
    }
    lasts.retain(|key, _| formers.contains_key(*key));
    move_ends(conn, &lasts).await
}

/// Locks orders, in that of their keys. New ones end with the given jobs; of the others comes the job at their end.
async fn lock_orders(
    conn: &mut PgConnection,
    lasts: &BTreeMap<&str, Uuid>,
) -> Result<HashMap<String, Uuid>, StoreError> {
    let keys: Vec<&str> = lasts.keys().copied().collect();
    let ids: Vec<Uuid> = lasts.values().copied().collect();
    let rows = sqlx::query!(
        "insert into job_orders as existing (key, last_job_id)
         select entry.key, entry.job_id from unnest($1::text[], $2::uuid[]) as entry (key, job_id)
         on conflict (key) do update set last_job_id = existing.last_job_id
         returning key, last_job_id",
        &keys as &[&str],
        &ids,
    )
    .fetch_all(&mut *conn)
    .await
    .step("lock orders of jobs")?;
    let rows = rows.into_iter().map(|row| (row.key, row.last_job_id));
    Ok(rows.filter(|(key, last)| lasts[key.as_str()] != *last).collect())
}

async fn move_ends(conn: &mut PgConnection, lasts: &BTreeMap<&str, Uuid>) -> Result<(), StoreError> {
    if lasts.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = lasts.keys().copied().collect();
    let ids: Vec<Uuid> = lasts.values().copied().collect();
    let done = sqlx::query!(
        "update job_orders as existing set last_job_id = entry.job_id
         from unnest($1::text[], $2::uuid[]) as entry (key, job_id)
         where existing.key = entry.key",
        &keys as &[&str],
        &ids,
    )
    .execute(&mut *conn)
    .await
    .step("put jobs in order")?;
    expect_rows(&done, lasts.len(), "put jobs in order")
}

/// Locks those of the jobs that are not over, and says that they are awaited.
async fn mark_awaited(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar!(
        "with awaited as materialized (
             select id from jobs_live where id = any($1) order by id for no key update
         )
         update jobs_live set has_dependents = true from awaited where jobs_live.id = awaited.id
         returning jobs_live.id",
        ids,
    )
    .fetch_all(&mut *conn)
    .await
    .step("lock awaited jobs")
}

/// Writes down who waits for whom.
pub(super) async fn write(conn: &mut PgConnection, jobs: &[NewJob], waits: &[Waits]) -> Result<(), StoreError> {
    let pairs = jobs.iter().zip(waits).flat_map(|(job, waits)| waits.on.iter().map(|on| (*on, job.id.0)));
    let (on, waiting): (Vec<Uuid>, Vec<Uuid>) = pairs.unzip();
    if on.is_empty() {
        return Ok(());
    }
    let done = sqlx::query!(
        "insert into job_dependencies (on_job_id, job_id)
         select on_job_id, job_id from unnest($1::uuid[], $2::uuid[]) as entry (on_job_id, job_id)",
        &on,
        &waiting,
    )
    .execute(&mut *conn)
    .await
    .step("write down what jobs wait for")?;
    expect_rows(&done, on.len(), "write down what jobs wait for")
}

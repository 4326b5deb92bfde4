//! Unique keys: which of the jobs to be written are new, and what the others do to the one that is there.
//!
//! A row of `job_uniques` says who holds a key. It is locked first, so that of two transactions the second waits for
//! the first and then sees its job; only then is the holder looked at, with a snapshot taken after the lock.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{JobKind, NewJob};
use crate::domain::id::JobId;
use crate::store::error::{Step, StoreError, expect_rows};
use crate::store::job::JobState;

/// That a job is written only if none of its kind holds the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// What it is for. Each kind has keys of its own.
    pub key: String,
    /// What happens if one holds it.
    pub on_conflict: OnConflict,
    /// In which states a job holds its key.
    pub states: &'static [JobState],
    /// For how long after it was enqueued a job holds its key; `None` is as long as its state says.
    pub within: Option<Duration>,
}

impl Unique {
    /// That there is at most one job of the key that waits or runs; a further one is not written.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            on_conflict: OnConflict::Ignore,
            states: &[JobState::Available, JobState::Running],
            within: None,
        }
    }
}

/// What a job that is not written does to the one that holds its unique key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing. If that one waits, it does not begin before the enqueuing transaction ends, so it sees what that wrote.
    #[default]
    Ignore,
    /// If that one waits, it gets the arguments, the priority, the time and the number of attempts; what it waits for,
    /// its order and its rate stay.
    Replace,
    /// If that one waits, it gets the time.
    ResetTime,
}

/// What is to be written, and what becomes of each job that was asked for.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// The new ones.
    pub(super) jobs: Vec<NewJob>,
    /// For each that was asked for, the one that does its work.
    pub(super) ids: Vec<JobId>,
    /// The same for those that are not new, by the id they would have had.
    pub(super) aliases: HashMap<JobId, JobId>,
    changes: BTreeMap<JobId, Change>,
    passed: BTreeMap<String, JobId>,
}

/// What is changed of a waiting job that is there already.
#[derive(Debug, Default, PartialEq)]
struct Change {
    /// Arguments and priority.
    content: Option<(String, i16)>,
    run_at: Option<DateTime<Utc>>,
}

/// Who holds a key.
#[derive(Debug)]
struct Holder {
    id: JobId,
    /// `None` if there is no such job, or not yet.
    state: Option<JobState>,
    age: Duration,
}

impl Holder {
    fn counts(&self, unique: &Unique) -> bool {
        self.state.is_some_and(|state| unique.states.contains(&state))
            && unique.within.is_none_or(|within| self.age < within)
    }
}

/// Sorts out which jobs are new, changes those that are not, and hands keys over to the new ones.
pub(super) async fn admit(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    jobs: Vec<NewJob>,
) -> Result<Admitted, StoreError> {
    let mut first_of_key = BTreeMap::new();
    for job in &jobs {
        if let Some(unique) = &job.unique {
            first_of_key.entry(unique.key.clone()).or_insert(job.id);
        }
    }
    let mut holders = HashMap::new();
    if !first_of_key.is_empty() {
        holders = lock_keys(conn, kind, &first_of_key).await?;
        let strangers = holders.iter().filter(|(key, holder)| first_of_key[*key] != holder.id);
        let states = states_of(conn, strangers.map(|(_, holder)| holder.id.0).collect()).await?;
        for holder in holders.values_mut() {
            holder.state = states.get(&holder.id.0).copied();
        }
    }
    let admitted = sort_out(jobs, holders);
    change_all(conn, kind, &admitted.changes).await?;
    pass_on(conn, kind, &admitted.passed).await?;
    Ok(admitted)
}

/// Locks keys, in their order, for the rest of the transaction. A key that is free goes to the job that comes with it.
async fn lock_keys(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    first_of_key: &BTreeMap<String, JobId>,
) -> Result<HashMap<String, Holder>, StoreError> {
    let keys: Vec<&str> = first_of_key.keys().map(String::as_str).collect();
    let ids: Vec<Uuid> = first_of_key.values().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"insert into job_uniques as held (kind, key, job_id, created_at)
           select $1, entry.key, entry.job_id, now() from unnest($2::text[], $3::uuid[]) as entry (key, job_id)
           on conflict (kind, key) do update set job_id = held.job_id
           returning key, job_id, created_at, clock_timestamp() as "now!""#,
        kind.name,
        &keys as &[&str],
        &ids,
    )
    .fetch_all(&mut *conn)
    .await
    .step("lock unique keys")?;
    let holder =
        |id, age: chrono::TimeDelta| Holder { id: JobId(id), state: None, age: age.to_std().unwrap_or_default() };
    Ok(rows.into_iter().map(|row| (row.key, holder(row.job_id, row.now - row.created_at))).collect())
}

/// The states of jobs; those that wait are locked, so that they neither begin nor change before the transaction ends.
/// Running ones are not: that would hold up the extension of their leases.
async fn states_of(conn: &mut PgConnection, mut ids: Vec<Uuid>) -> Result<HashMap<Uuid, JobState>, StoreError> {
    let mut states = HashMap::new();
    while !ids.is_empty() {
        let waiting = sqlx::query_scalar!(
            "select id from jobs_live where id = any($1) and state = 'available' order by id for no key update",
            &ids,
        )
        .fetch_all(&mut *conn)
        .await
        .step("lock the holders of unique keys")?;
        ids.retain(|id| !waiting.contains(id));
        states.extend(waiting.into_iter().map(|id| (id, JobState::Available)));
        if ids.is_empty() {
            break;
        }
        let rows = sqlx::query!("select id, state from jobs where id = any($1)", &ids)
            .fetch_all(&mut *conn)
            .await
            .step("look at the holders of unique keys")?;
        // One that began to wait between the two statements is locked in the next round.
        ids.clear();
        for row in rows {
            match row.state.parse().map_err(|e| StoreError::unreadable(format_args!("job {}", row.id), e))? {
                JobState::Available => ids.push(row.id),
                state => drop(states.insert(row.id, state)),
            }
        }
    }
    Ok(states)
}

/// As if the jobs were written one by one.
fn sort_out(jobs: Vec<NewJob>, mut holders: HashMap<String, Holder>) -> Admitted {
    let mut admitted = Admitted::default();
    let mut positions = HashMap::new();
    for job in jobs {
        let held = job.unique.as_ref().and_then(|unique| Some((unique, holders.get_mut(&unique.key)?)));
        if let Some((unique, holder)) = held {
            if holder.counts(unique) {
                admitted.ids.push(holder.id);
                admitted.aliases.insert(job.id, holder.id);
                if holder.state == Some(JobState::Available) {
                    let new = positions.get(&holder.id).map(|at: &usize| &mut admitted.jobs[*at]);
                    merge(new, &mut admitted.changes, holder.id, job);
                }
                continue;
            }
            if holder.id != job.id {
                admitted.passed.insert(unique.key.clone(), job.id);
            }
            *holder = Holder { id: job.id, state: Some(JobState::Available), age: Duration::ZERO };
        }
        positions.insert(job.id, admitted.jobs.len());
        admitted.ids.push(job.id);
        admitted.jobs.push(job);
    }
    admitted
}

/// Does to a waiting holder, itself `new` or not, what a further job of its key asks for.
fn merge(new: Option<&mut NewJob>, changes: &mut BTreeMap<JobId, Change>, holder: JobId, job: NewJob) {
    let content = match job.unique.map(|unique| unique.on_conflict) {
        None | Some(OnConflict::Ignore) => return,
        Some(OnConflict::ResetTime) => None,
        Some(OnConflict::Replace) => Some((job.payload, job.priority)),
    };
    if let Some(new) = new {
        new.run_at = job.run_at;
        if let Some((payload, priority)) = content {
            (new.payload, new.priority) = (payload, priority);
        }
        return;
    }
    let change = changes.entry(holder).or_default();
    change.run_at = job.run_at;
    if content.is_some() {
        change.content = content;
    }
}

/// Changes waiting jobs that are locked.
async fn change_all(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    changes: &BTreeMap<JobId, Change>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.keys().map(|id| id.0).collect();
    let payloads: Vec<_> = changes.values().map(|change| change.content.as_ref().map(|it| it.0.as_str())).collect();
    let priorities: Vec<_> = changes.values().map(|change| change.content.as_ref().map(|it| it.1)).collect();
    let times: Vec<_> = changes.values().map(|change| change.run_at).collect();
    let done = sqlx::query!(
        "update jobs_live as job
         set payload = coalesce(entry.payload::jsonb, job.payload), priority = coalesce(entry.priority, job.priority),
             max_attempts = case when entry.payload is null then job.max_attempts else $1 end,
             run_at = coalesce(entry.run_at, now()), rate_is_reserved = false
         from unnest($2::uuid[], $3::text[], $4::smallint[], $5::timestamptz[])
              as entry (id, payload, priority, run_at)
         where job.id = entry.id and job.state = 'available'",
        kind.max_attempts,
        &ids,
        &payloads as &[Option<&str>],
        &priorities as &[Option<i16>],
        &times as &[Option<DateTime<Utc>>],
    )
    .execute(&mut *conn)
    .await
    .step("change the holders of unique keys")?;
    expect_rows(&done, ids.len(), "change the holders of unique keys")
}

/// Makes new jobs the holders of keys that are locked.
async fn pass_on(
    conn: &mut PgConnection,
    kind: JobKind<'_>,
    passed: &BTreeMap<String, JobId>,
) -> Result<(), StoreError> {
    if passed.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = passed.keys().map(String::as_str).collect();
    let ids: Vec<Uuid> = passed.values().map(|id| id.0).collect();
    let done = sqlx::query!(
        "update job_uniques as held set job_id = entry.job_id, created_at = now()
         from unnest($2::text[], $3::uuid[]) as entry (key, job_id)
         where held.kind = $1 and held.key = entry.key",
        kind.name,
        &keys as &[&str],
        &ids,
    )
    .execute(&mut *conn)
    .await
    .step("pass unique keys on")?;
    expect_rows(&done, ids.len(), "pass unique keys on")
}

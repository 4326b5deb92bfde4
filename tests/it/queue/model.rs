//! The store's functions on jobs against a model of them: whatever is called in whatever order, by whoever holds a lease
//! or held one once, each job is in one place, held by one at a time, and settled by that one alone.
//!
//! Time is virtual: instead of waiting, all times of live jobs are moved into the past. Leases, pauses and steps of time
//! are such that no two of their sums are near each other, so that the true seconds of a run do not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use driftsentry::domain::id::JobId;
use driftsentry::queue::EnqueueOptions;
use driftsentry::store::Store;
use driftsentry::store::job::{self, Cancelled, ClaimedJob, Done, End, JobState, Lease};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::enqueue::put;
use super::{claim, complete, store_of};
use crate::support::TestDatabase;

const LEASE: i64 = 100;
const PAUSE: i64 = 60;
const STEPS: [i64; 3] = [40, 120, 120];
/// So few that they are used up often.
const MAX_ATTEMPTS: i32 = 2;
const WORKERS: [&str; 3] = ["one", "two", "three"];

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

/// One of the leases that were ever given.
#[derive(Debug, Clone)]
struct Which {
    at: Index,
    /// Among those that were not settled and not taken by another claim, if there are any.
    is_current: bool,
}

#[derive(Debug, Clone)]
enum Op {
    Enqueue { priority: i16 },
    Claim { worker: usize, limit: i64, buries: bool },
    ClaimTogether { limit: i64 },
    Extend(Vec<Which>),
    Complete(Vec<Which>),
    RetryLater(Which),
    Snooze(Which),
    HandBack(Vec<Which>),
    End(Which, End),
    CompleteWhileOthersClaim(Which),
    Cancel(Index),
    Retry(Index),
    Pass(i64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let which = || (any::<Index>(), prop::bool::weighted(0.75)).prop_map(|(at, is_current)| Which { at, is_current });
    let end = prop_oneof![Just(End::Discarded), Just(End::Cancelled)];
    let op = prop_oneof![
        3 => (-1_i16..=2).prop_map(|priority| Op::Enqueue { priority }),
        8 => (0..WORKERS.len(), 1_i64..=3, prop::bool::weighted(0.5))
            .prop_map(|(worker, limit, buries)| Op::Claim { worker, limit, buries }),
        2 => (1_i64..=3).prop_map(|limit| Op::ClaimTogether { limit }),
        2 => vec(which(), 1..4).prop_map(Op::Extend),
        2 => vec(which(), 1..4).prop_map(Op::Complete),
        2 => which().prop_map(Op::RetryLater),
        2 => which().prop_map(Op::Snooze),
        2 => vec(which(), 1..3).prop_map(Op::HandBack),
        2 => (which(), end).prop_map(|(which, end)| Op::End(which, end)),
        2 => which().prop_map(Op::CompleteWhileOthersClaim),
        2 => any::<Index>().prop_map(Op::Cancel),
        2 => any::<Index>().prop_map(Op::Retry),
        6 => prop::sample::select(STEPS.to_vec()).prop_map(Op::Pass),
    ];
    vec(op, 40..60)
}

/// What the model knows of a job.
#[derive(Debug)]
struct Known {
    state: JobState,
    priority: i16,
    attempt: i32,
    due: i64,
    held: Option<(Lease, i64)>,
    is_called_off: bool,
    /// Attempts that did not complete it.
    notes: Vec<(i32, String)>,
}

impl Known {
    fn new(priority: i16, due: i64) -> Self {
        let state = JobState::Available;
        Self { state, priority, attempt: 0, due, held: None, is_called_off: false, notes: Vec::new() }
    }

    fn is_claimable(&self, now: i64) -> bool {
        match (self.state, self.held) {
            (JobState::Available, None) => self.due <= now,
            (JobState::Running, Some((_, until))) => until < now,
            _ => false,
        }
    }

    fn wait(&mut self, attempt: i32, due: i64) {
        (self.state, self.held, self.attempt, self.due) = (JobState::Available, None, attempt, due);
    }

    fn end(&mut self, state: JobState) {
        (self.state, self.held) = (state, None);
        if state != JobState::Completed {
            self.attempt = self.attempt.min(MAX_ATTEMPTS);
            self.notes.push((self.attempt, state.as_str().to_owned()));
        }
    }
}

/// The queue as it should be, and the real one beside it.
struct Model<'a> {
    store: &'a Store,
    now: i64,
    jobs: BTreeMap<Uuid, Known>,
    leases: Vec<Lease>,
}

impl Model<'_> {
    async fn play(&mut self, op: &Op) {
        match op {
            Op::Enqueue { priority } => self.enqueue(*priority).await,
            Op::Claim { worker, limit, buries } => self.claim(WORKERS[*worker], *limit, *buries).await,
            Op::ClaimTogether { limit } => self.claim_together(*limit).await,
            Op::Extend(which) => self.extend(&self.leases_of(which)).await,
            Op::Complete(which) => self.complete(&self.leases_of(which)).await,
            Op::HandBack(which) => self.hand_back(&self.leases_of(which)).await,
            Op::RetryLater(which) => self.with(which, async |model, lease| model.retry_later(lease).await).await,
            Op::Snooze(which) => self.with(which, async |model, lease| model.snooze(lease).await).await,
            Op::End(which, end) => self.with(which, async |model, lease| model.end(lease, *end).await).await,
            Op::CompleteWhileOthersClaim(which) => {
                self.with(which, async |model, lease| model.complete_while_others_claim(lease).await).await;
            }
            Op::Cancel(at) => self.cancel(at).await,
            Op::Retry(at) => self.retry(at).await,
            Op::Pass(time) => self.pass(*time).await,
        }
    }

    fn lease_of(&self, which: &Which) -> Option<Lease> {
        let current: Vec<Lease> = self.leases.iter().copied().filter(|lease| self.holds(*lease)).collect();
        let among = if which.is_current && !current.is_empty() { &current } else { &self.leases };
        (!among.is_empty()).then(|| *which.at.get(among))
    }

    fn leases_of(&self, which: &[Which]) -> Vec<Lease> {
        let leases: BTreeSet<Lease> = which.iter().filter_map(|which| self.lease_of(which)).collect();
        leases.into_iter().collect()
    }

    async fn with(&mut self, which: &Which, deed: impl AsyncFnOnce(&mut Self, Lease)) {
        if let Some(lease) = self.lease_of(which) {
            deed(self, lease).await;
        }
    }

    /// Whether nobody else took or settled the job: whether the lease ran out does not matter.
    fn holds(&self, lease: Lease) -> bool {
        self.jobs[&lease.job_id.0].held.is_some_and(|(held, _)| held == lease)
    }

    /// The job, if the lease holds.
    fn held(&mut self, lease: Lease) -> Option<&mut Known> {
        self.holds(lease).then(|| self.jobs.get_mut(&lease.job_id.0).unwrap())
    }

    fn claimable(&self) -> Vec<i16> {
        let claimable = self.jobs.values().filter(|job| job.is_claimable(self.now));
        let mut priorities: Vec<i16> = claimable.map(|job| job.priority).collect();
        priorities.sort_unstable_by(|a, b| b.cmp(a));
        priorities
    }

    fn take(&mut self, claimed: &[ClaimedJob]) {
        for job in claimed {
            let known = self.jobs.get_mut(&job.lease.job_id.0).unwrap();
            assert!(known.is_claimable(self.now), "{job:?} was claimed: {known:?}");
            assert_eq!(job.was_lost, known.state == JobState::Running);
            if job.was_lost {
                known.notes.push((known.attempt.min(MAX_ATTEMPTS), "lost".to_owned()));
            }
            known.attempt = known.attempt.min(MAX_ATTEMPTS) + 1;
            assert_eq!((job.attempt, job.cancel_requested), (known.attempt, known.is_called_off));
            (known.state, known.held) = (JobState::Running, Some((job.lease, self.now + LEASE)));
            assert!(!self.leases.contains(&job.lease), "a token came twice");
            self.leases.push(job.lease);
        }
    }

    async fn enqueue(&mut self, priority: i16) {
        let options = EnqueueOptions { priority, ..EnqueueOptions::default() };
        let id = put(&mut self.store.conn().await.unwrap(), "x", options).await;
        let sql = "update jobs_live set max_attempts = $2 where id = $1";
        sqlx::query(sql).bind(id.0).bind(MAX_ATTEMPTS).execute(self.store.pool()).await.unwrap();
        self.jobs.insert(id.0, Known::new(priority, self.now));
    }

    /// `buries` is what the engine does with jobs whose last attempt was lost; else the claimer dies too.
    async fn claim(&mut self, worker: &str, limit: i64, buries: bool) {
        let mut expected = self.claimable();
        expected.truncate(usize::try_from(limit).unwrap());
        let claimed = claim(self.store, worker, seconds(LEASE), limit).await;
        let mut priorities: Vec<i16> = claimed.iter().map(|job| job.priority).collect();
        priorities.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(priorities, expected, "the highest priorities, and as many as may be");
        self.take(&claimed);
        for job in claimed.iter().filter(|job| buries && job.is_exhausted()) {
            self.end(job.lease, End::Discarded).await;
        }
    }

    async fn claim_together(&mut self, limit: i64) {
        let one = claim(self.store, "one", seconds(LEASE), limit);
        let two = claim(self.store, "two", seconds(LEASE), limit);
        let (one, two) = futures::join!(one, two);
        self.take(&one);
        // Fails for a job that the other has taken too.
        self.take(&two);
    }

    async fn complete_while_others_claim(&mut self, lease: Lease) {
        let held = self.holds(lease);
        let claiming = claim(self.store, "three", seconds(LEASE), 3);
        let (is_completed, claimed) = futures::join!(complete(self.store, lease), claiming);
        let is_taken = claimed.iter().any(|job| job.lease.job_id == lease.job_id);
        assert!(!(is_completed && is_taken), "completed and claimed");
        assert_eq!(is_completed, held && !is_taken, "who was not overtaken settles, nobody else does");
        if is_completed {
            self.held(lease).unwrap().end(JobState::Completed);
            self.jobs.get_mut(&lease.job_id.0).unwrap().is_called_off = false;
        }
        self.take(&claimed);
    }

    async fn extend(&mut self, leases: &[Lease]) {
        let held = job::extend(&mut self.store.conn().await.unwrap(), leases, seconds(LEASE)).await.unwrap();
        let held: BTreeMap<Uuid, bool> = held.into_iter().map(|held| (held.job_id.0, held.cancel_requested)).collect();
        let mut expected = BTreeMap::new();
        let until = self.now + LEASE;
        for lease in leases {
            if let Some(job) = self.held(*lease) {
                job.held = Some((*lease, until));
                expected.insert(lease.job_id.0, job.is_called_off);
            }
        }
        assert_eq!(held, expected, "the leases that still hold, with wishes to cancel");
    }

    async fn complete(&mut self, leases: &[Lease]) {
        let done: Vec<Done> = leases.iter().map(|lease| Done { lease: *lease, is_kept: true }).collect();
        let mut tx = self.store.begin().await.unwrap();
        let completed = job::complete_all(&mut tx, &done).await.unwrap();
        tx.commit().await.unwrap();
        let mut expected = BTreeSet::new();
        for lease in leases {
            if let Some(job) = self.held(*lease) {
                job.end(JobState::Completed);
                job.is_called_off = false;
                expected.insert(lease.job_id);
            }
        }
        assert_eq!(completed.jobs.len(), expected.len());
        assert_eq!(completed.jobs.into_iter().collect::<BTreeSet<JobId>>(), expected);
    }

    async fn hand_back(&mut self, leases: &[Lease]) {
        job::hand_back(&mut self.store.conn().await.unwrap(), leases).await.unwrap();
        for lease in leases {
            if let Some(job) = self.held(*lease) {
                job.wait(job.attempt - 1, job.due);
            }
        }
    }

    async fn retry_later(&mut self, lease: Lease) {
        // As the engine judges: the last attempt allowed is not followed by another.
        if self.held(lease).is_some_and(|job| job.attempt >= MAX_ATTEMPTS) {
            return self.end(lease, End::Discarded).await;
        }
        let mut conn = self.store.conn().await.unwrap();
        let is_settled = job::retry_later(&mut conn, lease, seconds(PAUSE), "no luck").await.unwrap();
        let due = self.now + PAUSE;
        let held = self.held(lease);
        assert_eq!(is_settled, held.is_some());
        if let Some(job) = held {
            job.notes.push((job.attempt, "retried".to_owned()));
            job.wait(job.attempt, due);
        }
    }

    async fn snooze(&mut self, lease: Lease) {
        let mut conn = self.store.conn().await.unwrap();
        let is_settled = job::snooze(&mut conn, lease, seconds(PAUSE)).await.unwrap();
        let due = self.now + PAUSE;
        let held = self.held(lease);
        assert_eq!(is_settled, held.is_some());
        if let Some(job) = held {
            job.wait(job.attempt - 1, due);
        }
    }

    async fn end(&mut self, lease: Lease, end: End) {
        let mut tx = self.store.begin().await.unwrap();
        let is_settled = job::end(&mut tx, lease, end, "over").await.unwrap();
        tx.commit().await.unwrap();
        let held = self.held(lease);
        assert_eq!(is_settled, held.is_some());
        if let Some(job) = held {
            job.end(if end == End::Discarded { JobState::Discarded } else { JobState::Cancelled });
        }
    }

    async fn cancel(&mut self, at: &Index) {
        let Some((id, known)) = pick(&mut self.jobs, *at) else { return };
        let mut tx = self.store.begin().await.unwrap();
        let cancelled = job::cancel(&mut tx, JobId(id)).await;
        tx.commit().await.unwrap();
        match known.state {
            JobState::Available => {
                assert_eq!(cancelled.unwrap(), Cancelled::AtOnce);
                known.state = JobState::Cancelled;
            }
            JobState::Running => {
                assert_eq!(cancelled.unwrap(), Cancelled::Asked);
                known.is_called_off = true;
            }
            _ => assert!(cancelled.is_err(), "{known:?}"),
        }
    }

    async fn retry(&mut self, at: &Index) {
        let Some((id, known)) = pick(&mut self.jobs, *at) else { return };
        let retried = job::retry(&mut self.store.conn().await.unwrap(), JobId(id)).await;
        match known.state {
            JobState::Running | JobState::Completed => assert!(retried.is_err(), "{known:?}"),
            state => {
                retried.unwrap();
                known.is_called_off &= state == JobState::Available;
                known.wait(0, self.now);
            }
        }
    }

    async fn pass(&mut self, time: i64) {
        let sql = "update jobs_live set run_at = run_at - $1, lease_until = lease_until - $1";
        sqlx::query(sql).bind(seconds(time)).execute(self.store.pool()).await.unwrap();
        self.now += time;
    }

    /// Every job is where the model has it, once, and held by whom the model says.
    async fn check(&self) {
        type Row = (Uuid, String, String, i32, Option<Uuid>, bool);
        let sql = "select id, tableoid::regclass::text, state, attempt, lease_token, cancel_requested_at is not null
                   from jobs order by id";
        let real: Vec<Row> = sqlx::query_as(sql).fetch_all(self.store.pool()).await.unwrap();
        let row = |(id, job): (&Uuid, &Known)| {
            let is_live = matches!(job.state, JobState::Available | JobState::Running);
            let table = if is_live { "jobs_live" } else { "jobs_done" };
            let token = job.held.map(|(lease, _)| lease.token);
            (*id, table.to_owned(), job.state.as_str().to_owned(), job.attempt, token, job.is_called_off)
        };
        assert_eq!(real, self.jobs.iter().map(row).collect::<Vec<Row>>());
        assert!(real.iter().all(|row| row.3 <= MAX_ATTEMPTS + 1), "an attempt too many: {real:?}");

        let sql = "select job_id, attempt, outcome from job_attempts order by job_id, attempt, outcome";
        let real: Vec<(Uuid, i32, String)> = sqlx::query_as(sql).fetch_all(self.store.pool()).await.unwrap();
        let notes = |(id, job): (&Uuid, &Known)| {
            let mut notes = job.notes.clone();
            notes.sort();
            let id = *id;
            notes.into_iter().map(move |(attempt, outcome)| (id, attempt, outcome)).collect::<Vec<_>>()
        };
        assert_eq!(real, self.jobs.iter().flat_map(notes).collect::<Vec<_>>(), "each failed attempt is noted once");
    }
}

fn pick(jobs: &mut BTreeMap<Uuid, Known>, at: Index) -> Option<(Uuid, &mut Known)> {
    let count = jobs.len();
    (count > 0).then(|| jobs.iter_mut().nth(at.index(count)).map(|(id, job)| (*id, job)))?
}

async fn follow(store: &Store, ops: &[Op]) {
    sqlx::query("truncate jobs, job_attempts").execute(store.pool()).await.unwrap();
    let mut model = Model { store, now: 0, jobs: BTreeMap::new(), leases: Vec::new() };
    for op in ops {
        model.play(op).await;
        model.check().await;
    }
}

#[test]
fn jobs_are_held_and_settled_as_the_model_says_whatever_happens() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(TestDatabase::new());
    let store = runtime.block_on(store_of(&db));
    // Each of the steps to a smaller example runs on the database.
    let config =
        ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&ops(), |ops| {
        runtime.block_on(follow(&store, &ops));
        Ok(())
    });
    runtime.block_on(async { drop(db) });
    outcome.unwrap();
}

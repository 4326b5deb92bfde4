//! Figures of the queue. Live jobs are counted; of those that are over only the dead and the last hour's are read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::store::error::{Step, StoreError};

/// The queue at a glance.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct QueueStats {
    /// By kind.
    pub kinds: Vec<KindStats>,
    /// Processes that run jobs.
    pub workers: WorkerStats,
    /// Attempts whose worker was lost in the last hour.
    pub lost_last_hour: i64,
}

/// Jobs of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct KindStats {
    /// Kind.
    pub kind: String,
    /// Waiting for a worker.
    pub due: i64,
    /// Waiting for their time.
    pub later: i64,
    /// Waiting for other jobs.
    pub blocked: i64,
    /// Held by a worker.
    pub running: i64,
    /// Given up.
    pub discarded: i64,
    /// Called off.
    pub cancelled: i64,
    /// Since when the oldest one waits for a worker.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// For how long, in seconds on the database's clock.
    pub oldest_due_seconds: Option<f64>,
    /// Completed in the last hour and kept.
    pub completed_last_hour: i64,
    /// Completed a minute over the last five minutes.
    pub per_minute_last_5_minutes: f64,
    /// Completed a minute over the last hour.
    pub per_minute_last_hour: f64,
    /// Attempts that failed in the last hour, lost ones included.
    pub failed_last_hour: i64,
    /// How long those that were completed in the last hour ran.
    pub run_times: Option<RunTimes>,
}

impl KindStats {
    /// Waiting, for whatever.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.due + self.later + self.blocked
    }
}

/// How long jobs ran, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RunTimes {
    /// Half of them at most.
    pub p50_seconds: f64,
    /// Of 20 jobs 19 at most.
    pub p95_seconds: f64,
    /// Of 100 jobs 99 at most.
    pub p99_seconds: f64,
    /// The longest.
    pub max_seconds: f64,
}

/// Processes that run jobs and were seen in the last 30 seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WorkerStats {
    /// How many.
    pub processes: i64,
    /// Jobs that they run at a time.
    pub concurrency: i64,
    /// Jobs that they ran when last seen.
    pub running: i64,
}

/// Attempts that did not complete their job in the last hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// Kind.
    pub kind: String,
    /// `retried`, `discarded`, `cancelled`, `lost` or `snoozed`.
    pub outcome: String,
    /// How many.
    pub count: i64,
}

/// The queue at a glance.
///
/// # Errors
/// If the database does not answer.
pub async fn stats(conn: &mut PgConnection) -> Result<QueueStats, StoreError> {
    let mut by_kind: BTreeMap<String, KindStats> =
        kinds(conn).await?.into_iter().map(|kind| (kind.kind.clone(), kind)).collect();
    add_last_hour(conn, &mut by_kind).await?;
    let mut lost_last_hour = 0;
    for failure in failures(conn).await? {
        if failure.outcome == "lost" {
            lost_last_hour += failure.count;
        }
        if matches!(failure.outcome.as_str(), "retried" | "discarded" | "lost") {
            entry(&mut by_kind, failure.kind).failed_last_hour += failure.count;
        }
    }
    Ok(QueueStats { kinds: by_kind.into_values().collect(), workers: workers(conn).await?, lost_last_hour })
}

fn entry(by_kind: &mut BTreeMap<String, KindStats>, kind: String) -> &mut KindStats {
    by_kind.entry(kind.clone()).or_insert_with(|| KindStats { kind, ..KindStats::default() })
}

/// What waits, runs, and was given up, by kind. What was completed is left out.
///
/// # Errors
/// If the database does not answer.
pub async fn kinds(conn: &mut PgConnection) -> Result<Vec<KindStats>, StoreError> {
    let live = sqlx::query!(
        r#"select kind, count(*) filter (where is_open and run_at <= now()) as "due!",
                  count(*) filter (where is_open and run_at > now()) as "later!",
                  count(*) filter (where state = 'available' and waiting_for > 0) as "blocked!",
                  count(*) filter (where state = 'running') as "running!",
                  min(run_at) filter (where is_open and run_at <= now()) as oldest_due_at,
                  extract(epoch from now() - min(run_at) filter (where is_open and run_at <= now()))::float8
                      as oldest_due_seconds
           from (select kind, state, waiting_for, run_at, state = 'available' and waiting_for = 0 as is_open
                 from jobs_live) as job
           group by kind"#
    )
    .fetch_all(&mut *conn)
    .await
    .step("count live jobs")?;
    let mut by_kind = BTreeMap::new();
    for row in live {
        let kind = entry(&mut by_kind, row.kind);
        (kind.due, kind.later, kind.blocked, kind.running) = (row.due, row.later, row.blocked, row.running);
        (kind.oldest_due_at, kind.oldest_due_seconds) = (row.oldest_due_at, row.oldest_due_seconds);
    }
    let dead = sqlx::query!(
        r#"select kind, count(*) filter (where state = 'discarded') as "discarded!",
                  count(*) filter (where state = 'cancelled') as "cancelled!"
           from jobs_done where state in ('discarded', 'cancelled') group by kind"#
    )
    .fetch_all(&mut *conn)
    .await
    .step("count dead jobs")?;
    for row in dead {
        let kind = entry(&mut by_kind, row.kind);
        (kind.discarded, kind.cancelled) = (row.discarded, row.cancelled);
    }
    Ok(by_kind.into_values().collect())
}

#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
async fn add_last_hour(conn: &mut PgConnection, by_kind: &mut BTreeMap<String, KindStats>) -> Result<(), StoreError> {
    let rows = sqlx::query!(
        r#"select kind, count(*) as "completed!",
                  count(*) filter (where finished_at > now() - interval '5 minutes') as "of_late!",
                  percentile_cont(0.5) within group (order by seconds) as p50,
                  percentile_cont(0.95) within group (order by seconds) as p95,
                  percentile_cont(0.99) within group (order by seconds) as p99,
                  max(seconds) as longest
           from (select kind, finished_at, extract(epoch from finished_at - started_at)::float8 as seconds
                 from jobs_done where state = 'completed' and finished_at > now() - interval '1 hour') as job
           group by kind"#
    )
    .fetch_all(&mut *conn)
    .await
    .step("count the jobs of the last hour")?;
    for row in rows {
        let kind = entry(by_kind, row.kind);
        kind.completed_last_hour = row.completed;
        kind.per_minute_last_5_minutes = row.of_late as f64 / 5.0;
        kind.per_minute_last_hour = row.completed as f64 / 60.0;
        if let (Some(p50), Some(p95), Some(p99), Some(max)) = (row.p50, row.p95, row.p99, row.longest) {
            kind.run_times = Some(RunTimes { p50_seconds: p50, p95_seconds: p95, p99_seconds: p99, max_seconds: max });
        }
    }
    Ok(())
}

/// Attempts that did not complete their job in the last hour, by kind and outcome.
///
/// # Errors
/// If the database does not answer.
pub async fn failures(conn: &mut PgConnection) -> Result<Vec<FailureCount>, StoreError> {
    sqlx::query_as!(
        FailureCount,
        r#"select jobs.kind, a.outcome, count(*) as "count!"
           from job_attempts a join jobs on jobs.id = a.job_id
           where a.finished_at > now() - interval '1 hour'
           group by jobs.kind, a.outcome order by jobs.kind, a.outcome"#
    )
    .fetch_all(&mut *conn)
    .await
    .step("count failed attempts")
}

/// Processes that run jobs.
///
/// # Errors
/// If the database does not answer.
pub async fn workers(conn: &mut PgConnection) -> Result<WorkerStats, StoreError> {
    sqlx::query_as!(
        WorkerStats,
        r#"select count(*) as "processes!", coalesce(sum(concurrency), 0) as "concurrency!",
                  coalesce(sum(running), 0) as "running!"
           from job_workers where seen_at > now() - interval '30 seconds'"#
    )
    .fetch_one(&mut *conn)
    .await
    .step("count the workers")
}

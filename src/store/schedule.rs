//! `schedules` and `schedule_ticks`: what is remembered of each schedule, and who took which tick.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::error::{Step, StoreError, expect_rows};
use crate::domain::id::ScanId;

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickOutcome {
    /// It made a scan happen.
    Scanned,
    /// The scan before was still running.
    Skipped,
}

impl TickOutcome {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scanned => "scanned",
            Self::Skipped => "skipped",
        }
    }
}

/// Remembers a configured schedule and tells the moment after which ticks count: its latest claimed tick, or when it
/// was first seen. A changed expression or time zone begins anew, so that ticks it never had are not missed.
///
/// # Errors
/// If the database does not answer.
pub async fn see(
    conn: &mut PgConnection,
    name: &str,
    cron: &str,
    timezone: &str,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    sqlx::query_scalar!(
        r#"insert into schedules as known (name, cron, timezone, first_seen_at) values ($1, $2, $3, $4)
           on conflict (name) do update set
               cron = excluded.cron,
               timezone = excluded.timezone,
               first_seen_at = case when known.cron = excluded.cron and known.timezone = excluded.timezone
                                    then known.first_seen_at else excluded.first_seen_at end,
               last_tick_at = case when known.cron = excluded.cron and known.timezone = excluded.timezone
                                   then known.last_tick_at end
           returning coalesce(last_tick_at, first_seen_at) as "since!""#,
        name,
        cron,
        timezone,
        now,
    )
    .fetch_one(&mut *conn)
    .await
    .step("remember a schedule")
}

/// Has replicas that take ticks of one schedule take them one after the other, to the end of the transaction.
///
/// # Errors
/// If the database does not answer.
pub async fn lock(conn: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query_scalar!("select name from schedules where name = $1 for update", name)
        .fetch_optional(&mut *conn)
        .await
        .step("lock a schedule")?;
    Ok(())
}

/// How long a tick is remembered after a later one of its schedule. No replica looks back so far.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// Takes a tick and forgets old ones of its schedule; false if another replica has it. Waits for one that is just
/// taking it.
///
/// # Errors
/// If the database does not answer.
pub async fn claim_tick(
    conn: &mut PgConnection,
    name: &str,
    tick_at: DateTime<Utc>,
    outcome: TickOutcome,
) -> Result<bool, StoreError> {
    let claimed = sqlx::query!(
        "insert into schedule_ticks (schedule, tick_at, outcome) values ($1, $2, $3) on conflict do nothing",
        name,
        tick_at,
        outcome.as_str(),
    )
    .execute(&mut *conn)
    .await
    .step("claim a tick")?;
    if claimed.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("update schedules set last_tick_at = greatest(last_tick_at, $2) where name = $1", name, tick_at,)
        .execute(&mut *conn)
        .await
        .step("remember the latest tick")?;
    sqlx::query!("delete from schedule_ticks where schedule = $1 and tick_at < $2", name, tick_at - REMEMBERED)
        .execute(&mut *conn)
        .await
        .step("forget old ticks")?;
    Ok(true)
}

/// Says which scan a claimed tick made happen.
///
/// # Errors
/// If the tick was not claimed, or the database does not answer.
pub async fn link_scan(
    conn: &mut PgConnection,
    name: &str,
    tick_at: DateTime<Utc>,
    scan_id: ScanId,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update schedule_ticks set scan_id = $3 where schedule = $1 and tick_at = $2 and outcome = 'scanned'",
        name,
        tick_at,
        scan_id.0,
    )
    .execute(&mut *conn)
    .await
    .step("link a tick to its scan")?;
    expect_rows(&done, 1, "link a tick to its scan")
}

/// The latest tick that was claimed.
///
/// # Errors
/// If the database does not answer.
pub async fn last_tick(conn: &mut PgConnection, name: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query_scalar!("select last_tick_at from schedules where name = $1", name)
        .fetch_optional(&mut *conn)
        .await
        .step("read a schedule's latest tick")?;
    Ok(row.flatten())
}

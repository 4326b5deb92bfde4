//! Schedules: cron expression and time zone become ticks, a tick becomes a scan, once across all replicas.
//!
//! There is no leader: every replica notices every tick, and the primary key of `schedule_ticks` decides who takes it.
//! tokio-cron-scheduler gives the pulse; which ticks are due is worked out from the expression in its own time zone at
//! each pulse, because a job of that crate keeps the UTC offset of the day on which it was made and would be an hour
//! off after a change to summer time. No work is done here beyond writing the rows that make it happen.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Offset, SubsecRound, TimeZone, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds};
use croner::{Cron, JobType};
use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler};
use tracing::{error, info, warn};

use super::Scanner;
use super::plan::{self, FilterError};
use crate::clock::SharedClock;
use crate::config::Schedule;
use crate::domain::drift::DetectedBy;
use crate::domain::id::ScanId;
use crate::resource::ReadError;
use crate::shutdown::Shutdown;
use crate::store::schedule::TickOutcome;
use crate::store::{self, Store, StoreError};

/// Why a tick could not be turned into a scan. The tick is tried again at the next pulse.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// The database.
    #[error("write the tick")]
    Store(#[from] StoreError),
    /// The accounts cannot be told.
    #[error("find out the accounts to scan")]
    Accounts(#[from] ReadError),
    /// The schedule's filter.
    #[error("plan the scan")]
    Filter(#[from] FilterError),
}

/// Turns ticks into scans.
pub struct Scheduler {
    store: Store,
    scanner: Arc<Scanner>,
    clock: SharedClock,
    entries: Mutex<Vec<Entry>>,
}

/// A schedule and the moment from which its next tick is looked for.
struct Entry {
    schedule: Schedule,
    cron: Cron,
    /// Latest tick that is dealt with; `None` until the database told it.
    since: Option<DateTime<Utc>>,
}

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// It made this scan happen.
    Scanned(ScanId),
    /// The scan before is still running.
    Skipped,
    /// Another replica had it.
    Taken,
}

impl Scheduler {
    /// A scheduler of the configured schedules, not yet started.
    #[must_use]
    pub fn new(schedules: &[Schedule], store: Store, scanner: Arc<Scanner>, clock: SharedClock) -> Self {
        let entry = |schedule: &Schedule| {
            let cron = parse_cron(&schedule.cron).ok()?;
            Some(Entry { schedule: schedule.clone(), cron, since: None })
        };
        let entries = Mutex::new(schedules.iter().filter_map(entry).collect());
        Self { store, scanner, clock, entries }
    }

    /// Runs until the soft stop.
    ///
    /// # Errors
    /// If the pulse cannot be started.
    pub async fn run(self: Arc<Self>, shutdown: &Shutdown) -> Result<(), tokio_cron_scheduler::JobSchedulerError> {
        let mut pulse = JobScheduler::new().await?;
        let this = Arc::clone(&self);
        pulse
            .add(Job::new_async("* * * * * *", move |_, _| {
                let this = Arc::clone(&this);
                Box::pin(async move { this.pulse().await })
            })?)
            .await?;
        pulse.start().await?;
        shutdown.soft().cancelled().await;
        pulse.shutdown().await
    }

    /// Deals with every tick that is due. A pulse that finds the one before still at work does nothing.
    pub fn pulse(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Ok(mut entries) = self.entries.try_lock() else { return };
            for entry in entries.iter_mut() {
                if let Err(error) = self.deal_with(entry).await {
                    let name = &entry.schedule.name;
                    let error = &error as &dyn std::error::Error;
                    error!(schedule.name = %name, error, "schedule {name}: tick not taken, trying again");
                }
            }
        })
    }

    async fn deal_with(&self, entry: &mut Entry) -> Result<(), TickError> {
        let now = self.clock.now();
        let since = match entry.since {
            Some(since) => since,
            None => *entry.since.insert(self.see(&entry.schedule, now).await?),
        };
        // Of several ticks since then (the daemon was down, the clock jumped) only the latest leads to a scan.
        let Some(tick_at) = latest_tick(&entry.cron, entry.schedule.timezone, since, now) else { return Ok(()) };
        self.take(&entry.schedule, tick_at, now).await?;
        entry.since = Some(tick_at);
        Ok(())
    }

    async fn see(&self, schedule: &Schedule, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        let mut conn = self.store.conn().await?;
        store::schedule::see(&mut conn, &schedule.name, &schedule.cron, schedule.timezone.name(), now).await
    }

    async fn take(&self, schedule: &Schedule, tick_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Tick, TickError> {
        let accounts = self.scanner.accounts().await?;
        let scopes = plan::shards(&schedule.filter, &accounts, crate::resource::BUILTIN)?;
        let mut tx = self.store.begin().await?;
        // Invariant: the lock comes first, so that of two replicas at neighbouring ticks the second sees the first one's
        // scan.
        store::schedule::lock(&mut tx, &schedule.name).await?;
        let running = store::scan::is_running(&mut tx, &schedule.name).await?;
        let scan_id = ScanId::new();
        let outcome = if running { TickOutcome::Skipped } else { TickOutcome::Scanned };
        if !store::schedule::claim_tick(&mut tx, &schedule.name, tick_at, outcome).await? {
            return Ok(Tick::Taken);
        }
        if running {
            tx.commit().await.map_err(StoreError::from)?;
            warn!(schedule.name = %schedule.name, tick = %tick_at,
                "schedule {}: tick of {tick_at} skipped, the scan before is still running", schedule.name);
            return Ok(Tick::Skipped);
        }
        let scan = plan::NewScan {
            id: scan_id,
            schedule: Some(schedule.name.clone()),
            detected_by: DetectedBy::Scheduler,
            unmanaged: schedule.unmanaged.clone(),
        };
        plan::start(&mut tx, &scan, &scopes, now).await?;
        store::schedule::link_scan(&mut tx, &schedule.name, tick_at, scan_id).await?;
        tx.commit().await.map_err(StoreError::from)?;
        info!(schedule.name = %schedule.name, scan.id = %scan_id, tick = %tick_at, shards = scopes.len(),
            "schedule {}: scan {scan_id} of {} shards begun for the tick of {tick_at}", schedule.name, scopes.len());
        Ok(Tick::Scanned(scan_id))
    }
}

/// Reads a seconds-first cron expression the way the scheduler does.
///
/// # Errors
/// If it is malformed.
pub fn parse_cron(text: &str) -> Result<Cron, croner::errors::CronError> {
    CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build().parse(text)
}

/// The latest tick after `since` and not after `now`, if there is one.
#[must_use]
pub fn latest_tick(cron: &Cron, timezone: Tz, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let next = occurrence(cron, timezone, since, Look::Ahead)?;
    if next > now {
        return None;
    }
    let latest = occurrence(cron, timezone, now, Look::Back)?;
    Some(latest.max(next)).filter(|tick| *tick > since)
}

/// The next tick after `since`.
#[must_use]
pub fn next_tick(cron: &Cron, timezone: Tz, since: DateTime<Utc>) -> Option<DateTime<Utc>> {
    occurrence(cron, timezone, since, Look::Ahead)
}

#[derive(Clone, Copy)]
enum Look {
    /// The first one after the moment.
    Ahead,
    /// The last one not after the moment.
    Back,
}

/// The occurrence nearest to `from`.
///
/// A fixed hour ("daily at 2:30") is croner's business: once a day, whatever the clocks do. An interval ("every quarter
/// of an hour") goes on evenly, but croner passes over the hour that comes twice; so it is looked for at the UTC
/// offsets on both sides of a change of the clocks.
fn occurrence(cron: &Cron, timezone: Tz, from: DateTime<Utc>, look: Look) -> Option<DateTime<Utc>> {
    if cron.determine_job_type() == JobType::FixedTime {
        return find(cron, &from.with_timezone(&timezone), look);
    }
    let offset_at = |at: DateTime<Utc>| timezone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let at_offset = |offset: FixedOffset| find(cron, &from.with_timezone(&offset), look);
    let near = at_offset(offset_at(from))?;
    let beyond = at_offset(offset_at(near))?;
    // What is found at an offset counts if that offset is in force there.
    let counts = |tick: &DateTime<Utc>, offset: FixedOffset| offset_at(*tick) == offset;
    let found = [near].into_iter().filter(|tick| counts(tick, offset_at(from)));
    let found = found.chain([beyond].into_iter().filter(|tick| counts(tick, offset_at(near))));
    let nearest = match look {
        Look::Ahead => found.min(),
        Look::Back => found.max(),
    };
    nearest.or_else(|| find(cron, &from.with_timezone(&timezone), look))
}

fn find<Z: TimeZone>(cron: &Cron, from: &DateTime<Z>, look: Look) -> Option<DateTime<Utc>> {
    // croner carries parts of a second over into what it finds, but a tick must be the same moment in every replica.
    let from = &from.clone().trunc_subsecs(0);
    let found = match look {
        Look::Ahead => cron.find_next_occurrence(from, false),
        Look::Back => cron.find_previous_occurrence(from, true),
    };
    Some(found.ok()?.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn ticks(cron: &str, zone: Tz, from: &str, until: &str) -> Vec<String> {
        let cron = parse_cron(cron).unwrap();
        let (mut now, until, mut since) = (at(from), at(until), at(from));
        let mut found = Vec::new();
        while now < until {
            now += chrono::TimeDelta::seconds(60);
            if let Some(tick) = latest_tick(&cron, zone, since, now) {
                found.push(tick.format("%dT%H:%M").to_string());
                since = tick;
            }
        }
        found
    }

    #[test]
    fn a_daily_tick_keeps_its_local_hour_over_both_changes_of_the_clock() {
        // Berlin: 2026-03-29 02:00 → 03:00 and 2026-10-25 03:00 → 02:00.
        let spring = ticks("0 0 9 * * *", Tz::Europe__Berlin, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z");
        assert_eq!(spring, ["28T08:00", "29T07:00", "30T07:00"]);
        let autumn = ticks("0 0 9 * * *", Tz::Europe__Berlin, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z");
        assert_eq!(autumn, ["24T07:00", "25T08:00", "26T08:00"]);
    }

    #[test]
    fn a_daily_tick_in_the_hour_that_comes_twice_or_never_happens_once() {
        let spring = ticks("0 30 2 * * *", Tz::Europe__Berlin, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(spring.iter().filter(|tick| tick.starts_with("29")).count(), 1, "{spring:?}");
        let autumn = ticks("0 30 2 * * *", Tz::Europe__Berlin, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
        assert_eq!(autumn.iter().filter(|tick| tick.starts_with("25")).count(), 1, "{autumn:?}");
    }

    #[test]
    fn quarter_hours_go_on_evenly_over_the_change_of_the_clock() {
        let autumn = ticks("0 */15 * * * *", Tz::Europe__Berlin, "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z");
        assert_eq!(autumn.len(), 12, "{autumn:?}");
    }

    #[test]
    fn a_tick_is_the_same_moment_whenever_it_is_looked_for() {
        let cron = parse_cron("*/5 * * * * *").unwrap();
        for zone in [Tz::UTC, Tz::Asia__Kolkata] {
            for now in ["2026-01-01T00:00:05Z", "2026-01-01T00:00:05.036382Z", "2026-01-01T00:00:09.999999Z"] {
                let tick = latest_tick(&cron, zone, at("2026-01-01T00:00:00.5Z"), at(now));
                assert_eq!(tick, Some(at("2026-01-01T00:00:05Z")), "{zone} {now}");
            }
        }
        let daily = parse_cron("0 0 9 * * *").unwrap();
        let tick = latest_tick(&daily, Tz::UTC, at("2026-01-01T00:00:00.5Z"), at("2026-01-01T09:00:00.7Z"));
        assert_eq!(tick, Some(at("2026-01-01T09:00:00Z")));
    }

    #[test]
    fn of_ticks_missed_while_down_only_the_latest_counts() {
        let cron = parse_cron("0 0 * * * *").unwrap();
        let tick = latest_tick(&cron, Tz::UTC, at("2026-01-01T00:30:00Z"), at("2026-01-02T10:05:00Z"));
        assert_eq!(tick, Some(at("2026-01-02T10:00:00Z")));
        assert_eq!(latest_tick(&cron, Tz::UTC, at("2026-01-02T10:00:00Z"), at("2026-01-02T10:05:00Z")), None);
    }
}

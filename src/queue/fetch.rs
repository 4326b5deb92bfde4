//! The one who claims for a process: how much, in which order, from where.
//!
//! - As much as there are idle executors, and a little ahead where jobs are short, so that claims come in batches. How
//!   far ahead is found by trying: doubled while full claims are used up at once, halved as soon as they are not. Long
//!   jobs are never claimed ahead: another process may be idle.
//! - High priorities first; but one claim in [`FAIR`] goes from the lowest up, so that none starves. Lanes take turns.
//! - After the last claimed job of its strand, because all before it are taken, mostly: what was committed late, handed
//!   back or lost lies before it. So the claim looks at everything again as often as a small part of the time
//!   allows: always, as long as that is cheap; every few seconds, while remains that cannot be vacuumed make it dear.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::warn;

use super::lease::HeldJob;
use super::worker::{Engine, Lane};
use crate::store::StoreError;
use crate::store::job::{self, ClaimedJob, Lease, Position, Strand};

/// Priorities, the highest first; the same that the database allows.
const PRIORITIES: [i16; 4] = [2, 1, 0, -1];
/// One claim in so many serves the lowest priority first.
const FAIR: u32 = 8;
/// Jobs that one claim takes at most.
const BATCH: usize = 500;
/// Jobs claimed ahead at most.
const AHEAD: usize = 1000;
/// Full claims within this time of each other are a backlog of short jobs.
const QUICK: Duration = Duration::from_millis(100);
/// Claims that look at everything may take one part in so many of the time,
const SHARE: u32 = 20;
/// and if one takes longer than this,
const DEAR: Duration = Duration::from_millis(5);
/// one in so many: every job that waits meanwhile waits for its whole length.
const SMALL_SHARE: u32 = 200;

/// What a round of claiming came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Round {
    /// Jobs that were claimed.
    pub(super) found: usize,
    /// Whether there may be more.
    pub(super) is_full: bool,
}

/// Up to where each strand (lane, priority) was claimed.
type Marks = HashMap<(String, i16), Position>;

/// Claims for a process.
#[derive(Debug)]
pub(super) struct Fetcher {
    marks: Marks,
    looked_at_all: Option<(Instant, Duration)>,
    turn: u32,
    ahead: usize,
    last: Instant,
}

impl Fetcher {
    pub(super) fn new() -> Self {
        Self { marks: Marks::new(), looked_at_all: None, turn: 0, ahead: 0, last: Instant::now() }
    }

    /// Jobs that there is use for now.
    pub(super) fn demand(&self, engine: &Engine) -> usize {
        let idle = engine.concurrency.saturating_sub(engine.active());
        let wanted = (idle + self.ahead).saturating_sub(engine.buffer.len());
        // While executors are busy, not for the sake of a few.
        if idle <= engine.buffer.len() && wanted * 2 < self.ahead { 0 } else { wanted.min(BATCH) }
    }

    /// Claims up to `wanted` jobs and puts them into the buffer.
    pub(super) async fn round(&mut self, engine: &Engine, wanted: usize) -> Result<Round, StoreError> {
        let (jobs, is_full) = self.claim(engine, wanted).await?;
        let found = jobs.len();
        self.adapt(found > 0 && is_full);
        engine.buffer.put(jobs);
        Ok(Round { found, is_full })
    }

    fn adapt(&mut self, is_full: bool) {
        let pause = self.last.elapsed();
        self.last = Instant::now();
        self.ahead = if is_full && pause < QUICK { (self.ahead * 2).clamp(8, AHEAD) } else { self.ahead / 2 };
    }

    /// Claims up to `wanted` jobs. Says also whether there may be more.
    pub(super) async fn claim(&mut self, engine: &Engine, wanted: usize) -> Result<(Vec<HeldJob>, bool), StoreError> {
        let looks_at_all = match self.looked_at_all {
            Some((at, cost)) => at.elapsed() >= cost * if cost < DEAR { SHARE } else { SMALL_SHARE },
            None => true,
        };
        self.turn = self.turn.wrapping_add(1);
        let begun = Instant::now();
        let (mut jobs, mut claimed) = (Vec::new(), 0);
        for lanes in &engine.groups {
            match self.claim_from(engine, lanes, looks_at_all, wanted - claimed).await {
                Ok((count, held)) => {
                    claimed += count;
                    jobs.extend(held);
                }
                Err(error) if jobs.is_empty() => return Err(error),
                // What is held already must be run.
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "some jobs could not be claimed, trying again");
                    break;
                }
            }
        }
        if looks_at_all {
            self.looked_at_all = Some((Instant::now(), begun.elapsed()));
        }
        // A claim that did not look at everything proves nothing by finding little.
        Ok((jobs, claimed >= wanted))
    }

    /// Claims from the lanes of one group. Returns also how many were claimed, those included that were put back until
    /// their turn under a rate.
    async fn claim_from(
        &mut self,
        engine: &Engine,
        lanes: &[Lane],
        looks_at_all: bool,
        wanted: usize,
    ) -> Result<(usize, Vec<HeldJob>), StoreError> {
        let mut wanted = match lanes {
            [Lane { name, local: Some(local), .. }] => wanted.min(local.saturating_sub(engine.leases.in_lane(name))),
            _ => wanted,
        };
        if wanted == 0 {
            return Ok((0, Vec::new()));
        }
        let mut tx = engine.link.claims().await?;
        let places = match lanes {
            [Lane { name, global: Some(places), .. }] => Some((name, *places)),
            _ => None,
        };
        if let Some((lane, places)) = places {
            let free = job::free_places(&mut tx, lane, i64::try_from(places).unwrap_or(i64::MAX)).await?;
            wanted = wanted.min(usize::try_from(free).unwrap_or(0));
        }
        let strands = self.strands(lanes, looks_at_all, wanted);
        let found = match wanted {
            0 => Vec::new(),
            wanted => job::claim(&mut tx, &engine.claim_of(&strands, wanted)).await?,
        };
        let claimed = found.len();
        let last = last_of(&found);
        let found = take_turns(&mut tx, found).await?;
        if let (Some((lane, _)), false) = (places, found.is_empty()) {
            job::hold(&mut tx, lane, &found).await?;
        }
        tx.commit().await?;
        self.remember(last);
        Ok((claimed, engine.leases.hold_all(found)))
    }

    /// The strands of some lanes, in the order in which they are to be served now.
    fn strands(&self, lanes: &[Lane], looks_at_all: bool, wanted: usize) -> Vec<Strand> {
        let mut priorities = PRIORITIES;
        if self.turn.is_multiple_of(FAIR) {
            priorities.reverse();
        }
        let first = usize::try_from(self.turn).unwrap_or(0) % lanes.len().max(1);
        let mut strands = Vec::with_capacity(lanes.len() * PRIORITIES.len());
        for priority in priorities {
            for lane in lanes.iter().cycle().skip(first).take(lanes.len()) {
                let mark = self.marks.get(&(lane.name.clone(), priority)).copied();
                strands.push(Strand {
                    lane: lane.name.clone(),
                    priority,
                    after: mark.filter(|_| !looks_at_all),
                    limit: i64::try_from(wanted).unwrap_or(i64::MAX),
                });
            }
        }
        strands
    }

    /// How long until the next job is due.
    pub(super) async fn next_due(&self, engine: &Engine) -> Result<Option<Duration>, StoreError> {
        let strands: Vec<Strand> = engine.groups.iter().flat_map(|lanes| self.strands(lanes, true, 1)).collect();
        job::next_due(&mut *engine.link.quick().await?, &strands).await
    }

    fn remember(&mut self, last: Marks) {
        for (strand, place) in last {
            let mark = self.marks.entry(strand).or_insert(place);
            *mark = place.max(*mark);
        }
    }
}

/// The last place of each strand among claimed jobs.
fn last_of(jobs: &[ClaimedJob]) -> Marks {
    let mut last = Marks::new();
    for job in jobs {
        let place = (job.run_at, job.lease.job_id.0);
        let mark = last.entry((job.lane.clone(), job.priority)).or_insert(place);
        *mark = place.max(*mark);
    }
    last
}

/// Has the jobs that fall under a rate take their turns; returns those whose turn it is, and the jobs without a rate.
async fn take_turns(conn: &mut sqlx::PgConnection, mut jobs: Vec<ClaimedJob>) -> Result<Vec<ClaimedJob>, StoreError> {
    let asking: Vec<Lease> = jobs.iter().filter(|job| job.needs_turn).map(|job| job.lease).collect();
    if !asking.is_empty() {
        let put_back = job::take_turns(conn, &asking).await?;
        jobs.retain(|job| !put_back.contains(&job.lease.job_id));
    }
    Ok(jobs)
}

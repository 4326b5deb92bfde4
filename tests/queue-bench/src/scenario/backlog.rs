//! Whether a long history and a long queue slow the queue down.

use anyhow::Result;

use super::Bench;
use crate::contender::{Contender, as_f64};
use crate::report::{self, Report, Series};

pub(super) async fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let (jobs, waiting, finished) = (bench.jobs(100_000), bench.jobs(200_000), bench.jobs(1_000_000));
    let mut empty = Series::new(format!("{jobs} jobs and nothing else"));
    for _ in 0..bench.rounds {
        bench.ours.clear().await?;
        empty.rounds.push(rate(bench, jobs, jobs).await?);
    }
    let mut full = Series::new(format!("{finished} finished, {waiting} waiting"));
    bench.ours.clear().await?;
    bench.ours.add_finished(finished).await?;
    for _ in 0..bench.rounds {
        full.rounds.push(rate(bench, jobs, waiting).await?);
    }
    bench.ours.clear().await?;
    report::tell_rates(&format!("backlog: the first {jobs} jobs"), &[empty.clone(), full.clone()]);
    report.at_least("backlog", "share of the empty table's rate", 0.9, full.median() / empty.median());
    Ok(())
}

/// Fills up to `waiting` jobs and runs `jobs` of them. Timed to the last start, because the workers do not end there.
async fn rate(bench: &Bench, jobs: usize, waiting: usize) -> Result<f64> {
    let there = usize::try_from(bench.ours.unfinished().await?)?;
    bench.ours.add(waiting.saturating_sub(there)).await?;
    bench.db.calm().await?;
    let drained = bench.ours.run_some(jobs).await?;
    Ok(as_f64(jobs) / drained.ran.as_secs_f64())
}

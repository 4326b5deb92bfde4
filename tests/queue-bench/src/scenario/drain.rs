//! How fast a full queue is emptied.

use anyhow::{Context, Result};

use super::Bench;
use crate::contender::as_f64;
use crate::report::{self, Report, Series};

pub(super) async fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let jobs = bench.jobs(100_000);
    let everyone = bench.everyone().await?;
    let mut rates: Vec<Series> = everyone.iter().map(|one| Series::new(one.name())).collect();
    for _ in 0..bench.rounds {
        for (one, rates) in everyone.iter().zip(&mut rates) {
            one.clear().await?;
            one.add(jobs).await?;
            bench.db.calm().await?;
            let drained = one.drain(jobs).await.with_context(|| format!("drain with {}", one.name()))?;
            rates.rounds.push(as_f64(jobs) / drained.settled.as_secs_f64());
            one.clear().await?;
        }
    }
    report::tell_rates(&format!("drain: {jobs} jobs that do nothing"), &rates);
    let (reference, ours) = (&rates[0], &rates[1]);
    report.at_least("drain", "share of the bare claim and delete in batches of 500", 0.65, ours.ratio_to(reference));
    for peer in &rates[2..] {
        report.at_least("drain", &format!("times {}", peer.name), 1.0, ours.ratio_to(peer));
    }
    Ok(())
}

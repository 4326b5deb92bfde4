//! How fast jobs are written while a worker listens.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Bench;
use crate::contender::Load;
use crate::report::{self, Report, Series};

pub(super) async fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let length = bench.length(Duration::from_secs(5));
    let single = Load { clients: 8, batch: 1, length };
    measure(bench, report, single, "one at a time, 8 clients, a worker listening", "single insert", 0.6).await?;
    let bulk = Load { clients: 2, batch: 1000, length };
    measure(bench, report, bulk, "1,000 per statement, 2 clients", "insert of 1,000 rows", 0.4).await
}

async fn measure(bench: &Bench, report: &mut Report, load: Load, title: &str, bare: &str, least: f64) -> Result<()> {
    let everyone = bench.everyone().await?;
    let mut rates: Vec<Series> = everyone.iter().map(|one| Series::new(one.name())).collect();
    for _ in 0..bench.rounds {
        for (one, rates) in everyone.iter().zip(&mut rates) {
            one.clear().await?;
            bench.db.calm().await?;
            let rate = one.enqueue(load).await.with_context(|| format!("enqueue with {}", one.name()))?;
            rates.rounds.push(rate);
            one.clear().await?;
        }
    }
    report::tell_rates(&format!("enqueue: {title}"), &rates);
    report.at_least("enqueue", &format!("{title}: share of the bare {bare}"), least, rates[1].ratio_to(&rates[0]));
    for peer in &rates[2..] {
        report.at_least("enqueue", &format!("{title}: times {}", peer.name), 1.0, rates[1].ratio_to(peer));
    }
    Ok(())
}

//! How soon a job starts that is asked for now and then, and what waiting for it costs the database.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{Bench, statements};
use crate::bare::Bare;
use crate::child::{Child, Role};
use crate::contender::{Contender, Moment, Pace};
use crate::ours::{LEASE, Stamped, Timing};
#[cfg(feature = "peers")]
use crate::peer::Graphile;
use crate::report::{Report, percentile};

/// What the first jobs tell is how connections and plans are made.
const WARM_UP: usize = 50;
const IDLE: Duration = Duration::from_secs(20);

pub(super) async fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let pace = Pace { every: Duration::from_millis(20), length: bench.length(Duration::from_secs(30)) };
    println!(
        "\n### latency: enqueue to start, one job every 20 ms\n\n| | p50 ms | p95 ms | p99 ms | jobs |\n|---|--:|--:|--:|--:|"
    );
    tell("bare PostgreSQL: a single insert, to its commit alone", &bare(bench, pace).await?);
    let here = tell("DriftSentry, workers in the same process", &same_process(bench, pace).await?);
    let there = tell("DriftSentry, workers in another process", &other_process(bench, pace).await?);
    #[cfg(feature = "peers")]
    tell("graphile_worker (Rust), the same process", &Graphile::connect(&bench.db).await?.waits(pace).await?);
    println!();
    for (place, [p50, p99]) in [("the same process", here), ("another process", there)] {
        report.at_most("latency", &format!("workers in {place}: p50, ms,"), 2.5, p50);
        report.at_most("latency", &format!("workers in {place}: p99, ms,"), 8.0, p99);
    }
    let idle = idle(bench).await?;
    report.at_most("latency", "statements per second of an idle replica", 5.0, idle);
    Ok(())
}

fn tell(name: &str, waits: &[f64]) -> [f64; 2] {
    let waits = waits.get(WARM_UP..).unwrap_or_default();
    let [p50, p95, p99] = [50, 95, 99].map(|percent| percentile(waits, percent));
    println!("| {name} | {p50:.2} | {p95:.2} | {p99:.2} | {} |", waits.len());
    [p50, p99]
}

async fn bare(bench: &Bench, pace: Pace) -> Result<Vec<f64>> {
    Bare::new(&bench.db, 1).clear().await?;
    let mut conn = bench.db.connect().await?;
    let mut waits = Vec::new();
    pace.keep(async || {
        let begun = Moment::now();
        sqlx::query(r#"insert into bare (payload) values ('{"n": 1}')"#).execute(&mut conn).await?;
        waits.push(begun.milliseconds_ago());
        Ok(())
    })
    .await?;
    Ok(waits)
}

async fn same_process(bench: &Bench, pace: Pace) -> Result<Vec<f64>> {
    let timing = Timing::default();
    let running = bench.ours.start(timing.clone(), 10, LEASE);
    ask(bench, pace).await?;
    running.stop().await;
    Ok(timing.take())
}

async fn other_process(bench: &Bench, pace: Pace) -> Result<Vec<f64>> {
    let child = Child::start(&bench.db, Role::Timing, 0).await?;
    let announcing = bench.ours.announce();
    ask(bench, pace).await?;
    announcing.stop().await;
    child.stop().await
}

async fn ask(bench: &Bench, pace: Pace) -> Result<()> {
    let mut conn = bench.ours.conn().await?;
    pace.keep(async || bench.ours.write(&mut conn, &[Stamped::now()]).await.map(drop)).await
}

/// Statements per second of a process that waits for jobs.
async fn idle(bench: &Bench) -> Result<f64> {
    let length = bench.length(IDLE);
    let child = Child::start(&bench.db, Role::Idle, 0).await?;
    // Past the quick polls after a start.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let count = statements::during(&bench.db, length).await.context("count the statements of an idle process")?;
    child.stop().await?;
    Ok(f64::from(count) / length.as_secs_f64())
}

//! The same held horizon under a steady load: what a claim touches must not grow.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::horizon::Held;
use crate::contender::{Contender, Pace, as_f64};
use crate::ours::{LEASE, Stamped, Timing};
use crate::report::{Report, median, percentile};

const LENGTH: Duration = Duration::from_mins(3);
const WINDOWS: u32 = 12;
const EVERY: Duration = Duration::from_millis(10);
/// Jobs at a time: 500 a second.
const AT_A_TIME: usize = 5;

struct Window {
    rate: f64,
    p50: f64,
    p99: f64,
    /// Pages of tables and indexes that were touched per job: what does not depend on how busy the machine is.
    pages: f64,
}

pub(super) async fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = &bench.ours;
    ours.clear().await?;
    let held = Held::take(&bench.db).await?;
    ours.add(bench.jobs(200_000)).await?;
    bench.db.calm().await?;
    ours.drain(bench.jobs(200_000)).await?;
    // The server's counters of an idle session lag behind by ten seconds.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let timing = Timing::default();
    let running = ours.start(timing.clone(), 10, LEASE);
    println!("\n### horizon-long: 500 jobs a second over dead rows, the horizon held\n");
    println!("| after s | per second | p50 ms | p99 ms | pages per job |\n|--:|--:|--:|--:|--:|");
    let mut windows = Vec::new();
    for number in 1..=WINDOWS {
        let window = watch(bench, &timing, bench.length(LENGTH) / WINDOWS).await?;
        let after = (bench.length(LENGTH) * number / WINDOWS).as_secs();
        println!("| {after} | {:.0} | {:.2} | {:.2} | {:.0} |", window.rate, window.p50, window.p99, window.pages);
        windows.push(window);
    }
    println!();
    running.stop().await;
    held.release().await?;
    ours.clear().await?;
    judge(&windows, report);
    Ok(())
}

async fn watch(bench: &Bench, timing: &Timing, length: Duration) -> Result<Window> {
    let before = pages(bench).await?;
    let mut conn = bench.ours.conn().await?;
    let mut asked = 0;
    let pace = Pace { every: EVERY, length };
    pace.keep(async || {
        asked += AT_A_TIME;
        bench.ours.write(&mut conn, &vec![Stamped::now(); AT_A_TIME]).await.map(drop)
    })
    .await?;
    let waits = timing.take();
    let touched = pages(bench).await? - before;
    Ok(Window {
        rate: as_f64(waits.len()) / length.as_secs_f64(),
        p50: median(&waits),
        p99: percentile(&waits, 99),
        pages: touched / as_f64(waits.len().max(1)),
    })
}

async fn pages(bench: &Bench) -> Result<f64> {
    let sql = "select sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::float8
               from pg_statio_user_tables";
    Ok(sqlx::query_scalar(sql).fetch_one(bench.ours.pool()).await?)
}

fn judge(windows: &[Window], report: &mut Report) {
    let asked = as_f64(AT_A_TIME) / EVERY.as_secs_f64();
    let slowest = windows.iter().map(|window| window.rate / asked).fold(f64::INFINITY, f64::min);
    report.at_least("horizon-long", "share of the load that the worst window ran", 0.95, slowest);
    let third = windows.len() / 3;
    let of = |part: &[Window], figure: fn(&Window) -> f64| median(&part.iter().map(figure).collect::<Vec<_>>());
    let growth = |figure| of(&windows[windows.len() - third..], figure) / of(&windows[..third], figure);
    report.at_most("horizon-long", "growth of p50 from the first minute to the last", 1.25, growth(|w| w.p50));
    report.at_most("horizon-long", "growth of pages touched per job", 1.25, growth(|w| w.pages));
}

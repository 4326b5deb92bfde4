//! Measures DriftSentry's job queue: absolute figures, and ratios to bare PostgreSQL and to peers in the same run.
//!
//! The queue is compiled from its own sources and with nothing of the product around it but ids, errors and a pool,
//! so this is also the proof that it could be lifted out.

mod bare;
mod child;
mod contender;
#[path = "lifted/domain.rs"]
#[allow(dead_code, reason = "the queue uses a part of it")]
mod domain;
mod ours;
#[cfg(feature = "peers")]
mod peer;
#[path = "../../../src/queue/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the benchmark uses a part of it")]
mod queue;
mod report;
mod scenario;
mod server;
#[path = "../../../src/shutdown.rs"]
#[allow(dead_code, reason = "the queue uses a part of it")]
mod shutdown;
#[path = "lifted/store.rs"]
#[allow(dead_code, unused_imports, clippy::struct_field_names, reason = "held to the lints of the main crate")]
mod store;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use ours::Ours;
use report::Report;
use scenario::{Bench, Scenario};
use server::{Db, Server};

/// Measures DriftSentry's job queue against bare PostgreSQL and its peers, on a PostgreSQL that it starts for the
/// purpose: durable (fsync and synchronous_commit on), 256 MB of shared buffers.
///
/// Every figure is printed beside the reference that was measured in the same run, round by round in turn. Ratios hold
/// from machine to machine, figures do not. The last table tells which bars are met; if one is not, the exit code is 1.
///
/// initdb, postgres and pgbench are taken from PG_BIN, /usr/lib/postgresql or PATH. Leave the machine alone meanwhile.
#[derive(Debug, Parser)]
#[command(name = "queue-bench", version)]
struct Args {
    /// What to measure
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,

    /// Rounds of which the median counts
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,

    /// Share of the full number of jobs and of the full length, to try things out: bars are for 1
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    scale: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &arguments[..]
        && first == child::MARK
    {
        return conclude(child::play(rest).await.map(|()| true));
    }
    let args = Args::parse();
    let outcome = tokio::select! {
        outcome = measure(&args) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    conclude(outcome)
}

fn conclude(outcome: Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("queue-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn measure(args: &Args) -> Result<bool> {
    ensure!(args.rounds > 0 && args.scale > 0.0 && args.scale <= 1.0, "--rounds from 1, --scale up to 1");
    let server = Server::start().await?;
    let db = server.db().clone();
    describe(&db).await?;
    let ours = Ours::connect(&db).await?;
    let bench = Bench { db, ours, rounds: args.rounds, scale: args.scale };
    let mut report = Report::default();
    for scenario in Scenario::wanted(&args.scenarios) {
        scenario.run(&bench, &mut report).await.with_context(|| format!("scenario {scenario:?}"))?;
    }
    println!("\n## Bars\n\n{}", report.summary());
    Ok(report.is_good())
}

async fn describe(db: &Db) -> Result<()> {
    let mut conn = db.connect().await?;
    let version: String = sqlx::query_scalar("show server_version").fetch_one(&mut conn).await?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    println!("PostgreSQL {version}, {cores} cores, load {load} before the start");
    Ok(())
}

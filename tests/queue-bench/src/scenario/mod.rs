//! What is measured.

mod backlog;
mod drain;
mod endure;
mod enqueue;
mod horizon;
mod kill;
mod latency;
mod statements;

use anyhow::Result;
use clap::ValueEnum;

use crate::bare::Bare;
use crate::contender::Contender;
use crate::ours::Ours;
#[cfg(feature = "peers")]
use crate::peer::Graphile;
use crate::report::Report;
use crate::server::Db;

/// A thing to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// 100,000 jobs that do nothing, from the start of the workers to the last durable completion
    Drain,
    /// Jobs written one at a time by 8 clients, and 1,000 at a time, while a worker listens
    Enqueue,
    /// Enqueue to start at 50 jobs a second, workers here and in another process; what an idle replica sends
    Latency,
    /// 1,000,000 finished and 200,000 waiting jobs beside an empty table
    Backlog,
    /// A drain over 200,000 dead rows that a snapshot elsewhere keeps alive
    Horizon,
    /// Three minutes of 500 jobs a second under such a snapshot
    HorizonLong,
    /// 100,000 jobs with effects, a process killed every second for a minute
    Kill,
    /// Everything; so does naming nothing
    All,
}

/// What every scenario needs.
pub struct Bench {
    /// The database.
    pub db: Db,
    /// Our queue on it.
    pub ours: Ours,
    /// Rounds of which the median counts.
    pub rounds: usize,
    /// Share of the full number of jobs and of the full length.
    pub scale: f64,
}

impl Bench {
    /// A number of jobs, scaled.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a positive count")]
    pub fn jobs(&self, full: u32) -> usize {
        (f64::from(full) * self.scale).ceil() as usize
    }

    /// A length of time, scaled.
    pub fn length(&self, full: std::time::Duration) -> std::time::Duration {
        full.mul_f64(self.scale).max(std::time::Duration::from_secs(1))
    }

    /// The reference, ours and every peer.
    async fn everyone(&self) -> Result<Vec<Box<dyn Contender>>> {
        #[allow(unused_mut, reason = "peers are a feature")]
        let mut all: Vec<Box<dyn Contender>> = vec![Box::new(Bare::new(&self.db, 500)), Box::new(self.ours.clone())];
        #[cfg(feature = "peers")]
        all.push(Box::new(Graphile::connect(&self.db).await?));
        Ok(all)
    }
}

impl Scenario {
    /// What to run if these are named.
    pub fn wanted(named: &[Self]) -> Vec<Self> {
        if named.is_empty() || named.contains(&Self::All) { Self::value_variants().to_vec() } else { named.to_vec() }
    }

    /// Measures it.
    pub async fn run(self, bench: &Bench, report: &mut Report) -> Result<()> {
        match self {
            Self::Drain => drain::run(bench, report).await,
            Self::Enqueue => enqueue::run(bench, report).await,
            Self::Latency => latency::run(bench, report).await,
            Self::Backlog => backlog::run(bench, report).await,
            Self::Horizon => horizon::run(bench, report).await,
            Self::HorizonLong => endure::run(bench, report).await,
            Self::Kill => kill::run(bench, report).await,
            // The others, which `wanted` names one by one.
            Self::All => Ok(()),
        }
    }
}

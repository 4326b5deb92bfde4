//! What is measured.

mod drain;
mod enqueue;

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
    /// Measures it.
    pub async fn run(self, bench: &Bench, report: &mut Report) -> Result<()> {
        match self {
            Self::Drain => drain::run(bench, report).await,
            Self::Enqueue => enqueue::run(bench, report).await,
        }
    }
}

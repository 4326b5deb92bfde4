//! The classic death of queues in PostgreSQL: a long transaction elsewhere keeps every dead row alive, and each claim
//! wades through all of them.

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};

use super::Bench;
use crate::bare::Bare;
use crate::contender::{Contender, as_f64};
use crate::report::{self, Report, Series};
use crate::server::Db;

/// A snapshot that is held until this is dropped: nothing that dies meanwhile is removed.
pub(super) struct Held(PgConnection);

impl Held {
    pub(super) async fn take(db: &Db) -> Result<Self> {
        let mut conn = db.connect().await?;
        sqlx::query("begin isolation level repeatable read").execute(&mut conn).await?;
        sqlx::query("select count(*) from pg_class").execute(&mut conn).await.context("take a snapshot")?;
        Ok(Self(conn))
    }

    pub(super) async fn release(self) -> Result<()> {
        self.0.close().await.context("release a snapshot")
    }
}

pub(super) async fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let everyone: [Box<dyn Contender>; 2] = [Box::new(bench.ours.clone()), Box::new(Bare::new(&bench.db, 100))];
    for (index, one) in everyone.iter().enumerate() {
        let mut free = Series::new(format!("{}, free", one.name()));
        let mut held = Series::new(format!("{}, horizon held", one.name()));
        for _ in 0..bench.rounds {
            free.rounds.push(rate(bench, &**one, false).await?);
            held.rounds.push(rate(bench, &**one, true).await?);
        }
        report::tell_rates(
            "horizon: a drain after another, with a snapshot older than both",
            &[free.clone(), held.clone()],
        );
        if index == 0 {
            report.at_least("horizon", "share of the free rate", 0.6, held.ratio_to(&free));
        }
    }
    Ok(())
}

/// Kills 200,000 rows, then runs 100,000 jobs.
async fn rate(bench: &Bench, one: &dyn Contender, is_held: bool) -> Result<f64> {
    let (dead, jobs) = (bench.jobs(200_000), bench.jobs(100_000));
    one.clear().await?;
    let held = if is_held { Some(Held::take(&bench.db).await?) } else { None };
    one.add(dead).await?;
    bench.db.calm().await?;
    one.drain(dead).await?;
    one.add(jobs).await?;
    bench.db.calm().await?;
    let drained = one.drain(jobs).await?;
    if let Some(held) = held {
        held.release().await?;
    }
    one.clear().await?;
    Ok(as_f64(jobs) / drained.settled.as_secs_f64())
}

//! The reference: PostgreSQL alone, driven by pgbench on a narrow table with the index that such a claim needs.
//!
//! A queue cannot do less than take rows so that others see them taken, and later remove them: two transactions a
//! batch. What a queue reaches of this is what its own work leaves over.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::BoxFuture;
use tempfile::NamedTempFile;

use crate::contender::{Contender, Drained, Load, as_f64};
use crate::server::Db;

const SCHEMA: &str = "
drop table if exists bare;
create table bare (id bigint generated always as identity primary key, state text not null default 'available',
    run_at timestamptz not null default now(), payload jsonb not null);
create index on bare (run_at, id) where state = 'available'";

const CLAIM_AND_DELETE: &str = r"with claimed as (
    update bare set state = 'running' where id in (
        select id from bare where state = 'available' and run_at <= now() order by run_at, id limit {batch}
        for update skip locked
    ) returning id
) select coalesce(array_agg(id), '{}') as ids from claimed \gset
delete from bare where id = any(:ids::bigint[]);
";

const INSERT_ONE: &str = r#"insert into bare (payload) values ('{"n": 1}');"#;
const INSERT_MANY: &str = r#"insert into bare (payload) select '{"n": 1}' from generate_series(1, {batch});"#;

/// Clients that drain: as many as there are quiet cores on the smallest machine that this is run on.
const DRAINERS: usize = 2;

/// Bare claims of `batch` rows.
pub struct Bare {
    db: Db,
    name: String,
    batch: usize,
}

impl Bare {
    /// Claims of `batch` rows.
    pub fn new(db: &Db, batch: usize) -> Self {
        Self { db: db.clone(), name: format!("bare PostgreSQL, batch {batch}"), batch }
    }

    async fn count(&self) -> Result<i64> {
        let mut conn = self.db.connect().await?;
        Ok(sqlx::query_scalar("select count(*) from bare").fetch_one(&mut conn).await?)
    }
}

impl Contender for Bare {
    fn name(&self) -> &str {
        &self.name
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.db.run(SCHEMA))
    }

    fn add(&self, jobs: usize) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let mut conn = self.db.connect().await?;
            let sql = r#"insert into bare (payload) select '{"n": 1}' from generate_series(1, $1)"#;
            sqlx::query(sql).bind(i64::try_from(jobs)?).execute(&mut conn).await?;
            Ok(())
        })
    }

    fn drain(&self, jobs: usize) -> BoxFuture<'_, Result<Drained>> {
        Box::pin(async move {
            // Two more, because a claim may come away with less than a full batch.
            let each = jobs.div_ceil(self.batch * DRAINERS) + 2;
            let sql = CLAIM_AND_DELETE.replace("{batch}", &self.batch.to_string());
            let took = pgbench(&self.db, &sql, DRAINERS, &["-t", &each.to_string()]).await?.length();
            ensure!(self.count().await? == 0, "the bare drain left rows");
            Ok(Drained { ran: took, settled: took })
        })
    }

    fn enqueue(&self, load: Load) -> BoxFuture<'_, Result<f64>> {
        Box::pin(async move {
            let sql = if load.batch == 1 { INSERT_ONE } else { INSERT_MANY };
            let sql = sql.replace("{batch}", &load.batch.to_string());
            let seconds = load.length.as_secs().max(1).to_string();
            let outcome = pgbench(&self.db, &sql, load.clients, &["-T", &seconds]).await?;
            Ok(outcome.per_second * as_f64(load.batch))
        })
    }
}

struct Outcome {
    transactions: f64,
    per_second: f64,
}

impl Outcome {
    /// How long it took, without pgbench's own start.
    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.transactions / self.per_second)
    }
}

async fn pgbench(db: &Db, script: &str, clients: usize, amount: &[&str]) -> Result<Outcome> {
    let mut file = NamedTempFile::new().context("make pgbench's script")?;
    file.write_all(script.as_bytes()).context("write pgbench's script")?;
    let mut command = db.tool("pgbench");
    command.args(["-n", "-M", "prepared", "-j", "1", "-c", &clients.to_string(), "-f"]).arg(file.path());
    let output = command.args(amount).arg("postgres").output().await.context("run pgbench")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench failed: {text}{complaint}");
    let number = |label: &str, end: char| {
        let line = text.lines().find_map(|line| line.strip_prefix(label));
        let line = line.and_then(|rest| rest.split(end).next()?.trim().parse().ok());
        line.with_context(|| format!("no `{label}` in what pgbench printed: {text}"))
    };
    let transactions = number("number of transactions actually processed:", '/')?;
    Ok(Outcome { transactions, per_second: number("tps =", '(')? })
}

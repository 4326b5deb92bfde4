//! Counts statements by the server's log: exact, whatever their transactions, and with no extension.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::server::Db;

/// Statements that anybody sends to the server meanwhile.
pub(super) async fn during(db: &Db, length: Duration) -> Result<u32> {
    set_logging(db, "alter system set log_statement = 'all'").await?;
    let before = read(db)?.len();
    tokio::time::sleep(length).await;
    let text = read(db)?;
    set_logging(db, "alter system reset log_statement").await?;
    let is_statement = |line: &&str| line.contains("LOG:  statement:") || line.contains("LOG:  execute ");
    let count = text.get(before..).unwrap_or_default().lines().filter(is_statement).count();
    Ok(u32::try_from(count)?)
}

async fn set_logging(db: &Db, sql: &'static str) -> Result<()> {
    db.run(sql).await?;
    db.run("select pg_reload_conf()").await?;
    // Until every session has heard of it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

fn read(db: &Db) -> Result<String> {
    let bytes = std::fs::read(db.log()).context("read the server's log")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

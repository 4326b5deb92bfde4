//! `migrate`: brings the database to the current schema.

use std::process::ExitCode;

use super::{Context, output};
use crate::app::Database;

pub(super) async fn migrate(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let database = Database::open(&config, &context.host()?, true).await?;
    output::line("the database schema is current")?;
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

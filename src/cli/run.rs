//! `run`: the daemon.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::Context;
use crate::app::Role;
use crate::shutdown::Shutdown;

/// How long begun work may take after the signal to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(25);

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Run some roles only
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROLES")]
    only: Vec<Role>,
}

pub(super) async fn run(context: &Context, args: RunArgs) -> anyhow::Result<ExitCode> {
    let app = context.app()?;
    let database = context.database(&app.config).await?;
    let roles = if args.only.is_empty() { Role::ALL.to_vec() } else { args.only };
    let shutdown = Shutdown::new(STOP_DEADLINE);
    let served = app.serve(&database.store, &roles, &shutdown).await;
    if served.is_err() {
        shutdown.finish().await;
    }
    let ended = match served {
        Ok(_) => shutdown.run_until_stopped().await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    database.close().await;
    Ok(if ended? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

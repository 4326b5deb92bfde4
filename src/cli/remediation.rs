//! `remediation stop|resume|status`: the global stop of everything that changes AWS.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::actor::ActorArgs;
use super::{Context, Format, output};
use crate::clock::{Clock, SystemClock};
use crate::store::remediation::Switch;
use crate::store::{self, Store};

#[derive(Debug, Subcommand)]
pub(super) enum RemediationCommand {
    /// Let no replica make any further call that changes AWS; what is under way waits
    Stop(SwitchArgs),
    /// Let remediation go on
    Resume(SwitchArgs),
    /// Tell whether it is stopped, by whom and why
    Status {
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub(super) struct SwitchArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(super) async fn remediation(context: &Context, command: RemediationCommand) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let database = context.database(&config).await?;
    let done = match command {
        RemediationCommand::Stop(args) => turn(&database.store, true, args).await,
        RemediationCommand::Resume(args) => turn(&database.store, false, args).await,
        RemediationCommand::Status { format } => status(&database.store, format).await,
    };
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn turn(store: &Store, stopped: bool, args: SwitchArgs) -> anyhow::Result<()> {
    let actor = args.actor.actor(store).await?;
    let mut conn = store.conn().await?;
    store::remediation::set_switch(&mut conn, stopped, args.reason.as_deref(), &actor, SystemClock.now()).await?;
    output::line(if stopped { "remediation is stopped in every replica" } else { "remediation goes on" })?;
    Ok(())
}

async fn status(store: &Store, format: Format) -> anyhow::Result<()> {
    let switch = store::remediation::switch(&mut *store.conn().await?).await?;
    match format {
        Format::Json => output::json(&switch)?,
        Format::Table => output::line(words(&switch))?,
    }
    Ok(())
}

fn words(switch: &Switch) -> String {
    let is = if switch.stopped { "remediation is stopped" } else { "remediation is not stopped" };
    let Some(at) = switch.at else { return is.to_owned() };
    let who = switch.by.as_deref().unwrap_or("nobody named");
    let why = switch.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{is} (since {} by {who}{why})", at.format("%Y-%m-%d %H:%M:%S UTC"))
}

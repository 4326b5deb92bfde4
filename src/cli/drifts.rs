//! `drifts list|show|triage|approve|reject|resolve`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Context, Format, drift_table, output};
use crate::clock::{Clock, SystemClock};
use crate::domain::drift::{Drift, DriftStatus, ResolvedHow};
use crate::domain::severity::Severity;
use crate::domain::story::Story;
use crate::domain::user::Actor;
use crate::store::drift::DriftFilter;
use crate::store::{self, Store};
use crate::triage::{self, Action};

#[derive(Debug, Subcommand)]
pub(super) enum DriftsCommand {
    /// List drifts, the worst and newest first; open ones unless a status is asked for
    List(ListArgs),
    /// Show one drift: what changed, what it costs, its whole story
    Show(ShowArgs),
    /// Say that somebody looks after it (detected → triaged)
    Triage(ActArgs),
    /// Have it put back (triaged → approved)
    Approve(ReasonedArgs),
    /// Let it stand as it is (detected, triaged → rejected)
    Reject(ReasonedArgs),
    /// Say that it is over (approved, rejected → resolved)
    Resolve(ResolveArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// detected, triaged, approved, rejected or resolved; may be given more than once
    #[arg(long, value_name = "STATUS")]
    status: Vec<DriftStatus>,
    /// critical, warning or info; may be given more than once
    #[arg(long, value_name = "SEVERITY")]
    severity: Vec<Severity>,
    /// Resource type
    #[arg(long = "type", value_name = "TYPE")]
    resource_type: Option<String>,
    /// Account id
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Resource id
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    /// Resolved and rejected ones too
    #[arg(long, conflicts_with = "status")]
    all: bool,
    /// At most so many
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The drift's id, or the beginning of it
    id: String,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ActArgs {
    /// The drift's id, or the beginning of it
    id: String,
    /// The acting user (role engineer or admin); without it the action is recorded without a user
    #[arg(long = "as", value_name = "EMAIL", env = "DRIFTSENTRY_USER")]
    user: Option<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ReasonedArgs {
    #[command(flatten)]
    act: ActArgs,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    act: ActArgs,
    /// How it ended
    #[arg(long, value_enum, default_value_t = How::ManualFix)]
    how: How,
}

/// How a drift ended, as people say it by hand.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum How {
    /// Somebody put it back
    ManualFix,
    /// It is known and stays
    Acknowledged,
}

impl From<How> for ResolvedHow {
    fn from(how: How) -> Self {
        match how {
            How::ManualFix => Self::ManualFix,
            How::Acknowledged => Self::Acknowledged,
        }
    }
}

pub(super) async fn drifts(context: &Context, command: DriftsCommand) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let database = context.database(&config).await?;
    let store = &database.store;
    let done = match command {
        DriftsCommand::List(args) => list(store, args).await,
        DriftsCommand::Show(args) => show(store, &args).await,
        DriftsCommand::Triage(args) => act(store, &config.routes, args, Action::Triage).await,
        DriftsCommand::Approve(ReasonedArgs { act: args, reason }) => {
            act(store, &config.routes, args, Action::Approve { reason }).await
        }
        DriftsCommand::Reject(ReasonedArgs { act: args, reason }) => {
            act(store, &config.routes, args, Action::Reject { reason }).await
        }
        DriftsCommand::Resolve(ResolveArgs { act: args, how }) => {
            act(store, &config.routes, args, Action::Resolve { how: how.into() }).await
        }
    };
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(store: &Store, args: ListArgs) -> anyhow::Result<()> {
    let filter = DriftFilter {
        open_only: args.status.is_empty() && !args.all,
        statuses: args.status,
        severities: args.severity,
        resource_type: args.resource_type.map(|name| name.to_uppercase()),
        account: args.account,
        region: args.region,
        resource_id: args.resource,
        limit: args.limit,
    };
    let mut conn = store.conn().await?;
    let drifts = store::drift::list(&mut conn, &filter).await?;
    match args.format {
        Format::Json => output::json(&drifts)?,
        Format::Table if drifts.is_empty() => output::line("no drifts")?,
        Format::Table => output::line(drift_table::table(drifts.iter().map(Story::from)))?,
    }
    if i64::try_from(drifts.len())? == args.limit {
        output::note(format_args!("the first {} are shown; --limit shows more", args.limit));
    }
    Ok(())
}

async fn show(store: &Store, args: &ShowArgs) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let drift = store::drift::find(&mut conn, &args.id).await?;
    let events = store::event::list(&mut conn, drift.id).await?;
    if args.format == Format::Json {
        let mut value = serde_json::to_value(&drift)?;
        value["events"] = serde_json::to_value(&events)?;
        return output::json(&value);
    }
    output::line(Story::from(&drift).text())?;
    output::line("Timeline:")?;
    for event in events {
        let who = event.actor_email.as_deref().unwrap_or("driftsentry");
        let reason = event.details.as_ref().and_then(|d| d.get("reason")).and_then(|r| r.as_str());
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        output::line(format_args!(
            "  {}  {:<9} by {who}{reason}",
            event.at.format("%Y-%m-%d %H:%M:%S UTC"),
            event.event
        ))?;
    }
    Ok(())
}

async fn act(store: &Store, routes: &[crate::config::Route], args: ActArgs, action: Action) -> anyhow::Result<()> {
    let actor = match &args.user {
        Some(email) => Actor::from(&triage::actor(store, email).await?),
        None => Actor::system(),
    };
    let mut conn = store.conn().await?;
    let id = store::drift::find(&mut conn, &args.id).await?.id;
    drop(conn);
    let drift: Drift = triage::act(store, routes, id, &action, &actor, SystemClock.now()).await?;
    match args.format {
        Format::Json => output::json(&drift)?,
        Format::Table => output::line(format_args!("{} is {}", drift.id, drift.status))?,
    }
    Ok(())
}

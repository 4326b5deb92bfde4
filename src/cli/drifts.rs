//! `drifts list|show|plan|triage|approve|reject|ignore|resolve`.

use std::process::ExitCode;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde_json::json;

use super::actor::ActorArgs;
use super::{Context, Format, baseline, drift_plan, drift_table, output};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, RemediationMode};
use crate::domain::approval::{seen_hash, short};
use crate::domain::drift::{Drift, DriftStatus, ResolvedHow};
use crate::domain::severity::Severity;
use crate::domain::story::Story;
use crate::domain::words::clean;
use crate::store::drift::DriftFilter;
use crate::store::{self, Store};
use crate::triage::{self, Action, Approve};

#[derive(Debug, Subcommand)]
pub(super) enum DriftsCommand {
    /// List drifts, the worst and newest first; open ones unless a status is asked for
    List(ListArgs),
    /// Show one drift: what changed, what it costs, its whole story
    Show(ShowArgs),
    /// Show what would be done to put it back, call by call; changes nothing
    Plan(ShowArgs),
    /// Say that somebody looks after it (detected → triaged)
    Triage(ActArgs),
    /// Have it put back (triaged → approved); of an approved drift, once more after that did not work
    Approve(ApproveArgs),
    /// Let it stand as it is (detected, triaged → rejected)
    Reject(RejectArgs),
    /// Say that it is no drift: a rule for exactly this resource and what changed; the next scan ends the drift
    Ignore(IgnoreArgs),
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

impl ShowArgs {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }
}

#[derive(Debug, Args)]
pub(super) struct ActArgs {
    /// The drift's id, or the beginning of it
    id: String,
    #[command(flatten)]
    actor: ActorArgs,
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
pub(super) struct ApproveArgs {
    #[command(flatten)]
    reasoned: ReasonedArgs,
    /// What you saw, as `drifts show` and `drifts plan` print it; if the drift says something else by now, it is not
    /// approved
    #[arg(long, value_name = "HASH")]
    seen: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RejectArgs {
    #[command(flatten)]
    reasoned: ReasonedArgs,
    /// Take what is live over into the baseline as well, so that the next scan finds it as expected
    #[arg(long)]
    accept: bool,
}

#[derive(Debug, Args)]
pub(super) struct IgnoreArgs {
    #[command(flatten)]
    reasoned: ReasonedArgs,
    /// The last day (UTC) on which it is ignored; for ever unless given
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// JSON pointer with globs instead of exactly what changed; may be given more than once
    #[arg(long = "path", value_name = "POINTER")]
    paths: Vec<String>,
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
    let app = if matches!(command, DriftsCommand::Plan(_)) { Some(context.app()?) } else { None };
    let config = app.as_ref().map_or_else(|| context.config(), |app| Ok((*app.config).clone()))?;
    let database = context.database(&config).await?;
    let store = &database.store;
    let done = match command {
        DriftsCommand::Plan(args) => match &app {
            Some(app) => drift_plan::plan(app, store, &args).await,
            None => Ok(()),
        },
        DriftsCommand::List(args) => list(store, args).await,
        DriftsCommand::Show(args) => show(store, &args).await,
        DriftsCommand::Triage(args) => act(store, &config.routes, args, Action::Triage).await,
        DriftsCommand::Approve(ApproveArgs { reasoned: ReasonedArgs { act: args, reason }, seen }) => {
            approve(store, &config, args, reason, seen).await
        }
        DriftsCommand::Reject(RejectArgs { reasoned, accept: true }) => accept(store, &config, reasoned).await,
        DriftsCommand::Reject(RejectArgs { reasoned: ReasonedArgs { act: args, reason }, .. }) => {
            act(store, &config.routes, args, Action::Reject { reason }).await
        }
        DriftsCommand::Ignore(args) => ignore(store, args).await,
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
    let calls = store::remediation::attempts_of_drift(&mut conn, drift.id).await?;
    let remediation = store::remediation::latest_of_drift(&mut conn, drift.id).await?;
    let seen = seen_hash(&drift.expected_state, &drift.actual_state);
    if args.format == Format::Json {
        let mut value = serde_json::to_value(&drift)?;
        value["events"] = serde_json::to_value(&events)?;
        value["seen"] = seen.into();
        value["remediation"] = serde_json::to_value(&remediation)?;
        value["calls"] = serde_json::to_value(&calls)?;
        return output::json(&value);
    }
    output::line(Story::from(&drift).text())?;
    output::line(format_args!("Seen: {} (for `drifts approve --seen`)\n", short(&seen)))?;
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
    if !calls.is_empty() {
        output::line("Calls to AWS:")?;
    }
    for call in calls {
        let id = call.request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
        let error = call.error.map(|error| format!(": {error}")).unwrap_or_default();
        let text = format!("{} {}: {}{id}{error}", call.operation, call.summary, call.outcome);
        output::line(format_args!("  {}  {}", call.started_at.format("%Y-%m-%d %H:%M:%S UTC"), clean(&text)))?;
    }
    Ok(())
}

async fn approve(
    store: &Store,
    config: &Config,
    args: ActArgs,
    reason: Option<String>,
    seen: Option<String>,
) -> anyhow::Result<()> {
    let remediate = config.remediation.mode == RemediationMode::Apply;
    let is_table = args.format == Format::Table;
    act(store, &config.routes, args, Action::Approve(Approve { reason, seen, remediate })).await?;
    if is_table {
        output::line(match config.remediation.mode {
            RemediationMode::Apply => "a worker puts it back now: `driftsentry drifts show` tells how far it is",
            _ => "nothing is changed in AWS, because [remediation] mode is not \"apply\"",
        })?;
    }
    Ok(())
}

async fn accept(store: &Store, config: &Config, args: ReasonedArgs) -> anyhow::Result<()> {
    let ReasonedArgs { act: args, reason } = args;
    anyhow::ensure!(baseline::is_source(config), "{}, or reject the drift without --accept", baseline::ADD_SOURCE);
    act(store, &config.routes, args, Action::Accept { reason }).await
}

async fn ignore(store: &Store, args: IgnoreArgs) -> anyhow::Result<()> {
    let IgnoreArgs { reasoned: ReasonedArgs { act: args, reason }, until, paths } = args;
    let actor = args.actor.actor(store).await?;
    let id = store::drift::find(&mut *store.conn().await?, &args.id).await?.id;
    let wanted = triage::Ignore { paths, reason, until };
    let done = triage::ignore(store, id, &wanted, &actor, SystemClock.now()).await?;
    if args.format == Format::Json {
        return output::json(&json!({ "rule": done.rule, "drift_id": id, "paths": done.paths, "until": until,
            "changes_covered": done.covered, "changes": done.drift.changes.len() }));
    }
    let held = until.map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"));
    let (rule, key, all) = (done.rule, &done.drift.key, done.drift.changes.len());
    let ends = if done.covered == all { ", which ends the drift" } else { "" };
    output::line(format_args!("rule {rule} ignores {held} {} of {all} changes of {key}", done.covered))?;
    output::line(format_args!(
        "it counts from the next scan on{ends}; `driftsentry ignores remove {rule}` takes it back"
    ))?;
    Ok(())
}

async fn act(store: &Store, routes: &[crate::config::Route], args: ActArgs, action: Action) -> anyhow::Result<()> {
    let actor = args.actor.actor(store).await?;
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

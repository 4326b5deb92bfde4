//! `baseline capture`: what is live now is what is expected.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{IdArgs, hint_at_source};
use crate::app::App;
use crate::cli::actor::ActorArgs;
use crate::cli::scan::FilterArgs;
use crate::cli::{Context, Format, output};
use crate::domain::baseline::BaselineAct;
use crate::domain::id::{ResourceKey, Scope};
use crate::resource::BUILTIN;
use crate::scan::baseline::{Comparison, Ids};
use crate::scan::capture::{Captured, Wanted};
use crate::scan::{self, plan};
use crate::store::Store;
use crate::store::baseline::NewVersion;

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(in crate::cli) struct CaptureArgs {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    ids: IdArgs,
    /// Only what no other source of expected state declares; what one declares leaves the baseline
    #[arg(long)]
    undeclared: bool,
    /// Also the attributes that cost a call per instance (EC2 user data, termination and stop protection)
    #[arg(long)]
    deep: bool,
    /// Write a JSON document here instead of the database; a folder gets one file per account, region and type
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite a file even if it holds something else than expected state
    #[arg(long, requires = "out")]
    force: bool,
    /// Say what would be added, changed and removed in the database, and write nothing
    #[arg(long, conflicts_with = "out")]
    dry_run: bool,
    /// Why, kept with the version in the database
    #[arg(long, value_name = "TEXT", conflicts_with = "out")]
    note: Option<String>,
    #[command(flatten)]
    actor: ActorArgs,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t, conflicts_with = "out")]
    format: Format,
}

pub(super) async fn capture(context: &Context, args: CaptureArgs) -> anyhow::Result<ExitCode> {
    let app = context.app()?;
    let accounts = app.scanner.accounts().await?;
    let scopes = plan::shards(&args.filter.to_filter(), &accounts, BUILTIN)?;
    if let Some(out) = &args.out {
        let database = if args.undeclared { context.database_of_sources(&app).await? } else { None };
        let done = into_file(&app, &args, &scopes, out).await;
        if let Some(database) = database {
            database.close().await;
        }
        return done;
    }
    let database = context.database(&app.config).await?;
    let done = into_database(&app, &database.store, &args, &scopes).await;
    database.close().await;
    done
}

async fn read(app: &App, args: &CaptureArgs, scopes: &[Scope], wanted: &Wanted) -> anyhow::Result<Captured> {
    let ids = Ids(args.ids.ids.clone());
    let mut captured = scan::capture::capture_wanted(&app.scanner, scopes, args.deep, wanted, &|scope, count| {
        output::note(format_args!("{scope}: {}", output::count(count, "resource")));
    })
    .await?;
    if !args.ids.ids.is_empty() {
        captured.retain(|key| ids.cover(&key.resource_id));
    }
    if args.undeclared {
        leave_out_declared(app, &mut captured).await?;
    }
    for error in &captured.errors {
        output::note(format_args!("not captured: {error}"));
    }
    Ok(captured)
}

/// Leaves out what another source declares: twice declared, it would be in dispute.
async fn leave_out_declared(app: &App, captured: &mut Captured) -> anyhow::Result<()> {
    let estate = app.scanner.estate().await?;
    anyhow::ensure!(
        estate.is_complete(),
        "it cannot be told what other sources declare: `driftsentry expected check` tells what is wrong with them"
    );
    captured.retain(|key| !scan::baseline::is_declared_elsewhere(&estate, key));
    Ok(())
}

fn exit_code(captured: &Captured) -> ExitCode {
    if captured.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn into_file(app: &App, args: &CaptureArgs, scopes: &[Scope], out: &Path) -> anyhow::Result<ExitCode> {
    scan::capture::refuse_overwriting(out, scopes, args.force)?;
    let captured = read(app, args, scopes, &Wanted::new()).await?;
    scan::capture::write(&captured, out).with_context(|| format!("write {}", out.display()))?;
    let count = output::count(captured.resources.len(), "resource");
    output::line(format_args!("{count} captured in {}", out.display()))?;
    Ok(exit_code(&captured))
}

async fn into_database(app: &App, store: &Store, args: &CaptureArgs, scopes: &[Scope]) -> anyhow::Result<ExitCode> {
    let actor = args.actor.actor(store).await?;
    app.use_database(store);
    let ids = Ids(args.ids.ids.clone());
    let wanted = scan::baseline::wanted(store, scopes).await?;
    let captured = read(app, args, scopes, &wanted).await?;
    anyhow::ensure!(
        args.dry_run || !captured.listed.is_empty() || !captured.resources.is_empty(),
        "nothing could be read, so the baseline stays as it is"
    );
    let (version, comparison) = if args.dry_run {
        (None, scan::baseline::preview(store, &captured, scopes, &ids).await?)
    } else {
        let new = NewVersion { act: BaselineAct::Captured, actor, note: args.note.clone(), drift_id: None };
        let now = app.clock.now();
        let (version, comparison) = scan::baseline::keep(store, &captured, scopes, &ids, &new, now).await?;
        (Some(version), comparison)
    };
    for refused in &comparison.refused {
        output::note(format_args!("not captured: {refused}"));
    }
    match args.format {
        Format::Json => output::json(&as_json(version, &comparison, &captured))?,
        Format::Table => print(version, &comparison)?,
    }
    hint_at_source(&app.config);
    Ok(if comparison.refused.is_empty() { exit_code(&captured) } else { ExitCode::FAILURE })
}

fn as_json(version: Option<i64>, comparison: &Comparison, captured: &Captured) -> serde_json::Value {
    let keys = |keys: Vec<&ResourceKey>| json!(keys);
    let not_captured: Vec<&String> = captured.errors.iter().chain(&comparison.refused).collect();
    json!({
        "dry_run": version.is_none(),
        "version": version,
        "against": comparison.against,
        "added": keys(comparison.edits.added.iter().map(|(key, _)| key).collect()),
        "changed": comparison.changed,
        "removed": keys(comparison.edits.removed.iter().collect()),
        "unchanged": comparison.unchanged,
        "kept_unread": comparison.kept_unread,
        "not_captured": not_captured,
    })
}

fn print(version: Option<i64>, comparison: &Comparison) -> std::io::Result<()> {
    for (key, _) in &comparison.edits.added {
        output::line(format_args!("+ {key}"))?;
    }
    for changed in &comparison.changed {
        output::line(format_args!("~ {}: {}", changed.key, changed.pointers.join(", ")))?;
    }
    for key in &comparison.edits.removed {
        output::line(format_args!("- {key}"))?;
    }
    let Comparison { edits, unchanged, kept_unread, against, .. } = comparison;
    let counts = format!(
        "{} added, {} changed, {} removed, {unchanged} as before",
        edits.added.len(),
        edits.changed.len(),
        edits.removed.len()
    );
    let kept = if *kept_unread > 0 { format!(", {kept_unread} unread and kept") } else { String::new() };
    let before = if *against > 0 { format!("version {against}") } else { "no version yet".to_owned() };
    match version {
        Some(version) => output::line(format_args!("version {version}: {counts}{kept}")),
        None => output::line(format_args!("would be: {counts}{kept} (against {before}); nothing is written")),
    }
}

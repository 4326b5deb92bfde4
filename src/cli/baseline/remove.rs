//! `baseline remove`: resources that are not to be declared any more.

use std::process::ExitCode;

use clap::Args;

use super::{Context, PartArgs, output};
use crate::cli::actor::ActorArgs;
use crate::clock::{Clock, SystemClock};
use crate::domain::baseline::BaselineAct;
use crate::domain::id::ResourceKey;
use crate::store::baseline::{Edits, NewVersion};
use crate::store::{self, Store, StoreError};

#[derive(Debug, Args)]
pub(in crate::cli) struct RemoveArgs {
    #[command(flatten)]
    part: PartArgs,
    /// Say what would be taken out, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Why, kept with the version
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    actor: ActorArgs,
}

pub(super) async fn remove(context: &Context, args: RemoveArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(!args.part.ids.ids.is_empty(), "name the resources by --id; --id '*' is all of them");
    let config = context.config()?;
    let part = args.part.to_part(&config)?;
    let database = context.database(&config).await?;
    let done = remove_part(&database.store, &part, &args).await;
    database.close().await;
    let (version, removed) = done?;
    for key in &removed {
        output::line(format_args!("- {key}"))?;
    }
    let count = output::count(removed.len(), "resource");
    match version {
        Some(version) => output::line(format_args!("version {version}: {count} removed"))?,
        None if args.dry_run => output::line(format_args!("would be: {count} removed; nothing is written"))?,
        None => anyhow::bail!("the baseline holds no such resource: `driftsentry baseline show` tells what it holds"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove_part(
    store: &Store,
    part: &super::Part,
    args: &RemoveArgs,
) -> anyhow::Result<(Option<i64>, Vec<ResourceKey>)> {
    let actor = args.actor.actor(store).await?;
    let mut tx = store.begin().await?;
    store::baseline::lock(&mut tx).await?;
    let newest = store::baseline::newest(&mut tx).await?;
    let removed: Vec<ResourceKey> =
        part.of_version(&mut tx, newest).await?.into_iter().map(|entry| entry.key).collect();
    if args.dry_run || removed.is_empty() {
        return Ok((None, removed));
    }
    let new = NewVersion { act: BaselineAct::Removed, actor, note: args.note.clone(), drift_id: None };
    let edits = Edits { removed: removed.clone(), ..Edits::default() };
    let version = store::baseline::add_version(&mut tx, &new, &edits, SystemClock.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((Some(version), removed))
}

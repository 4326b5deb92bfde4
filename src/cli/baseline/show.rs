//! `baseline list` and `baseline show`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Context, PartArgs, output};
use crate::cli::Format;
use crate::domain::baseline::BaselineVersion;
use crate::store::{self, Store};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The version; the newest unless one is named
    #[arg(id = "number", value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
    #[command(flatten)]
    part: PartArgs,
    /// How the result is printed; as JSON it is a document of expected state
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn list(context: &Context, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let database = context.database(&config).await?;
    let versions = read_versions(&database.store, args.limit).await;
    database.close().await;
    let versions = versions?;
    match args.format {
        Format::Json => output::json(&versions)?,
        Format::Table if versions.is_empty() => output::line("no baseline: `driftsentry baseline capture` makes one")?,
        Format::Table => output::line(table(versions))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn read_versions(store: &Store, limit: i64) -> Result<Vec<BaselineVersion>, store::StoreError> {
    store::baseline::versions(&mut *store.conn().await?, limit).await
}

fn table(versions: Vec<BaselineVersion>) -> comfy_table::Table {
    let mut table = output::table(&["Version", "When (UTC)", "Act", "By", "+", "~", "-", "Resources", "Note"]);
    for version in versions {
        table.add_row([
            version.version.to_string(),
            version.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            version.act.as_str().to_owned(),
            version.created_by_email.unwrap_or_else(|| "nobody named".to_owned()),
            version.added.to_string(),
            version.changed.to_string(),
            version.removed.to_string(),
            version.resources.to_string(),
            version.note.unwrap_or_default(),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2]);
    output::no_narrower(&mut table, 8, 12);
    table
}

pub(super) async fn show(context: &Context, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let part = args.part.to_part(&config)?;
    let database = context.database(&config).await?;
    let read = async {
        let mut conn = database.store.conn().await?;
        let newest = store::baseline::newest(&mut conn).await?;
        let version = args.version.unwrap_or(newest);
        anyhow::ensure!(newest > 0, "there is no baseline: `driftsentry baseline capture` makes one");
        anyhow::ensure!(version <= newest, "there is no version {version}: the newest is {newest}");
        Ok((version, part.of_version(&mut conn, version).await?))
    };
    let read = read.await;
    database.close().await;
    let (version, entries) = read?;
    if args.format == Format::Json {
        output::json(&json!({ "resources": entries }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = output::table(&["Type", "Resource", "Account", "Region", "Since version", "Attributes"]);
    for entry in &entries {
        let scope = &entry.key.scope;
        table.add_row([
            scope.resource_type.clone(),
            entry.key.resource_id.clone(),
            scope.account_id.to_string(),
            scope.region.to_string(),
            entry.since_version.to_string(),
            entry.state.names().count().to_string(),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3]);
    if !entries.is_empty() {
        output::line(table)?;
    }
    output::line(format_args!("version {version}: {}", output::count(entries.len(), "resource")))?;
    Ok(ExitCode::SUCCESS)
}

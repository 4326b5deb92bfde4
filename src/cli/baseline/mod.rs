//! `baseline capture|list|show|remove`: live state becomes expected state, in a file or in the database.

mod capture;
mod remove;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use futures::TryStreamExt as _;
use sqlx::PgConnection;

use super::{Context, output};
use crate::config::Config;
use crate::domain::baseline::{BaselineEntry, DOCUMENT};
use crate::domain::id::ResourceKey;
use crate::domain::rule::Glob;
use crate::scan::baseline::Ids;
use crate::store::{self, StoreError};

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Read live state and keep it as expected state, in the database or as a JSON document
    Capture(capture::CaptureArgs),
    /// List the versions of the baseline in the database, the newest first
    List(show::ListArgs),
    /// Show what a version of the baseline in the database declares, the newest unless one is named
    Show(show::ShowArgs),
    /// Take resources out of the baseline in the database
    Remove(remove::RemoveArgs),
}

/// Which resources, by their ids.
#[derive(Debug, Clone, Default, Args)]
struct IdArgs {
    /// Resource id, `*` and `?` allowed; may be given more than once
    #[arg(long = "id", value_name = "GLOB", value_parser = glob)]
    ids: Vec<Glob>,
}

fn glob(text: &str) -> Result<Glob, String> {
    Glob::parse(text).map_err(|error| format!("malformed glob: {}", error.kind()))
}

/// Which part of the baseline, without asking AWS.
#[derive(Debug, Clone, Default, Args)]
struct PartArgs {
    #[command(flatten)]
    filter: super::scan::FilterArgs,
    #[command(flatten)]
    ids: IdArgs,
}

/// The same, checked.
struct Part {
    accounts: Vec<String>,
    regions: Vec<String>,
    types: Vec<String>,
    ids: Ids,
}

impl PartArgs {
    fn to_part(&self, config: &Config) -> anyhow::Result<Part> {
        let filter = self.filter.to_filter();
        let account = |name: &String| {
            let configured = config.aws.accounts.iter().find(|account| account.name == *name);
            let id = configured.map_or_else(|| name.clone(), |account| account.id.to_string());
            let is_id = crate::domain::id::AccountId::from(id.as_str()).is_valid();
            anyhow::ensure!(is_id, "no account is called `{name}`: write a configured name, or an id of twelve digits");
            Ok(id)
        };
        Ok(Part {
            accounts: filter.accounts.iter().map(account).collect::<anyhow::Result<_>>()?,
            regions: filter.regions.iter().map(ToString::to_string).collect(),
            types: filter.resource_types,
            ids: Ids(self.ids.ids.clone()),
        })
    }
}

impl Part {
    fn holds(&self, key: &ResourceKey) -> bool {
        let is = |wanted: &[String], it: &str| wanted.is_empty() || wanted.iter().any(|one| one == it);
        is(&self.accounts, key.scope.account_id.as_str())
            && is(&self.regions, key.scope.region.as_str())
            && is(&self.types, &key.scope.resource_type)
            && self.ids.cover(&key.resource_id)
    }

    /// The entries of a version that are in this part.
    async fn of_version(&self, conn: &mut PgConnection, version: i64) -> Result<Vec<BaselineEntry>, StoreError> {
        let entries = store::baseline::entries(conn, version);
        entries.try_filter(|entry| std::future::ready(self.holds(&entry.key))).try_collect().await
    }
}

pub(super) async fn baseline(context: &Context, command: BaselineCommand) -> anyhow::Result<ExitCode> {
    match command {
        BaselineCommand::Capture(args) => capture::capture(context, args).await,
        BaselineCommand::List(args) => show::list(context, &args).await,
        BaselineCommand::Show(args) => show::show(context, &args).await,
        BaselineCommand::Remove(args) => remove::remove(context, args).await,
    }
}

/// Whether scans compare with the baseline in the database.
pub(super) fn is_source(config: &Config) -> bool {
    config.expected.iter().any(|source| source.kind == DOCUMENT)
}

/// What has to be written so that scans do.
pub(super) const ADD_SOURCE: &str = "no source of kind `baseline` is configured, so scans do not compare with it: write \
                                     [[expected]] with kind = \"baseline\"";

fn hint_at_source(config: &Config) {
    if !is_source(config) {
        output::note(format_args!("note: {ADD_SOURCE}"));
    }
}

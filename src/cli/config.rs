//! `config check` and `config default`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::{Context, output};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the configuration: every problem at once, each with its line and what to write instead
    Check,
    /// Print the commented default configuration
    Default,
}

pub(super) fn config(context: &Context, command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Default => output::line(crate::config::DEFAULT.trim_end())?,
        ConfigCommand::Check => {
            let file = crate::config::find_file(context.global.config.as_deref(), &context.env);
            let config = context.config().context("the configuration cannot be used")?;
            let name = file.map_or_else(|| "the defaults".to_owned(), |file| file.display().to_string());
            output::line(format_args!(
                "{name}: no problem found ({}, {} of expected state, {}, {}, {})",
                output::count(config.aws.accounts.len().max(1), "account"),
                output::count(config.expected.len(), "source"),
                output::count(config.schedules.len(), "schedule"),
                output::count(config.channels.len(), "channel"),
                output::count(config.routes.len(), "route"),
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

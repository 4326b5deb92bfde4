//! `expected check` and `expected mapping`: what the sources of expected state hold, and every problem.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::progress::Progress;
use super::{Context, Format, output};
use crate::clock::{Clock, SystemClock};
use crate::expected::{Estate, Expected, Parts, report, s3_locations, source_at};
use crate::resource::BUILTIN;
use crate::resource::aws::AwsPool;

#[derive(Debug, Subcommand)]
pub(super) enum ExpectedCommand {
    /// Load every source; say what it holds and every problem, with file, line and JSON pointer
    Check {
        /// Check this Terraform state alone, without a configuration: a file, a folder, a glob, s3://…, https://…, or -
        /// for standard input
        #[arg(long, value_name = "PLACE")]
        terraform: Vec<String>,
        /// The same for a document of states in JSON
        #[arg(long, value_name = "PLACE")]
        json: Vec<String>,
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print which Terraform attribute is compared with which attribute of AWS, as Markdown
    Mapping,
}

pub(super) async fn expected(context: &Context, command: ExpectedCommand) -> anyhow::Result<ExitCode> {
    match command {
        ExpectedCommand::Check { terraform, json, format } => {
            let places = [("terraform", terraform), ("json", json)];
            let places: Vec<(&str, &str)> =
                places.iter().flat_map(|(kind, paths)| paths.iter().map(|path| (*kind, path.as_str()))).collect();
            let progress = Progress::spin("reading expected state");
            let estate = if places.is_empty() { configured(context).await? } else { named(context, &places).await? };
            drop(progress);
            print(&estate, format)
        }
        ExpectedCommand::Mapping => {
            let mut out = std::io::stdout().lock();
            output::tolerate_closed_pipe(out.write_all(crate::expected::mapping_table().as_bytes()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What the configured sources hold.
async fn configured(context: &Context) -> anyhow::Result<Arc<Estate>> {
    let app = context.app()?;
    let database = context.database_of_sources(&app).await?;
    // Documents can be checked against each other without AWS; only whose they are stays open then.
    let estate = match app.scanner.accounts().await {
        Ok(accounts) => app.scanner.expected().estate(&accounts).await,
        Err(error) => {
            output::note(format_args!("the account is not known, so accounts and regions are not checked: {error}"));
            app.scanner.expected().estate(&[]).await
        }
    };
    if let Some(database) = database {
        database.close().await;
    }
    Ok(estate)
}

/// What these places hold. It takes no configuration, and AWS only for what lies there.
async fn named(context: &Context, places: &[(&str, &str)]) -> anyhow::Result<Arc<Estate>> {
    let from_stdin = places.iter().filter(|(_, path)| *path == "-").count();
    anyhow::ensure!(from_stdin < 2, "standard input can be read once: name one place `-`");
    let sources: Vec<_> = places.iter().map(|(kind, path)| source_at(kind, path, &context.env)).collect();
    let mut parts = Parts { takes_stdin: true, ..Parts::from(BUILTIN) };
    if !s3_locations(&sources).is_empty() {
        let config = crate::config::load(None, context.env.clone(), &crate::app::vocabulary())?;
        crate::crypto::install();
        parts.aws = Some(AwsPool::new(&config.aws));
    }
    let expected = Expected::build(&sources, parts).map_err(crate::app::problems)?;
    Ok(expected.estate(&[]).await)
}

fn print(estate: &Estate, format: Format) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let written = match format {
        Format::Table => report::write_text(estate, SystemClock.now(), &mut out),
        Format::Json => report::write_json(estate, &mut out),
    };
    output::tolerate_closed_pipe(written)?;
    Ok(if estate.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

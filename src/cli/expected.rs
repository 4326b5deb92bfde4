//! `expected check` and `expected mapping`: what the sources of expected state hold, and every problem.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, Format, output};

#[derive(Debug, Subcommand)]
pub(super) enum ExpectedCommand {
    /// Load every source; say what it holds and every problem, with file, line and JSON pointer
    Check {
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print which Terraform attribute is compared with which attribute of AWS, as Markdown
    Mapping,
}

pub(super) async fn expected(context: &Context, command: ExpectedCommand) -> anyhow::Result<ExitCode> {
    match command {
        ExpectedCommand::Check { format } => check(context, format).await,
        ExpectedCommand::Mapping => {
            let mut out = std::io::stdout().lock();
            output::tolerate_closed_pipe(out.write_all(crate::expected::mapping_table().as_bytes()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn check(context: &Context, format: Format) -> anyhow::Result<ExitCode> {
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
    let mut out = std::io::stdout().lock();
    let written = match format {
        Format::Table => crate::expected::report::write_text(&estate, &mut out),
        Format::Json => crate::expected::report::write_json(&estate, &mut out),
    };
    output::tolerate_closed_pipe(written)?;
    Ok(if estate.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! `baseline capture`: live state becomes expected state.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::scan::FilterArgs;
use super::{Context, output};
use crate::resource::BUILTIN;
use crate::scan::{capture, plan};

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Read live state and write it as a JSON document of expected state
    Capture(CaptureArgs),
}

#[derive(Debug, Args)]
pub(super) struct CaptureArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Write the document here; a folder gets one file per account, region and type
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Also the attributes that cost a call per instance (EC2 user data, termination and stop protection)
    #[arg(long)]
    deep: bool,
    /// Overwrite a file even if it holds something else than expected state
    #[arg(long)]
    force: bool,
}

pub(super) async fn baseline(context: &Context, command: BaselineCommand) -> anyhow::Result<ExitCode> {
    let BaselineCommand::Capture(args) = command;
    let app = context.app()?;
    let accounts = app.scanner.accounts().await?;
    let scopes = plan::shards(&args.filter.to_filter(), &accounts, BUILTIN)?;
    capture::refuse_overwriting(&args.out, &scopes, args.force)?;
    let captured = capture::capture(&app.scanner, &scopes, args.deep, &|scope, count| {
        output::note(format_args!("{scope}: {}", output::count(count, "resource")));
    })
    .await?;
    capture::write(&captured, &args.out).with_context(|| format!("write {}", args.out.display()))?;
    for error in &captured.errors {
        output::note(format_args!("not captured: {error}"));
    }
    output::line(format_args!(
        "{} captured in {}",
        output::count(captured.resources.len(), "resource"),
        args.out.display()
    ))?;
    Ok(if captured.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

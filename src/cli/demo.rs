//! `demo`: all of it on this machine.

use std::process::ExitCode;

use clap::Args;

use super::Context;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End when it is done, with 0 if all of it worked
    #[arg(long)]
    once: bool,
}

#[allow(clippy::unused_async, reason = "the demo waits for everything it starts")]
pub(super) async fn demo(_context: &Context, args: DemoArgs) -> anyhow::Result<ExitCode> {
    let _ = args.once;
    anyhow::bail!("the demo is not in this build yet")
}

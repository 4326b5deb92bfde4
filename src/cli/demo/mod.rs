//! `demo`: all of it on this machine, without AWS and without a step by hand.

mod show;
mod stage;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;

use super::outcome::{Outcome, by_reason};
use super::scan;
use super::{Context, output};
use crate::app::Role;
use crate::config::{ScanFilter, Unmanaged};
use crate::demo::{build, make_mistakes};
use crate::embedded::Host;
use crate::resource::BUILTIN;
use crate::scan::{capture, plan};
use crate::store;
use stage::Stage;

/// How long the alerts may take to arrive.
const DELIVERY_TIMEOUT: Duration = Duration::from_mins(1);
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End when it is done, with 0 if all of it worked
    #[arg(long)]
    once: bool,
}

pub(super) async fn demo(context: &Context, args: DemoArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    output::note("Setting the stage: a private PostgreSQL, an AWS emulator, a mail server, a webhook receiver");
    let host = context.host()?;
    let stage = tokio::select! {
        stage = Box::pin(Stage::set(&host)) => stage?,
        () = &mut stop => return Ok(ExitCode::FAILURE),
    };
    let played = tokio::select! {
        played = Box::pin(play(&stage, &host, args.once)) => played,
        // To stop is the way to end it once it serves, so no fault then.
        () = &mut stop => Ok(()),
    };
    output::note("Stopping everything and cleaning up");
    stage.strike().await;
    played.map(|()| ExitCode::SUCCESS)
}

/// Comes when the user wants to end it.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

async fn play(stage: &Stage, host: &Host, once: bool) -> anyhow::Result<()> {
    stage.app.serve(&stage.store, &[Role::Worker], &stage.shutdown).await?;
    let mistakes = Box::pin(set_up(stage)).await?;

    show::heading("A scan compares what is there with what is declared")?;
    let scopes = plan::shards(&ScanFilter::default(), &stage.app.scanner.accounts().await?, BUILTIN)?;
    let outcome = scan::stored(&stage.app, &stage.store, &scopes, None, Unmanaged::Ignore.into()).await?;
    outcome.print(super::Format::Table)?;
    check(&outcome, mistakes)?;

    wait_for_deliveries(stage).await?;
    show::alerts(&stage.smtp.mails()?, &stage.sink.requests())?;
    if once {
        return Ok(());
    }
    stage.app.serve(&stage.store, &[Role::Scheduler], &stage.shutdown).await?;
    show::how_to_go_on(stage.address, &host.program, &stage.config_file)?;
    std::future::pending().await
}

/// Makes the estate, declares it as it is, and lets people loose on it. Returns how many mistakes they made.
async fn set_up(stage: &Stage) -> anyhow::Result<usize> {
    show::heading("An estate is made through the AWS API and declared as it is")?;
    let scanner = &stage.app.scanner;
    let estate = Box::pin(build(scanner.pool(), &Stage::account())).await?;
    let scopes = plan::shards(&ScanFilter::default(), &scanner.accounts().await?, BUILTIN)?;
    let captured = capture::capture(scanner, &scopes, false, &|_, _| {}).await?;
    anyhow::ensure!(captured.errors.is_empty(), "not everything could be captured: {}", captured.errors.join("; "));
    let expected = stage.expected();
    capture::write(&captured, &expected).with_context(|| format!("write {}", expected.display()))?;
    output::line(format_args!("{} resources made, {} declared in files", estate.size, captured.resources.len()))?;

    show::heading("Then people make mistakes by hand")?;
    let mistakes = Box::pin(make_mistakes(&estate)).await?;
    for (index, mistake) in mistakes.iter().enumerate() {
        output::line(format_args!("{}. {mistake}", index + 1))?;
    }
    Ok(mistakes.len())
}

/// Fails unless the scan found each mistake.
fn check(outcome: &Outcome, mistakes: usize) -> anyhow::Result<()> {
    let error = by_reason(&outcome.unread);
    anyhow::ensure!(outcome.status == crate::domain::scan::ScanStatus::Succeeded, "the scan was not whole: {error}");
    let found = outcome.drifts.len();
    anyhow::ensure!(found == mistakes, "{mistakes} mistakes were made, and {found} drifts found");
    Ok(())
}

async fn wait_for_deliveries(stage: &Stage) -> anyhow::Result<()> {
    let deadline = Instant::now() + DELIVERY_TIMEOUT;
    loop {
        let mut conn = stage.store.conn().await?;
        let deliveries = store::metrics::deliveries(&mut conn).await?;
        drop(conn);
        let failed = deliveries.iter().find(|(_, state, _)| state == "failed");
        if let Some((channel, ..)) = failed {
            anyhow::bail!("an alert could not be delivered through {channel}");
        }
        if !deliveries.is_empty() && deliveries.iter().all(|(_, state, _)| state == "delivered") {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "the alerts did not arrive in time: {deliveries:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

//! `scan`: one scan now, run to its end and printed.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures::{StreamExt, stream};

use super::outcome::Outcome;
use super::{Context, Format, output, progress::Progress};
use crate::app::App;
use crate::config::{ScanFilter, Unmanaged, UnmanagedByType};
use crate::domain::drift::DetectedBy;
use crate::domain::id::{Region, ScanId, Scope};
use crate::domain::rule::IgnoreRule;
use crate::jobs::ScanShard;
use crate::queue::JobArgs;
use crate::resource::{BUILTIN, ReadError};
use crate::scan::{Stored, plan, survey::Survey};
use crate::shutdown::Shutdown;
use crate::store::{self, Store};

/// How often a running scan is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How long shards that are being read may take after the signal to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// Shards that a dry run reads at a time.
const AT_A_TIME: usize = 8;

/// Which part of the estate.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct FilterArgs {
    /// Account, by configured name or id; may be given more than once
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,
    /// Region; may be given more than once
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,
    #[allow(clippy::doc_markdown, reason = "this is what --help prints")]
    /// Resource type (EC2, RDS, S3, IAM_ROLE, SECURITY_GROUP); may be given more than once
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
}

impl FilterArgs {
    /// The filter; type names in any case.
    pub(super) fn to_filter(&self) -> ScanFilter {
        ScanFilter {
            accounts: self.accounts.clone(),
            regions: self.regions.iter().map(|region| Region::from(region.as_str())).collect(),
            resource_types: self.types.iter().map(|name| name.to_uppercase()).collect(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// What a configured schedule covers
    #[arg(long, value_name = "NAME", conflicts_with_all = ["accounts", "regions", "types"])]
    schedule: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Also report live resources that nothing declares
    #[arg(long)]
    unmanaged: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Store nothing, alert nobody; needs no database unless the baseline in it is a source of expected state
    #[arg(long)]
    dry_run: bool,
    /// End with 0 if there is no drift, with 2 if there is
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) async fn scan(context: &Context, args: ScanArgs) -> anyhow::Result<ExitCode> {
    let app = context.app()?;
    let (filter, unmanaged) = what(&app.config.schedules, &args)?;
    let accounts = match app.scanner.accounts().await {
        Err(error) if !args.dry_run => {
            let database = context.database(&app.config).await?;
            let recorded = record_failure(&app, &database.store, args.schedule.as_deref(), &error).await;
            database.close().await;
            recorded?;
            return Err(error.into());
        }
        accounts => accounts?,
    };
    let scopes = plan::shards(&filter, &accounts, BUILTIN)?;
    let outcome = if args.dry_run {
        let database = context.database_of_sources(&app).await?;
        let ignore = match &database {
            Some(database) => store::ignore::rules(&mut *database.store.conn().await?).await?,
            None => Vec::new(),
        };
        let outcome = dry_run(&app, &scopes, &unmanaged, &ignore).await;
        if let Some(database) = database {
            database.close().await;
        }
        outcome
    } else {
        let database = context.database(&app.config).await?;
        let outcome = stored(&app, &database.store, &scopes, args.schedule.clone(), unmanaged).await;
        database.close().await;
        outcome?
    };
    outcome.print(args.format)?;
    Ok(outcome.exit_code(args.detailed_exitcode))
}

fn what(schedules: &[crate::config::Schedule], args: &ScanArgs) -> anyhow::Result<(ScanFilter, UnmanagedByType)> {
    let asked = UnmanagedByType::from(if args.unmanaged { Unmanaged::Report } else { Unmanaged::Ignore });
    let Some(name) = &args.schedule else { return Ok((args.filter.to_filter(), asked)) };
    let Some(schedule) = schedules.iter().find(|schedule| schedule.name == *name) else {
        let known: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        anyhow::bail!("no schedule is called `{name}`: configured are {known}");
    };
    let unmanaged = if args.unmanaged { asked } else { schedule.unmanaged.clone() };
    Ok((schedule.filter.clone(), unmanaged))
}

/// Keeps the record of a scan that never began, because AWS does not tell which account is to be scanned.
async fn record_failure(
    app: &App,
    store: &Store,
    schedule: Option<&str>,
    error: &ReadError,
) -> Result<(), store::StoreError> {
    let (id, started_at) = (ScanId::new(), app.clock.now());
    let scan = store::scan::NewScan { id, schedule, detected_by: DetectedBy::Manual, started_at };
    store::scan::insert_failed(&mut *store.conn().await?, &scan, &error.to_string()).await
}

/// A scan through the queue, as the daemon does it; this process works on its shards. Interrupted, it finishes the
/// shards that are being read; if others are left, it is called off, which is an error.
pub(super) async fn stored(
    app: &App,
    store: &Store,
    scopes: &[Scope],
    schedule: Option<String>,
    unmanaged: UnmanagedByType,
) -> anyhow::Result<Outcome> {
    let id = ScanId::new();
    let scan = plan::NewScan { id, schedule, detected_by: DetectedBy::Manual, unmanaged };
    let mut tx = store.begin().await?;
    plan::start(&mut tx, &scan, scopes, app.clock.now()).await?;
    tx.commit().await?;

    let shutdown = Shutdown::new(STOP_DEADLINE);
    app.workers(store, &shutdown).only([ScanShard::KIND]).build().start();
    work(store, id, scopes.len(), &shutdown).await?;
    refuse_unfinished(app, store, id).await?;
    Outcome::of_stored(store, id, scopes).await
}

/// Lets the workers run until the scan is done or the command is interrupted.
async fn work(store: &Store, id: ScanId, shards: usize, shutdown: &Shutdown) -> anyhow::Result<()> {
    let watching = async {
        let ended = tokio::select! {
            ended = watch(store, id, shards) => ended,
            () = shutdown.soft().cancelled() => {
                output::note("stopping: what is being read is finished, unless you interrupt once more");
                Ok(())
            }
        };
        shutdown.stop();
        ended
    };
    let (ended, stopped) = tokio::join!(watching, shutdown.run_until_stopped());
    ended?;
    anyhow::ensure!(stopped?, "the workers of this scan ended by themselves");
    Ok(())
}

/// Calls off a scan that was interrupted, so that nothing reads AWS for it when nobody waits for it any more.
async fn refuse_unfinished(app: &App, store: &Store, id: ScanId) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    if !store::scan::get(&mut tx, id).await?.status.is_open() {
        return Ok(());
    }
    store::scan::call_off(&mut tx, id, app.clock.now()).await?;
    tx.commit().await?;
    anyhow::bail!("interrupted: scan {id} is called off; the parts that it had finished are recorded")
}

/// Waits for the end of a scan, showing how far it is.
async fn watch(store: &Store, id: ScanId, shards: usize) -> anyhow::Result<()> {
    let progress = Progress::start(shards, "scanning");
    loop {
        let mut conn = store.conn().await?;
        let scan = store::scan::get(&mut conn, id).await?;
        let done = store::scan::shards(&mut conn, id).await?;
        drop(conn);
        let done: Vec<_> = done.iter().filter(|shard| !shard.status.is_open()).collect();
        progress.set(done.len(), &format!("{} resources", done.iter().map(|s| s.resources_scanned).sum::<i64>()));
        if !scan.status.is_open() {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The same reading and judging, with nothing stored.
async fn dry_run(app: &App, scopes: &[Scope], unmanaged: &UnmanagedByType, ignore: &[IgnoreRule]) -> Outcome {
    let progress = Progress::start(scopes.len(), "scanning, storing nothing");
    // Its parts look at the declarations once.
    let id = ScanId::new();
    let surveys: Vec<(&Scope, Survey)> = stream::iter(scopes)
        .map(|scope| {
            let progress = &progress;
            async move {
                let stored = Stored { standing: &[], ignore };
                let unmanaged = unmanaged.of(&scope.resource_type);
                let survey = app.scanner.survey(id, scope, unmanaged, stored, &|| {}).await;
                progress.add_one();
                (scope, survey)
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    drop(progress);
    Outcome::of_surveys(surveys)
}

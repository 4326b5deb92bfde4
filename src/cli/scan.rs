//! `scan`: one scan now, run to its end and printed.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{Context, Format, drift_table, output, progress::Progress};
use crate::app::App;
use crate::config::{ScanFilter, Unmanaged};
use crate::domain::drift::{DetectedBy, Drift, Finding};
use crate::domain::id::{Region, ScanId, Scope};
use crate::domain::scan::ScanStatus;
use crate::domain::story::Story;
use crate::jobs::ScanShard;
use crate::queue::JobArgs;
use crate::resource::BUILTIN;
use crate::scan::{plan, survey::Survey};
use crate::shutdown::Shutdown;
use crate::store::{self, Store};

/// How often a running scan is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);
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
    /// Store nothing, alert nobody; needs no database
    #[arg(long)]
    dry_run: bool,
    /// End with 0 if there is no drift, with 2 if there is
    #[arg(long)]
    detailed_exitcode: bool,
}

/// What a scan found, stored or not.
pub(super) struct Outcome {
    scan: Value,
    /// How it ended.
    pub(super) status: ScanStatus,
    /// What could not be read, in words.
    pub(super) error: Option<String>,
    scanned: i64,
    resolved: i64,
    api_calls: i64,
    /// What differs.
    pub(super) drifts: Found,
}

pub(super) enum Found {
    Stored(Vec<Drift>),
    Dry(Vec<Finding>),
}

impl Found {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Stored(drifts) => drifts.len(),
            Self::Dry(findings) => findings.len(),
        }
    }
}

pub(super) async fn scan(context: &Context, args: ScanArgs) -> anyhow::Result<ExitCode> {
    let app = context.app()?;
    let (filter, unmanaged) = what(&app.config.schedules, &args)?;
    let accounts = app.scanner.accounts().await?;
    let scopes = plan::shards(&filter, &accounts, BUILTIN)?;
    let outcome = if args.dry_run {
        dry_run(&app, &scopes, unmanaged).await?
    } else {
        let database = context.database(&app.config).await?;
        let outcome = stored(&app, &database.store, &scopes, args.schedule.clone(), unmanaged).await;
        database.close().await;
        outcome?
    };
    print(&outcome, args.format)?;
    Ok(exit_code(&outcome, args.detailed_exitcode))
}

fn what(schedules: &[crate::config::Schedule], args: &ScanArgs) -> anyhow::Result<(ScanFilter, Unmanaged)> {
    let asked = if args.unmanaged { Unmanaged::Report } else { Unmanaged::Ignore };
    let Some(name) = &args.schedule else { return Ok((args.filter.to_filter(), asked)) };
    let Some(schedule) = schedules.iter().find(|schedule| schedule.name == *name) else {
        let known: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        anyhow::bail!("no schedule is called `{name}`: configured are {}", known.join(", "));
    };
    let unmanaged = if args.unmanaged { asked } else { schedule.unmanaged };
    Ok((schedule.filter.clone(), unmanaged))
}

/// A scan through the queue, as the daemon does it; this process works on its shards.
/// Ends early, with an error, on Ctrl-C.
pub(super) async fn stored(
    app: &App,
    store: &Store,
    scopes: &[Scope],
    schedule: Option<String>,
    unmanaged: Unmanaged,
) -> anyhow::Result<Outcome> {
    let id = ScanId::new();
    let scan = plan::NewScan { id, schedule, detected_by: DetectedBy::Manual, unmanaged };
    let mut tx = store.begin().await?;
    plan::start(&mut tx, &scan, scopes, app.clock.now()).await?;
    tx.commit().await?;

    let shutdown = Shutdown::new(Duration::from_secs(20));
    app.workers(store, &shutdown).only([ScanShard::KIND]).build().start();
    let ended = tokio::select! {
        ended = watch(store, id, scopes.len()) => ended.map(|()| true),
        _ = tokio::signal::ctrl_c() => Ok(false),
    };
    shutdown.finish().await;
    if !ended? {
        anyhow::bail!("interrupted: scan {id} is left to a running daemon, or to the next `driftsentry run`");
    }
    outcome_of(store, id, scopes).await
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

async fn outcome_of(store: &Store, id: ScanId, scopes: &[Scope]) -> anyhow::Result<Outcome> {
    let mut conn = store.conn().await?;
    let scan = store::scan::get(&mut conn, id).await?;
    let shards = store::scan::shards(&mut conn, id).await?;
    let filter = store::drift::DriftFilter { open_only: true, limit: i64::MAX, ..Default::default() };
    let mut drifts = store::drift::list(&mut conn, &filter).await?;
    drifts.retain(|drift| scopes.contains(&drift.key.scope));
    Ok(Outcome {
        status: scan.status,
        error: scan.error.clone(),
        scanned: scan.resources_scanned,
        resolved: scan.drifts_resolved,
        api_calls: scan.api_calls,
        scan: json!({ "scan": scan, "shards": shards }),
        drifts: Found::Stored(drifts),
    })
}

/// The same reading and judging without a database.
async fn dry_run(app: &App, scopes: &[Scope], unmanaged: Unmanaged) -> anyhow::Result<Outcome> {
    let progress = Progress::start(scopes.len(), "scanning, storing nothing");
    let surveys: Vec<(&Scope, Survey)> = stream::iter(scopes)
        .map(|scope| {
            let progress = &progress;
            async move {
                let survey = app.scanner.survey(scope, unmanaged, &[], &|| {}).await;
                progress.add_one();
                (scope, survey)
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    drop(progress);
    Ok(sum_up(surveys))
}

fn sum_up(surveys: Vec<(&Scope, Survey)>) -> Outcome {
    let status = ScanStatus::of_shards(surveys.iter().map(|(_, survey)| survey.status()));
    let mut errors: Vec<String> =
        surveys.iter().filter_map(|(scope, survey)| Some(format!("{scope}: {}", survey.error()?))).collect();
    errors.sort();
    let sum = |of: fn(&Survey) -> u64| surveys.iter().map(|(_, s)| of(s)).sum::<u64>().try_into().unwrap_or(i64::MAX);
    let (scanned, api_calls) = (sum(|survey| survey.scanned), sum(|survey| survey.api_calls));
    let mut findings: Vec<Finding> = surveys.into_iter().flat_map(|(_, survey)| survey.findings).collect();
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.key.cmp(&b.key)));
    Outcome {
        scan: json!({ "scan": { "status": status, "resources_scanned": scanned, "drifts_found": findings.len(),
            "api_calls": api_calls, "error": errors.join("\n"), "dry_run": true } }),
        status,
        error: (!errors.is_empty()).then(|| errors.join("\n")),
        scanned,
        resolved: 0,
        api_calls,
        drifts: Found::Dry(findings),
    }
}

pub(super) fn print(outcome: &Outcome, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            let mut result = outcome.scan.clone();
            result["drifts"] = match &outcome.drifts {
                Found::Stored(drifts) => serde_json::to_value(drifts)?,
                Found::Dry(findings) => serde_json::to_value(findings)?,
            };
            output::json(&result)
        }
        Format::Table => print_table(outcome),
    }
}

fn print_table(outcome: &Outcome) -> anyhow::Result<()> {
    let (stories, stored): (Vec<Story<'_>>, bool) = match &outcome.drifts {
        Found::Stored(drifts) => (drifts.iter().map(Story::from).collect(), true),
        Found::Dry(findings) => (findings.iter().map(Story::from).collect(), false),
    };
    let count = stories.len();
    let known: rust_decimal::Decimal = stories.iter().filter_map(|story| story.cost).sum();
    let unpriced = stories.iter().filter(|story| story.cost.is_none()).count();
    if count > 0 {
        output::line(drift_table::table(stories.into_iter(), stored))?;
    }
    let plural = |n: i64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut line = format!(
        "{}: {} compared, {}",
        outcome.status,
        plural(outcome.scanned, "resource", "resources"),
        if count == 0 { "no drift".to_owned() } else { plural(count.try_into()?, "drift", "drifts") }
    );
    if outcome.resolved > 0 {
        line = format!("{line}, {} resolved", outcome.resolved);
    }
    if count > 0 {
        line = format!("{line}, {} a month", crate::domain::cost::Money(known));
    }
    if unpriced > 0 {
        line = format!("{line} (and {unpriced} of unknown cost)");
    }
    output::line(format_args!("{line}; {}", plural(outcome.api_calls, "API call", "API calls")))?;
    if let Some(error) = &outcome.error {
        output::note(format_args!("not everything could be read:\n{error}"));
    }
    Ok(())
}

fn exit_code(outcome: &Outcome, detailed: bool) -> ExitCode {
    match (outcome.status, detailed && outcome.drifts.len() > 0) {
        (ScanStatus::Succeeded, false) => ExitCode::SUCCESS,
        (ScanStatus::Succeeded, true) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

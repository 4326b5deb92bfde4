//! `jobs list|show|retry|cancel|stats`.

mod act;
mod show;
mod stats;
mod when;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::when::When;
use super::{Context, Format, output};
use crate::clock::{Clock, SystemClock};
use crate::domain::id::JobId;
use crate::store::job::{Job, JobQuery, JobState};
use crate::store::{self, Store};

#[derive(Debug, Subcommand)]
pub(super) enum JobsCommand {
    /// List jobs, the newest first
    List(ListArgs),
    /// Show one job: its arguments, its attempts and why they failed, what it waits for and what waits for it
    Show {
        /// The job's id
        id: JobId,
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Run given-up, cancelled or waiting jobs again, now, with all their attempts
    Retry(act::RetryArgs),
    /// Cancel jobs: one that waits is over at once, one that runs is asked to stop
    Cancel {
        /// Job ids
        #[arg(required = true)]
        ids: Vec<JobId>,
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Count jobs by kind: what waits, runs and was given up, how fast they are done, who does them
    Stats {
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// available, running, completed, discarded or cancelled
    #[arg(long, value_name = "STATE")]
    state: Option<JobState>,
    /// Job kind (`scan_shard`, `deliver_alert`)
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Lane, which its limits of concurrency are those of
    #[arg(long, value_name = "LANE")]
    lane: Option<String>,
    /// Whose last error holds this text, in whatever case
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Enqueued before: so long ago (`90m`, `2days`), or a time (`2026-01-31T12:00:00Z`)
    #[arg(long, value_name = "WHEN")]
    older_than: Option<When>,
    /// Enqueued since: so long ago (`90m`, `2days`), or a time (`2026-01-31T12:00:00Z`)
    #[arg(long, value_name = "WHEN")]
    newer_than: Option<When>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn jobs(context: &Context, command: JobsCommand) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let database = context.database(&config).await?;
    let store = &database.store;
    let done = match command {
        JobsCommand::List(args) => list(store, args).await,
        JobsCommand::Show { id, format } => show::show(store, id, format).await,
        JobsCommand::Retry(args) => act::retry(store, args).await,
        JobsCommand::Cancel { ids, format } => act::cancel(store, ids, format).await,
        JobsCommand::Stats { format } => stats::stats(store, format).await,
    };
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(store: &Store, args: ListArgs) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let now = SystemClock.now();
    let query = JobQuery {
        state: args.state,
        kind: args.kind,
        lane: args.lane,
        error: args.error,
        older_than: args.older_than.map(|when| when.before(now)),
        newer_than: args.newer_than.map(|when| when.before(now)),
    };
    let jobs = store::job::list(&mut conn, &query, args.limit).await?;
    if args.format == Format::Json {
        return output::json(&jobs);
    }
    if jobs.is_empty() {
        return Ok(output::line("no jobs")?);
    }
    let mut table = output::table(&["Job", "Kind", "State", "Attempt", "Due (UTC)", "Last error"]);
    for job in jobs {
        table.add_row([
            job.id.to_string(),
            job.kind.clone(),
            state(&job),
            format!("{}/{}", job.attempt, job.max_attempts),
            job.run_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            job.last_error.unwrap_or_default(),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4]);
    output::no_narrower(&mut table, 5, 20);
    Ok(output::line(table)?)
}

/// Its state, and what it would not tell by itself.
fn state(job: &Job) -> String {
    match job.state {
        JobState::Available if job.waiting_for > 0 => format!("blocked by {}", job.waiting_for),
        JobState::Running if job.cancel_requested_at.is_some() => "stopping".to_owned(),
        state => state.to_string(),
    }
}

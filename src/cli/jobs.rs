//! `jobs list|show|retry|cancel|stats`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Context, Format, output};
use crate::domain::id::JobId;
use crate::store::job::{JobQuery, JobState};
use crate::store::{self, Store};

#[derive(Debug, Subcommand)]
pub(super) enum JobsCommand {
    /// List jobs, the newest first
    List(ListArgs),
    /// Show one job: its arguments, its attempts and why they failed
    Show {
        /// The job's id
        id: JobId,
        /// How the result is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Run given-up, cancelled or waiting jobs again, now, with all their attempts
    Retry {
        /// Job ids
        #[arg(required_unless_present = "all_discarded")]
        ids: Vec<JobId>,
        /// Every job that was given up
        #[arg(long, conflicts_with = "ids")]
        all_discarded: bool,
    },
    /// Cancel jobs that wait or run; one that runs is not interrupted, but what it does is not counted
    Cancel {
        /// Job ids
        #[arg(required = true)]
        ids: Vec<JobId>,
    },
    /// Count jobs by kind and state
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
        JobsCommand::Show { id, format } => show(store, id, format).await,
        JobsCommand::Retry { ids, all_discarded } => retry(store, ids, all_discarded).await,
        JobsCommand::Cancel { ids } => cancel(store, ids).await,
        JobsCommand::Stats { format } => stats(store, format).await,
    };
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(store: &Store, args: ListArgs) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let query = JobQuery { state: args.state, kind: args.kind };
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
            job.kind,
            job.state.to_string(),
            format!("{}/{}", job.attempt, job.max_attempts),
            job.run_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            job.last_error.unwrap_or_default(),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4]);
    output::no_narrower(&mut table, 5, 20);
    Ok(output::line(table)?)
}

async fn show(store: &Store, id: JobId, format: Format) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let job = store::job::get(&mut conn, id).await?;
    let attempts = store::job::attempts(&mut conn, id).await?;
    if format == Format::Json {
        let mut value = serde_json::to_value(&job)?;
        value["attempts"] = serde_json::to_value(&attempts)?;
        return output::json(&value);
    }
    output::line(format_args!("{} {} is {}", job.kind, job.id, job.state))?;
    output::line(format_args!("attempt:   {} of {}", job.attempt, job.max_attempts))?;
    output::line(format_args!("due:       {}", job.run_at.format("%Y-%m-%d %H:%M:%S UTC")))?;
    output::line(format_args!("arguments: {}", serde_json::to_string_pretty(&job.payload)?))?;
    if let Some(error) = &job.last_error {
        output::line(format_args!("last error: {error}"))?;
    }
    for attempt in attempts {
        let at = attempt.started_at.format("%Y-%m-%d %H:%M:%S UTC");
        let error = attempt.error.unwrap_or_default();
        output::line(format_args!("  {at}  attempt {} {}: {error}", attempt.attempt, attempt.outcome))?;
    }
    Ok(())
}

async fn retry(store: &Store, mut ids: Vec<JobId>, all_discarded: bool) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    if all_discarded {
        let query = JobQuery { state: Some(JobState::Discarded), kind: None };
        ids = store::job::list(&mut tx, &query, i64::MAX).await?.into_iter().map(|job| job.id).collect();
    }
    for id in &ids {
        store::job::retry(&mut tx, *id).await?;
    }
    tx.commit().await?;
    Ok(output::line(format_args!("{} will run again", output::count(ids.len(), "job")))?)
}

async fn cancel(store: &Store, ids: Vec<JobId>) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    for id in &ids {
        store::job::cancel(&mut tx, *id).await?;
    }
    tx.commit().await?;
    Ok(output::line(format_args!("{} cancelled", output::count(ids.len(), "job")))?)
}

async fn stats(store: &Store, format: Format) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let stats = store::job::stats(&mut conn).await?;
    if format == Format::Json {
        return output::json(&stats);
    }
    if stats.is_empty() {
        return Ok(output::line("no jobs")?);
    }
    let mut table = output::table(&["Kind", "State", "Jobs", "Oldest due (UTC)"]);
    for count in stats {
        table.add_row(vec![
            comfy_table::Cell::new(count.kind),
            comfy_table::Cell::new(count.state),
            output::figure(count.count),
            comfy_table::Cell::new(count.oldest_run_at.format("%Y-%m-%d %H:%M:%S")),
        ]);
    }
    Ok(output::line(table)?)
}

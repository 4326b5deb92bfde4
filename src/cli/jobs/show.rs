//! `jobs show`: all that is known of one job.

use chrono::{DateTime, Utc};

use super::super::{Format, output};
use super::state;
use super::stats::seconds;
use crate::domain::id::JobId;
use crate::store::job::{Attempt, Job, JobState, Neighbour};
use crate::store::{self, Store};

/// Neighbours that are named; the rest is counted.
const NAMED: usize = 20;

pub(super) async fn show(store: &Store, id: JobId, format: Format) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let job = store::job::get(&mut conn, id).await?;
    let mut attempts = store::job::attempts(&mut conn, id).await?;
    attempts.extend(job.completing_attempt());
    let waits_for = store::job::waited_for(&mut conn, id).await?;
    let waited_for_by = store::job::waiting(&mut conn, id).await?;
    if format == Format::Json {
        let mut value = serde_json::to_value(&job)?;
        value["attempts"] = serde_json::to_value(&attempts)?;
        value["waits_for"] = serde_json::to_value(&waits_for)?;
        value["waited_for_by"] = serde_json::to_value(&waited_for_by)?;
        return output::json(&value);
    }
    print_job(&job)?;
    print_neighbours("waits for:", &waits_for)?;
    print_neighbours("waited for by:", &waited_for_by)?;
    print_attempts(&attempts)
}

fn print_job(job: &Job) -> anyhow::Result<()> {
    output::line(format_args!("{} {} is {}", job.kind, job.id, state(job)))?;
    output::line(format_args!("attempt:   {} of {}", job.attempt, job.max_attempts))?;
    if job.snoozes > 0 {
        output::line(format_args!("put off:   {}", output::count(job.snoozes, "time")))?;
    }
    output::line(format_args!("lane:      {}, priority {}", job.lane, job.priority))?;
    output::line(format_args!("enqueued:  {}", time(job.created_at)))?;
    output::line(format_args!("due:       {}", time(job.run_at)))?;
    let keys = [("order:    ", &job.order_key), ("rate:     ", &job.rate_key)];
    for (label, key) in keys.into_iter().filter_map(|(label, key)| Some((label, key.as_ref()?))) {
        output::line(format_args!("{label} {key}"))?;
    }
    if let (JobState::Running, Some(worker), Some(at)) = (job.state, &job.worker, job.started_at) {
        output::line(format_args!("running:   on {worker} since {}", time(at)))?;
    }
    if let Some(at) = job.cancel_requested_at {
        output::line(format_args!("to stop:   since {}", time(at)))?;
    }
    if let Some(at) = job.finished_at {
        output::line(format_args!("over:      {}", time(at)))?;
    }
    if let Some(progress) = &job.progress {
        output::line(format_args!("progress:  {progress}"))?;
    }
    output::line(format_args!("arguments: {}", serde_json::to_string_pretty(&job.payload)?))?;
    if let Some(error) = &job.last_error {
        output::line(format_args!("last error: {error}"))?;
    }
    Ok(())
}

fn print_neighbours(label: &str, jobs: &[Neighbour]) -> anyhow::Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    output::line(label)?;
    for job in jobs.iter().take(NAMED) {
        output::line(format_args!("  {} {}, {}", job.kind, job.id, job.state))?;
    }
    if let Some(more) = jobs.len().checked_sub(NAMED).filter(|more| *more > 0) {
        output::line(format_args!("  and {more} more"))?;
    }
    Ok(())
}

fn print_attempts(attempts: &[Attempt]) -> anyhow::Result<()> {
    if attempts.is_empty() {
        return Ok(());
    }
    let mut table = output::table(&["Attempt", "Began (UTC)", "Took", "Outcome", "Worker", "Error"]);
    for attempt in attempts {
        let took = (attempt.finished_at - attempt.started_at).as_seconds_f64();
        table.add_row(vec![
            output::figure(attempt.attempt),
            attempt.started_at.format("%Y-%m-%d %H:%M:%S").into(),
            output::figure(seconds(took)),
            attempt.outcome.as_str().into(),
            attempt.worker.as_deref().unwrap_or_default().into(),
            attempt.error.as_deref().unwrap_or_default().into(),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4]);
    output::no_narrower(&mut table, 5, 20);
    Ok(output::line(table)?)
}

fn time(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M:%S UTC")
}

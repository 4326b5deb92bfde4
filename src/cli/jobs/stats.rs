//! `jobs stats`: the queue at a glance.

use comfy_table::Cell;

use super::super::{Format, output};
use crate::store::job::{KindStats, QueueStats};
use crate::store::{self, Store};

pub(super) async fn stats(store: &Store, format: Format) -> anyhow::Result<()> {
    let mut conn = store.conn().await?;
    let stats = store::job::stats(&mut conn).await?;
    if format == Format::Json {
        return output::json(&stats);
    }
    if stats.kinds.is_empty() {
        output::line("no jobs")?;
    } else {
        output::line(depths(&stats.kinds))?;
    }
    let of_late: Vec<&KindStats> =
        stats.kinds.iter().filter(|kind| kind.completed_last_hour + kind.failed_last_hour > 0).collect();
    if !of_late.is_empty() {
        output::line("\nIn the last hour:")?;
        output::line(last_hour(&of_late))?;
    }
    Ok(output::line(workers(&stats))?)
}

fn depths(kinds: &[KindStats]) -> comfy_table::Table {
    let header = ["Kind", "Due", "Oldest due", "Later", "Blocked", "Running", "Discarded", "Cancelled"];
    let mut table = output::table(&header);
    for kind in kinds {
        table.add_row(vec![
            Cell::new(&kind.kind),
            output::figure(kind.due),
            output::figure(kind.oldest_due_seconds.map(seconds).unwrap_or_default()),
            output::figure(kind.later),
            output::figure(kind.blocked),
            output::figure(kind.running),
            output::figure(kind.discarded),
            output::figure(kind.cancelled),
        ]);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 5, 6, 7]);
    table
}

fn last_hour(kinds: &[&KindStats]) -> comfy_table::Table {
    let header =
        ["Kind", "Completed", "A minute", "A minute of the last 5", "Failed attempts", "p50", "p95", "p99", "Longest"];
    let mut table = output::table(&header);
    for kind in kinds {
        let mut row = vec![
            Cell::new(&kind.kind),
            output::figure(kind.completed_last_hour),
            output::figure(format_args!("{:.1}", kind.per_minute_last_hour)),
            output::figure(format_args!("{:.1}", kind.per_minute_last_5_minutes)),
            output::figure(kind.failed_last_hour),
        ];
        if let Some(times) = kind.run_times {
            let figures = [times.p50_seconds, times.p95_seconds, times.p99_seconds, times.max_seconds];
            row.extend(figures.map(|figure| output::figure(seconds(figure))));
        }
        table.add_row(row);
    }
    output::keep_whole(&mut table, &[0, 1, 2, 5, 6, 7, 8]);
    table
}

fn workers(stats: &QueueStats) -> String {
    let workers = &stats.workers;
    let who = match workers.processes {
        0 => "nobody runs jobs now".to_owned(),
        1 => format!("1 process runs {} of {} at most", output::count(workers.running, "job"), workers.concurrency),
        many => {
            format!("{many} processes run {} of {} at most", output::count(workers.running, "job"), workers.concurrency)
        }
    };
    if stats.lost_last_hour == 0 {
        return who;
    }
    format!("{who}; {} lost with their worker in the last hour", output::count(stats.lost_last_hour, "attempt"))
}

/// A length as people read it.
pub(super) fn seconds(length: f64) -> String {
    let units = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")];
    match units.into_iter().find(|(unit, _)| length >= 2.0 * unit) {
        Some((unit, name)) => format!("{:.1} {name}", length / unit),
        None if length >= 1.0 => format!("{length:.1} s"),
        None => format!("{:.0} ms", length.max(0.0) * 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_fitting_units() {
        let told = [0.0042, 1.25, 119.0, 150.0, 9000.0, 200_000.0].map(seconds);
        assert_eq!(told, ["4 ms", "1.2 s", "119.0 s", "2.5 min", "2.5 h", "2.3 d"]);
    }
}

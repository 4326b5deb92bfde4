//! Drifts as a table for people: resource, what changed from what to what, severity, cost.

use comfy_table::{Cell, Table};

use super::output;
use crate::domain::drift::DriftKind;
use crate::domain::story::Story;

/// Changes that a row lists; the rest is counted.
const LISTED: usize = 6;

/// The table. `with_id`: stored drifts, with the id that `drifts show` takes and the status.
pub(super) fn table<'a>(stories: impl Iterator<Item = Story<'a>>, with_id: bool) -> Table {
    let header: &[&str] = &["Severity", "Resource", "What changed (declared → live)", "Cost/month"];
    let mut table =
        if with_id { output::table(&[header, &["Drift", "Status"]].concat()) } else { output::table(header) };
    for story in stories {
        let cost = story.cost.map_or_else(|| "unknown".to_owned(), |cost| crate::domain::cost::Money(cost).to_string());
        let mut row = vec![
            output::severity(story.severity),
            Cell::new(resource(&story)),
            Cell::new(what_changed(&story)),
            output::figure(cost),
        ];
        if with_id {
            row.push(Cell::new(story.id.map(|id| id.to_string()).unwrap_or_default()));
            row.push(Cell::new(story.status));
        }
        table.add_row(row);
    }
    if with_id {
        output::keep_whole(&mut table, 4);
    }
    table
}

fn resource(story: &Story<'_>) -> String {
    story.resource().replacen(" (", "\n(", 1)
}

fn what_changed(story: &Story<'_>) -> String {
    if story.kind != DriftKind::Changed {
        return story.happened();
    }
    let (changes, more) = story.changes(LISTED);
    let mut lines: Vec<String> = changes.iter().map(|change| format!("{}: {}", change.pointer, change.what)).collect();
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines.join("\n")
}

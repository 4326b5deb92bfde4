//! Drifts as a table for people: resource, what changed from what to what, severity, cost.

use comfy_table::{Cell, Table};

use super::output;
use crate::domain::drift::DriftKind;
use crate::domain::id::DriftId;
use crate::domain::story::Story;

/// Changes that a row lists; the rest is counted.
const LISTED: usize = 6;

/// The table. `with_id`: stored drifts, with the id that `drifts show` takes and the status.
pub(super) fn table<'a>(stories: impl Iterator<Item = Story<'a>>, with_id: bool) -> Table {
    let header: &[&str] = &["Severity", "Resource", "What changed (declared → live)", "Cost/month"];
    let mut table =
        if with_id { output::table(&[header, &["Drift", "Status"]].concat()) } else { output::table(header) };
    let whole_ids = output::is_wide(&table);
    for story in stories {
        let cost = story.cost.map_or_else(|| "unknown".to_owned(), |cost| crate::domain::cost::Money(cost).to_string());
        let mut row = vec![
            output::severity(story.severity),
            Cell::new(resource(&story)),
            Cell::new(what_changed(&story)),
            output::figure(cost),
        ];
        if with_id {
            row.push(Cell::new(story.id.map(|id| id_cell(id, whole_ids)).unwrap_or_default()));
            row.push(Cell::new(story.status));
        }
        table.add_row(row);
    }
    output::keep_whole(&mut table, &[0, 3, 4, 5]);
    output::no_narrower(&mut table, 1, 18);
    output::no_narrower(&mut table, 2, 26);
    table
}

/// An id, or its end, which is as good for `drifts show` and differs where the beginning, a time, does not.
fn id_cell(id: DriftId, whole: bool) -> String {
    let id = id.to_string();
    if whole { id } else { id[id.len() - 8..].to_owned() }
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

//! Drifts as a table for people: resource, what changed from what to what, severity, cost.

use comfy_table::{Cell, Table};

use super::output;
use crate::domain::drift::DriftKind;
use crate::domain::id::DriftId;
use crate::domain::story::Story;

/// Changes that a row lists; the rest is counted.
const LISTED: usize = 6;
/// Columns of the cell that names the resource where there is room: an id unbroken.
const RESOURCE_WIDTH: u16 = 38;

/// The table. Stored drifts carry the id that `drifts show` takes, and where they are in their life.
pub(super) fn table<'a>(stories: impl Iterator<Item = Story<'a>>) -> Table {
    let mut table = output::table(&["Severity", "Resource", "What changed (declared → live)", "Cost/month"]);
    let whole_ids = output::is_wide(&table);
    for story in stories {
        let cost = story.cost.map_or_else(|| "unknown".to_owned(), |cost| crate::domain::cost::Money(cost).to_string());
        table.add_row(vec![
            output::severity(story.severity),
            Cell::new(resource(&story, whole_ids)),
            Cell::new(what_changed(&story)),
            output::figure(cost),
        ]);
    }
    output::keep_whole(&mut table, &[0, 3]);
    output::no_narrower(&mut table, 1, if whole_ids { RESOURCE_WIDTH } else { 18 });
    output::no_narrower(&mut table, 2, 26);
    table
}

/// The resource, its Terraform address, where it is, and which drift it is.
fn resource(story: &Story<'_>, whole_ids: bool) -> String {
    let address = story.terraform_address().map(|address| format!("\n{address}")).unwrap_or_default();
    let resource = story.resource().replacen(" (", &format!("{address}\n("), 1);
    match story.id {
        Some(id) => {
            let again = if story.is_recurring { " again" } else { "" };
            format!("{resource} {}{again}\n{}", story.status, id_text(id, whole_ids))
        }
        None => resource,
    }
}

/// An id, or its end, which is as good for `drifts show` and differs where the beginning, a time, does not.
fn id_text(id: DriftId, whole: bool) -> String {
    let id = id.to_string();
    if whole { id } else { id[id.len() - 8..].to_owned() }
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

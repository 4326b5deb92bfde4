//! What the sources hold, for people and for programs: the output of `expected check`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Estate, SourceSummary};

/// Writes the report for people: each source with its problems, then one line of totals.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_text(estate: &Estate, out: &mut dyn Write) -> io::Result<()> {
    for source in &estate.sources {
        let held = source.resources.values().sum();
        write!(out, "{}: {}, {}", source.name, count(source.documents, "document"), count(held, "resource"))?;
        let by_type: Vec<String> = source.resources.iter().map(|(name, number)| format!("{name} {number}")).collect();
        writeln!(out, "{}", if by_type.is_empty() { String::new() } else { format!(" ({})", by_type.join(", ")) })?;
        for note in &source.notes {
            writeln!(out, "  note: {note}")?;
        }
        for problem in estate.problems.get(source.problems.clone()).unwrap_or_default() {
            writeln!(out, "  problem: {problem}")?;
        }
    }
    let (sources, problems) = (count(estate.sources.len(), "source"), count(estate.problems.len(), "problem"));
    writeln!(out, "{sources}, {}, {problems}", count(held(estate), "resource"))
}

/// Writes the report for programs, as one JSON object.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_json(estate: &Estate, out: &mut dyn Write) -> io::Result<()> {
    let sources: Vec<Value> = estate.sources.iter().map(|source| source_json(estate, source)).collect();
    let report = json!({
        "sources": sources,
        "resources": held(estate),
        "problems": estate.problems.len(),
        "complete": estate.is_complete(),
    });
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn source_json(estate: &Estate, source: &SourceSummary) -> Value {
    json!({
        "name": source.name,
        "documents": source.documents,
        "resources": source.resources,
        "notes": source.notes,
        "problems": estate.problems.get(source.problems.clone()).unwrap_or_default(),
    })
}

fn held(estate: &Estate) -> usize {
    let all = estate.sources.iter().map(|source: &SourceSummary| &source.resources);
    all.flat_map(BTreeMap::values).sum()
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

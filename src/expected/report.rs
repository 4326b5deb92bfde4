//! What the sources hold, for people and for programs: the output of `expected check`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{DocumentSummary, Estate, SourceSummary};

/// Documents of a source that are listed; the rest is counted.
const DOCUMENTS_LISTED: usize = 50;
/// Types that nobody watches that are named; the rest is counted.
const TYPES_NAMED: usize = 12;

/// Writes the report for people: each source with its documents and problems, then one line of totals.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_text(estate: &Estate, now: DateTime<Utc>, out: &mut dyn Write) -> io::Result<()> {
    for source in &estate.sources {
        let held = source.resources.values().sum();
        write!(out, "{}: {}, {}", source.name, count(source.documents, "document"), count(held, "resource"))?;
        let by_type: Vec<String> = source.resources.iter().map(|(name, number)| format!("{name} {number}")).collect();
        writeln!(out, "{}", if by_type.is_empty() { String::new() } else { format!(" ({})", by_type.join(", ")) })?;
        write_documents(&source.read, now, out)?;
        if !source.skipped.is_empty() {
            writeln!(out, "  not watched: {}", most_of(&source.skipped))?;
        }
        if !source.passed_over.is_empty() {
            let passed_over: Vec<String> =
                source.passed_over.iter().map(|(what, number)| count(*number, what)).collect();
            writeln!(out, "  passed over: {}", passed_over.join(", "))?;
        }
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
        "read": source.read,
        "resources": source.resources,
        "skipped": source.skipped,
        "passed_over": source.passed_over,
        "notes": source.notes,
        "problems": estate.problems.get(source.problems.clone()).unwrap_or_default(),
    })
}

/// The documents as a table: what each holds and how old it is.
fn write_documents(documents: &[DocumentSummary], now: DateTime<Utc>, out: &mut dyn Write) -> io::Result<()> {
    if documents.is_empty() {
        return Ok(());
    }
    let is_terraform = documents.iter().any(|document| document.serial.is_some());
    let columns = if is_terraform { 5 } else { 3 };
    let header = ["DOCUMENT", "RESOURCES", "WRITTEN", "SERIAL", "TERRAFORM"].map(str::to_owned);
    let listed = documents.iter().take(DOCUMENTS_LISTED).map(|document| row(document, now));
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(listed).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let cell = |(column, text): (usize, &String)| match column {
            1 | 3 => format!("{text:>width$}", width = widths[column]),
            _ => format!("{text:<width$}", width = widths[column]),
        };
        let cells: Vec<String> = row.iter().take(columns).enumerate().map(cell).collect();
        writeln!(out, "  {}", cells.join("  ").trim_end())?;
    }
    if let Some(more @ 1..) = documents.len().checked_sub(DOCUMENTS_LISTED) {
        writeln!(out, "  … and {more} more")?;
    }
    Ok(())
}

fn row(document: &DocumentSummary, now: DateTime<Utc>) -> [String; 5] {
    [
        document.name.clone(),
        document.resources.to_string(),
        document.modified_at.map_or_else(|| "-".to_owned(), |at| age(at, now)),
        document.serial.map_or_else(|| "-".to_owned(), |serial| serial.to_string()),
        document.terraform_version.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

/// How long ago something was: `41 days ago`.
fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - at;
    let figures = [(passed.num_days(), "day"), (passed.num_hours(), "hour"), (passed.num_minutes(), "minute")];
    let found = figures.into_iter().find(|(number, _)| *number > 0);
    found.map_or_else(
        || "just now".to_owned(),
        |(number, unit)| format!("{} ago", count(number.try_into().unwrap_or_default(), unit)),
    )
}

/// What there is most of, by name, and how much more.
fn most_of(numbers: &BTreeMap<String, usize>) -> String {
    let mut sorted: Vec<(&String, &usize)> = numbers.iter().collect();
    sorted.sort_by_key(|(name, number)| (std::cmp::Reverse(**number), *name));
    let more = sorted.split_off(sorted.len().min(TYPES_NAMED));
    let named: Vec<String> = sorted.iter().map(|(name, number)| format!("{name} {number}")).collect();
    let rest: usize = more.iter().map(|(_, number)| **number).sum();
    match more.len() {
        0 => named.join(", "),
        types => format!("{} and {rest} of {}", named.join(", "), count(types, "other type")),
    }
}

fn held(estate: &Estate) -> usize {
    let all = estate.sources.iter().map(|source: &SourceSummary| &source.resources);
    all.flat_map(BTreeMap::values).sum()
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_with_their_age_and_what_terraform_says_of_them() {
        let now: DateTime<Utc> = "2026-03-02T09:00:00Z".parse().expect("a time");
        let document = |name: &str, hours: i64, serial: Option<u64>| DocumentSummary {
            name: name.to_owned(),
            modified_at: Some(now - chrono::TimeDelta::hours(hours)),
            serial,
            terraform_version: serial.map(|_| "1.9.2".to_owned()),
            resources: 12,
        };
        let mut text = Vec::new();
        let documents = [document("states/web.tfstate", 2, Some(14)), document("x", 24 * 41, None)];
        write_documents(&documents, now, &mut text).expect("written");
        insta::assert_snapshot!(String::from_utf8(text).expect("text"), @r"
          DOCUMENT            RESOURCES  WRITTEN      SERIAL  TERRAFORM
          states/web.tfstate         12  2 hours ago      14  1.9.2
          x                          12  41 days ago       -  -
        ");
    }

    #[test]
    fn of_very_many_types_the_rest_is_counted() {
        let numbers = (0..20).map(|n| (format!("aws_{n:02}"), 20 - n)).collect();
        assert!(most_of(&numbers).starts_with("aws_00 20, aws_01 19, "), "{}", most_of(&numbers));
        assert!(most_of(&numbers).ends_with("aws_11 9 and 36 of 8 other types"), "{}", most_of(&numbers));
    }
}

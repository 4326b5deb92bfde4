//! What commands print: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde::Serialize;

use crate::domain::severity::Severity;

/// Columns of a terminal from which on there is room for whole ids.
const WIDE: u16 = 120;

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
}

/// Prints one line of a result.
///
/// # Errors
/// If stdout is closed.
pub(super) fn line(text: impl std::fmt::Display) -> std::io::Result<()> {
    tolerate_closed_pipe(writeln!(std::io::stdout().lock(), "{text}"))
}

/// Prints a result as indented JSON.
///
/// # Errors
/// If stdout is closed.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(line(text)?)
}

/// `driftsentry … | head` is no error.
pub(super) fn tolerate_closed_pipe(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A number of things: `1 job`, `2 jobs`.
pub(super) fn count(number: impl TryInto<u64>, thing: &str) -> String {
    match number.try_into() {
        Ok(1) => format!("1 {thing}"),
        Ok(number) => format!("{number} {thing}s"),
        Err(_) => format!("many {thing}s"),
    }
}

/// A table with a header, as wide as the terminal and 140 columns where there is none.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.force_no_tty().set_width(140);
    }
    table.set_header(header.iter().map(|text| Cell::new(text).add_attribute(Attribute::Bold)));
    table
}

/// A severity, coloured where colours are shown.
pub(super) fn severity(severity: Severity) -> Cell {
    let cell = Cell::new(severity);
    match severity {
        Severity::Critical => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Severity::Warning => cell.fg(Color::Yellow),
        Severity::Info => cell,
    }
}

/// A figure, to the right.
pub(super) fn figure(text: impl std::fmt::Display) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Tells an error and its causes on stderr.
pub(super) fn complain(error: &anyhow::Error) {
    note(format_args!("error: {}", causes(error).join("\n  caused by: ")));
}

/// An error and its causes in one line.
pub(super) fn in_one_line(error: &anyhow::Error) -> String {
    causes(error).join(": ")
}

/// The error and its causes; a cause that the one before repeats at its end, as the database driver's do, once.
fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.last().is_some_and(|before| before.ends_with(&cause)) {
            told.push(cause);
        }
    }
    told
}

/// Tells something on stderr that is no result: progress, hints.
pub(super) fn note(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Keeps columns unbroken: an id that is cut over lines cannot be copied.
pub(super) fn keep_whole(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
}

/// Keeps a column readable on a narrow terminal: a table that runs over the edge is better than one letter a line.
pub(super) fn no_narrower(table: &mut Table, column: usize, width: u16) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}

/// Whether a table is wide enough for whole ids beside texts.
pub(super) fn is_wide(table: &Table) -> bool {
    table.width().is_none_or(|width| width >= WIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_says_twice_is_told_once() {
        let refused = std::io::Error::other("refused");
        let error = anyhow::Error::new(refused).context("talk to it: refused").context("open the database");
        assert_eq!(in_one_line(&error), "open the database: talk to it: refused");
    }

    #[test]
    fn texts_stay_readable_on_a_narrow_terminal() {
        let mut table = table(&["Id", "Text"]);
        table.set_width(20).add_row(["01a209d0-1fc4-776c-b574-bdf69b14080c", "what changed from what to what"]);
        keep_whole(&mut table, &[0]);
        no_narrower(&mut table, 1, 14);
        let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
        assert!(lines.iter().any(|line| line == "01a209d0-1fc4-776c-b574-bdf69b14080c   what changed"), "{lines:#?}");
        assert!(!is_wide(&table));
    }

    #[test]
    fn one_is_one_and_none_are_many() {
        assert_eq!([count(0_usize, "job"), count(1_i64, "job"), count(2_i64, "job")], ["0 jobs", "1 job", "2 jobs"]);
    }
}

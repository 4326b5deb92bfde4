//! What commands print: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::domain::severity::Severity;

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

/// A table with a header, as wide as the terminal and 120 columns where there is none.
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
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text = format!("{text}\n  caused by: {cause}");
    }
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Tells something on stderr that is no result: progress, hints.
pub(super) fn note(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Keeps a column unbroken: an id that is cut over lines cannot be copied.
pub(super) fn keep_whole(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
    }
}

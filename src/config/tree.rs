//! TOML as a tree that remembers the line of everything, so that a fault found later can still name its place.
//!
//! It must never put a value into an error: what stands where a secret belongs is a secret.

use std::collections::BTreeMap;

use toml::de::{DeInteger, DeTable, DeValue};
use toml::value::Datetime;

use super::lines::Lines;
use super::problem::ConfigProblem;

/// A table: key → value.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The value.
    pub(super) value: Value,
    /// Line of its key (of itself in a list), from 1; `None` if it came from the environment.
    pub(super) line: Option<usize>,
    /// What the environment variable that set it holds, as typed: it stands where a text belongs (`007`).
    pub(super) env_text: Option<String>,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A whole number; `None` if it is too large for 64 bits.
    Integer(Option<i64>),
    /// Another number.
    Float(f64),
    /// A truth value.
    Flag(bool),
    /// A date, a time or both.
    Datetime(Datetime),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

impl Value {
    /// What it is, for error messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Datetime(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The value in the form that the kinds' own options use.
    pub(super) fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Text(text) => toml::Value::String(text.clone()),
            Value::Integer(number) => number.map_or(toml::Value::Float(f64::INFINITY), toml::Value::Integer),
            Value::Float(number) => toml::Value::Float(*number),
            Value::Flag(flag) => toml::Value::Boolean(*flag),
            Value::Datetime(datetime) => toml::Value::Datetime(*datetime),
            Value::List(items) => toml::Value::Array(items.iter().map(Self::to_toml).collect()),
            Value::Table(entries) => {
                toml::Value::Table(entries.iter().map(|(key, node)| (key.clone(), node.to_toml())).collect())
            }
        }
    }
}

/// Reads a document.
///
/// # Errors
/// With every fault of syntax, in the order of the text.
pub(super) fn parse(text: &str) -> Result<Table, Vec<ConfigProblem>> {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(table_of(table.get_ref(), &|offset| Some(lines.line_of(offset))));
    }
    let mut problems: Vec<ConfigProblem> = errors.iter().map(|error| syntax_problem(error, &lines)).collect();
    problems.sort_by(|a, b| (a.line, &a.message).cmp(&(b.line, &b.message)));
    problems.dedup();
    Err(problems)
}

/// Reads one value as an environment variable holds it: TOML where it is TOML, else the text as it is.
pub(super) fn parse_env_value(text: &str) -> Node {
    let value =
        DeValue::parse(text).map_or_else(|_| Value::Text(text.to_owned()), |v| value_of(v.get_ref(), &|_| None));
    Node { value, line: None, env_text: Some(text.to_owned()) }
}

/// The parser's own display shows the source line, which may hold a secret; its message alone does not.
fn syntax_problem(error: &toml::de::Error, lines: &Lines<'_>) -> ConfigProblem {
    let what = error.message().trim_end_matches(", expected nothing");
    let (line, column) = lines.place_of(error.span().map_or(0, |span| span.start));
    ConfigProblem { path: String::new(), line: Some(line), message: format!("not TOML: {what} (column {column})") }
}

type LineOf<'a> = &'a dyn Fn(usize) -> Option<usize>;

fn table_of(table: &DeTable<'_>, line_of: LineOf<'_>) -> Table {
    let node = |line, value: &DeValue<'_>| Node { value: value_of(value, line_of), line, env_text: None };
    table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), node(line_of(key.span().start), value.get_ref())))
        .collect()
}

fn value_of(value: &DeValue<'_>, line_of: LineOf<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(integer_of(number)),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(datetime) => Value::Datetime(*datetime),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node {
                    value: value_of(item.get_ref(), line_of),
                    line: line_of(item.span().start),
                    env_text: None,
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(table_of(table, line_of)),
    }
}

fn integer_of(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

//! Reading one table of the configuration: typed values, every fault collected, keys that nobody asked for refused.
//!
//! It must never put a value into a message where a secret may stand; readers of plain words may quote them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::options::{Entry, Env, Options, resolve_secret};
use super::problem::ConfigProblem;
use super::secret::Secret;
use super::suggest;
use super::tree::{Node, Table, Value};

/// Collects faults.
#[derive(Debug, Default)]
pub(super) struct Report(RefCell<Vec<ConfigProblem>>);

impl Report {
    pub(super) fn fault(&self, place: &Place, message: impl Into<String>) {
        self.add(ConfigProblem { path: place.path.clone(), line: place.line, message: message.into() });
    }

    pub(super) fn add(&self, problem: ConfigProblem) {
        self.0.borrow_mut().push(problem);
    }

    pub(super) fn into_problems(self) -> Vec<ConfigProblem> {
        self.0.into_inner()
    }
}

/// Where something stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: Option<usize>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// One table being read.
pub(super) struct Section<'a> {
    place: Place,
    table: &'a Table,
    asked: Vec<&'static str>,
    report: &'a Report,
}

static EMPTY: Table = Table::new();

impl<'a> Section<'a> {
    /// The document as a whole.
    pub(super) fn root(table: &'a Table, report: &'a Report) -> Self {
        Self { place: Place::default(), table, asked: Vec::new(), report }
    }

    /// Where the table itself stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Where `key` stands, or where its table does if it is absent.
    pub(super) fn place_of(&self, key: &str) -> Place {
        let path = if self.place.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place.path) };
        Place { path, line: self.table.get(key).map_or(self.place.line, |node| node.line) }
    }

    /// Whether `key` is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Notes a fault of `key`.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) {
        self.report.fault(&self.place_of(key), message);
    }

    /// Notes a fault at a place.
    pub(super) fn report_at(&self, place: &Place, message: impl Into<String>) {
        self.report.fault(place, message);
    }

    /// Whether `key` is a list without items.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        matches!(self.table.get(key), Some(Node { value: Value::List(items), .. }) if items.is_empty())
    }

    /// The text at `key` as it stands, faulty or not, for comparing.
    pub(super) fn text_as_typed(&self, key: &str) -> Option<String> {
        match self.table.get(key)? {
            Node { value: Value::Text(text), .. } | Node { env_text: Some(text), .. } => Some(text.clone()),
            _ => None,
        }
    }

    /// Takes `key` as known without reading it.
    pub(super) fn know(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    /// Notes that `key`, which must be there, is absent.
    pub(super) fn require(&mut self, key: &'static str, example: &str) {
        self.know(key);
        if !self.has(key) {
            self.fault(key, format!("missing: write {key} = {example}"));
        }
    }

    /// The table `[key]`; an empty one if it is absent.
    pub(super) fn table(&mut self, key: &'static str) -> Section<'a> {
        let place = self.place_of(key);
        let table = match self.node(key).map(|node| &node.value) {
            None => &EMPTY,
            Some(Value::Table(table)) => table,
            Some(other) => {
                let message = format!("{} where a table belongs: write [{}] once", other.kind(), place.path);
                self.report.fault(&place, message);
                &EMPTY
            }
        };
        Section { place, table, asked: Vec::new(), report: self.report }
    }

    /// The tables `[[key]]`; none if it is absent.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let place = self.place_of(key);
        let wrong = |place: &Place, kind: &str, header: &str| {
            self.report.fault(place, format!("{kind} where tables belong: write [[{header}]] for each"));
        };
        let items = match self.table.get(key).map(|node| &node.value) {
            None => &[],
            Some(Value::List(items)) => items.as_slice(),
            Some(other) => {
                wrong(&place, other.kind(), &place.path);
                &[]
            }
        };
        let section = |(index, item): (usize, &'a Node)| {
            let item_place = Place { path: format!("{}[{index}]", place.path), line: item.line };
            let Value::Table(table) = &item.value else {
                wrong(&item_place, item.value.kind(), &place.path);
                return None;
            };
            Some(Section { place: item_place, table, asked: Vec::new(), report: self.report })
        };
        let sections = items.iter().enumerate().filter_map(section).collect();
        self.know(key);
        sections
    }

    /// A text; `None` if it is absent or faulty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Placed<String>> {
        self.parsed(key, "a text in quotes", |text| Ok::<_, String>(text.to_owned()))
    }

    /// A text that `parse` reads; `None` if it is absent or faulty. `expects` says what belongs there.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        expects: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Placed<T>> {
        let place = self.place_of(key);
        let read = read_text(self.node(key)?, expects, &parse);
        self.keep(place, read)
    }

    /// A list of texts that `parse` reads; empty if it is absent. None may stand twice.
    pub(super) fn list<T, E: Display>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<Placed<T>> {
        let place = self.place_of(key);
        let items = match self.node(key).map(|node| &node.value) {
            None => return Vec::new(),
            Some(Value::List(items)) => items,
            Some(other) => {
                let message = format!("{} where a list belongs: write {key} = {example}", other.kind());
                self.report.fault(&place, message);
                return Vec::new();
            }
        };
        let mut seen = Vec::new();
        let read = |(index, item): (usize, &'a Node)| {
            let item_place = Place { path: format!("{}[{index}]", place.path), line: item.line };
            if let Value::Text(text) = &item.value {
                if seen.contains(&text) {
                    self.report.fault(&item_place, format!("`{text}` stands twice in this list: remove one"));
                    return None;
                }
                seen.push(text);
            }
            self.keep(item_place, read_text(item, "a text in quotes", &parse))
        };
        items.iter().enumerate().filter_map(read).collect()
    }

    /// A whole number within `range`; `default` if it is absent or faulty.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let place = self.place_of(key);
        let Some(node) = self.node(key) else { return default };
        let number = match node.value {
            Value::Integer(number) => number.and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let message = format!("write a whole number from {} to {}", range.start(), range.end());
                self.report.fault(&place, message);
                default
            }
        }
    }

    /// A truth value; `default` if it is absent or faulty.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let place = self.place_of(key);
        match self.node(key).map(|node| &node.value) {
            None => default,
            Some(Value::Flag(flag)) => *flag,
            Some(_) => {
                self.report.fault(&place, "write true or false, without quotes");
                default
            }
        }
    }

    /// A duration above zero and not above `most`; `default` if it is absent or faulty.
    pub(super) fn duration(&mut self, key: &'static str, most: Duration, default: Duration) -> Duration {
        self.duration_within(key, Duration::from_nanos(1)..=most, default)
    }

    /// A duration within `range`; `default` if it is absent or faulty.
    pub(super) fn duration_within(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let words = humantime::format_duration;
        let form = format!("write a duration with its unit, such as \"{}\"", words(default));
        let least = *range.start();
        let least =
            if least < Duration::from_secs(1) { "above 0s".into() } else { format!("at least {}", words(least)) };
        let parse = |text: &str| match humantime::parse_duration(text) {
            Ok(duration) if !range.contains(&duration) => {
                Err(format!("`{text}` is out of range: {least}, at most {}", words(*range.end())))
            }
            Ok(duration) => Ok(duration),
            Err(_) => Err(format!("`{text}` is no duration: {form}")),
        };
        self.parsed(key, "a duration with its unit, in quotes (\"15m\"),", parse).map_or(default, |placed| placed.value)
    }

    /// A secret, or a place that holds one; `None` if it is absent or faulty.
    pub(super) fn secret(&mut self, key: &'static str, env: &Env) -> Option<Placed<Secret>> {
        let place = self.place_of(key);
        let node = self.node(key)?;
        let value = match &node.env_text {
            Some(text) if !matches!(node.value, Value::Table(_) | Value::Text(_)) => toml::Value::String(text.clone()),
            _ => node.to_toml(),
        };
        self.keep(place, resolve_secret(&value, env))
    }

    /// The value of `key` as it is.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.know(key);
        self.table.get(key)
    }

    /// What was not asked for, as the options of a kind, which checks them itself.
    pub(super) fn into_options(self, env: &Env) -> Options {
        let mut entries = BTreeMap::new();
        let mut typed = BTreeMap::new();
        for (key, node) in self.table.iter().filter(|(key, _)| !self.asked.contains(&key.as_str())) {
            entries.insert(key.clone(), Entry { value: node.to_toml(), line: node.line });
            typed.extend(node.env_text.clone().map(|text| (key.clone(), text)));
        }
        Options::new(self.place.path, self.place.line, entries, env.clone()).with_env_texts(typed)
    }

    /// Refuses the keys that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys().filter(|key| !self.asked.contains(&key.as_str())) {
            self.fault(key, format!("unknown key: {}", suggest::instead(key, &self.asked)));
        }
    }

    fn keep<T, E: Display>(&self, place: Place, read: Result<T, E>) -> Option<Placed<T>> {
        match read {
            Ok(value) => Some(Placed { value, place }),
            Err(message) => {
                self.report.fault(&place, message.to_string());
                None
            }
        }
    }
}

fn read_text<T, E: Display>(node: &Node, expects: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, String> {
    match (&node.value, &node.env_text) {
        (Value::Text(text), _) if text.trim().is_empty() => Err(format!("empty, where {expects} belongs")),
        (Value::Text(text), _) => parse(text).map_err(|error| error.to_string()),
        (Value::List(_) | Value::Table(_), _) | (_, None) => {
            Err(format!("{} where {expects} belongs", node.value.kind()))
        }
        (_, Some(text)) => parse(text).map_err(|error| error.to_string()),
    }
}

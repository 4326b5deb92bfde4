//! The options of a kind (an e-mail channel, a JSON source): typed reading with every fault collected.
//!
//! A kind lives in a higher layer, so the configuration keeps its options as they were typed, with their lines, and the
//! kind reads them by [`Options::reader`]. What the kind did not ask for is an unknown key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::problem::ConfigProblem;
use super::secret::Secret;
use super::suggest;

/// The environment as it was at start, so that tests can give another.
pub type Env = Arc<BTreeMap<String, String>>;

/// Options as typed.
#[derive(Clone)]
pub struct Options {
    path: String,
    line: Option<usize>,
    entries: BTreeMap<String, Entry>,
    env_texts: BTreeMap<String, String>,
    env: Env,
}

/// One option as typed.
#[derive(Clone)]
pub struct Entry {
    /// The value.
    pub value: toml::Value,
    /// Line of the file, from 1.
    pub line: Option<usize>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_tuple(&self.path).field(&self.entries.keys().collect::<Vec<_>>()).finish()
    }
}

impl Options {
    /// Options at `path` (`channels[0]`), which begins on `line`.
    #[must_use]
    pub fn new(path: impl Into<String>, line: Option<usize>, entries: BTreeMap<String, Entry>, env: Env) -> Self {
        Self { path: path.into(), line, entries, env_texts: BTreeMap::new(), env }
    }

    /// Adds what environment variables hold for keys, as typed: it stands where a text belongs, so that a password of
    /// digits alone is a text.
    #[must_use]
    pub(super) fn with_env_texts(mut self, env_texts: BTreeMap<String, String>) -> Self {
        self.env_texts = env_texts;
        self
    }

    /// Begins reading.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader { options: self, asked: BTreeSet::new(), problems: Vec::new() }
    }
}

/// Reads options, collecting faults; [`Reader::finish`] tells them.
#[derive(Debug)]
pub struct Reader<'a> {
    options: &'a Options,
    asked: BTreeSet<&'static str>,
    problems: Vec<ConfigProblem>,
}

impl Reader<'_> {
    /// A text that must be there.
    pub fn text(&mut self, key: &'static str, example: &str) -> Option<String> {
        self.required(key, example)?;
        self.optional_text(key)
    }

    /// A text that may be absent.
    pub fn optional_text(&mut self, key: &'static str) -> Option<String> {
        match self.text_entry(key)?.value {
            toml::Value::String(text) if !text.is_empty() => Some(text),
            _ => self.fault(key, "a text in quotes belongs here"),
        }
    }

    /// A secret that must be there: a text, `{ file = "PATH" }` or `{ env = "NAME" }`.
    pub fn secret(&mut self, key: &'static str, example: &str) -> Option<Secret> {
        self.required(key, example)?;
        self.optional_secret(key)
    }

    /// A secret that may be absent.
    pub fn optional_secret(&mut self, key: &'static str) -> Option<Secret> {
        let entry = self.text_entry(key)?;
        match resolve_secret(&entry.value, &self.options.env) {
            Ok(secret) => Some(secret),
            Err(message) => self.fault(key, &message),
        }
    }

    /// A list of texts that must be there and not be empty.
    pub fn texts(&mut self, key: &'static str, example: &str) -> Option<Vec<String>> {
        self.required(key, example)?;
        let toml::Value::Array(items) = self.entry(key)?.value else {
            return self.fault(key, &format!("a list of texts belongs here, such as {example}"));
        };
        let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        match texts {
            Some(texts) if !texts.is_empty() => Some(texts),
            _ => self.fault(key, &format!("a list of at least one text belongs here, such as {example}")),
        }
    }

    /// A table of texts or secrets; empty if absent.
    pub fn secret_table(&mut self, key: &'static str) -> BTreeMap<String, Secret> {
        let Some(entry) = self.entry(key) else { return BTreeMap::new() };
        let toml::Value::Table(table) = entry.value else {
            self.fault::<()>(key, "a table belongs here, such as { X-Team = \"sre\" }");
            return BTreeMap::new();
        };
        let mut secrets = BTreeMap::new();
        for (name, value) in table {
            match resolve_secret(&value, &self.options.env) {
                Ok(secret) => drop(secrets.insert(name, secret)),
                Err(message) => self.fault::<()>(key, &format!("{name}: {message}")).unwrap_or_default(),
            }
        }
        secrets
    }

    /// A truth value; `default` if absent.
    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.entry(key).map(|entry| entry.value) {
            None => default,
            Some(toml::Value::Boolean(flag)) => flag,
            Some(_) => self.fault(key, "true or false belongs here").unwrap_or(default),
        }
    }

    /// Whether `key` is there, faulty or not.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.options.entries.contains_key(key)
    }

    /// Notes a fault of `key` that the kind itself found.
    pub fn fault<T>(&mut self, key: &'static str, message: &str) -> Option<T> {
        let line = self.options.entries.get(key).map_or(self.options.line, |entry| entry.line);
        let path = format!("{}.{key}", self.options.path);
        self.problems.push(ConfigProblem { path, line, message: message.to_owned() });
        None
    }

    /// All faults, unknown keys included.
    ///
    /// # Errors
    /// If there is any.
    pub fn finish(mut self) -> Result<(), Vec<ConfigProblem>> {
        for (key, entry) in &self.options.entries {
            if !self.asked.contains(key.as_str()) {
                let known: Vec<&str> = self.asked.iter().copied().collect();
                let message = format!("unknown key: {}", suggest::instead(key, &known));
                self.problems.push(ConfigProblem {
                    path: format!("{}.{key}", self.options.path),
                    line: entry.line,
                    message,
                });
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }

    fn entry(&mut self, key: &'static str) -> Option<Entry> {
        self.asked.insert(key);
        self.options.entries.get(key).cloned()
    }

    /// Like [`Self::entry`], for a text: a number or a truth value from the environment is the text as typed.
    fn text_entry(&mut self, key: &'static str) -> Option<Entry> {
        let mut entry = self.entry(key)?;
        let is_scalar = !matches!(entry.value, toml::Value::String(_) | toml::Value::Array(_) | toml::Value::Table(_));
        if let Some(text) = self.options.env_texts.get(key).filter(|_| is_scalar) {
            entry.value = toml::Value::String(text.clone());
        }
        Some(entry)
    }

    fn required(&mut self, key: &'static str, example: &str) -> Option<()> {
        if self.entry(key).is_none() {
            return self.fault(key, &format!("missing: write {key} = {example}"));
        }
        Some(())
    }
}

/// Reads a secret: a text, `{ file = "PATH" }` (trailing line breaks cut) or `{ env = "NAME" }`. It may not be empty.
///
/// # Errors
/// With what is wrong and what to do, without the secret.
pub fn resolve_secret(value: &toml::Value, env: &Env) -> Result<Secret, String> {
    const FORM: &str = "write a text, { file = \"PATH\" } or { env = \"NAME\" }";
    let only_entry = value.as_table().filter(|table| table.len() == 1).and_then(|table| table.iter().next());
    match (value, only_entry) {
        (toml::Value::String(text), _) if text.is_empty() => Err(format!("empty: {FORM}")),
        (toml::Value::String(text), _) => Ok(Secret::new(text)),
        (_, Some((key, toml::Value::String(path)))) if key == "file" => secret_of_file(path),
        (_, Some((key, toml::Value::String(name)))) if key == "env" => match env.get(name) {
            None => Err(format!("environment variable {name} is not set")),
            Some(text) if text.is_empty() => Err(format!("environment variable {name} is empty")),
            Some(text) if text.contains('\u{fffd}') => {
                Err(format!("environment variable {name} holds bytes that are not UTF-8"))
            }
            Some(text) => Ok(Secret::new(text)),
        },
        _ => Err(format!("no secret: {FORM}")),
    }
}

fn secret_of_file(path: &str) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read the secret from file {path}: {e}"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("file {path} is empty: it should hold the secret")),
        secret => Ok(Secret::new(secret)),
    }
}

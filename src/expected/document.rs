//! One state document: JSON text to declarations, every fault told with its line and its JSON pointer.
//!
//! A faulty resource does not hide the good ones beside it; a text that is not JSON yields nothing but its fault.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::strict::{self, Entries};
use super::{Declaration, Loaded, Origin, Problem, Types};
use crate::config::lines::Lines;
use crate::config::suggest;
use crate::domain::id::{AccountId, GLOBAL, Region};
use crate::domain::schema::{StateProblem, kind_of};
use crate::domain::state::{ResourceState, escape};
use crate::resource::ResourceType;

const FORM: &str = "write { \"resources\": [ … ] }";
const KEYS: [&str; 5] = ["resource_type", "resource_id", "account_id", "region", "state"];
const LONGEST_ID: usize = 255;

/// Reads the document called `name` into `loaded`.
pub(super) fn read(name: &str, bytes: &[u8], types: Types, loaded: &mut Loaded) {
    loaded.documents += 1;
    match decode(bytes) {
        Ok(text) => Reader { name, text, lines: Lines::new(text), types, loaded }.read(),
        Err((line, message)) => {
            loaded.problems.push(Problem { place: format!("{name}:{line}"), pointer: String::new(), message });
            loaded.note_lost();
        }
    }
}

fn decode(bytes: &[u8]) -> Result<&str, (usize, String)> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        (Lines::new(&good).line_of(good.len()), "not UTF-8 text: save the file in UTF-8".to_owned())
    })?;
    if text.starts_with('\u{feff}') {
        return Err((1, "begins with a byte order mark: save the file in UTF-8 without one".to_owned()));
    }
    if text.trim().is_empty() {
        return Err((1, format!("empty: {FORM}")));
    }
    Ok(text)
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    lines: Lines<'a>,
    types: Types,
    loaded: &'a mut Loaded,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        let text: &'a str = self.text;
        let whole: &RawValue = match serde_json::from_str(text) {
            Ok(whole) => whole,
            Err(error) => return self.lose(error.line(), String::new(), &at_column(&error)),
        };
        let Ok(Entries(entries)) = serde_json::from_str::<Entries<'a>>(whole.get()) else {
            let message = format!("{} where an object belongs: {FORM}", raw_kind(whole));
            return self.lose_at(whole.get(), String::new(), &message);
        };
        let mut resources: Option<&RawValue> = None;
        for (key, value) in entries {
            let pointer = format!("/{}", escape(&key));
            match (key.as_str(), resources) {
                ("resources", None) => resources = Some(value),
                ("resources", Some(_)) => {
                    self.lose_at(value.get(), pointer, "the key `resources` stands twice: put all into one list");
                }
                _ => {
                    let message = format!("unknown key: {}", suggest::instead(&key, &["resources"]));
                    self.lose_at(value.get(), pointer, &message);
                }
            }
        }
        match resources {
            Some(resources) => self.read_list(resources),
            None => self.lose_at(whole.get(), String::new(), &format!("`resources` is missing: {FORM}")),
        }
    }

    fn read_list(&mut self, list: &'a RawValue) {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
            let message = format!("{} where a list belongs: {FORM}", raw_kind(list));
            return self.lose_at(list.get(), "/resources".to_owned(), &message);
        };
        for (index, item) in items.into_iter().enumerate() {
            self.read_resource(index, item.get());
        }
    }

    fn read_resource(&mut self, index: usize, item: &'a str) {
        let pointer = format!("/resources/{index}");
        let offset = strict::offset_in(self.text, item);
        let (value, mut problems) = match strict::parse(item) {
            Ok(parsed) => parsed,
            Err(error) => {
                let line = self.lines.line_of(offset) + error.line().saturating_sub(1);
                return self.lose(line, pointer, &strict::bare_message(&error));
            }
        };
        let Value::Object(entries) = value else {
            let message = format!("{} where an object with {} belongs", kind_of(&value), KEYS.join(", "));
            return self.lose_at(item, pointer, &message);
        };
        let mut draft = Draft::read(entries, self.types, &mut problems);
        let origin = Origin { document: self.name.to_owned(), line: Some(self.lines.line_of(offset)), pointer };
        if problems.is_empty()
            && let Some(declaration) = draft.declaration(&origin)
        {
            return self.loaded.declare(declaration);
        }
        match (draft.kind, &draft.resource_id) {
            (Some(kind), Some(id)) => self.loaded.note_faulty(kind.name(), id),
            _ => self.loaded.note_lost(),
        }
        for problem in problems {
            let line = self.lines.line_of(offset + strict::locate(item, &problem.pointer));
            self.add(line, format!("{}{}", origin.pointer, problem.pointer), &problem.message);
        }
    }

    fn add(&mut self, line: usize, pointer: String, message: &str) {
        let place = format!("{}:{line}", self.name);
        self.loaded.problems.push(Problem { place, pointer, message: message.to_owned() });
    }

    fn lose(&mut self, line: usize, pointer: String, message: &str) {
        self.loaded.note_lost();
        self.add(line, pointer, message);
    }

    fn lose_at(&mut self, part: &str, pointer: String, message: &str) {
        self.lose(self.lines.line_of(strict::offset_in(self.text, part)), pointer, message);
    }
}

fn at_column(error: &serde_json::Error) -> String {
    format!("{} (column {})", strict::bare_message(error), error.column())
}

fn raw_kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        _ => "a number",
    }
}

/// A resource as far as it could be read.
struct Draft {
    kind: Option<&'static dyn ResourceType>,
    resource_id: Option<String>,
    account_id: Option<AccountId>,
    region: Option<Region>,
    state: Option<ResourceState>,
}

impl Draft {
    fn read(mut entries: Map<String, Value>, types: Types, problems: &mut Vec<StateProblem>) -> Self {
        for key in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let message = format!("unknown key: {}", suggest::instead(key, &KEYS));
            problems.push(StateProblem { pointer: format!("/{}", escape(key)), message });
        }
        let mut fields = Fields { entries: &mut entries, problems };
        let kind = fields.text("resource_type").and_then(|name| fields.kind(&name, types));
        fields.require("resource_type", "\"EC2\"");
        let id_form = kind.map_or("its id in AWS", ResourceType::id_form);
        fields.require("resource_id", id_form);
        let resource_id = fields.text("resource_id").and_then(|id| fields.resource_id(id, id_form));
        let resource_id = resource_id.map(|id| kind.map_or_else(|| id.clone(), |kind| kind.canonical_id(&id)));
        let account_id = fields.optional("account_id").and_then(|id| fields.account_id(&id));
        let region = fields.optional("region").and_then(|region| fields.region(&region));
        fields.require("state", "{ … }");
        let state = fields.state(kind);
        Self { kind, resource_id, account_id, region, state }
    }

    /// The declaration, if nothing of it is missing; the state moves into it.
    fn declaration(&mut self, origin: &Origin) -> Option<Declaration> {
        Some(Declaration {
            resource_type: self.kind?.name().to_owned(),
            resource_id: self.resource_id.clone()?,
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            state: self.state.take()?,
            origin: origin.clone(),
        })
    }
}

/// The entries of a resource being read.
struct Fields<'a> {
    entries: &'a mut Map<String, Value>,
    problems: &'a mut Vec<StateProblem>,
}

impl Fields<'_> {
    fn fault<T>(&mut self, key: &str, message: String) -> Option<T> {
        self.problems.push(StateProblem { pointer: format!("/{key}"), message });
        None
    }

    fn require(&mut self, key: &str, example: &str) {
        if !self.entries.contains_key(key) {
            self.fault::<()>(key, format!("missing: write \"{key}\": {example}"));
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.entries.get(key)? {
            Value::String(text) => Some(text.clone()),
            other => {
                let message = format!("{} where a text in quotes belongs", kind_of(other));
                self.fault(key, message)
            }
        }
    }

    /// A text that may also be left out as `null`.
    fn optional(&mut self, key: &str) -> Option<String> {
        if self.entries.get(key)?.is_null() { None } else { self.text(key) }
    }

    fn kind(&mut self, name: &str, types: Types) -> Option<&'static dyn ResourceType> {
        let found = types.iter().copied().find(|kind| kind.name() == name);
        if found.is_some() {
            return found;
        }
        let names: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
        self.fault("resource_type", format!("no resource type is called `{name}`: {}", suggest::instead(name, &names)))
    }

    fn resource_id(&mut self, id: String, id_form: &str) -> Option<String> {
        let length = id.chars().count();
        if id.trim().is_empty() {
            return self.fault("resource_id", format!("empty: write the {id_form}"));
        }
        if length > LONGEST_ID {
            let message = format!("{length} characters, at most {LONGEST_ID} can be stored: write the {id_form}");
            return self.fault("resource_id", message);
        }
        if id.trim() != id || id.chars().any(char::is_control) {
            return self
                .fault("resource_id", format!("has blanks around it or control characters: write the {id_form}"));
        }
        Some(id)
    }

    fn account_id(&mut self, text: &str) -> Option<AccountId> {
        let id = AccountId::from(text);
        if id.is_valid() {
            return Some(id);
        }
        self.fault(
            "account_id",
            format!("`{text}` is no account id: write its twelve digits in quotes, or leave it out"),
        )
    }

    fn region(&mut self, text: &str) -> Option<Region> {
        let region = Region::from(text);
        if region.is_valid() || text == GLOBAL {
            return Some(region);
        }
        let form = "write it as AWS does, such as \"us-east-1\", or leave it out";
        self.fault("region", format!("`{text}` is not shaped like a region: {form}"))
    }

    /// The state, checked against its type and canonical.
    fn state(&mut self, kind: Option<&'static dyn ResourceType>) -> Option<ResourceState> {
        let mut state = match self.entries.remove("state")? {
            Value::Object(attributes) => ResourceState::from(attributes),
            other => return self.fault("state", format!("{} where an object of attributes belongs", kind_of(&other))),
        };
        let kind = kind?;
        let faults = kind.check(&state);
        if faults.is_empty() {
            kind.normalize(&mut state);
            return Some(state);
        }
        let below = |fault: StateProblem| StateProblem { pointer: format!("/state{}", fault.pointer), ..fault };
        self.problems.extend(faults.into_iter().map(below));
        None
    }
}

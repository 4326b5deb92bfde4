//! A pull reader of JSON that holds no more of a document than the element at hand: a state may be of any size.
//!
//! It finds where elements begin and end, and hands out the text of those that are wanted. What nobody wants is passed
//! over unread, so of that it only tells that its brackets and quotes close. The loops over bytes are written for
//! builds without optimisation too: no call and no iterator per byte.

use std::io::{ErrorKind, Read};

use serde_json::Value;

use super::pass::Pass;
use crate::expected::strict;

/// Bytes asked of the source at a time.
const CHUNK: usize = 256 * 1024;
/// Objects and lists in one another. Terraform's own documents stay far below.
pub(super) const DEEPEST: usize = 100;
/// Longest element that is handed out. AWS's limits keep the longest instance well below one MiB.
const LONGEST: usize = 8 * 1024 * 1024;
/// Longest list of instances that is held until the rest of its resource is known.
const LONGEST_HELD: usize = 64 * 1024 * 1024;
/// Longest key.
const LONGEST_KEY: usize = 16 * 1024;

/// Why a document cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// Line, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) message: String,
}

/// The text of one element.
#[derive(Debug)]
pub(super) struct Element<'a> {
    /// Line on which it begins, from 1.
    pub(super) line: usize,
    bytes: &'a [u8],
    /// Colons outside of texts: the number of keys in all its objects.
    keys: usize,
}

/// Where the reader stands in the entries of an object or the items of a list.
#[derive(Debug)]
pub(super) struct Within {
    close: u8,
    is_first: bool,
}

/// The reader.
pub(super) struct Scanner<'s> {
    source: &'s mut dyn Read,
    chunk: Box<[u8]>,
    buffer: Vec<u8>,
    /// Next byte in `buffer`.
    at: usize,
    /// Begin of the element that is being kept.
    kept: Option<usize>,
    /// Lines before `counted`, a place in `buffer`.
    lines: usize,
    counted: usize,
    depth: usize,
    is_at_end: bool,
}

impl<'s> Scanner<'s> {
    /// Reads `source`, whose first line is number `line`.
    pub(super) fn new(source: &'s mut dyn Read, line: usize) -> Self {
        Self { chunk: vec![0; CHUNK].into_boxed_slice(), ..Self::new_empty(source, line) }
    }

    fn new_empty(source: &'s mut dyn Read, line: usize) -> Self {
        let (chunk, lines) = (Box::default(), line.saturating_sub(1));
        Self { source, chunk, buffer: Vec::new(), at: 0, kept: None, lines, counted: 0, depth: 0, is_at_end: false }
    }

    /// Reads a text that [`Self::hold`] gave; `nothing` is an empty source.
    pub(super) fn over(nothing: &'s mut std::io::Empty, (line, buffer): (usize, Vec<u8>)) -> Self {
        Self { buffer, is_at_end: true, ..Self::new_empty(nothing, line) }
    }

    /// The line that is being read, from 1.
    pub(super) fn line(&self) -> usize {
        self.lines + newlines(&self.buffer[self.counted..self.at]) + 1
    }

    /// A fault at the place that is being read.
    pub(super) fn broken<T>(&self, message: impl Into<String>) -> Result<T, Broken> {
        Err(Broken { line: self.line(), message: message.into() })
    }

    /// The first byte of the next token; `None` at the end of the document.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Broken> {
        loop {
            let end = self.buffer.len();
            let mut at = self.at;
            while at < end && matches!(self.buffer[at], b' ' | b'\n' | b'\r' | b'\t') {
                at += 1;
            }
            self.at = at;
            if at < end {
                return Ok(Some(self.buffer[at]));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Steps into an object (`{`) or a list (`[`).
    pub(super) fn enter(&mut self, open: u8) -> Result<Within, Broken> {
        let (close, what) = if open == b'{' { (b'}', "an object") } else { (b']', "a list") };
        match self.peek()? {
            Some(byte) if byte == open => {}
            found => return self.broken(format!("{} where {what} belongs", kind_of(found))),
        }
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.broken(too_deep());
        }
        Ok(Within { close, is_first: true })
    }

    /// Steps to the next item of a list; `false` behind the last one.
    pub(super) fn next_item(&mut self, within: &mut Within) -> Result<bool, Broken> {
        let found = self.peek()?;
        if found == Some(within.close) {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if std::mem::replace(&mut within.is_first, false) {
            return Ok(true);
        }
        match found {
            Some(b',') => self.at += 1,
            None => return self.broken(cut_off()),
            Some(_) => return self.broken("not JSON: a comma or a closing bracket is missing"),
        }
        Ok(true)
    }

    /// Steps to the next entry of an object; `None` behind the last one.
    pub(super) fn next_key(&mut self, within: &mut Within) -> Result<Option<String>, Broken> {
        if !self.next_item(within)? {
            return Ok(None);
        }
        match self.peek()? {
            Some(b'"') => {}
            None => return self.broken(cut_off()),
            Some(_) => return self.broken("not JSON: a key in quotes belongs here"),
        }
        let Some(key) = self.take_up_to(LONGEST_KEY)?.and_then(|text| text.key()) else {
            return self.broken("not JSON: this key cannot be read");
        };
        match self.peek()? {
            Some(b':') => self.at += 1,
            None => return self.broken(cut_off()),
            Some(_) => return self.broken("not JSON: a colon is missing behind a key"),
        }
        Ok(Some(key))
    }

    /// Passes over the next element.
    pub(super) fn skip(&mut self) -> Result<(), Broken> {
        self.pass(0).map(drop)
    }

    /// The next element; `None` if it is longer than any that Terraform writes.
    pub(super) fn take(&mut self) -> Result<Option<Element<'_>>, Broken> {
        self.take_up_to(LONGEST)
    }

    /// The next element and its line, to be read later; `None` if it is too long for that.
    pub(super) fn hold(&mut self) -> Result<Option<(usize, Vec<u8>)>, Broken> {
        let held = self.take_up_to(LONGEST_HELD)?;
        Ok(held.map(|element| (element.line, element.bytes.to_owned())))
    }

    /// Whether nothing follows.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => self.broken("not JSON: something stands behind the end of the document"),
        }
    }

    fn take_up_to(&mut self, most: usize) -> Result<Option<Element<'_>>, Broken> {
        self.peek()?;
        self.count_lines(self.at);
        let line = self.lines + 1;
        self.kept = Some(self.at);
        let keys = self.pass(most);
        let (begin, keys) = (self.kept.take(), keys?);
        Ok(begin.map(|begin| Element { line, bytes: &self.buffer[begin..self.at], keys }))
    }

    /// Passes over the next element and counts its keys; what is kept of it is let go when it is longer than `most`.
    fn pass(&mut self, most: usize) -> Result<usize, Broken> {
        if self.peek()?.is_none() {
            return self.broken(cut_off());
        }
        let mut pass = Pass::default();
        loop {
            let is_done = pass.advance(&self.buffer, &mut self.at);
            if self.depth + pass.depth > DEEPEST {
                return self.broken(too_deep());
            }
            if self.kept.is_some_and(|begin| self.at - begin > most) {
                self.kept = None;
            }
            if is_done {
                return if pass.is_empty { self.broken("not JSON: a value is missing") } else { Ok(pass.keys) };
            }
            if !self.fill()? {
                // A bare number may end with the document.
                return if pass.is_bare { Ok(pass.keys) } else { self.broken(cut_off()) };
            }
        }
    }

    fn count_lines(&mut self, up_to: usize) {
        if self.counted < up_to {
            self.lines += newlines(&self.buffer[self.counted..up_to]);
            self.counted = up_to;
        }
    }

    /// Reads on; `false` at the end of the source.
    fn fill(&mut self) -> Result<bool, Broken> {
        if self.is_at_end {
            return Ok(false);
        }
        let used = self.kept.unwrap_or(self.at);
        self.count_lines(used);
        self.counted -= used;
        self.buffer.drain(..used);
        self.at -= used;
        self.kept = self.kept.map(|_| 0);
        loop {
            match self.source.read(&mut self.chunk) {
                Ok(0) => {
                    self.is_at_end = true;
                    return Ok(false);
                }
                Ok(length) => {
                    self.buffer.extend_from_slice(&self.chunk[..length]);
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.broken(format!("cannot be read on: {error}")),
            }
        }
    }
}

impl Element<'_> {
    /// Its value. A key that stands twice is a fault: nobody can tell which one counts.
    ///
    /// # Errors
    /// With line and reason.
    pub(super) fn parse(&self) -> Result<Value, Broken> {
        let broken = |line, message| Broken { line, message };
        let text = std::str::from_utf8(self.bytes).map_err(|error| {
            let line = self.line + newlines(&self.bytes[..error.valid_up_to()]);
            broken(line, "not UTF-8 text".to_owned())
        })?;
        let value: Value = text.parse().map_err(|error: serde_json::Error| {
            broken(self.line + error.line().saturating_sub(1), strict::bare_message(&error))
        })?;
        if keys_of(&value) == self.keys {
            return Ok(value);
        }
        match strict::parse(text).map(|(_, problems)| problems.into_iter().next()) {
            Ok(Some(problem)) => {
                let line = self.line + newlines(&self.bytes[..strict::locate(text, &problem.pointer)]);
                Err(broken(line, format!("{}: {}", problem.pointer, problem.message)))
            }
            _ => Ok(value),
        }
    }

    fn key(&self) -> Option<String> {
        match std::str::from_utf8(self.bytes).ok()?.parse() {
            Ok(Value::String(key)) => Some(key),
            _ => None,
        }
    }
}

fn keys_of(value: &Value) -> usize {
    match value {
        Value::Object(entries) => entries.len() + entries.values().map(keys_of).sum::<usize>(),
        Value::Array(items) => items.iter().map(keys_of).sum(),
        _ => 0,
    }
}

fn newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

fn kind_of(byte: Option<u8>) -> &'static str {
    match byte {
        None => "nothing",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(_) => "no JSON",
    }
}

fn cut_off() -> &'static str {
    "not JSON: it ends in the middle"
}

fn too_deep() -> String {
    format!("nested deeper than {DEEPEST} levels")
}

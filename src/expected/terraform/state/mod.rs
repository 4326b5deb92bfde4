//! Terraform's state, format version 4, and the JSON of `terraform show`: a document becomes instances.
//!
//! It is read in one pass, one instance in memory at a time. A document that cannot be read to its end says nothing:
//! what it spoke of is undecided, because the part that is missing might say more of the same resource. One instance
//! that cannot be read costs only what it may have spoken of.

mod configuration;
mod pass;
mod provider;
mod scan;
mod shown;
mod sink;
mod v4;

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::Value;

use super::fold::Fold;
use crate::domain::schema::kind_of;
use crate::expected::Loaded;
use crate::expected::place::Document;
use scan::{Broken, Scanner};
use shown::{Part, Plan};
use sink::Sink;

const FORMATS: &str = "a state of format version 4 (`terraform state pull`) or the output of `terraform show -json`";

/// Reads a state into `fold`; what cannot be read is told in `loaded`.
pub(super) fn read(document: &Document, fold: &mut Fold, loaded: &mut Loaded) {
    read_from(&document.name, &mut document.bytes.as_slice(), fold, loaded);
}

/// As [`read`], from any source.
fn read_from(name: &str, source: &mut dyn Read, fold: &mut Fold, loaded: &mut Loaded) {
    loaded.documents += 1;
    let outcome = read_document(&mut Scanner::new(source, 1), &mut Sink { document: name, fold, loaded });
    if let Err(broken) = outcome {
        fold.doubt_document(name);
        loaded.lose(format!("{name}:{}", broken.line), broken.message);
    }
}

fn read_document(scanner: &mut Scanner<'_>, sink: &mut Sink<'_>) -> Result<(), Broken> {
    match scanner.peek()? {
        Some(b'{') => {}
        None => return scanner.broken(format!("empty: give {FORMATS}")),
        Some(0x1f) => return scanner.broken(format!("compressed or otherwise binary: give {FORMATS}")),
        Some(0xef) => return scanner.broken("begins with a byte order mark: save it in UTF-8 without one"),
        Some(_) => return scanner.broken(format!("no Terraform state: give {FORMATS}")),
    }
    let (mut seen, mut plan): (BTreeSet<String>, _) = (BTreeSet::new(), Plan::default());
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        match key.as_str() {
            _ if seen.contains(&key) => return scanner.broken(format!("the key `{key}` stands twice")),
            "version" => check_version(scanner)?,
            "serial" => {
                let serial = value_of(scanner)?.as_u64();
                sink.note(|document| document.serial = serial);
            }
            "terraform_version" => {
                let version = value_of(scanner)?.as_str().map(str::to_owned);
                sink.note(|document| document.terraform_version = version);
            }
            "resources" => v4::read_resources(scanner, sink)?,
            "format_version" => shown::check_format(scanner)?,
            "values" => shown::read_values(scanner, sink, &mut plan, Part::State)?,
            "planned_values" => shown::read_values(scanner, sink, &mut plan, Part::Planned)?,
            "prior_state" => shown::read_prior(scanner, sink, &mut plan)?,
            "configuration" => configuration::read(scanner, sink)?,
            "encrypted_data" => {
                return scanner.broken("encrypted by OpenTofu: give the output of `tofu state pull` instead");
            }
            _ => scanner.skip()?,
        }
        seen.insert(key);
    }
    scanner.end()?;
    if seen.contains("planned_values") {
        sink.fold.keep_only(sink.document, plan.existing);
    }
    let has = |key: &str| seen.contains(key);
    match (has("version"), has("resources"), has("format_version")) {
        // A state that holds nothing is shown as its format version alone.
        (true, true, false) | (false, false, true) => Ok(()),
        (true, false, false) => scanner.broken("`resources` is missing: the state is not whole"),
        _ => scanner.broken(format!("no Terraform state: give {FORMATS}")),
    }
}

fn check_version(scanner: &mut Scanner<'_>) -> Result<(), Broken> {
    let value = value_of(scanner)?;
    match value.as_u64() {
        Some(4) => Ok(()),
        Some(version @ 0..4) => scanner.broken(format!(
            "format version {version}, which Terraform before 0.12 wrote (and today's in its note of the backend in \
             .terraform): only version 4 can be read, so run `terraform apply` or `terraform state push` with a \
             current Terraform"
        )),
        Some(version) => scanner.broken(format!(
            "format version {version}, which is newer than any known here: only version 4 can be read, so give the \
             output of `terraform show -json` or a newer DriftSentry"
        )),
        None => scanner.broken(format!("`version` is {} where the number 4 belongs", kind_of(&value))),
    }
}

/// The next element, read whole.
fn value_of(scanner: &mut Scanner<'_>) -> Result<Value, Broken> {
    match scanner.take()? {
        Some(element) => element.parse(),
        None => scanner.broken("longer than any that Terraform writes"),
    }
}

/// The next element, which must be a text or null.
fn text_of(scanner: &mut Scanner<'_>, what: &str) -> Result<Option<String>, Broken> {
    match value_of(scanner)? {
        Value::String(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        other => scanner.broken(format!("`{what}` is {} where a text belongs", kind_of(&other))),
    }
}

#[cfg(test)]
mod mutants;
#[cfg(test)]
mod tests;

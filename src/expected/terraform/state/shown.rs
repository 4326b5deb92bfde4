//! What `terraform show -json` prints: of a state its values, of a plan the values that it will lead to.
//!
//! A plan declares what its code says of what exists: what it will create does not exist yet, and what it will replace
//! or destroy is not what the code means. Which those are is seen by what was there before, its `prior_state`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::scan::{Broken, Scanner};
use super::sink::{Place, Sink};
use super::{provider, text_of};
use crate::domain::schema::kind_of;

/// Which part of a document the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A state as it is.
    State,
    /// What a plan leads to.
    Planned,
    /// What was there before the plan.
    Prior,
}

/// What is found out about a plan on the way.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Which AWS resources each planned instance speaks of.
    subjects: BTreeMap<String, Vec<String>>,
    /// Addresses of planned instances that speak of the same resources as before.
    pub(super) existing: BTreeSet<String>,
}

/// Refuses a format of which nothing is known. All with the same major version can be read.
pub(super) fn check_format(scanner: &mut Scanner<'_>) -> Result<(), Broken> {
    let version = text_of(scanner, "format_version")?.unwrap_or_default();
    if matches!(version.split('.').next(), Some("0" | "1")) {
        return Ok(());
    }
    scanner.broken(format!("format version `{version}` of `terraform show -json`: only 0 and 1 can be read"))
}

/// Reads `{"values": …}`.
pub(super) fn read_prior(scanner: &mut Scanner<'_>, sink: &mut Sink<'_>, plan: &mut Plan) -> Result<(), Broken> {
    if is_null(scanner)? {
        return scanner.skip();
    }
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        if key == "values" { read_values(scanner, sink, plan, Part::Prior)? } else { scanner.skip()? }
    }
    Ok(())
}

/// Reads `{"root_module": …}`.
pub(super) fn read_values(
    scanner: &mut Scanner<'_>,
    sink: &mut Sink<'_>,
    plan: &mut Plan,
    part: Part,
) -> Result<(), Broken> {
    if is_null(scanner)? {
        return scanner.skip();
    }
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        if key == "root_module" { read_module(scanner, sink, plan, part)? } else { scanner.skip()? }
    }
    Ok(())
}

/// How deep modules nest is held by the scanner.
fn read_module(scanner: &mut Scanner<'_>, sink: &mut Sink<'_>, plan: &mut Plan, part: Part) -> Result<(), Broken> {
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        match key.as_str() {
            "resources" => {
                let mut within = scanner.enter(b'[')?;
                while scanner.next_item(&mut within)? {
                    read_resource(scanner, sink, plan, part)?;
                }
            }
            "child_modules" => {
                let mut within = scanner.enter(b'[')?;
                while scanner.next_item(&mut within)? {
                    read_module(scanner, sink, plan, part)?;
                }
            }
            _ => scanner.skip()?,
        }
    }
    Ok(())
}

fn is_null(scanner: &mut Scanner<'_>) -> Result<bool, Broken> {
    Ok(scanner.peek()? == Some(b'n'))
}

fn read_resource(scanner: &mut Scanner<'_>, sink: &mut Sink<'_>, plan: &mut Plan, part: Part) -> Result<(), Broken> {
    let Some(element) = scanner.take()? else {
        return scanner.broken("a resource that is longer than any that Terraform writes");
    };
    let line = element.line;
    let Value::Object(mut entries) = element.parse()? else {
        return scanner.broken("a resource that is no object");
    };
    let mut text = |name: &str| match entries.remove(name).unwrap_or(Value::Null) {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        other => Err(format!("`{name}` is {} where a text belongs", kind_of(&other))),
    };
    let head =
        (|| Ok([text("mode")?, text("type")?, text("address")?, text("provider_name")?, text("deposed_key")?]))();
    let [mode, kind, address, provider, deposed] = head.or_else(|message: String| scanner.broken(message))?;
    if mode != "managed" || !deposed.is_empty() {
        return Ok(());
    }
    if kind.is_empty() || address.is_empty() {
        return scanner.broken("a resource without `type` or `address`");
    }
    if !sink.fold.knows(&kind) || provider::is_aws(&provider) == Some(false) {
        sink.skip(&kind, usize::from(part != Part::Prior));
        return Ok(());
    }
    take(Place { kind, address, line }, entries, sink, plan, part);
    Ok(())
}

fn take(place: Place, mut entries: Map<String, Value>, sink: &mut Sink<'_>, plan: &mut Plan, part: Part) {
    let mut field = |name: &str| entries.remove(name).unwrap_or(Value::Null);
    let is_tainted = field("tainted") == true;
    let version = field("schema_version");
    let attributes = match field("values") {
        Value::Object(attributes) => attributes,
        Value::Null => Map::new(),
        other => {
            let message = format!("its `values` are {} where an object belongs", kind_of(&other));
            return sink.unreadable(place, message);
        }
    };
    let Some(mut instance) = sink.instance(place, attributes, &version, is_tainted) else { return };
    let address = instance.origin.pointer.clone();
    let subjects = sink.fold.subjects_of(&instance);
    match part {
        Part::State => sink.fold.add(&instance, sink.loaded),
        Part::Planned => {
            // What is to be created tells no id yet, which is no fault.
            if !subjects.is_empty() {
                sink.fold.add(&instance, sink.loaded);
            }
            plan.subjects.insert(address, subjects);
        }
        Part::Prior => match plan.subjects.get(&address) {
            Some(planned) if *planned == subjects && !is_tainted => drop(plan.existing.insert(address)),
            Some(_) => {
                instance.is_tainted = true;
                sink.fold.add(&instance, sink.loaded);
            }
            None => {}
        },
    }
}

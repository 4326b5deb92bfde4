//! The resources of a state of format version 4.

use serde_json::{Map, Value};

use super::scan::{Broken, Scanner};
use super::sink::{Place, Sink};
use super::{provider, text_of};
use crate::domain::schema::kind_of;
use crate::expected::terraform::address;

/// What stands in a resource before its instances.
#[derive(Debug, Default)]
struct Head {
    mode: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    provider: Option<String>,
    module: Option<String>,
}

/// Reads the list of resources.
pub(super) fn read_resources(scanner: &mut Scanner<'_>, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let mut within = scanner.enter(b'[')?;
    while scanner.next_item(&mut within)? {
        read_resource(scanner, sink)?;
    }
    Ok(())
}

/// The instances are held until the rest is known: Terraform writes them last, but tools that rewrite states may sort
/// the keys. Only where nothing more can come that matters, as in a module, they are read at once.
fn read_resource(scanner: &mut Scanner<'_>, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let mut head = Head::default();
    let (mut waiting, mut are_instances_read) = (None, false);
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        let slot = match key.as_str() {
            "mode" => &mut head.mode,
            "type" => &mut head.kind,
            "name" => &mut head.name,
            "provider" => &mut head.provider,
            "module" => &mut head.module,
            "instances" if are_instances_read => return scanner.broken("the key `instances` stands twice"),
            "instances" => {
                are_instances_read = true;
                if head.is_whole() {
                    read_instances(scanner, &head, sink)?;
                } else {
                    waiting = scanner.hold()?;
                    if waiting.is_none() {
                        return scanner.broken("too many instances of one resource: give the state in parts");
                    }
                }
                continue;
            }
            _ => {
                scanner.skip()?;
                continue;
            }
        };
        if slot.is_some() {
            return scanner.broken(format!("the key `{key}` stands twice"));
        }
        *slot = text_of(scanner, &key)?;
    }
    match waiting {
        Some(instances) => read_instances(&mut Scanner::over(&mut std::io::empty(), instances), &head, sink),
        None => Ok(()),
    }
}

impl Head {
    /// Whether nothing more can come.
    fn is_whole(&self) -> bool {
        self.module.is_some()
            && self.mode.is_some()
            && self.kind.is_some()
            && self.name.is_some()
            && self.provider.is_some()
    }

    fn address(&self, key: Option<&Value>) -> Option<String> {
        address::of(self.module.as_deref(), self.kind.as_deref()?, self.name.as_deref()?, key)
    }
}

fn read_instances(scanner: &mut Scanner<'_>, head: &Head, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let (Some(mode), Some(kind), Some(_)) = (&head.mode, &head.kind, &head.name) else {
        return scanner.broken("a resource without `mode`, `type` or `name`");
    };
    if mode != "managed" {
        sink.pass_over("data source");
        return scanner.skip();
    }
    let is_aws = match head.provider.as_deref().map(provider::is_aws) {
        Some(None) => return scanner.broken("`provider` names no provider"),
        Some(Some(is_aws)) => is_aws,
        None => true,
    };
    let is_watched = is_aws && sink.fold.knows(kind);
    let mut within = scanner.enter(b'[')?;
    let mut count = 0;
    while scanner.next_item(&mut within)? {
        if is_watched {
            read_instance(scanner, head, sink)?;
        } else {
            scanner.skip()?;
            count += 1;
        }
    }
    sink.skip(kind, count);
    Ok(())
}

fn read_instance(scanner: &mut Scanner<'_>, head: &Head, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let place = |line, key| Place {
        kind: head.kind.clone().unwrap_or_default(),
        address: head.address(key).or_else(|| head.address(None)).unwrap_or_default(),
        line,
    };
    let line = scanner.line();
    let Some(element) = scanner.take()? else {
        sink.unreadable(place(line, None), "longer than any that Terraform writes".to_owned());
        return Ok(());
    };
    let line = element.line;
    match element.parse() {
        Ok(Value::Object(entries)) => {
            let place = place(line, entries.get("index_key"));
            match attributes_of(entries) {
                Ok(Some(read)) => sink.take(place, read.attributes, &read.schema_version, read.is_tainted),
                Ok(None) => sink.pass_over("deposed instance"),
                Err(message) => sink.unreadable(place, message),
            }
        }
        Ok(other) => {
            let message = format!("{} where an instance, an object, belongs", kind_of(&other));
            sink.unreadable(place(line, None), message);
        }
        Err(broken) => sink.unreadable(place(broken.line, None), broken.message),
    }
    Ok(())
}

/// What counts of an instance.
struct Read {
    attributes: Map<String, Value>,
    schema_version: Value,
    is_tainted: bool,
}

/// The fields of an instance; `None` for a deposed one, which Terraform is about to destroy.
fn attributes_of(mut entries: Map<String, Value>) -> Result<Option<Read>, String> {
    let mut take = |name: &str| entries.remove(name).unwrap_or(Value::Null);
    match take("deposed") {
        Value::Null => {}
        Value::String(key) if key.is_empty() => {}
        Value::String(_) => return Ok(None),
        other => return Err(format!("its `deposed` is {} where a text belongs", kind_of(&other))),
    }
    match take("index_key") {
        Value::Null | Value::Number(_) | Value::String(_) => {}
        other => return Err(format!("its `index_key` is {} where a number or a text belongs", kind_of(&other))),
    }
    let is_tainted = match take("status") {
        Value::Null => false,
        Value::String(status) if status.is_empty() => false,
        Value::String(status) if status == "tainted" => true,
        Value::String(status) => return Err(format!("its status `{status}` is none that Terraform has")),
        other => return Err(format!("its `status` is {} where a text belongs", kind_of(&other))),
    };
    let attributes = match (take("attributes"), take("attributes_flat")) {
        (Value::Object(attributes), _) => attributes,
        (Value::Null, Value::Null) if is_tainted => Map::new(),
        (Value::Null, Value::Null) => return Err("has no `attributes`: refresh it".to_owned()),
        (Value::Null, _) => {
            return Err("its attributes are still in the flat form of Terraform before 0.12 (`attributes_flat`): run \
                        `terraform apply -refresh-only` with a current Terraform"
                .to_owned());
        }
        (other, _) => return Err(format!("its `attributes` are {} where an object belongs", kind_of(&other))),
    };
    Ok(Some(Read { attributes, schema_version: take("schema_version"), is_tainted }))
}

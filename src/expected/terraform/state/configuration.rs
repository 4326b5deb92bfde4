//! `lifecycle.ignore_changes` in the configuration that `terraform show -json` prints with a plan.
//!
//! Terraform itself prints no lifecycle of a resource there; where a version or a tool does, a list of attribute names
//! beside the resource (or `all`) is taken. What is ignored is not declared. An ignored key
//! (`tags["Owner"]`) leaves the whole attribute undeclared, because attributes are compared whole.

use serde_json::Value;

use super::scan::{Broken, Scanner};
use super::sink::Sink;

/// Reads `{"root_module": …}`.
pub(super) fn read(scanner: &mut Scanner<'_>, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        if key == "root_module" { read_module(scanner, "", sink)? } else { scanner.skip()? }
    }
    Ok(())
}

fn read_module(scanner: &mut Scanner<'_>, path: &str, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        match key.as_str() {
            "resources" => {
                let mut within = scanner.enter(b'[')?;
                while scanner.next_item(&mut within)? {
                    read_resource(scanner, path, sink)?;
                }
            }
            "module_calls" => {
                let mut within = scanner.enter(b'{')?;
                while let Some(name) = scanner.next_key(&mut within)? {
                    read_call(scanner, &format!("{path}module.{name}."), sink)?;
                }
            }
            _ => scanner.skip()?,
        }
    }
    Ok(())
}

fn read_call(scanner: &mut Scanner<'_>, path: &str, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let mut within = scanner.enter(b'{')?;
    while let Some(key) = scanner.next_key(&mut within)? {
        if key == "module" { read_module(scanner, path, sink)? } else { scanner.skip()? }
    }
    Ok(())
}

fn read_resource(scanner: &mut Scanner<'_>, path: &str, sink: &mut Sink<'_>) -> Result<(), Broken> {
    let Some(element) = scanner.take()? else { return Ok(()) };
    let resource = element.parse()?;
    let lifecycle = match resource.get("lifecycle") {
        Some(Value::Array(blocks)) => blocks.first(),
        lifecycle => lifecycle,
    };
    let ignored = lifecycle.and_then(|lifecycle| lifecycle.get("ignore_changes"));
    if let (Some(address), Some(ignored)) = (resource.get("address").and_then(Value::as_str), ignored) {
        sink.fold.ignore(sink.document, format!("{path}{address}"), names(ignored));
    }
    Ok(())
}

/// The attributes that a list names; `*` for all.
fn names(ignored: &Value) -> Vec<String> {
    let items = match ignored {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let root = |text: &str| text.split(['.', '[']).next().unwrap_or_default().to_owned();
    let name = |text: &str| if text == "all" { "*".to_owned() } else { root(text) };
    items.iter().filter_map(Value::as_str).map(name).collect()
}

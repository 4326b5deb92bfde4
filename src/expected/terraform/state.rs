//! Terraform's state, format version 4: a document becomes instances.

use serde_json::{Map, Value};

use super::fold::Fold;
use super::instance::{Attributes, Instance};
use crate::expected::place::Document;
use crate::expected::{Loaded, Origin};

/// Reads a state into `fold`; what cannot be read is told in `loaded`.
pub(super) fn read(document: &Document, fold: &mut Fold, loaded: &mut Loaded) {
    loaded.documents += 1;
    let state: Value = match serde_json::from_slice(&document.bytes) {
        Ok(state) => state,
        Err(error) => return loaded.lose(document.name.clone(), format!("no Terraform state: {error}")),
    };
    let resources = state.get("resources").and_then(Value::as_array);
    for resource in resources.into_iter().flatten().filter(|resource| resource["mode"] == "managed") {
        let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let instances = resource.get("instances").and_then(Value::as_array);
        for instance in instances.into_iter().flatten().filter(|instance| instance.get("deposed").is_none()) {
            let address = format!("{}.{}", text("type"), text("name"));
            let attributes = instance.get("attributes").and_then(Value::as_object);
            let instance = Instance {
                kind: text("type").to_owned(),
                origin: Origin { document: document.name.clone(), line: None, pointer: address },
                schema_version: instance["schema_version"].as_u64().unwrap_or_default(),
                is_tainted: instance["status"] == "tainted",
                attributes: Attributes(attributes.cloned().unwrap_or_else(Map::new)),
            };
            fold.add(&instance, loaded);
        }
    }
}

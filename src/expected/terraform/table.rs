//! The documentation of the mapping, generated from the tables that it runs on: it cannot say what the code does not do.

use std::collections::BTreeMap;

use super::TYPES;
use super::mapping::{Mapping, Rank, TerraformType};
use crate::domain::schema::{self, Attribute, Shape};
use crate::resource::{BUILTIN, ResourceType};

const TITLE: &str = "\
# Which Terraform attribute is compared with which attribute of AWS

Printed by `driftsentry expected mapping`; what stands in no row is not compared. A pointer is that of the canonical
state, which is also what drifts, ignore rules and severity rules name; `*` stands for any key or index. A Terraform
attribute that the state does not hold (an older version of the provider) declares nothing.
";

/// The mapping as Markdown: a table for each AWS type, sorted by AWS attribute.
#[must_use]
pub fn mapping_table() -> String {
    let mut text = TITLE.to_owned();
    for kind in BUILTIN.iter().copied() {
        let rows = rows(kind);
        if !rows.is_empty() {
            add_section(&mut text, kind.name(), &rows);
        }
    }
    text
}

/// The pointer of an AWS attribute and the path of a Terraform attribute, with how the two are compared. Sorted, each
/// pair once.
type Rows = BTreeMap<(String, String), String>;

fn add_section(text: &mut String, name: &str, rows: &Rows) {
    text.extend(["\n## ", name, "\n\n| Terraform | AWS | compared |\n|---|---|---|\n"]);
    text.extend(rows.iter().map(|((pointer, path), how)| format!("| `{path}` | `{pointer}` | {how} |\n")));
}

fn rows(kind: &dyn ResourceType) -> Rows {
    let mut rows = Rows::new();
    let tables = TYPES.iter().copied().flatten().filter(|table| table.resource_type == kind.name());
    for (table, mapping) in tables.flat_map(|table| table.mappings.iter().map(move |mapping| (table, mapping))) {
        let attribute = schema::find(kind.attributes(), mapping.aws);
        for (path, below) in mapping.from {
            rows.insert(key(table, mapping, path, below), how(attribute, below, mapping));
        }
    }
    rows
}

fn key(table: &TerraformType, mapping: &Mapping, path: &str, below: &str) -> (String, String) {
    (format!("/{}{below}", mapping.aws), format!("{}.{path}", table.name))
}

fn how(attribute: Option<&Attribute>, below: &str, mapping: &Mapping) -> String {
    let note = Some(mapping.note).filter(|note| !note.is_empty());
    let shape = attribute.map(|attribute| word(&attribute.shape, &below.split('/').skip(1).collect::<Vec<_>>()));
    // A note on a single value says all of how it is compared.
    let shape = shape.filter(|word| *word != EQUAL || note.is_none());
    let deep = attribute.filter(|attribute| attribute.deep).map(|_| "read by a call for each resource");
    let rank = match mapping.rank {
        Rank::Split => Some("wins over copies in the resource itself"),
        Rank::Addition => Some("added to what the resource itself holds"),
        Rank::Keys => Some("the names alone"),
        _ => None,
    };
    shape.into_iter().chain(rank).chain(deep).chain(note).collect::<Vec<_>>().join("; ")
}

const EQUAL: &str = "equal";
const MEMBER: &str = "as a member of a set";

/// How a value is compared that lies below one of a shape.
fn word(shape: &Shape, below: &[&str]) -> &'static str {
    match (shape, below) {
        (Shape::Map(Shape::Policy), [_]) => word(&Shape::Policy, &[]),
        (Shape::Map(_) | Shape::Set | Shape::Tags, [_]) => MEMBER,
        (Shape::Map(inner), [_, below @ ..]) => word(inner, below),
        (Shape::Object(fields), [name, below @ ..]) => {
            fields.iter().find(|field| field.name == *name).map_or(EQUAL, |field| word(&field.shape, below))
        }
        (Shape::List(_), _) => "in order",
        (Shape::Set | Shape::Tags | Shape::Map(_), _) => "as a set",
        (Shape::Object(_), []) => "field by field",
        (Shape::Policy, _) => "by IAM meaning",
        (Shape::Text | Shape::Flag | Shape::Integer | Shape::Any, _) => EQUAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_an_attribute_of_its_type() {
        for table in TYPES.iter().copied().flatten() {
            let kind = crate::resource::find(table.resource_type).expect("a type that we watch");
            for mapping in table.mappings {
                assert!(schema::find(kind.attributes(), mapping.aws).is_some(), "{}: {}", table.name, mapping.aws);
                assert!(!mapping.from.is_empty(), "{}: {} comes from nothing", table.name, mapping.aws);
            }
        }
    }

    #[test]
    fn the_documentation_is_what_the_tables_say() {
        let written = include_str!("../../../config/terraform-attributes.md");
        assert!(
            written == mapping_table(),
            "config/terraform-attributes.md differs from the tables: renew it with \
             `cargo run -- expected mapping > config/terraform-attributes.md`"
        );
    }
}

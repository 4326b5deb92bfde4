//! Rules of security groups as Terraform writes them, in three forms: a block of a group, a resource with many sources,
//! a resource with one.
//!
//! AWS's identity of a rule has one source, so each becomes one entry per source, under the canonical key. It must never
//! have a spelling of its own: [`RuleKey`] is the one that knows them.

use serde_json::{Map, Value, json};

use super::instance::Instance;
use crate::domain::id::AccountId;
use crate::resource::{RuleKey, RuleOwner};

/// The names under which a form keeps the parts of a rule.
pub(super) struct Form {
    pub(super) protocol: &'static str,
    /// Each a text or a list of texts.
    pub(super) sources: &'static [&'static str],
    /// Says by `true` that the group itself is a source.
    pub(super) itself: Option<&'static str>,
}

/// A block `ingress` or `egress` of a group.
pub(super) const BLOCK: Form = Form {
    protocol: "protocol",
    sources: &["cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups"],
    itself: Some("self"),
};

/// `aws_security_group_rule`.
pub(super) const RULE: Form = Form {
    protocol: "protocol",
    sources: &["cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "source_security_group_id"],
    itself: Some("self"),
};

/// `aws_vpc_security_group_ingress_rule` and its sibling.
pub(super) const VPC_RULE: Form = Form {
    protocol: "ip_protocol",
    sources: &["cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"],
    itself: None,
};

/// The blocks of one direction of a group.
pub(super) fn blocks(group: &Instance, direction: &str) -> Option<Value> {
    let blocks = group.attributes.get(direction)?.as_array()?;
    let account = group.account_id();
    let account = group.attributes.text("owner_id").or(account.as_ref().map(AccountId::as_str));
    let owner = RuleOwner { group_id: group.attributes.text("id"), account_id: account };
    let mut rules = Map::new();
    for block in blocks {
        match block {
            Value::Object(block) => rules.extend(BLOCK.rules(block, owner)),
            other => drop(rules.insert(other.to_string(), json!({}))),
        }
    }
    Some(rules.into())
}

impl Form {
    /// What a resource that is a rule says of its group; `None` where the state is reduced to less than a rule.
    pub(super) fn rule(&self, rule: &Instance) -> Option<Value> {
        let attributes = &rule.attributes.0;
        let owner = RuleOwner { group_id: rule.attributes.text("security_group_id"), account_id: None };
        let parts = self.sources.iter().chain([&self.protocol, &"from_port", &"to_port"]);
        parts.copied().all(|name| attributes.contains_key(name)).then(|| self.rules(attributes, owner).into())
    }

    /// One entry for each source.
    fn rules(&self, written: &Map<String, Value>, owner: RuleOwner<'_>) -> Map<String, Value> {
        let description = written.get("description").filter(|text| !text.is_null()).cloned();
        let entry = json!({"Description": description.unwrap_or_else(|| "".into())});
        let protocol = written.get(self.protocol).and_then(Value::as_str).unwrap_or_default();
        let (from, to) = (port(written, "from_port"), port(written, "to_port"));
        // What cannot be read as a rule is kept as it is written, for the type's check to tell.
        let key = |source: &str| match RuleKey::of_aws(protocol, from, to, source, owner) {
            Ok(key) => key.to_string(),
            Err(_) => format!("{protocol}:{}-{}:{source}", shown(from), shown(to)),
        };
        self.sources_of(written).map(|source| (key(source), entry.clone())).collect()
    }

    fn sources_of<'a>(&'a self, written: &'a Map<String, Value>) -> impl Iterator<Item = &'a str> {
        let texts = |value: &'a Value| match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            other => Vec::from_iter(other.as_str().filter(|text| !text.is_empty())),
        };
        let itself = self.itself.filter(|name| written.get(*name) == Some(&Value::Bool(true))).map(|_| "self");
        self.sources.iter().filter_map(|name| written.get(*name)).flat_map(texts).chain(itself)
    }
}

fn port(written: &Map<String, Value>, name: &str) -> Option<i32> {
    written.get(name)?.as_i64()?.try_into().ok()
}

fn shown(port: Option<i32>) -> String {
    port.map_or_else(|| "all".to_owned(), |port| port.to_string())
}

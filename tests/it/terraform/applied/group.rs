//! Security groups and their rules, in the one way in which AWS writes them.

use serde_json::{Value, json};

use super::{Block, list_at, tag_list};
use crate::terraform::live::{Estate, Key};

/// Kinds of sources: the list of a permission, the field that holds the source.
const RANGES: &str = "ipRanges";
const RANGES_V6: &str = "ipv6Ranges";
const LISTS: &str = "prefixListIds";
const GROUPS: &str = "groups";

/// A rule for one source.
struct Rule {
    protocol: String,
    ports: Option<(i64, i64)>,
    kind: &'static str,
    source: Value,
}

/// A group; `None` if the state does not tell which.
pub fn make(told: &Block, account: &str) -> Option<(Key, Value)> {
    let id = told.text("id")?;
    let group = json!({
        "ownerId": account,
        "groupId": id,
        "groupName": told.text("name").unwrap_or("unnamed"),
        "groupDescription": told.text("description").unwrap_or("Managed by Terraform"),
        "vpcId": told.text("vpc_id").unwrap_or("vpc-0123456789abcdef0"),
        "ipPermissions": {"item": []},
        "ipPermissionsEgress": {"item": []},
        "tagSet": {"item": tag_list(&told.all_tags(), ("key", "value"))},
    });
    let mut tree = json!({"group": group});
    for (direction, list) in [("ingress", "ipPermissions"), ("egress", "ipPermissionsEgress")] {
        for block in told.blocks(direction) {
            for source in sources(&block, "security_groups", id, account) {
                put(&mut tree, list, read(&block, "protocol", source));
            }
        }
    }
    Some((("SECURITY_GROUP", id.to_owned()), tree))
}

/// Each source of a block: CIDR blocks, prefix lists, groups, the group itself.
fn sources(block: &Block, groups: &str, own: &str, account: &str) -> Vec<(&'static str, Value)> {
    let mut sources = Vec::new();
    sources.extend(block.texts("cidr_blocks").iter().map(|cidr| (RANGES, json!({"cidrIp": masked(cidr)}))));
    sources.extend(block.texts("ipv6_cidr_blocks").iter().map(|cidr| (RANGES_V6, json!({"cidrIpv6": masked(cidr)}))));
    sources.extend(block.texts("prefix_list_ids").iter().map(|list| (LISTS, json!({"prefixListId": list}))));
    let one = block.text(groups).map(str::to_owned);
    sources.extend(block.texts(groups).into_iter().chain(one).map(|group| (GROUPS, pair(&group, account))));
    if block.flag("self") == Some(true) {
        sources.push((GROUPS, pair(own, account)));
    }
    sources
}

/// `123456789012/sg-1` is a group of another account.
fn pair(group: &str, account: &str) -> Value {
    let (account, group) = group.split_once('/').unwrap_or((account, group));
    json!({"userId": account, "groupId": group})
}

/// AWS keeps networks, not the address that somebody wrote.
fn masked(cidr: &str) -> String {
    cidr.parse::<ipnet::IpNet>().map_or_else(|_| cidr.to_owned(), |net| net.trunc().to_string())
}

fn read(block: &Block, protocol: &str, (kind, mut source): (&'static str, Value)) -> Option<Rule> {
    if let Some(description) = block.text("description") {
        source["description"] = description.into();
    }
    let protocol = match block.text(protocol)?.to_lowercase().as_str() {
        "all" | "-1" => "-1".to_owned(),
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        "58" => "icmpv6".to_owned(),
        other => other.to_owned(),
    };
    let port = |name: &str| block.0.get(name).and_then(Value::as_i64);
    let ports = port("from_port").zip(port("to_port"));
    let has_ports = ["tcp", "udp", "icmp", "icmpv6"].contains(&protocol.as_str());
    Some(Rule { ports: ports.filter(|_| has_ports), protocol, kind, source })
}

/// Puts a rule to those of the same protocol and ports, once.
fn put(tree: &mut Value, list: &str, rule: Option<Rule>) {
    let Some(Rule { protocol, ports, kind, source }) = rule else { return };
    let (from, to) = ports.unzip();
    let permissions = list_at(tree, &["group", list, "item"]);
    let same = |there: &Value| {
        there["ipProtocol"] == protocol.as_str() && there["fromPort"].as_i64() == from && there["toPort"].as_i64() == to
    };
    let index = permissions.iter().position(same).unwrap_or_else(|| {
        permissions.push(json!({"ipProtocol": protocol, "fromPort": from, "toPort": to,
            GROUPS: {"item": []}, RANGES: {"item": []}, RANGES_V6: {"item": []}, LISTS: {"item": []}}));
        permissions.len() - 1
    });
    let sources = list_at(&mut permissions[index], &[kind, "item"]);
    let bare = |source: &Value| {
        let mut bare = source.clone();
        bare.as_object_mut().expect("a source").remove("description");
        bare
    };
    match sources.iter_mut().find(|there| bare(there) == bare(&source)) {
        Some(there) => *there = source,
        None => sources.push(source),
    }
}

/// A rule in a resource of its own.
fn rule_of(told: &Block, protocol: &str, groups: &str, list: &str, estate: &mut Estate) -> Vec<Key> {
    let key: Key = ("SECURITY_GROUP", told.text("security_group_id").unwrap_or_default().to_owned());
    let account = estate.account.clone();
    let Some(resource) = estate.resources.get_mut(&key) else { return Vec::new() };
    for source in sources(told, groups, &key.1, &account) {
        put(&mut resource.tree, list, read(told, protocol, source));
    }
    vec![key]
}

/// An `aws_security_group_rule`.
pub fn rule(told: &Block, estate: &mut Estate) -> Vec<Key> {
    let list = if told.text("type") == Some("egress") { "ipPermissionsEgress" } else { "ipPermissions" };
    rule_of(told, "protocol", "source_security_group_id", list, estate)
}

/// An `aws_vpc_security_group_*_rule`.
pub fn vpc_rule(list: &'static str, told: &Block, estate: &mut Estate) -> Vec<Key> {
    let mut told = told.clone();
    for (one, many) in
        [("cidr_ipv4", "cidr_blocks"), ("cidr_ipv6", "ipv6_cidr_blocks"), ("prefix_list_id", "prefix_list_ids")]
    {
        if let Some(source) = told.text(one).map(str::to_owned) {
            told.0.insert(many.to_owned(), json!([source]));
        }
    }
    rule_of(&told, "ip_protocol", "referenced_security_group_id", list, estate)
}

/// Takes away permissions that let nothing through.
pub fn close(estate: &mut Estate) {
    let groups = estate.resources.iter_mut().filter(|(key, _)| key.0 == "SECURITY_GROUP");
    for (_, group) in groups {
        for list in ["ipPermissions", "ipPermissionsEgress"] {
            let is_open = |permission: &Value| {
                [GROUPS, RANGES, RANGES_V6, LISTS].iter().any(|kind| permission[*kind]["item"] != json!([]))
            };
            list_at(&mut group.tree, &["group", list, "item"]).retain(is_open);
        }
    }
}

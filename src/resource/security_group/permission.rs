//! Rules as EC2's calls take them: one permission for each protocol and ports, with all of its sources.
//!
//! These types spell the parameters of a planned call, and the call is made from what was read back into them.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::rule::{Ports, Protocol, RuleKey, Source};

/// The parameters of the calls that authorize, revoke and describe rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Rules {
    pub(super) group_id: String,
    pub(super) ip_permissions: Vec<Permission>,
}

/// One protocol and its ports with their sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Permission {
    ip_protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_port: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_port: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ip_ranges: Vec<IpRange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ipv6_ranges: Vec<Ipv6Range>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    prefix_list_ids: Vec<PrefixList>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    user_id_group_pairs: Vec<Peer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct IpRange {
    cidr_ip: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Ipv6Range {
    cidr_ipv6: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PrefixList {
    prefix_list_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Peer {
    group_id: String,
    /// The peer's account where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// The group whose rules are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    /// Its id, which `self` stands for.
    pub(super) group_id: &'a str,
    /// Accounts of peers' groups that are not in the group's own account, by group id, as far as they are known.
    pub(super) peers: &'a BTreeMap<String, String>,
}

impl Writer<'_> {
    /// The parameters of a call about these rules with their descriptions. An empty description is left out: EC2 then
    /// authorizes without one, and takes one away.
    pub(super) fn rules<'r>(self, rules: impl Iterator<Item = (&'r RuleKey, &'r str)>) -> Rules {
        let mut permissions: BTreeMap<_, Permission> = BTreeMap::new();
        for (key, description) in rules {
            let (protocol, (from_port, to_port)) = (protocol_of(key.protocol), ports_of(key));
            let permission = permissions.entry((protocol.clone(), from_port, to_port)).or_insert_with(|| Permission {
                ip_protocol: protocol,
                from_port,
                to_port,
                ..Permission::default()
            });
            self.add_source(permission, &key.source, (!description.is_empty()).then(|| description.to_owned()));
        }
        Rules { group_id: self.group_id.to_owned(), ip_permissions: permissions.into_values().collect() }
    }

    fn add_source(self, permission: &mut Permission, source: &Source, description: Option<String>) {
        match source {
            Source::Net(net @ IpNet::V4(_)) => {
                permission.ip_ranges.push(IpRange { cidr_ip: net.to_string(), description });
            }
            Source::Net(net @ IpNet::V6(_)) => {
                permission.ipv6_ranges.push(Ipv6Range { cidr_ipv6: net.to_string(), description });
            }
            Source::Name(name) if name.starts_with("pl-") => {
                permission.prefix_list_ids.push(PrefixList { prefix_list_id: name.clone(), description });
            }
            Source::Name(name) => {
                let (user_id, group_id) = match name.split_once('/') {
                    Some((account, group)) => (Some(account.to_owned()), group),
                    None if name == "self" => (None, self.group_id),
                    None => (self.peers.get(name).cloned(), name.as_str()),
                };
                permission.user_id_group_pairs.push(Peer { group_id: group_id.to_owned(), user_id, description });
            }
        }
    }
}

fn protocol_of(protocol: Protocol) -> String {
    if protocol == Protocol::All { "-1".to_owned() } else { protocol.to_string() }
}

/// Protocols without ports of their own are told with −1, as EC2 tells them of single rules; all traffic with none.
fn ports_of(key: &RuleKey) -> (Option<i32>, Option<i32>) {
    match (key.protocol, key.ports) {
        (Protocol::All, _) => (None, None),
        (_, Ports::All) => (Some(-1), Some(-1)),
        (_, Ports::Range(from, to)) => (Some(from), Some(to)),
    }
}

impl Rules {
    /// The same rules, each in parameters of its own.
    pub(super) fn singly(&self) -> Vec<Self> {
        let single = |permission| Self { group_id: self.group_id.clone(), ip_permissions: vec![permission] };
        self.ip_permissions.iter().flat_map(Permission::singly).map(single).collect()
    }

    /// The permissions as the SDK takes them.
    pub(super) fn sdk_permissions(&self) -> Vec<sdk::IpPermission> {
        self.ip_permissions.iter().map(Permission::to_sdk).collect()
    }
}

impl Permission {
    fn singly(&self) -> Vec<Self> {
        let without_sources = Self {
            ip_protocol: self.ip_protocol.clone(),
            from_port: self.from_port,
            to_port: self.to_port,
            ..Self::default()
        };
        let base = || without_sources.clone();
        let ranges = self.ip_ranges.iter().map(|one| Self { ip_ranges: vec![one.clone()], ..base() });
        let v6_ranges = self.ipv6_ranges.iter().map(|one| Self { ipv6_ranges: vec![one.clone()], ..base() });
        let lists = self.prefix_list_ids.iter().map(|one| Self { prefix_list_ids: vec![one.clone()], ..base() });
        let peers =
            self.user_id_group_pairs.iter().map(|one| Self { user_id_group_pairs: vec![one.clone()], ..base() });
        ranges.chain(v6_ranges).chain(lists).chain(peers).collect()
    }

    fn to_sdk(&self) -> sdk::IpPermission {
        let mut permission = sdk::IpPermission::builder()
            .ip_protocol(&self.ip_protocol)
            .set_from_port(self.from_port)
            .set_to_port(self.to_port);
        for IpRange { cidr_ip, description } in &self.ip_ranges {
            let range = sdk::IpRange::builder().cidr_ip(cidr_ip).set_description(description.clone());
            permission = permission.ip_ranges(range.build());
        }
        for Ipv6Range { cidr_ipv6, description } in &self.ipv6_ranges {
            let range = sdk::Ipv6Range::builder().cidr_ipv6(cidr_ipv6).set_description(description.clone());
            permission = permission.ipv6_ranges(range.build());
        }
        for PrefixList { prefix_list_id, description } in &self.prefix_list_ids {
            let list = sdk::PrefixListId::builder().prefix_list_id(prefix_list_id).set_description(description.clone());
            permission = permission.prefix_list_ids(list.build());
        }
        for Peer { group_id, user_id, description } in &self.user_id_group_pairs {
            let peer = sdk::UserIdGroupPair::builder().group_id(group_id).set_user_id(user_id.clone());
            permission = permission.user_id_group_pairs(peer.set_description(description.clone()).build());
        }
        permission.build()
    }
}

/// A rule in words: `tcp 443 from 10.0.0.0/8`.
pub(super) fn in_words(key: &RuleKey, preposition: &str) -> String {
    let RuleKey { protocol, ports, source } = key;
    let ports = match ports {
        Ports::All => String::new(),
        Ports::Range(-1, _) if protocol.is_icmp() => String::new(),
        Ports::Range(from, -1) if protocol.is_icmp() => format!(" type {from}"),
        Ports::Range(from, to) if protocol.is_icmp() => format!(" type {from} code {to}"),
        Ports::Range(from, to) if from == to => format!(" {from}"),
        Ports::Range(from, to) => format!(" {from}-{to}"),
    };
    let protocol = match protocol {
        Protocol::All => "all traffic".to_owned(),
        Protocol::Number(_) => protocol.to_string(),
    };
    let source = match source {
        Source::Name(name) if name == "self" => "the group itself".to_owned(),
        source => source.to_string(),
    };
    format!("{protocol}{ports} {preposition} {source}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::rule::Owner;
    use super::*;

    fn written(rules: &[(&str, &str)]) -> Rules {
        let keys: Vec<_> =
            rules.iter().map(|(key, text)| (RuleKey::parse(key, Owner::default()).unwrap(), *text)).collect();
        let peers = BTreeMap::from([("sg-far".to_owned(), "210987654321".to_owned())]);
        let writer = Writer { group_id: "sg-0own", peers: &peers };
        writer.rules(keys.iter().map(|(key, text)| (key, *text)))
    }

    #[test]
    fn every_kind_of_source_and_protocol_is_written_as_ec2_takes_it() {
        let rules = written(&[
            ("tcp:443-443:10.0.0.0/8", "office"),
            ("tcp:443-443:2001:db8::/32", ""),
            ("tcp:443-443:pl-1", "lists"),
            ("tcp:443-443:self", ""),
            ("tcp:443-443:sg-near", "near"),
            ("tcp:443-443:sg-far", ""),
            ("tcp:443-443:330987654321/sg-named", ""),
            ("all:all:0.0.0.0/0", ""),
            ("50:all:10.0.0.0/8", ""),
            ("icmp:8--1:10.0.0.0/8", ""),
            ("icmpv6:-1--1:::/0", ""),
        ]);
        let by = |protocol: &str, from: i32| json!({"IpProtocol": protocol, "FromPort": from, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]});
        assert_eq!(
            serde_json::to_value(&rules).unwrap(),
            json!({"GroupId": "sg-0own", "IpPermissions": [
                {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
                by("50", -1),
                by("icmp", 8),
                {"IpProtocol": "icmpv6", "FromPort": -1, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
                {
                    "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                    "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "office"}],
                    "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
                    "PrefixListIds": [{"PrefixListId": "pl-1", "Description": "lists"}],
                    "UserIdGroupPairs": [
                        {"GroupId": "sg-0own"},
                        {"GroupId": "sg-near", "Description": "near"},
                        {"GroupId": "sg-far", "UserId": "210987654321"},
                        {"GroupId": "sg-named", "UserId": "330987654321"},
                    ],
                },
            ]})
        );
    }

    #[test]
    fn rules_written_singly_are_the_same_rules() {
        let keys = [("tcp:1-2:10.0.0.0/8", "a"), ("tcp:1-2:::/0", ""), ("tcp:1-2:pl-1", ""), ("udp:5-5:self", "b")];
        let singly = written(&keys).singly();
        assert_eq!(singly, keys.map(|key| written(&[key])));
        for rules in singly {
            let read: Rules = serde_json::from_value(serde_json::to_value(&rules).unwrap()).unwrap();
            assert_eq!(read, rules);
        }
    }

    #[test]
    fn what_is_called_is_what_is_written() {
        let [permission] = written(&[("tcp:443-444:210987654321/sg-1", "peer")]).sdk_permissions().try_into().unwrap();
        let peer = sdk::UserIdGroupPair::builder().group_id("sg-1").user_id("210987654321").description("peer").build();
        let wanted = sdk::IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(444);
        assert_eq!(permission, wanted.user_id_group_pairs(peer).build());
    }

    #[test]
    fn rules_are_told_in_words() {
        for (key, words) in [
            ("tcp:443:10.0.0.0/8", "tcp 443 from 10.0.0.0/8"),
            ("udp:1000-2000:self", "udp 1000-2000 from the group itself"),
            ("all:all:::/0", "all traffic from ::/0"),
            ("icmp:8:sg-1", "icmp type 8 from sg-1"),
            ("icmp:3-4:sg-1", "icmp type 3 code 4 from sg-1"),
            ("icmpv6:all:::/0", "icmpv6 from ::/0"),
            ("50:all:pl-1", "50 from pl-1"),
        ] {
            assert_eq!(in_words(&RuleKey::parse(key, Owner::default()).unwrap(), "from"), words);
        }
    }
}

//! The identity of a security group rule: `protocol:from-to:source`, one source each.
//!
//! AWS, people and tools write the same rule in many ways (`-1`, `6`, `TCP`, `10.1.2.3/8`); equal rules get equal keys
//! here, so that a rule can be found by its key and its description can change without it becoming another rule.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// A source as wide as this is the Internet: no one owns an IPv4 block of more than 2^24 addresses but the public.
const OPEN_V4_PREFIX: u8 = 8;
/// All of the public IPv6 space is `2000::/3`; a provider's block is a /16 at the very widest.
const OPEN_V6_PREFIX: u8 = 16;

/// Protocols that have names at AWS.
const NAMED: &[(u8, &str)] = &[(1, "icmp"), (6, "tcp"), (17, "udp"), (58, "icmpv6")];

/// Why a text is no rule key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// Not three parts.
    #[error("no rule: write protocol:from-to:source, such as `tcp:443-443:10.0.0.0/8` or `all:all:sg-0a1`")]
    Form,
    /// The first part.
    #[error(
        "`{0}` is no protocol: write tcp, udp, icmp, icmpv6, all or a protocol number, such as `tcp:443-443:10.0.0.0/8`"
    )]
    Protocol(String),
    /// The second part.
    #[error("`{ports}` are no ports of {protocol}: write {form}")]
    Ports {
        /// As typed.
        ports: String,
        /// The protocol.
        protocol: String,
        /// What to write.
        form: &'static str,
    },
    /// The third part.
    #[error(
        "`{0}` is no source: write a CIDR block (`10.0.0.0/8`, `::/0`), a group (`sg-0a1`, `123456789012/sg-0a1`), \
         `self` or a prefix list (`pl-0a1`)"
    )]
    Source(String),
}

/// A rule's identity. Displays as its canonical key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleKey {
    pub(super) protocol: Protocol,
    pub(super) ports: Ports,
    pub(super) source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    All,
    Number(u8),
}

/// Ports of tcp and udp, type and code of icmp (−1 is any); other protocols have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ports {
    All,
    Range(i32, i32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Net(IpNet),
    /// A group, `self`, a prefix list.
    Name(String),
}

/// The group that a rule belongs to, as far as it is known: what names it is written `self`, what names its account is
/// written without.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owner<'a> {
    /// The group's id.
    pub group_id: Option<&'a str>,
    /// The group's account.
    pub account_id: Option<&'a str>,
}

impl RuleKey {
    /// Reads a key as people write it.
    ///
    /// # Errors
    /// If it is none, with what to write instead.
    pub fn parse(text: &str, owner: Owner<'_>) -> Result<Self, RuleFault> {
        let mut split = text.trim().splitn(3, ':');
        let (Some(protocol), Some(ports), Some(source)) = (split.next(), split.next(), split.next()) else {
            return Err(RuleFault::Form);
        };
        let protocol = Protocol::parse(protocol)?;
        Ok(Self { protocol, ports: Ports::parse(ports, protocol)?, source: Source::parse(source, owner)? })
    }

    /// Reads what AWS answers: ports are absent where they do not matter.
    ///
    /// # Errors
    /// If the protocol or the source is none.
    pub fn of_aws(
        protocol: &str,
        from: Option<i32>,
        to: Option<i32>,
        source: &str,
        owner: Owner<'_>,
    ) -> Result<Self, RuleFault> {
        let protocol = Protocol::parse(protocol)?;
        let ports = match (from, to) {
            (Some(from), Some(to)) => protocol.ports(from, to),
            _ => protocol.any_port(),
        };
        Ok(Self { protocol, ports, source: Source::parse(source, owner)? })
    }

    /// The same rule without the account that its source names; `None` if it names none.
    pub(super) fn without_account(self) -> Option<Self> {
        let Source::Name(name) = &self.source else { return None };
        let (_, group) = name.split_once('/')?;
        Some(Self { source: Source::Name(group.to_owned()), ..self })
    }

    /// Whether the source is the Internet.
    pub(super) fn is_open_to_the_world(&self) -> bool {
        match &self.source {
            Source::Net(IpNet::V4(net)) => net.prefix_len() < OPEN_V4_PREFIX,
            Source::Net(IpNet::V6(net)) => net.prefix_len() < OPEN_V6_PREFIX && !net.network().is_unique_local(),
            Source::Name(_) => false,
        }
    }
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, ports, source } = self;
        write!(f, "{protocol}:{ports}:{source}")
    }
}

impl Protocol {
    fn parse(text: &str) -> Result<Self, RuleFault> {
        let name = text.trim().to_ascii_lowercase();
        if matches!(name.as_str(), "-1" | "all" | "any") {
            return Ok(Self::All);
        }
        if name == "icmp6" || name == "ipv6-icmp" {
            return Ok(Self::Number(58));
        }
        let named = NAMED.iter().find(|(_, known)| *known == name).map(|(number, _)| *number);
        let number = named.or_else(|| name.parse().ok());
        number.map(Self::Number).ok_or_else(|| RuleFault::Protocol(text.to_owned()))
    }

    pub(super) fn is_icmp(self) -> bool {
        matches!(self, Self::Number(1 | 58))
    }

    fn has_ports(self) -> bool {
        matches!(self, Self::Number(6 | 17)) || self.is_icmp()
    }

    fn any_port(self) -> Ports {
        match self {
            _ if self.is_icmp() => Ports::Range(-1, -1),
            _ if self.has_ports() => Ports::Range(0, 65_535),
            _ => Ports::All,
        }
    }

    fn ports(self, from: i32, to: i32) -> Ports {
        match self {
            _ if !self.has_ports() => Ports::All,
            _ if !self.is_icmp() && from < 0 => self.any_port(),
            // A rule for any type has no code of its own.
            _ if self.is_icmp() && from < 0 => self.any_port(),
            _ => Ports::Range(from, to),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Number(number) = self else { return f.write_str("all") };
        match NAMED.iter().find(|(known, _)| known == number) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{number}"),
        }
    }
}

impl Ports {
    fn parse(text: &str, protocol: Protocol) -> Result<Self, RuleFault> {
        let text = text.trim();
        if matches!(text.to_ascii_lowercase().as_str(), "all" | "any" | "*" | "") {
            return Ok(protocol.any_port());
        }
        let fault = || RuleFault::Ports {
            ports: text.to_owned(),
            protocol: protocol.to_string(),
            form: match protocol {
                _ if protocol.is_icmp() => "type-code with -1 for any, such as `8-0` or `-1--1`",
                _ if protocol.has_ports() => "from-to within 0-65535, such as `443-443`",
                _ => "`all`",
            },
        };
        // A minus at the very beginning is a sign.
        let split = text.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(at, _)| at);
        let (from, to) = split.map_or((text, text), |at| (&text[..at], &text[at + 1..]));
        let (Ok(from), Ok(to)) = (from.trim().parse::<i32>(), to.trim().parse::<i32>()) else { return Err(fault()) };
        let to = if protocol.is_icmp() && split.is_none() { -1 } else { to };
        let is_valid = match protocol {
            _ if protocol.is_icmp() => (-1..256).contains(&from) && (-1..256).contains(&to),
            _ if !protocol.has_ports() => true,
            _ => (from == -1 && to == -1) || (0 <= from && from <= to && to <= 65_535),
        };
        if is_valid { Ok(protocol.ports(from, to)) } else { Err(fault()) }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Range(from, to) => write!(f, "{from}-{to}"),
        }
    }
}

impl Source {
    fn parse(text: &str, owner: Owner<'_>) -> Result<Self, RuleFault> {
        let text = text.trim();
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self::Net(net.trunc()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Net(IpNet::from(address)));
        }
        let name = text.to_ascii_lowercase();
        let name = match name.split_once('/') {
            Some((account, group)) if Some(account) == owner.account_id => group.to_owned(),
            Some((account, group)) if is_account(account) && group.starts_with("sg-") => return Ok(Self::Name(name)),
            Some(_) => return Err(RuleFault::Source(text.to_owned())),
            None => name,
        };
        if name == "self" || owner.group_id == Some(name.as_str()) {
            return Ok(Self::Name("self".to_owned()));
        }
        let is_known = ["sg-", "pl-"].iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix));
        if is_known { Ok(Self::Name(name)) } else { Err(RuleFault::Source(text.to_owned())) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(net) => net.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWNER: Owner<'_> = Owner { group_id: Some("sg-0own"), account_id: Some("123456789012") };

    fn canonical(text: &str) -> String {
        RuleKey::parse(text, OWNER).map_or_else(|fault| fault.to_string(), |key| key.to_string())
    }

    #[test]
    fn many_writings_of_one_rule_have_one_key() {
        for (written, key) in [
            ("tcp:443-443:10.0.0.0/8", "tcp:443-443:10.0.0.0/8"),
            ("TCP:443:10.1.2.3/8", "tcp:443-443:10.0.0.0/8"),
            ("6:443-443:10.0.0.0/8", "tcp:443-443:10.0.0.0/8"),
            ("17:53:192.0.2.7", "udp:53-53:192.0.2.7/32"),
            ("-1:all:sg-0a1", "all:all:sg-0a1"),
            ("all:0-0:SG-0A1", "all:all:sg-0a1"),
            ("-1:0-65535:::/0", "all:all:::/0"),
            ("tcp:all:self", "tcp:0-65535:self"),
            ("tcp:-1--1:self", "tcp:0-65535:self"),
            ("icmp:8-0:::/0", "icmp:8-0:::/0"),
            ("1:8:0.0.0.0/0", "icmp:8--1:0.0.0.0/0"),
            ("icmp:all:0.0.0.0/0", "icmp:-1--1:0.0.0.0/0"),
            ("icmp:-1:0.0.0.0/0", "icmp:-1--1:0.0.0.0/0"),
            ("58:-1--1:2001:0DB8::1/32", "icmpv6:-1--1:2001:db8::/32"),
            ("icmpv6:128-0:2001:db8:0:0::/64", "icmpv6:128-0:2001:db8::/64"),
            ("50:all:pl-0123", "50:all:pl-0123"),
            ("50:0-0:pl-0123", "50:all:pl-0123"),
            ("tcp:22-22:sg-0own", "tcp:22-22:self"),
            ("tcp:22-22:123456789012/sg-0own", "tcp:22-22:self"),
            ("tcp:22-22:123456789012/sg-0a1", "tcp:22-22:sg-0a1"),
            ("tcp:22-22:210987654321/sg-0a1", "tcp:22-22:210987654321/sg-0a1"),
        ] {
            assert_eq!(canonical(written), key, "{written}");
            assert_eq!(canonical(key), key, "{key} is canonical already");
        }
    }

    #[test]
    fn what_aws_answers_has_the_same_key() {
        let of = |protocol, from, to, source| RuleKey::of_aws(protocol, from, to, source, OWNER).unwrap().to_string();
        assert_eq!(of("-1", None, None, "0.0.0.0/0"), "all:all:0.0.0.0/0");
        assert_eq!(of("tcp", Some(22), Some(22), "sg-0own"), "tcp:22-22:self");
        assert_eq!(of("icmp", Some(-1), Some(-1), "10.0.0.0/8"), "icmp:-1--1:10.0.0.0/8");
        assert_eq!(of("icmp", Some(8), Some(-1), "10.0.0.0/8"), "icmp:8--1:10.0.0.0/8");
        assert_eq!(of("50", None, None, "10.0.0.0/8"), "50:all:10.0.0.0/8");
        assert_eq!(of("icmpv6", None, None, "::/0"), "icmpv6:-1--1:::/0");
    }

    #[test]
    fn malformed_keys_say_what_to_write() {
        for (written, told) in [
            ("tcp", "no rule: write protocol:from-to:source"),
            ("tcp:22", "no rule"),
            ("tpc:22:self", "`tpc` is no protocol"),
            ("300:all:self", "`300` is no protocol"),
            ("tcp:70000:self", "`70000` are no ports of tcp: write from-to within 0-65535"),
            ("tcp:443-80:self", "are no ports of tcp"),
            ("tcp:ssh:self", "are no ports of tcp"),
            ("icmp:300-0:self", "are no ports of icmp: write type-code"),
            ("tcp:22:10.0.0.0/33", "`10.0.0.0/33` is no source"),
            ("tcp:22:everyone", "is no source: write a CIDR block"),
            ("tcp:22:sg-", "is no source"),
            ("tcp:22:prod/sg-0a1", "is no source"),
        ] {
            assert!(canonical(written).contains(told), "{written}: {}", canonical(written));
        }
    }

    #[test]
    fn the_internet_is_known_by_its_width() {
        let open = |source: &str| RuleKey::parse(&format!("tcp:1-2:{source}"), OWNER).unwrap().is_open_to_the_world();
        assert!(["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "2000::/3"].into_iter().all(open));
        assert!(!["10.0.0.0/8", "192.0.2.0/24", "fc00::/7", "2001:db8::/32", "self", "sg-0a1"].into_iter().any(open));
    }

    proptest! {
        #[test]
        fn canonical_keys_stay_as_they_are(text in "(tcp|udp|icmp|icmpv6|all|[0-9]{1,3}):(-?[0-9]{1,5})(-(-?[0-9]{1,5}))?:([0-9]{1,3}\\.0\\.0\\.1/[0-9]{1,2}|[0-9a-f]{1,4}::/[0-9]{1,3}|self|sg-[0-9a]{1,5})") {
            if let Ok(key) = RuleKey::parse(&text, OWNER) {
                prop_assert_eq!(RuleKey::parse(&key.to_string(), OWNER), Ok(key));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            drop(RuleKey::parse(&text, OWNER));
        }
    }
}

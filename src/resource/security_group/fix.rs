//! Putting a security group back: which rules are authorized, described anew and revoked, and in which order.
//!
//! What is missing is authorized before what is extra is revoked, so that traffic which one declared rule is to carry
//! in the place of an extra one is not cut off in between. Only where the group has no room for both, what is extra
//! goes first. What opens and what closes never shares a call, so that the one can be forbidden without the other.
//!
//! EC2 refuses a call as a whole if one of its rules is there (or gone) already; each rule is then called alone.

mod deed;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "what is passed stands for literals")]
mod tests;

use std::collections::BTreeMap;

use aws_sdk_ec2::types::SecurityGroup;
use serde_json::{Map, Value};

use super::permission::{Rules, Writer, in_words};
use super::rule::{Owner, RuleKey, Source};
use super::{EGRESS, INGRESS};
use crate::domain::diff::Change;
use crate::resource::Aws;
use crate::resource::fix::{FixError, FixPlan, FixRequest, FixStep, ManualFix, Receipt, ec2_tags};
use deed::{Verb, Way, deed, send};

/// The IAM actions that steps take; what planning reads, scans read too.
pub(super) const ACTIONS: &[&str] = &[
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateTags",
    "ec2:DeleteTags",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
];

/// Rules that a group may have in each direction, for IPv4 and for IPv6 each, where AWS was not asked for more.
const USUAL_ROOM: usize = 60;

/// Rules told one by one in a summary.
const MOST_TOLD: usize = 3;

/// A rule that a call is about.
#[derive(Debug)]
struct Rule {
    key: RuleKey,
    /// The description that it is to have, or has.
    description: String,
    pointer: String,
}

/// What is to be done to the rules of one direction.
#[derive(Debug, Default)]
struct RuleChanges {
    authorize: Vec<Rule>,
    describe: Vec<Rule>,
    revoke: Vec<Rule>,
}

/// The plan; peers' accounts are looked up only where a rule names a group without its account.
pub(super) async fn plan_fix(aws: &Aws, request: FixRequest<'_>) -> Result<FixPlan, FixError> {
    let peers = if names_bare_groups(request.changes) { read_peers(aws, request).await? } else { BTreeMap::new() };
    Ok(plan(request, &peers))
}

/// Makes the call of one step.
pub(super) async fn call(aws: &Aws, step: &FixStep) -> Result<Receipt, FixError> {
    if let Some(outcome) = ec2_tags::call(aws, step).await {
        return outcome;
    }
    let (verb, way) = deed(step.operation).ok_or_else(|| step.foreign())?;
    let rules: Rules = step.read_parameters()?;
    let receipt = send(aws, step, verb, way, &rules).await?;
    let singly = rules.singly();
    if !receipt.nothing_to_do || singly.len() < 2 {
        return Ok(receipt);
    }
    let mut last = receipt;
    let mut was_all_done = true;
    for rule in singly {
        last = send(aws, step, verb, way, &rule).await?;
        was_all_done &= last.nothing_to_do;
    }
    Ok(Receipt { nothing_to_do: was_all_done, ..last })
}

/// The pure core: what the changes take, with the accounts of peers as far as they matter.
fn plan(request: FixRequest<'_>, peers: &BTreeMap<String, String>) -> FixPlan {
    if let Some(plan) = FixPlan::of_existence(request.changes) {
        return plan;
    }
    let writer = Writer { group_id: &request.key.resource_id, peers };
    let (mut first, mut opening, mut describing, mut closing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut manual = Vec::new();
    for way in [Way::In, Way::Out] {
        let changes = RuleChanges::of(way, request.changes, &mut manual);
        let live = request.actual.get(way.attribute()).and_then(Value::as_object);
        let has_room = live.is_none_or(|live| has_room(live, &changes.authorize));
        opening.extend(step(Verb::Authorize, way, &changes.authorize, writer));
        describing.extend(step(Verb::Describe, way, &changes.describe, writer));
        let revoke = step(Verb::Revoke, way, &changes.revoke, writer);
        if has_room { closing.extend(revoke) } else { first.extend(revoke) }
    }
    first.extend(opening.into_iter().chain(describing).chain(closing));
    first.extend(ec2_tags::steps(&request.key.resource_id, request.changes));
    manual.extend(request.changes.iter().filter_map(by_hand));
    FixPlan { steps: first, manual }
}

/// What no call changes.
fn by_hand(change: &Change) -> Option<ManualFix> {
    let what = match change.attribute().as_str() {
        INGRESS | EGRESS | "Tags" => return None,
        "GroupName" => "name",
        "Description" => "description",
        "VpcId" => "VPC",
        other => {
            let reason = format!("no call changes {other}");
            return Some(ManualFix::new(&change.pointer, reason, "declare what is live"));
        }
    };
    let reason = format!("the {what} of a security group is fixed at its creation");
    let instead = format!(
        "make a group with the declared {what}, move members and references over to it, then delete this one; or declare \
         what is live"
    );
    Some(ManualFix::new(&change.pointer, reason, instead))
}

fn step(verb: Verb, way: Way, rules: &[Rule], writer: Writer<'_>) -> Option<FixStep> {
    if rules.is_empty() {
        return None;
    }
    // What is revoked is found by what it lets through.
    let description = |rule: &Rule| if verb == Verb::Revoke { String::new() } else { rule.description.clone() };
    let described: Vec<(&RuleKey, String)> = rules.iter().map(|rule| (&rule.key, description(rule))).collect();
    let parameters = writer.rules(described.iter().map(|(key, text)| (*key, text.as_str())));
    let (operation, actions) = verb.operation(way);
    let step = FixStep::new("ec2", operation, actions, &parameters)
        .restoring(rules.iter().map(|rule| &rule.pointer))
        .saying(summary(verb, way, rules))
        .loosening(verb == Verb::Authorize);
    Some(step)
}

/// `authorize ingress of tcp 443 from 10.0.0.0/8`.
fn summary(verb: Verb, way: Way, rules: &[Rule]) -> String {
    let (direction, preposition) = match way {
        Way::In => ("ingress", "from"),
        Way::Out => ("egress", "to"),
    };
    let act = match verb {
        Verb::Authorize => "authorize",
        Verb::Describe => "describe as declared the",
        Verb::Revoke => "revoke",
    };
    let told: Vec<String> = rules.iter().take(MOST_TOLD).map(|rule| in_words(&rule.key, preposition)).collect();
    let more = match rules.len().saturating_sub(MOST_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{act} {direction} of {}{more}", told.join(", "))
}

/// Whether the group has room for `added` beside all that is live. Who has more rules than usual was given more room,
/// how much is not known.
fn has_room(live: &Map<String, Value>, added: &[Rule]) -> bool {
    let live: Vec<RuleKey> = live.keys().filter_map(|key| RuleKey::parse(key, Owner::default()).ok()).collect();
    let is_v4 = |key: &RuleKey| !matches!(&key.source, Source::Net(ipnet::IpNet::V6(_)));
    let is_v6 = |key: &RuleKey| !matches!(&key.source, Source::Net(ipnet::IpNet::V4(_)));
    let fits = |counts: &dyn Fn(&RuleKey) -> bool| {
        let live = live.iter().filter(|key| counts(key)).count();
        let added = added.iter().filter(|rule| counts(&rule.key)).count();
        live > USUAL_ROOM || live + added <= USUAL_ROOM
    };
    fits(&is_v4) && fits(&is_v6)
}

impl RuleChanges {
    /// What the changes of one direction ask for; a rule that cannot be written is left to people.
    fn of(way: Way, changes: &[Change], manual: &mut Vec<ManualFix>) -> Self {
        let mut found = Self::default();
        for change in changes.iter().filter(|change| change.attribute() == way.attribute()) {
            match change.keys().get(1).map(|key| RuleKey::parse(key, Owner::default())) {
                Some(Ok(key)) => found.note(key, change),
                _ => manual.push(unwritable(change)),
            }
        }
        found
    }

    fn note(&mut self, key: RuleKey, change: &Change) {
        let is_description = change.keys().len() > 2;
        let text = |rule: &Value| {
            if is_description { rule.as_str() } else { rule.get("Description")?.as_str() }.map(str::to_owned)
        };
        let rule = |value: Option<&Value>| Rule {
            key,
            description: value.and_then(text).unwrap_or_default(),
            pointer: change.pointer.clone(),
        };
        match (&change.from, &change.to) {
            (Some(from), None) if !is_description => self.authorize.push(rule(Some(from))),
            (None, _) if !is_description => self.revoke.push(rule(None)),
            (from, _) => self.describe.push(rule(from.as_ref())),
        }
    }
}

fn unwritable(change: &Change) -> ManualFix {
    let reason = "the rule is of a form that no call here can write";
    ManualFix::new(&change.pointer, reason, "change the rule by hand, or declare what is live")
}

/// Whether a rule to be authorized or described names a peer's group without its account, as declarations may.
fn names_bare_groups(changes: &[Change]) -> bool {
    let is_bare = |key: &str| {
        let key = RuleKey::parse(key, Owner::default());
        key.is_ok_and(|key| matches!(&key.source, Source::Name(name) if name.starts_with("sg-")))
    };
    let is_of_rules = |change: &&Change| [INGRESS, EGRESS].contains(&change.attribute().as_str());
    let declared = changes.iter().filter(is_of_rules).filter(|change| change.from.is_some());
    declared.filter_map(|change| change.keys().get(1).cloned()).any(|key| is_bare(&key))
}

/// The accounts of the group's peers that are not its own, by group id.
async fn read_peers(aws: &Aws, request: FixRequest<'_>) -> Result<BTreeMap<String, String>, FixError> {
    const OPERATION: &str = "DescribeSecurityGroups";
    let answer = aws.ec2.describe_security_groups().group_ids(&request.key.resource_id).send().await;
    let answer = answer.map_err(|error| aws.fix_error("ec2:DescribeSecurityGroups", "ec2", OPERATION, &error))?;
    Ok(answer.security_groups.unwrap_or_default().iter().flat_map(peers_of).collect())
}

fn peers_of(group: &SecurityGroup) -> Vec<(String, String)> {
    let permissions = group.ip_permissions().iter().chain(group.ip_permissions_egress());
    let pairs = permissions.flat_map(aws_sdk_ec2::types::IpPermission::user_id_group_pairs);
    let foreign = pairs.filter(|pair| pair.user_id().is_some() && pair.user_id() != group.owner_id());
    foreign.filter_map(|pair| Some((pair.group_id()?.to_owned(), pair.user_id()?.to_owned()))).collect()
}

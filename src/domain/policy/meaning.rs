//! What a policy document grants, as far as severities need to know: is it open to everyone, did a change widen it.
//!
//! It must stay on the safe side: what cannot be proven to grant no more counts as granting more.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::Value;

use super::cover::is_covered;
use super::statement::{Document, Item, Question, Selection, Statement};

/// In which ways a document may grant more than another one. Empty: it provably grants no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Widening {
    /// Principals that no Allow statement named before, as the document writes them; `*` for everyone.
    pub new_principals: BTreeSet<String>,
    /// An Allow statement reaches further than before: an action, a resource, a condition dropped or loosened.
    pub allows_more: bool,
    /// A Deny statement is gone or reaches less far.
    pub denies_less: bool,
    /// One of the two is no policy document, or both are of different versions and use policy variables, which only
    /// `2012-10-17` has.
    pub unreadable: bool,
}

impl Widening {
    /// Whether more may be granted.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }
}

/// In which ways `to` may grant more than `from`. JSON `null` stands for "no policy". Documents may be in any form.
#[must_use]
pub fn widened(from: &Value, to: &Value) -> Widening {
    let mut widening = Widening::default();
    let (Some(from), Some(to)) = (Document::read(from), Document::read(to)) else {
        widening.unreadable = true;
        return widening;
    };
    let (before, after) = (from.statements(), to.statements());
    for statement in after.iter().filter(|statement| statement.allows && !is_covered(statement, &before)) {
        widening.new_principals.extend(new_principals(statement, &before));
        widening.allows_more = true;
    }
    widening.denies_less = before.iter().any(|statement| !statement.allows && !is_covered(statement, &after));
    widening.unreadable = variables_changed_meaning(&from, &to);
    widening
}

fn new_principals(statement: &Statement<'_>, before: &[Statement<'_>]) -> Vec<String> {
    match &statement.principals {
        Selection::Unstated => Vec::new(),
        Selection::AllBut(_) => vec!["*".to_owned()],
        Selection::Only(items) => {
            let is_new = |item: &&Item<'_>| {
                let alone = Selection::Only(BTreeSet::from([**item]));
                !before.iter().any(|statement| statement.allows && statement.principals.covers(&alone))
            };
            items.iter().filter(is_new).map(|item| item.name.to_owned()).collect()
        }
    }
}

fn variables_changed_meaning(from: &Document, to: &Document) -> bool {
    let (Some(before), Some(after)) = (from.version(), to.version()) else { return false };
    let uses_variables = |document: &Document| document.value().to_string().contains("${");
    before != after && (uses_variables(from) || uses_variables(to))
}

/// Whether the document allows anything to everyone: an Allow statement for `*` (or for all but some), without a
/// condition that narrows it to known accounts, organisations, networks or resources. `null` is not public.
#[must_use]
pub fn is_public(policy: &Value) -> bool {
    let Some(document) = Document::read(policy) else { return false };
    document.statements().iter().any(|statement| {
        let everyone = match &statement.principals {
            Selection::Unstated => false,
            Selection::Only(items) => items.iter().any(Item::is_everything),
            Selection::AllBut(_) => true,
        };
        statement.allows && everyone && !statement.conditions.iter().any(|(question, values)| narrows(question, values))
    })
}

/// Keys that tie a request to an account, an organisation, a network or a resource: what AWS itself takes for "not
/// public" when it judges bucket policies.
const NARROWING_KEYS: &[&str] = &[
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:userid",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
];

/// Whether a condition keeps strangers out. Operators that hold where the key is absent (`…IfExists`, `ForAllValues`,
/// every negated one) keep nobody out who does not send it.
fn narrows(question: &Question<'_>, values: &BTreeSet<&str>) -> bool {
    if question.operator.ends_with("IfExists") || question.operator.starts_with("ForAllValues:") {
        return false;
    }
    let is = |key: &str| question.key.eq_ignore_ascii_case(key);
    match question.base_operator() {
        "IpAddress" => (is("aws:SourceIp") || is("aws:VpcSourceIp")) && values.iter().all(|range| is_narrow(range)),
        "StringEquals" | "StringEqualsIgnoreCase" | "StringLike" | "ArnEquals" | "ArnLike" => {
            NARROWING_KEYS.iter().any(|key| is(key)) && values.iter().all(|value| names_somebody(value))
        }
        _ => false,
    }
}

/// Whether a value or pattern ties to somebody: `*` and `arn:aws:s3:::*`-like patterns without an account do not.
fn names_somebody(value: &str) -> bool {
    let fixed: String = value.split(['*', '?']).collect();
    let is_arn = fixed.starts_with("arn:");
    if is_arn {
        // arn:partition:service:region:account:resource; buckets have no account but a name.
        let mut parts = value.splitn(6, ':').skip(4);
        let ties = |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && !part.starts_with(['*', '?']));
        return ties(parts.next()) || ties(parts.next());
    }
    !fixed.is_empty() && !value.starts_with(['*', '?'])
}

/// Below these prefix lengths AWS takes an address range for the whole Internet.
const MIN_PREFIX: (u8, u8) = (8, 32);

fn is_narrow(range: &str) -> bool {
    if range.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    match range.parse::<IpNet>() {
        Ok(IpNet::V4(net)) => net.prefix_len() >= MIN_PREFIX.0,
        Ok(IpNet::V6(net)) => net.prefix_len() >= MIN_PREFIX.1,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROOT: &str = "arn:aws:iam::111111111111:root";
    const OTHER: &str = "arn:aws:iam::999999999999:root";

    fn trust(principal: &Value, condition: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, "Condition": condition}
        ]})
    }

    fn grants(statements: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    #[test]
    fn a_new_principal_is_named() {
        let before = trust(&json!({"AWS": ROOT}), &json!({}));
        let after = trust(&json!({"AWS": [ROOT, OTHER]}), &json!({}));
        assert_eq!(widened(&before, &after).new_principals, BTreeSet::from([OTHER.to_owned()]));
        assert_eq!(widened(&before, &trust(&json!("*"), &json!({}))).new_principals, BTreeSet::from(["*".to_owned()]));
        assert!(!widened(&after, &before).is_any());
        assert!(!widened(&trust(&json!("*"), &json!({})), &after).is_any());
    }

    #[test]
    fn a_dropped_or_loosened_condition_widens_and_an_added_one_does_not() {
        let free = trust(&json!({"AWS": ROOT}), &json!({}));
        let tied = trust(&json!({"AWS": ROOT}), &json!({"StringEquals": {"sts:ExternalId": "a"}}));
        let loose = trust(&json!({"AWS": ROOT}), &json!({"StringEquals": {"sts:ExternalId": ["a", "b"]}}));
        let optional = trust(&json!({"AWS": ROOT}), &json!({"StringEqualsIfExists": {"sts:ExternalId": "a"}}));
        for (from, to) in [(&tied, &free), (&tied, &loose), (&tied, &optional), (&loose, &free)] {
            assert!(widened(from, to).allows_more);
        }
        assert!(!widened(&free, &tied).is_any());
        assert!(!widened(&loose, &tied).is_any());
        let except = |who: Value| trust(&json!({"AWS": ROOT}), &json!({"StringNotEquals": {"aws:username": who}}));
        assert!(widened(&except(json!(["a", "b"])), &except(json!("a"))).allows_more);
        assert!(!widened(&except(json!("a")), &except(json!(["a", "b"]))).is_any());
    }

    #[test]
    fn a_deny_that_goes_or_shrinks_widens() {
        let allow = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
        let deny = |action: &str| json!({"Effect": "Deny", "Action": action, "Resource": "*"});
        let both = grants(&json!([allow, deny("s3:Delete*")]));
        assert!(widened(&both, &grants(&json!([allow]))).denies_less);
        assert!(widened(&both, &grants(&json!([allow, deny("s3:DeleteObject")]))).denies_less);
        assert!(!widened(&both, &grants(&json!([allow, deny("s3:*")]))).is_any());
        assert!(widened(&both, &Value::Null).denies_less, "a policy whose Deny goes with it");
        assert!(!widened(&grants(&json!([allow])), &Value::Null).is_any());
    }

    #[test]
    fn the_same_grants_split_or_joined_do_not_widen() {
        let joined = grants(&json!([{"Effect": "Allow", "Action": ["a:b", "a:c"], "Resource": ["x", "y"]}]));
        let split = grants(&json!([
            {"Effect": "Allow", "Action": "a:b", "Resource": ["x", "y"]},
            {"Effect": "Allow", "Action": "a:c", "Resource": "x"},
            {"Effect": "Allow", "Action": "A:C", "Resource": "y"},
        ]));
        assert!(!widened(&split, &joined).is_any());
        assert!(!widened(&joined, &split).is_any());
        let star = grants(&json!([{"Effect": "Allow", "Action": "a:*", "Resource": "*"}]));
        assert!(!widened(&star, &split).is_any());
        assert!(widened(&split, &star).allows_more);
    }

    #[test]
    fn negated_selections_are_proven_or_count_as_wider() {
        let but = |actions: Value| grants(&json!([{"Effect": "Allow", "NotAction": actions, "Resource": "*"}]));
        assert!(!widened(&but(json!("iam:*")), &but(json!(["iam:*", "sts:*"]))).is_any());
        assert!(widened(&but(json!(["iam:*", "sts:*"])), &but(json!("iam:*"))).allows_more);
        let one = |action: &str| grants(&json!([{"Effect": "Allow", "Action": action, "Resource": "*"}]));
        assert!(!widened(&but(json!("iam:*")), &one("s3:GetObject")).is_any());
        assert!(widened(&but(json!("iam:*")), &one("iam:PassRole")).allows_more);
        assert!(widened(&but(json!("iam:*")), &one("s3:*")).allows_more, "not proven");
        assert!(!widened(&one("*"), &but(json!("iam:*"))).is_any());
        let everyone_but = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": OTHER}}});
        let from = trust(&json!({"AWS": ROOT}), &json!({}));
        assert_eq!(widened(&from, &everyone_but).new_principals, BTreeSet::from(["*".to_owned()]));
    }

    #[test]
    fn another_language_version_matters_only_where_variables_are_used() {
        let of = |version: &str, resource: &str| json!({"Version": version, "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": resource}});
        assert!(!widened(&of("2012-10-17", "x"), &of("2008-10-17", "x")).is_any());
        assert!(widened(&of("2012-10-17", "${aws:username}"), &of("2008-10-17", "${aws:username}")).unreadable);
        assert!(widened(&json!("no policy"), &Value::Null).unreadable);
    }

    #[test]
    fn a_policy_is_public_unless_a_condition_keeps_strangers_out() {
        let public = |condition: Value| is_public(&trust(&json!({"AWS": "*"}), &condition));
        assert!(public(json!({})));
        assert!(public(json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})));
        assert!(public(json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})));
        assert!(public(json!({"StringLike": {"aws:SourceArn": "*"}})));
        assert!(public(json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}})));
        assert!(public(json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"]}})));
        assert!(public(json!({"Bool": {"aws:SecureTransport": true}})));
        assert!(!public(json!({"stringequals": {"AWS:PrincipalOrgId": "o-1"}})));
        assert!(!public(json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::logs*"}})));
        assert!(!public(json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111111111111:*"}})));
        assert!(!public(json!({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::1"]}})));
        assert!(!is_public(&trust(&json!({"AWS": ROOT}), &json!({}))));
        assert!(!is_public(&Value::Null));
    }
}

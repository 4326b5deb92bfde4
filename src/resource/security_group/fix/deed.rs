//! The six calls that change rules: three verbs, two directions.

use super::super::permission::Rules;
use super::super::{EGRESS, INGRESS};
use crate::resource::Aws;
use crate::resource::fix::{FixError, FixStep, Receipt};

/// The direction of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// What is done to rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Authorize,
    Describe,
    Revoke,
}

impl Way {
    /// The attribute that holds the rules.
    pub(super) fn attribute(self) -> &'static str {
        match self {
            Self::In => INGRESS,
            Self::Out => EGRESS,
        }
    }
}

impl Verb {
    /// The operation and its IAM action.
    pub(super) fn operation(self, way: Way) -> (&'static str, &'static [&'static str]) {
        match (self, way) {
            (Self::Authorize, Way::In) => ("AuthorizeSecurityGroupIngress", &["ec2:AuthorizeSecurityGroupIngress"]),
            (Self::Authorize, Way::Out) => ("AuthorizeSecurityGroupEgress", &["ec2:AuthorizeSecurityGroupEgress"]),
            (Self::Describe, Way::In) => {
                ("UpdateSecurityGroupRuleDescriptionsIngress", &["ec2:UpdateSecurityGroupRuleDescriptionsIngress"])
            }
            (Self::Describe, Way::Out) => {
                ("UpdateSecurityGroupRuleDescriptionsEgress", &["ec2:UpdateSecurityGroupRuleDescriptionsEgress"])
            }
            (Self::Revoke, Way::In) => ("RevokeSecurityGroupIngress", &["ec2:RevokeSecurityGroupIngress"]),
            (Self::Revoke, Way::Out) => ("RevokeSecurityGroupEgress", &["ec2:RevokeSecurityGroupEgress"]),
        }
    }
}

/// What an operation does; `None` if it is none of a group's.
pub(super) fn deed(operation: &str) -> Option<(Verb, Way)> {
    let verbs = [Verb::Authorize, Verb::Describe, Verb::Revoke];
    let mut deeds = verbs.into_iter().flat_map(|verb| [(verb, Way::In), (verb, Way::Out)]);
    deeds.find(|(verb, way)| verb.operation(*way).0 == operation)
}

/// Makes the call. A rule that is there, or gone, already is nothing to do.
pub(super) async fn send(aws: &Aws, step: &FixStep, verb: Verb, way: Way, rules: &Rules) -> Result<Receipt, FixError> {
    const THERE: &[&str] = &["InvalidPermission.Duplicate"];
    const GONE: &[&str] = &["InvalidPermission.NotFound"];
    let (ec2, id, permissions) = (&aws.ec2, &rules.group_id, Some(rules.sdk_permissions()));
    match (verb, way) {
        (Verb::Authorize, Way::In) => {
            let call = ec2.authorize_security_group_ingress().group_id(id).set_ip_permissions(permissions);
            step.settle(aws, call.send().await, THERE)
        }
        (Verb::Authorize, Way::Out) => {
            let call = ec2.authorize_security_group_egress().group_id(id).set_ip_permissions(permissions);
            step.settle(aws, call.send().await, THERE)
        }
        (Verb::Describe, Way::In) => {
            let call = ec2.update_security_group_rule_descriptions_ingress().group_id(id);
            step.settle(aws, call.set_ip_permissions(permissions).send().await, &[])
        }
        (Verb::Describe, Way::Out) => {
            let call = ec2.update_security_group_rule_descriptions_egress().group_id(id);
            step.settle(aws, call.set_ip_permissions(permissions).send().await, &[])
        }
        (Verb::Revoke, Way::In) => {
            let call = ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(permissions);
            step.settle(aws, call.send().await, GONE)
        }
        (Verb::Revoke, Way::Out) => {
            let call = ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(permissions);
            step.settle(aws, call.send().await, GONE)
        }
    }
}

//! Whether the role that changes things holds what a plan needs, as far as that can be told without changing anything.

use std::collections::BTreeSet;

use aws_sdk_iam::types::PolicyEvaluationDecisionType;
use serde::Serialize;

use super::Remediator;
use crate::domain::drift::Drift;
use crate::resource::{Aws, FixPlan};

/// An IAM action that a plan needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// `ec2:RevokeSecurityGroupIngress`.
    pub action: String,
    /// Whether we hold it.
    pub held: Held,
}

/// Whether an action is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// AWS's simulation of our policies allows it.
    Yes,
    /// AWS's simulation of our policies does not.
    No,
    /// It cannot be told, and why.
    NotKnown(String),
}

impl Remediator {
    /// What the plan needs, and whether it is held: asked of `iam:SimulatePrincipalPolicy`, which the role may or may
    /// not be allowed. Conditions on resources and service control policies are beyond it.
    pub(super) async fn permissions(&self, aws: &Aws, drift: &Drift, plan: &FixPlan) -> Vec<Permission> {
        let actions: BTreeSet<&str> = plan.steps.iter().flat_map(|step| step.actions).copied().collect();
        let with = |held: &dyn Fn(&str) -> Held| {
            let permission = |action: &&str| Permission { action: (*action).to_owned(), held: held(action) };
            actions.iter().map(permission).collect()
        };
        if actions.is_empty() {
            return Vec::new();
        }
        let Some(role) = self.pool.role_of(&drift.key.scope.account_id) else {
            return with(&|_| Held::NotKnown("no role is configured for the account".to_owned()));
        };
        let simulation = aws.iam.simulate_principal_policy().policy_source_arn(role);
        let names = actions.iter().map(|action| (*action).to_owned()).collect();
        match simulation.set_action_names(Some(names)).send().await {
            Ok(answer) => with(&|action| {
                let result = answer.evaluation_results().iter().find(|result| result.eval_action_name() == action);
                match result.map(|result| result.eval_decision() == &PolicyEvaluationDecisionType::Allowed) {
                    Some(true) => Held::Yes,
                    Some(false) => Held::No,
                    None => Held::NotKnown("AWS's simulation does not say".to_owned()),
                }
            }),
            Err(error) => {
                let why = aws.read_error("iam", "SimulatePrincipalPolicy", &error).class.to_string();
                with(&|_| Held::NotKnown(format!("iam:SimulatePrincipalPolicy {why}")))
            }
        }
    }
}

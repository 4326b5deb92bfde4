//! What a plan needs to know beyond the two states: read, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{ATTACHED, BOUNDARY, DEFAULT_SESSION};
use crate::domain::policy;
use crate::resource::aws::ErrorClass;
use crate::resource::fix::{FixError, FixRequest};
use crate::resource::{Aws, ReadError};

/// What a plan needs to know.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The role's path.
    pub(super) path: String,
    /// Its live description, even if nothing declares one.
    pub(super) description: String,
    /// Its live longest session in seconds, even if nothing declares one.
    pub(super) max_session: i64,
    /// The managed policies that the changes name, by ARN: the document, JSON `null` if it cannot be understood,
    /// `None` if there is no such policy.
    pub(super) documents: BTreeMap<String, Option<Value>>,
}

impl Facts {
    /// Reads them: one call, and two more for each managed policy that the changes name.
    pub(super) async fn read(aws: &Aws, request: FixRequest<'_>) -> Result<Self, FixError> {
        let answer = aws.iam.get_role().role_name(&request.key.resource_id).send().await;
        let answer = answer.map_err(|error| aws.fix_error("iam:GetRole", "iam", "GetRole", &error))?;
        let mut facts = Self { max_session: DEFAULT_SESSION, ..Self::default() };
        if let Some(role) = answer.role {
            facts.path = role.path;
            facts.description = role.description.unwrap_or_default();
            facts.max_session = role.max_session_duration.map_or(DEFAULT_SESSION, i64::from);
        }
        for arn in named_policies(request) {
            let document = read_policy(aws, &arn).await?;
            facts.documents.insert(arn, document);
        }
        Ok(facts)
    }

    /// Whether there is such a policy, as far as was asked.
    pub(super) fn exists(&self, arn: &str) -> bool {
        self.documents.get(arn).is_none_or(Option::is_some)
    }

    /// The document of a policy, as far as it is known.
    pub(super) fn document(&self, arn: &str) -> Option<&Value> {
        self.documents.get(arn)?.as_ref().filter(|document| !document.is_null())
    }
}

/// The managed policies that changes attach, detach or bound by.
fn named_policies(request: FixRequest<'_>) -> BTreeSet<String> {
    let named = request.changes.iter().flat_map(|change| match change.attribute().as_str() {
        ATTACHED => change.keys().get(1).cloned().into_iter().collect(),
        BOUNDARY => [change.from_str(), change.to_str()].into_iter().flatten().map(str::to_owned).collect(),
        _ => Vec::new(),
    });
    named.collect()
}

async fn read_policy(aws: &Aws, arn: &str) -> Result<Option<Value>, FixError> {
    let failed = |error: ReadError| match error.class {
        ErrorClass::NotFound => Ok(None),
        _ => Err(FixError::Aws(error)),
    };
    let policy = match aws.iam.get_policy().policy_arn(arn).send().await {
        Ok(answer) => answer.policy,
        Err(error) => return failed(aws.fix_error("iam:GetPolicy", "iam", "GetPolicy", &error)),
    };
    let version = policy.and_then(|policy| policy.default_version_id).unwrap_or_default();
    let answer = match aws.iam.get_policy_version().policy_arn(arn).version_id(version).send().await {
        Ok(answer) => answer,
        Err(error) => return failed(aws.fix_error("iam:GetPolicyVersion", "iam", "GetPolicyVersion", &error)),
    };
    let text = answer.policy_version.and_then(|version| version.document).unwrap_or_default();
    Ok(Some(policy::parse(&Value::String(text)).unwrap_or(Value::Null)))
}

//! Tags of what lives in EC2's API: `DeleteTags`, then `CreateTags`, so that a full set of tags has room for new ones.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::Tag;
use serde::{Deserialize, Serialize};

use super::tags::{TagChanges, listed};
use super::{FixError, FixStep, Receipt};
use crate::domain::diff::Change;
use crate::resource::Aws;

/// The operation that sets tags.
pub(in crate::resource) const CREATE: &str = "CreateTags";
/// The operation that takes tags away.
pub(in crate::resource) const DELETE: &str = "DeleteTags";

/// The parameters of both operations. A tag to be deleted names its value, so that one that changed meanwhile stays.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tagging {
    resources: Vec<String>,
    tags: Vec<Pair>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Pair {
    key: String,
    value: String,
}

impl Tagging {
    fn of(resource: &str, tags: &BTreeMap<String, String>) -> Self {
        let pair = |(key, value): (&String, &String)| Pair { key: key.clone(), value: value.clone() };
        Self { resources: vec![resource.to_owned()], tags: tags.iter().map(pair).collect() }
    }

    fn sdk_tags(tags: Vec<Pair>) -> Vec<Tag> {
        tags.into_iter().map(|pair| Tag::builder().key(pair.key).value(pair.value).build()).collect()
    }
}

/// The steps that put the tags of `resource` back, of whatever `changes` there are below `/Tags`.
pub(in crate::resource) fn steps(resource: &str, changes: &[Change]) -> Vec<FixStep> {
    let changes = TagChanges::of(changes);
    let mut steps = Vec::new();
    if !changes.remove.is_empty() {
        let parameters = Tagging::of(resource, &changes.remove);
        let step = FixStep::new("ec2", DELETE, &["ec2:DeleteTags"], &parameters);
        let summary = format!("delete the tags {}", listed(&changes.remove));
        steps.push(step.restoring(changes.removed_pointers()).saying(summary));
    }
    if !changes.set.is_empty() {
        let parameters = Tagging::of(resource, &changes.set);
        let step = FixStep::new("ec2", CREATE, &["ec2:CreateTags"], &parameters);
        steps.push(step.restoring(changes.set_pointers()).saying(format!("set the tags {}", listed(&changes.set))));
    }
    steps
}

/// Makes the call of a step of [`steps`]; `None` if it is none of them.
pub(in crate::resource) async fn call(aws: &Aws, step: &FixStep) -> Option<Result<Receipt, FixError>> {
    if ![CREATE, DELETE].contains(&step.operation) {
        return None;
    }
    let Tagging { resources, tags } = match step.read_parameters() {
        Ok(parameters) => parameters,
        Err(error) => return Some(Err(error)),
    };
    let (resources, tags) = (Some(resources), Some(Tagging::sdk_tags(tags)));
    Some(if step.operation == CREATE {
        step.settle(aws, aws.ec2.create_tags().set_resources(resources).set_tags(tags).send().await, &[])
    } else {
        step.settle(aws, aws.ec2.delete_tags().set_resources(resources).set_tags(tags).send().await, &[])
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_go_before_others_come_and_each_call_is_whole() {
        let change = |pointer: &str, from: Option<&str>, to: Option<&str>| Change {
            pointer: pointer.to_owned(),
            from: from.map(Into::into),
            to: to.map(Into::into),
        };
        let changes = [change("/Tags/Env", Some("prod"), Some("test")), change("/Tags/Ticket", None, Some("OPS-1"))];
        let steps = steps("i-1", &changes);
        let shown: Vec<_> =
            steps.iter().map(|step| (step.operation, &step.restores[0], step.summary.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("DeleteTags", &"/Tags/Ticket".to_owned(), "delete the tags Ticket"),
                ("CreateTags", &"/Tags/Env".to_owned(), "set the tags Env"),
            ]
        );
        let tag = |key: &str, value: &str| json!({"Resources": ["i-1"], "Tags": [{"Key": key, "Value": value}]});
        assert_eq!(steps[0].parameters, tag("Ticket", "OPS-1"));
        assert_eq!(steps[1].parameters, tag("Env", "prod"));
        assert!(super::steps("i-1", &[change("/GroupName", Some("a"), Some("b"))]).is_empty());
    }
}

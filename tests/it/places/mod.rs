//! Where documents lie: on this machine, behind HTTP, in S3; what each look costs, and what is said when it fails.

mod http;
mod local;
mod s3;
mod server;
mod states;

use std::sync::Arc;

use driftsentry::expected::{Estate, Expected, Parts};
use driftsentry::resource::BUILTIN;
use driftsentry::resource::aws::AwsPool;
use serde_json::json;

use crate::expected::{account, configured, document, group};

/// Sources as these `[[expected]]` tables configure them.
fn expected(toml: &str, aws: Option<AwsPool>) -> Expected {
    let parts = Parts { aws, ..Parts::from(BUILTIN) };
    Expected::build(&configured(toml).expect("good options"), parts).expect("good sources")
}

/// A source of one place.
fn source_at(path: &str) -> String {
    format!("[[expected]]\nkind = \"json\"\npath = {path:?}\n")
}

/// A document that declares one group.
fn declaring(id: &str) -> String {
    document(&[group(id, json!({ "Tags": { "Env": "prod" } }))])
}

async fn look(expected: &Expected) -> Arc<Estate> {
    expected.estate(&[account(&["us-east-1"])]).await
}

fn ids(estate: &Arc<Estate>) -> Vec<String> {
    let scope = crate::expected::scope("SECURITY_GROUP", "us-east-1");
    estate.scope(&scope).iter().map(|found| found.id().to_owned()).collect()
}

/// The one problem of an estate, which is therefore incomplete.
#[track_caller]
fn only_problem(estate: &Arc<Estate>) -> String {
    let [problem] = estate.problems.as_slice() else { panic!("one problem: {:#?}", estate.problems) };
    assert!(!estate.is_complete());
    problem.to_string()
}

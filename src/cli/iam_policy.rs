//! `iam-policy scan|remediate`: the least-privilege IAM policy, derived from what the resource types call.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::output;
use crate::resource::BUILTIN;

#[derive(Debug, Subcommand)]
pub(super) enum IamPolicyCommand {
    /// The policy of the role that scans: reads only
    Scan,
    /// The policy of the role that puts drift back (remediation is not in this version: nothing is needed)
    Remediate,
}

pub(super) fn iam_policy(command: &IamPolicyCommand) -> anyhow::Result<ExitCode> {
    match command {
        IamPolicyCommand::Scan => output::json(&scan_policy())?,
        IamPolicyCommand::Remediate => anyhow::bail!(
            "this version changes nothing in AWS, so it needs no remediation policy; `iam-policy scan` is all it takes"
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// One statement per service, actions sorted: exactly what the types' readers call.
fn scan_policy() -> Value {
    let actions: BTreeSet<&str> = BUILTIN.iter().flat_map(|kind| kind.scan_actions()).copied().collect();
    let services: BTreeSet<&str> = actions.iter().filter_map(|action| action.split(':').next()).collect();
    let statements = services.into_iter().map(|service| {
        let prefix = format!("{service}:");
        let actions: Vec<&&str> = actions.iter().filter(|action| action.starts_with(&prefix)).collect();
        let mut name = service.to_owned();
        name[..1].make_ascii_uppercase();
        json!({ "Sid": format!("{name}Read"), "Effect": "Allow", "Action": actions, "Resource": "*" })
    });
    json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
}

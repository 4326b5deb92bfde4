//! `iam-policy scan|remediate`: the least-privilege IAM policy, derived from what the resource types call.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Context, output};
use crate::config::Config;
use crate::domain::id::Region;
use crate::domain::rule::Selector;
use crate::expected::{S3Location, s3_locations};
use crate::resource::{BUILTIN, ResourceType};

#[derive(Debug, Subcommand)]
pub(super) enum IamPolicyCommand {
    /// The policy of the role that scans: reads only
    Scan,
    /// The policy of the role that puts drift back: for the types that `[remediation]` allows, or all
    Remediate,
}

pub(super) fn iam_policy(context: &Context, command: &IamPolicyCommand) -> anyhow::Result<ExitCode> {
    match command {
        IamPolicyCommand::Scan => output::json(&scan_policy(configured(context).as_ref()))?,
        IamPolicyCommand::Remediate => output::json(&remediation_policy(configured(context).as_ref()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration, if there is one: documents of expected state that lie in S3 must be readable, too.
fn configured(context: &Context) -> Option<Config> {
    crate::config::find_file(context.global.config.as_deref(), &context.env)?;
    let config = context.config();
    if let Err(error) = &config {
        let why = output::in_one_line(error);
        output::note(format_args!("the configuration cannot be used, so what it names in S3 is left out: {why}"));
    }
    config.ok()
}

/// One statement per service, actions sorted: exactly what the types' readers call. Then what the sources of expected
/// state read in S3.
fn scan_policy(config: Option<&Config>) -> Value {
    let actions: BTreeSet<&str> = BUILTIN.iter().flat_map(|kind| kind.scan_actions()).copied().collect();
    let mut statements = by_service(&actions, "Read");
    statements.extend(config.into_iter().flat_map(of_documents));
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What reading, planning, changing and verifying take, for the types that may be touched. Documents of expected state
/// are read by the role that scans.
fn remediation_policy(config: Option<&Config>) -> Value {
    let allow = config.map(|config| config.remediation.allow.as_slice()).unwrap_or_default();
    let is_allowed = |kind: &&&dyn ResourceType| {
        let allows = |selector: &Selector| selector.resource_type.as_ref().is_none_or(|glob| glob.matches(kind.name()));
        allow.is_empty() || allow.iter().any(allows)
    };
    let kinds = || BUILTIN.iter().filter(is_allowed);
    let read: BTreeSet<&str> = kinds().flat_map(|kind| kind.scan_actions()).copied().collect();
    let change: BTreeSet<&str> = kinds().flat_map(|kind| kind.fix_actions()).copied().collect();
    let mut statements = by_service(&read, "Read");
    statements.extend(by_service(&change.difference(&read).copied().collect(), "PutBack"));
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// One statement per service, actions sorted.
fn by_service(actions: &BTreeSet<&str>, suffix: &str) -> Vec<Value> {
    let services: BTreeSet<&str> = actions.iter().filter_map(|action| action.split(':').next()).collect();
    let statements = services.into_iter().map(|service| {
        let prefix = format!("{service}:");
        let actions: Vec<&&str> = actions.iter().filter(|action| action.starts_with(&prefix)).collect();
        let mut name = service.to_owned();
        name[..1].make_ascii_uppercase();
        json!({ "Sid": format!("{name}{suffix}"), "Effect": "Allow", "Action": actions, "Resource": "*" })
    });
    statements.collect()
}

/// Reading of the objects that are configured as expected state, and of their names where many may be meant.
fn of_documents(config: &Config) -> Vec<Value> {
    let locations = s3_locations(&config.expected);
    if locations.is_empty() {
        return Vec::new();
    }
    let region = config.aws.regions.first().map(Region::as_str).unwrap_or_default();
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let objects: Vec<String> = locations.iter().flat_map(|location| objects_of(location, partition)).collect();
    let buckets: BTreeSet<String> =
        locations.iter().map(|location| format!("arn:{partition}:s3:::{}", location.bucket)).collect();
    vec![
        json!({ "Sid": "ExpectedStateRead", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": objects }),
        json!({ "Sid": "ExpectedStateList", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": buckets }),
    ]
}

/// The objects that a path may mean: itself and all below it, or what its globs match.
fn objects_of(location: &S3Location, partition: &str) -> Vec<String> {
    let S3Location { bucket, key } = location;
    let arn = |key: &str| format!("arn:{partition}:s3:::{bucket}/{key}");
    match key {
        key if key.is_empty() || key.ends_with('/') => vec![arn(&format!("{key}*"))],
        key if key.contains(['*', '?']) => vec![arn(&key.replace("**/", "*").replace("**", "*"))],
        key => vec![arn(key), arn(&format!("{key}/*"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_s3_is_allowed_and_no_more() {
        let objects = |key: &str| objects_of(&S3Location { bucket: "states".to_owned(), key: key.to_owned() }, "aws");
        assert_eq!(objects("env/"), ["arn:aws:s3:::states/env/*"]);
        assert_eq!(objects(""), ["arn:aws:s3:::states/*"]);
        assert_eq!(objects("a.tfstate"), ["arn:aws:s3:::states/a.tfstate", "arn:aws:s3:::states/a.tfstate/*"]);
        assert_eq!(objects("env/**/*.tfstate"), ["arn:aws:s3:::states/env/*.tfstate"]);
    }
}

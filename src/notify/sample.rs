//! Messages for the tests of all kinds of channels: ordinary ones, huge ones, hostile ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Message;
use crate::config::options::{Entry, Options};
use crate::domain::alert::AlertType;
use crate::domain::diff::Change;
use crate::domain::drift::{DetectedBy, Drift, DriftKind, DriftStatus};
use crate::domain::id::{AccountId, Region, Scope};
use crate::domain::severity::Severity;
use crate::domain::story::Story;
use crate::domain::story::worst_first;
use crate::store::delivery::AlertToSend;

/// A text that tries to forge headers, markup, mentions and direction.
pub(super) const HOSTILE: &str =
    "x\r\nBcc: all@example.com\u{202e}<script>alert(1)</script> <!channel> `rm -rf` & \"q\" *b* \u{0}\u{2028}";

/// One change; a JSON `"absent"` stands for nothing.
pub(super) fn change(pointer: &str, from: Value, to: Value) -> Change {
    let value = |value: Value| if value == json!("absent") { None } else { Some(value) };
    Change { pointer: pointer.to_owned(), from: value(from), to: value(to) }
}

/// A message about one drift.
pub(super) fn message(resource_type: &str, id: &str, severity: Severity, mut changes: Vec<Change>) -> Message {
    let kind = crate::resource::find(resource_type).expect("a type");
    worst_first(&mut changes, |change| kind.severity(change));
    let whole = changes.iter().find(|change| change.pointer.is_empty());
    let kind = match whole {
        Some(change) if change.from.is_some() => DriftKind::Missing,
        Some(_) => DriftKind::Unmanaged,
        None => DriftKind::Changed,
    };
    let scope = Scope {
        account_id: AccountId::from("123456789012"),
        region: Region::from("us-east-1"),
        resource_type: resource_type.to_owned(),
    };
    let at = "2026-11-23T03:12:05Z".parse().expect("a time");
    let drift = Drift {
        id: "0193594e-3c00-7000-8000-000000000001".parse().expect("an id"),
        key: scope.key(id),
        account_name: None,
        kind,
        expected_state: json!({}),
        actual_state: json!({}),
        difference: json!([]),
        changes,
        severity,
        cost_impact_monthly: Some("0.00".parse().expect("a number")),
        cost_unknown_reason: None,
        declared_in: Some("expected/web.json#/resources/3".to_owned()),
        terraform_address: None,
        recurs_after: None,
        status: DriftStatus::Detected,
        detected_at: at,
        detected_by: DetectedBy::Scheduler,
        approved_at: None,
        approval_reason: None,
        rejected_at: None,
        rejection_reason: None,
        resolved_at: None,
        resolved_how: None,
    };
    let title = Story::from(&drift).in_account(Some("prod")).title();
    let alert = AlertToSend {
        id: "0193594e-3c00-7000-8000-000000000002".parse().expect("an id"),
        alert_type: AlertType::DriftDetected,
        severity,
        title,
        message: Story::from(&drift).text(),
        created_at: at,
        drift,
        account_name: Some("prod".to_owned()),
        attempt: 1,
    };
    Message { alert, sent_at: at }
}

/// A security group opened to the world.
pub(super) fn opened_port() -> Message {
    let rule = change("/IngressRules/tcp:22-22:0.0.0.0~10", json!("absent"), json!({"Description": "temp"}));
    let mut message = message("SECURITY_GROUP", "sg-0a1", Severity::Critical, vec![rule]);
    message.alert.drift.actual_state = json!({"Tags": {"Name": "web"}});
    message.alert.drift.difference =
        json!([{"op": "add", "path": "/IngressRules/tcp:22-22:0.0.0.0~10", "value": {"Description": "temp"}}]);
    message
}

/// An instance that became larger, with a cost.
pub(super) fn resized() -> Message {
    let size = change("/InstanceType", json!("m5.large"), json!("m5.xlarge"));
    let tag = change("/Tags/Owner", json!("web-team"), json!("absent"));
    let mut message = message("EC2", "i-0123456789abcdef0", Severity::Warning, vec![size, tag]);
    message.alert.drift.cost_impact_monthly = Some("70.08".parse().expect("a number"));
    message
}

/// A database that is gone.
pub(super) fn missing() -> Message {
    let gone = change("", json!({"DBInstanceClass": "db.m5.large"}), json!("absent"));
    let mut message = message("RDS", "orders", Severity::Warning, vec![gone]);
    message.alert.drift.cost_impact_monthly = Some("-131.40".parse().expect("a number"));
    message
}

/// An instance that nothing declares, of unknown cost.
pub(super) fn unmanaged() -> Message {
    let found = change("", json!("absent"), json!({"InstanceType": "x1e.32xlarge"}));
    let mut message = message("EC2", "i-0feed", Severity::Info, vec![found]);
    message.alert.drift.cost_impact_monthly = None;
    message.alert.drift.cost_unknown_reason = Some("compute: no price for x1e.32xlarge in us-east-1".to_owned());
    message.alert.drift.declared_in = None;
    message
}

/// A bucket with a policy of hundreds of statements.
pub(super) fn huge_policy() -> Message {
    let statement = |n: usize| json!({"Effect": "Allow", "Principal": "*", "Action": format!("s3:Get{n}"), "Resource": "x".repeat(400)});
    let policy = json!({"Version": "2012-10-17", "Statement": (0..300).map(statement).collect::<Vec<_>>()});
    message("S3", "logs", Severity::Critical, vec![change("/Policy", json!(null), policy)])
}

/// An instance with five hundred changed tags, each as long as AWS allows and hostile.
pub(super) fn many_changes() -> Message {
    let long = HOSTILE.repeat(3);
    let tags =
        (0..500).map(|n| change(&format!("/Tags/key{n:03}&<{HOSTILE}>"), json!(long), json!(format!("{long}!"))));
    let mut changes: Vec<Change> = tags.collect();
    changes.push(change("/InstanceType", json!("m5.large"), json!("m5.xlarge")));
    message("EC2", "i-0abc", Severity::Warning, changes)
}

/// Hostile texts wherever somebody else may write.
pub(super) fn hostile() -> Message {
    let tag = change("/Tags/Owner", json!("ops"), json!(HOSTILE));
    let mut message = message("EC2", &HOSTILE.repeat(4), Severity::Info, vec![tag]);
    message.alert.drift.actual_state = json!({"Tags": {"Name": HOSTILE}});
    message.alert.drift.declared_in = Some(HOSTILE.repeat(20));
    message.alert.drift.terraform_address = Some(HOSTILE.repeat(20));
    message.alert.account_name = Some(HOSTILE.to_owned());
    message.alert.drift.cost_impact_monthly = None;
    message.alert.drift.cost_unknown_reason = Some(HOSTILE.repeat(20));
    message.alert.alert_type = AlertType::RemediationFailed;
    message.alert.title = HOSTILE.repeat(3);
    message.alert.message = HOSTILE.repeat(300);
    message
}

/// Every sample.
pub(super) fn all() -> Vec<Message> {
    vec![opened_port(), resized(), missing(), unmanaged(), huge_policy(), many_changes(), hostile()]
}

/// A security group that Terraform declares, opened to the world.
pub(super) fn terraform() -> Message {
    let mut message = opened_port();
    message.alert.drift.declared_in = Some("states/web.tfstate#module.web.aws_security_group.app[0]".to_owned());
    message.alert.drift.terraform_address = Some("module.web.aws_security_group.app[0]".to_owned());
    message
}

/// Options as a TOML table would give them.
pub(super) fn options(toml: &str) -> Options {
    let table: toml::Table = toml.parse().expect("a TOML table");
    let entries = table.into_iter().map(|(key, value)| (key, Entry { value, line: Some(7) }));
    let env = BTreeMap::from([("HOOK".to_owned(), "https://hooks.example.com/T0/B0/geheim".to_owned())]);
    Options::new("channels[0]", Some(5), entries.collect(), Arc::new(env))
}

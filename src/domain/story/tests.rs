//! What people are told of a drift.

use chrono::TimeZone as _;
use serde_json::json;

use super::*;
use crate::domain::id::{AccountId, Region, Scope};

fn change(pointer: &str, from: Value, to: Value) -> Change {
    let value = |value: Value| if value == json!("absent") { None } else { Some(value) };
    Change { pointer: pointer.to_owned(), from: value(from), to: value(to) }
}

fn finding(resource_type: &str, id: &str, changes: Vec<Change>) -> Finding {
    let scope = Scope {
        account_id: AccountId::from("123456789012"),
        region: Region::from("us-east-1"),
        resource_type: resource_type.to_owned(),
    };
    Finding {
        key: scope.key(id),
        kind: DriftKind::Changed,
        expected: json!({}),
        actual: json!({}),
        difference: json!([]),
        changes,
        severity: Severity::Critical,
        cost: CostImpact::Known(Money::ZERO),
        declared_in: Some("expected/web.json#/resources/3".to_owned()),
        terraform_address: None,
    }
}

fn opened() -> Change {
    change("/IngressRules/tcp:22-22:0.0.0.0~10", json!("absent"), json!({"Description": "temp"}))
}

fn id() -> DriftId {
    "0193594e-3c00-7000-8000-000000000001".parse().expect("a valid id")
}

#[test]
fn the_title_names_severity_resource_place_and_the_worst_change() {
    let resized = change("/Tags/Env", json!("prod"), json!("dev"));
    let finding = finding("SECURITY_GROUP", "sg-0a1", vec![opened(), resized]);
    assert_eq!(
        Story::from(&finding).in_account(Some("prod")).title(),
        "CRITICAL drift: SECURITY_GROUP sg-0a1 (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22); 1 more"
    );
}

#[test]
fn the_whole_message_reads_alone() {
    let mut finding = finding("SECURITY_GROUP", "sg-0a1", vec![opened()]);
    finding.actual = json!({"Tags": {"Name": "web"}});
    let at = chrono::Utc.with_ymd_and_hms(2026, 11, 23, 3, 12, 5).single().expect("a valid time");
    let text = Story::from(&finding).in_account(Some("prod")).stored_as(id(), at).text();
    insta::assert_snapshot!(text, @r#"
    CRITICAL: SECURITY_GROUP sg-0a1 "web" (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22)

    It differs from its declaration in one place, declared → live:
      /IngressRules/tcp:22-22:0.0.0.0~10: (none) → {"Description":"temp"}

    Cost:        no cost
    Account:     prod (123456789012)
    Region:      us-east-1
    Declared in: expected/web.json#/resources/3
    First seen:  2026-11-23 03:12 UTC
    Drift:       0193594e-3c00-7000-8000-000000000001

    What to do next:
      see all of it:               driftsentry drifts show 0193594e-3c00-7000-8000-000000000001
      say that you look after it:  driftsentry drifts triage 0193594e-3c00-7000-8000-000000000001
      then have it put back:       driftsentry drifts approve 0193594e-3c00-7000-8000-000000000001 --reason "…"
      or let it stand as it is:    driftsentry drifts reject 0193594e-3c00-7000-8000-000000000001 --reason "…"
    "#);
}

#[test]
fn a_missing_and_an_unmanaged_resource_are_told_as_a_whole() {
    let mut missing = finding("EC2", "i-0a1", vec![change("", json!({"InstanceType": "m5.large"}), json!("absent"))]);
    missing.kind = DriftKind::Missing;
    missing.cost = CostImpact::Known(Money("-70.08".parse().expect("a number")));
    let story = Story::from(&missing);
    assert_eq!(story.title(), "CRITICAL drift: EC2 i-0a1 (123456789012/us-east-1): gone");
    assert_eq!(story.cost_line(), "-$70.08 a month");
    assert_eq!(story.changes(20), (vec![], 0));
    assert!(story.text().contains("is declared, but AWS has no such resource"));
    let mut unmanaged = finding("EC2", "i-0a1", vec![change("", json!("absent"), json!({}))]);
    unmanaged.kind = DriftKind::Unmanaged;
    assert!(Story::from(&unmanaged).title().ends_with(": not declared"));
}

#[test]
fn an_unknown_cost_says_why_and_zero_is_no_cost() {
    let mut finding = finding("EC2", "i-0a1", vec![]);
    assert_eq!(Story::from(&finding).cost_line(), "no cost");
    finding.cost = CostImpact::Unknown("compute: no price for x1e.32xlarge in eu-north-1".to_owned());
    assert_eq!(Story::from(&finding).cost_line(), "cost unknown: compute: no price for x1e.32xlarge in eu-north-1");
}

#[test]
fn a_table_cell_shows_the_first_change_and_counts_the_rest() {
    let size = change("/InstanceType", json!("m5.large"), json!("m5.xlarge"));
    let tag = change("/Tags/Env", json!("prod"), json!("dev"));
    assert_eq!(what_changed(std::slice::from_ref(&size)), "InstanceType m5.large → m5.xlarge");
    let mut changes = [tag, size, opened()];
    worst_first(&mut changes, |_| Severity::Warning);
    assert_eq!(what_changed(&changes), "IngressRules opened to 0.0.0.0/0 (tcp 22); 2 more");
    assert_eq!(changes[2].pointer, "/Tags/Env", "of changes that are as bad, tags come last");
    let profile = change("/IamInstanceProfile", json!(null), json!("admin"));
    assert_eq!(what_changed(&[profile]), "IamInstanceProfile (none) → admin");
    let member = change("/AttachedPolicies/arn:aws:iam::aws:policy~1Admin", json!("absent"), json!({}));
    assert_eq!(what_changed(&[member]), "AttachedPolicies/arn:aws:iam::aws:policy/Admin added");
    let all = change("/EgressRules/all:all:sg-0a1", json!({"Description": ""}), json!("absent"));
    assert_eq!(what_changed(&[all]), "EgressRules closed to sg-0a1 (all traffic)");
}

#[test]
fn hostile_texts_neither_break_lines_nor_titles() {
    let evil = "x\r\nBcc: a@example.com\u{202e}<script>alert(1)</script>";
    let mut finding = finding("EC2", "i-0a1", vec![change("/Tags/Owner", json!("ops"), json!(evil))]);
    finding.actual = json!({"Tags": {"Name": evil.repeat(9)}});
    let title = Story::from(&finding).title();
    assert!(!title.contains(['\r', '\n', '\u{202e}']) && title.chars().count() <= TITLE_MAX, "{title}");
    let (changes, _) = Story::from(&finding).changes(20);
    assert_eq!(
        changes[0].what.to_string(),
        "ops → ".to_owned() + "x\\r\\nBcc: a@example.com\\u{202e}<script>alert(1)</script>"
    );
}

#[test]
fn many_changes_are_listed_up_to_a_limit_and_counted() {
    let many = (0..500).map(|n| change(&format!("/Tags/k{n:03}"), json!("a"), json!("b"))).collect();
    let text = Story::from(&finding("EC2", "i-0a1", many)).text();
    assert!(text.contains("/Tags/k019: a → b") && !text.contains("/Tags/k020"));
    assert!(text.contains("  … and 480 more"), "{text}");
}

#[test]
fn a_secret_tag_is_not_told() {
    let changed = vec![change("/Tags/db_password", json!("hunter2"), json!("hunter3"))];
    let text = Story::from(&finding("EC2", "i-0a1", changed)).text();
    assert!(text.contains("/Tags/db_password: *** → ***") && !text.contains("hunter"), "{text}");
}

#[test]
fn the_worst_change_leads() {
    let public = change("/PubliclyAccessible", json!(false), json!(true));
    let class = change("/DBInstanceClass", json!("db.m5.large"), json!("db.m5.xlarge"));
    let mut finding = finding("RDS", "orders", vec![class, public]);
    worst_first(&mut finding.changes, |change| match change.attribute().as_str() {
        "PubliclyAccessible" => Severity::Critical,
        _ => Severity::Warning,
    });
    assert!(Story::from(&finding).title().ends_with("PubliclyAccessible false → true; 1 more"));
}

#[test]
fn a_policy_is_told_by_what_it_means() {
    let allow = |who: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": who}}]})
    };
    let (ours, theirs) = ("arn:aws:iam::123456789012:root", "arn:aws:iam::999999999999:root");
    let finding = finding("IAM_ROLE", "deploy", vec![change("/AssumeRolePolicyDocument", allow(ours), allow(theirs))]);
    let title = Story::from(&finding).title();
    assert!(title.contains("AssumeRolePolicyDocument: ") && title.contains("999999999999"), "{title}");
    let (words, _) = Story::from(&finding).changes(20);
    insta::assert_snapshot!(words[0].what, @"allows sts:AssumeRole for arn:aws:iam::999999999999:root (new); allows sts:AssumeRole for arn:aws:iam::123456789012:root (removed)");
}

#[test]
fn a_huge_policy_stays_a_few_lines() {
    let statements: Vec<Value> = (0..300)
        .map(|n| json!({"Effect": "Allow", "Action": format!("s3:Get{n}"), "Resource": "x".repeat(500)}))
        .collect();
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let text = Story::from(&finding("S3", "logs", vec![change("/Policy", json!(null), policy)])).text();
    assert!(text.chars().count() < 3000, "{text}");
}

#[test]
fn the_terraform_address_is_told_and_the_state_that_holds_it_beside_it() {
    let mut finding = finding("EC2", "i-0a1", vec![change("/InstanceType", json!("t3.micro"), json!("t3.large"))]);
    finding.terraform_address = Some("module.web.aws_instance.app[\"a\"]".to_owned());
    finding.declared_in = Some("states/web.tfstate#module.web.aws_instance.app[\"a\"]".to_owned());
    let text = Story::from(&finding).text();
    assert!(text.contains("\nTerraform:   module.web.aws_instance.app[\"a\"]\n"), "{text}");
    assert!(text.contains("\nDeclared in: states/web.tfstate\n"), "{text}");
}

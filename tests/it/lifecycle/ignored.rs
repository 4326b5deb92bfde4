//! Rules that people make about a drift, and how often each rule is of use.

use driftsentry::domain::drift::Drift;
use driftsentry::domain::user::Actor;
use driftsentry::store;
use driftsentry::triage::{self, Ignore, Ignored};
use serde_json::json;

use super::{engineer, events, open_port, pointers, web_group};
use crate::support::{SECURITY_GROUP, TestApp};

async fn ignore(app: &TestApp, drift: &Drift, wanted: Ignore, actor: &Actor) -> Result<Ignored, String> {
    let now = driftsentry::clock::Clock::now(&*app.clock);
    triage::ignore(&app.store, drift.id, &wanted, actor, now).await.map_err(|error| error.to_string())
}

async fn tag(aws: &driftsentry::resource::Aws, id: &str, key: &str) {
    let tag = aws_sdk_ec2::types::Tag::builder().key(key).value("x").build();
    aws.ec2.create_tags().resources(id).tags(tag).send().await.expect("tag it");
}

#[tokio::test]
async fn a_drift_that_is_ignored_is_over_at_the_next_scan_and_nothing_else_is_ignored() {
    let (app, aws, group) = web_group("").await;
    open_port(&aws, &group, 22).await;
    tag(&aws, &group, "odd*key").await;
    app.scan_later().await;
    let (drift, ann) = (app.open_drift().await, engineer(&app, "ann").await);
    let reason = Some("the bastion".to_owned());
    let done = ignore(&app, &drift, Ignore { reason, ..Ignore::default() }, &ann).await.expect("a rule");
    assert_eq!((done.covered, done.paths.len()), (2, 2));
    assert_eq!(app.open_drift().await.status.as_str(), "detected", "only a scan knows what is live");
    let scan = app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
    assert_eq!(events(&app, &drift).await, ["detected", "ignored", "rejected", "resolved"]);
    let matches = store::ignore::matches_of(&mut app.store.conn().await.expect("a connection"), scan.id).await;
    let matches = matches.expect("the matches");
    assert_eq!((matches.len(), matches[0].changes, matches[0].reason.as_deref()), (1, 2, Some("the bastion")));
    assert_eq!(matches[0].rule, done.rule.to_string());

    let other = (SECURITY_GROUP.create)(&aws, "other").await;
    app.declare("SECURITY_GROUP", &other, &json!({ "IngressRules": {} }));
    tag(&aws, &group, "oddxkey").await;
    open_port(&aws, &group, 23).await;
    open_port(&aws, &other, 22).await;
    app.scan_later().await;
    let mut found: Vec<(String, Vec<String>)> = app
        .open_drifts()
        .await
        .iter()
        .map(|drift| {
            let pointers = pointers(drift).into_iter().map(str::to_owned).collect();
            (drift.key.resource_id.clone(), pointers)
        })
        .collect();
    found.sort();
    let rule = |port: &str| format!("/IngressRules/tcp:{port}-{port}:0.0.0.0~10");
    let mut wanted =
        vec![(group.clone(), vec![rule("23"), "/Tags/oddxkey".to_owned()]), (other.clone(), vec![rule("22")])];
    wanted.sort();
    assert_eq!(found, wanted, "another port, another tag, another group");
}

#[tokio::test]
async fn a_rule_that_is_taken_back_or_past_its_last_day_makes_it_drift_again() {
    let (app, aws, group) = web_group("").await;
    open_port(&aws, &group, 22).await;
    app.scan_later().await;
    let (drift, ann) = (app.open_drift().await, engineer(&app, "ann").await);
    let until = |day: &str| Ignore { until: Some(day.parse().expect("a day")), ..Ignore::default() };
    let past = ignore(&app, &drift, until("2026-03-01"), &ann).await.unwrap_err();
    assert!(past.contains("2026-03-01 is past"), "{past}");
    ignore(&app, &drift, until("2026-03-03"), &ann).await.expect("a rule");
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
    app.clock.set("2026-03-04T00:10:00Z");
    app.scan_later().await;
    let again = app.open_drift().await;
    let rule = ignore(&app, &again, Ignore::default(), &ann).await.expect("a rule").rule;
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
    let now = driftsentry::clock::Clock::now(&*app.clock);
    let mut tx = app.store.begin().await.expect("a transaction");
    store::ignore::remove(&mut tx, &rule.to_string(), &ann, now).await.expect("take it back");
    tx.commit().await.expect("commit");
    app.scan_later().await;
    app.open_drift().await;
    let removed = "select removed_by_email from ignore_rules where removed_at is not null";
    assert_eq!(app.rows(removed).await, [json!({ "removed_by_email": "ann@example.com" })]);
}

#[tokio::test]
async fn a_path_covers_what_it_matches_and_the_rest_is_still_drift() {
    let (app, aws, group) = web_group("").await;
    open_port(&aws, &group, 22).await;
    tag(&aws, &group, "aws-backup-plan").await;
    app.scan_later().await;
    let (drift, ann) = (app.open_drift().await, engineer(&app, "ann").await);
    let path = |path: &str| Ignore { paths: vec![path.to_owned()], ..Ignore::default() };
    for (wrong, words) in [
        ("Tags/x", "is no JSON pointer"),
        ("/Tags/[", "malformed glob"),
        ("/EgressRules/**", "covers nothing of drift"),
    ] {
        let refused = ignore(&app, &drift, path(wrong), &ann).await.unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    let done = ignore(&app, &drift, path("/Tags/aws-backup-*"), &ann).await.expect("a rule");
    assert_eq!(done.covered, 1);
    app.scan_later().await;
    assert_eq!(pointers(&app.open_drift().await), ["/IngressRules/tcp:22-22:0.0.0.0~10"]);
    assert_eq!(app.open_drift().await.id, drift.id);
}

#[tokio::test]
async fn a_loss_that_is_ignored_says_nothing_of_what_the_resource_is_when_it_is_there() {
    let (app, aws, group) = web_group("").await;
    (SECURITY_GROUP.delete)(&aws, &group).await;
    app.scan_later().await;
    let (drift, ann) = (app.open_drift().await, engineer(&app, "ann").await);
    let refused = ignore(&app, &drift, Ignore { paths: vec!["/Tags".to_owned()], ..Ignore::default() }, &ann).await;
    assert!(refused.unwrap_err().contains("leave --path out"));
    let done = ignore(&app, &drift, Ignore::default(), &ann).await.expect("a rule");
    assert_eq!(done.paths, [""]);
    app.scan_later().await;
    assert_eq!(app.open_drifts().await, []);
}

#[tokio::test]
async fn tags_of_a_configured_glob_are_counted_for_their_rule_scan_by_scan() {
    let toml = "[[ignore]]\npath = \"/Tags/aws-backup-*\"\nreason = \"the backup plan\"\n\
                [[ignore]]\nresource_type = \"EC2\"\npath = \"/Tags/never\"\n";
    let (app, aws, group) = web_group(toml).await;
    tag(&aws, &group, "aws-backup-plan").await;
    tag(&aws, &group, "aws-backup-vault").await;
    for scans in 1..=2 {
        app.scan_later().await;
        assert_eq!(app.drifts().await, []);
        let used = "select rule, total, last_matched_at is not null as matched from ignore_rule_uses order by rule";
        let backup = json!({ "rule": "path = \"/Tags/aws-backup-*\"", "total": 2 * scans, "matched": true });
        let never = json!({ "rule": "resource_type = \"EC2\", path = \"/Tags/never\"", "total": 0, "matched": false });
        assert_eq!(app.rows(used).await, [backup, never]);
    }
    let each = "select changes, reason from ignore_matches";
    let two = json!({ "changes": 2, "reason": "the backup plan" });
    assert_eq!(app.rows(each).await, [two.clone(), two]);
    tag(&aws, &group, "my-aws-backup-plan").await;
    app.scan_later().await;
    assert_eq!(pointers(&app.open_drift().await), ["/Tags/my-aws-backup-plan"]);
}

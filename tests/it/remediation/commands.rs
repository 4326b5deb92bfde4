//! The same story by the command line: what is printed before, while and after a drift is put back.

use std::time::Duration;

use serde_json::{Value, json};

use super::crashes::Scene;
use crate::support::until;

#[tokio::test]
async fn a_plan_is_shown_approved_and_carried_out() {
    let scene = Scene::new().await;
    scene.found().await;
    let place = &scene.place;
    let id: uuid::Uuid = sqlx::query_scalar("select id from drifts").fetch_one(scene.pool()).await.expect("one drift");
    let id = id.to_string();
    let plan = place.run(&["drifts", "plan", &id]).await;
    for words in [
        "1. ec2:RevokeSecurityGroupIngress: revoke",
        "restores    /IngressRules/tcp:22-22:0.0.0.0~10",
        "disruption  none",
        "ec2:RevokeSecurityGroupIngress:",
        "Nothing forbids it.",
        "--seen",
    ] {
        assert!(plan.stdout.contains(words), "{words} in {}", plan.stdout);
    }
    let json = place.run(&["drifts", "plan", &id, "--format", "json"]).await.json();
    assert_eq!(
        (&json["possible"], &json["steps"][0]["operation"]),
        (&json!(true), &json!("RevokeSecurityGroupIngress"))
    );
    let seen = json["seen"].as_str().expect("a fingerprint");
    let shown = place.run(&["drifts", "show", &id]).await;
    assert!(shown.stdout.contains(&format!("Seen: {}", &seen[..12])), "{shown:?}");

    place.run(&["drifts", "triage", &id]).await;
    place.run(&["drifts", "approve", &id, "--seen", "0123456789ab"]).await.refuses(&["has changed since you saw it"]);
    let stopped = place.run(&["remediation", "stop", "--reason", "incident"]).await;
    assert_eq!(stopped.stdout, "remediation is stopped in every replica\n");
    let approved = place.run(&["drifts", "approve", &id, "--seen", &seen[..12], "--reason", "close it"]).await;
    assert!(approved.code == Some(0) && approved.stdout.contains("a worker puts it back now"), "{approved:?}");

    let daemon = place.start(&["--only", "worker"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(scene.count("select count(*) from remediation_attempts").await, 0, "it is stopped");
    let status = place.run(&["remediation", "status"]).await;
    assert!(
        status.stdout.starts_with("remediation is stopped (since ") && status.stdout.contains("incident"),
        "{status:?}"
    );
    place.run(&["remediation", "resume"]).await;
    let due = "update jobs set run_at = now() where state = 'available'";
    sqlx::query(due).execute(scene.pool()).await.expect("let the job fall due");
    let resolved = "select count(*) from drifts where status = 'resolved'";
    until("it is put back", async || (scene.count(resolved).await == 1).then_some(())).await;
    daemon.stop().await;
    let shown = place.run(&["drifts", "show", &id]).await;
    for words in ["remediation_started", "Calls to AWS:", "RevokeSecurityGroupIngress"] {
        assert!(shown.stdout.contains(words), "{words} in {}", shown.stdout);
    }
}

#[tokio::test]
async fn the_policy_allows_what_the_allowed_types_take_and_no_more() {
    let scene = Scene::new().await;
    let policy = scene.place.run(&["iam-policy", "remediate"]).await.json();
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let mut actions: Vec<&str> =
        statements.flat_map(|one| one["Action"].as_array().expect("actions")).filter_map(Value::as_str).collect();
    actions.sort_unstable();
    let wanted = [
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    ];
    assert_eq!(actions, wanted, "security groups alone are allowed");
}

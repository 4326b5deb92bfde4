//! What a Terraform state of a hundred megabytes takes, beside what it takes to parse it as plain JSON.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use driftsentry::app::vocabulary;
use driftsentry::config;
use driftsentry::expected::Expected;
use driftsentry::resource::BUILTIN;
use serde_json::{Value, json};

use super::meter::{Peak, peak_of};

const RESOURCES: usize = 20_000;
const BYTES: usize = 100_000_000;

#[tokio::test]
#[ignore = "figures, no verdict; writes and reads 100 MB: cargo test --release --test it -- --ignored --nocapture --test-threads 1 bench_loading_a_large_terraform_state"]
async fn bench_loading_a_large_terraform_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("large.tfstate");
    std::fs::write(&file, large_state()).expect("the state");
    let config = folder.path().join("driftsentry.toml");
    let text = format!("[[expected]]\nkind = \"terraform\"\npath = {:?}\n", file.display().to_string());
    std::fs::write(&config, text).expect("the configuration");

    let plain = seconds_of_plain_json(&file);
    let loaded = config::load(Some(&config), Arc::default(), &vocabulary()).expect("a configuration");
    let expected = Expected::build(&loaded.expected, BUILTIN).expect("a source");
    let began = Instant::now();
    let estate = expected.estate(&[]).await;
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!((estate.len(), estate.problems.len()), (RESOURCES / 10 * 9, 0), "{:?}", estate.problems.first());
    let place = file.display().to_string();
    let Peak { megabytes, .. } = peak_of(&config, &["expected", "check", "--terraform", &place]).await;
    let size = std::fs::metadata(&file).expect("the state").len() as f64 / 1e6;
    println!("\n{:>10}{:>8}{:>10}{:>14}{:>8}{:>10}", "resources", "MB", "seconds", "plain JSON s", "ratio", "peak MB");
    println!("{RESOURCES:>10}{size:>8.1}{seconds:>10.2}{plain:>14.2}{:>8.2}{megabytes:>10.1}", seconds / plain);
}

fn seconds_of_plain_json(file: &Path) -> f64 {
    let bytes = std::fs::read(file).expect("the state");
    let began = Instant::now();
    let value: Value = serde_json::from_slice(&bytes).expect("JSON");
    let seconds = began.elapsed().as_secs_f64();
    assert!(value["resources"].is_array());
    seconds
}

/// Instances, groups with rules, roles with policies, and some that nobody watches, as Terraform indents them.
fn large_state() -> String {
    let mut text = String::with_capacity(BYTES + BYTES / 10);
    text.push_str("{\n  \"version\": 4,\n  \"terraform_version\": \"1.9.0\",\n  \"serial\": 1,\n  \"resources\": [");
    for number in 0..RESOURCES {
        let (kind, attributes) = match number % 10 {
            0..4 => ("aws_instance", instance(number)),
            4..7 => ("aws_security_group", group(number)),
            7..9 => ("aws_iam_role", role(number)),
            _ => ("aws_route53_record", json!({"id": format!("record-{number}")})),
        };
        let mut resource = json!({
            "module": format!("module.team[\"{}\"]", number % 50), "mode": "managed", "type": kind,
            "name": format!("r{number}"), "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        });
        let mut instance = json!({"schema_version": 1, "attributes": attributes, "private": ""});
        let written = serde_json::to_string_pretty(&instance).expect("JSON").len();
        let missing = (BYTES / RESOURCES).saturating_sub(written + 900);
        instance["private"] = json!("p".repeat(missing.max(1)));
        resource["instances"] = json!([]);
        let head = serde_json::to_string_pretty(&resource).expect("JSON");
        // As Terraform does, the instances last.
        let head = head.replace("\n  \"instances\": [],", "");
        let head = head.trim_end_matches("\n}");
        let comma = if number == 0 { "" } else { "," };
        let instance = serde_json::to_string_pretty(&instance).expect("JSON").replace('\n', "\n        ");
        write!(
            text,
            "{comma}\n    {},\n      \"instances\": [\n        {instance}\n      ]\n    }}",
            head.replace('\n', "\n    ")
        )
        .expect("a text");
    }
    text.push_str("\n  ],\n  \"check_results\": null\n}\n");
    text
}

fn instance(number: usize) -> Value {
    let mut instance: Value =
        serde_json::from_str(include_str!("../../../src/expected/terraform/ec2/instance.json")).expect("the example");
    instance["id"] = json!(format!("i-{number:017x}"));
    instance["arn"] = json!(format!("arn:aws:ec2:us-east-1:123456789012:instance/i-{number:017x}"));
    instance["primary_network_interface_id"] = json!(format!("eni-{number:017x}"));
    instance["tags_all"] = json!({"Name": format!("web-{number}"), "Env": "prod", "Team": "web"});
    instance
}

fn group(number: usize) -> Value {
    let rule = |port: usize| {
        json!({
            "cidr_blocks": [format!("10.{}.0.0/16", number % 200)], "description": "from the office", "from_port": port,
            "ipv6_cidr_blocks": [], "prefix_list_ids": [], "protocol": "tcp", "security_groups": [], "self": false,
            "to_port": port,
        })
    };
    json!({
        "arn": format!("arn:aws:ec2:us-east-1:123456789012:security-group/sg-{number:017x}"),
        "description": "Managed by Terraform", "egress": [rule(443)],
        "id": format!("sg-{number:017x}"), "ingress": [rule(22), rule(80), rule(443), rule(5432)],
        "name": format!("group-{number}"), "owner_id": "123456789012",
        "tags": {"Env": "prod"}, "tags_all": {"Env": "prod"}, "vpc_id": "vpc-0a1",
    })
}

fn role(number: usize) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
    ]});
    json!({
        "arn": format!("arn:aws:iam::123456789012:role/role-{number}"), "assume_role_policy": trust.to_string(),
        "description": "", "id": format!("role-{number}"), "inline_policy": [], "managed_policy_arns": [],
        "max_session_duration": 3600, "name": format!("role-{number}"), "path": "/", "permissions_boundary": "",
        "tags": {}, "tags_all": {"Env": "prod"},
    })
}

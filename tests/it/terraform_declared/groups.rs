//! Security groups.

use serde_json::{Value, json};

use super::{declared, estate};

const WEB: &str = "sg-00000000000000001";
const DB: &str = "sg-00000000000000002";
const VPC: &str = "vpc-0123456789abcdef0";
const PEER: &str = "210987654321/sg-0000000000000peer";

/// A rule with a description.
fn described(text: &str) -> Value {
    json!({"Description": text})
}

/// A rule without one.
fn plain() -> Value {
    described("")
}

fn everything() -> Value {
    json!({"all:all:0.0.0.0/0": plain()})
}

#[tokio::test]
async fn provider_3_keeps_rules_in_blocks_and_tags_without_defaults() {
    let estate = estate("provider-3").await;
    let (group, address) = declared(&estate, "SECURITY_GROUP", "us-east-1", WEB);
    assert_eq!(address, "aws_security_group.web");
    let rules = json!({
        format!("all:all:{PEER}"): plain(),
        format!("all:all:{DB}"): plain(),
        "all:all:self": plain(),
        "tcp:443-443:0.0.0.0/0": described("https"),
        "tcp:443-443:10.0.0.0/8": described("https"),
        "tcp:443-443:::/0": described("https"),
    });
    let expected = json!({
        "Description": "Managed by Terraform",
        "EgressRules": everything(),
        "GroupName": "web",
        "IngressRules": rules,
        "Tags": {"Name": "web"},
        "VpcId": VPC,
    });
    assert_eq!(group, expected);
}

#[tokio::test]
async fn provider_4_has_rules_of_their_own_that_win_over_stale_and_refreshed_blocks() {
    let estate = estate("provider-4").await;
    let (group, address) = declared(&estate, "SECURITY_GROUP", "us-east-1", WEB);
    assert_eq!(address, "module.network.aws_security_group.web");
    let rules = json!({
        "all:all:self": plain(),
        "icmp:8-0:10.0.0.0/8": plain(),
        "tcp:443-443:0.0.0.0/0": described("https"),
        "tcp:443-443:10.0.0.0/8": described("https"),
        "tcp:443-443:::/0": described("https"),
        format!("tcp:22-22:{PEER}"): plain(),
    });
    let expected = json!({
        "Description": "Managed by Terraform",
        "EgressRules": everything(),
        "GroupName": "web",
        "IngressRules": rules,
        "Tags": {"Env": "prod", "Name": "web"},
        "VpcId": VPC,
    });
    assert_eq!(group, expected, "the blocks were never refreshed");
    let (group, _) = declared(&estate, "SECURITY_GROUP", "us-east-1", DB);
    let rules = json!({format!("tcp:5432-5432:{WEB}"): described("from web")});
    assert_eq!(group["IngressRules"], rules, "the refreshed blocks hold a rule that nobody declares");
    assert_eq!(group["EgressRules"], json!({}), "Terraform takes away the rule that AWS makes");
    assert_eq!(group["Tags"], json!({}));
    assert_eq!(estate.scope(&crate::expected::scope("SECURITY_GROUP", "us-east-1")).len(), 2, "a rule is no group");
    let notes = estate.sources[0].notes.join("\n");
    let told =
        "aws_security_group_rule of resources that no state declares, so not compared: aws_security_group_rule.lost";
    assert!(notes.contains(told), "{notes}");
}

#[tokio::test]
async fn provider_5_has_rules_of_one_source() {
    let estate = estate("provider-5").await;
    let (group, address) = declared(&estate, "SECURITY_GROUP", "us-east-1", WEB);
    assert_eq!(address, "aws_security_group.web[0]");
    let rules = json!({
        "all:all:self": plain(),
        "tcp:443-443:0.0.0.0/0": described("https"),
        "tcp:443-443:::/0": described("https"),
        "udp:8000-8100:pl-0123456789abcdef0": plain(),
        format!("tcp:22-22:{PEER}"): plain(),
    });
    assert_eq!((&group["IngressRules"], &group["EgressRules"]), (&rules, &everything()));
    let (default, _) = declared(&estate, "SECURITY_GROUP", "us-east-1", "sg-00000000000000def");
    let expected = json!({
        "Description": "default VPC security group",
        "EgressRules": {},
        "GroupName": "default",
        "IngressRules": {},
        "Tags": {},
        "VpcId": VPC,
    });
    assert_eq!(default, expected, "a default group that is declared is compared");
}

#[tokio::test]
async fn provider_6_tells_the_region_of_each_resource() {
    let estate = estate("provider-6").await;
    let (near, _) = declared(&estate, "SECURITY_GROUP", "us-east-1", WEB);
    assert_eq!(near["Tags"], json!({"Owner": "web team"}), "a tag of its own");
    assert_eq!(near["IngressRules"], json!({"tcp:80-80:10.0.0.0/8": plain()}));
    let (far, address) = declared(&estate, "SECURITY_GROUP", "eu-west-1", DB);
    assert_eq!(address, "aws_security_group.far");
    assert_eq!(far["IngressRules"], json!({"50:all:192.0.2.0/24": described("ipsec")}));
}

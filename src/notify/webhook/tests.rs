//! What a receiver gets, and that it can trust it.

use super::*;
use crate::notify::sample;

fn check(toml: &str) -> Vec<String> {
    (Webhook.spec().check)(&sample::options(toml)).iter().map(ToString::to_string).collect()
}

#[test]
fn an_opened_port_reads_so() {
    insta::assert_json_snapshot!(body::of(&sample::opened_port()), @r#"
    {
      "data": {
        "account_id": "123456789012",
        "account_name": "prod",
        "alert_id": "0193594e-3c00-7000-8000-000000000002",
        "changes": [
          {
            "pointer": "/IngressRules/tcp:22-22:0.0.0.0~10",
            "to": {
              "Description": "temp"
            }
          }
        ],
        "changes_omitted": 0,
        "cost_impact_monthly": "0.00",
        "cost_unknown_reason": null,
        "declared_in": "expected/web.json#/resources/3",
        "detected_at": "2026-11-23T03:12:05Z",
        "detected_by": "scheduler",
        "difference": [
          {
            "op": "add",
            "path": "/IngressRules/tcp:22-22:0.0.0.0~10",
            "value": {
              "Description": "temp"
            }
          }
        ],
        "drift_id": "0193594e-3c00-7000-8000-000000000001",
        "kind": "changed",
        "message": "CRITICAL: SECURITY_GROUP sg-0a1 \"web\" (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22)\n\nIt differs from its declaration in one place, declared → live:\n  /IngressRules/tcp:22-22:0.0.0.0~10: (none) → {\"Description\":\"temp\"}\n\nCost:        no cost\nAccount:     prod (123456789012)\nRegion:      us-east-1\nDeclared in: expected/web.json#/resources/3\nFirst seen:  2026-11-23 03:12 UTC\nDrift:       0193594e-3c00-7000-8000-000000000001\n\nWhat to do next:\n  see all of it:               driftsentry drifts show 0193594e-3c00-7000-8000-000000000001\n  say that you look after it:  driftsentry drifts triage 0193594e-3c00-7000-8000-000000000001\n  then have it put back:       driftsentry drifts approve 0193594e-3c00-7000-8000-000000000001 --reason \"…\"\n  or let it stand as it is:    driftsentry drifts reject 0193594e-3c00-7000-8000-000000000001 --reason \"…\"\n",
        "region": "us-east-1",
        "resource_id": "sg-0a1",
        "resource_name": "web",
        "resource_type": "SECURITY_GROUP",
        "severity": "critical",
        "status": "detected",
        "terraform_address": null,
        "title": "CRITICAL drift: SECURITY_GROUP sg-0a1 (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22)"
      },
      "timestamp": "2026-11-23T03:12:05Z",
      "type": "drift.detected",
      "version": 1
    }
    "#);
}

#[test]
fn an_unknown_cost_is_null_with_its_reason_and_a_known_one_a_decimal_text() {
    let unknown = body::of(&sample::unmanaged());
    assert!(unknown["data"]["cost_impact_monthly"].is_null());
    assert_eq!(unknown["data"]["cost_unknown_reason"], "compute: no price for x1e.32xlarge in us-east-1");
    assert_eq!(body::of(&sample::resized())["data"]["cost_impact_monthly"], "70.08");
    assert_eq!(body::of(&sample::missing())["data"]["cost_impact_monthly"], "-131.40");
}

#[test]
fn a_body_stays_small_and_says_what_it_leaves_out() {
    for message in sample::all() {
        let body = body::of(&message);
        let (length, data) = (body.to_string().len(), &body["data"]);
        assert!(length <= 64 * 1024, "{length} bytes: {}", message.alert.title);
        let told = data["changes"].as_array().expect("changes").len();
        let omitted = usize::try_from(data["changes_omitted"].as_u64().expect("a number")).expect("small");
        assert_eq!(told + omitted, message.alert.drift.changes.len());
    }
}

#[test]
fn secrets_are_not_sent() {
    let mut message = sample::resized();
    message.alert.drift.changes[1] =
        sample::change("/Tags/db_password", serde_json::json!("geheim1"), serde_json::json!("geheim2"));
    message.alert.drift.difference =
        serde_json::json!([{"op": "replace", "path": "/Tags/db_password", "value": "geheim2"}]);
    let body = body::of(&message);
    assert!(!body.to_string().contains("geheim"), "{body}");
    assert_eq!(body["data"]["difference"][0]["value"], "***");
}

#[test]
fn a_secret_is_read_as_the_standard_libraries_read_it() {
    let key = |text: &str| signing_key(&Secret::new(text));
    assert_eq!(key("whsec_aGVsbG8gd29ybGQ="), Ok(b"hello world".to_vec()));
    assert_eq!(key("aGVsbG8gd29ybGQ="), Ok(b"hello world".to_vec()));
    assert_eq!(key("no base64, but a good secret"), Ok(b"no base64, but a good secret".to_vec()));
    assert!(key("whsec_not base64").is_err());
    assert!(key("whsec_").is_err() && key(" ").is_err());
}

#[test]
fn every_wrong_option_is_told() {
    let told = check(
        "url = \"https://hooks.example.com\"\nsecret = \"whsec_!geheim\"\n\
         headers = { \"Content-Type\" = \"text/plain\", \"X Y\" = \"1\", \"X-Team\" = \"a\\nb\", \"X-Ok\" = \"1\" }",
    );
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|problem| problem.starts_with("line 7: channels[0].") && !problem.contains("geheim")));
    assert_eq!(check("url = \"https://hooks.example.com\"\nheaders = { X-Team = { env = \"HOOK\" } }"), [""; 0]);
    assert_eq!(check("secret = \"x\"").len(), 1);
}

#[test]
fn the_terraform_address_stands_beside_the_place_of_the_declaration() {
    let data = &body::of(&sample::terraform())["data"];
    assert_eq!(data["terraform_address"], "module.web.aws_security_group.app[0]");
    assert_eq!(data["declared_in"], "states/web.tfstate#module.web.aws_security_group.app[0]");
}

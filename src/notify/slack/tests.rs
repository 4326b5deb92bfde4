//! What Slack gets, and that it fits.

use super::*;
use crate::notify::sample;

/// Every text object of a payload with the limit that Slack has for it.
fn texts(payload: &Value) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let blocks = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |object: &Value| object["text"].as_str().expect("a text").to_owned();
    for block in blocks(&payload["blocks"]) {
        found.push((text(&block["text"]), 150));
    }
    for block in blocks(&payload["attachments"][0]["blocks"]) {
        found.extend(block.get("text").map(|object| (text(object), 3000)));
        found.extend(blocks(&block["fields"]).iter().map(|object| (text(object), 2000)));
    }
    found
}

#[test]
fn every_message_keeps_slacks_limits_however_hostile() {
    for message in sample::all() {
        let payload = payload(&message);
        assert!(payload.to_string().chars().count() <= 12_000, "{}", message.alert.title);
        assert!(payload["attachments"][0]["blocks"].as_array().expect("blocks").len() < 50);
        for (text, limit) in texts(&payload) {
            assert!(!text.is_empty() && text.chars().count() <= limit, "{text}");
        }
        for block in payload["attachments"][0]["blocks"].as_array().expect("blocks") {
            assert!(block["fields"].as_array().is_none_or(|fields| fields.len() <= 10));
        }
    }
}

#[test]
fn text_from_aws_becomes_no_mention_no_link_and_no_line() {
    let payload = payload(&sample::hostile()).to_string();
    assert!(!payload.contains('<') && !payload.contains('>'), "{payload}");
    assert!(!payload.contains(['\u{202e}', '\u{2028}']) && !payload.contains("\\u0000"), "{payload}");
    let ampersands = payload.matches('&').count();
    let entities: usize = ["&amp;", "&lt;", "&gt;"].iter().map(|entity| payload.matches(entity).count()).sum();
    assert_eq!(ampersands, entities, "an entity is cut, or an ampersand bare");
}

#[test]
fn escaping_never_exceeds_its_room_nor_cuts_an_entity() {
    assert_eq!(escape("a&b", 7), "a&amp;b");
    assert_eq!(escape("a&b", 6), "a…");
    assert_eq!(escape("abc", 3), "abc");
    assert_eq!(escape("abcd", 3), "ab…");
    assert_eq!(code("a`b", 20), "`a'b`");
}

#[test]
fn an_opened_port_reads_so() {
    insta::assert_json_snapshot!(payload(&sample::opened_port()), @r##"
    {
      "attachments": [
        {
          "blocks": [
            {
              "text": {
                "text": "`SECURITY_GROUP sg-0a1 \"web\" (prod/us-east-1)` differs from its declaration in one place.",
                "type": "mrkdwn",
                "verbatim": true
              },
              "type": "section"
            },
            {
              "text": {
                "text": "*What changed*, declared → live\n• `/IngressRules/tcp:22-22:0.0.0.0~10`: `(none)` → `{\"Description\":\"temp\"}`",
                "type": "mrkdwn",
                "verbatim": true
              },
              "type": "section"
            },
            {
              "fields": [
                {
                  "text": "*Cost*\nno cost",
                  "type": "mrkdwn"
                },
                {
                  "text": "*Account*\nprod (123456789012)",
                  "type": "mrkdwn"
                },
                {
                  "text": "*Region*\nus-east-1",
                  "type": "mrkdwn"
                },
                {
                  "text": "*Declared in*\nexpected/web.json#/resources/3",
                  "type": "mrkdwn"
                },
                {
                  "text": "*First seen*\n2026-11-23 03:12 UTC",
                  "type": "mrkdwn"
                },
                {
                  "text": "*Drift*\n0193594e-3c00-7000-8000-000000000001",
                  "type": "mrkdwn"
                }
              ],
              "type": "section"
            },
            {
              "text": {
                "text": "*What to do next*\n• see all of it: `driftsentry drifts show 0193594e-3c00-7000-8000-000000000001`\n• say that you look after it: `driftsentry drifts triage 0193594e-3c00-7000-8000-000000000001`\n• then have it put back: `driftsentry drifts approve 0193594e-3c00-7000-8000-000000000001 --reason \"…\"`\n• or let it stand as it is: `driftsentry drifts reject 0193594e-3c00-7000-8000-000000000001 --reason \"…\"`",
                "type": "mrkdwn",
                "verbatim": true
              },
              "type": "section"
            }
          ],
          "color": "#c4251c"
        }
      ],
      "blocks": [
        {
          "text": {
            "text": "CRITICAL drift: SECURITY_GROUP sg-0a1 (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22)",
            "type": "plain_text"
          },
          "type": "header"
        }
      ],
      "text": "CRITICAL drift: SECURITY_GROUP sg-0a1 (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22)",
      "unfurl_links": false
    }
    "##);
}

#[test]
fn five_hundred_changes_name_the_worst_and_count_the_rest() {
    let payload = payload(&sample::many_changes());
    let list = texts(&payload).into_iter().map(|(text, _)| text).find(|text| text.contains("What changed"));
    let list = list.expect("a list of changes");
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines[1], "• `/InstanceType`: `m5.large` → `m5.xlarge`");
    let listed = lines.len() - 2;
    assert_eq!(*lines.last().expect("a line"), format!("… and {} more", 501 - listed));
}

#[test]
fn a_failed_remediation_says_first_what_went_wrong() {
    let mut message = sample::opened_port();
    message.alert.alert_type = crate::domain::alert::AlertType::RemediationFailed;
    message.alert.message = "AWS refused: UnauthorizedOperation".to_owned();
    let texts = texts(&payload(&message));
    assert!(texts.iter().any(|(text, _)| text == "AWS refused: UnauthorizedOperation"), "{texts:?}");
}

#[test]
fn a_wrong_url_is_told_with_its_place_and_not_shown() {
    let problems = (Slack.spec().check)(&sample::options("url = \"htp://hooks.example.com/geheim\"\nurll = 1"));
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("line 7: channels[0].url: `htp` is no scheme"), "{told:?}");
    assert!(!told.join(" ").contains("geheim"));
    assert!((Slack.spec().check)(&sample::options("url = { env = \"HOOK\" }")).is_empty());
    let missing = (Slack.spec().check)(&sample::options(""));
    assert!(missing[0].message.starts_with("missing: write url = "), "{missing:?}");
}

#[test]
fn the_terraform_address_is_a_field() {
    let texts: Vec<String> = texts(&payload(&sample::terraform())).into_iter().map(|(text, _)| text).collect();
    assert!(texts.contains(&"*Terraform*\nmodule.web.aws_security_group.app[0]".to_owned()), "{texts:#?}");
}

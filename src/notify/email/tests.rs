//! What a mail server gets.

use super::*;
use crate::notify::sample;

fn settings() -> Settings {
    let options = sample::options(
        "smtp_url = \"smtp://mail.example.com\"\nfrom = \"DriftSentry <driftsentry@example.com>\"\n\
         to = [\"ops@example.com\", \"Ops Two <ops2@example.com>\"]",
    );
    Settings::read(&options).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn mail(message: &Message) -> String {
    String::from_utf8(compose(&settings(), message).expect("a mail").formatted()).expect("ASCII")
}

/// The header lines, folded ones joined.
fn headers(mail: &str) -> Vec<String> {
    let (head, _) = mail.split_once("\r\n\r\n").expect("a header");
    head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect()
}

#[test]
fn the_headers_name_the_alert_thread_it_by_drift_and_say_that_no_person_wrote_it() {
    let headers = headers(&mail(&sample::opened_port()));
    for header in [
        "Message-ID: <0193594e-3c00-7000-8000-000000000002@example.com>",
        "In-Reply-To: <drift-0193594e-3c00-7000-8000-000000000001@example.com>",
        "References: <drift-0193594e-3c00-7000-8000-000000000001@example.com>",
        "Auto-Submitted: auto-generated",
        "X-DriftSentry-Event: drift.detected",
        "X-DriftSentry-Severity: critical",
        "Date: Mon, 23 Nov 2026 03:12:05 +0000",
    ] {
        assert!(headers.iter().any(|line| line == header), "{header} in {headers:#?}");
    }
    assert!(headers.iter().any(|line| line.starts_with("Content-Type: multipart/alternative")), "{headers:#?}");
}

#[test]
fn a_hostile_title_becomes_no_header() {
    let headers = headers(&mail(&sample::hostile()));
    let names: Vec<&str> = headers.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert!(!names.contains(&"Bcc"), "{headers:#?}");
    assert_eq!(names.iter().filter(|name| **name == "Subject").count(), 1);
}

#[test]
fn text_from_aws_becomes_no_markup() {
    let html = html::page(&sample::hostile()).into_string();
    assert!(!html.contains("<script") && !html.contains("<!channel"), "{html}");
    assert!(!html.contains('\u{202e}') && !html.contains('\u{0}'));
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn every_page_is_small_loads_nothing_and_tells_the_facts() {
    for message in sample::all() {
        let (html, story) = (html::page(&message).into_string(), message.story());
        assert!(html.len() < 102 * 1024, "Gmail clips what is larger: {}", html.len());
        for forbidden in ["http:", "https:", "src=", "url(", "<img", "<link", "onclick"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        assert!(html.contains(&story.severity.as_str().to_uppercase()));
        assert!(html.contains("driftsentry drifts show 0193594e-3c00-7000-8000-000000000001"));
    }
}

#[test]
fn the_text_part_of_a_failed_remediation_begins_with_what_went_wrong() {
    let mut message = sample::resized();
    message.alert.alert_type = crate::domain::alert::AlertType::RemediationFailed;
    message.alert.message = "AWS refused: UnauthorizedOperation".to_owned();
    assert!(message.text().starts_with("AWS refused: UnauthorizedOperation\n\nWARNING: EC2 i-0123456789abcdef0"));
}

#[test]
fn the_pages_body_reads_so() {
    let html = html::page(&sample::resized()).into_string();
    let (_, body) = html.split_once("<body").expect("a body");
    let words: Vec<&str> = body.split('>').filter_map(|part| part.split('<').next()).collect();
    let words: Vec<&str> = words.into_iter().skip(1).map(str::trim).filter(|text| !text.is_empty()).collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    WARNING
    EC2 i-0123456789abcdef0 (prod/us-east-1)
    InstanceType m5.large → m5.xlarge; 1 more
    It differs from its declaration in 2 places.
    What changed: declared, then live
    /InstanceType
    − m5.large
    + m5.xlarge
    /Tags/Owner
    − web-team
    + (none)
    Cost
    +$70.08 a month
    Account
    prod (123456789012)
    Region
    us-east-1
    Declared in
    expected/web.json#/resources/3
    First seen
    2026-11-23 03:12 UTC
    Drift
    0193594e-3c00-7000-8000-000000000001
    What to do next
    See all of it
    driftsentry drifts show 0193594e-3c00-7000-8000-000000000001
    Say that you look after it
    driftsentry drifts triage 0193594e-3c00-7000-8000-000000000001
    Then have it put back
    driftsentry drifts approve 0193594e-3c00-7000-8000-000000000001 --reason &quot;…&quot;
    Or let it stand as it is
    driftsentry drifts reject 0193594e-3c00-7000-8000-000000000001 --reason &quot;…&quot;
    ");
}

#[test]
fn every_wrong_option_is_told_without_the_password() {
    let options = sample::options(
        "smtp_url = \"smtp://ops:geheim@mail.example.com?tls=yes\"\nfrom = \"nobody\"\n\
         to = [\"ops@example.com\", \"a@b@c\"]\nrom = \"x\"",
    );
    let told: Vec<String> = (Email.spec().check)(&options).iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(told.iter().all(|problem| problem.starts_with("line 7: channels[0].") && !problem.contains("geheim")));
}

#[test]
fn the_terraform_address_is_in_both_parts() {
    let message = sample::terraform();
    for part in [message.text(), html::page(&message).into_string()] {
        assert!(part.contains("module.web.aws_security_group.app[0]"), "{part}");
    }
}

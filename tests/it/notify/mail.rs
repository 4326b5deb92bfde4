//! Mails through a real mail server.

use std::collections::BTreeMap;

use driftsentry::embedded::smtp::{Smtp, SmtpOptions};

use super::desk::{Desk, given_up};
use crate::support::host;

async fn server(options: SmtpOptions) -> Smtp {
    Smtp::start(&host(), &options).await.expect("a mail server")
}

async fn desk(server_address: &str) -> Desk {
    let from_and_to =
        "from = \"DriftSentry <driftsentry@example.com>\"\nto = [\"ops@example.com\", \"gone@example.com\"]";
    Desk::with("email", &format!("smtp_url = \"{server_address}\"\n{from_and_to}")).await
}

fn address(server: &Smtp) -> String {
    format!("smtp://127.0.0.1:{}", server.port())
}

#[tokio::test]
async fn a_mail_arrives_once_and_tells_everything_however_often_its_job_runs() {
    let server = server(SmtpOptions::default()).await;
    let desk = desk(&address(&server)).await;
    desk.work().await;
    desk.deliver().await.expect("nothing left to do");
    desk.work().await;
    let mails = server.mails().expect("stored mails");
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(mail.to, ["ops@example.com", "gone@example.com"]);
    assert_eq!(
        mail.subject,
        "CRITICAL drift: SECURITY_GROUP sg-0a1 \"web\" (prod/us-east-1): IngressRules opened to 0.0.0.0/0 (tcp 22)"
    );
    let thread = format!("<drift-{}@example.com>", desk.drift_id);
    for (name, value) in [
        ("Message-ID", format!("<{}@example.com>", desk.alert_id)),
        ("In-Reply-To", thread.clone()),
        ("References", thread),
        ("Auto-Submitted", "auto-generated".to_owned()),
    ] {
        assert_eq!(mail.headers.get(name), Some(&value), "{name}");
    }
    assert!(mail.headers["Content-Type"].starts_with("multipart/alternative"));
    let (text, html) = (mail.text.as_deref().expect("a text part"), mail.html.as_deref().expect("an HTML part"));
    for told in ["/IngressRules/tcp:22-22:0.0.0.0~10", "no cost", "123456789012", "expected/web.json#/resources/3"] {
        assert!(text.contains(told) && html.contains(told), "{told} in\n{text}\n{html}");
    }
    assert!(text.contains(&format!("driftsentry drifts triage {}", desk.drift_id)), "{text}");
    let delivery = desk.delivery().await;
    assert_eq!((delivery.state.as_str(), delivery.attempts, delivery.last_error), ("delivered", 1, None));
    assert!(delivery.delivered_at.is_some());
}

#[tokio::test]
async fn a_mail_that_is_put_off_comes_later_with_the_same_id() {
    let answers = vec!["451 4.7.1 greylisted".to_owned()];
    let server = server(SmtpOptions { answers, ..SmtpOptions::default() }).await;
    let desk = desk(&address(&server)).await;
    let (reason, _) = desk.deliver_in_vain().await;
    assert!(reason.contains("451") && reason.contains("greylisted"), "{reason}");
    let waiting = desk.delivery().await;
    assert_eq!((waiting.state.as_str(), waiting.last_error), ("pending", Some(reason)));
    desk.deliver().await.expect("it is taken now");
    let mails = server.mails().expect("stored mails");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].headers["Message-ID"], format!("<{}@example.com>", desk.alert_id));
    assert_eq!(desk.delivery().await.state, "delivered");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_with_the_servers_words() {
    let answers = vec!["550 5.7.1 not from you".to_owned(); 3];
    let server = server(SmtpOptions { answers, ..SmtpOptions::default() }).await;
    let desk = desk(&address(&server)).await;
    desk.work().await;
    let (state, error, _) = desk.job().await;
    assert_eq!(state, "discarded");
    assert!(error.as_deref().is_some_and(|error| error.contains("550") && error.contains("not from you")), "{error:?}");
    let delivery = desk.delivery().await;
    assert_eq!((delivery.state.as_str(), delivery.last_error), ("failed", error));
}

#[tokio::test]
async fn one_dead_mailbox_keeps_a_mail_from_nobody_else() {
    let recipients = BTreeMap::from([("gone@example.com".to_owned(), "550 5.1.1 no such user".to_owned())]);
    let server = server(SmtpOptions { recipients, ..SmtpOptions::default() }).await;
    let desk = desk(&address(&server)).await;
    desk.deliver().await.expect("one of two takes it");
    let mails = server.mails().expect("stored mails");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["ops@example.com"]);
    assert_eq!(desk.delivery().await.state, "delivered");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let server = server(SmtpOptions::default()).await;
    let address = address(&server);
    server.stop().await;
    let desk = desk(&address).await;
    let (reason, after) = desk.deliver_in_vain().await;
    assert!(reason.starts_with(address.trim_start_matches("smtp://")) && after.is_none(), "{reason}");
}

#[tokio::test]
async fn encryption_that_is_asked_for_and_not_offered_sends_nothing() {
    let server = server(SmtpOptions::default()).await;
    let desk = desk(&format!("smtp://ops:geheim@localhost:{}?tls=required", server.port())).await;
    let reason = given_up(desk.deliver().await);
    assert!(!reason.contains("geheim") && reason.contains("STARTTLS"), "{reason}");
    assert!(server.mails().expect("stored mails").is_empty());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_sends_nothing() {
    let tls = driftsentry::embedded::smtp::Tls::Implicit;
    let server = server(SmtpOptions { tls, ..SmtpOptions::default() }).await;
    let desk = desk(&format!("smtps://ops:geheim@localhost:{}", server.port())).await;
    let (reason, _) = desk.deliver_in_vain().await;
    assert!(!reason.contains("geheim") && reason.contains("certificate"), "{reason}");
    assert!(server.mails().expect("stored mails").is_empty());
}

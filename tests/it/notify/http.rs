//! Slack messages and webhooks through a real HTTP receiver.

use std::time::Duration;

use driftsentry::embedded::sink::{Answer, Received, Sink};
use driftsentry::notify::Channels;
use driftsentry::queue::JobError;
use reqwest::header::{HeaderMap, HeaderName};
use standardwebhooks::Webhook;

use super::desk::{CHANNEL, Desk, at, given_up};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PATH: &str = "/services/T0/B0/geheimgeheim";

/// A desk whose channel posts to a sink.
async fn desk(kind: &str, options: &str) -> (Desk, Sink) {
    let shutdown = driftsentry::shutdown::Shutdown::new(Duration::from_secs(5));
    let sink = Sink::start(&shutdown).await.expect("a sink");
    let desk = Desk::with(kind, &format!("url = \"{}{PATH}\"\n{options}", sink.url())).await;
    (desk, sink)
}

fn headers(request: &Received) -> HeaderMap {
    let parse = |(name, value): (&String, &String)| {
        (name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"))
    };
    request.headers.iter().map(parse).collect()
}

#[tokio::test]
async fn a_webhook_arrives_once_signed_and_complete() {
    let (desk, sink) = desk("webhook", &format!("secret = \"{SECRET}\"\nheaders = {{ X-Team = \"sre\" }}")).await;
    desk.work().await;
    desk.deliver().await.expect("nothing left to do");
    let requests = sink.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(request.path, PATH);
    assert_eq!(request.headers["x-team"], "sre");
    assert_eq!(request.headers["webhook-id"], desk.alert_id.to_string());
    Webhook::new(SECRET).expect("a key").verify(request.body.as_bytes(), &headers(request)).expect("a good signature");
    let body = request.json();
    for (pointer, value) in [
        ("/version", serde_json::json!(1)),
        ("/type", "drift.detected".into()),
        ("/data/alert_id", desk.alert_id.to_string().into()),
        ("/data/drift_id", desk.drift_id.to_string().into()),
        ("/data/resource_type", "SECURITY_GROUP".into()),
        ("/data/resource_id", "sg-0a1".into()),
        ("/data/resource_name", "web".into()),
        ("/data/account_name", "prod".into()),
        ("/data/severity", "critical".into()),
        ("/data/cost_impact_monthly", "0.00".into()),
        ("/data/changes/0/pointer", "/IngressRules/tcp:22-22:0.0.0.0~10".into()),
        ("/data/difference/0/op", "add".into()),
    ] {
        assert_eq!(at(&body, pointer), &value, "{pointer}");
    }
    assert_eq!(desk.delivery().await.state, "delivered");
}

#[tokio::test]
async fn a_changed_body_does_not_verify() {
    let (desk, sink) = desk("webhook", "secret = \"a plain text of our own\"").await;
    desk.deliver().await.expect("taken");
    let request = &sink.requests()[0];
    let signer = Webhook::from_bytes(b"a plain text of our own".to_vec()).expect("a key");
    signer.verify(request.body.as_bytes(), &headers(request)).expect("a good signature");
    let changed = request.body.replace("critical", "info");
    signer.verify(changed.as_bytes(), &headers(request)).expect_err("not what was signed");
}

#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_message_again() {
    let (desk, sink) = desk("webhook", &format!("secret = \"{SECRET}\"")).await;
    for status in [500, 503, 408] {
        sink.answer_next(Answer::status(status));
        let (reason, after) = desk.deliver_in_vain().await;
        assert!(reason.ends_with(&format!("answered {status}")) && after.is_none(), "{reason}");
    }
    desk.deliver().await.expect("taken at last");
    let requests = sink.requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests.iter().all(|r| r.body == requests[0].body && r.headers["webhook-id"] == desk.alert_id.to_string())
    );
    let delivery = desk.delivery().await;
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("delivered", 4));
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let (desk, sink) = desk("slack", "").await;
    sink.answer_next(Answer { headers: vec![("Retry-After", "120".to_owned())], ..Answer::status(429) });
    desk.work().await;
    let (state, error, due_in) = desk.job().await;
    assert_eq!(state, "available");
    assert!((110.0..=120.0).contains(&due_in), "due in {due_in} s");
    assert!(error.is_some_and(|error| error.contains("429")));
    assert_eq!(sink.requests().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_final_and_tells_no_secret() {
    for status in [400, 403, 404, 410] {
        let (desk, sink) = desk("slack", "").await;
        let body = format!("no_service at {PATH}");
        sink.answer_next(Answer { body, ..Answer::status(status) });
        desk.work().await;
        let (state, error, _) = desk.job().await;
        let error = error.expect("a reason");
        assert_eq!(state, "discarded");
        assert!(error.contains(&format!("answered {status}: no_service")) && !error.contains("geheim"), "{error}");
        let delivery = desk.delivery().await;
        assert_eq!((delivery.state.as_str(), delivery.last_error), ("failed", Some(error)));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (desk, sink) = desk("webhook", "").await;
    sink.answer_next(Answer { headers: vec![("Location", "/elsewhere".to_owned())], ..Answer::status(307) });
    let reason = given_up(desk.deliver().await);
    assert!(reason.contains("307") && reason.contains("configure the final address"), "{reason}");
    assert_eq!(sink.requests().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_tried_again_and_its_secret_path_not_told() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    let desk = Desk::with("slack", &format!("url = \"http://127.0.0.1:{port}{PATH}\"")).await;
    let (reason, _) = desk.deliver_in_vain().await;
    assert!(reason.contains(&format!("http://127.0.0.1:{port} cannot be reached")), "{reason}");
    assert!(!reason.contains("geheim"), "{reason}");
}

#[tokio::test]
async fn slack_gets_a_message_that_it_can_show() {
    let (desk, sink) = desk("slack", "").await;
    desk.deliver().await.expect("taken");
    let body = sink.requests()[0].json();
    assert_eq!(at(&body, "/attachments/0/color"), "#c4251c");
    assert_eq!(at(&body, "/blocks/0/type"), "header");
    assert!(at(&body, "/text").as_str().is_some_and(|text| text.starts_with("CRITICAL drift: SECURITY_GROUP sg-0a1")));
}

#[tokio::test]
async fn two_workers_at_one_alert_send_one_message() {
    let (desk, sink) = desk("webhook", "").await;
    sink.answer_next(Answer { delay: Duration::from_millis(600), ..Answer::status(200) });
    let (one, other) = tokio::join!(desk.deliver(), desk.deliver());
    let outcomes = [one, other];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(JobError::Snooze(_)))), "{outcomes:?}");
    desk.deliver().await.expect("nothing left to do");
    assert_eq!(sink.requests().len(), 1);
}

#[tokio::test]
async fn a_sender_that_died_is_replaced_when_its_claim_has_run_out() {
    let (desk, sink) = desk("webhook", "").await;
    let claim = "update deliveries set state = 'sending', locked_until = now() + $1::interval";
    sqlx::query(claim).bind("1 minute").execute(desk.pool()).await.expect("another's claim");
    let Err(JobError::Snooze(rest)) = desk.deliver().await else { panic!("not ours to send") };
    assert!((Duration::from_secs(50)..Duration::from_secs(62)).contains(&rest), "{rest:?}");
    assert!(sink.requests().is_empty());
    sqlx::query(claim).bind("-1 second").execute(desk.pool()).await.expect("a claim that has run out");
    desk.deliver().await.expect("taken over");
    assert_eq!(sink.requests().len(), 1);
}

#[tokio::test]
async fn a_channel_that_was_taken_out_of_the_configuration_fails_for_good_and_says_so() {
    let desk = Desk::with_channels(Channels::new()).await;
    desk.work().await;
    let (state, error, _) = desk.job().await;
    assert_eq!(state, "discarded");
    assert!(error.is_some_and(|error| error.starts_with(&format!("no channel is called `{CHANNEL}` any more"))));
    assert_eq!(desk.delivery().await.state, "failed");
}

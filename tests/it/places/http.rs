//! Documents behind HTTP.

use std::sync::Arc;
use std::time::Duration;

use super::server::Server;
use super::{declaring, expected, ids, look, only_problem, source_at};

#[tokio::test]
async fn an_unchanged_document_costs_one_conditional_request_and_a_changed_one_one_request() {
    let server = Server::start().await;
    server.put("/web", &declaring("sg-1"));
    let expected = expected(&source_at(&format!("{}/web", server.url)), None);
    let first = look(&expected).await;
    assert_eq!((ids(&first), server.answered()), (vec!["sg-1".to_owned()], vec![200]));
    let second = look(&expected).await;
    assert!(Arc::ptr_eq(&first, &second), "it is not read again");
    assert_eq!(server.answered(), [304]);
    server.put("/web", &declaring("sg-22"));
    assert_eq!(ids(&look(&expected).await), ["sg-22"]);
    assert_eq!(server.answered(), [200]);
    drop((first, second));
    assert!(!expected.drop_if_idle_for(Duration::ZERO).await, "what came from afar and is small is kept");
    assert_eq!((ids(&look(&expected).await), server.answered()), (vec!["sg-22".to_owned()], vec![304]));
}

#[tokio::test]
async fn the_change_of_one_document_fetches_no_other() {
    let server = Server::start().await;
    server.put("/a", &declaring("sg-a"));
    server.put("/b", &declaring("sg-b"));
    let toml = ["a", "b"].map(|name| source_at(&format!("{}/{name}", server.url))).concat();
    let expected = expected(&toml, None);
    assert_eq!(ids(&look(&expected).await), ["sg-a", "sg-b"]);
    server.answered();
    server.put("/b", &declaring("sg-bb"));
    assert_eq!(ids(&look(&expected).await), ["sg-a", "sg-bb"]);
    let mut answered = server.answered();
    answered.sort_unstable();
    assert_eq!(answered, [200, 304]);
}

#[tokio::test]
async fn a_server_without_marks_is_asked_for_all_and_what_is_the_same_is_not_read_again() {
    let server = Server::start().await;
    server.forget_etags();
    server.put("/web", &declaring("sg-1"));
    let expected = expected(&source_at(&format!("{}/web", server.url)), None);
    let first = look(&expected).await;
    assert!(Arc::ptr_eq(&first, &look(&expected).await));
    assert_eq!(server.answered(), [200, 200]);
}

#[tokio::test]
async fn what_cannot_be_had_is_told_once_and_asked_for_again() {
    let server = Server::start().await;
    server.put("/web", &declaring("sg-1"));
    let url = format!("{}/web", server.url);
    let expected = expected(&source_at(&url), None);
    look(&expected).await;
    server.answered();
    for (status, headers, words, answers) in [
        (204, vec![], "holds nothing yet (it answers 204)", vec![204]),
        (404, vec![], "holds nothing yet (it answers 404)", vec![404]),
        (403, vec![], "refuses these credentials (403): write username and password", vec![403]),
        (302, vec![("location", "http://elsewhere.example.com/")], "redirects (302), which is not followed", vec![302]),
        (418, vec![], "answers 418", vec![418]),
    ] {
        server.answer_next(status, &headers, "");
        let problem = only_problem(&look(&expected).await);
        assert!(problem.starts_with(&format!("{url}: ")) && problem.contains(words), "{problem}");
        assert_eq!(server.answered(), answers, "one request: {problem}");
        assert_eq!(ids(&look(&expected).await), ["sg-1"], "the next look asks again");
        assert_eq!(server.answered(), [304], "and fetches nothing anew");
    }
    for _ in 0..3 {
        server.answer_next(503, &[], "");
    }
    let problem = only_problem(&look(&expected).await);
    assert!(problem.contains("answers 503"), "{problem}");
    assert_eq!(server.answered(), [503, 503, 503], "what may pass is asked for again");
    server.answer_next(500, &[], "");
    assert_eq!((ids(&look(&expected).await), server.answered()), (vec!["sg-1".to_owned()], vec![500, 304]));
    server.answer_next(200, &[], "\u{1f}");
    assert!(only_problem(&look(&expected).await).contains("not JSON"));
}

#[tokio::test]
async fn credentials_are_sent_and_never_told() {
    let server = Server::start().await;
    server.put("/web", &declaring("sg-1"));
    // base64 of user:geheim
    server.ask_for("Basic dXNlcjpnZWhlaW0=");
    let url = format!("{}/web?token=hidden", server.url);
    let open = source_at(&url);
    let problem = only_problem(&look(&expected(&open, None)).await);
    assert!(problem.contains("refuses these credentials (401)") && problem.contains("Basic realm"), "{problem}");
    assert!(problem.contains("/web?…") && !problem.contains("hidden"), "{problem}");
    let closed = expected(&format!("{open}username = \"user\"\npassword = \"geheim\"\n"), None);
    let estate = look(&closed).await;
    assert_eq!(ids(&estate), ["sg-1"]);
    let named = &estate.sources[0].name;
    assert!(!named.contains("geheim") && !named.contains("hidden"), "{named}");
    server.ask_for("Bearer geheim");
    let bearer = expected(&format!("{open}headers = {{ Authorization = \"Bearer geheim\" }}\n"), None);
    assert_eq!(ids(&look(&bearer).await), ["sg-1"]);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_and_hides_no_other_source() {
    let server = Server::start().await;
    server.put("/web", &declaring("sg-1"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = format!("http://{}/web", listener.local_addr().expect("an address"));
    drop(listener);
    let toml = [source_at(&dead), source_at(&format!("{}/web", server.url))].concat();
    let estate = look(&expected(&toml, None)).await;
    let problem = only_problem(&estate);
    assert!(problem.starts_with(&format!("{dead}: cannot be reached")), "{problem}");
    assert_eq!(ids(&estate), ["sg-1"]);
}

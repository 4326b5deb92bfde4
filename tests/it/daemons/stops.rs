//! SIGTERM: begun work is finished or handed back, and the exit code says that all is well.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Stage, hourly_in, schedule};
use crate::support::{Daemon, Effect, Place, Rule, until};

/// A daemon that reads AWS and waits for the answer.
async fn reading(stage: &Stage, answer_after: Duration) -> (Place, Daemon) {
    stage.open(0).await;
    stage.proxy.add(Rule::on("DescribeSecurityGroups", Effect::Delay(answer_after)).only_call(1));
    let cron = hourly_in(30);
    stage.owe_a_tick(&cron).await;
    let place = stage.place(&schedule(&cron));
    let daemon = place.start(&[]);
    until("it reads", async || stage.proxy.counts().get("DescribeSecurityGroups").map(|_| ())).await;
    (place, daemon)
}

#[tokio::test]
async fn a_daemon_told_to_stop_finishes_what_it_has_begun() {
    let stage = Stage::new(1).await;
    let (_place, daemon) = reading(&stage, Duration::from_secs(2)).await;
    daemon.stop().await;
    assert_eq!(stage.count("select count(*) from scans where status = 'succeeded'").await, 1);
    assert_eq!(stage.count("select count(*) from jobs where state = 'running'").await, 0);
    // The alert is a new job, which nobody begins after the signal; it waits for the next daemon.
    assert_eq!(stage.count("select count(*) from jobs where kind = 'deliver_alert' and state = 'available'").await, 1);
    assert!(stage.sink.requests().is_empty());
}

#[tokio::test]
async fn a_second_signal_drops_what_still_runs_and_the_next_daemon_takes_it_up() {
    let stage = Stage::new(1).await;
    let (place, mut daemon) = reading(&stage, Duration::from_mins(1)).await;
    daemon.signal(Signal::SIGINT);
    daemon.says("finishing 1 running jobs").await;
    daemon.signal(Signal::SIGTERM);
    let status = daemon.ends_within(Duration::from_secs(5)).await;
    assert!(status.success(), "{status}:\n{}", daemon.log());
    daemon.says("dropping what is still running").await;
    assert_eq!(stage.count("select count(*) from scans where status = 'running'").await, 1);

    let next = place.start(&["--only", "worker"]);
    stage.reaches(1, "select count(*) from scans where status = 'succeeded'").await;
    stage.reaches(1, "select count(*) from deliveries where state = 'delivered'").await;
    next.stop().await;
    assert_eq!(stage.sink.requests().len(), 1);
}

#[tokio::test]
async fn a_daemon_that_cannot_listen_says_where_and_fails() {
    let stage = Stage::new(0).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let place = stage.place("").with("DRIFTSENTRY__API__LISTEN", &taken.to_string());
    let port_holder = std::net::TcpListener::bind(taken).expect("the port");
    let output = place.run(&["run"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains(&format!("listen on {taken} ([api].listen)")), "{output:?}");
    drop(port_holder);
}

#[tokio::test]
async fn a_client_that_sends_half_a_request_does_not_keep_a_daemon_from_ending() {
    let stage = Stage::new(0).await;
    let mut daemon = stage.place("").start(&["--only", "api"]);
    let url = daemon.serves().await;
    let mut half = TcpStream::connect(url.trim_start_matches("http://")).await.expect("a connection");
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await.expect("half a request");
    daemon.terminate();
    let status = daemon.ends_within(Duration::from_secs(15)).await;
    assert!(status.success(), "{status}:\n{}", daemon.log());
    daemon.says("HTTP requests that did not end were dropped").await;
}

//! `kill -9`: what a daemon had begun is finished by another; nothing is lost, nothing is doubled.

use std::collections::BTreeSet;
use std::time::Duration;

use driftsentry::embedded::sink::Answer;

use super::{Stage, hourly_in, schedule};
use crate::support::{Effect, Rule, until};

#[tokio::test]
async fn a_scan_whose_daemon_is_killed_is_finished_by_another() {
    let stage = Stage::new(2).await;
    stage.open(0).await;
    stage.open(1).await;
    // The first reader hangs until it is killed; whoever comes next is answered at once.
    stage.proxy.add(Rule::on("DescribeSecurityGroups", Effect::Delay(Duration::from_mins(1))).only_call(1));
    let cron = hourly_in(30);
    stage.owe_a_tick(&cron).await;
    let place = stage.place(&schedule(&cron));
    let first = place.start(&[]);
    until("the first daemon reads", async || stage.proxy.counts().get("DescribeSecurityGroups").map(|_| ())).await;
    let second = place.start(&[]);
    second.serves().await;
    first.kill9().await;

    stage.reaches(1, "select count(*) from scans where status = 'succeeded'").await;
    stage.reaches(2, "select count(*) from deliveries where state = 'delivered'").await;
    second.stop().await;
    assert_eq!(stage.count("select count(*) from scans").await, 1, "the one tick made one scan");
    assert_eq!(stage.count("select count(*) from job_attempts where outcome = 'lost'").await, 1);
    assert_eq!(stage.count("select count(*) from jobs where state <> 'completed'").await, 0);
    assert_eq!(stage.count("select count(*) from drifts").await, 2);
    assert_eq!(stage.count("select count(*) from alerts").await, 2);
    assert_eq!(stage.hook_ids().into_iter().collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(stage.sink.requests().len(), 2);
}

#[tokio::test]
async fn a_delivery_whose_daemon_is_killed_is_made_again_under_the_same_id() {
    let stage = Stage::new(1).await;
    stage.open(0).await;
    stage.sink.answer_next(Answer { delay: Duration::from_mins(1), ..Answer::status(200) });
    let cron = hourly_in(30);
    stage.owe_a_tick(&cron).await;
    let place = stage.place(&schedule(&cron));
    let first = place.start(&[]);
    until("the message is sent", async || (!stage.sink.requests().is_empty()).then_some(())).await;
    first.kill9().await;
    // The dead sender's claim holds for minutes; they pass.
    let pass = "update deliveries set locked_until = now() where state = 'sending'";
    assert_eq!(sqlx::query(pass).execute(stage.pool()).await.expect("the claim").rows_affected(), 1);

    let second = place.start(&["--only", "worker"]);
    stage.reaches(1, "select count(*) from deliveries where state = 'delivered' and attempts = 2").await;
    stage.reaches(1, "select count(*) from jobs where kind = 'deliver_alert' and state = 'completed'").await;
    second.stop().await;
    let ids = stage.hook_ids();
    assert_eq!(ids.len(), 2, "the answer to the first one was lost");
    assert_eq!(ids[0], ids[1], "so that the receiver can tell");
    assert_eq!(stage.count("select count(*) from alerts").await, 1);
}

//! Ticks: skipped while the scan before runs, made up for once after a pause, begun anew when the schedule changes.

use std::time::Duration;

use driftsentry::store::schedule::lock;
use tokio::time::timeout;

use super::{Stage, hourly_in, schedule};
use crate::support::{Effect, Rule};

#[tokio::test]
async fn a_tick_that_falls_into_a_running_scan_is_skipped_and_said() {
    let stage = Stage::new(1).await;
    stage.proxy.add(Rule::on("DescribeSecurityGroups", Effect::Delay(Duration::from_millis(2500))));
    let place = stage.place(&schedule("* * * * * *"));
    let daemon = place.start(&[]);
    let line = daemon.says("skipped, the scan before is still running").await;
    assert_eq!((line["schedule.name"].as_str(), line["level"].as_str()), (Some("all"), Some("WARN")), "{line}");
    stage.reaches(2, "select count(*) from scans where status = 'succeeded'").await;
    daemon.stop().await;
    let overlapping = "select count(*) from scans a join scans b on a.id < b.id
                       and b.started_at < coalesce(a.finished_at, 'infinity')";
    assert_eq!(stage.count(overlapping).await, 0, "one scan of a schedule at a time");
    let linked = "select count(*) from schedule_ticks where (outcome = 'skipped') <> (scan_id is null)";
    assert_eq!(stage.count(linked).await, 0, "a skipped tick made no scan");
}

#[tokio::test]
async fn ticks_missed_while_no_daemon_ran_lead_to_one_scan() {
    let stage = Stage::new(1).await;
    let cron = hourly_in(30);
    stage.owe_a_tick(&cron).await;
    let place = stage.place(&schedule(&cron));
    let daemons = [place.start(&[]), place.start(&[])];
    stage.reaches(1, "select count(*) from scans where status = 'succeeded'").await;
    for daemon in daemons {
        // The pulse that sees the schedule also takes its tick.
        daemon.says("driftsentry is running").await;
        daemon.stop().await;
    }
    assert_eq!(stage.count("select count(*) from schedule_ticks").await, 1, "of 24 missed ticks");
    assert_eq!(stage.count("select count(*) from scans").await, 1, "of two daemons");
    let latest = "select count(*) from schedule_ticks where tick_at between now() - interval '1 hour' and now()";
    assert_eq!(stage.count(latest).await, 1, "the latest one");
}

#[tokio::test]
async fn a_changed_schedule_has_missed_nothing() {
    let stage = Stage::new(1).await;
    stage.owe_a_tick(&hourly_in(30)).await;
    let place = stage.place(&schedule(&hourly_in(25)));
    let daemon = place.start(&[]);
    let seen = "select count(*) from schedules where first_seen_at > now() - interval '1 minute'";
    stage.reaches(1, seen).await;
    daemon.stop().await;
    assert_eq!(stage.count("select count(*) from scans").await, 0);
    // The same schedule as before is not new: the day that it is known is a day of missed ticks.
    sqlx::query("update schedules set first_seen_at = now() - interval '1 day'").execute(stage.pool()).await.unwrap();
    let daemon = place.start(&[]);
    stage.reaches(1, "select count(*) from scans where status = 'succeeded'").await;
    daemon.stop().await;
}

#[tokio::test]
async fn replicas_take_the_ticks_of_a_schedule_one_after_the_other() {
    let stage = Stage::new(0).await;
    stage.owe_a_tick("@daily").await;
    let (mut one, mut other) = (stage.pool().begin().await.unwrap(), stage.pool().begin().await.unwrap());
    lock(&mut one, "all").await.expect("the first replica's turn");
    let mut second = Box::pin(lock(&mut other, "all"));
    timeout(Duration::from_millis(300), &mut second).await.expect_err("the second one waits");
    one.commit().await.expect("the first one is done");
    second.await.expect("the second one's turn");
}

//! Roles, health, metrics, and a database that goes away and comes back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Stage, hourly_in, schedule};
use crate::support::{Wire, until};

/// Status, content type and body.
async fn get(url: &str) -> (u16, String, String) {
    send(reqwest::Method::GET, url).await
}

async fn send(method: reqwest::Method, url: &str) -> (u16, String, String) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.request(method, url).send().await.expect("an answer");
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    (answer.status().as_u16(), kind, answer.text().await.expect("a body"))
}

#[tokio::test]
async fn each_role_does_its_own_work_alone() {
    let stage = Stage::new(1).await;
    stage.open(0).await;
    let cron = hourly_in(30);
    stage.owe_a_tick(&cron).await;
    let place = stage.place(&schedule(&cron));

    let api = place.start(&["--only", "api"]);
    assert_eq!(get(&format!("{}/readyz", api.serves().await)).await.0, 200);
    api.stop().await;
    assert_eq!(stage.count("select count(*) from schedule_ticks").await, 0, "the API takes no tick");

    let scheduler = place.start(&["--only", "scheduler"]);
    stage.reaches(1, "select count(*) from scans where status = 'queued'").await;
    let log = scheduler.stop().await;
    assert!(!log.contains("listening on"), "a scheduler does not listen: {log}");
    assert_eq!(stage.count("select count(*) from jobs where state = 'available' and attempt = 0").await, 1);

    let worker = place.start(&["--only", "worker"]);
    stage.reaches(1, "select count(*) from deliveries where state = 'delivered'").await;
    let log = worker.stop().await;
    assert!(!log.contains("listening on"), "a worker does not listen: {log}");

    let both = place.start(&["--only", "worker,api"]);
    assert!(both.says("driftsentry is running").await["roles"] == "worker,api");
    both.stop().await;
}

#[tokio::test]
async fn http_tells_health_metrics_and_problems() {
    let stage = Stage::new(1).await;
    stage.open(0).await;
    let cron = hourly_in(30);
    stage.owe_a_tick(&cron).await;
    let daemon = stage.place(&schedule(&cron)).start(&[]);
    let url = daemon.serves().await;
    stage.reaches(1, "select count(*) from deliveries where state = 'delivered'").await;
    stage.reaches(1, "select count(*) from scans where status = 'succeeded'").await;

    for (due, state) in [("now() + interval '1 hour'", "available"), ("now() - interval '1 hour'", "discarded")] {
        let errand = format!(
            "insert into jobs (id, kind, state, max_attempts, payload, run_at)
             values (gen_random_uuid(), 'errand', '{state}', 1, '{{}}', {due})"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(errand)).execute(stage.pool()).await.expect("a job that nobody runs");
    }

    assert_eq!(get(&format!("{url}/healthz")).await.0, 200);
    assert_eq!(get(&format!("{url}/readyz")).await.0, 200);
    let (status, kind, text) = get(&format!("{url}/metrics")).await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4"));
    let series = parse_metrics(&text);
    for wanted in [
        "driftsentry_build_info{version=\"0.1.0\"} 1",
        "driftsentry_drifts_open{severity=\"critical\",type=\"SECURITY_GROUP\"} 1",
        "driftsentry_drifts_cost_usd_per_month{severity=\"critical\",type=\"SECURITY_GROUP\"} 0",
        "driftsentry_drifts_unpriced{severity=\"critical\",type=\"SECURITY_GROUP\"} 0",
        "driftsentry_scans{schedule=\"all\",status=\"succeeded\"} 1",
        "driftsentry_scan_resources{schedule=\"all\",state=\"declared\",type=\"SECURITY_GROUP\"} 1",
        "driftsentry_scan_resources{schedule=\"all\",state=\"drifted\",type=\"SECURITY_GROUP\"} 1",
        "driftsentry_scan_resources{schedule=\"all\",state=\"in_sync\",type=\"SECURITY_GROUP\"} 0",
        "driftsentry_scan_resources{schedule=\"all\",state=\"unknown\",type=\"SECURITY_GROUP\"} 0",
        "driftsentry_scan_attributes_unknown{schedule=\"all\",type=\"SECURITY_GROUP\"} 0",
        "driftsentry_deliveries{channel=\"hook\",state=\"delivered\"} 1",
        "driftsentry_jobs{kind=\"errand\",state=\"available\"} 1",
        "driftsentry_jobs{kind=\"errand\",state=\"discarded\"} 1",
        "driftsentry_jobs_waiting{kind=\"errand\",reason=\"time\"} 1",
        "driftsentry_jobs_waiting{kind=\"errand\",reason=\"worker\"} 0",
        "driftsentry_jobs_oldest_due_age_seconds{kind=\"errand\"} 0",
        "driftsentry_job_run_seconds_count{kind=\"deliver_alert\",outcome=\"completed\"} 1",
        "driftsentry_job_run_seconds_bucket{kind=\"scan_shard\",outcome=\"completed\",le=\"+Inf\"} 1",
        "driftsentry_aws_requests_total{service=\"ec2\"} 1",
        "driftsentry_aws_throttles_total{service=\"ec2\"} 0",
        "driftsentry_aws_errors_total{service=\"ec2\"} 0",
    ] {
        assert!(series.contains(wanted), "{wanted} in:\n{text}");
    }
    assert!(text.contains("\ndriftsentry_job_workers_concurrency "), "{text}");
    assert!(text.contains("driftsentry_scan_last_finished_timestamp_seconds{schedule=\"all\""), "{text}");

    for (method, path, status) in [("GET", "/nothing", 404), ("POST", "/healthz", 405), ("DELETE", "/metrics", 405)] {
        let (answered, kind, body) = send(method.parse().expect("a method"), &format!("{url}{path}")).await;
        let problem: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((answered, kind.as_str()), (status, "application/problem+json"), "{method} {path}");
        assert_eq!(problem["status"], status);
        assert!(["type", "title", "detail"].iter().all(|key| problem[key].is_string()), "{problem}");
    }
    daemon.stop().await;
}

/// The samples; every other line must be a comment of the format.
fn parse_metrics(text: &str) -> BTreeSet<&str> {
    let mut samples = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("# HELP driftsentry_") || line.starts_with("# TYPE driftsentry_") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        assert!(series.starts_with("driftsentry_") && value.parse::<f64>().is_ok(), "{line}");
        assert!(samples.insert(line), "{line} stands twice");
    }
    samples
}

#[tokio::test]
async fn a_daemon_survives_that_its_database_goes_away_and_goes_on_when_it_is_back() {
    let stage = Stage::new(1).await;
    stage.open(0).await;
    let mut wire = Wire::new().await;
    let place = stage.place_with(&wire.url(&stage.database), &schedule("* * * * * *"));
    let daemon = place.start(&[]);
    let url = daemon.serves().await;
    stage.reaches(1, "select count(*) from deliveries where state = 'delivered'").await;
    let ready = async || get(&format!("{url}/readyz")).await.0;
    assert_eq!(ready().await, 200);

    wire.cut();
    daemon.says("trying again").await;
    let [alive, readiness, metrics] = ["healthz", "readyz", "metrics"].map(|path| format!("{url}/{path}"));
    let (alive, (status, kind, _), metrics) = tokio::join!(get(&alive), get(&readiness), get(&metrics));
    assert_eq!((status, kind.as_str(), metrics.0), (503, "application/problem+json", 503));
    assert_eq!(alive.0, 200, "it is alive all the same");

    let ticks: i64 = stage.count("select count(*) from schedule_ticks where outcome = 'scanned'").await;
    wire.mend().await;
    until("it is ready again", async || (ready().await == 200).then_some(())).await;
    let scanned = "select count(*) from scans where status = 'succeeded'";
    until("it scans again", async || (stage.count(scanned).await > ticks).then_some(())).await;
    daemon.stop().await;
    assert_eq!(stage.sink.requests().len(), 1, "the alert was delivered once");
}

#[tokio::test]
async fn a_daemon_whose_database_is_away_can_be_stopped() {
    let stage = Stage::new(0).await;
    let mut wire = Wire::new().await;
    let daemon = stage.place_with(&wire.url(&stage.database), &schedule("* * * * * *")).start(&[]);
    daemon.serves().await;
    wire.cut();
    daemon.says("trying again").await;
    daemon.stop().await;
}

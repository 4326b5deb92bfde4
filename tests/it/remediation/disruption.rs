//! Calls that stop an instance: refused, waiting for a window, made; and the start that is owed if one in between fails.

use driftsentry::domain::drift::Drift;
use driftsentry::triage::Action;

use super::{Stage, engineer};
use crate::support::{EC2, Effect, Rule, Setup, TestApp};

const APPLY: &str = "[remediation]\nmode = \"apply\"\nallow = [{ resource_type = \"EC2\" }]\n";
const CALLS: [&str; 3] = ["StopInstances", "ModifyInstanceAttribute", "StartInstances"];

/// An instance of another type than declared; approved.
async fn resized(more: &str) -> (Stage, Drift) {
    let app = TestApp::start(Setup::of(EC2.types).toml(format!("{APPLY}{more}"))).await;
    let aws = app.aws().await;
    let group = (EC2.create)(&aws, "app").await;
    app.capture_baseline().await;
    let ann = engineer(&app, "ann").await;
    let stage = Stage { app, aws, group, ann };
    let large = aws_sdk_ec2::types::AttributeValue::builder().value("t3.large").build();
    let resize = stage.aws.ec2.modify_instance_attribute().instance_id(&stage.group).instance_type(large);
    resize.send().await.expect("another type");
    stage.app.scan_later().await;
    let drift = stage.app.open_drift().await;
    stage.act(&drift, Action::Triage).await.expect("triage");
    stage.approve(&drift).await.expect("approve");
    (stage, drift)
}

async fn operations(stage: &Stage) -> Vec<String> {
    stage.calls().await.into_iter().map(|(operation, _)| operation).collect()
}

#[tokio::test]
async fn what_disrupts_is_refused_unless_it_is_allowed() {
    let (stage, drift) = resized("").await;
    stage.app.drain_jobs().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("disrupts the workload (disruptive)") && operations(&stage).await.is_empty(), "{told}");
    assert_eq!(stage.now(&drift).await.status.as_str(), "approved");

    let (stage, drift) = resized("disruptive = \"always\"\n").await;
    stage.app.drain_jobs().await;
    assert_eq!(operations(&stage).await, CALLS);
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
}

#[tokio::test]
async fn what_disrupts_waits_for_its_window_and_a_scan_still_sees_the_drift() {
    let window = "disruptive = \"window\"\n[[remediation.windows]]\ncron = \"0 0 22 * * *\"\nduration = \"2h\"\n";
    let (stage, drift) = resized(window).await;
    stage.app.drain_jobs().await;
    stage.run_waiting().await;
    assert!(operations(&stage).await.is_empty());
    assert_eq!(stage.job_states().await, ["available"]);
    stage.app.clock.advance(chrono::TimeDelta::hours(13));
    stage.run_waiting().await;
    assert_eq!(operations(&stage).await, CALLS, "the window is open");
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
}

#[tokio::test]
async fn an_instance_that_was_stopped_is_started_again_even_if_its_change_is_denied() {
    let (stage, drift) = resized("disruptive = \"always\"\n").await;
    stage.app.proxy.add(Rule::on("ModifyInstanceAttribute", Effect::Denied));
    stage.app.drain_jobs().await;
    let outcomes: Vec<String> = stage.calls().await.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(
        (operations(&stage).await, outcomes),
        (CALLS.map(String::from).to_vec(), ["done", "failed", "done"].map(String::from).to_vec())
    );
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("(StartInstances): done") && told.contains("/InstanceType"), "{told}");
    assert_eq!(stage.now(&drift).await.status.as_str(), "approved");
}

#[tokio::test]
async fn the_switch_stops_between_two_calls() {
    let (stage, drift) = resized("disruptive = \"always\"\n").await;
    // The first call takes a while; meanwhile somebody stops everything.
    stage.app.proxy.add(Rule::on("StopInstances", Effect::Delay(std::time::Duration::from_millis(1500))));
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        super::guards::turn(&stage.app, true, &stage.ann).await;
    };
    tokio::join!(stage.app.drain_jobs(), stop);
    assert_eq!(operations(&stage).await, ["StopInstances"], "nothing after it");
    assert_eq!(stage.job_states().await, ["available"]);
    super::guards::turn(&stage.app, false, &stage.ann).await;
    stage.run_waiting().await;
    let jobs = stage.app.rows("select state, last_error from jobs where kind = 'remediate'").await;
    assert_eq!(operations(&stage).await, CALLS, "{jobs:?}");
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
}

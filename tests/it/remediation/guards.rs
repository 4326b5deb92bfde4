//! Each guard refuses or waits, and no call is made meanwhile.

use driftsentry::clock::Clock as _;
use driftsentry::domain::drift::Drift;
use driftsentry::domain::user::Actor;
use driftsentry::store::remediation::set_switch;

use super::{APPLY, Stage, close_port, open_port};
use crate::support::{SECURITY_GROUP, TestApp};

/// Approves under this configuration, runs, and tells how it was refused.
async fn refusal(toml: &str) -> (Stage, Drift, String) {
    let (stage, drift) = Stage::opened(toml).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.drain_jobs().await;
    assert_eq!(stage.calls().await, [], "no call was made");
    assert_eq!(stage.now(&drift).await.status.as_str(), "approved", "it can be tried again");
    assert_eq!(stage.job_states().await, ["discarded"]);
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("No call was made"), "{told}");
    (stage, drift, told)
}

#[tokio::test]
async fn without_mode_apply_an_approval_is_only_written_down() {
    for toml in ["", "[remediation]\nmode = \"plan\"\nallow = [{ resource_type = \"*\" }]\n"] {
        let (stage, drift) = Stage::opened(toml).await;
        stage.approve(&drift).await.expect("approve");
        stage.app.drain_jobs().await;
        assert_eq!((stage.job_states().await, stage.calls().await), (vec![], vec![]));
        assert_eq!(stage.now(&drift).await.status.as_str(), "approved");
    }
}

#[tokio::test]
async fn what_the_allow_list_does_not_cover_is_refused() {
    for allow in ["", "allow = [{ resource_type = \"EC2\" }]\n", "allow = [{ path = \"/Tags/**\" }]\n"] {
        let (.., told) = refusal(&format!("[remediation]\nmode = \"apply\"\n{allow}")).await;
        assert!(told.contains("no entry of [remediation] allow covers /IngressRules/tcp:22-22"), "{told}");
    }
}

#[tokio::test]
async fn what_loosens_is_refused_until_it_is_allowed() {
    let mut stage = Stage::new(APPLY).await;
    open_port(&stage.aws, &stage.group, 443).await;
    stage.app.capture_baseline().await;
    close_port(&stage.aws, &stage.group, 443).await;
    stage.app.scan_later().await;
    let drift = stage.app.open_drift().await;
    stage.act(&drift, driftsentry::triage::Action::Triage).await.expect("triage");
    stage.approve(&drift).await.expect("approve");
    stage.app.drain_jobs().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("lets somebody do more than now (allow_loosening)"), "{told}");
    assert_eq!(stage.calls().await, []);

    stage.app.restart(|setup| setup.toml.push_str("allow_loosening = true\n"));
    stage.approve(&drift).await.expect("approve once more");
    stage.app.drain_jobs().await;
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
}

#[tokio::test]
async fn a_missing_resource_is_never_made_anew() {
    let stage = Stage::new(APPLY).await;
    (SECURITY_GROUP.delete)(&stage.aws, &stage.group).await;
    stage.app.scan_later().await;
    let drift = stage.app.open_drift().await;
    stage.act(&drift, driftsentry::triage::Action::Triage).await.expect("triage");
    stage.approve(&drift).await.expect("approve");
    stage.app.drain_jobs().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("never made anew"), "{told}");
    assert_eq!(stage.calls().await, []);
}

#[tokio::test]
async fn while_it_is_stopped_nothing_is_called_and_then_it_goes_on() {
    let (stage, drift) = Stage::opened(APPLY).await;
    turn(&stage.app, true, &stage.ann).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.drain_jobs().await;
    stage.run_waiting().await;
    assert_eq!((stage.calls().await, stage.job_states().await), (vec![], vec!["available".to_owned()]));
    turn(&stage.app, false, &stage.ann).await;
    stage.run_waiting().await;
    assert_eq!(stage.now(&drift).await.status.as_str(), "resolved");
}

pub(super) async fn turn(app: &TestApp, stopped: bool, actor: &Actor) {
    let mut conn = app.store.conn().await.expect("a connection");
    set_switch(&mut conn, stopped, Some("incident"), actor, app.clock.now()).await.expect("turn it");
}

#[tokio::test]
async fn limits_per_run_refuse_and_limits_per_hour_wait() {
    let two = async |limit: &str| {
        let stage = Stage::new(&format!("{APPLY}{limit}\n")).await;
        let other = (SECURITY_GROUP.create)(&stage.aws, "api").await;
        stage.app.capture_baseline().await;
        for group in [&stage.group, &other] {
            open_port(&stage.aws, group, 22).await;
        }
        stage.app.scan_later().await;
        let drifts = stage.app.open_drifts().await;
        assert_eq!(drifts.len(), 2);
        for drift in &drifts {
            stage.act(drift, driftsentry::triage::Action::Triage).await.expect("triage");
            stage.approve(drift).await.expect("approve");
            stage.app.drain_jobs().await;
        }
        (stage, drifts)
    };
    let (stage, drifts) = two("max_per_run = 1\nmax_percent = 100").await;
    assert_eq!(stage.now(&drifts[0]).await.status.as_str(), "resolved");
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("max_per_run is 1"), "{told}");
    stage.approve(&drifts[1]).await.expect("approve once more");
    stage.app.drain_jobs().await;
    assert_eq!(stage.now(&drifts[1]).await.status.as_str(), "resolved", "once more lifts it");

    for limit in ["max_per_hour = 1\nmax_percent = 100", "max_percent = 1"] {
        let (stage, drifts) = two(limit).await;
        stage.run_waiting().await;
        assert_eq!(stage.now(&drifts[1]).await.status.as_str(), "approved", "{limit}");
        assert_eq!(stage.failures().await, Vec::<String>::new());
        stage.app.clock.advance(chrono::TimeDelta::minutes(61));
        stage.run_waiting().await;
        assert_eq!(stage.now(&drifts[1]).await.status.as_str(), "resolved", "{limit}");
    }
}

#[tokio::test]
async fn an_undone_declaration_is_not_put_back() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.remove_expected("baseline.json");
    stage.app.drain_jobs().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("nothing declares"), "{told}");
    assert_eq!(stage.calls().await, []);
}

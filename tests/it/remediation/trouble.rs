//! What AWS and people do meanwhile: each ends as it must, and is told.

use super::{APPLY, Stage, close_port, open_port};
use crate::support::{Effect, Rule, SECURITY_GROUP};

#[tokio::test]
async fn what_has_changed_meanwhile_is_not_put_back() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    open_port(&stage.aws, &stage.group, 3389).await;
    stage.app.drain_jobs().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("/IngressRules/tcp:3389-3389:0.0.0.0~10 has changed since it was approved"), "{told}");
    assert_eq!(stage.calls().await, []);
    assert_eq!(stage.events(&drift).await.last().map(String::as_str), Some("remediation_failed"));
}

#[tokio::test]
async fn what_is_gone_meanwhile_is_told() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    (SECURITY_GROUP.delete)(&stage.aws, &stage.group).await;
    stage.app.drain_jobs().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(told.contains("is gone"), "{told}");
    assert_eq!(stage.now(&drift).await.status.as_str(), "approved");
}

#[tokio::test]
async fn what_somebody_put_back_meanwhile_is_a_manual_fix() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    close_port(&stage.aws, &stage.group, 22).await;
    stage.app.drain_jobs().await;
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("manual-fix"));
    assert_eq!(stage.calls().await, []);
}

#[tokio::test]
async fn a_denied_call_fails_at_once_and_names_the_action_and_can_be_tried_again() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.proxy.add(Rule::on("RevokeSecurityGroupIngress", Effect::Denied));
    stage.app.drain_jobs().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    for words in
        ["allow ec2:RevokeSecurityGroupIngress", "FAILED", "Not as declared when it was last read: /IngressRules"]
    {
        assert!(told.contains(words), "{words} in {told}");
    }
    assert_eq!(stage.calls().await, [("RevokeSecurityGroupIngress".to_owned(), "failed".to_owned())]);

    stage.app.proxy.clear_rules();
    stage.approve(&drift).await.expect("approve once more");
    stage.app.drain_jobs().await;
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
}

#[tokio::test]
async fn a_throttled_call_is_tried_again() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.proxy.add(Rule::on("RevokeSecurityGroupIngress", Effect::Throttled).calls(1, 2));
    stage.app.drain_jobs().await;
    stage.run_out().await;
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
    assert_eq!(stage.failures().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_found_done_and_not_made_again() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.proxy.add(Rule::on("RevokeSecurityGroupIngress", Effect::Cut));
    stage.app.drain_jobs().await;
    stage.run_out().await;
    assert_eq!(stage.now(&drift).await.resolved_how.as_deref(), Some("auto-remediate"));
    let calls = stage.calls().await;
    assert_eq!(calls.len(), 1, "read again before anything else: {calls:?}");
    assert_eq!(calls[0].1, "failed", "its answer was never known");
}

#[tokio::test]
async fn what_aws_never_shows_is_told_after_the_time_for_it() {
    let (stage, drift) = Stage::opened(&format!("{APPLY}verify_timeout = \"5m\"\n")).await;
    stage.approve(&drift).await.expect("approve");
    let ok = "<RevokeSecurityGroupIngressResponse><requestId>r-1</requestId><return>true</return>\
              </RevokeSecurityGroupIngressResponse>";
    stage.app.proxy.add(Rule::on("RevokeSecurityGroupIngress", Effect::Answer(200, ok.to_owned())));
    stage.app.drain_jobs().await;
    stage.run_waiting().await;
    assert_eq!((stage.job_states().await, stage.failures().await.len()), (vec!["available".to_owned()], 0));
    stage.app.clock.advance(chrono::TimeDelta::minutes(6));
    stage.run_waiting().await;
    let [told] = stage.failures().await.try_into().expect("one alert");
    assert!(
        told.contains("AWS still shows something else") && told.contains("(RevokeSecurityGroupIngress): done"),
        "{told}"
    );
    assert_eq!(stage.calls().await.len(), 1, "called once");
}

#[tokio::test]
async fn without_the_right_to_read_nothing_is_called() {
    let (stage, drift) = Stage::opened(APPLY).await;
    stage.approve(&drift).await.expect("approve");
    stage.app.proxy.add(Rule::on("DescribeSecurityGroups", Effect::Denied));
    stage.app.drain_jobs().await;
    assert_eq!((stage.calls().await, stage.failures().await.len()), (vec![], 1));
}

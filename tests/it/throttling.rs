//! One account's trouble is its own: its throttling takes neither requests nor retries from another.
//!
//! Told by counts and by order, not by the clock.

use driftsentry::app::App;
use driftsentry::config::Unmanaged;
use driftsentry::domain::id::ScanId;
use driftsentry::domain::scan::ScanStatus;
use driftsentry::resource::Aws;
use driftsentry::scan::Stored;
use driftsentry::scan::survey::Survey;
use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};

use crate::support::{Habits, Scene, scope};

const UNLUCKY: &str = "111111111111";
const OTHER: &str = "222222222222";

fn survey_of<'a>(app: &'a App, account: &str) -> LocalBoxFuture<'a, Survey> {
    let scope = scope(account, "S3");
    async move { Box::pin(app.scanner.survey(ScanId::new(), &scope, Unmanaged::Ignore, Stored::default(), &|| {})).await }.boxed_local()
}

async fn clients(app: &App, account: &str) -> Aws {
    app.scanner.aws(&scope(account, "SECURITY_GROUP")).await.expect("clients")
}

/// Whether a listing of security groups succeeds.
async fn asks(aws: &Aws) -> bool {
    aws.ec2.describe_security_groups().max_results(5).send().await.is_ok()
}

#[tokio::test]
async fn another_accounts_scan_ends_first_and_costs_no_call_more() {
    let habits = Habits { live: 60, throttled: vec![(UNLUCKY, 2)], ..Habits::default() };
    let scene = Scene::of_accounts(habits, &[UNLUCKY, OTHER]);
    scene.declare("S3", 0..60, &["Versioning"]).await;
    let app = scene.app();
    let mut unlucky = survey_of(&app, UNLUCKY);
    let other = tokio::select! {
        biased;
        _ = &mut unlucky => panic!("half of its requests wait for another attempt"),
        other = survey_of(&app, OTHER) => other,
    };
    assert_eq!((other.status(), other.scanned, other.api_calls), (ScanStatus::Succeeded, 60, 61));
    let unlucky = unlucky.await;
    // A bucket may meet the throttling at each of its attempts: then it is unknown, and still no drift.
    let told = (unlucky.scanned + unlucky.coverage.resources_unknown.cast_unsigned(), unlucky.findings.len());
    assert_eq!(told, (60, 0), "what was not read is no drift: {unlucky:?}");
    assert!(unlucky.api_calls > 61 + 61 / 2, "every second request was in vain: {}", unlucky.api_calls);
}

#[tokio::test]
async fn an_account_that_used_up_its_retries_leaves_another_its_own() {
    let habits = Habits { live: 5, throttled: vec![(UNLUCKY, 1), (OTHER, 2)], ..Habits::default() };
    let scene =
        Scene::of_accounts(habits, &[UNLUCKY, OTHER]).with_aws("max_attempts = 2\nmax_requests_per_second = 10000");
    let app = scene.app();
    let (unlucky, other) = (clients(&app, UNLUCKY).await, clients(&app, OTHER).await);
    // The SDK pays for each retry from an allowance that only success fills again.
    join_all((0..120).map(|_| asks(&unlucky))).await;
    let before = scene.aws.count_of(UNLUCKY);
    assert!(!asks(&unlucky).await);
    assert_eq!(scene.aws.count_of(UNLUCKY) - before, 1, "nothing is left for a retry");
    assert!(asks(&other).await && asks(&other).await);
    assert_eq!(scene.aws.count_of(OTHER), 3, "the second was asked to come again, and came");
}

#[tokio::test]
async fn an_account_that_must_slow_down_slows_no_other() {
    let habits = Habits { live: 5, throttled: vec![(UNLUCKY, 1)], ..Habits::default() };
    let limits = "max_attempts = 1\nmax_requests_per_second = 64";
    let scene = Scene::of_accounts(habits, &[UNLUCKY, OTHER]).with_aws(limits);
    let app = scene.app();
    let (unlucky, other) = (clients(&app, UNLUCKY).await, clients(&app, OTHER).await);
    let keep_asking = async || {
        loop {
            asks(&unlucky).await;
        }
    };
    let ask_as_other = async {
        // From here on it is down to a request or two a second.
        while scene.aws.count_of(UNLUCKY) < 20 {
            tokio::task::yield_now().await;
        }
        let before = scene.aws.count_of(UNLUCKY);
        for asked in 0..100 {
            assert!(asks(&other).await);
            let meanwhile = scene.aws.count_of(UNLUCKY) - before;
            assert!(meanwhile < 50, "eight of the unlucky account asked {meanwhile} times, one of the other {asked}");
        }
    };
    tokio::select! {
        _ = join_all((0..8).map(|_| keep_asking())) => unreachable!("they ask for ever"),
        () = ask_as_other => {}
    }
}

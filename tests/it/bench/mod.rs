//! Benchmarks: what a scan takes beyond what AWS's SDK takes for the same answers. They print figures and judge nothing.
//!
//! `cargo test --release --test it -- --ignored --nocapture --test-threads 1 bench`
//!
//! Time is the processor's, of the thread that scans; the responder has a thread of its own.

#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod meter;
mod sdk;
mod terraform;

use std::time::{Duration, Instant};

use driftsentry::config::Unmanaged;
use driftsentry::domain::id::ScanId;
use driftsentry::resource::Undeclared;
use driftsentry::scan::Stored;

use crate::single_changes::{kind, request};
use crate::support::{ACCOUNT, Habits, Scene, TestDatabase, core_attributes, id_of, scope};
use meter::{Daemon, Peak, cpu_of, cpu_of_process, peak_of, resident};

/// Types and how many of each are scanned.
const SCANNED: [(&str, usize); 5] =
    [("EC2", 20_000), ("SECURITY_GROUP", 20_000), ("RDS", 5_000), ("IAM_ROLE", 10_000), ("S3", 1_000)];

/// An estate that nobody asks for is dropped in this time.
const IDLE: Duration = Duration::from_secs(90);

/// Each is measured so often; the best counts, because whatever disturbs only adds.
const TIMES: usize = 3;

#[tokio::test]
#[ignore = "figures, no verdict; takes a minute: cargo test --release --test it -- --ignored --nocapture --test-threads 1 bench_what_a_scan_takes_beyond_the_sdk"]
async fn bench_what_a_scan_takes_beyond_the_sdk() {
    println!(
        "\n{:<16}{:>8}{:>8}{:>12}{:>12}{:>12}{:>9}{:>10}",
        "", "number", "calls", "SDK us", "read us", "scan us", "ratio", "per s"
    );
    for (resource_type, live) in SCANNED {
        let scene = Scene::new(Habits { live, ..Habits::default() });
        scene.declare(resource_type, 0..live, &core_attributes(resource_type)).await;
        let app = scene.app();
        drop(app.scanner.estate().await);
        let [mut alone, mut read, mut scanned] = [f64::MAX; 3];
        let mut calls = 0;
        for _ in 0..TIMES {
            let aws = scene.clients(&app, resource_type).await;
            alone = alone.min(cpu_of(sdk::read_all(resource_type, &aws)).await.1);
            let ids: Vec<String> = (0..live).map(|number| id_of(resource_type, number)).collect();
            let names = core_attributes(resource_type);
            let declared: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), names.as_slice())).collect();
            let request = request(resource_type, &aws, &declared, Undeclared::Skip);
            let lives = async { futures::StreamExt::count(kind(resource_type).read(&aws, &request)).await };
            read = read.min(cpu_of(lives).await.1);
            let (survey, seconds) = cpu_of(scene.survey(&app, resource_type)).await;
            assert_eq!((survey.scanned, survey.findings.len(), survey.error()), (live as u64, 0, None));
            scanned = scanned.min(seconds);
            calls = survey.api_calls;
        }
        let each = |seconds: f64| seconds * 1e6 / live as f64;
        println!(
            "{resource_type:<16}{live:>8}{calls:>8}{:>12.1}{:>12.1}{:>12.1}{:>9.2}{:>10.0}",
            each(alone),
            each(read),
            each(scanned),
            scanned / alone,
            live as f64 / scanned
        );
    }
}

#[tokio::test]
#[ignore = "figures, no verdict; reads 100,000 resources: cargo test --release --test it -- --ignored --nocapture --test-threads 1 bench_memory_of_a_scan"]
async fn bench_memory_of_a_scan() {
    println!("\n{:<16}{:>9}{:>10}{:>14}", "", "live", "declared", "peak MB");
    for resource_type in ["EC2", "SECURITY_GROUP"] {
        for (live, declared) in [(1_000, 500), (100_000, 500), (100_000, 100_000)] {
            let scene = Scene::new(Habits { live, ..Habits::default() });
            scene.declare(resource_type, 0..declared, &core_attributes(resource_type)).await;
            let config = scene.config_file();
            let Peak { output, megabytes } =
                peak_of(&config, &["scan", "--dry-run", "--format", "json", "--type", resource_type]).await;
            assert!(output.contains(&format!("\"resources_scanned\": {declared}")), "{output}");
            println!("{resource_type:<16}{live:>9}{declared:>10}{megabytes:>14.1}");
        }
    }
}

#[tokio::test]
#[ignore = "figures, no verdict; loads 100,000 declarations: cargo test --release --test it -- --ignored --nocapture --test-threads 1 bench_loading_expected_state"]
async fn bench_loading_expected_state() {
    println!("\n{:<16}{:>9}{:>10}{:>12}{:>14}", "", "declared", "MB", "us each", "peak MB");
    for resource_type in ["EC2", "SECURITY_GROUP", "IAM_ROLE"] {
        let scene = Scene::new(Habits { live: 1, ..Habits::default() });
        let count = 100_000;
        scene.declare(resource_type, 0..count, &core_attributes(resource_type)).await;
        let app = scene.app();
        let began = Instant::now();
        let estate = app.scanner.estate().await.expect("the accounts");
        let seconds = began.elapsed().as_secs_f64();
        assert_eq!((estate.len(), estate.problems.len()), (count, 0));
        let size = scene.declared_bytes() as f64 / 1e6;
        let Peak { megabytes, .. } = peak_of(&scene.config_file(), &["expected", "check"]).await;
        let each = seconds * 1e6 / count as f64;
        println!("{resource_type:<16}{count:>9}{size:>10.1}{each:>12.1}{megabytes:>14.1}");
    }
}

#[tokio::test]
#[ignore = "figures, no verdict; times depend on the machine: cargo test --release --test it -- --ignored --nocapture --test-threads 1 bench_a_throttled_account_beside_another"]
async fn bench_a_throttled_account_beside_another() {
    const UNLUCKY: &str = "111111111111";
    println!("\n{:<36}{:>10}{:>8}", "", "seconds", "calls");
    for (name, throttled) in [("alone", None), ("beside an account throttled by half", Some((UNLUCKY, 2)))] {
        let habits = Habits { live: 2000, throttled: throttled.into_iter().collect(), ..Habits::default() };
        let scene = Scene::of_accounts(habits, &[ACCOUNT, UNLUCKY]);
        scene.declare("S3", 0..2000, &["Versioning"]).await;
        let app = scene.app();
        drop(app.scanner.estate().await);
        let both = throttled.is_some();
        let (ours, theirs) = (scope(ACCOUNT, "S3"), scope(UNLUCKY, "S3"));
        let began = Instant::now();
        let survey =
            |scope| Box::pin(app.scanner.survey(ScanId::new(), scope, Unmanaged::Ignore, Stored::default(), &|| {}));
        let other = async { if both { survey(&theirs).await } else { std::future::pending().await } };
        let survey = tokio::select! { biased; it = survey(&ours) => it, _ = other => panic!("throttled, yet first") };
        println!("{name:<36}{:>10.2}{:>8}", began.elapsed().as_secs_f64(), survey.api_calls);
    }
}

#[tokio::test]
#[ignore = "figures, no verdict; waits two minutes for the daemon to rest: cargo test --release --test it -- --ignored --nocapture --test-threads 1 bench_memory_of_the_daemon"]
async fn bench_memory_of_the_daemon() {
    println!("\n{:<36}{:>14}", "", "resident MB");
    let database = TestDatabase::new().await;
    let scene = Scene::new(Habits { live: 20_000, ..Habits::default() });
    for resource_type in ["EC2", "SECURITY_GROUP"] {
        scene.declare(resource_type, 0..20_000, &core_attributes(resource_type)).await;
    }
    let daemon = Daemon::start(&scene.config_file(), &database.url()).await;
    let tell = |name: &str, figure: f64| println!("{name:<36}{figure:>14.1}");
    tell("idle", resident(daemon.id()));
    daemon.scan(&[scope(ACCOUNT, "EC2"), scope(ACCOUNT, "SECURITY_GROUP")]).await;
    tell("after a scan of 40,000 resources", resident(daemon.id()));
    let before = cpu_of_process(daemon.id());
    tokio::time::sleep(IDLE).await;
    tell("90 seconds later", resident(daemon.id()));
    tell("processor seconds meanwhile", cpu_of_process(daemon.id()) - before);
}

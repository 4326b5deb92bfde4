//! Every command as people and scripts run it: exit codes, what goes where, and what is said when something is wrong.

mod baseline;
mod databases;
mod doctor;
mod ignores;
mod interrupted;
mod jobs;
mod people;
mod scans;

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Place, World};

/// A place with a world of its own that nothing is stored for: the database is not there.
async fn without_database() -> (World, Place) {
    let world = World::new().await;
    let place = Place::of(&world, &world.endpoint, "postgres://nobody:geheim@127.0.0.1:1/none", "");
    (world, place)
}

/// The members of a JSON list.
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("a list: {value}"))
}

#[tokio::test]
async fn help_and_version_are_results_and_usage_errors_are_errors() {
    let place = Place::new("");
    let commands = [
        "demo",
        "run",
        "scan",
        "drifts",
        "remediation",
        "baseline",
        "ignores",
        "expected",
        "jobs",
        "users",
        "migrate",
        "config",
        "iam-policy",
        "doctor",
    ];
    let help = place.run(&["--help"]).await;
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for command in commands {
        assert!(help.stdout.contains(&format!("  {command} ")), "{command} in {}", help.stdout);
        let help = place.run(&[command, "--help"]).await;
        assert!(help.code == Some(0) && help.stdout.contains("Usage:"), "{help:?}");
    }
    let version = place.run(&["--version"]).await;
    assert_eq!((version.code, version.stdout.as_str()), (Some(0), "driftsentry 0.1.0\n"));
    for (args, words) in [
        (&[][..], "requires a subcommand"),
        (&["sacn"], "a similar subcommand exists: 'scan'"),
        (&["scan", "--no-such"], "unexpected argument '--no-such'"),
        (&["scan", "--format", "yaml"], "[possible values: table, json]"),
        (&["scan", "--schedule", "x", "--type", "EC2"], "cannot be used with"),
        (&["run", "--only", "worker,cook"], "[possible values: scheduler, worker, api]"),
        (&["drifts", "list", "--status", "new"], "detected, triaged, approved, rejected or resolved"),
        (&["drifts", "list", "--severity", "bad"], "no severity"),
        (&["drifts", "list", "--limit", "0"], "0 is not in 1.."),
        (&["drifts", "list", "--limit", "99999999999999999999"], "too large"),
        (&["jobs", "list", "--state", "lost"], "available, running, completed, discarded or cancelled"),
        (&["jobs", "show", "1"], "invalid value '1'"),
        (&["users", "create", "a@example.com", "--role", "king"], "viewer, engineer or admin"),
        (&["baseline", "capture", "--out", "x", "--dry-run"], "cannot be used with"),
        (&["baseline", "capture", "--force"], "--out"),
    ] {
        place.run(args).await.refuses(&[words]);
    }
}

#[tokio::test]
async fn config_default_is_a_good_configuration() {
    let place = Place::new("");
    let default = place.run(&["config", "default"]).await;
    assert_eq!((default.code, default.stderr.as_str()), (Some(0), ""));
    place.configure(&default.stdout);
    let check = place.run(&["config", "check"]).await;
    assert!(check.code == Some(0) && check.stdout.contains("driftsentry.toml: no problem found"), "{check:?}");
}

#[tokio::test]
async fn every_mistake_in_the_configuration_is_told_at_once_with_file_and_line() {
    let place = Place::new("[api]\nlisten = \"nowhere\"\n[queue]\nlease = \"1s\"\nconcurency = 3\n");
    let told = [
        "driftsentry.toml:2: api.listen: `nowhere` is no address",
        "driftsentry.toml:4: queue.lease: `1s` is out of range: at least 3s, at most 1h",
        "driftsentry.toml:5: queue.concurency: unknown key: did you mean `concurrency`?",
    ];
    for args in [&["config", "check"][..], &["scan"], &["run"], &["migrate"], &["jobs", "stats"]] {
        place.run(args).await.refuses(&told);
    }
    let place = Place::new("").with("DRIFTSENTRY__QUEUE__LEASE", "forever");
    place.run(&["config", "check"]).await.refuses(&["DRIFTSENTRY__QUEUE__LEASE: `forever` is no duration"]);
    std::fs::remove_file(place.path().join("driftsentry.toml")).expect("remove it");
    place.run(&["scan"]).await.refuses(&["driftsentry.toml: there is no such file"]);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_error() {
    let (_world, place) = without_database().await;
    for args in [&["config", "default"][..], &["iam-policy", "scan"], &["expected", "check"], &["scan", "--dry-run"]] {
        let mut command = place.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start it");
        drop(child.stdout.take());
        let output = child.wait_with_output().await.expect("its end");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let child = place.command(&["config", "default"]).stdout(full).stderr(Stdio::piped()).spawn();
    let output = child.expect("start it").wait_with_output().await.expect("its end");
    assert_eq!(output.status.code(), Some(1), "a disk that is full is one");
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
}

#[tokio::test]
async fn a_log_filter_that_cannot_be_read_is_said_and_the_command_runs() {
    let place = Place::new("").with("RUST_LOG", "driftsentry=loud");
    let output = place.run(&["config", "check"]).await;
    assert!(output.code == Some(0) && output.stderr.contains("RUST_LOG cannot be read and is ignored"), "{output:?}");
}

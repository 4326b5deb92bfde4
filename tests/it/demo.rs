//! The demo, as a newcomer starts it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn demo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftsentry"));
    // Whatever the user's environment names, the demo leaves it alone.
    command.arg("demo").args(args).env("DATABASE_URL", "postgres://nobody@192.0.2.1/real").env("AWS_PROFILE", "real");
    command.env("DRIFTSENTRY__AWS__ENDPOINT_URL", "http://192.0.2.1").stdin(Stdio::null());
    command
}

#[test]
fn the_demo_shows_eight_drifts_their_mails_and_webhooks_and_ends_well() {
    let Output { status, stdout, stderr } = demo(&["--once"]).output().expect("run the demo");
    let (shown, told) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{shown}\n{told}");
    for text in [
        "14 resources made, 14 declared",
        "8. Somebody",
        "succeeded: 14 resources compared, 8 drifts, +$70.08 a month",
        "InstanceType m5.large → m5.xlarge",
        "8 mails have arrived",
        "Subject: CRITICAL drift",
        "6 webhooks have arrived",
        "\"type\": \"drift.detected\"",
    ] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
}

/// A demo that has come to the point where it serves.
struct Serving {
    demo: Child,
    config: PathBuf,
    processes: Vec<i32>,
}

fn serving_demo() -> Serving {
    let mut demo = demo(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start the demo");
    let lines = BufReader::new(demo.stdout.take().expect("its output")).lines().map(|line| line.expect("a line"));
    let last = lines.into_iter().find(|line| line.contains("drifts list")).expect("it comes to serve");
    let config =
        last.split_whitespace().find(|word| word.ends_with("driftsentry.toml")).expect("the configuration").into();
    let processes = descendants(i32::try_from(demo.id()).expect("a process id"));
    assert!(processes.len() >= 8, "guardians and servers: {processes:?}");
    Serving { demo, config, processes }
}

impl Serving {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.demo.id()).expect("a process id")), signal).expect("signal the demo");
    }

    fn is_gone_without_trace(&mut self) {
        self.demo.wait().expect("the demo ends");
        let deadline = Instant::now() + Duration::from_secs(20);
        let folder = self.config.parent().expect("its folder").to_owned();
        while folder.exists() || self.processes.iter().any(|pid| is_running(*pid)) {
            assert!(Instant::now() < deadline, "{} or one of {:?} is left", folder.display(), self.processes);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_demo_that_is_killed_leaves_nothing_behind() {
    let mut serving = serving_demo();
    serving.signal(Signal::SIGKILL);
    serving.is_gone_without_trace();
}

#[test]
#[cfg(target_os = "linux")]
fn other_commands_work_beside_a_demo_and_ctrl_c_ends_it_well() {
    let mut serving = serving_demo();
    let output = Command::new(env!("CARGO_BIN_EXE_driftsentry"))
        .args(["--config".as_ref(), serving.config.as_os_str(), "drifts".as_ref(), "list".as_ref()])
        .args(["--format", "json"])
        .env_remove("DATABASE_URL")
        .output()
        .expect("list the drifts");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let drifts = listed.as_array().or_else(|| listed["drifts"].as_array()).expect("a list");
    assert_eq!(drifts.len(), 8, "{listed}");
    serving.signal(Signal::SIGINT);
    assert!(serving.demo.wait().expect("the demo ends").success());
    serving.is_gone_without_trace();
}

/// All processes below one.
fn descendants(pid: i32) -> Vec<i32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|child| child.parse::<i32>().ok()));
        }
        next += 1;
    }
    found.split_off(1)
}

fn is_running(pid: i32) -> bool {
    // A process that nobody has waited for yet does not run any more.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

//! Workers in processes of their own: this program again, in a role. A child ends when its input does, so none outlives
//! the benchmark.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use crate::ours::{Counting, LEASE, Marker, Noop, Ours, Timing};
use crate::server::Db;

/// The first argument of a child.
pub const MARK: &str = "as-worker";
const READY: &str = "ready";

/// What a child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Notes how long jobs waited, and tells at the end.
    Timing,
    /// Leaves a mark for every attempt.
    Marking,
    /// Waits for jobs that never come.
    Idle,
}

impl Role {
    const ALL: [(&'static str, Self); 3] = [("timing", Self::Timing), ("marking", Self::Marking), ("idle", Self::Idle)];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }
}

/// Jobs that a marking child runs at a time.
pub const MARKERS: usize = 5;
/// How long the lease of a marking child holds: short, so that the jobs of a killed one come back soon.
pub const SHORT_LEASE: Duration = Duration::from_secs(5);

/// A process with workers.
pub struct Child {
    process: tokio::process::Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts one, and waits until its workers run. `number` is its name in what it writes.
    pub async fn start(db: &Db, role: Role, number: i32) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command.arg(MARK).arg(role.as_str()).arg(&db.socket).arg(number.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("start a process with workers")?;
        let output = process.stdout.take().context("a child has an output")?;
        let mut lines = BufReader::new(output).lines();
        let first = lines.next_line().await.context("hear from a process with workers")?;
        ensure!(first.as_deref() == Some(READY), "a process with workers did not start");
        Ok(Self { process, lines })
    }

    /// Kills it as hard as can be (SIGKILL).
    pub async fn kill(mut self) -> Result<()> {
        self.process.kill().await.context("kill a process with workers")
    }

    /// Stops it in order; returns the figures that it tells.
    pub async fn stop(mut self) -> Result<Vec<f64>> {
        drop(self.process.stdin.take());
        let mut figures = Vec::new();
        while let Some(line) = self.lines.next_line().await.context("hear from a process with workers")? {
            figures.push(line.parse().with_context(|| format!("`{line}` is no figure"))?);
        }
        let status = self.process.wait().await.context("wait for a process with workers")?;
        ensure!(status.success(), "a process with workers ended badly: {status}");
        Ok(figures)
    }
}

/// Plays the role that the arguments after [`MARK`] tell.
pub async fn play(arguments: &[String]) -> Result<()> {
    let [role, socket, number] = arguments else { anyhow::bail!("a child takes a role, a socket and a number") };
    let (_, role) = Role::ALL.into_iter().find(|(name, _)| name == role).context("there is no such role")?;
    let ours = Ours::attach(&Db::at(PathBuf::from(socket))).await?;
    let timing = Timing::default();
    let running = match role {
        Role::Timing => ours.start(timing.clone(), 10, LEASE),
        Role::Idle => ours.start(Counting::<Noop>::new(), 10, LEASE),
        Role::Marking => {
            ours.start(Marker { pool: ours.pool().clone(), process: number.parse()? }, MARKERS, SHORT_LEASE)
        }
    };
    println!("{READY}");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.context("wait for the end of the input")?;
    running.stop().await;
    for waited in timing.take() {
        println!("{waited}");
    }
    Ok(())
}

//! Our end of a guardian: starts a server under it, and ends it.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;

use super::guard::Plan;

/// A server under a guardian. Dropping it lets the server go; [`Kept::stop`] also waits until it is gone.
#[derive(Debug)]
pub(crate) struct Kept {
    guardian: Child,
}

impl Kept {
    /// Starts `plan` under a guardian, which is `program` itself. Standard output and error of the server go to
    /// `stdout` and `stderr`.
    pub(crate) fn start(program: &Path, plan: &Plan, streams: Streams) -> std::io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        for name in streams.without {
            command.env_remove(name);
        }
        let guardian = command
            .args(plan.to_args())
            .envs(streams.env)
            .stdin(Stdio::piped())
            .stdout(streams.stdout)
            .stderr(streams.stderr)
            // Ctrl-C on a terminal reaches a whole group; the guardian is to act on our end alone.
            .process_group(0)
            .spawn()?;
        Ok(Self { guardian })
    }

    /// The guardian's end, if the server has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.guardian.try_wait().ok().flatten()
    }

    /// Lets the server go and waits until it is gone and its folders are removed.
    pub(crate) async fn stop(mut self) {
        drop(self.guardian.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.ended().is_none() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Where a server's output goes, and how its environment departs from ours.
pub(crate) struct Streams {
    /// Variables that are set.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Variables that are taken away.
    pub(crate) without: Vec<String>,
    pub(crate) stdout: Stdio,
    pub(crate) stderr: Stdio,
}

/// The first line that a server prints on a piped standard output: its port, once it listens. `None` if it ends before.
pub(crate) async fn first_line(server: &mut Kept) -> Option<String> {
    let stdout = pipe::Receiver::from_owned_fd(server.guardian.stdout.take()?.into()).ok()?;
    let line = BufReader::new(stdout).lines().next_line().await.ok().flatten()?;
    Some(line.trim().to_owned())
}

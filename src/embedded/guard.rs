//! The guardian: a small process between us and each server that we start, so that the server ends when we do.
//!
//! It is this same binary under the hidden command `guard`. It holds a pipe whose other end we hold: when we end, even
//! by `kill -9`, the pipe closes, and the guardian stops the server and removes its folders. A parent-death signal
//! would need unsafe code, does not exist on every system, and is lost when the spawning thread ends.
//! The guardian must never outlive its server, and never write to standard output.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// Name of the hidden command.
pub const COMMAND: &str = "guard";

/// Separates one command from the next that is to run once it has succeeded.
const THEN: &str = "--then";

/// How long a server has to stop before it is killed.
const GRACE: Duration = Duration::from_secs(15);

/// What a guardian does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The commands; each runs once the one before it has ended well. The last one is the server. None at all means
    /// that the guardian only waits for the end, to remove the folders.
    pub commands: Vec<Vec<OsString>>,
    /// How the running command is asked to stop.
    pub stop: Stop,
    /// User and group to run the commands as.
    pub owner: Option<Owner>,
    /// A file that users of the server hold a shared lock on: the server stops once nobody does.
    pub users: Option<PathBuf>,
    /// Folders to remove at the end.
    pub remove: Vec<PathBuf>,
}

/// A user and group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// How a server is asked to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM.
    #[default]
    Terminate,
    /// SIGINT: PostgreSQL's fast stop.
    Interrupt,
    /// SIGQUIT: PostgreSQL's immediate stop, for data that is thrown away.
    Quit,
}

impl Stop {
    const ALL: [(Self, &'static str, Signal); 3] = [
        (Self::Terminate, "terminate", Signal::SIGTERM),
        (Self::Interrupt, "interrupt", Signal::SIGINT),
        (Self::Quit, "quit", Signal::SIGQUIT),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(stop, ..)| *stop == self).map_or("terminate", |(_, word, _)| word)
    }

    fn signal(self) -> Signal {
        Self::ALL.iter().find(|(stop, ..)| *stop == self).map_or(Signal::SIGTERM, |(.., signal)| *signal)
    }
}

/// Why a guardian could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Its arguments make no sense: it is not for people to call.
    #[error("unusable argument {0:?}: this command is for driftsentry's own use")]
    Argument(OsString),
    /// A step failed.
    #[error("{step}")]
    Step {
        /// The step, with its subject.
        step: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Plan {
    /// The arguments that [`Plan::parse`] reads back, `guard` first.
    #[must_use]
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![COMMAND.into(), "--stop".into(), self.stop.word().into()];
        if let Some(Owner { uid, gid }) = self.owner {
            args.extend(["--owner".into(), format!("{uid}:{gid}").into()]);
        }
        if let Some(users) = &self.users {
            args.extend(["--users".into(), users.into()]);
        }
        for folder in &self.remove {
            args.extend(["--remove".into(), folder.into()]);
        }
        for (index, command) in self.commands.iter().enumerate() {
            args.push(if index == 0 { "--" } else { THEN }.into());
            args.extend(command.iter().cloned());
        }
        args
    }

    /// Reads the arguments behind `guard`.
    ///
    /// # Errors
    /// With the first argument that makes no sense.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, GuardError> {
        let mut plan = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                let commands: Vec<OsString> = args.collect();
                plan.commands = commands.split(|word| word == THEN).map(<[OsString]>::to_vec).collect();
                break;
            }
            let value = args.next().ok_or_else(|| GuardError::Argument(arg.clone()))?;
            plan.set(&arg, value)?;
        }
        let has_work = !plan.commands.is_empty() || !plan.remove.is_empty();
        let runnable = plan.commands.iter().all(|command| !command.is_empty());
        if has_work && runnable { Ok(plan) } else { Err(GuardError::Argument("--".into())) }
    }

    fn set(&mut self, option: &OsStr, value: OsString) -> Result<(), GuardError> {
        match option.to_str() {
            Some("--stop") => {
                let stop = Stop::ALL.iter().find(|(_, word, _)| value == *word);
                self.stop = stop.ok_or(GuardError::Argument(value))?.0;
            }
            Some("--owner") => self.owner = Some(parse_owner(&value).ok_or(GuardError::Argument(value))?),
            Some("--users") => self.users = Some(value.into()),
            Some("--remove") => self.remove.push(value.into()),
            _ => return Err(GuardError::Argument(option.to_owned())),
        }
        Ok(())
    }
}

fn parse_owner(text: &OsStr) -> Option<Owner> {
    let (uid, gid) = text.to_str()?.split_once(':')?;
    Some(Owner { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
}

/// Runs the guardian; `args` are those behind `guard`. To be called before anything else is set up.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let outcome = Plan::parse(args).and_then(|plan| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(step("start the runtime"))?;
        runtime.block_on(watch_over(&plan))
    });
    match outcome {
        Ok(status) => ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("driftsentry guard: {error}{cause}");
            ExitCode::from(125)
        }
    }
}

async fn watch_over(plan: &Plan) -> Result<ExitStatus, GuardError> {
    let mut end = End::new()?;
    let mut outcome = Ok(ExitStatus::from_raw(0));
    if plan.commands.is_empty() {
        end.come().await;
    }
    for command in &plan.commands {
        outcome = run(plan, command, &mut end).await;
        if end.has_come || !outcome.as_ref().is_ok_and(ExitStatus::success) {
            break;
        }
    }
    for folder in &plan.remove {
        remove(folder).await;
    }
    outcome
}

async fn run(plan: &Plan, command: &[OsString], end: &mut End) -> Result<ExitStatus, GuardError> {
    let program = command[0].to_string_lossy().into_owned();
    let mut child = spawn(plan, command).map_err(step(format!("start {program}")))?;
    tokio::select! {
        status = child.wait() => status,
        () = end.come() => stop(plan, &mut child).await,
    }
    .map_err(step(format!("wait for {program}")))
}

fn spawn(plan: &Plan, command: &[OsString]) -> std::io::Result<Child> {
    let mut process = std::process::Command::new(&command[0]);
    // Not our folder: the owner might not be allowed in.
    process.args(&command[1..]).stdin(Stdio::null()).current_dir("/").process_group(0);
    if let Some(Owner { uid, gid }) = plan.owner {
        // The standard library drops the supplementary groups together with root's uid.
        process.uid(uid).gid(gid);
    }
    Command::from(process).kill_on_drop(true).spawn()
}

async fn stop(plan: &Plan, child: &mut Child) -> std::io::Result<ExitStatus> {
    let _lock = match &plan.users {
        Some(users) => tokio::select! {
            lock = last_user_gone(users) => Some(lock?),
            status = child.wait() => return status,
        },
        None => None,
    };
    let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw) else {
        return child.wait().await;
    };
    // The process may be gone already: then there is nobody to tell.
    kill(pid, plan.stop.signal()).ok();
    let status = match timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => child.kill().await.and(child.wait().await),
    };
    killpg(pid, Signal::SIGKILL).ok();
    status
}

/// Waits until nobody holds the lock and takes it, so that whoever comes now waits until the server has stopped.
async fn last_user_gone(users: &PathBuf) -> std::io::Result<File> {
    let file = File::open(users)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(100)).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Removes a folder; a server that has just stopped may still write a last file, so more than once.
async fn remove(folder: &PathBuf) {
    for _ in 0..20 {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => sleep(Duration::from_millis(50)).await,
            _ => return,
        }
    }
    eprintln!("driftsentry guard: cannot remove {}: remove it by hand", folder.display());
}

/// The moment from which the server is no longer wanted.
struct End {
    pipe: oneshot::Receiver<()>,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    has_come: bool,
}

impl End {
    fn new() -> Result<Self, GuardError> {
        let (closed, pipe) = oneshot::channel();
        // A thread, because a blocking read cannot be taken back when the server ends first.
        std::thread::spawn(move || {
            // An error means the same as the end: nobody is there any more.
            std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).ok();
            closed.send(()).ok();
        });
        let terminate = signal(SignalKind::terminate()).map_err(step("watch for SIGTERM"))?;
        let interrupt = signal(SignalKind::interrupt()).map_err(step("watch for SIGINT"))?;
        Ok(Self { pipe, terminate, interrupt, has_come: false })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = &mut self.pipe => {}
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        self.has_come = true;
    }
}

fn step(step: impl Into<String>) -> impl FnOnce(std::io::Error) -> GuardError {
    move |source| GuardError::Step { step: step.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_survives_its_way_through_arguments() {
        let plan = Plan {
            commands: vec![vec!["initdb".into(), "-D".into(), "/x".into()], vec!["postgres".into()]],
            stop: Stop::Interrupt,
            owner: Some(Owner { uid: 101, gid: 104 }),
            users: Some("/x/users".into()),
            remove: vec!["/x".into(), "/y".into()],
        };
        assert_eq!(Plan::parse(plan.to_args().into_iter().skip(1)).expect("own arguments"), plan);
    }

    #[test]
    fn arguments_of_people_are_refused() {
        for args in [&["--stop"][..], &["--stop", "later", "--", "x"], &["--", "x", "--then"], &[], &["x", "y"]] {
            assert!(Plan::parse(args.iter().map(OsString::from)).is_err(), "{args:?}");
        }
    }
}

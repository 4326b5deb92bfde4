//! The real program as a process of its own: one-shot commands and daemons, in an environment that holds nothing of
//! the developer's.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::aws::World;
use super::servers::host;

/// How long a fact may take to come true on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A folder with a configuration, and the environment that the program runs with there.
pub struct Place {
    folder: Arc<TempDir>,
    env: Vec<(String, String)>,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Output {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Results.
    pub stdout: String,
    /// Logs, progress and errors.
    pub stderr: String,
}

impl Output {
    /// Stdout, which must be JSON and nothing else, of a command that succeeded.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks that it failed, said why in these words, and left stdout alone.
    #[track_caller]
    pub fn refuses(&self, words: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(1), ""), "{self:?}");
        for words in words {
            assert!(self.stderr.contains(words), "`{words}` in {self:?}");
        }
    }
}

impl Place {
    /// A folder whose `driftsentry.toml` is `config`.
    pub fn new(config: &str) -> Self {
        let place = Self { folder: Arc::new(tempfile::tempdir().expect("a folder")), env: Vec::new() };
        place.configure(config);
        // No proxy of the developer's, no metadata service, no home.
        place
            .with("PATH", host().env.get("PATH").expect("a path"))
            .with("AWS_ACCESS_KEY_ID", "test")
            .with("AWS_SECRET_ACCESS_KEY", "test")
            .with("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// One that scans `world` by way of `endpoint` and stores in the database at `url`; `more` is further TOML.
    pub fn of(world: &World, endpoint: &str, url: &str, more: &str) -> Self {
        Self::new(&config(world, endpoint, url, more))
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the configuration.
    pub fn configure(&self, config: &str) {
        self.write("driftsentry.toml", config);
    }

    /// Writes a file into the folder and tells where it is.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        std::fs::write(&path, text).expect("write a file");
        path
    }

    /// The folder, in which the program runs.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command to its end.
    pub async fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "").await
    }

    /// Runs a command to its end with this on stdin.
    pub async fn run_with(&self, args: &[&str], stdin: &str) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start the program");
        let mut input = child.stdin.take().expect("its stdin");
        // A command that does not read it may be gone by now.
        input.write_all(stdin.as_bytes()).await.ok();
        drop(input);
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{args:?} does not end")).expect("its output");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts `run` with these arguments.
    pub fn start(&self, args: &[&str]) -> Daemon {
        self.start_command(&[&["--log-format", "json", "run"], args].concat())
    }

    /// Starts a command that is to be interrupted.
    pub fn start_command(&self, args: &[&str]) -> Daemon {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let log = self.path().join(format!("{}.log", NEXT.fetch_add(1, Ordering::Relaxed)));
        let file = std::fs::File::create(&log).expect("a log file");
        let mut command = self.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        Daemon { child: command.spawn().expect("start the program"), log, _folder: Arc::clone(&self.folder) }
    }

    /// The program in this place, for what the other functions do not do.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftsentry"));
        command.args(["--config", "driftsentry.toml"]).args(args).current_dir(self.path());
        command.env_clear().envs(self.env.iter().cloned()).kill_on_drop(true);
        command
    }
}

/// A configuration that scans `world` by way of `endpoint` and stores in the database at `url`; `more` is further TOML.
pub fn config(world: &World, endpoint: &str, url: &str, more: &str) -> String {
    let id = &world.account_id;
    format!(
        "[database]\nurl = \"{url}\"\n\
         [aws]\nregions = [\"us-east-1\"]\nendpoint_url = \"{endpoint}\"\nmax_requests_per_second = 10000\n\
         [[aws.accounts]]\nname = \"test\"\nid = \"{id}\"\nrole_arn = \"arn:aws:iam::{id}:role/driftsentry-scan\"\n\
         [api]\nlisten = \"127.0.0.1:0\"\n\
         {more}"
    )
}

/// A running program; it is killed when this is dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
    _folder: Arc<TempDir>,
}

impl Daemon {
    /// Everything that it wrote to stderr so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("read its log")
    }

    /// Waits for a line of the JSON log whose message contains `words`.
    pub async fn says(&self, words: &str) -> Value {
        let find = async || self.lines().find(|line| line["message"].as_str().is_some_and(|text| text.contains(words)));
        // The log is of use when the wait is in vain.
        let wait = timeout(PATIENCE, wait_for(find)).await;
        wait.unwrap_or_else(|_| panic!("`{words}` is not in:\n{}", self.log()))
    }

    /// Lines of the JSON log; a line that is being written is left out.
    pub fn lines(&self) -> impl Iterator<Item = Value> {
        let lines: Vec<Value> = self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        lines.into_iter()
    }

    /// Waits until it serves, and tells the address: `http://127.0.0.1:40123`.
    pub async fn serves(&self) -> String {
        let line = self.says("listening on http://").await;
        format!("http://{}", line["http.address"].as_str().expect("an address"))
    }

    /// `kill -9`: it gets no chance to say anything.
    pub async fn kill9(mut self) {
        self.child.kill().await.expect("kill it");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Any signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().expect("it runs").try_into().expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("send a signal");
    }

    /// Waits for its end, at most this long.
    pub async fn ends_within(&mut self, most: Duration) -> ExitStatus {
        let ended = timeout(most, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("it does not end within {most:?}:\n{}", self.log())).expect("its status")
    }

    /// SIGTERM, and waits for an orderly end.
    pub async fn stop(mut self) -> String {
        self.terminate();
        let status = self.ends_within(Duration::from_secs(30)).await;
        assert!(status.success(), "{status}:\n{}", self.log());
        self.log()
    }
}

/// Waits until `look` finds something; panics with `what` if that takes too long.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    timeout(PATIENCE, wait_for(look)).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

async fn wait_for<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        match look().await {
            Some(found) => return found,
            None => sleep(Duration::from_millis(40)).await,
        }
    }
}

//! Processor time and memory, as the kernel counts them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use driftsentry::config::Unmanaged;
use driftsentry::domain::drift::DetectedBy;
use driftsentry::domain::id::{ScanId, Scope};
use driftsentry::scan::plan;
use driftsentry::store::{self, Store};

/// What a future comes to, and the processor seconds that this thread spent meanwhile.
pub async fn cpu_of<T>(future: impl Future<Output = T>) -> (T, f64) {
    let before = cpu_of_thread();
    let output = future.await;
    (output, cpu_of_thread() - before)
}

/// Processor seconds of this thread.
fn cpu_of_thread() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds: f64 = text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number");
    nanoseconds / 1e9
}

/// Processor seconds of a process.
pub fn cpu_of_process(id: u32) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("a process");
    let (_, fields) = text.rsplit_once(") ").expect("its name in parentheses");
    let ticks =
        |field: usize| fields.split(' ').nth(field).and_then(|text| text.parse::<f64>().ok()).expect("a number");
    (ticks(11) + ticks(12)) / TICKS_A_SECOND
}

/// Resident megabytes of a process now.
pub fn resident(id: u32) -> f64 {
    status(id, "VmRSS").expect("a running process")
}

fn status(id: u32, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// What a run of the program left behind.
pub struct Peak {
    /// Its standard output.
    pub output: String,
    /// The most that it held at a time.
    pub megabytes: f64,
}

/// Runs the program to its end.
pub async fn peak_of(config: &Path, args: &[&str]) -> Peak {
    let mut child = program(config).args(args).stdout(Stdio::piped()).spawn().expect("the program");
    let mut stdout = child.stdout.take().expect("its output");
    let output = std::thread::spawn(move || std::io::read_to_string(&mut stdout).expect("text"));
    let mut megabytes = 0.0;
    while child.try_wait().expect("the program").is_none() {
        megabytes = status(child.id(), "VmHWM").unwrap_or(megabytes);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Peak { output: output.join().expect("its output"), megabytes }
}

fn program(config: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_driftsentry"));
    program.arg("--config").arg(config);
    program.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    program
}

/// The daemon, running; killed when dropped.
pub struct Daemon {
    child: Child,
    store: Store,
}

impl Daemon {
    /// Starts it and lets it come to rest.
    pub async fn start(config: &Path, database_url: &str) -> Self {
        let mut program = program(config);
        program.arg("run").env("DATABASE_URL", database_url).env("DRIFTSENTRY__API__LISTEN", "127.0.0.1:0");
        let child = program.spawn().expect("the program");
        let store = Store::connect(&driftsentry::config::secret::Secret::new(database_url), 2).await.expect("connect");
        tokio::time::sleep(Duration::from_secs(10)).await;
        Self { child, store }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it scan these shards to their end.
    pub async fn scan(&self, scopes: &[Scope]) {
        let id = ScanId::new();
        let scan =
            plan::NewScan { id, schedule: None, detected_by: DetectedBy::Manual, unmanaged: Unmanaged::Ignore.into() };
        let mut tx = self.store.begin().await.expect("a transaction");
        plan::start(&mut tx, &scan, scopes, chrono::DateTime::UNIX_EPOCH).await.expect("a scan");
        tx.commit().await.expect("commit");
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let mut conn = self.store.conn().await.expect("a connection");
            let scan = store::scan::get(&mut conn, id).await.expect("the scan");
            if !scan.status.is_open() {
                return assert_eq!(scan.error, None);
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

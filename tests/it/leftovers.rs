//! Whatever is started ends with who started it, even by `kill -9`, and leaves no folder behind.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use driftsentry::embedded::guard::Plan;
use driftsentry::embedded::{Host, Postgres, PostgresOptions, Site};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::host;

/// Waits for what must come soon.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_running(pid: i32) -> bool {
    // A process that nobody has waited for yet does not run any more.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(Pid::from_raw(pid), None).is_ok() && !stat.contains(") Z ")
}

/// A shell that starts a guarded server and waits; returns the server's process id.
struct Starter {
    shell: std::process::Child,
    server: i32,
    folder: PathBuf,
}

fn start_server_from_another_process(server: &str) -> Starter {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let pid_file = folder.join("pid");
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; {server}", pid_file.display());
    let plan = Plan {
        commands: vec![vec!["sh".into(), "-c".into(), script.into()]],
        remove: vec![folder.clone()],
        ..Plan::default()
    };
    // The shell holds the other end of the pipe, as the program does.
    let shell = Command::new("sh")
        .args(["-c", "sleep 600 | \"$@\"; exit 0", "sh", env!("CARGO_BIN_EXE_driftsentry")])
        .args(plan.to_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    eventually("the server runs", || pid_file.exists());
    let server = std::fs::read_to_string(&pid_file).expect("its process id").trim().parse().expect("a number");
    Starter { shell, server, folder }
}

impl Starter {
    /// Kills the `sleep` that holds the pipe, as the end of the program would close it.
    fn close_pipe(&self) {
        let shell = self.shell.id();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap_or_default();
        if let Some(first) = children.split_whitespace().next().and_then(|pid| pid.parse().ok()) {
            kill(Pid::from_raw(first), Signal::SIGKILL).ok();
        }
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        self.close_pipe();
        self.shell.wait().ok();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_ends_and_its_folder_goes_when_its_starter_is_gone() {
    let starter = start_server_from_another_process("sleep 600");
    starter.close_pipe();
    eventually("the server has ended", || !is_running(starter.server));
    eventually("its folder is gone", || !starter.folder.exists());
}

#[test]
#[cfg(target_os = "linux")]
fn the_folder_goes_when_the_server_ends_by_itself() {
    let starter = start_server_from_another_process("sleep 1; exit 3");
    eventually("its folder is gone", || !starter.folder.exists());
}

async fn database(host: &Host, site: &Site) -> Postgres {
    let options = PostgresOptions { site: site.clone(), max_connections: 20 };
    Postgres::start(host, &options).await.expect("a PostgreSQL")
}

async fn count_of_notes(url: &str) -> Result<i64, sqlx::Error> {
    let pool = sqlx::PgPool::connect(url).await?;
    sqlx::query_scalar("select count(*) from notes").fetch_one(&pool).await
}

#[tokio::test]
async fn a_kept_database_is_shared_and_stops_with_its_last_user() {
    // Not the usual temporary folder, which may be closed to the user that runs PostgreSQL for root.
    let folder = tempfile::Builder::new().prefix("driftsentry-test-").tempdir_in("/tmp").expect("a folder");
    open_for_all(folder.path());
    let site = Site::Kept(folder.path().to_owned());
    let first = database(&host(), &site).await;
    let pool = sqlx::PgPool::connect(first.url()).await.expect("connect");
    sqlx::query("create table notes (id int)").execute(&pool).await.expect("create a table");
    pool.close().await;
    let second = database(&host(), &site).await;
    assert_eq!(first.url(), second.url());

    drop(first);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(count_of_notes(second.url()).await.expect("the second user still has it"), 0);

    let url = second.url().to_owned();
    second.stop().await;
    eventually("it has stopped", || !folder.path().join("postgresql/cluster/data/postmaster.pid").exists());
    count_of_notes(&url).await.expect_err("nobody answers");

    let again = database(&host(), &site).await;
    assert_eq!(count_of_notes(again.url()).await.expect("the data are still there"), 0);
    again.stop().await;
}

#[tokio::test]
async fn a_database_of_another_version_is_refused_and_left_alone() {
    let folder = tempfile::Builder::new().prefix("driftsentry-test-").tempdir_in("/tmp").expect("a folder");
    open_for_all(folder.path());
    let data = folder.path().join("postgresql/cluster/data");
    std::fs::create_dir_all(&data).expect("a data folder");
    std::fs::write(data.join("PG_VERSION"), "9\n").expect("a version");
    let options = PostgresOptions { site: Site::Kept(folder.path().to_owned()), max_connections: 20 };
    let error = Postgres::start(&host(), &options).await.expect_err("another version").to_string();
    assert!(error.contains("was written by PostgreSQL 9"), "{error}");
    assert_eq!(std::fs::read_to_string(data.join("PG_VERSION")).expect("still there"), "9\n");
}

fn open_for_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("open the folder");
}

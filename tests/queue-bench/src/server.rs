//! A PostgreSQL of the benchmark's own, as durable as a production one, on a socket in a temporary folder.
//!
//! A shell holds it: when our end of its input closes, even because we were killed, it stops the server and removes
//! the folder.

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::User;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

const SETTINGS: &[&str] = &[
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "max_connections=100",
    "listen_addresses=",
    "port=5432",
    "timezone=UTC",
];

/// Runs the server until the input ends.
const HOLD: &str = r#"folder=$1; shift; "$@" & read -r _; kill -INT $!; wait $!; rm -rf "$folder""#;

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The server; it stops when this is dropped.
pub struct Server {
    holder: Child,
    db: Db,
}

/// Where the server is.
#[derive(Debug, Clone)]
pub struct Db {
    /// Folder of its socket.
    pub socket: PathBuf,
    bin: PathBuf,
}

impl Server {
    /// Makes a cluster and starts it.
    pub async fn start() -> Result<Self> {
        let bin = binaries()?;
        let owner = owner()?;
        let open = Permissions::from_mode(0o755);
        let temporary = tempfile::Builder::new().prefix("queue-bench-").permissions(open).tempdir();
        let temporary = temporary.context("make a temporary folder")?;
        let folder = temporary.path();
        if let Some((uid, gid)) = owner {
            chown(folder, Some(uid), Some(gid)).context("hand the folder to PostgreSQL's user")?;
        }
        let data = folder.join("data");
        let mut initdb = as_user(&bin.join("initdb"), owner);
        initdb.arg("-D").arg(&data).args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
        let made = initdb.output().context("run initdb")?;
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let log = File::create(folder.join("server.log")).context("make the server's log")?;
        let mut hold = as_user(Path::new("sh"), owner);
        hold.args(["-c", HOLD, "sh"]).arg(folder).arg(bin.join("postgres")).arg("-D").arg(&data);
        hold.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
        hold.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        hold.process_group(0).stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        let holder = hold.spawn().context("start PostgreSQL")?;
        let server = Self { holder, db: Db { socket: temporary.keep(), bin } };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// How to reach it.
    pub fn db(&self) -> &Db {
        &self.db
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let begun = Instant::now();
        while let Err(error) = self.db.connect().await {
            if begun.elapsed() > START_TIMEOUT {
                let log = std::fs::read_to_string(self.db.log()).unwrap_or_default();
                bail!("PostgreSQL did not start ({error}): {log}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        if let Err(error) = self.holder.wait() {
            eprintln!("PostgreSQL may still run in {}: {error}", self.db.socket.display());
        }
    }
}

impl Db {
    /// The server whose socket is in this folder.
    pub fn at(socket: PathBuf) -> Self {
        Self { socket, bin: PathBuf::new() }
    }

    fn options(&self) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.socket).port(5432);
        options.username("postgres").database("postgres").application_name("queue-bench").disable_statement_logging()
    }

    /// A connection.
    pub async fn connect(&self) -> Result<PgConnection> {
        PgConnection::connect_with(&self.options()).await.context("connect to PostgreSQL")
    }

    /// A pool whose connections are open.
    pub async fn pool(&self, connections: u32) -> Result<PgPool> {
        let options = PgPoolOptions::new().min_connections(connections).max_connections(connections);
        let options = options.acquire_timeout(Duration::from_mins(1)).test_before_acquire(false);
        options.connect_with(self.options()).await.context("connect to PostgreSQL")
    }

    /// Runs statements of no result.
    pub async fn run(&self, sql: &'static str) -> Result<()> {
        let mut conn = self.connect().await?;
        sqlx::raw_sql(sql).execute(&mut conn).await.with_context(|| sql.to_owned())?;
        conn.close().await.context("close a connection")
    }

    /// Leaves nothing to be done in the background that would disturb a measurement.
    pub async fn calm(&self) -> Result<()> {
        self.run("vacuum analyze").await?;
        self.run("checkpoint").await
    }

    /// A command of PostgreSQL's, to be run against it.
    pub fn tool(&self, name: &str) -> tokio::process::Command {
        let mut tool = tokio::process::Command::new(self.bin.join(name));
        tool.arg("-h").arg(&self.socket).args(["-p", "5432", "-U", "postgres"]).kill_on_drop(true);
        tool
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.socket.join("server.log")
    }
}

/// A command under the user that may run PostgreSQL: root may not.
fn as_user(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env("LC_ALL", "C.UTF-8");
    if let Some((uid, gid)) = owner {
        command.gid(gid).uid(uid);
    }
    command
}

fn owner() -> Result<Option<(u32, u32)>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let user = |name| User::from_name(name).ok().flatten();
    let user = user("postgres").or_else(|| user("nobody")).context("no user `postgres` or `nobody` to run as")?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}

/// The folder with initdb, postgres and pgbench: `PG_BIN`, the newest installed one, or one of PATH.
fn binaries() -> Result<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PG_BIN").map(PathBuf::from).into_iter().collect();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = installed.map(|entry| entry.path()).collect();
    installed.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    folders.extend(installed.into_iter().rev().map(|path| path.join("bin")));
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let has_all = |folder: &PathBuf| ["initdb", "postgres", "pgbench"].iter().all(|tool| folder.join(tool).is_file());
    folders
        .into_iter()
        .find(has_all)
        .context("no folder with initdb, postgres and pgbench: install PostgreSQL 14 or later, or set PG_BIN")
}

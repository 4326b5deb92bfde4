//! A private PostgreSQL: for the demo, the tests, and a first use without a database of one's own.
//!
//! A launcher of our own, because those on the market cannot run as root, download what is installed already, or serve
//! one connection only. It listens on a Unix socket in a folder that only its user can enter, never on the network.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{Connection, PgConnection};

use super::Host;
use super::guard::{Owner, Plan, Stop};
use super::keeper::{Kept, Streams};
use super::postgres_tools::{Binaries, OLDEST, closed_folder, find, owner};
use super::toolbox::{ToolError, lock, make_folder};

/// Role and database that are made in it.
const NAME: &str = "driftsentry";

/// The longest path of a socket that every system takes.
const SOCKET_PATH_LIMIT: usize = 103;

/// How long it may take to accept connections, recovery after a crash included.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// What kind of server is wanted.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Where its data are.
    pub site: Site,
    /// Connections that it accepts.
    pub max_connections: u32,
}

/// Where a server's data are, and for how long.
#[derive(Debug, Clone)]
pub enum Site {
    /// In a temporary folder that is removed at the end; a power failure may lose it.
    Temporary,
    /// In `postgresql` below this folder, for good. Other processes that ask for the same folder share the server.
    Kept(PathBuf),
}

/// A running server; it ends when this is dropped and no other process uses it.
#[derive(Debug)]
pub struct Postgres {
    /// `None` if another process started it.
    server: Option<Kept>,
    url: String,
    _in_use: std::fs::File,
}

/// Why there is no private PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The binaries could not be had, or a file could not be made.
    #[error("prepare a private PostgreSQL")]
    Tool(#[from] ToolError),
    /// The data are of a version that is not here.
    #[error(
        "{} was written by PostgreSQL {found}, which is not on this machine: install that version, point PG_BIN to its \
         bin folder, or move the folder away to begin anew", path.display()
    )]
    OtherVersion {
        /// The data folder.
        path: PathBuf,
        /// Its major version.
        found: u32,
    },
    /// No usable binaries at all.
    #[error(
        "no PostgreSQL {OLDEST} or later: install it, or point PG_BIN to the folder that holds initdb and postgres"
    )]
    NoBinaries,
    /// Root cannot run it, and who could cannot get to the data.
    #[error(
        "PostgreSQL does not run as root, and the user {user} that is to run it may not enter {}: choose a data_dir \
         elsewhere, such as /var/lib/driftsentry", folder.display()
    )]
    Closed {
        /// The user.
        user: String,
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder could not be made.
    #[error("{step} {}", path.display())]
    Files {
        /// What was tried.
        step: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ended at once, or does not answer.
    #[error("the private PostgreSQL did not start: {log}")]
    NotStarted {
        /// The end of its log.
        log: String,
    },
    /// It answers, but not as it should.
    #[error("set up the private PostgreSQL's database")]
    Database(#[source] sqlx::Error),
}

impl Postgres {
    /// Starts a server, or finds the one that already runs on the same data, and waits until it answers.
    ///
    /// # Errors
    /// If it cannot be had, started or reached.
    pub async fn start(host: &Host, options: &PostgresOptions) -> Result<Self, PostgresError> {
        let mut place = Place::prepare(&options.site)?;
        // Invariant: the shared lock comes first, so that a guardian that has seen no user keeps us waiting until its
        // server has stopped, and one that has not yet looked sees us.
        let in_use = lock(&place.users(), false).await?;
        let _starting = lock(&place.base.join("start.lock"), true).await?;
        if let Some(url) = place.running().await {
            return Ok(Self { server: None, url, _in_use: in_use });
        }
        let binaries = place.binaries(host).await?;
        let socket = place.make_socket_folder()?;
        host.tell(&format!("Starting a private PostgreSQL {}", binaries.major));
        let mut server = place.launch(host, &binaries, &socket, options)?;
        drop(place.until_guarded.take().map(tempfile::TempDir::keep));
        let url = place.wait_until_ready(&mut server, &socket.path).await?;
        Ok(Self { server: Some(server), url, _in_use: in_use })
    }

    /// Connection URL of its database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives it up, and waits until it has stopped if nobody else uses it.
    pub async fn stop(self) {
        let Self { server, _in_use: in_use, .. } = self;
        drop(in_use);
        if let Some(server) = server {
            server.stop().await;
        }
    }
}

/// The folders of one server.
struct Place {
    base: PathBuf,
    is_temporary: bool,
    owner: Option<(String, Owner)>,
    /// Removes a temporary folder until a guardian has taken that over.
    until_guarded: Option<tempfile::TempDir>,
}

/// The folder of the socket.
struct Socket {
    path: PathBuf,
    /// Whether it had to be made outside of the server's own folder.
    is_apart: bool,
}

impl Place {
    fn prepare(site: &Site) -> Result<Self, PostgresError> {
        let owner = owner();
        let (base, until_guarded) = match site {
            Site::Temporary => {
                let folder = temporary_folder("driftsentry-pg-", owner.as_ref().map(|(_, owner)| *owner))?;
                (folder.path().to_owned(), Some(folder))
            }
            Site::Kept(data_dir) => {
                let base = std::path::absolute(data_dir.join("postgresql"));
                (base.map_err(|source| fault("find folder", data_dir, source))?, None)
            }
        };
        make_folder(&base)?;
        if let Some((user, owner)) = &owner {
            if let Some(folder) = closed_folder(&base, *owner) {
                return Err(PostgresError::Closed { user: user.clone(), folder });
            }
            chown(&base, Some(owner.uid), Some(owner.gid)).map_err(|source| fault("give away", &base, source))?;
        }
        Ok(Self { base, is_temporary: until_guarded.is_some(), owner, until_guarded })
    }

    fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    fn users(&self) -> PathBuf {
        self.base.join("users.lock")
    }

    fn log(&self) -> PathBuf {
        self.base.join("server.log")
    }

    /// The URL of a server that runs on these data; a stale `postmaster.pid` leads nowhere.
    async fn running(&self) -> Option<String> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let socket = PathBuf::from(file.lines().nth(4)?);
        connect(&socket, NAME).await.ok()?;
        Some(url(&socket, NAME))
    }

    async fn binaries(&self, host: &Host) -> Result<Binaries, PostgresError> {
        let path = self.data();
        let written_by = std::fs::read_to_string(path.join("PG_VERSION")).ok();
        let wanted = written_by.and_then(|text| text.trim().parse().ok());
        let found = find(host, wanted, self.owner.as_ref().map(|(_, owner)| *owner)).await?;
        found.ok_or_else(|| match wanted {
            Some(found) => PostgresError::OtherVersion { path, found },
            None => PostgresError::NoBinaries,
        })
    }

    fn make_socket_folder(&self) -> Result<Socket, PostgresError> {
        let inside = self.base.join("socket");
        let owner = self.owner.as_ref().map(|(_, owner)| *owner);
        let length = inside.as_os_str().len() + "/.s.PGSQL.5432.lock".len();
        if length > SOCKET_PATH_LIMIT {
            let path = temporary_folder("driftsentry-", owner)?.keep();
            return Ok(Socket { path, is_apart: true });
        }
        std::fs::remove_dir_all(&inside).ok();
        make_private(&inside, owner)?;
        Ok(Socket { path: inside, is_apart: false })
    }

    fn launch(
        &self,
        host: &Host,
        binaries: &Binaries,
        socket: &Socket,
        options: &PostgresOptions,
    ) -> Result<Kept, PostgresError> {
        let mut commands = self.init_commands(binaries)?;
        commands.push(self.server_command(binaries, socket, options.max_connections));
        let mut remove = Vec::new();
        remove.extend(self.is_temporary.then(|| self.base.clone()));
        remove.extend(socket.is_apart.then(|| socket.path.clone()));
        let plan = Plan {
            commands,
            stop: if self.is_temporary { Stop::Quit } else { Stop::Interrupt },
            owner: self.owner.as_ref().map(|(_, owner)| *owner),
            users: (!self.is_temporary).then(|| self.users()),
            remove,
        };
        let log = std::fs::File::create(self.log()).map_err(|source| fault("create", &self.log(), source))?;
        let copy = log.try_clone().map_err(|source| fault("open", &self.log(), source))?;
        let env = vec![("LC_ALL".into(), "C.UTF-8".into()), ("TZ".into(), "UTC".into())];
        let streams = Streams { env, without: Vec::new(), stdout: Stdio::from(copy), stderr: Stdio::from(log) };
        Kept::start(&host.program, &plan, streams).map_err(|source| fault("run", &host.program, source))
    }

    /// What makes the data folder, if there is none. It gets its name when it is complete, so that an interrupted
    /// beginning is begun anew.
    fn init_commands(&self, binaries: &Binaries) -> Result<Vec<Vec<std::ffi::OsString>>, PostgresError> {
        let data = self.data();
        if data.join("PG_VERSION").exists() {
            return Ok(Vec::new());
        }
        let unfinished = self.base.join("data.unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(|source| fault("remove", &unfinished, source))?;
        }
        let mut initdb = vec![binaries.program("initdb").into(), "-D".into(), unfinished.clone().into()];
        let settings = ["--username", NAME, "--auth=trust", "--encoding=UTF8", "--no-locale"];
        initdb.extend(settings.map(Into::into));
        initdb.push(if self.is_temporary { "--no-sync" } else { "--data-checksums" }.into());
        Ok(vec![initdb, vec!["mv".into(), unfinished.into(), data.into()]])
    }

    fn server_command(&self, binaries: &Binaries, socket: &Socket, connections: u32) -> Vec<std::ffi::OsString> {
        let mut command = vec![binaries.program("postgres").into(), "-D".into(), self.data().into()];
        let mut socket_setting = std::ffi::OsString::from("unix_socket_directories=");
        socket_setting.push(&socket.path);
        command.extend(["-c".into(), socket_setting]);
        let mut settings = vec![
            "listen_addresses=".to_owned(),
            "port=5432".to_owned(),
            format!("max_connections={connections}"),
            "log_timezone=UTC".to_owned(),
            "timezone=UTC".to_owned(),
        ];
        if self.is_temporary {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
        }
        command.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
        command
    }

    async fn wait_until_ready(&self, server: &mut Kept, socket: &Path) -> Result<String, PostgresError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match connect(socket, "postgres").await {
                Ok(connection) => {
                    create_database(connection).await.map_err(PostgresError::Database)?;
                    return Ok(url(socket, NAME));
                }
                Err(_) if server.ended().is_some() || Instant::now() > deadline => {
                    return Err(PostgresError::NotStarted { log: self.last_of_log() });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn last_of_log(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.trim().lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

fn url(socket: &Path, database: &str) -> String {
    let folder = socket.to_string_lossy();
    let folder = utf8_percent_encode(&folder, NON_ALPHANUMERIC);
    format!("postgres://{NAME}@localhost/{database}?host={folder}")
}

async fn connect(socket: &Path, database: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect(&url(socket, database)).await
}

async fn create_database(mut connection: PgConnection) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(NAME)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        sqlx::query("create database driftsentry").execute(&mut connection).await?;
    }
    connection.close().await
}

/// Makes a folder under the system's temporary folder, or under `/tmp` where that one is closed to `owner` or too long
/// for a socket.
fn temporary_folder(prefix: &str, owner: Option<Owner>) -> Result<tempfile::TempDir, PostgresError> {
    let usual = std::env::temp_dir();
    let closed = owner.is_some_and(|owner| closed_folder(&usual, owner).is_some());
    let base = if closed || usual.as_os_str().len() > 60 { PathBuf::from("/tmp") } else { usual };
    let made = tempfile::Builder::new().prefix(prefix).tempdir_in(&base);
    let folder = made.map_err(|source| fault("create a temporary folder in", &base, source))?;
    make_private(folder.path(), owner)?;
    Ok(folder)
}

/// Makes a folder that only `owner` may enter.
fn make_private(folder: &Path, owner: Option<Owner>) -> Result<(), PostgresError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)))
        .and_then(|()| owner.map_or(Ok(()), |owner| chown(folder, Some(owner.uid), Some(owner.gid))))
        .map_err(|source| fault("create folder", folder, source))
}

fn fault(step: &'static str, path: &Path, source: std::io::Error) -> PostgresError {
    PostgresError::Files { step, path: path.to_owned(), source }
}

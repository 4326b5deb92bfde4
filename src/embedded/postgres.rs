//! A private PostgreSQL: for the demo, the tests, and a first use without a database of one's own.
//!
//! A launcher of our own, because those on the market cannot run as root, download what is installed already, or serve
//! one connection only. It listens on a Unix socket in a folder that only its user can enter, never on the network.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{Connection, PgConnection};

use super::Host;
use super::keeper::Kept;
use super::postgres_place::Place;
use super::postgres_tools::OLDEST;
use super::toolbox::{ToolError, lock};

/// Role and database that are made in it.
pub(super) const NAME: &str = "driftsentry";

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
        "PostgreSQL does not run as root, and the user {user} that is to run it may not enter {}: let it pass \
         there (chmod o+x), or choose a data_dir elsewhere, such as /var/lib/driftsentry", folder.display()
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
        let _starting = lock(&place.starting(), true).await?;
        if let Some(socket) = place.running_socket()
            && connect(&socket, NAME).await.is_ok()
        {
            return Ok(Self { server: None, url: url(&socket, NAME), _in_use: in_use });
        }
        let binaries = place.binaries(host).await?;
        let socket = place.make_socket_folder()?;
        host.tell(&format!("Starting a private PostgreSQL {}", binaries.major));
        let (mut server, log) = place.launch(host, &binaries, &socket, options)?;
        let url = wait_until_ready(&mut server, &socket.path, log).await?;
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

async fn wait_until_ready(server: &mut Kept, socket: &Path, log: File) -> Result<String, PostgresError> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        match connect(socket, "postgres").await {
            Ok(connection) => {
                create_database(connection).await.map_err(PostgresError::Database)?;
                return Ok(url(socket, NAME));
            }
            Err(_) if server.ended().is_some() || Instant::now() > deadline => {
                return Err(PostgresError::NotStarted { log: last_of(log) });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The last lines of a log. It is read through a handle, because its folder may be gone already.
fn last_of(mut log: File) -> String {
    let mut text = String::new();
    if let Err(error) = log.read_to_string(&mut text) {
        return format!("its log cannot be read: {error}");
    }
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
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

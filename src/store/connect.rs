//! The way to the database: patience with a server that starts up, plain words for everything else.

use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tracing::debug;

use super::error::{StoreError, is_transient};
use crate::config::secret::Secret;

/// How long a server may take to start up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one attempt may take: what listens there may be something else and never answer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a caller waits for a free connection. None is held for long, so a longer wait means that the server is away,
/// and then a daemon must say so, and must be able to stop.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// After this, an unused connection is closed, so that an idle daemon holds few.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// PostgreSQL 14, as `server_version_num` counts.
const OLDEST_SERVER: u32 = 140_000;

/// A pool whose first connection is proven to work.
pub(super) async fn pool(url: &Secret, max_connections: u32) -> Result<PgPool, StoreError> {
    let options = parse(url).map_err(|source| StoreError::Url { source })?.application_name("driftsentry");
    let first = first_connection(&options).await?;
    check_version(&first)?;
    // Its end is only a courtesy to the server.
    first.close().await.ok();
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .connect_lazy_with(options))
}

fn parse(url: &Secret) -> Result<PgConnectOptions, sqlx::Error> {
    // The driver takes any scheme.
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme)) {
        return Err(sqlx::Error::Configuration("it does not begin with postgres://".into()));
    }
    PgConnectOptions::from_str(url.expose())
}

async fn first_connection(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let begun = Instant::now();
    loop {
        let attempt = tokio::time::timeout(ATTEMPT_TIMEOUT, PgConnection::connect_with(options));
        match attempt.await.unwrap_or_else(|_| Err(silence())) {
            Ok(connection) => return Ok(connection),
            Err(source) if may_be_starting(&source) && begun.elapsed() < PATIENCE => {
                debug!(error = %source, "PostgreSQL does not answer yet, trying again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(source) => {
                return Err(StoreError::Connect { place: place(options), advice: advice(options, &source), source });
            }
        }
    }
}

fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::TimedOut)
}

fn silence() -> sqlx::Error {
    let text = format!("no answer within {} s", ATTEMPT_TIMEOUT.as_secs());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

/// A host that has no name in DNS will not get one in seconds, and a server that starts says so; a refused connection
/// may be one that is about to.
fn may_be_starting(error: &sqlx::Error) -> bool {
    is_transient(error) && !is_unknown_host(error) && !is_silence(error)
}

fn is_unknown_host(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(io) if io.raw_os_error().is_none() && io.to_string().contains("lookup"))
}

fn check_version(connection: &PgConnection) -> Result<(), StoreError> {
    match connection.server_version_num() {
        Some(version) if version < OLDEST_SERVER => {
            Err(StoreError::ServerTooOld { found: format!("{}", version / 10_000) })
        }
        _ => Ok(()),
    }
}

/// Where we tried, without user or password.
fn place(options: &PgConnectOptions) -> String {
    let server = match options.get_socket() {
        Some(socket) => format!("socket {}", socket.display()),
        None if options.get_host().starts_with('/') => format!("socket in {}", options.get_host()),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    format!("{server}, database {}", database(options))
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or_else(|| options.get_username())
}

fn advice(options: &PgConnectOptions, error: &sqlx::Error) -> String {
    let user = options.get_username();
    match error {
        sqlx::Error::Io(_) if is_unknown_host(error) => {
            format!("no host is called {}; check [database].url", options.get_host())
        }
        sqlx::Error::Io(_) if is_silence(error) => {
            "what listens there, or a firewall on the way, does not answer; check [database].url".to_owned()
        }
        sqlx::Error::Protocol(_) => "what answers there is no PostgreSQL; check [database].url".to_owned(),
        sqlx::Error::Io(_) => "nothing answers there; start the server or check [database].url".to_owned(),
        sqlx::Error::Tls(_) => "TLS failed; check the server's certificate and sslmode in [database].url".to_owned(),
        sqlx::Error::Database(refusal) => match refusal.code().as_deref() {
            Some("28P01" | "28000") => {
                format!("the server refused user {user}; check user and password in [database].url and pg_hba.conf")
            }
            Some("3D000") => format!("create the database with: createdb {}", database(options)),
            Some("42501") => format!("user {user} may not connect; grant it CONNECT on the database"),
            Some("53300") => "the server has no connection free; raise its max_connections".to_owned(),
            Some("57P03") => "the server is still starting up or shutting down; try again".to_owned(),
            _ => "the server refused".to_owned(),
        },
        _ => "check [database].url".to_owned(),
    }
}

//! What can go wrong with the database, and whether trying again can help.

use sqlx::postgres::PgQueryResult;

use crate::domain::drift::DriftStatus;
use crate::domain::id::DriftId;

/// A failed step against the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection URL cannot be read. Its text is not repeated: it may hold a password.
    #[error("[database].url is no PostgreSQL URL; write postgres://USER@HOST:PORT/DATABASE")]
    Url {
        /// What is wrong with it.
        source: sqlx::Error,
    },
    /// No connection.
    #[error("connect to PostgreSQL at {place}: {advice}")]
    Connect {
        /// Host and port, or socket, and database.
        place: String,
        /// What to do.
        advice: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The server is too old.
    #[error("the server is PostgreSQL {found}, but 14 or later is needed: upgrade it or use another one")]
    ServerTooOld {
        /// Its version.
        found: String,
    },
    /// The schema is from a later version of this program.
    #[error(
        "the database has migration {version}, which this version of driftsentry does not know: \
         it was used with a newer one; install that"
    )]
    SchemaTooNew {
        /// The migration that is not known here.
        version: i64,
    },
    /// The schema was made from other migrations of the same number.
    #[error("migration {version} in the database is not the one of this program: it was made by another build")]
    SchemaForeign {
        /// The migration that differs.
        version: i64,
    },
    /// A migration failed.
    #[error("bring the database schema up to date")]
    Migrate {
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("{step}")]
    Sql {
        /// What was being done.
        step: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A guard in a `where` did not hold.
    #[error("{step}: {found} rows were written where {expected} were expected")]
    RowCount {
        /// What was being done.
        step: &'static str,
        /// Rows that should have been written.
        expected: u64,
        /// Rows that were.
        found: u64,
    },
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// A shortened id fits several things.
    #[error("{0}")]
    Ambiguous(String),
    /// What is asked for cannot be, for a reason that a user can mend.
    #[error("{0}")]
    Refused(String),
    /// The drift is not in a status from which this is possible.
    #[error("drift {id} is {is}, so it cannot become {wanted}; {}", possible(*.is))]
    IllegalMove {
        /// The drift.
        id: DriftId,
        /// Where it is.
        is: DriftStatus,
        /// Where it was to go.
        wanted: DriftStatus,
    },
    /// A row holds what this program does not know.
    #[error("{row} holds what this version of driftsentry does not know: {what}")]
    Unreadable {
        /// Which row.
        row: String,
        /// What about it.
        what: String,
    },
    /// A value must not be stored.
    #[error("{subject} is not stored: {reason}")]
    Unstorable {
        /// What was to be stored.
        subject: String,
        /// Why not.
        reason: String,
    },
}

fn possible(status: DriftStatus) -> String {
    match status.next() {
        [] => format!("{status} is final"),
        [only] => format!("it can become {only}"),
        [first, second, ..] => format!("it can become {first} or {second}"),
    }
}

impl StoreError {
    /// Whether the same may succeed a little later: connection lost, server starting or stopping, deadlock.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { source, .. }
            | Self::Sql { source, .. }
            | Self::Migrate { source: sqlx::migrate::MigrateError::Execute(source) } => is_transient(source),
            _ => false,
        }
    }

    /// The name of the constraint that was broken, if one was.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Sql { source: sqlx::Error::Database(error), .. } => error.constraint(),
            _ => None,
        }
    }

    pub(super) fn unreadable(row: impl std::fmt::Display, what: impl std::fmt::Display) -> Self {
        Self::Unreadable { row: row.to_string(), what: what.to_string() }
    }
}

/// A lost commit or another bare failure; prefer [`Step::step`], which names what was being done.
impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        Self::Sql { step: "talk to the database", source }
    }
}

/// Whether an error of the driver passes by itself.
pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Connection exceptions, resources, serialization failure, deadlock, lock time-out, server going or coming.
            code.starts_with("08")
                || code.starts_with("53")
                || matches!(&*code, "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03")
        }),
        _ => false,
    }
}

/// Names the step that failed.
pub trait Step<T> {
    /// Wraps the driver's error with what was being done.
    ///
    /// # Errors
    /// If `self` is one.
    fn step(self, step: &'static str) -> Result<T, StoreError>;
}

impl<T> Step<T> for Result<T, sqlx::Error> {
    fn step(self, step: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Sql { step, source })
    }
}

/// Checks that a statement wrote as many rows as it had to.
pub(super) fn expect_rows(done: &PgQueryResult, expected: usize, step: &'static str) -> Result<(), StoreError> {
    let (expected, found) = (expected as u64, done.rows_affected());
    if found == expected { Ok(()) } else { Err(StoreError::RowCount { step, expected, found }) }
}

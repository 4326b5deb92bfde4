//! The schema: brought up to date from the migrations that are built in.

use std::collections::BTreeSet;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, PgConnection, PgPool};

use super::error::{Step, StoreError};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Applies what is missing. Of several processes at once, one works and the others wait.
pub(super) async fn run(pool: &PgPool) -> Result<(), StoreError> {
    // A connection of its own, closed at the end: after an error the driver leaves its session lock taken.
    let mut conn = pool.acquire().await.step("get a connection to migrate with")?.detach();
    let done = MIGRATOR.run_direct(None, &mut conn, false).await.map_err(explain);
    conn.close().await.ok();
    done
}

fn explain(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::SchemaTooNew { version },
        MigrateError::VersionMismatch(version) => StoreError::SchemaForeign { version },
        source => StoreError::Migrate { source },
    }
}

/// Whether every migration that is built in is applied.
pub(super) async fn is_current(conn: &mut PgConnection) -> Result<bool, StoreError> {
    let is_there: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(&mut *conn)
        .await
        .step("look for the table of migrations")?;
    if !is_there {
        return Ok(false);
    }
    // Not checked at compile time: the table is the driver's own and not part of our migrations.
    let applied: Vec<i64> = sqlx::query_scalar("select version from _sqlx_migrations where success order by version")
        .fetch_all(&mut *conn)
        .await
        .step("read the applied migrations")?;
    let known: BTreeSet<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    if let Some(version) = applied.iter().find(|version| !known.contains(version)) {
        return Err(StoreError::SchemaTooNew { version: *version });
    }
    Ok(applied.len() == known.len())
}

//! Which processes run jobs, as they say themselves: for people, and so that a wake-up wakes few.

use sqlx::PgConnection;

use crate::store::error::{Step, StoreError};

/// A process that runs jobs.
#[derive(Debug, Clone, Copy)]
pub struct Presence<'a> {
    /// Its name, random per start.
    pub name: &'a str,
    /// Jobs that it runs at a time.
    pub concurrency: i32,
    /// Jobs that it runs now.
    pub running: i32,
    /// Kinds that it runs.
    pub kinds: &'a [String],
}

/// Says that a process is there; returns the names of all that were seen within the last half minute, sorted.
///
/// # Errors
/// If the database does not answer.
pub async fn show(conn: &mut PgConnection, presence: Presence<'_>) -> Result<Vec<String>, StoreError> {
    sqlx::query!(
        "insert into job_workers (name, concurrency, running, kinds, started_at, seen_at)
         values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp())
         on conflict on constraint job_workers_pkey
         do update set concurrency = excluded.concurrency, running = excluded.running, kinds = excluded.kinds,
                       seen_at = excluded.seen_at",
        presence.name,
        presence.concurrency,
        presence.running,
        presence.kinds,
    )
    .execute(&mut *conn)
    .await
    .step("show that workers are there")?;
    sqlx::query_scalar!(
        "select name from job_workers where seen_at > clock_timestamp() - interval '30 seconds' order by name"
    )
    .fetch_all(&mut *conn)
    .await
    .step("see which workers are there")
}

/// Says that a process is gone.
///
/// # Errors
/// If the database does not answer.
pub async fn leave(conn: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from job_workers where name = $1", name).execute(&mut *conn).await.step("leave")?;
    Ok(())
}

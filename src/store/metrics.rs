//! The figures that `/metrics` tells, read when they are asked for.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::StoreError;

/// Open drifts of one severity and type.
#[derive(Debug, Clone)]
pub struct OpenDrifts {
    /// `critical`, `warning` or `info`.
    pub severity: String,
    /// Type name.
    pub resource_type: String,
    /// How many.
    pub count: i64,
    /// US dollars a month that they cost together, as far as it is known.
    pub cost_monthly: Decimal,
    /// How many have an unknown cost.
    pub unpriced: i64,
}

/// Unfinished and given-up jobs of one kind and state.
#[derive(Debug, Clone)]
pub struct JobCount {
    /// Job kind.
    pub kind: String,
    /// `available`, `running` or `discarded`.
    pub state: String,
    /// How many.
    pub count: i64,
    /// Since when the oldest runnable one waits.
    pub oldest_run_at: Option<DateTime<Utc>>,
}

/// Open drifts by severity and type.
///
/// # Errors
/// If the database fails.
pub async fn open_drifts(conn: &mut PgConnection) -> Result<Vec<OpenDrifts>, StoreError> {
    let rows = sqlx::query_as!(
        OpenDrifts,
        r#"select severity, resource_type, count(*) as "count!",
                coalesce(sum(cost_impact_monthly), 0) as "cost_monthly!",
                count(*) filter (where cost_impact_monthly is null) as "unpriced!"
            from drifts where status in ('detected', 'triaged', 'approved')
            group by severity, resource_type order by severity, resource_type"#
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Jobs by kind and state; completed and cancelled ones are left out.
///
/// # Errors
/// If the database fails.
pub async fn jobs(conn: &mut PgConnection) -> Result<Vec<JobCount>, StoreError> {
    let rows = sqlx::query_as!(
        JobCount,
        r#"select kind, state, count(*) as "count!",
                min(run_at) filter (where state = 'available' and run_at <= now()) as oldest_run_at
            from jobs where state in ('available', 'running', 'discarded')
            group by kind, state order by kind, state"#
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Finished scans by schedule (empty if none made them happen) and status: how many, and when the last one ended.
///
/// # Errors
/// If the database fails.
pub async fn scans(conn: &mut PgConnection) -> Result<Vec<(String, String, i64, Option<DateTime<Utc>>)>, StoreError> {
    let rows = sqlx::query!(
        r#"select coalesce(schedule, '') as "schedule!", status, count(*) as "count!", max(finished_at) as finished_at
            from scans where status in ('succeeded', 'partial', 'failed')
            group by 1, 2 order by 1, 2"#
    );
    let rows = rows.fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.schedule, row.status, row.count, row.finished_at)).collect())
}

/// Deliveries by state.
///
/// # Errors
/// If the database fails.
pub async fn deliveries(conn: &mut PgConnection) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select channel, state, count(*) as "count!" from deliveries group by channel, state order by channel, state"#
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.channel, row.state, row.count)).collect())
}

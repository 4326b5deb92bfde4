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

/// What the latest finished scan of each schedule knows of one type.
#[derive(Debug, Clone)]
pub struct TypeCoverage {
    /// The schedule; empty for scans that none made happen.
    pub schedule: String,
    /// Type name.
    pub resource_type: String,
    /// Declared resources.
    pub declared: i64,
    /// Declared resources that are as declared.
    pub in_sync: i64,
    /// Resources that differ, missing and unmanaged ones included.
    pub drifted: i64,
    /// Declared resources that AWS does not have.
    pub missing: i64,
    /// Resources of which something is unknown.
    pub unknown: i64,
    /// Declared resources that AWS is still changing.
    pub converging: i64,
    /// Resources that nothing declares; `None` where no listing told of them.
    pub unmanaged: Option<i64>,
    /// Declared attributes that are unknown.
    pub attributes_unknown: i64,
    /// Changes that ignore rules cover.
    pub ignored: i64,
}

/// What the latest finished scan of each schedule knows, by type.
///
/// # Errors
/// If the database fails.
pub async fn coverage(conn: &mut PgConnection) -> Result<Vec<TypeCoverage>, StoreError> {
    let rows = sqlx::query_as!(
        TypeCoverage,
        r#"with latest as (
                select distinct on (schedule) id, schedule from scans
                where status in ('succeeded', 'partial', 'failed')
                order by schedule, started_at desc, id desc
            )
            select coalesce(l.schedule, '') as "schedule!", s.resource_type,
                sum(s.resources_declared)::bigint as "declared!", sum(s.resources_in_sync)::bigint as "in_sync!",
                sum(s.drifts_found)::bigint as "drifted!", sum(s.resources_missing)::bigint as "missing!",
                sum(s.resources_unknown)::bigint as "unknown!", sum(s.resources_converging)::bigint as "converging!",
                sum(s.resources_unmanaged)::bigint as unmanaged,
                sum(s.attributes_unknown)::bigint as "attributes_unknown!",
                sum(s.changes_ignored)::bigint as "ignored!"
            from latest l join scan_shards s on s.scan_id = l.id
            group by l.schedule, s.resource_type order by 1, 2"#
    );
    Ok(rows.fetch_all(conn).await?)
}

/// What the credentials lacked at the latest finished scan of each schedule: schedule (empty if none), IAM action, and
/// how many attributes are unknown because of it.
///
/// # Errors
/// If the database fails.
pub async fn missing_actions(conn: &mut PgConnection) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"with latest as (
                select distinct on (schedule) schedule, missing_actions from scans
                where status in ('succeeded', 'partial', 'failed')
                order by schedule, started_at desc, id desc
            )
            select coalesce(schedule, '') as "schedule!", entry ->> 'action' as "action!",
                sum((entry ->> 'attributes')::bigint)::bigint as "attributes!"
            from latest, jsonb_array_elements(missing_actions) as entry
            group by 1, 2 order by 1, 2"#
    );
    let rows = rows.fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.schedule, row.action, row.attributes)).collect())
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

//! The figures of what a scan knows and does not know: read with each row, added up when the scan is done.

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::coverage::{Coverage, MissingAction};
use crate::domain::id::ScanId;
use crate::store::error::{Step, StoreError};

/// The figures as they stand in a row of either table.
pub(super) struct Figures {
    pub(super) declared: i64,
    pub(super) in_sync: i64,
    pub(super) missing: i64,
    pub(super) unknown: i64,
    pub(super) converging: i64,
    pub(super) unmanaged: Option<i64>,
    pub(super) attributes_unknown: i64,
    pub(super) ignored: i64,
    pub(super) missing_actions: Json<Vec<MissingAction>>,
}

impl From<Figures> for Coverage {
    fn from(row: Figures) -> Self {
        Self {
            resources_declared: row.declared,
            resources_in_sync: row.in_sync,
            resources_missing: row.missing,
            resources_unknown: row.unknown,
            resources_converging: row.converging,
            resources_unmanaged: row.unmanaged,
            attributes_unknown: row.attributes_unknown,
            changes_ignored: row.ignored,
            missing_actions: row.missing_actions.0,
        }
    }
}

/// Adds up the figures of a scan's shards.
pub(super) async fn sum_up(conn: &mut PgConnection, scan_id: ScanId) -> Result<(), StoreError> {
    sqlx::query!(
        "with total as (
             select coalesce(sum(resources_declared), 0)::bigint as declared,
                    coalesce(sum(resources_in_sync), 0)::bigint as in_sync,
                    coalesce(sum(resources_missing), 0)::bigint as missing,
                    coalesce(sum(resources_unknown), 0)::bigint as unknown,
                    coalesce(sum(resources_converging), 0)::bigint as converging,
                    sum(resources_unmanaged)::bigint as unmanaged,
                    coalesce(sum(attributes_unknown), 0)::bigint as attributes,
                    coalesce(sum(changes_ignored), 0)::bigint as ignored
             from scan_shards where scan_id = $1
         ), lacking as (
             select entry ->> 'account_id' as account_id, entry ->> 'action' as action,
                    sum((entry ->> 'resources')::bigint)::bigint as resources,
                    sum((entry ->> 'attributes')::bigint)::bigint as attributes
             from scan_shards, jsonb_array_elements(missing_actions) as entry
             where scan_id = $1 group by 1, 2
         ), told as (
             select coalesce(jsonb_agg(to_jsonb(lacking) order by account_id, action), '[]') as actions from lacking
         )
         update scans
         set resources_declared = declared, resources_in_sync = in_sync, resources_missing = missing,
             resources_unknown = unknown, resources_converging = converging, resources_unmanaged = unmanaged,
             attributes_unknown = attributes, changes_ignored = ignored, missing_actions = actions
         from total, told where id = $1",
        scan_id.0
    )
    .execute(&mut *conn)
    .await
    .step("add up the figures of a scan")?;
    Ok(())
}

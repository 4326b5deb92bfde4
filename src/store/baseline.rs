//! `baseline_versions` and `baseline_resources`: expected state that is kept here, with every version that it had.
//!
//! A resource has one row for each time that what is said of it changed, valid from one version to another, so that a
//! version that changes one resource of many costs one row.

use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::error::{Step, StoreError, expect_rows};
use crate::domain::baseline::{BaselineAct, BaselineEntry, BaselineVersion};
use crate::domain::id::{AccountId, DriftId, Region, ResourceKey, Scope, UserId};
use crate::domain::state::ResourceState;
use crate::domain::user::Actor;

/// Rows of one statement at most: states are large, and a statement is held in memory as a whole.
const BATCH: usize = 1000;

/// A version to be made.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// What makes it.
    pub act: BaselineAct,
    /// In whose name.
    pub actor: Actor,
    /// Why.
    pub note: Option<String>,
    /// The drift whose live state is accepted.
    pub drift_id: Option<DriftId>,
}

/// How a version differs from the one before.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    /// Resources that the one before does not hold.
    pub added: Vec<(ResourceKey, ResourceState)>,
    /// Resources that the one before holds otherwise.
    pub changed: Vec<(ResourceKey, ResourceState)>,
    /// Resources that the one before holds and the new one shall not.
    pub removed: Vec<ResourceKey>,
}

struct Row {
    account_id: String,
    region: String,
    resource_type: String,
    resource_id: String,
    since_version: i64,
    state: Json<ResourceState>,
}

impl From<Row> for BaselineEntry {
    fn from(row: Row) -> Self {
        let scope = Scope {
            account_id: AccountId(row.account_id),
            region: Region(row.region),
            resource_type: row.resource_type,
        };
        let key = ResourceKey { scope, resource_id: row.resource_id };
        Self { key, since_version: row.since_version, state: row.state.0 }
    }
}

/// Has everybody who would make a version wait for the end of this transaction, so that versions are seen in their
/// order. To be called before what a version is made from is read.
///
/// # Errors
/// If the database does not answer.
pub async fn lock(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('driftsentry.baseline', 0))::text as locked")
        .fetch_one(&mut *conn)
        .await
        .step("lock the baseline")?;
    Ok(())
}

/// The number of the newest version; 0 if there is none.
///
/// # Errors
/// If the database does not answer.
pub async fn newest(conn: &mut PgConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar!(r#"select coalesce(max(version), 0) as "newest!" from baseline_versions"#)
        .fetch_one(&mut *conn)
        .await
        .step("read the newest version of the baseline")
}

/// The newest versions first, at most `limit`.
///
/// # Errors
/// If the database does not answer or a row cannot be read.
pub async fn versions(conn: &mut PgConnection, limit: i64) -> Result<Vec<BaselineVersion>, StoreError> {
    let rows = sqlx::query!(
        "select version, act, created_at, created_by, created_by_email, note, drift_id, added, changed, removed, resources
         from baseline_versions order by version desc limit $1",
        limit
    )
    .fetch_all(&mut *conn)
    .await
    .step("list the versions of the baseline")?;
    rows.into_iter()
        .map(|row| {
            let unreadable =
                |what| StoreError::unreadable(format_args!("version {} of the baseline", row.version), what);
            Ok(BaselineVersion {
                version: row.version,
                act: row.act.parse().map_err(|what: String| unreadable(what))?,
                created_at: row.created_at,
                created_by: row.created_by.map(UserId),
                created_by_email: row.created_by_email,
                note: row.note,
                drift_id: row.drift_id.map(DriftId),
                added: row.added,
                changed: row.changed,
                removed: row.removed,
                resources: row.resources,
            })
        })
        .collect()
}

/// What a version says of every resource, by type, account, region and id, as one snapshot. The version must exist.
pub fn entries(conn: &mut PgConnection, version: i64) -> BoxStream<'_, Result<BaselineEntry, StoreError>> {
    sqlx::query_as!(
        Row,
        r#"select account_id, region, resource_type, resource_id, since_version, state as "state: Json<ResourceState>"
           from baseline_resources
           where since_version <= $1 and (until_version is null or until_version > $1)
           order by resource_type, account_id, region, resource_id"#,
        version
    )
    .fetch(conn)
    .map(|row| row.step("read the baseline").map(BaselineEntry::from))
    .boxed()
}

/// What the newest version says of the resources of some scopes.
///
/// # Errors
/// If the database does not answer.
pub async fn of_scopes(conn: &mut PgConnection, scopes: &[Scope]) -> Result<Vec<BaselineEntry>, StoreError> {
    let accounts: Vec<&str> = scopes.iter().map(|scope| scope.account_id.as_str()).collect();
    let regions: Vec<&str> = scopes.iter().map(|scope| scope.region.as_str()).collect();
    let types: Vec<&str> = scopes.iter().map(|scope| scope.resource_type.as_str()).collect();
    sqlx::query_as!(
        Row,
        r#"select account_id, region, resource_type, resource_id, since_version, state as "state: Json<ResourceState>"
           from baseline_resources
           where until_version is null
             and (account_id, region, resource_type) in (select * from unnest($1::text[], $2::text[], $3::text[]))"#,
        &accounts as &[&str],
        &regions as &[&str],
        &types as &[&str],
    )
    .fetch(conn)
    .map_ok(BaselineEntry::from)
    .try_collect()
    .await
    .step("read the baseline of some scopes")
}

/// What the newest version says of one resource; `None` if it does not hold it.
///
/// # Errors
/// If the database does not answer.
pub async fn find(conn: &mut PgConnection, key: &ResourceKey) -> Result<Option<BaselineEntry>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select account_id, region, resource_type, resource_id, since_version, state as "state: Json<ResourceState>"
           from baseline_resources
           where account_id = $1 and region = $2 and resource_type = $3 and resource_id = $4 and until_version is null"#,
        key.scope.account_id.as_str(),
        key.scope.region.as_str(),
        key.scope.resource_type,
        key.resource_id,
    )
    .fetch_optional(&mut *conn)
    .await
    .step("read the baseline of a resource")?;
    Ok(row.map(BaselineEntry::from))
}

/// Makes a version from the newest one and returns its number. The caller holds [`lock`] since before it read what the
/// edits are made from.
///
/// # Errors
/// If an edit does not fit the newest version, or the database refuses.
pub async fn add_version(
    conn: &mut PgConnection,
    new: &NewVersion,
    edits: &Edits,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let version = newest(conn).await? + 1;
    insert_version(conn, version, new, edits, now).await?;
    let gone: Vec<&ResourceKey> = edits.removed.iter().chain(edits.changed.iter().map(|(key, _)| key)).collect();
    for batch in gone.chunks(BATCH) {
        end(conn, version, batch).await?;
    }
    let said: Vec<&(ResourceKey, ResourceState)> = edits.added.iter().chain(&edits.changed).collect();
    for batch in said.chunks(BATCH) {
        begin(conn, version, batch).await?;
    }
    Ok(version)
}

async fn insert_version(
    conn: &mut PgConnection,
    version: i64,
    new: &NewVersion,
    edits: &Edits,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let (added, removed) = (count(edits.added.len()), count(edits.removed.len()));
    sqlx::query!(
        "insert into baseline_versions (version, act, created_at, created_by, created_by_email, note, drift_id,
                                        added, changed, removed, resources)
         values ($1::bigint, $2, $3, $4, $5, $6, $7, $8::bigint, $9, $10::bigint,
                 coalesce((select resources from baseline_versions where version = $1::bigint - 1), 0)
                 + $8::bigint - $10::bigint)",
        version,
        new.act.as_str(),
        now,
        new.actor.id.map(|id| id.0),
        new.actor.email,
        new.note,
        new.drift_id.map(|id| id.0),
        added,
        count(edits.changed.len()),
        removed,
    )
    .execute(&mut *conn)
    .await
    .step("write a version of the baseline")?;
    Ok(())
}

/// The columns of keys, for `unnest`.
struct Keys<'a> {
    accounts: Vec<&'a str>,
    regions: Vec<&'a str>,
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn of(keys: impl Iterator<Item = &'a ResourceKey> + Clone) -> Self {
        Self {
            accounts: keys.clone().map(|key| key.scope.account_id.as_str()).collect(),
            regions: keys.clone().map(|key| key.scope.region.as_str()).collect(),
            types: keys.clone().map(|key| key.scope.resource_type.as_str()).collect(),
            ids: keys.map(|key| key.resource_id.as_str()).collect(),
        }
    }
}

async fn end(conn: &mut PgConnection, version: i64, keys: &[&ResourceKey]) -> Result<(), StoreError> {
    let columns = Keys::of(keys.iter().copied());
    let done = sqlx::query!(
        "update baseline_resources r set until_version = $1
         from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as entry (account, region, type, id)
         where r.account_id = entry.account and r.region = entry.region and r.resource_type = entry.type
           and r.resource_id = entry.id and r.until_version is null",
        version,
        &columns.accounts as &[&str],
        &columns.regions as &[&str],
        &columns.types as &[&str],
        &columns.ids as &[&str],
    )
    .execute(&mut *conn)
    .await
    .step("end what the baseline said")?;
    expect_rows(&done, keys.len(), "end what the baseline said")
}

async fn begin(
    conn: &mut PgConnection,
    version: i64,
    entries: &[&(ResourceKey, ResourceState)],
) -> Result<(), StoreError> {
    let columns = Keys::of(entries.iter().map(|(key, _)| key));
    let states: Vec<Value> = entries.iter().map(|(_, state)| state.to_value()).collect();
    let done = sqlx::query!(
        "insert into baseline_resources (account_id, region, resource_type, resource_id, since_version, state)
         select account_id, region, resource_type, resource_id, $1, state
         from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
              as entry (account_id, region, resource_type, resource_id, state)",
        version,
        &columns.accounts as &[&str],
        &columns.regions as &[&str],
        &columns.types as &[&str],
        &columns.ids as &[&str],
        &states,
    )
    .execute(&mut *conn)
    .await
    .step("write what the baseline says")?;
    expect_rows(&done, entries.len(), "write what the baseline says")
}

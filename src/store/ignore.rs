//! `ignore_rules`, `ignore_rule_uses` and `ignore_matches`: what people said is no drift, and what each rule covered.
//!
//! A rule that is taken back keeps its row, so that what it covered can still be explained.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Step, StoreError};
use crate::domain::id::{DriftId, IgnoreRuleId, ResourceKey, ScanId};
use crate::domain::rule::{Glob, IgnoreRule, PointerGlob, RuleMatches, Selector, literal};
use crate::domain::user::Actor;

/// Characters of a shortened id at least.
const SHORTEST_ID: usize = 4;

/// A rule about one resource.
#[derive(Debug, Clone)]
pub struct NewRule<'a> {
    /// Its id.
    pub id: IgnoreRuleId,
    /// The resource that it speaks of, and no other.
    pub key: &'a ResourceKey,
    /// Globs over JSON pointers; the empty text is the resource as a whole, missing or undeclared.
    pub paths: &'a [String],
    /// Why.
    pub reason: Option<&'a str>,
    /// The last day (UTC) on which it holds.
    pub until: Option<NaiveDate>,
    /// The drift that it is said about.
    pub drift_id: DriftId,
    /// Who says so.
    pub actor: &'a Actor,
}

/// A rule that is in force or past its last day.
#[derive(Debug, Clone)]
pub struct StoredRule {
    /// The rule.
    pub rule: IgnoreRule,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it; `None` if nobody was named.
    pub created_by_email: Option<String>,
    /// The drift that it was said about.
    pub drift_id: Option<DriftId>,
}

/// What is remembered of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleUse {
    /// When a scan first applied it.
    pub first_seen_at: DateTime<Utc>,
    /// When it last covered a change.
    pub last_matched_at: Option<DateTime<Utc>>,
    /// Changes that it covered, each scan counted.
    pub total: i64,
}

/// Writes a rule.
///
/// # Errors
/// If the database refuses.
pub async fn create(conn: &mut PgConnection, new: &NewRule<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let scope = &new.key.scope;
    sqlx::query!(
        "insert into ignore_rules (id, account_id, region, resource_type, resource_id, paths, reason, until, drift_id,
                                   created_at, created_by, created_by_email)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        new.id.0,
        literal(scope.account_id.as_str()),
        literal(scope.region.as_str()),
        literal(&scope.resource_type),
        literal(&new.key.resource_id),
        new.paths,
        new.reason,
        new.until,
        new.drift_id.0,
        now,
        new.actor.id.map(|id| id.0),
        new.actor.email,
    )
    .execute(&mut *conn)
    .await
    .step("write an ignore rule")?;
    Ok(())
}

struct Row {
    id: Uuid,
    account_id: Option<String>,
    region: Option<String>,
    resource_type: Option<String>,
    resource_id: Option<String>,
    paths: Vec<String>,
    reason: Option<String>,
    until: Option<NaiveDate>,
    drift_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    created_by_email: Option<String>,
}

impl TryFrom<Row> for StoredRule {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = |error: globset::Error| StoreError::unreadable(format_args!("ignore rule {}", row.id), error);
        let glob = |text: &Option<String>| text.as_deref().map(Glob::parse).transpose().map_err(unreadable);
        let selector = Selector {
            resource_type: glob(&row.resource_type)?,
            resource_id: glob(&row.resource_id)?,
            account: glob(&row.account_id)?,
            region: glob(&row.region)?,
            path: Some(PointerGlob::any_of(&row.paths).map_err(unreadable)?),
        };
        let rule = IgnoreRule { id: Some(IgnoreRuleId(row.id)), selector, reason: row.reason, until: row.until };
        let (created_at, created_by_email) = (row.created_at, row.created_by_email);
        Ok(Self { rule, created_at, created_by_email, drift_id: row.drift_id.map(DriftId) })
    }
}

/// The rules that nobody has taken back, oldest first; those past their last day are among them.
///
/// # Errors
/// If the database does not answer or a rule cannot be read.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<StoredRule>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, account_id, region, resource_type, resource_id, paths, reason, until, drift_id, created_at,
                created_by_email
         from ignore_rules where removed_at is null order by id"
    )
    .fetch_all(&mut *conn)
    .await
    .step("list the ignore rules")?;
    rows.into_iter().map(StoredRule::try_from).collect()
}

/// The rules alone, for a scan.
///
/// # Errors
/// If the database does not answer or a rule cannot be read.
pub async fn rules(conn: &mut PgConnection) -> Result<Vec<IgnoreRule>, StoreError> {
    Ok(list(conn).await?.into_iter().map(|stored| stored.rule).collect())
}

/// Takes a rule back, named by its id or by a part from the id's beginning or end that no other rule shares.
///
/// # Errors
/// If no rule, or several, are named so, or the database does not answer.
pub async fn remove(
    conn: &mut PgConnection,
    text: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<IgnoreRuleId, StoreError> {
    let part = text.to_ascii_lowercase();
    if part.len() < SHORTEST_ID || !part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        let why = "write the id of one that is kept in the database, as `driftsentry ignores list` shows it; \
                   one of the configuration is removed there";
        return Err(StoreError::Refused(format!("`{text}` is no id of an ignore rule: {why}")));
    }
    let ids = sqlx::query_scalar!(
        "select id from ignore_rules
         where removed_at is null and (id::text like $1 || '%' or id::text like '%' || $1) order by id limit 2
         for update",
        part
    )
    .fetch_all(&mut *conn)
    .await
    .step("look for an ignore rule")?;
    let id = match ids.as_slice() {
        [] => return Err(StoreError::NotFound(format!("ignore rule whose id begins or ends with {part}"))),
        [id] => *id,
        _ => return Err(StoreError::Ambiguous(format!("several ignore rules fit {part}: write more of the id"))),
    };
    sqlx::query!(
        "update ignore_rules set removed_at = $2, removed_by = $3, removed_by_email = $4 where id = $1",
        id,
        now,
        actor.id.map(|id| id.0),
        actor.email,
    )
    .execute(&mut *conn)
    .await
    .step("take an ignore rule back")?;
    Ok(IgnoreRuleId(id))
}

/// Counts what rules covered in a shard of a scan; `rules` are all that were applied. To be called once a shard, at the
/// end of its transaction, because shards wait here for one another.
///
/// # Errors
/// If the database does not answer.
pub async fn note_matches(
    conn: &mut PgConnection,
    scan_id: ScanId,
    rules: &[String],
    matches: &[RuleMatches],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    see(conn, rules, now).await?;
    // In one order, so that no two shards wait for each other.
    let by_rule: BTreeMap<&str, &RuleMatches> =
        matches.iter().map(|matches| (matches.rule.as_str(), matches)).collect();
    if by_rule.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = by_rule.keys().copied().collect();
    let labels: Vec<&str> = by_rule.values().map(|matches| matches.label.as_str()).collect();
    let reasons: Vec<Option<&str>> = by_rule.values().map(|matches| matches.reason.as_deref()).collect();
    let changes: Vec<i64> = by_rule.values().map(|m| i64::try_from(m.changes).unwrap_or(i64::MAX)).collect();
    sqlx::query!(
        "insert into ignore_matches as known (scan_id, rule, label, reason, changes)
         select $1, rule, label, reason, changes
         from unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) as entry (rule, label, reason, changes)
         order by rule
         on conflict (scan_id, rule) do update set changes = known.changes + excluded.changes",
        scan_id.0,
        &keys as &[&str],
        &labels as &[&str],
        &reasons as &[Option<&str>],
        &changes,
    )
    .execute(&mut *conn)
    .await
    .step("count what ignore rules covered in a scan")?;
    sqlx::query!(
        "insert into ignore_rule_uses as known (rule, first_seen_at, last_matched_at, total)
         select rule, $3, $3, changes from unnest($1::text[], $2::bigint[]) as entry (rule, changes) order by rule
         on conflict (rule) do update
         set last_matched_at = greatest(known.last_matched_at, excluded.last_matched_at),
             total = known.total + excluded.total",
        &keys as &[&str],
        &changes,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("count what ignore rules covered")?;
    Ok(())
}

/// Remembers since when rules are applied.
async fn see(conn: &mut PgConnection, rules: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
    if rules.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into ignore_rule_uses (rule, first_seen_at)
         select distinct rule, $2::timestamptz from unnest($1::text[]) as entry (rule)
         where not exists (select from ignore_rule_uses known where known.rule = entry.rule)
         order by rule on conflict do nothing",
        rules,
        now,
    )
    .execute(&mut *conn)
    .await
    .step("remember ignore rules")?;
    Ok(())
}

/// What rules covered in a scan, the most first.
///
/// # Errors
/// If the database does not answer.
pub async fn matches_of(conn: &mut PgConnection, scan_id: ScanId) -> Result<Vec<RuleMatches>, StoreError> {
    let rows = sqlx::query!(
        "select rule, label, reason, changes from ignore_matches where scan_id = $1 order by changes desc, rule",
        scan_id.0
    )
    .fetch_all(&mut *conn)
    .await
    .step("read what ignore rules covered in a scan")?;
    let matches = rows.into_iter().map(|row| RuleMatches {
        rule: row.rule,
        label: row.label,
        reason: row.reason,
        changes: row.changes.unsigned_abs(),
    });
    Ok(matches.collect())
}

/// What is remembered of each rule that a scan ever applied.
///
/// # Errors
/// If the database does not answer.
pub async fn uses(conn: &mut PgConnection) -> Result<BTreeMap<String, RuleUse>, StoreError> {
    let rows = sqlx::query!("select rule, first_seen_at, last_matched_at, total from ignore_rule_uses")
        .fetch_all(&mut *conn)
        .await
        .step("read what ignore rules covered")?;
    let uses = rows.into_iter().map(|row| {
        let (first_seen_at, last_matched_at, total) = (row.first_seen_at, row.last_matched_at, row.total);
        (row.rule, RuleUse { first_seen_at, last_matched_at, total })
    });
    Ok(uses.collect())
}

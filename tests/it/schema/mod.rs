//! The schema is the seed's, exactly: what the catalogs say and how the database behaves.

mod seed;

use std::collections::BTreeSet;

use driftsentry::domain::drift::DriftStatus;
use sqlx::PgPool;
use uuid::Uuid;

use self::seed::{INDEXES, KEYS, TABLES, WORDS};
use crate::support::TestDatabase;

fn tables() -> Vec<String> {
    TABLES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn every_column_of_the_six_tables_is_the_seeds() {
    let db = TestDatabase::new().await;
    for (table, expected) in TABLES {
        let columns: Vec<String> = sqlx::query_scalar(
            "select a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                    || case when a.attnotnull then ' not null' else '' end
                    || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
             from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
             where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum",
        )
        .bind(table)
        .fetch_all(&db.pool)
        .await
        .unwrap();
        let expected: Vec<&str> = expected.lines().map(str::trim).collect();
        assert_eq!(columns, expected, "columns of {table}");
    }
}

#[tokio::test]
async fn every_key_of_the_six_tables_is_the_seeds() {
    let db = TestDatabase::new().await;
    let keys: Vec<String> = sqlx::query_scalar(
        "select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
         where contype in ('p', 'u', 'f') and conrelid::regclass::text = any($1)",
    )
    .bind(tables())
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(BTreeSet::from_iter(keys), set(KEYS));
}

#[tokio::test]
async fn every_check_allows_the_seeds_words_and_no_others() {
    let db = TestDatabase::new().await;
    let checks: Vec<(String, String, String)> = sqlx::query_as(
        "select c.conrelid::regclass::text, a.attname::text, pg_get_constraintdef(c.oid)
         from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
         where c.contype = 'c' and c.conrelid::regclass::text = any($1)",
    )
    .bind(tables())
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let quoted = |definition: &str| definition.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
    let mut found = BTreeSet::new();
    for (table, column, definition) in checks.iter().filter(|(_, column, _)| column != "email") {
        let words: BTreeSet<String> = quoted(definition);
        found.insert((table.clone(), column.clone(), words));
    }
    let expected = WORDS.iter().map(|(table, column, words)| ((*table).to_owned(), (*column).to_owned(), set(words)));
    assert_eq!(found, expected.collect());
}

#[tokio::test]
async fn every_index_of_the_six_tables_is_the_seeds() {
    let db = TestDatabase::new().await;
    let indexes: Vec<String> = sqlx::query_scalar(
        "select i.indrelid::regclass || ' ' || substring(pg_get_indexdef(i.indexrelid) from '\\(.*\\)$')
         from pg_index i
         where i.indrelid::regclass::text = any($1) and not i.indisunique and i.indpred is null",
    )
    .bind(tables())
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(BTreeSet::from_iter(indexes), set(INDEXES));
}

#[tokio::test]
async fn the_seeds_triggers_stand_where_the_seed_says() {
    let db = TestDatabase::new().await;
    let triggers: Vec<String> = sqlx::query_scalar(
        "select tgrelid::regclass || ' ' || tgfoid::regproc from pg_trigger
         where not tgisinternal and tgrelid::regclass::text = any($1)",
    )
    .bind(tables())
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let expected = set(&[
        "users update_timestamp",
        "drifts update_timestamp",
        "alerts update_timestamp",
        "drifts validate_drift_status_transition",
        "audit_logs refuse_audit_log_change",
    ]);
    assert_eq!(BTreeSet::from_iter(triggers), expected);
}

#[tokio::test]
async fn every_table_and_column_of_ours_says_what_it_is() {
    let db = TestDatabase::new().await;
    let silent: Vec<String> = sqlx::query_scalar(
        "select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
           and c.relname <> '_sqlx_migrations'
           and a.attnum > 0 and not a.attisdropped
           and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(silent, Vec::<String>::new());
}

async fn insert_drift(pool: &PgPool, status: &str) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into drifts (id, resource_id, resource_type, region, expected_state, actual_state, difference, severity,
                             status, detected_at, detected_by)
         values ($1, 'sg-1', 'SECURITY_GROUP', 'us-east-1', '{}', '{}', '[]', 'info', $2, now(), 'manual')",
    )
    .bind(id)
    .bind(status)
    .execute(pool)
    .await
    .unwrap();
    id
}

async fn insert_audit(pool: &PgPool, drift: Option<Uuid>) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query("insert into audit_logs (id, drift_id, action) values ($1, $2, 'drift_created')")
        .bind(id)
        .bind(drift)
        .execute(pool)
        .await
        .unwrap();
    id
}

async fn run(pool: &PgPool, statement: &'static str, id: Uuid) -> Result<u64, String> {
    let done = sqlx::query(statement).bind(id).execute(pool).await;
    done.map(|done| done.rows_affected()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_drift_moves_only_as_the_seed_allows() {
    let db = TestDatabase::new().await;
    for from in DriftStatus::ALL {
        for to in DriftStatus::ALL {
            let id = insert_drift(&db.pool, from.as_str()).await;
            let moved = sqlx::query("update drifts set status = $2 where id = $1")
                .bind(id)
                .bind(to.as_str())
                .execute(&db.pool)
                .await;
            let is_legal = from.next().contains(&to) || (from == to && from != DriftStatus::Resolved);
            assert_eq!(moved.is_ok(), is_legal, "{from} to {to}: {moved:?}");
        }
    }
}

#[tokio::test]
async fn nothing_of_a_resolved_drift_can_be_changed() {
    let db = TestDatabase::new().await;
    let id = insert_drift(&db.pool, "resolved").await;
    let error = run(&db.pool, "update drifts set rejection_reason = 'x' where id = $1", id).await.unwrap_err();
    assert!(error.contains("no changes allowed"), "{error}");
}

#[tokio::test]
async fn audit_records_cannot_be_changed_or_removed() {
    let db = TestDatabase::new().await;
    let drift = insert_drift(&db.pool, "detected").await;
    let id = insert_audit(&db.pool, Some(drift)).await;
    for statement in [
        "update audit_logs set actor_email = 'x@example.com' where id = $1",
        "update audit_logs set drift_id = null where id = $1",
        "update audit_logs set drift_id = drift_id where id = $1",
        "delete from audit_logs where id = $1",
    ] {
        let error = run(&db.pool, statement, id).await.unwrap_err();
        assert!(error.contains("append-only"), "{statement}: {error}");
    }
    for statement in ["truncate audit_logs", "truncate drifts cascade", "truncate users cascade"] {
        let error = sqlx::query(statement).execute(&db.pool).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{statement}: {error}");
    }
    let left: i64 = sqlx::query_scalar("select count(*) from audit_logs where drift_id is not null")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn deleting_a_drift_keeps_its_audit_records_and_takes_all_else_with_it() {
    let db = TestDatabase::new().await;
    let drift = insert_drift(&db.pool, "detected").await;
    let audit = insert_audit(&db.pool, Some(drift)).await;
    for statement in [
        "insert into alerts (id, drift_id, type, severity, title, message)
         values (gen_random_uuid(), $1, 'drift_detected', 'info', 't', 'm')",
        "insert into cost_metrics (id, drift_id, cost_usd, recorded_at, period_start, period_end)
         values (gen_random_uuid(), $1, 0, now(), now(), now())",
        "insert into drift_details (drift_id, changes, accrued_until) values ($1, '[]', now())",
        "insert into drift_events (drift_id, event, at) values ($1, 'detected', now())",
        "insert into deliveries (alert_id, channel) select id, 'mail' from alerts where drift_id = $1",
        "delete from drifts where id = $1",
    ] {
        assert_eq!(run(&db.pool, statement, drift).await, Ok(1), "{statement}");
    }
    let of_audit: Option<Uuid> = sqlx::query_scalar("select drift_id from audit_logs where id = $1")
        .bind(audit)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(of_audit, None);
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from alerts) + (select count(*) from cost_metrics) + (select count(*) from drift_details)
              + (select count(*) from drift_events) + (select count(*) from deliveries)",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(left, 0);
}

async fn insert_user(pool: &PgPool, email: &str) -> Result<Uuid, String> {
    sqlx::query_scalar("insert into users (email, password_hash) values ($1, 'x') returning id")
        .bind(email)
        .fetch_one(pool)
        .await
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn deleting_a_user_ends_the_sessions_and_is_refused_while_records_name_the_user() {
    let db = TestDatabase::new().await;
    let user = insert_user(&db.pool, "ann@example.com").await.unwrap();
    let session =
        "insert into sessions (id, user_id, refresh_token, expires_at) values (gen_random_uuid(), $1, 'x', now())";
    assert_eq!(run(&db.pool, session, user).await, Ok(1));
    assert_eq!(run(&db.pool, "delete from users where id = $1", user).await, Ok(1));
    let sessions: i64 = sqlx::query_scalar("select count(*) from sessions").fetch_one(&db.pool).await.unwrap();
    assert_eq!(sessions, 0);

    let user = insert_user(&db.pool, "bob@example.com").await.unwrap();
    let login = "insert into audit_logs (id, action, actor_id) values (gen_random_uuid(), 'user_login', $1)";
    assert_eq!(run(&db.pool, login, user).await, Ok(1));
    let error = run(&db.pool, "delete from users where id = $1", user).await.unwrap_err();
    assert!(error.contains("audit_logs_actor_id_fkey"), "{error}");
}

#[tokio::test]
async fn updated_at_follows_every_update_of_users_drifts_and_alerts() {
    let db = TestDatabase::new().await;
    let user = insert_user(&db.pool, "ann@example.com").await.unwrap();
    let drift = insert_drift(&db.pool, "detected").await;
    let alert: Uuid = sqlx::query_scalar(
        "insert into alerts (id, drift_id, type, severity, title, message)
         values (gen_random_uuid(), $1, 'drift_detected', 'info', 't', 'm') returning id",
    )
    .bind(drift)
    .fetch_one(&db.pool)
    .await
    .unwrap();
    for (read, update, id) in [
        (
            "select updated_at is not null from users where id = $1",
            "update users set updated_at = null where id = $1",
            user,
        ),
        (
            "select updated_at is not null from drifts where id = $1",
            "update drifts set severity = 'warning' where id = $1",
            drift,
        ),
        (
            "select updated_at is not null from alerts where id = $1",
            "update alerts set is_read = true where id = $1",
            alert,
        ),
    ] {
        let is_set = async || sqlx::query_scalar::<_, bool>(read).bind(id).fetch_one(&db.pool).await.unwrap();
        assert!(!is_set().await, "{read}");
        assert_eq!(run(&db.pool, update, id).await, Ok(1));
        assert!(is_set().await, "{read}");
    }
}

#[tokio::test]
async fn only_addresses_are_taken_for_addresses_and_each_once() {
    let db = TestDatabase::new().await;
    for good in ["ann@example.com", "a.b+c@sub.example.co.uk", "ÄÖ@exämple.de", "o'neil@example.com"] {
        insert_user(&db.pool, good).await.unwrap();
    }
    for bad in
        ["", "ann", "ann@", "@example.com", "ann@example", "a b@example.com", "ann@exa mple.com", "a@b@c.de", "a@b."]
    {
        let error = insert_user(&db.pool, bad).await.unwrap_err();
        assert!(error.contains("users_email_check"), "`{bad}`: {error}");
    }
    assert!(insert_user(&db.pool, "ann@example.com").await.unwrap_err().contains("users_email_key"));
}

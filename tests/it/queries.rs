//! The committed descriptions of our queries (`.sqlx`), which builds without a database rely on, are those of the schema.

use std::path::Path;

use serde_json::Value;
use sqlx::{Column, Executor, SqlSafeStr, TypeInfo};

use crate::support::TestDatabase;

#[tokio::test]
async fn every_committed_query_is_what_the_schema_says() {
    let database = TestDatabase::new().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let mut stale = Vec::new();
    let mut checked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let committed: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let sql = committed["query"].as_str().unwrap().to_owned();
        checked += 1;
        let said = match (&database.pool).describe(sqlx::AssertSqlSafe(sql).into_sql_str()).await {
            Ok(said) => said,
            Err(error) => {
                stale.push(format!("{}: {error}", file.display()));
                continue;
            }
        };
        let said: Vec<(String, String)> = said
            .columns()
            .iter()
            .map(|column| (column.name().to_owned(), column.type_info().name().to_lowercase()))
            .collect();
        let kept: Vec<(String, String)> = committed["describe"]["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| (text(&column["name"]), type_name(&column["type_info"])))
            .collect();
        if said != kept {
            stale.push(format!("{}: columns {kept:?} are {said:?} now", file.display()));
        }
    }
    assert!(checked > 50, "only {checked} queries are committed");
    assert!(stale.is_empty(), "renew .sqlx with .ci/prepare-queries:\n{}", stale.join("\n"));
}

/// A type as the database calls it: `TextArray` in a description is `text[]`.
fn type_name(described: &Value) -> String {
    let name = text(described).to_lowercase();
    name.strip_suffix("array").map_or(name.clone(), |element| format!("{element}[]"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

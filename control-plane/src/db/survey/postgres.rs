//! Looking at a PostgreSQL database: the schema that unqualified names mean there.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, migrate::Migrator};

use super::{HISTORY, History, Survey, Table, filled_query, history, sqlite::mark, steps};
use crate::db::DbError;

const AT_ONCE: usize = 100;
/// Exists only inside a transaction that is rolled back.
const SCRATCH: &str = "muster_setup_scratch";

/// Whether this user may make tables here.
pub async fn may_create(connection: &mut PgConnection) -> Result<bool, DbError> {
    let may: Option<bool> = sqlx::query_scalar("select has_schema_privilege(current_schema(), 'create')")
        .fetch_one(connection)
        .await?;
    Ok(may.unwrap_or(false))
}

/// Looks at the database. Everything it does is rolled back.
pub async fn survey(connection: &mut PgConnection, migrator: &Migrator) -> Result<Survey, DbError> {
    let mut found = tables(connection).await?;
    let past = if found.remove(HISTORY).is_some() {
        history(connection, migrator).await?
    } else {
        History::None
    };
    Ok(Survey {
        expected: expected(connection, migrator, past).await?,
        found,
        history: past,
    })
}

async fn expected(
    connection: &mut PgConnection,
    migrator: &Migrator,
    past: History,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, DbError> {
    let mut scratch = connection.begin().await?;
    let make = format!("create schema {SCRATCH}; set local search_path to {SCRATCH}");
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut *scratch).await?;
    for step in steps(migrator, past.version()) {
        sqlx::raw_sql(step).execute(&mut *scratch).await?;
    }
    let tables = columns(&mut scratch).await?;
    scratch.rollback().await?;
    Ok(tables
        .into_iter()
        .map(|(name, table)| (name, table.columns))
        .collect())
}

async fn tables(connection: &mut PgConnection) -> Result<BTreeMap<String, Table>, DbError> {
    let mut tables = columns(connection).await?;
    let names: Vec<String> = tables.keys().cloned().collect();
    for page in names.chunks(AT_ONCE) {
        let page: Vec<&String> = page.iter().collect();
        // Names are quoted by `filled_query`.
        let query = AssertSqlSafe(filled_query(&page));
        let answers: Vec<(i32, bool)> = sqlx::query_as(query).fetch_all(&mut *connection).await?;
        let answers: Vec<(i64, bool)> = answers
            .into_iter()
            .map(|(number, filled)| (i64::from(number), filled))
            .collect();
        mark(&mut tables, &page, &answers);
    }
    Ok(tables)
}

/// Tables with their columns; a partition is part of its table.
async fn columns(connection: &mut PgConnection) -> Result<BTreeMap<String, Table>, DbError> {
    let rows: Vec<(String, Option<String>, Option<String>)> = sqlx::query_as(
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) \
         from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
         where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'f') \
         and not c.relispartition order by c.relname, a.attnum",
    )
    .fetch_all(connection)
    .await?;
    let mut tables = BTreeMap::<String, Table>::new();
    for (table, column, kind) in rows {
        let table = tables.entry(table).or_insert_with(|| Table {
            columns: BTreeMap::new(),
            filled: false,
        });
        if let (Some(column), Some(kind)) = (column, kind) {
            table.columns.insert(column, kind);
        }
    }
    Ok(tables)
}

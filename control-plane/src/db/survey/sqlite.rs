//! Looking at an SQLite file.

use std::{collections::BTreeMap, path::Path};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection, migrate::Migrator,
    sqlite::SqliteConnectOptions,
};

use super::{HISTORY, History, Survey, Table, filled_query, history, steps};
use crate::db::DbError;

/// Tables asked in one query: SQLite takes at most 500 parts.
const AT_ONCE: usize = 100;

/// Looks at the file, which need not exist. Opened for reading only: not a byte of it changes.
pub async fn survey(path: &Path, migrator: &Migrator) -> Result<Survey, DbError> {
    let (found, past) = if path.exists() {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut connection = options.connect().await?;
        let mut tables = tables(&mut connection).await?;
        let past = if tables.remove(HISTORY).is_some() {
            history(&mut connection, migrator).await?
        } else {
            History::None
        };
        connection.close().await?;
        (tables, past)
    } else {
        (BTreeMap::new(), History::None)
    };
    Ok(Survey {
        expected: expected(migrator, past).await?,
        found,
        history: past,
    })
}

async fn expected(
    migrator: &Migrator,
    past: History,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, DbError> {
    let mut scratch = SqliteConnection::connect("sqlite::memory:").await?;
    for step in steps(migrator, past.version()) {
        sqlx::raw_sql(step).execute(&mut scratch).await?;
    }
    let tables = tables(&mut scratch).await?;
    scratch.close().await?;
    Ok(tables
        .into_iter()
        .map(|(name, table)| (name, table.columns))
        .collect())
}

async fn tables(connection: &mut SqliteConnection) -> Result<BTreeMap<String, Table>, DbError> {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "select t.name, c.name, lower(c.type) from sqlite_master t join pragma_table_info(t.name) c \
         where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\' order by t.name",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut tables = BTreeMap::<String, Table>::new();
    for (table, column, kind) in columns {
        let table = tables.entry(table).or_insert_with(|| Table {
            columns: BTreeMap::new(),
            filled: false,
        });
        table.columns.insert(column, kind);
    }
    let names: Vec<String> = tables.keys().cloned().collect();
    for page in names.chunks(AT_ONCE) {
        let page: Vec<&String> = page.iter().collect();
        // Names are quoted by `filled_query`.
        let query = AssertSqlSafe(filled_query(&page));
        let answers: Vec<(i64, bool)> = sqlx::query_as(query).fetch_all(&mut *connection).await?;
        mark(&mut tables, &page, &answers);
    }
    Ok(tables)
}

pub(super) fn mark(tables: &mut BTreeMap<String, Table>, page: &[&String], answers: &[(i64, bool)]) {
    for (number, filled) in answers {
        let name = usize::try_from(*number).ok().and_then(|number| page.get(number));
        if let Some(table) = name.and_then(|name| tables.get_mut(*name)) {
            table.filled = *filled;
        }
    }
}

//! The catalogue, asked in one transaction that may write nothing.

use futures_util::TryStreamExt as _;
use muster_schema::{Dialect, catalogue::queries};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};

use super::super::reading::{Parts, QUESTION_MS, ReadingError};

pub(super) async fn rows(
    conn: &mut MySqlConnection,
    is_mariadb: bool,
    parts: &mut Parts,
) -> Result<(), ReadingError> {
    // Each has another name and another unit for it; servers that are older than both have none.
    let limit = if is_mariadb {
        format!("set session max_statement_time = {}", QUESTION_MS / 1_000)
    } else {
        format!("set session max_execution_time = {QUESTION_MS}")
    };
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut *conn).await {
        tracing::debug!(%error, "the server limits no statement");
    }
    for sql in [
        "set transaction isolation level repeatable read",
        "start transaction with consistent snapshot, read only",
    ] {
        sqlx::raw_sql(sql).execute(&mut *conn).await?;
    }
    for query in queries(Dialect::MySql) {
        parts.begin(query.name);
        let mut rows = sqlx::raw_sql(query.sql).fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            // Some of the catalogue's texts come as bytes.
            let cells = (0..row.len()).map(|column| {
                let bytes: Option<Vec<u8>> = row.try_get_unchecked(column)?;
                Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            });
            parts.push(cells.collect::<Result<_, sqlx::Error>>()?).await?;
        }
        drop(rows);
        parts.end().await?;
    }
    sqlx::raw_sql("rollback").execute(conn).await?;
    Ok(())
}

//! The catalogue, asked in one transaction that may write nothing.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use muster_schema::{Dialect, catalogue::queries};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};

use super::super::reading::{Parts, QUESTION_MS, ReadingError};

pub(super) async fn rows(
    conn: &mut MySqlConnection,
    is_mariadb: bool,
    parts: &mut Parts,
) -> Result<(), ReadingError> {
    begin(conn, is_mariadb, QUESTION_MS).await?;
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

/// One number, and the server gives up after `limit`.
pub(super) async fn number(
    conn: &mut MySqlConnection,
    is_mariadb: bool,
    question: &str,
    limit: Duration,
) -> Result<i64, ReadingError> {
    let limit = u64::try_from(limit.as_millis()).unwrap_or(QUESTION_MS);
    // As for a release: how the text was read depends on it.
    sqlx::raw_sql(
        "set session sql_mode = replace(replace(@@session.sql_mode, 'NO_BACKSLASH_ESCAPES', ''), 'ANSI_QUOTES', '')",
    )
    .execute(&mut *conn)
    .await?;
    begin(conn, is_mariadb, limit).await?;
    let number = sqlx::query_scalar(AssertSqlSafe(question.to_owned()))
        .fetch_one(&mut *conn)
        .await?;
    sqlx::raw_sql("rollback").execute(conn).await?;
    Ok(number)
}

/// Begins a transaction that sees one state and writes nothing; each question has so long.
async fn begin(conn: &mut MySqlConnection, is_mariadb: bool, limit_ms: u64) -> Result<(), sqlx::Error> {
    // Each has another name and another unit for it; servers that are older than both have none.
    let limit = if is_mariadb {
        format!(
            "set session max_statement_time = {}.{:03}",
            limit_ms / 1_000,
            limit_ms % 1_000
        )
    } else {
        format!("set session max_execution_time = {limit_ms}")
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
    Ok(())
}

//! The catalogue, asked in one transaction that may write nothing.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use muster_schema::{Dialect, catalogue::queries};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::super::reading::{Parts, QUESTION_MS, ReadingError};

pub(super) async fn rows(conn: &mut PgConnection, parts: &mut Parts) -> Result<(), ReadingError> {
    let begin = [
        "begin transaction isolation level repeatable read, read only".to_owned(),
        format!("set local statement_timeout = {QUESTION_MS}"),
        // How expressions are told depends on it.
        "set local standard_conforming_strings = on".to_owned(),
    ];
    for sql in begin {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    }
    for query in queries(Dialect::Postgres) {
        parts.begin(query.name);
        let mut rows = sqlx::raw_sql(query.sql).fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            let cells = (0..row.len()).map(|column| row.try_get_unchecked(column));
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
    conn: &mut PgConnection,
    question: &str,
    limit: Duration,
) -> Result<i64, ReadingError> {
    let limit = limit.as_millis();
    let begin = [
        "begin transaction isolation level repeatable read, read only".to_owned(),
        format!("set local statement_timeout = {limit}"),
        format!("set local lock_timeout = {limit}"),
        "set local standard_conforming_strings = on".to_owned(),
    ];
    for sql in begin {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    }
    let number = sqlx::query_scalar(AssertSqlSafe(question.to_owned()))
        .fetch_one(&mut *conn)
        .await?;
    sqlx::raw_sql("rollback").execute(conn).await?;
    Ok(number)
}

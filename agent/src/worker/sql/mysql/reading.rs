//! The catalogue, asked in one transaction that may write nothing.

use futures_util::TryStreamExt as _;
use muster_schema::{Dialect, catalogue::queries};
use sqlx::{MySqlConnection, Row as _};

use super::super::reading::{Parts, ReadingError};

pub(super) async fn rows(conn: &mut MySqlConnection, parts: &mut Parts) -> Result<(), ReadingError> {
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

//! MySQL and MariaDB.

use std::str::FromStr as _;

use muster_schema::{
    Dialect,
    catalogue::{Answers, queries},
};
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _,
    mysql::{MySqlConnectOptions, MySqlConnection},
};

/// Asks everything.
pub(super) async fn answers(url: &str) -> Result<Answers, sqlx::Error> {
    let options = MySqlConnectOptions::from_str(url)?
        .charset("utf8mb4")
        // The server's own settings are what the schema's authors know.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .disable_statement_logging();
    let mut conn = MySqlConnection::connect_with(&options).await?;
    sqlx::raw_sql("set transaction isolation level repeatable read")
        .execute(&mut conn)
        .await?;
    sqlx::raw_sql("start transaction with consistent snapshot, read only")
        .execute(&mut conn)
        .await?;
    let mut answers = Answers::new();
    for query in queries(Dialect::MySql) {
        let mut rows = Vec::new();
        for row in sqlx::raw_sql(query.sql).fetch_all(&mut conn).await? {
            // Some of the catalogue's texts come as bytes.
            let cells = (0..row.len()).map(|column| {
                let bytes: Option<Vec<u8>> = row.try_get_unchecked(column)?;
                Ok::<_, sqlx::Error>(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            });
            rows.push(cells.collect::<Result<Vec<Option<String>>, _>>()?);
        }
        answers.insert(query.name.to_owned(), rows);
    }
    sqlx::raw_sql("rollback").execute(&mut conn).await?;
    conn.close().await?;
    Ok(answers)
}

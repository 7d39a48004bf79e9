//! PostgreSQL.

use std::str::FromStr as _;

use muster_schema::{
    Dialect,
    catalogue::{Answers, queries},
};
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _,
    postgres::{PgConnectOptions, PgConnection},
};

/// Asks everything.
pub(super) async fn answers(url: &str) -> Result<Answers, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
    let mut conn = PgConnection::connect_with(&options).await?;
    sqlx::raw_sql("begin transaction isolation level repeatable read, read only")
        .execute(&mut conn)
        .await?;
    let mut answers = Answers::new();
    for query in queries(Dialect::Postgres) {
        let mut rows = Vec::new();
        for row in sqlx::raw_sql(query.sql).fetch_all(&mut conn).await? {
            let cells = (0..row.len()).map(|column| row.try_get_unchecked(column));
            rows.push(cells.collect::<Result<Vec<Option<String>>, _>>()?);
        }
        answers.insert(query.name.to_owned(), rows);
    }
    sqlx::raw_sql("rollback").execute(&mut conn).await?;
    conn.close().await?;
    Ok(answers)
}

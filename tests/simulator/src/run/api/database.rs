//! The control plane's database, for rows that would take the API too long.

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::path::Path;
use uuid::Uuid;

/// Of SQLite the readings' file is another one.
pub(super) enum Database {
    Sqlite {
        main: Box<SqliteConnection>,
        telemetry: Box<SqliteConnection>,
    },
    Postgres(Box<PgConnection>),
}

/// The only table of the readings' file that is filled.
const READINGS: &str = "containers";

impl Database {
    /// Opens the one of a control plane that doesn't run.
    pub(super) async fn open(data: &Path, url: Option<&str>) -> Result<Self> {
        if let Some(url) = url {
            return Ok(Self::Postgres(Box::new(PgConnection::connect(url).await?)));
        }
        let file = async |name: &str| -> Result<_> {
            let url = format!("sqlite://{}", data.join(name).display());
            let opened = SqliteConnection::connect(&url).await;
            Ok(Box::new(
                opened.with_context(|| format!("{url} can't be opened"))?,
            ))
        };
        Ok(Self::Sqlite {
            main: file("muster.db").await?,
            telemetry: file("telemetry.db").await?,
        })
    }

    /// Runs a statement on the file that has this table; the number of rows.
    pub(super) async fn run(&mut self, table: &str, sql: String) -> Result<u64> {
        let what = || {
            let start: String = sql.chars().take(2_000).collect();
            format!("rows of {table} can't be written: {start}")
        };
        Ok(match self {
            Self::Sqlite { main, telemetry } => {
                let connection = if table == READINGS { telemetry } else { main };
                let done = sqlx::query(AssertSqlSafe(sql.clone()))
                    .execute(&mut **connection)
                    .await;
                done.with_context(what)?.rows_affected()
            }
            Self::Postgres(connection) => {
                let done = sqlx::query(AssertSqlSafe(sql.clone()))
                    .execute(&mut **connection)
                    .await;
                done.with_context(what)?.rows_affected()
            }
        })
    }

    /// How many rows of a table meet a condition.
    pub(super) async fn count(&mut self, table: &str, condition: &str) -> Result<i64> {
        let sql = AssertSqlSafe(format!("select count(*) from {table} where {condition}"));
        let counted: Result<i64, sqlx::Error> = match self {
            Self::Sqlite { main, telemetry } => {
                let connection = if table == READINGS { telemetry } else { main };
                sqlx::query_scalar(sql).fetch_one(&mut **connection).await
            }
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(&mut **connection).await,
        };
        counted.with_context(|| format!("rows of {table} can't be counted"))
    }

    /// The ids that a query finds.
    pub(super) async fn ids(&mut self, sql: &str) -> Result<Vec<Uuid>> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite { main, .. } => sqlx::query_scalar(sql).fetch_all(&mut **main).await?,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_all(&mut **connection).await?,
        })
    }

    /// The names of a table's columns.
    pub(super) async fn columns(&mut self, table: &str) -> Result<Vec<String>> {
        let sqlite = format!("select name from pragma_table_info('{table}')");
        let postgres = format!(
            "select column_name::text from information_schema.columns \
             where table_schema = current_schema() and table_name = '{table}' order by ordinal_position"
        );
        Ok(match self {
            Self::Sqlite { main, telemetry } => {
                let connection = if table == READINGS { telemetry } else { main };
                sqlx::query_scalar(AssertSqlSafe(sqlite))
                    .fetch_all(&mut **connection)
                    .await?
            }
            Self::Postgres(connection) => {
                sqlx::query_scalar(AssertSqlSafe(postgres))
                    .fetch_all(&mut **connection)
                    .await?
            }
        })
    }

    /// Lets the database learn what is in its tables, as it does by itself after a while, and closes it.
    pub(super) async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite {
                mut main,
                mut telemetry,
            } => {
                sqlx::query("analyze").execute(&mut *main).await?;
                sqlx::query("analyze").execute(&mut *telemetry).await?;
                (*main).close().await?;
                (*telemetry).close().await?;
            }
            Self::Postgres(mut connection) => {
                sqlx::query("vacuum analyze").execute(&mut *connection).await?;
                (*connection).close().await?;
            }
        }
        Ok(())
    }

    /// An id as a word of SQL.
    pub(super) fn id(&self, id: Uuid) -> String {
        match self {
            Self::Sqlite { .. } => format!("x'{}'", id.simple()),
            Self::Postgres(_) => format!("'{id}'::uuid"),
        }
    }

    /// An id that is made of numbers, the time first, as the control plane's own are; `number` is SQL.
    pub(super) fn numbered(&self, since_ms: i64, of: usize, kind: usize, number: &str) -> String {
        let at = format!("{since_ms} + ({number}) * 20");
        match self {
            Self::Sqlite { .. } => {
                format!("unhex(printf('%012x7%03x8%03x%012x', {at}, {of}, {kind}, {number}))")
            }
            Self::Postgres(_) => format!(
                "(lpad(to_hex({at}), 12, '0') || '7{of:03x}8{kind:03x}' || lpad(to_hex({number}), 12, '0'))::uuid"
            ),
        }
    }

    /// Some bytes.
    pub(super) fn bytes(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "x'00'",
            Self::Postgres(_) => "'\\x00'::bytea",
        }
    }

    /// Bytes that no other row has.
    pub(super) fn fresh(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "randomblob(32)",
            Self::Postgres(_) => "decode(md5(random()::text || n.n) || md5(random()::text), 'hex')",
        }
    }

    /// The numbers of a range, as a table `n` with a column `n`.
    pub(super) fn numbers(&self, first: usize, last: usize) -> String {
        match self {
            Self::Sqlite { .. } => format!(
                "(with recursive s(n) as (select {first} union all select n + 1 from s where n < {last}) \
                 select n from s) n"
            ),
            Self::Postgres(_) => format!("generate_series({first}::bigint, {last}::bigint) as n(n)"),
        }
    }
}

//! The control plane's tables, read as text: one way for both databases.

use anyhow::{Context as _, Result};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use std::path::{Path, PathBuf};
use tokio::runtime::{Builder, Runtime};

/// Where a control plane keeps its tables.
#[derive(Clone, Debug)]
pub enum Place {
    /// The data directory of one with SQLite.
    Sqlite(PathBuf),
    /// A PostgreSQL URL.
    Postgres(String),
}

/// A control plane's database.
pub struct Database {
    place: Place,
    runtime: Runtime,
}

/// A column, and how it reads as text. Null is empty.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Texts and numbers.
    Text(&'static str),
    /// A text that may be null: with a `+` before it if it is not.
    Maybe(&'static str),
    /// Ids: 32 hexadecimal digits.
    Id(&'static str),
    /// Bytes, in hexadecimal.
    Bytes(&'static str),
}

/// Rows of texts.
pub type Rows = Vec<Vec<String>>;

impl Database {
    /// Reads the tables at `place`.
    pub fn new(place: Place) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { place, runtime })
    }

    /// `columns` of what stands behind `from` in a query.
    pub fn rows(&self, columns: &[Column], from: &str) -> Result<Rows> {
        let columns: Vec<String> = columns.iter().map(|column| self.column(*column)).collect();
        let sql = format!("select {} from {from}", columns.join(", "));
        let rows = self.runtime.block_on(self.read(&sql, columns.len()));
        rows.with_context(|| format!("the auditor asked: {sql}"))
    }

    /// As [`Self::rows`], of the tables that hold readings.
    pub fn readings(&self, columns: &[Column], from: &str) -> Result<Rows> {
        match &self.place {
            Place::Sqlite(data) => {
                let columns: Vec<String> = columns.iter().map(|column| self.column(*column)).collect();
                let sql = format!("select {} from {from}", columns.join(", "));
                let file = data.join("telemetry.db");
                self.runtime.block_on(sqlite(&file, &sql, columns.len()))
            }
            Place::Postgres(_) => self.rows(columns, from),
        }
    }

    /// Changes the tables behind the control plane's back, while none serves: what a story begins with.
    pub fn prepare(&self, sql: &str) -> Result<()> {
        let sql = sql.to_owned();
        let done = self.runtime.block_on(async {
            match &self.place {
                Place::Sqlite(data) => {
                    let options = SqliteConnectOptions::new().filename(data.join("muster.db"));
                    let mut connection = SqliteConnection::connect_with(&options).await?;
                    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
                    connection.close().await
                }
                Place::Postgres(url) => {
                    let mut connection = PgConnection::connect(url).await?;
                    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
                    connection.close().await
                }
            }
        });
        Ok(done?)
    }

    /// An id of 32 hexadecimal digits, or 36 characters, as a literal.
    pub fn id(&self, id: &str) -> String {
        let digits = id.replace('-', "");
        match &self.place {
            Place::Sqlite(_) => format!("x'{digits}'"),
            Place::Postgres(_) => format!("'{digits}'::uuid"),
        }
    }

    fn column(&self, column: Column) -> String {
        let sqlite = matches!(self.place, Place::Sqlite(_));
        match column {
            Column::Text(name) => format!("coalesce(cast({name} as text), '')"),
            Column::Maybe(name) => format!("case when {name} is null then '' else '+' || {name} end"),
            Column::Id(name) | Column::Bytes(name) if sqlite => format!("coalesce(lower(hex({name})), '')"),
            Column::Id(name) => format!("coalesce(replace(cast({name} as text), '-', ''), '')"),
            Column::Bytes(name) => format!("coalesce(encode({name}, 'hex'), '')"),
        }
    }

    async fn read(&self, sql: &str, width: usize) -> Result<Rows> {
        match &self.place {
            Place::Sqlite(data) => sqlite(&data.join("muster.db"), sql, width).await,
            Place::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
                    .fetch_all(&mut connection)
                    .await?;
                connection.close().await?;
                let cells = rows
                    .iter()
                    .map(|row| (0..width).map(|n| row.try_get(n)).collect());
                Ok(cells.collect::<Result<_, _>>()?)
            }
        }
    }
}

async fn sqlite(file: &Path, sql: &str, width: usize) -> Result<Rows> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .fetch_all(&mut connection)
        .await?;
    connection.close().await?;
    let cells = rows
        .iter()
        .map(|row| (0..width).map(|n| row.try_get(n)).collect());
    Ok(cells.collect::<Result<_, _>>()?)
}

//! MariaDB and MySQL.

mod snapshot;

use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

use muster_schema::Dialect;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use crate::cases::Body;
use crate::database::{Database, Rows, Server, said};
use crate::version;

/// What the cases call the database that they are in.
const CASES_DATABASE: &str = "mysqldef_test";

/// The server.
#[derive(Clone)]
pub struct MySql {
    options: MySqlConnectOptions,
    version: Vec<u32>,
    is_mariadb: bool,
    /// The names of all databases that were made.
    made: Arc<Mutex<Vec<String>>>,
}

impl MySql {
    /// Connects as somebody who may do everything.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let options = MySqlConnectOptions::from_str(url)?
            // The server's own settings, which the schema's authors know.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .charset("utf8mb4")
            .disable_statement_logging();
        let mut conn = MySqlConnection::connect_with(&options).await?;
        let version: String = sqlx::query_scalar("select cast(version() as char)")
            .fetch_one(&mut conn)
            .await?;
        conn.close().await?;
        Ok(Self {
            options,
            is_mariadb: version.contains("MariaDB"),
            version: version::of(&version),
            made: Arc::default(),
        })
    }

    async fn admin(&self, statements: &[String]) -> anyhow::Result<()> {
        let mut conn = MySqlConnection::connect_with(&self.options).await?;
        for sql in statements {
            sqlx::raw_sql(AssertSqlSafe(sql.clone()))
                .execute(&mut conn)
                .await?;
        }
        conn.close().await?;
        Ok(())
    }
}

impl Server for MySql {
    type Database = MySqlDatabase;

    const DIALECT: Dialect = Dialect::MySql;

    fn not_for(&self, case: &Body) -> Option<String> {
        let ours = if self.is_mariadb { "mariadb" } else { "mysql" };
        if let Some(flavor) = &case.flavor {
            let is_for = match flavor.strip_prefix('!') {
                Some(not) => not != ours,
                None => flavor == ours,
            };
            if !is_for {
                return Some(format!("for {flavor}"));
            }
        }
        version::outside(&self.version, case)
    }

    async fn database(&self) -> anyhow::Result<MySqlDatabase> {
        let name = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            let name = format!("muster_corpus_{}_{}", std::process::id(), made.len());
            made.push(name.clone());
            name
        };
        let mut conn = MySqlConnection::connect_with(&self.options).await?;
        // Events start at the time at which they are made.
        sqlx::raw_sql("set timestamp = 1700000000")
            .execute(&mut conn)
            .await?;
        Ok(MySqlDatabase { conn, name })
    }

    async fn empty(&self, database: &mut MySqlDatabase, _: &Body) -> anyhow::Result<()> {
        let name = database.name.clone();
        for sql in [
            format!("drop database if exists {name}"),
            format!("create database {name} character set utf8mb4"),
            format!("use {name}"),
        ] {
            database.run(&sql).await.map_err(anyhow::Error::msg)?;
        }
        Ok(())
    }

    fn give_back(&self, database: MySqlDatabase) {
        drop(database);
    }

    async fn close(&self) -> anyhow::Result<()> {
        let names = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let drops: Vec<String> = names
            .iter()
            .map(|name| format!("drop database if exists {name}"))
            .collect();
        self.admin(&drops).await
    }

    fn addressed(database: &MySqlDatabase, sql: &str) -> String {
        // What names its own database says no more than what names none.
        sql.replace(&format!("`{CASES_DATABASE}`."), "")
            .replace(&format!("{CASES_DATABASE}."), "")
            .replace(CASES_DATABASE, &database.name)
    }
}

/// A connection.
pub struct MySqlDatabase {
    conn: MySqlConnection,
    name: String,
}

impl MySqlDatabase {
    /// The database goes by a name of its own here.
    fn localised(&self, sql: &str) -> String {
        sql.replace(CASES_DATABASE, &self.name)
    }
}

impl Database for MySqlDatabase {
    async fn run_text(&mut self, sql: &str) -> Result<(), String> {
        // The server finds the ends of statements by itself, also those of routines.
        self.run(sql).await
    }

    async fn run(&mut self, sql: &str) -> Result<(), String> {
        let sql = self.localised(sql);
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.conn)
            .await
            .map(drop)
            .map_err(|error| said(&error))
    }

    async fn rows(&mut self, sql: &str) -> Result<Rows, String> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut self.conn)
            .await
            .map_err(|error| said(&error))?;
        rows.iter()
            .map(|row| (0..row.len()).map(|column| text(row, column)).collect())
            .collect()
    }

    async fn snapshot(&mut self) -> Result<Vec<String>, String> {
        let mut lines = snapshot::lines(self).await?;
        for line in &mut lines {
            *line = line.replace(&self.name, CASES_DATABASE);
        }
        lines.sort_unstable();
        Ok(lines)
    }

    fn has_transactions() -> bool {
        false
    }
}

/// A cell as text; some of the catalogue's texts come as bytes.
fn text(row: &sqlx::mysql::MySqlRow, column: usize) -> Result<Option<String>, String> {
    row.try_get_unchecked::<Option<Vec<u8>>, _>(column)
        .map(|cell| cell.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        .map_err(|error| said(&error))
}

//! PostgreSQL.

use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

use muster_schema::Dialect;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use anyhow::Context as _;

use crate::cases::Body;
use crate::database::{Database, Rows, Server, said};
use crate::version;

/// What the catalogue says of a schema, one line for each thing.
const SNAPSHOT: &str = include_str!("snapshot.sql");
/// Takes everything out of a database that a case can have put there. To make a new one would take twenty times as long.
const EMPTY: &str = include_str!("empty.sql");
/// Roles that cases grant rights to, as the tool that they are from makes them before its tests.
const ROLES: &[&str] = &[
    "readonly_user",
    "app_user",
    "admin_role",
    "user1",
    "user2",
    "user3",
    "user4",
    "special-user",
    "reader",
    "writer",
];

/// The default schema of cases that say who connects.
const SPACE: &str = "foo";

/// The server.
#[derive(Clone)]
pub struct Postgres {
    options: PgConnectOptions,
    version: Vec<u32>,
    /// What a new database's catalogue says.
    pristine: Arc<Vec<String>>,
    pool: Arc<Mutex<Pool>>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<PostgresDatabase>,
    /// The names of all that were made.
    made: Vec<String>,
}

impl Postgres {
    /// Connects as a superuser, and makes the roles that cases name.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let mut conn = PgConnection::connect_with(&options).await?;
        let version: String = sqlx::query_scalar("show server_version")
            .fetch_one(&mut conn)
            .await?;
        for role in ROLES {
            let sql = format!(
                "do $$ begin if not exists (select from pg_roles where rolname = '{role}') then create role \"{role}\"; end if; end $$"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
        }
        conn.close().await?;
        let mut server = Self {
            options,
            version: version::of(&version),
            pristine: Arc::default(),
            pool: Arc::default(),
        };
        let mut first = server.fresh().await?;
        server.pristine = Arc::new(first.snapshot().await.map_err(anyhow::Error::msg)?);
        server.give_back(first);
        Ok(server)
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new database.
    async fn fresh(&self) -> anyhow::Result<PostgresDatabase> {
        let name = {
            let made = &mut self.pool().made;
            let name = format!("muster_corpus_{}_{}", std::process::id(), made.len());
            made.push(name.clone());
            name
        };
        self.admin(&[
            format!("drop database if exists {name} with (force)"),
            format!("create database {name} template template0"),
        ])
        .await?;
        let conn = PgConnection::connect_with(&self.options.clone().database(&name)).await?;
        Ok(PostgresDatabase { conn, space: None })
    }

    async fn admin(&self, statements: &[String]) -> anyhow::Result<()> {
        let mut conn = PgConnection::connect_with(&self.options).await?;
        for sql in statements {
            sqlx::raw_sql(AssertSqlSafe(sql.clone()))
                .execute(&mut conn)
                .await?;
        }
        conn.close().await?;
        Ok(())
    }
}

impl Server for Postgres {
    type Database = PostgresDatabase;

    const DIALECT: Dialect = Dialect::Postgres;

    fn not_for(&self, case: &Body) -> Option<String> {
        version::outside(&self.version, case)
    }

    async fn database(&self) -> anyhow::Result<PostgresDatabase> {
        let idle = self.pool().idle.pop();
        match idle {
            Some(database) => Ok(database),
            None => self.fresh().await,
        }
    }

    async fn empty(&self, database: &mut PostgresDatabase, case: &Body) -> anyhow::Result<()> {
        let mut emptied = Ok(());
        for sql in ["rollback", "discard all", EMPTY] {
            emptied = emptied.and(database.run(sql).await);
        }
        // Whatever is left of the case before, is left behind.
        if emptied.is_err() || database.snapshot().await.as_ref() != Ok(&*self.pristine) {
            *database = self.fresh().await?;
        }
        database.space = case.user.as_ref().map(|_| SPACE);
        if database.space.is_some() {
            for sql in [
                format!("create schema {SPACE}"),
                format!("set search_path = {SPACE}, public"),
            ] {
                database.run(&sql).await.map_err(anyhow::Error::msg)?;
            }
        }
        Ok(())
    }

    fn give_back(&self, database: PostgresDatabase) {
        self.pool().idle.push(database);
    }

    async fn close(&self) -> anyhow::Result<()> {
        let names = {
            let mut pool = self.pool();
            pool.idle.clear();
            std::mem::take(&mut pool.made)
        };
        for name in names {
            self.admin(&[format!("drop database if exists {name} with (force)")])
                .await
                .with_context(|| format!("{name} can't be dropped"))?;
        }
        Ok(())
    }

    fn addressed(database: &PostgresDatabase, sql: &str) -> String {
        match database.space {
            Some(space) => format!("create schema {space}; set search_path = {space}; {sql}"),
            None => sql.to_owned(),
        }
    }
}

/// A connection.
pub struct PostgresDatabase {
    conn: PgConnection,
    /// The default schema, where it is not `public`.
    space: Option<&'static str>,
}

impl PostgresDatabase {
    /// One that is there already.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let conn = PgConnection::connect_with(&options).await?;
        Ok(Self { conn, space: None })
    }
}

impl Database for PostgresDatabase {
    async fn run_text(&mut self, sql: &str) -> Result<(), String> {
        // What can't run in a transaction can't run together with anything else either.
        match self.run(sql).await {
            Err(error) if error.contains("transaction block") => {
                let statements =
                    muster_schema::split(Dialect::Postgres, sql).map_err(|error| error.to_string())?;
                for statement in statements {
                    self.run(statement.text).await?;
                }
                Ok(())
            }
            ran => ran,
        }
    }

    async fn run(&mut self, sql: &str) -> Result<(), String> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
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
            .map(|row| {
                (0..row.len())
                    .map(|column| row.try_get_unchecked(column).map_err(|error| said(&error)))
                    .collect()
            })
            .collect()
    }

    async fn snapshot(&mut self) -> Result<Vec<String>, String> {
        let rows = self.rows(SNAPSHOT).await?;
        let mut lines: Vec<String> = rows.into_iter().flatten().flatten().collect();
        lines.sort_unstable();
        Ok(lines)
    }

    fn has_transactions() -> bool {
        true
    }
}

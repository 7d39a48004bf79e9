//! Opening the databases.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    },
};

use super::{
    Db, DbError, SqlitePools,
    migrate::{self, Told},
};

const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
const ACQUIRE: Duration = Duration::from_secs(5);
const BUSY: Duration = Duration::from_secs(30);

/// Both databases of a control plane; with PostgreSQL they are the same one.
#[derive(Clone, Debug)]
pub struct Databases {
    /// Everything but readings.
    pub main: Db,
    /// Readings.
    pub telemetry: Db,
}

impl Databases {
    /// Opens, or makes, `muster.db` and `telemetry.db` in `data` and migrates them.
    pub async fn sqlite(data: &Path) -> Result<Self, DbError> {
        Self::sqlite_told(data, None).await
    }

    /// As [`Databases::sqlite`]; `told` hears which tables there are after each step.
    pub async fn sqlite_told(data: &Path, mut told: Option<&mut Told<'_>>) -> Result<Self, DbError> {
        let main = connect_file(data.join("muster.db"), SqliteSynchronous::Full, true).await?;
        migrate::sqlite(&main.write, told.as_deref_mut()).await?;
        let telemetry = connect_file(data.join("telemetry.db"), SqliteSynchronous::Normal, true).await?;
        migrate::sqlite_telemetry(&telemetry.write, told).await?;
        Ok(Self {
            main: Db::Sqlite(main),
            telemetry: Db::Sqlite(telemetry),
        })
    }

    /// Connects to PostgreSQL and migrates.
    pub async fn postgres(url: &SecretString) -> Result<Self, DbError> {
        Self::postgres_told(url, None).await
    }

    /// As [`Databases::postgres`]; `told` hears which tables there are after each step.
    pub async fn postgres_told(url: &SecretString, told: Option<&mut Told<'_>>) -> Result<Self, DbError> {
        let pool = connect(url).await?;
        migrate::postgres(&pool, told).await?;
        Ok(Self {
            main: Db::Postgres(pool.clone()),
            telemetry: Db::Postgres(pool),
        })
    }

    /// Opens what a control plane serves or served, making and changing nothing: SQLite files in `data`, or the
    /// PostgreSQL database at `url`.
    pub async fn existing(data: &Path, url: Option<&SecretString>) -> Result<Self, DbError> {
        if let Some(url) = url {
            let pool = connect(url).await?;
            return Ok(Self {
                main: Db::Postgres(pool.clone()),
                telemetry: Db::Postgres(pool),
            });
        }
        let main = connect_file(data.join("muster.db"), SqliteSynchronous::Full, false).await?;
        let telemetry = connect_file(data.join("telemetry.db"), SqliteSynchronous::Normal, false).await?;
        Ok(Self {
            main: Db::Sqlite(main),
            telemetry: Db::Sqlite(telemetry),
        })
    }

    /// Closes both.
    pub async fn close(&self) {
        self.main.close().await;
        self.telemetry.close().await;
    }
}

async fn connect(url: &SecretString) -> Result<PgPool, DbError> {
    let options = PgConnectOptions::from_str(url.expose_secret())?.application_name("muster");
    Ok(PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .connect_with(options)
        .await?)
}

async fn connect_file(
    path: PathBuf,
    synchronous: SqliteSynchronous,
    create: bool,
) -> Result<SqlitePools, DbError> {
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(create)
        // Room that becomes free is given back only when somebody asks for it. Holds for files made from here on.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // Whoever only looks leaves the file as it is.
        .optimize_on_close(create, None);
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(BUSY)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await?;
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE)
        .connect_with(options.pragma("query_only", "on"))
        .await?;
    Ok(SqlitePools { read, write, path })
}

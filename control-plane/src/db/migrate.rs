//! The embedded migrations, applied under a lock: an advisory lock in PostgreSQL, the data directory's lock file
//! (held by whoever opened it) for SQLite.

use std::collections::BTreeMap;

use muster_base::points;
use sqlx::{PgPool, SqlitePool, migrate::Migrator};

use super::{Databases, Db, DbError};
use crate::with_pool;

/// Everything but readings, on SQLite.
pub static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
/// Readings, on SQLite.
pub static SQLITE_TELEMETRY: Migrator = sqlx::migrate!("../migrations/sqlite-telemetry");
/// Everything, on PostgreSQL.
pub static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// How a database's steps compare with this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// They are the same.
    Current,
    /// Steps that are not applied yet; a start applies them.
    Behind(Vec<i64>),
    /// Steps that this program does not know: a newer one was here.
    Ahead(Vec<i64>),
    /// A step that is not what was applied, or did not succeed.
    Different(i64),
    /// No step was ever applied.
    Empty,
}

/// Compares the databases' steps with this program's.
pub async fn schema(databases: &Databases) -> Result<Schema, DbError> {
    let main = match &databases.main {
        Db::Sqlite(_) => compare(&databases.main, &SQLITE).await?,
        Db::Postgres(_) => return compare(&databases.main, &POSTGRES).await,
    };
    match main {
        Schema::Current => compare(&databases.telemetry, &SQLITE_TELEMETRY).await,
        other => Ok(other),
    }
}

async fn compare(db: &Db, ours: &Migrator) -> Result<Schema, DbError> {
    const APPLIED: &str = "select version, checksum, success from _sqlx_migrations";
    let exists = match db {
        Db::Sqlite(_) => "select count(*) from sqlite_master where name = '_sqlx_migrations'",
        Db::Postgres(_) => "select count(*) from pg_class where oid = to_regclass('_sqlx_migrations')",
    };
    let tables: i64 = with_pool!(db, |pool| sqlx::query_scalar(exists).fetch_one(pool).await)?;
    if tables == 0 {
        return Ok(Schema::Empty);
    }
    let rows: Vec<(i64, Vec<u8>, bool)> =
        with_pool!(db, |pool| sqlx::query_as(APPLIED).fetch_all(pool).await)?;
    let mut applied: BTreeMap<i64, (Vec<u8>, bool)> = rows
        .into_iter()
        .map(|(version, checksum, success)| (version, (checksum, success)))
        .collect();
    let mut missing = Vec::new();
    for step in ours.iter() {
        match applied.remove(&step.version) {
            Some((checksum, true)) if checksum == *step.checksum => {}
            Some(_) => return Ok(Schema::Different(step.version)),
            None => missing.push(step.version),
        }
    }
    Ok(if !applied.is_empty() {
        Schema::Ahead(applied.into_keys().collect())
    } else if missing.is_empty() {
        Schema::Current
    } else {
        Schema::Behind(missing)
    })
}

/// How many steps the database has; where nothing was done there is no such table.
const DONE: &str = "select count(*) from _sqlx_migrations";

/// Hears which tables there are: at first, and after each step.
pub type Told<'a> = dyn FnMut(Vec<String>) + Send + 'a;

const TABLES_OF_SQLITE: &str = "select name from sqlite_master where type = 'table' \
    and name not like 'sqlite\\_%' escape '\\' and name <> '_sqlx_migrations'";
const TABLES_OF_POSTGRES: &str = "select relname::text from pg_class where relnamespace = current_schema()::regnamespace \
    and relkind in ('r', 'p') and not relispartition and relname <> '_sqlx_migrations'";

/// Applies what is missing: step by step where somebody listens or a test watches, otherwise at once, for each part asks the
/// database for its history again.
macro_rules! run {
    ($pool:expr, $what:expr, $all:expr, $tables:expr, $told:expr) => {{
        let mut told: Option<&mut Told<'_>> = $told;
        if told.is_some() || points::are_watched() {
            if let Some(told) = told.as_mut() {
                told(sqlx::query_scalar($tables).fetch_all($pool).await?);
            }
            let done = sqlx::query_scalar(DONE).fetch_one($pool).await;
            for part in parts($what, $all, done.unwrap_or(0)) {
                part.run($pool).await?;
                if let Some(told) = told.as_mut() {
                    told(sqlx::query_scalar($tables).fetch_all($pool).await?);
                }
            }
        }
        Ok($all.run($pool).await?)
    }};
}

pub(super) async fn sqlite(pool: &SqlitePool, told: Option<&mut Told<'_>>) -> Result<(), DbError> {
    run!(pool, "muster.db", &SQLITE, TABLES_OF_SQLITE, told)
}

pub(super) async fn sqlite_telemetry(pool: &SqlitePool, told: Option<&mut Told<'_>>) -> Result<(), DbError> {
    run!(pool, "telemetry.db", &SQLITE_TELEMETRY, TABLES_OF_SQLITE, told)
}

pub(super) async fn postgres(pool: &PgPool, told: Option<&mut Told<'_>>) -> Result<(), DbError> {
    run!(pool, "postgres", &POSTGRES, TABLES_OF_POSTGRES, told)
}

/// The first step that is not done, the first two, and so on, with a point before each.
fn parts(what: &str, all: &'static Migrator, done: i64) -> impl Iterator<Item = Migrator> {
    let steps = all.iter().len();
    let done = usize::try_from(done).unwrap_or(0).min(steps);
    (done..steps).map(move |last| {
        muster_base::point!("migrate.{what}.{last}");
        let mut part = Migrator::with_migrations(all.iter().take(last + 1).cloned().collect());
        part.set_ignore_missing(true);
        part
    })
}

//! Which database is meant, and whether it can be used, in plain language.

use std::{fmt, path::Path, str::FromStr, time::Duration};

use muster_base::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{SetupError, Verdict, verdict::judge};
use crate::{
    db::{
        DbError,
        migrate::{POSTGRES, SQLITE, SQLITE_TELEMETRY},
        survey::{Survey, may_create_in_postgres, survey_postgres, survey_sqlite},
    },
    flaw::Flaw,
};

const CONNECT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_mins(1);
const MAX_TEXT: usize = 1_024;
const OLDEST_POSTGRES: u32 = 130_000;

/// Kind of database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DatabaseKind {
    /// Files in the data directory.
    #[default]
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// The database to use: nothing more for SQLite; for PostgreSQL either `url`, or the other fields.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatabaseInput {
    /// SQLite by default.
    #[serde(default)]
    pub kind: DatabaseKind,
    /// `postgres://user:password@host:5432/database`
    #[schema(value_type = Option<String>)]
    pub url: Option<SecretString>,
    /// Host name or address.
    pub host: Option<String>,
    /// 5432 by default.
    pub port: Option<u16>,
    /// User name.
    pub user: Option<String>,
    /// The user's password.
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretString>,
    /// The database's name.
    pub database: Option<String>,
}

/// What a usable database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// `SQLite`, or `PostgreSQL` with its version.
    pub server: String,
    /// What an installation would do with it.
    pub outcome: Outcome,
}

/// What an installation does with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It makes all tables.
    Create,
    /// It keeps all data.
    Keep,
    /// It adds the tables that are missing and keeps all data.
    Add,
    /// It makes Muster's empty tables anew.
    Recreate,
}

/// Why a database can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens there.
    Refused(String),
    /// There is no such host.
    NoHost(String),
    /// No answer.
    Timeout(String),
    /// User or password.
    Login(String),
    /// No such database.
    NoDatabase(String),
    /// Logged in, but no tables may be made.
    NoRights,
    /// Older than 13.
    TooOld(String),
    /// A file that is no database, or can't be read.
    File(String),
    /// Anything else, in the server's own words.
    Other(String),
}

impl Trouble {
    /// The same, to be said in any language.
    pub fn flaw(&self) -> Flaw {
        match self.clone() {
            Self::Refused(at) => Flaw::DatabaseRefused(at),
            Self::NoHost(at) => Flaw::DatabaseNoHost(at),
            Self::Timeout(at) => Flaw::DatabaseTimeout(at),
            Self::Login(user) => Flaw::DatabaseLogin(user),
            Self::NoDatabase(name) => Flaw::DatabaseMissing(name),
            Self::NoRights => Flaw::DatabaseRights,
            Self::TooOld(version) => Flaw::DatabaseOld(version),
            Self::File(why) => Flaw::DatabaseFile(why),
            Self::Other(words) => Flaw::DatabaseSays(words),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flaw().fmt(f)
    }
}

/// A database that is meant.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Sqlite,
    Postgres(Box<PgConnectOptions>, SecretString),
}

impl Target {
    /// What the configuration names it by; nothing for SQLite.
    pub(super) fn url(&self) -> Option<&SecretString> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(_, url) => Some(url),
        }
    }
}

impl DatabaseInput {
    /// PostgreSQL by URL.
    pub fn url(url: SecretString) -> Self {
        Self {
            kind: DatabaseKind::Postgres,
            url: Some(url),
            ..Self::default()
        }
    }

    pub(super) fn target(&self) -> Result<Target, SetupError> {
        if self.kind == DatabaseKind::Sqlite {
            return Ok(Target::Sqlite);
        }
        if let Some(url) = &self.url {
            let text = url.expose_secret();
            let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
            let options = (is_postgres && text.len() <= MAX_TEXT)
                .then(|| PgConnectOptions::from_str(text).ok())
                .flatten()
                .ok_or(SetupError::Address("database.url", Flaw::DatabaseUrl))?;
            return Ok(Target::Postgres(Box::new(options), url.clone()));
        }
        let host = required(self.host.as_ref(), "database.host")?;
        let user = required(self.user.as_ref(), "database.user")?;
        let database = required(self.database.as_ref(), "database.database")?;
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(host)
            .port(self.port.unwrap_or(5432))
            .username(user)
            .database(database);
        if let Some(password) = &self.password {
            options = options.password(password.expose_secret());
        }
        let url = SecretString::from(options.to_url_lossy().to_string());
        Ok(Target::Postgres(Box::new(options), url))
    }
}

fn required<'a>(text: Option<&'a String>, field: &'static str) -> Result<&'a str, SetupError> {
    match text.map(|text| text.trim()) {
        Some(text) if !text.is_empty() && text.len() <= MAX_TEXT => Ok(text),
        _ => Err(SetupError::Address(field, Flaw::Needed)),
    }
}

/// A database, looked at: one part for PostgreSQL, two files for SQLite.
pub(super) struct Looked {
    pub(super) server: String,
    pub(super) parts: Vec<(Survey, Verdict)>,
}

impl Looked {
    /// All obstacles of all parts.
    pub(super) fn obstacles(&self) -> Vec<super::Obstacle> {
        let stops = self.parts.iter().filter_map(|(_, verdict)| match verdict {
            Verdict::Stop(obstacles) => Some(obstacles.clone()),
            _ => None,
        });
        stops.flatten().collect()
    }

    pub(super) fn checked(&self) -> Result<Checked, SetupError> {
        let obstacles = self.obstacles();
        if !obstacles.is_empty() {
            return Err(SetupError::Obstacles(obstacles));
        }
        let has = |wanted: fn(&Verdict) -> bool| self.parts.iter().any(|(_, verdict)| wanted(verdict));
        let outcome = if has(|v| matches!(v, Verdict::Recreate(_))) {
            Outcome::Recreate
        } else if has(|v| matches!(v, Verdict::Add(_))) {
            Outcome::Add
        } else if has(|v| matches!(v, Verdict::Keep)) {
            Outcome::Keep
        } else {
            Outcome::Create
        };
        Ok(Checked {
            server: self.server.clone(),
            outcome,
        })
    }
}

/// The files of SQLite, and what makes their tables.
pub(super) fn sqlite_files(data: &Path) -> [(std::path::PathBuf, &'static sqlx::migrate::Migrator); 2] {
    [
        (data.join("muster.db"), &SQLITE),
        (data.join("telemetry.db"), &SQLITE_TELEMETRY),
    ]
}

/// Connects and looks; changes nothing.
pub(super) async fn look(data: &Path, target: &Target) -> Result<Looked, SetupError> {
    let looking = async {
        match target {
            Target::Sqlite => look_at_files(data).await,
            Target::Postgres(options, _) => look_at_server(options).await,
        }
    };
    match timeout(LOOK, looking).await {
        Ok(looked) => looked,
        Err(_) => Err(SetupError::Trouble(Trouble::Timeout("the database".to_owned()))),
    }
}

async fn look_at_files(data: &Path) -> Result<Looked, SetupError> {
    let mut parts = Vec::new();
    for (path, migrator) in sqlite_files(data) {
        let survey = survey_sqlite(&path, migrator)
            .await
            .map_err(|error| SetupError::Trouble(Trouble::File(words(&error))))?;
        let verdict = judge(&survey);
        parts.push((survey, verdict));
    }
    Ok(Looked {
        server: "SQLite".to_owned(),
        parts,
    })
}

async fn look_at_server(options: &PgConnectOptions) -> Result<Looked, SetupError> {
    let mut connection = connect(options).await?;
    let number = connection.server_version_num().unwrap_or_default();
    let version = format!("{}.{}", number / 10_000, number % 10_000);
    if number < OLDEST_POSTGRES {
        return Err(SetupError::Trouble(Trouble::TooOld(version)));
    }
    let trouble = |error: DbError| SetupError::Trouble(Trouble::Other(words(&error)));
    if !may_create_in_postgres(&mut connection).await.map_err(trouble)? {
        return Err(SetupError::Trouble(Trouble::NoRights));
    }
    let survey = survey_postgres(&mut connection, &POSTGRES)
        .await
        .map_err(trouble)?;
    let verdict = judge(&survey);
    connection.close().await.map_err(DbError::from)?;
    Ok(Looked {
        server: format!("PostgreSQL {version}"),
        parts: vec![(survey, verdict)],
    })
}

/// A connection, or what is in the way of one.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, SetupError> {
    let at = format!("{}:{}", options.get_host(), options.get_port());
    match timeout(CONNECT, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(SetupError::Trouble(explain(error, options, at))),
        Err(_) => Err(SetupError::Trouble(Trouble::Timeout(at))),
    }
}

fn explain(error: sqlx::Error, options: &PgConnectOptions, at: String) -> Trouble {
    use std::io::ErrorKind;
    match error {
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Trouble::Refused(at),
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                Trouble::Timeout(at)
            }
            // The resolver's errors have no kind of their own.
            _ if error.to_string().contains("lookup") => Trouble::NoHost(options.get_host().to_owned()),
            _ => Trouble::Other(error.to_string()),
        },
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // invalid_authorization_specification, invalid_password
            Some("28000" | "28P01") => Trouble::Login(options.get_username().to_owned()),
            // invalid_catalog_name
            Some("3D000") => Trouble::NoDatabase(options.get_database().unwrap_or_default().to_owned()),
            _ => Trouble::Other(error.message().to_owned()),
        },
        error => Trouble::Other(error.to_string()),
    }
}

/// The innermost cause, in its own words.
fn words(error: &DbError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

//! One installation, step by step.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use muster_base::{Clock, SecretString, point};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Checked, DatabaseInput, SetupError, Verdict,
    database::{Looked, Target, look, sqlite_files},
    file,
};
use crate::{
    access,
    app::App,
    config::{Config, SuperAdmin},
    db::{
        Databases, DbError,
        migrate::{POSTGRES, Told},
        survey::{History, Survey, mend_postgres, mend_sqlite},
    },
    error::{FieldError, chain},
    keys::Keys,
};

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// It has begun.
    Running,
    /// It is done.
    Done,
    /// It failed; the installation has stopped.
    Failed,
}

/// A step's news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// `key`, `check`, `tables`, `base`, `configuration`, in this order; `table` once for each, as it is there.
    pub step: &'static str,
    /// The table's name, for `table`.
    pub table: Option<String>,
    /// How far it is.
    pub state: StepState,
    /// For `table`: `created`, `kept`, `added`, `recreated`. For a failed step: why, and what to do.
    pub detail: String,
    /// For a failed step: the same, to be said in any language; one entry for each thing that is in the way.
    pub errors: Vec<FieldError>,
}

/// What to install, checked: the account and the password are usable, the database's address is complete.
#[derive(Debug)]
pub struct Installation {
    data: PathBuf,
    admin: SuperAdmin,
    target: Target,
    config: Config,
}

impl Installation {
    /// Checks what a person typed. Without `database`, the one that is configured is meant.
    pub async fn check(
        data: &Path,
        account: &str,
        password: SecretString,
        database: Option<&DatabaseInput>,
    ) -> Result<Self, SetupError> {
        let length = account.chars().count();
        if !(2..=64).contains(&length) || account.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(SetupError::Account);
        }
        let config = Config::load(data, None).map_err(SetupError::Config)?;
        if config.super_admin.is_some() {
            return Err(SetupError::Done(data.to_owned()));
        }
        let configured = config.database.url.clone().map(DatabaseInput::url);
        let target = database
            .or(configured.as_ref())
            .map_or(Ok(Target::Sqlite), DatabaseInput::target)?;
        let password_hash = access::hash_password(password)
            .await
            .map_err(SetupError::Password)?;
        let admin = SuperAdmin {
            account: account.to_owned(),
            password_hash,
        };
        file::check(data, target.url(), &admin)?;
        Ok(Self {
            data: data.to_owned(),
            admin,
            target,
            config,
        })
    }

    /// Whether the database can be used, and what would be done with it. Changes nothing.
    pub async fn try_database(data: &Path, database: &DatabaseInput) -> Result<Checked, SetupError> {
        look(data, &database.target()?).await?.checked()
    }
}

/// Installs, and tells each step. On failure the last step told has failed.
pub async fn install(
    installation: Installation,
    tell: impl Fn(Progress) + Send + Sync,
) -> Result<(), SetupError> {
    let mut steps = Steps {
        tell: &tell,
        now: "key",
    };
    let ended = run(installation, &mut steps).await;
    if let Err(error) = &ended {
        steps.fail(error);
    }
    ended
}

struct Steps<'a> {
    tell: &'a (dyn Fn(Progress) + Send + Sync),
    now: &'static str,
}

impl Steps<'_> {
    fn begin(&mut self, step: &'static str) {
        self.now = step;
        point!("setup.{step}.begin");
        self.say(None, StepState::Running, "");
    }

    fn done(&self) {
        point!("setup.{}.done", self.now);
        self.say(None, StepState::Done, "");
    }

    fn fail(&self, error: &SetupError) {
        (self.tell)(Progress {
            step: self.now,
            table: None,
            state: StepState::Failed,
            detail: chain(error),
            errors: error.errors(),
        });
    }

    fn say(&self, table: Option<String>, state: StepState, detail: &str) {
        (self.tell)(Progress {
            step: if table.is_some() { "table" } else { self.now },
            table,
            state,
            detail: detail.to_owned(),
            errors: Vec::new(),
        });
    }
}

async fn run(installation: Installation, steps: &mut Steps<'_>) -> Result<(), SetupError> {
    let Installation {
        data,
        admin,
        target,
        config,
    } = installation;
    steps.begin("key");
    let directory = fs::DirBuilder::new().recursive(true).mode(0o700).create(&data);
    directory.map_err(|e| SetupError::File(data.clone(), e))?;
    let keys = Keys::load_or_create(&data)?;
    steps.done();

    steps.begin("check");
    let looked = look(&data, &target).await?;
    looked.checked()?;
    steps.done();

    steps.begin("tables");
    mend(&data, &target, &looked).await?;
    let mut told = BTreeSet::new();
    let mut tell = |tables: Vec<String>| {
        for table in tables {
            if let Some(what) = outcome(&looked, &table)
                && told.insert(table.clone())
            {
                steps.say(Some(table), StepState::Done, what);
            }
        }
    };
    let databases = open(&data, &target, &mut tell).await?;
    steps.done();

    steps.begin("base");
    let app = App::new(config, databases, Clock::system(), keys);
    let made = make_base(&app).await;
    app.stop().await;
    made?;
    steps.done();

    steps.begin("configuration");
    // Last of all: with it, everything is installed.
    file::write(&data, target.url(), &admin)?;
    steps.done();
    Ok(())
}

async fn mend(data: &Path, target: &Target, looked: &Looked) -> Result<(), SetupError> {
    match target {
        Target::Sqlite => {
            for (number, (path, migrator)) in sqlite_files(data).into_iter().enumerate() {
                let (survey, verdict) = &looked.parts[number];
                mend_sqlite(&path, migrator, survey, &verdict.mend()).await?;
            }
        }
        Target::Postgres(options, _) => {
            for (survey, verdict) in &looked.parts {
                mend_postgres((**options).clone(), &POSTGRES, survey, &verdict.mend()).await?;
            }
        }
    }
    Ok(())
}

async fn open(data: &Path, target: &Target, tell: &mut Told<'_>) -> Result<Databases, DbError> {
    match target {
        Target::Sqlite => Databases::sqlite_told(data, Some(tell)).await,
        Target::Postgres(_, url) => Databases::postgres_told(url, Some(tell)).await,
    }
}

async fn make_base(app: &App) -> Result<(), SetupError> {
    access::ensure_defaults(app).await?;
    app.fleet_keys().await?;
    Ok(())
}

/// What became of a table that is there by now; none for one that isn't ours.
fn outcome(looked: &Looked, table: &str) -> Option<&'static str> {
    let parts = &looked.parts;
    if let Some((_, verdict)) = parts
        .iter()
        .find(|(survey, _)| survey.expected.contains_key(table))
    {
        return Some(match verdict {
            Verdict::Add(missing) if missing.contains(table) => "added",
            Verdict::Keep | Verdict::Add(_) => "kept",
            Verdict::Recreate(ours) if ours.contains(table) => "recreated",
            Verdict::Create | Verdict::Recreate(_) | Verdict::Stop(_) => "created",
        });
    }
    // Of a step that is newer than the database was; without a history nothing but the newest is expected.
    let is_older = |(survey, _): &(Survey, Verdict)| matches!(survey.history, History::Ours(_));
    let was_there = parts.iter().any(|(survey, _)| survey.found.contains_key(table));
    (parts.iter().any(is_older) && !was_there).then_some("created")
}

//! The five outcomes of looking at a database, each on a database that was prepared for it, on both kinds.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use super::{
    DatabaseInput, Door, Installation, Obstacle, Phase, Progress, SetupError, StepState, Trouble, install,
    set_password, verdict::ObstacleKind,
};
use crate::{config::Config, config::FILE_NAME, db::DbError, tasks::Tasks};

const PASSWORD: &str = "a long enough password";

/// A data directory and a database that a test prepares.
struct Place {
    data: TempDir,
    postgres: Option<(String, String)>,
}

impl Place {
    fn sqlite() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            postgres: None,
        }
    }

    async fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("MUSTER_TEST_POSTGRES_URL").expect(
            "MUSTER_TEST_POSTGRES_URL is not set: run `cargo verify`, which starts a PostgreSQL for tests",
        );
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("muster_setup_{}_{number}", std::process::id());
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = AssertSqlSafe(format!("create database {name}"));
        sqlx::query(create).execute(&mut connection).await.unwrap();
        Self {
            data: tempfile::tempdir().unwrap(),
            postgres: Some((server, url)),
        }
    }

    fn input(&self) -> DatabaseInput {
        match &self.postgres {
            Some((_, url)) => DatabaseInput::url(url.clone().into()),
            None => DatabaseInput::default(),
        }
    }

    async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if let Some((_, url)) = &self.postgres {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        } else {
            let url = format!(
                "sqlite://{}?mode=rwc",
                self.data.path().join("muster.db").display()
            );
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        if let Some((_, url)) = &self.postgres {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let url = format!("sqlite://{}", self.data.path().join("muster.db").display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }
    }

    /// Everything that an untouched database keeps: SQLite's bytes; in PostgreSQL each relation with its file and each
    /// row of `blog` with its place and the transaction that wrote it.
    async fn fingerprint(&self) -> Vec<u8> {
        let Some((_, url)) = &self.postgres else {
            return fs::read(self.data.path().join("muster.db")).unwrap();
        };
        let mut connection = PgConnection::connect(url).await.unwrap();
        let all: String = sqlx::query_scalar(
            "select (select string_agg(concat(oid, relname, relnamespace, pg_relation_filenode(oid)), ',' order by oid) \
             from pg_class where relnamespace not in ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)) \
             || coalesce((select string_agg(concat(ctid, xmin, xmax, blog), ',' order by ctid) from blog), '') \
             || (select string_agg(nspname, ',' order by oid) from pg_namespace where nspname not like 'pg\\_t%')",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        all.into_bytes()
    }

    async fn install(&self) -> (Result<(), SetupError>, Vec<Progress>) {
        let told = Mutex::new(Vec::new());
        let input = self.input();
        let checked = Installation::check(self.data.path(), "root", PASSWORD.into(), Some(&input)).await;
        let ended = match checked {
            Ok(installation) => install(installation, |step| told.lock().unwrap().push(step)).await,
            Err(error) => Err(error),
        };
        (ended, told.into_inner().unwrap())
    }

    /// As after a set-up that broke off right before its end.
    fn forget_configuration(&self) {
        fs::remove_file(self.data.path().join(FILE_NAME)).unwrap();
    }

    async fn finish(self) {
        if let Some((server, url)) = &self.postgres {
            let (_, name) = url.rsplit_once('/').unwrap();
            let mut connection = PgConnection::connect(server).await.unwrap();
            let drop = AssertSqlSafe(format!("drop database if exists {name} with (force)"));
            sqlx::query(drop).execute(&mut connection).await.unwrap();
        }
    }
}

macro_rules! both {
    ($name:ident, |$place:ident| $body:block) => {
        async fn $name($place: &Place) $body

        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                let place = super::Place::sqlite();
                super::$name(&place).await;
                place.finish().await;
            }

            #[tokio::test]
            async fn on_postgres() {
                let place = super::Place::postgres().await;
                super::$name(&place).await;
                place.finish().await;
            }
        }
    };
}

fn said(steps: &[Progress], table: &str) -> String {
    let step = steps.iter().find(|step| step.table.as_deref() == Some(table));
    step.map(|step| step.detail.clone()).unwrap_or_default()
}

fn obstacles(ended: Result<(), SetupError>) -> Vec<Obstacle> {
    match ended {
        Err(SetupError::Obstacles(obstacles)) => obstacles,
        other => panic!("not stopped: {other:?}"),
    }
}

both!(
    the_file_of_before_is_kept_and_the_database_that_was_chosen_is_used,
    |place| {
        let file = place.data.path().join(FILE_NAME);
        let present = "# [database] is chosen at the first start\n[database]\nurl = \"postgres://old@nowhere/x\"\n\
        [http]\nlisten = \"127.0.0.1:1\"";
        fs::write(&file, present).unwrap();
        place.install().await.0.unwrap();
        let config = Config::load(place.data.path(), None).unwrap();
        assert_eq!(config.super_admin.unwrap().account, "root");
        assert_eq!(config.http.listen.port(), 1);
        let url = config
            .database
            .url
            .as_ref()
            .map(muster_base::ExposeSecret::expose_secret);
        assert_eq!(url, place.postgres.as_ref().map(|(_, url)| url.as_str()));
        assert!(
            fs::read_to_string(&file)
                .unwrap()
                .starts_with("# [database] is chosen")
        );
    }
);

both!(
    a_file_that_can_t_be_changed_is_refused_before_anything_is_made,
    |place| {
        let file = place.data.path().join(FILE_NAME);
        let present = "database = { url = \"postgres://old@nowhere/x\" }\n";
        fs::write(&file, present).unwrap();
        let (ended, steps) = place.install().await;
        assert!(matches!(ended, Err(SetupError::Configuration(..))), "{ended:?}");
        assert!(steps.is_empty());
        assert_eq!(fs::read_to_string(&file).unwrap(), present);
    }
);

both!(an_empty_database_is_filled_and_a_complete_one_kept, |place| {
    let (ended, steps) = place.install().await;
    ended.unwrap();
    let order: Vec<_> = steps
        .iter()
        .filter(|step| step.state == StepState::Done && step.table.is_none())
        .map(|step| step.step)
        .collect();
    assert_eq!(order, ["key", "check", "tables", "base", "configuration"]);
    assert_eq!(said(&steps, "users"), "created");
    assert_eq!(said(&steps, "samples"), "created");
    let file = place.data.path().join(FILE_NAME);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(place.install().await.0, Err(SetupError::Done(_))));

    let orgs = place.number("select count(*) from orgs").await;
    assert!(orgs > 0, "no base data");
    place.forget_configuration();
    let (ended, steps) = place.install().await;
    ended.unwrap();
    assert_eq!(said(&steps, "users"), "kept");
    assert_eq!(place.number("select count(*) from orgs").await, orgs);
});

both!(each_table_is_told_as_soon_as_it_is_there, |place| {
    // In the way of a late step: what the steps before it made has been told by then.
    place.run("create view host_sessions as select 1 as x").await;
    let (ended, steps) = place.install().await;
    assert!(ended.is_err());
    assert_eq!(said(&steps, "users"), "created");
    assert_eq!(said(&steps, "host_sessions"), "");
    let last = steps.last().unwrap();
    assert_eq!((last.step, last.state), ("tables", StepState::Failed));

    place.run("drop view host_sessions").await;
    let (ended, steps) = place.install().await;
    ended.unwrap();
    assert_eq!(said(&steps, "users"), "kept");
    assert_eq!(said(&steps, "host_sessions"), "created");
    let words: Vec<_> = steps.iter().map(|step| (step.step, step.state)).collect();
    let at = |wanted| words.iter().position(|word| *word == wanted).unwrap();
    let tables = at(("tables", StepState::Running))..at(("tables", StepState::Done));
    let told = at(("table", StepState::Done));
    assert!(tables.contains(&told), "{words:?}");
});

both!(missing_tables_are_added_and_the_others_keep_their_data, |place| {
    place.install().await.0.unwrap();
    for forget in ["", "drop table _sqlx_migrations;"] {
        place.forget_configuration();
        place.run(&format!("drop table webhook_tokens; {forget}")).await;
        let orgs = place.number("select count(*) from orgs").await;
        let (ended, steps) = place.install().await;
        ended.unwrap();
        assert_eq!(said(&steps, "webhook_tokens"), "added");
        assert_eq!(said(&steps, "orgs"), "kept");
        assert_eq!(place.number("select count(*) from webhook_tokens").await, 0);
        assert_eq!(place.number("select count(*) from orgs").await, orgs);
    }
    // Its index came back with it.
    place.run("drop index webhook_tokens_by_application").await;
});

both!(
    a_table_of_ours_in_the_wrong_shape_is_made_anew_if_all_are_empty,
    |place| {
        place
            .run("create table users (id integer primary key, nick text); create table blog (x integer)")
            .await;
        let (ended, steps) = place.install().await;
        ended.unwrap();
        assert_eq!(said(&steps, "users"), "recreated");
        assert_eq!(said(&steps, "orgs"), "created");
        assert_eq!(
            place
                .number("select count(*) from users where username = 'x'")
                .await,
            0
        );
        // What was empty and not ours is left alone.
        assert_eq!(place.number("select count(*) from blog").await, 0);
    }
);

both!(a_table_of_ours_in_the_wrong_shape_with_data_stops_it, |place| {
    place
        .run(
            "create table users (id integer primary key, nick text); insert into users values (1, 'ann'); \
             create table blog (x integer)",
        )
        .await;
    let before = place.fingerprint().await;
    let (ended, steps) = place.install().await;
    let obstacles = obstacles(ended);
    assert!(obstacles.iter().all(|obstacle| obstacle.table == "users"));
    assert!(
        obstacles
            .iter()
            .any(|o| o.column.as_deref() == Some("nick") && o.problem == ObstacleKind::ColumnUnknown)
    );
    assert_eq!(place.fingerprint().await, before);
    let last = steps.last().unwrap();
    assert_eq!((last.step, last.state), ("check", StepState::Failed));
    assert!(
        last.detail.contains("users") && last.detail.contains("nick"),
        "{}",
        last.detail
    );
    // The same, to be said in any language: each column by itself.
    assert_eq!(last.errors.len(), obstacles.len());
    let unknown = last.errors.iter().find(|error| error.code == "column-unknown");
    let params = &unknown.unwrap().params;
    assert_eq!(
        (params["table"].as_str(), params["column"].as_str()),
        ("users", "nick")
    );
    assert!(!place.data.path().join(FILE_NAME).exists());
});

both!(a_foreign_database_with_data_comes_out_unchanged, |place| {
    place
        .run(
            "create table blog (id integer primary key, title text); insert into blog values (1, 'first'); \
             create table users (id integer primary key)",
        )
        .await;
    let before = place.fingerprint().await;
    let obstacles = obstacles(place.install().await.0);
    let stranger = Obstacle {
        table: "blog".to_owned(),
        column: None,
        problem: ObstacleKind::Foreign,
    };
    assert_eq!(obstacles, [stranger]);
    assert_eq!(place.fingerprint().await, before);
});

both!(the_history_of_a_newer_muster_stops_it, |place| {
    place.install().await.0.unwrap();
    place.forget_configuration();
    place
        .run(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
             select 9999, 'from the future', success, checksum, 0 from _sqlx_migrations where version = 1",
        )
        .await;
    let obstacles = obstacles(place.install().await.0);
    assert_eq!(obstacles[0].problem, ObstacleKind::HistoryStrange);
});

#[tokio::test]
async fn trouble_with_a_server_is_told_in_plain_language() {
    let place = Place::postgres().await;
    let (server, url) = place.postgres.clone().unwrap();
    let (login, _) = server.rsplit_once('/').unwrap();
    let host = login.rsplit_once('@').map_or(login, |(_, host)| host);
    let cases = [
        (
            "postgres://u:p@127.0.0.1:1/x".to_owned(),
            "nothing listens at 127.0.0.1:1",
        ),
        (
            format!("{login}/no_such_database"),
            "there is no database no_such_database",
        ),
        (
            "postgres://u:p@no-such-host.invalid/x".to_owned(),
            "there is no host no-such-host.invalid",
        ),
        (format!("postgres://no_such_user:p@{host}/x"), "no_such_user"),
        ("http://x".to_owned(), "must be postgres://"),
    ];
    for (url, words) in cases {
        let tried =
            Installation::try_database(place.data.path(), &DatabaseInput::url(url.clone().into())).await;
        let error = tried.unwrap_err().to_string();
        assert!(error.contains(words), "{url}: {error}");
    }
    let tried = Installation::try_database(place.data.path(), &DatabaseInput::url(url.into())).await;
    assert!(tried.unwrap().server.starts_with("PostgreSQL 1"));
    place.finish().await;
}

/// What goes wrong after the database was looked at.
#[test]
fn what_breaks_in_the_middle_has_a_code() {
    let away = || DbError::Unavailable(sqlx::Error::PoolTimedOut);
    let full = std::io::Error::other("no space left");
    let cases = [
        (SetupError::Db(away()), "database-gone", "database"),
        (SetupError::Fleet(away().into()), "database-gone", "database"),
        (
            SetupError::Db(DbError::Corrupt("x".to_owned())),
            "database-says",
            "database",
        ),
        (
            SetupError::File("/data/muster.toml".into(), full),
            "data-file",
            "",
        ),
        (
            SetupError::Key(crate::keys::KeyError::Malformed),
            "master-key",
            "",
        ),
        (
            SetupError::Trouble(Trouble::NoRights),
            "database-rights",
            "database",
        ),
        (SetupError::Running, "invalid", ""),
    ];
    for (error, code, field) in cases {
        let errors = error.errors();
        assert_eq!(
            (errors[0].code, errors[0].field.as_str()),
            (code, field),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_to_be_none() {
    let place = Place::sqlite();
    fs::write(place.data.path().join("muster.db"), "x".repeat(4096)).unwrap();
    let tried = Installation::try_database(place.data.path(), &DatabaseInput::default()).await;
    let error = tried.unwrap_err().to_string();
    assert!(error.contains("can't be used"), "{error}");
}

#[tokio::test]
async fn the_super_administrator_s_password_is_changed_in_the_file() {
    let place = Place::sqlite();
    place.install().await.0.unwrap();
    let before = fs::read_to_string(place.data.path().join(FILE_NAME)).unwrap();
    set_password(place.data.path(), "another password".into())
        .await
        .unwrap();
    assert_ne!(
        fs::read_to_string(place.data.path().join(FILE_NAME)).unwrap(),
        before
    );
    assert!(
        Config::load(place.data.path(), None)
            .unwrap()
            .super_admin
            .is_some()
    );
}

#[tokio::test]
async fn the_door_takes_its_token_only_and_closes_behind_the_first() {
    let place = Place::sqlite();
    let tasks = Tasks::default();
    let door = Door::open(place.data.path(), tasks.clone());
    let input = DatabaseInput::default();
    let wrong = door
        .begin(&"setup_guess".into(), "root", PASSWORD.into(), &input)
        .await;
    assert!(matches!(wrong, Err(SetupError::WrongToken)));
    for _ in 0..20 {
        drop(door.try_database(&"setup_guess".into(), &input).await);
    }
    let guesses = door.try_database(&"setup_guess".into(), &input).await;
    assert!(matches!(guesses, Err(SetupError::Throttled(_))));

    // Whoever has the token is not kept out by somebody's guesses.
    let token = door.token().unwrap().clone();
    door.begin(&token, "root", PASSWORD.into(), &input).await.unwrap();
    door.installed().await;
    assert_eq!(door.phase(), Phase::Installed);
    let again = door.begin(&token, "root", PASSWORD.into(), &input).await;
    assert!(matches!(again, Err(SetupError::Done(_))));
    tasks.stop(std::time::Duration::from_secs(5)).await;
}

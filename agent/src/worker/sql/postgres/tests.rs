//! Against a real PostgreSQL.

use std::time::Duration;

use muster_protocol::latest::{DbDialect, OrderStatus, SqlSpec, StepStatus};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::super::{
    test_server,
    testing::{
        Server, aim, context, crash_at, eventually, kill_after, last, run, scratch_name, spec, statuses,
    },
};
use muster_base::{ExposeSecret as _, SecretString};

const URL: &str = "MUSTER_TEST_POSTGRES_URL";

/// A database of its own, dropped at the end.
struct Scratch {
    server: Server,
    name: String,
    conn: PgConnection,
}

impl Scratch {
    async fn new() -> Self {
        let server = Server::from_env(URL);
        let name = scratch_name();
        let mut admin = connect(&server, "postgres").await;
        let create = AssertSqlSafe(format!("create database {name}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        let conn = connect(&server, &name).await;
        Self { server, name, conn }
    }

    fn spec(&self, statements: &[&str]) -> SqlSpec {
        aim(spec(DbDialect::Postgres, statements), &self.server, &self.name)
    }

    async fn sql(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut self.conn).await.unwrap();
    }

    async fn number(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar(sql).fetch_one(&mut self.conn).await.unwrap()
    }

    async fn drop(self) {
        self.conn.close().await.unwrap();
        let mut admin = connect(&self.server, "postgres").await;
        let drop = AssertSqlSafe(format!("drop database {} with (force)", self.name));
        sqlx::raw_sql(drop).execute(&mut admin).await.unwrap();
    }
}

async fn connect(server: &Server, database: &str) -> PgConnection {
    let options = PgConnectOptions::new()
        .host(&server.host)
        .port(server.port)
        .username(&server.username)
        .password(server.password.expose_secret())
        .database(database);
    PgConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_release_runs_once_and_is_answered_from_the_ledger_after() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int primary key, n int not null)",
        "insert into t values (1, 0), (2, 0)",
        "update t set n = n + 1 where id > 0",
    ]);
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert!(outcome.server_version.unwrap().starts_with("PostgreSQL "));
    assert!(steps.iter().all(|(status, _)| *status == StepStatus::Done));

    let (again, steps) = run(&spec, &db.server).await;
    assert_eq!(again.status, OrderStatus::Done);
    assert!(
        steps.iter().all(|(_, detail)| detail.contains("ran already")),
        "{steps:?}"
    );
    assert_eq!(db.number("select sum(n) from t").await, 2);
    assert_eq!(
        db.number("select count(*) from muster_release_ledger where status = 'done'")
            .await,
        1
    );
    db.drop().await;
}

#[tokio::test]
async fn a_failure_in_the_middle_leaves_nothing() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int)",
        "insert into missing values (1)",
        "create table u (id int)",
    ]);
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::RolledBack);
    let error = outcome.error.unwrap();
    assert!(
        error.contains("statement 2") && error.contains("missing"),
        "{error}"
    );
    let seen: Vec<_> = steps.iter().map(|(status, _)| *status).collect();
    assert_eq!(
        seen,
        [StepStatus::Skipped, StepStatus::Failed, StepStatus::Skipped]
    );
    assert_eq!(
        (steps[0].1.as_str(), steps[2].1.as_str()),
        ("rolled back", "not reached")
    );
    assert_eq!(
        db.number("select count(*) from pg_tables where tablename in ('t', 'u')")
            .await,
        0
    );
    assert_eq!(db.number("select count(*) from muster_release_ledger").await, 0);
    db.drop().await;
}

#[tokio::test]
async fn a_deferred_constraint_that_fails_at_the_commit_leaves_nothing() {
    let mut db = Scratch::new().await;
    db.sql("create table a (id int primary key); create table b (a int references a deferrable initially deferred)")
        .await;
    let (outcome, _) = run(&db.spec(&["insert into b values (1)"]), &db.server).await;
    assert_eq!(outcome.status, OrderStatus::RolledBack);
    assert!(outcome.error.unwrap().contains("the commit failed"));
    assert_eq!(db.number("select count(*) from b").await, 0);
    db.drop().await;
}

#[tokio::test]
async fn what_cannot_be_in_a_transaction_is_a_step_of_its_own() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int)",
        "create type mood as enum ('sad')",
        "create index concurrently i on t (id)",
        "alter type mood add value 'ok'",
        "insert into t values (1)",
        "vacuum t",
    ]);
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(
        db.number("select count(*) from muster_release_ledger where status = 'done'")
            .await,
        5
    );
    assert_eq!(
        db.number("select count(*) from pg_indexes where indexname = 'i'")
            .await,
        1
    );
    db.drop().await;
}

#[tokio::test]
async fn a_failed_concurrent_index_is_cleared_away_and_says_what_stays() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int)",
        "insert into t values (1), (1)",
        "create unique index concurrently i on t (id)",
    ]);
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    assert!(
        outcome
            .error
            .unwrap()
            .contains("statements 1 to 2 were executed and stay")
    );
    assert_eq!(
        db.number("select count(*) from pg_class where relname = 'i'")
            .await,
        0
    );

    db.sql("delete from t where ctid = (select min(ctid) from t)")
        .await;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(db.number("select count(*) from t").await, 1);
    db.drop().await;
}

#[tokio::test]
async fn an_index_whose_building_was_interrupted_is_built_anew() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int)",
        "create unique index concurrently i on t (id)",
    ]);
    // The crash: a starting row with the state before, and an invalid index.
    assert!(!crash_at(3, &spec, &db.server).await);
    eventually("the lock is free", async || {
        db.number("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())")
            .await
            == 0
    })
    .await;
    db.sql("drop index if exists i; insert into t values (1), (1)")
        .await;
    let broken = AssertSqlSafe("create unique index concurrently i on t (id)".to_owned());
    assert!(sqlx::raw_sql(broken).execute(&mut db.conn).await.is_err());
    db.sql(
        "delete from t; update muster_release_ledger set status = 'starting',
         before_state = '{\"effects\":[\"No\"],\"objects\":[]}' where first_step = 1",
    )
    .await;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(
        db.number("select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass")
            .await,
        1
    );
    db.drop().await;
}

const STORY: &[&str] = &[
    "create table t (id int primary key, n int not null)",
    "insert into t values (1, 0)",
    "update t set n = n + 1 where id = 1",
    "create index concurrently i on t (n)",
    "update t set n = n + 10 where id = 1",
    "alter table t add column c int",
    "create type mood as enum ('sad')",
    "alter type mood add value 'ok'",
    "insert into t values (2, 100)",
];

async fn check_story(db: &mut Scratch) {
    assert_eq!(db.number("select sum(n) from t").await, 111);
    assert_eq!(db.number("select count(*) from t where c is null").await, 2);
    assert_eq!(
        db.number("select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass")
            .await,
        1
    );
    assert_eq!(
        db.number("select count(*) from pg_enum where enumlabel = 'ok'")
            .await,
        1
    );
    assert_eq!(
        db.number("select count(*) from muster_release_ledger where status <> 'done'")
            .await,
        0
    );
}

#[tokio::test]
async fn dropped_at_every_event_and_resumed_it_happens_exactly_once() {
    for moment in 1..=2 * STORY.len() {
        let mut db = Scratch::new().await;
        let spec = db.spec(STORY);
        crash_at(moment, &spec, &db.server).await;
        let (mut ctx, mut collected) = context();
        ctx.resuming = true;
        let outcome = super::super::run(&ctx, &spec, &db.server.password).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "at event {moment}"
        );
        assert!(
            statuses(&mut collected)
                .iter()
                .all(|status| *status == StepStatus::Done)
        );
        check_story(&mut db).await;
        db.drop().await;
    }
}

#[tokio::test]
async fn killed_at_any_time_and_resumed_it_happens_exactly_once() {
    for delay_ms in [30, 60, 90, 130, 180, 250, 350, 500] {
        let mut db = Scratch::new().await;
        let slow: Vec<&str> = STORY
            .iter()
            .flat_map(|sql| [*sql, "select pg_sleep(0.03)"])
            .collect();
        let spec = db.spec(&slow);
        kill_after(Duration::from_millis(delay_ms), &spec, URL).await;
        let (mut ctx, _collected) = context();
        ctx.resuming = true;
        let outcome = super::super::run(&ctx, &spec, &db.server.password).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "after {delay_ms} ms"
        );
        check_story(&mut db).await;
        db.drop().await;
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_replaced() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int)",
        "select pg_sleep(1)",
        "insert into t values (1)",
    ]);
    let (ctx, mut collected) = context();
    let server = Server::from_env(URL);
    let kill = async {
        eventually("the statement runs", async || {
            db.number("select count(*) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'")
                .await
                == 1
        })
        .await;
        db.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'")
            .await;
    };
    let (outcome, ()) = tokio::join!(super::super::run(&ctx, &spec, &server.password), kill);
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert!(
        last(&mut collected)
            .iter()
            .all(|(status, _)| *status == StepStatus::Done)
    );
    assert_eq!(db.number("select count(*) from t").await, 1);
    db.drop().await;
}

#[tokio::test]
async fn a_lock_that_another_session_holds_ends_the_wait() {
    let mut db = Scratch::new().await;
    db.sql("create table t (id int)").await;
    db.sql("begin; lock table t in access exclusive mode").await;
    let mut spec = db.spec(&["alter table t add column a int"]);
    spec.lock_timeout_ms = 200;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::RolledBack);
    let error = outcome.error.unwrap();
    assert!(error.contains("lock timeout"), "{error}");
    db.sql("rollback").await;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::Done);
    db.drop().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let db = Scratch::new().await;
    let mut spec = db.spec(&["create table t (id int)", "select pg_sleep(30)"]);
    spec.statement_timeout_ms = 300;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::RolledBack);
    assert!(outcome.error.unwrap().contains("statement timeout"));
    db.drop().await;
}

#[tokio::test]
async fn two_at_once_run_one_after_the_other_or_not_at_all() {
    let mut db = Scratch::new().await;
    let mut slow = db.spec(&["create table t (id int)", "select pg_sleep(1)"]);
    let mut other = db.spec(&["create table u (id int)"]);
    (slow.lock_timeout_ms, other.lock_timeout_ms) = (10_000, 100);
    let server = Server::from_env(URL);
    let ((first, _), (second, _)) = tokio::join!(run(&slow, &server), async {
        eventually("the first one runs", async || {
            db.number("select count(*) from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())")
                .await
                == 1
        })
        .await;
        run(&other, &server).await
    });
    assert_eq!(
        (first.status, second.status),
        (OrderStatus::Done, OrderStatus::Failed)
    );
    assert!(second.error.unwrap().contains("another release is running"));

    let again = db.spec(&["create table v (id int)"]);
    let ((first, _), (second, _)) = tokio::join!(run(&again, &db.server), run(&again, &db.server));
    assert_eq!(
        (first.status, second.status),
        (OrderStatus::Done, OrderStatus::Done)
    );
    db.drop().await;
}

#[tokio::test]
async fn cancelling_stops_the_running_statement_and_leaves_nothing() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&["create table t (id int)", "select pg_sleep(30)"]);
    let (ctx, _collected) = context();
    let server = Server::from_env(URL);
    let cancel = async {
        eventually("the statement runs", async || {
            db.number("select count(*) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'")
                .await
                == 1
        })
        .await;
        ctx.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(super::super::run(&ctx, &spec, &server.password), cancel);
    assert_eq!(outcome.status, OrderStatus::Cancelled);
    assert_eq!(
        db.number("select count(*) from pg_tables where tablename = 't'")
            .await,
        0
    );
    db.drop().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let mut db = Scratch::new().await;
    let mut spec = db.spec(&[
        "create table t (id int)",
        "create index concurrently i on t (id)",
        "insert into t values (1)",
    ]);
    spec.dry_run = true;
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    let seen: Vec<_> = steps.iter().map(|(status, _)| *status).collect();
    assert_eq!(seen, [StepStatus::Done, StepStatus::Skipped, StepStatus::Done]);
    assert_eq!(
        db.number("select count(*) from pg_tables where schemaname = 'public'")
            .await,
        0
    );
    db.drop().await;
}

#[tokio::test]
async fn servers_are_tested_and_passwords_stay_secret() {
    let server = Server::from_env(URL);
    let target = aim(spec(DbDialect::Postgres, &["select 1"]), &server, "postgres").target;
    let outcome = test_server(&target, &server.password).await;
    assert!(outcome.server_version.unwrap().starts_with("PostgreSQL 15"));

    let password = SecretString::from("hunter2-planted");
    let mut wrong = target.clone();
    wrong.username = "hunter2-planted".into();
    wrong.database = "no_such_database".into();
    let outcome = test_server(&wrong, &password).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    let error = outcome.error.unwrap();
    assert!(
        error.contains("can't connect") && !error.contains("hunter2"),
        "{error}"
    );
}

//! Against a real MariaDB.

use std::time::Duration;

use muster_base::{ExposeSecret as _, SecretString};
use muster_protocol::latest::{DbDialect, OrderStatus, SqlSpec, StepStatus};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, mysql::MySqlConnectOptions};

use super::super::{
    test_server,
    testing::{Server, aim, context, crash_at, eventually, kill_after, run, scratch_name, spec, statuses},
};

const URL: &str = "MUSTER_TEST_MYSQL_URL";

/// A database of its own, dropped at the end.
struct Scratch {
    server: Server,
    name: String,
    conn: MySqlConnection,
}

impl Scratch {
    async fn new() -> Self {
        let server = Server::from_env(URL);
        let name = scratch_name();
        let mut admin = connect(&server, "mysql").await;
        let create = AssertSqlSafe(format!("create database {name}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        let conn = connect(&server, &name).await;
        Self { server, name, conn }
    }

    fn spec(&self, statements: &[&str]) -> SqlSpec {
        aim(spec(DbDialect::MySql, statements), &self.server, &self.name)
    }

    async fn sql(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut self.conn).await.unwrap();
    }

    async fn number(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(format!("select cast(({sql}) as signed)"));
        sqlx::query_scalar(sql).fetch_one(&mut self.conn).await.unwrap()
    }

    async fn drop(mut self) {
        let drop = format!("drop database {}", self.name);
        self.sql(&drop).await;
        self.conn.close().await.unwrap();
    }
}

async fn connect(server: &Server, database: &str) -> MySqlConnection {
    let options = MySqlConnectOptions::new()
        .host(&server.host)
        .port(server.port)
        .username(&server.username)
        .password(server.password.expose_secret())
        .database(database);
    MySqlConnection::connect_with(&options).await.unwrap()
}

/// The release's session, by the lock that it holds.
async fn wait_for_session(db: &mut Scratch) {
    let name = db.name.clone();
    let sql = format!(
        "select count(*) from information_schema.processlist where db = '{name}' and info like 'select sleep%'"
    );
    eventually("the statement runs", async || db.number(&sql).await == 1).await;
}

/// Crashes while the first statement runs: it waits for the table `t`, so that it can't have ended before.
async fn crash_in_first_statement(db: &mut Scratch, spec: &SqlSpec) {
    db.sql("lock tables t write").await;
    assert!(!crash_at(1, spec, &db.server).await);
    db.sql("unlock tables").await;
    eventually("the first session is gone", async || {
        db.number("select count(*) from information_schema.processlist where db = database()")
            .await
            == 1
    })
    .await;
}

#[tokio::test]
async fn a_release_runs_once_and_is_answered_from_the_ledger_after() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int primary key, n int not null)",
        "insert into t values (1, 0), (2, 0)",
        "update t set n = n + 1 where id > 0",
        "create procedure p()\nbegin\n select 1;\n select 2;\nend",
        "create trigger g before insert on t for each row set new.n = 5",
    ]);
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert!(outcome.server_version.unwrap().starts_with("MariaDB 10.11"));
    assert!(steps.iter().all(|(status, _)| *status == StepStatus::Done));

    let (again, steps) = run(&spec, &db.server).await;
    assert_eq!(again.status, OrderStatus::Done);
    assert!(
        steps.iter().all(|(_, detail)| detail.contains("ran already")),
        "{steps:?}"
    );
    assert_eq!(db.number("select sum(n) from t").await, 2);
    db.drop().await;
}

#[tokio::test]
async fn a_failure_in_the_middle_says_exactly_what_stays_and_can_be_gone_on_from() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&[
        "create table t (id int primary key)",
        "insert into t values (1)",
        "alter table missing add column a int",
        "create table u (id int)",
    ]);
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    let error = outcome.error.unwrap();
    assert!(
        error.contains("statement 3") && error.contains("statements 1 to 2 were executed and stay"),
        "{error}"
    );
    let seen: Vec<_> = steps.iter().map(|(status, _)| *status).collect();
    assert_eq!(
        seen,
        [
            StepStatus::Done,
            StepStatus::Done,
            StepStatus::Failed,
            StepStatus::Skipped
        ]
    );

    db.sql("create table missing (id int)").await;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(db.number("select count(*) from t").await, 1);
    db.drop().await;
}

#[tokio::test]
async fn failed_data_changes_leave_no_rows() {
    let mut db = Scratch::new().await;
    db.sql("create table t (id int primary key)").await;
    let spec = db.spec(&["insert into t values (1), (2), (1)"]);
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    assert!(
        outcome
            .error
            .unwrap()
            .contains("nothing of the release is in the database")
    );
    assert_eq!(db.number("select count(*) from t").await, 0);
    db.drop().await;
}

const STORY: &[&str] = &[
    "set foreign_key_checks = 0",
    "create table t (id int primary key, n int not null)",
    "insert into t values (1, 0)",
    "update t set n = n + 1 where id = 1",
    "alter table t add column c int, add index i (n)",
    "update t set n = n + 10 where id = 1",
    "create table child (id int primary key, t int, foreign key (t) references nowhere (id))",
    "rename table t to r",
    "insert into r (id, n) values (2, 100)",
    "drop table old",
];

async fn scratch_for_story() -> Scratch {
    let mut db = Scratch::new().await;
    db.sql("create table old (id int)").await;
    db
}

async fn check_story(db: &mut Scratch) {
    assert_eq!(db.number("select sum(n) from r").await, 111);
    assert_eq!(db.number("select count(*) from r where c is null").await, 2);
    let tables = "select count(*) from information_schema.tables where table_schema = database()";
    assert_eq!(db.number(tables).await, 3);
    assert_eq!(
        db.number("select count(*) from muster_release_ledger where status <> 'done'")
            .await,
        0
    );
}

#[tokio::test]
async fn dropped_at_every_event_and_resumed_it_happens_exactly_once() {
    for moment in 1..=2 * STORY.len() {
        let mut db = scratch_for_story().await;
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
        let mut db = scratch_for_story().await;
        let slow: Vec<&str> = STORY
            .iter()
            .flat_map(|sql| [*sql, "select sleep(0.03)"])
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
async fn what_was_starting_and_can_be_seen_to_have_happened_is_marked_done() {
    let mut db = Scratch::new().await;
    db.sql("create table t (id int)").await;
    let spec = db.spec(&["alter table t add column a int", "insert into t values (1, 2)"]);
    // Crash after the statement took effect and before the ledger said so.
    crash_in_first_statement(&mut db, &spec).await;
    db.sql("alter table t add column if not exists a int").await;
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert!(
        steps[0].1.contains("the database shows that it happened"),
        "{steps:?}"
    );
    db.drop().await;
}

#[tokio::test]
async fn what_was_starting_and_cannot_be_told_is_for_a_person() {
    let mut db = Scratch::new().await;
    db.sql("create table t (id int) engine = MyISAM").await;
    let spec = db.spec(&["insert into t values (1)", "create table u (id int)"]);
    crash_in_first_statement(&mut db, &spec).await;
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::NeedsAttention, "{steps:?}");
    assert!(outcome.error.unwrap().contains("tables without transactions"));
    assert_eq!(steps[1].1, "not reached");

    db.sql("delete from t; insert into t values (1); update muster_release_ledger set status = 'done'")
        .await;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(db.number("select count(*) from t").await, 1);
    db.drop().await;
}

#[tokio::test]
async fn a_lock_that_another_session_holds_ends_the_wait() {
    let mut db = Scratch::new().await;
    db.sql("create table t (id int); insert into t values (1); start transaction; update t set id = 2")
        .await;
    let mut spec = db.spec(&["alter table t add column a int"]);
    spec.lock_timeout_ms = 1_000;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    assert!(
        outcome
            .error
            .unwrap()
            .to_lowercase()
            .contains("lock wait timeout")
    );
    db.sql("rollback").await;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    db.drop().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let mut db = Scratch::new().await;
    db.sql("create table t (id int primary key)").await;
    let mut spec = db.spec(&["insert into t select sleep(30) + 1"]);
    spec.statement_timeout_ms = 300;
    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    let error = outcome.error.unwrap();
    assert!(
        error.contains("max_statement_time") || error.contains("interrupted"),
        "{error}"
    );
    assert_eq!(db.number("select count(*) from t").await, 0);
    db.drop().await;
}

#[tokio::test]
async fn two_at_once_run_one_after_the_other_or_not_at_all() {
    let mut db = Scratch::new().await;
    let mut slow = db.spec(&["create table t (id int)", "select sleep(1)"]);
    let mut other = db.spec(&["create table u (id int)"]);
    (slow.lock_timeout_ms, other.lock_timeout_ms) = (10_000, 100);
    let server = Server::from_env(URL);
    let ((first, _), (second, _)) = tokio::join!(run(&slow, &server), async {
        wait_for_session(&mut db).await;
        run(&other, &server).await
    });
    assert_eq!(
        (first.status, second.status),
        (OrderStatus::Done, OrderStatus::Failed)
    );
    assert!(second.error.unwrap().contains("another release is running"));

    let again = db.spec(&["create table v (id int)"]);
    let ((first, _), (second, _)) = tokio::join!(run(&again, &server), run(&again, &server));
    assert_eq!(
        (first.status, second.status),
        (OrderStatus::Done, OrderStatus::Done)
    );
    db.drop().await;
}

#[tokio::test]
async fn cancelling_stops_the_running_statement() {
    let mut db = Scratch::new().await;
    let spec = db.spec(&["create table t (id int)", "select sleep(30)"]);
    let (ctx, _collected) = context();
    let server = Server::from_env(URL);
    let (outcome, ()) = tokio::join!(super::super::run(&ctx, &spec, &server.password), async {
        wait_for_session(&mut db).await;
        ctx.cancel.cancel();
    });
    assert_eq!(outcome.status, OrderStatus::Failed);
    let error = outcome.error.unwrap();
    assert!(
        error.starts_with("cancelled; statement 1 was executed and stays"),
        "{error}"
    );
    db.drop().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let mut db = Scratch::new().await;
    let mut spec = db.spec(&["create table t (id int)", "insert into t values (1)"]);
    spec.dry_run = true;
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(steps[1].0, StepStatus::Skipped, "{steps:?}");
    let mut wrong = db.spec(&["insert into missing values (1)"]);
    wrong.dry_run = true;
    let (outcome, _) = run(&wrong, &db.server).await;
    assert_eq!(outcome.status, OrderStatus::RolledBack);
    let tables = "select count(*) from information_schema.tables where table_schema = database()";
    assert_eq!(db.number(tables).await, 0);
    db.drop().await;
}

#[tokio::test]
async fn servers_are_tested_and_passwords_stay_secret() {
    let server = Server::from_env(URL);
    let target = aim(spec(DbDialect::MySql, &["select 1"]), &server, "mysql").target;
    let outcome = test_server(&target, &server.password).await;
    assert!(outcome.server_version.unwrap().starts_with("MariaDB 10.11"));

    let outcome = test_server(&target, &SecretString::from("hunter2-planted")).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    let error = outcome.error.unwrap();
    assert!(
        error.contains("can't connect") && !error.contains("hunter2"),
        "{error}"
    );
}

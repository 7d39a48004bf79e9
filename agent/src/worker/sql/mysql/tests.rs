//! Against a real MariaDB.

use muster_base::SecretString;
use muster_protocol::latest::{DbDialect, OrderStatus, SqlSpec, StepStatus};

use super::super::{
    test_server,
    testing::{Server, aim, context, crash_at, eventually, run, scratch::Scratch, spec},
};

const URL: &str = "MUSTER_TEST_MYSQL_URL";
const KIND: DbDialect = DbDialect::MySql;

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
    let mut db = Scratch::new(KIND).await;
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
async fn a_column_that_may_be_null_no_longer_is_changed_in_place() {
    let mut db = Scratch::new(KIND).await;
    let spec = db.spec(&[
        "create table t (id int primary key, n int) engine=innodb",
        "insert into t values (1, 5)",
        "alter table t modify column n int not null, algorithm=inplace, lock=none",
        // Also where the server does it at once.
        "alter table t add column m int, lock=none",
    ]);
    let (outcome, steps) = run(&spec, &db.server).await;
    assert_eq!(
        (outcome.status, outcome.error),
        (OrderStatus::Done, None),
        "{steps:?}"
    );
    assert_eq!(db.number("select n from t").await, 5);
    db.drop().await;
}

#[tokio::test]
async fn a_failure_in_the_middle_says_exactly_what_stays_and_can_be_gone_on_from() {
    let mut db = Scratch::new(KIND).await;
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
    let mut db = Scratch::new(KIND).await;
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

#[tokio::test]
async fn what_was_starting_and_can_be_seen_to_have_happened_is_marked_done() {
    let mut db = Scratch::new(KIND).await;
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
    let mut db = Scratch::new(KIND).await;
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
async fn cancelling_stops_the_running_statement() {
    let mut db = Scratch::new(KIND).await;
    let spec = db.spec(&["create table t (id int)", "select sleep(30)"]);
    let (ctx, _collected) = context();
    let server = Server::from_env(URL);
    let (outcome, ()) = tokio::join!(super::super::run(&ctx, &spec, &[], &server.password), async {
        db.await_running("select sleep").await;
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
    let mut db = Scratch::new(KIND).await;
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
    let target = aim(spec(KIND, &["select 1"]), &server, "mysql").target;
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

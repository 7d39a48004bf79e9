//! Against a real PostgreSQL.

use muster_base::SecretString;
use muster_protocol::latest::{DbDialect, OrderStatus, StepStatus};

use super::super::{
    test_server,
    testing::{Server, aim, context, crash_at, eventually, last, run, scratch::Scratch, spec},
};

const URL: &str = "MUSTER_TEST_POSTGRES_URL";
const KIND: DbDialect = DbDialect::Postgres;

#[tokio::test]
async fn a_release_runs_once_and_is_answered_from_the_ledger_after() {
    let mut db = Scratch::new(KIND).await;
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
    let mut db = Scratch::new(KIND).await;
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
    let mut db = Scratch::new(KIND).await;
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
    let mut db = Scratch::new(KIND).await;
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
    let mut db = Scratch::new(KIND).await;
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
    let mut db = Scratch::new(KIND).await;
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
    assert!(
        db.try_sql("create unique index concurrently i on t (id)")
            .await
            .is_err()
    );
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

#[tokio::test]
async fn a_connection_that_the_server_ends_is_replaced() {
    let mut db = Scratch::new(KIND).await;
    let spec = db.spec(&[
        "create table t (id int)",
        "select pg_sleep(1)",
        "insert into t values (1)",
    ]);
    let (ctx, mut collected) = context();
    let server = Server::from_env(URL);
    let kill = async {
        db.await_running("select pg_sleep").await;
        db.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'")
            .await;
    };
    let (outcome, ()) = tokio::join!(super::super::run(&ctx, &spec, &[], &server.password), kill);
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
async fn cancelling_stops_the_running_statement_and_leaves_nothing() {
    let mut db = Scratch::new(KIND).await;
    let spec = db.spec(&["create table t (id int)", "select pg_sleep(30)"]);
    let (ctx, _collected) = context();
    let server = Server::from_env(URL);
    let cancel = async {
        db.await_running("select pg_sleep").await;
        ctx.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(super::super::run(&ctx, &spec, &[], &server.password), cancel);
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
    let mut db = Scratch::new(KIND).await;
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
    let target = aim(spec(KIND, &["select 1"]), &server, "postgres").target;
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

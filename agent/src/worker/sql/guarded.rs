//! Statements that are held in, against real servers of both kinds: limits, kept rows, crashes.

use muster_protocol::latest::{DbDialect, OrderStatus, SqlGuard, SqlSpec, StepStatus};

use super::{
    SqlOutcome,
    testing::{context, crash_guarded_at, last, scratch::Scratch},
};

const PAUSES: &[std::time::Duration] = &[std::time::Duration::from_millis(100)];
const KEPT: &str = "zz_aside_261130r1_t";

fn guard(statement: u32, max_rows: Option<u64>, keep: Option<&str>) -> SqlGuard {
    SqlGuard {
        statement,
        max_rows,
        keep: keep.map(str::to_owned),
    }
}

async fn run(db: &Scratch, spec: &SqlSpec, guards: &[SqlGuard]) -> (SqlOutcome, Vec<(StepStatus, String)>) {
    let (ctx, mut collected) = context();
    let outcome = super::run(&ctx, spec, guards, &db.server.password).await;
    (outcome, last(&mut collected))
}

async fn with_rows(kind: DbDialect) -> Scratch {
    let mut db = Scratch::new(kind).await;
    db.sql("create table t (id int primary key, n int not null, at timestamp null)")
        .await;
    db.sql("insert into t values (1, 1, null), (2, 1, null), (3, 2, null), (4, 3, null)")
        .await;
    db
}

/// What a release that was not done is called where nothing else of it was.
const fn undone(kind: DbDialect) -> OrderStatus {
    match kind {
        DbDialect::Postgres => OrderStatus::RolledBack,
        DbDialect::MySql => OrderStatus::Failed,
    }
}

async fn tables(db: &mut Scratch, kind: DbDialect) -> i64 {
    let schema = match kind {
        DbDialect::Postgres => "'public'",
        DbDialect::MySql => "database()",
    };
    db.number(&format!(
        "select count(*) from information_schema.tables where table_schema = {schema} and table_name like 'zz%'"
    ))
    .await
}

async fn is_held_to_its_limit(kind: DbDialect) {
    let mut db = with_rows(kind).await;
    for (keep, max, said) in [(None, 2, "touches 3 rows"), (Some(KEPT), 2, "the limit is 2")] {
        let spec = db.spec(&["update t set n = 9 where id < 4"]);
        let (outcome, steps) = run(&db, &spec, &[guard(0, Some(max), keep)]).await;
        let error = outcome.error.unwrap();
        assert_eq!(outcome.status, undone(kind), "{error}");
        assert!(error.contains(said) && error.contains("maxRows"), "{error}");
        assert_eq!(steps[0].0, StepStatus::Failed, "{steps:?}");
        assert_eq!(db.number("select count(*) from t where n = 9").await, 0);
        assert_eq!(tables(&mut db, kind).await, 0);
    }
    let spec = db.spec(&["update t set n = 9 where id < 4"]);
    let (outcome, _) = run(&db, &spec, &[guard(0, Some(3), None)]).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    db.drop().await;
}

async fn rows_are_kept_before(kind: DbDialect) {
    let mut db = with_rows(kind).await;
    let second = "zz_aside_261130r2_t";
    let spec = db.spec(&[
        "update t as x set n = 9 where x.n = 1 -- ones\n and (at is null or at < now())",
        "delete from t where n = 2",
    ]);
    let guards = [guard(0, Some(2), Some(KEPT)), guard(1, None, Some(second))];
    let (outcome, steps) = run(&db, &spec, &guards).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert!(
        steps[0].1.contains("2 rows") && steps[0].1.contains(KEPT),
        "{steps:?}"
    );
    assert_eq!(db.number("select sum(n) from t").await, 9 + 9 + 3);
    assert_eq!(db.number(&format!("select sum(n) from {KEPT}")).await, 2);
    assert_eq!(db.number(&format!("select sum(id) from {second}")).await, 3);

    let (again, steps) = run(&db, &spec, &guards).await;
    assert_eq!((again.status, again.error), (OrderStatus::Done, None));
    assert!(steps[1].1.contains("ran already"), "{steps:?}");
    assert_eq!(db.number(&format!("select count(*) from {KEPT}")).await, 2);
    db.drop().await;
}

async fn a_failure_keeps_nothing(kind: DbDialect) {
    let mut db = with_rows(kind).await;
    let spec = db.spec(&["update t set id = 7 where n = 1"]);
    let (outcome, _) = run(&db, &spec, &[guard(0, None, Some(KEPT))]).await;
    assert_eq!(outcome.status, undone(kind), "{:?}", outcome.error);
    assert_eq!(tables(&mut db, kind).await, 0);
    assert_eq!(db.number("select sum(id) from t").await, 10);
    db.drop().await;
}

async fn what_goes_along_in_other_tables_is_refused(kind: DbDialect) {
    let mut db = with_rows(kind).await;
    db.sql("create table child (t int, foreign key (t) references t (id) on delete cascade)")
        .await;
    let spec = db.spec(&["delete from t where id = 1"]);
    let (outcome, _) = run(&db, &spec, &[guard(0, None, Some(KEPT))]).await;
    let error = outcome.error.unwrap();
    assert!(error.contains("no backup possible: rows of child"), "{error}");
    assert_eq!(tables(&mut db, kind).await, 0);
    // Nothing refers to what an update of another column changes.
    let spec = db.spec(&["update t set n = 5 where id = 1"]);
    let (outcome, _) = run(&db, &spec, &[guard(0, None, Some(KEPT))]).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    db.drop().await;
}

/// The worker dies at each moment, and another one goes on: the rows go once, and are kept once.
async fn a_crash_at_any_moment_ends_done_once(kind: DbDialect) {
    let mut db = with_rows(kind).await;
    let mut moment = 1;
    loop {
        db.sql("delete from t").await;
        db.sql("insert into t values (1, 1, null), (2, 1, null), (3, 2, null), (4, 3, null)")
            .await;
        let kept = format!("zz_aside_{moment}_t");
        let spec = db.spec(&["update t set n = n + 1 where n < 3", "delete from t where n = 3"]);
        let guards = [guard(0, Some(3), Some(&kept))];
        let ended = crash_guarded_at(moment, &spec, &guards, &db.server).await;
        let (outcome, _) = run(&db, &spec, &guards).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "at {moment}"
        );
        assert_eq!(db.number("select sum(n) from t").await, 4, "at {moment}");
        let sum = db.number(&format!("select sum(n) from {kept}")).await;
        assert_eq!(sum, 4, "at {moment}");
        if ended {
            break;
        }
        moment += 1;
    }
    assert!(moment > 3, "nothing was interrupted");
    db.drop().await;
}

/// A row that another session changes meanwhile is in the copy as it was changed, or nothing happens.
async fn others_wait_or_it_is_tried_again(kind: DbDialect) {
    let mut db = with_rows(kind).await;
    db.sql("begin").await;
    db.sql("update t set n = 5 where id = 1").await;
    let spec = db.spec(&["delete from t where id < 3"]);
    let guards = [guard(0, None, Some(KEPT))];
    let (mut ctx, _collected) = context();
    ctx.lock_pauses = PAUSES;
    let password = db.server.password.clone();
    // Who waits for this session.
    let waiting = match kind {
        DbDialect::Postgres => {
            "select count(*) from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))"
        }
        DbDialect::MySql => {
            "select count(*) from information_schema.innodb_lock_waits w join information_schema.innodb_trx t \
             on t.trx_id = w.blocking_trx_id where t.trx_mysql_thread_id = connection_id()"
        }
    };
    let (outcome, ()) = tokio::join!(super::run(&ctx, &spec, &guards, &password), async {
        let mut waits = 0;
        for _ in 0..100 {
            waits = db.number(waiting).await;
            if waits > 0 {
                break;
            }
            // MariaDB looks anew only after a tenth of a second in which nobody asked.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        assert!(waits > 0, "nobody waits");
        db.sql("commit").await;
    });
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(db.number(&format!("select sum(n) from {KEPT}")).await, 6);
    assert_eq!(db.number("select count(*) from t").await, 2);
    db.drop().await;
}

macro_rules! on_both {
    ($($test:ident => $postgres:ident, $mariadb:ident;)*) => {$(
        #[tokio::test]
        async fn $postgres() {
            $test(DbDialect::Postgres).await;
        }

        #[tokio::test]
        async fn $mariadb() {
            $test(DbDialect::MySql).await;
        }
    )*};
}

on_both! {
    is_held_to_its_limit => held_to_its_limit_on_postgres, held_to_its_limit_on_mariadb;
    rows_are_kept_before => kept_before_on_postgres, kept_before_on_mariadb;
    a_failure_keeps_nothing => failure_keeps_nothing_on_postgres, failure_keeps_nothing_on_mariadb;
    what_goes_along_in_other_tables_is_refused => along_refused_on_postgres, along_refused_on_mariadb;
    a_crash_at_any_moment_ends_done_once => guarded_crash_on_postgres, guarded_crash_on_mariadb;
    others_wait_or_it_is_tried_again => guarded_others_on_postgres, guarded_others_on_mariadb;
}

#[tokio::test]
async fn tables_without_transactions_are_counted_before_and_never_kept() {
    let mut db = Scratch::new(DbDialect::MySql).await;
    db.sql("create table t (id int) engine = MyISAM").await;
    db.sql("insert into t values (1), (2), (3)").await;
    let sql = "delete from t where id < 3";
    for (guards, said) in [
        (
            [guard(0, None, Some(KEPT))],
            "no backup possible: its table is of an engine",
        ),
        ([guard(0, Some(1), None)], "touches 2 rows, and the limit is 1"),
    ] {
        let spec = db.spec(&[sql]);
        let (outcome, _) = run(&db, &spec, &guards).await;
        let error = outcome.error.unwrap();
        assert_eq!(outcome.status, OrderStatus::Failed);
        assert!(error.contains(said), "{error}");
        assert_eq!(db.number("select count(*) from t").await, 3);
    }
    let spec = db.spec(&[sql]);
    let (outcome, _) = run(&db, &spec, &[guard(0, Some(2), None)]).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    db.drop().await;
}

#[tokio::test]
async fn a_join_is_held_to_its_limit_and_a_dry_run_too() {
    let mut db = with_rows(DbDialect::Postgres).await;
    let mut spec = db.spec(&["delete from t using t as o where t.n = o.n"]);
    let (outcome, _) = run(&db, &spec, &[guard(0, Some(3), None)]).await;
    assert!(outcome.error.unwrap().contains("touches 4 rows"));
    spec.dry_run = true;
    let (outcome, _) = run(&db, &spec, &[guard(0, Some(3), None)]).await;
    assert_eq!(outcome.status, OrderStatus::RolledBack);
    assert_eq!(db.number("select count(*) from t").await, 4);
    db.drop().await;
}

#[tokio::test]
async fn an_invalid_index_of_an_earlier_build_is_named_and_not_taken_for_done() {
    let mut db = Scratch::new(DbDialect::Postgres).await;
    db.sql("create table t (a int)").await;
    db.sql("insert into t values (1), (1)").await;
    assert!(
        db.try_sql("create unique index concurrently i on t (a)")
            .await
            .is_err()
    );
    let spec = db.spec(&["create unique index concurrently if not exists i on t (a)"]);
    let (outcome, _) = run(&db, &spec, &[]).await;
    assert_eq!(outcome.status, OrderStatus::Failed);
    let error = outcome.error.unwrap();
    assert!(
        error.contains("public.i is there already and unusable"),
        "{error}"
    );

    // One that fails takes its own rest away and says why.
    let spec = db.spec(&[
        "drop index concurrently i",
        "create unique index concurrently i on t (a)",
    ]);
    let (outcome, _) = run(&db, &spec, &[]).await;
    assert_eq!(outcome.status, OrderStatus::Failed, "{:?}", outcome.error);
    assert_eq!(
        db.number("select count(*) from pg_indexes where indexname = 'i'")
            .await,
        0
    );
    db.drop().await;
}

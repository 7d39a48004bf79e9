//! The worker is dropped or killed anywhere, on both kinds of server: what it began is ended, once.

use std::time::Duration;

use muster_protocol::latest::{DbDialect, OrderStatus, StepStatus};

use super::both_kinds;
use crate::worker::sql::{
    self,
    testing::{context, crash_at, kill_after, scratch::Scratch, statuses, variable},
};

both_kinds! {
    dropped_at_every_event_and_resumed_it_happens_exactly_once,
    killed_at_any_time_and_resumed_it_happens_exactly_once,
}

const POSTGRES_STORY: &[&str] = &[
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

const MYSQL_STORY: &[&str] = &[
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

/// Every kind of statement that a release may hold.
const fn story(kind: DbDialect) -> &'static [&'static str] {
    match kind {
        DbDialect::Postgres => POSTGRES_STORY,
        DbDialect::MySql => MYSQL_STORY,
    }
}

async fn scratch(kind: DbDialect) -> Scratch {
    let mut db = Scratch::new(kind).await;
    if kind == DbDialect::MySql {
        db.sql("create table old (id int)").await;
    }
    db
}

/// Each of them happened, and happened once.
async fn check(kind: DbDialect, db: &mut Scratch, case: &str) {
    let (table, counts): (&str, &[(&str, i64)]) = match kind {
        DbDialect::Postgres => (
            "t",
            &[
                (
                    "select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass",
                    1,
                ),
                ("select count(*) from pg_enum where enumlabel = 'ok'", 1),
            ],
        ),
        DbDialect::MySql => (
            "r",
            &[(
                "select count(*) from information_schema.tables where table_schema = database()",
                3,
            )],
        ),
    };
    assert_eq!(
        db.number(&format!("select sum(n) from {table}")).await,
        111,
        "{case}"
    );
    let empty = format!("select count(*) from {table} where c is null");
    assert_eq!(db.number(&empty).await, 2, "{case}");
    for (sql, count) in counts {
        assert_eq!(db.number(sql).await, *count, "{case}: {sql}");
    }
    assert_eq!(db.not_done().await, 0, "{case}");
}

async fn dropped_at_every_event_and_resumed_it_happens_exactly_once(kind: DbDialect) {
    for moment in 1..=2 * story(kind).len() {
        let case = format!("dropped at event {moment}");
        let mut db = scratch(kind).await;
        let spec = db.spec(story(kind));
        crash_at(moment, &spec, &db.server).await;
        let (mut ctx, mut collected) = context();
        ctx.resuming = true;
        let outcome = sql::run(&ctx, &spec, &[], &db.server.password).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "{case}"
        );
        let steps = statuses(&mut collected);
        assert!(
            steps.iter().all(|status| *status == StepStatus::Done),
            "{case}: {steps:?}"
        );
        check(kind, &mut db, &case).await;
        db.drop().await;
    }
}

async fn killed_at_any_time_and_resumed_it_happens_exactly_once(kind: DbDialect) {
    let pause = match kind {
        DbDialect::Postgres => "select pg_sleep(0.03)",
        DbDialect::MySql => "select sleep(0.03)",
    };
    let slow: Vec<&str> = story(kind).iter().flat_map(|sql| [*sql, pause]).collect();
    for delay_ms in [30, 60, 90, 130, 180, 250, 350, 500] {
        let case = format!("killed after {delay_ms} ms");
        let mut db = scratch(kind).await;
        let spec = db.spec(&slow);
        kill_after(Duration::from_millis(delay_ms), &spec, variable(kind)).await;
        let (mut ctx, _collected) = context();
        ctx.resuming = true;
        let outcome = sql::run(&ctx, &spec, &[], &db.server.password).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "{case}"
        );
        check(kind, &mut db, &case).await;
        db.drop().await;
    }
}

//! The database server crashes in the middle, and comes back.

use muster_protocol::latest::{DbDialect, OrderStatus, SqlSpec, StepReport};
use muster_workbench::OwnDatabase;
use tokio::sync::mpsc;

use super::{assert_once, both_kinds, own, story, tell};
use crate::worker::sql::{
    self, SqlOutcome,
    testing::{Server, context, eventually, scratch::Scratch},
};
use DbDialect::{MySql, Postgres};

both_kinds! {
    a_server_that_crashes_in_the_middle_is_awaited,
    an_index_whose_building_a_crash_interrupted_is_there_once,
}

/// Runs the release, crashes the server while it runs `statement`, and starts it again once the release has noticed.
async fn crash_in(statement: &str, own: &mut OwnDatabase, db: &mut Scratch, spec: &SqlSpec) -> SqlOutcome {
    let (mut ctx, _) = context();
    let (events, mut heard) = mpsc::channel(10_000);
    ctx.events = events;
    let server = Server::read(own.url());
    let is_noticed = |report| matches!(report, StepReport::Log(line) if line.contains("can't be reached"));
    let crash = async {
        db.await_running(statement).await;
        own.crash().unwrap();
        eventually("somebody notices", async || {
            heard.try_recv().is_ok_and(is_noticed)
        })
        .await;
        own.start_again().unwrap();
        db.reconnect().await;
    };
    tokio::join!(sql::run(&ctx, spec, &[], &server.password), crash).0
}

async fn a_server_that_crashes_in_the_middle_is_awaited(kind: DbDialect) {
    let (mut own, mut db) = own(kind).await;
    let spec = db.spec(&story(kind));
    let outcome = Box::pin(crash_in("select %sleep(1)", &mut own, &mut db, &spec)).await;
    let case = "the server crashes while a statement runs";
    tell(case, &outcome);
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_once(case, &mut db).await;
}

async fn an_index_whose_building_a_crash_interrupted_is_there_once(kind: DbDialect) {
    let (mut own, mut db) = own(kind).await;
    let (fill, build, count) = match kind {
        Postgres => (
            "create table big (n bigint); insert into big select generate_series(1, 600000)",
            "create index concurrently i on big (n)",
            "select count(*) from pg_index where indisvalid and indrelid = 'big'::regclass",
        ),
        MySql => (
            "create table big (n bigint); insert into big select seq from seq_1_to_600000",
            "create index i on big (n)",
            "select count(*) from information_schema.statistics where table_schema = database() \
             and table_name = 'big'",
        ),
    };
    db.sql(fill).await;
    let spec = db.spec(&[build]);
    let outcome = Box::pin(crash_in("create index", &mut own, &mut db, &spec)).await;
    tell("the server crashes while it builds an index", &outcome);
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(db.number(count).await, 1);
    assert_eq!(db.not_done().await, 0);
}

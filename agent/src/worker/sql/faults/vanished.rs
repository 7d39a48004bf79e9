//! The host vanishes from the network: the server hears nothing of it, keeps its session, and with that the release lock.

use std::time::Duration;

use muster_protocol::latest::{DbDialect, OrderStatus};
use muster_workbench::proxy::Fault;
use tokio::time::{Instant, timeout};

use super::{assert_once, both_kinds, proxy, story, tell, through};
use crate::worker::sql::{
    self,
    testing::{context, run, scratch::Scratch},
};

both_kinds! {
    a_session_whose_bookkeeping_was_lost_does_not_stand_in_its_own_way,
    a_session_whose_goodbye_was_lost_stands_in_nobody_s_way,
    a_session_of_a_host_that_stays_away_is_ended_by_the_server,
}

/// Long before the server ends it by itself.
const SOON: Duration = Duration::from_secs(45);

async fn a_session_whose_bookkeeping_was_lost_does_not_stand_in_its_own_way(kind: DbDialect) {
    for (case, fault) in [
        (
            "a question to the ledger",
            Fault::Vanish("muster_release_ledger where"),
        ),
        (
            "a word for the ledger",
            Fault::Vanish("muster_release_ledger set status"),
        ),
    ] {
        let case = format!("the host vanishes with {case}");
        let mut db = Scratch::new(kind).await;
        let proxy = proxy(&db.server);
        proxy.fail(fault);
        let mut spec = through(&proxy, db.spec(&story(kind)));
        spec.lock_timeout_ms = 100;
        spec.statement_timeout_ms = 30 * 60 * 1_000;
        let began = Instant::now();
        let running = run(&spec, &db.server);
        let (outcome, steps) = timeout(SOON, running).await.expect(&case);
        tell(&format!("{case}, after {:?}", began.elapsed()), &outcome);
        assert!(proxy.has_failed(), "{case}");
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "{case}: {steps:?}"
        );
        assert_once(&case, &mut db).await;
        db.drop().await;
    }
}

async fn a_session_whose_goodbye_was_lost_stands_in_nobody_s_way(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    let proxy = proxy(&db.server);
    proxy.fail(match kind {
        DbDialect::Postgres => Fault::Vanish("pg_advisory_unlock"),
        DbDialect::MySql => Fault::Vanish("release_lock"),
    });
    let (outcome, _) = run(&through(&proxy, db.spec(&story(kind))), &db.server).await;
    assert!(proxy.has_failed());
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    let mut next = db.spec(&["update t set n = n + 0 where id = 1"]);
    next.lock_timeout_ms = 100;
    let (outcome, _) = run(&next, &db.server).await;
    tell(
        "the host vanishes with its goodbye, and another release comes",
        &outcome,
    );
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_once("goodbye", &mut db).await;
    db.drop().await;
}

/// As after a loss of power: nobody is left who could end the session, and its number is in nobody's memory.
async fn a_session_of_a_host_that_stays_away_is_ended_by_the_server(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    let proxy = proxy(&db.server);
    proxy.fail_for_good(Fault::Vanish("muster_release_ledger where"));
    let mut spec = db.spec(&story(kind));
    spec.lock_timeout_ms = 100;
    let (mut ctx, _collected) = context();
    (ctx.reconnect_for, ctx.idle_for) = (Duration::from_secs(1), Duration::from_secs(15));
    let outcome = sql::run(&ctx, &through(&proxy, spec.clone()), &[], &db.server.password).await;
    let error = tell("the host vanishes for good", &outcome);
    assert_eq!(outcome.status, OrderStatus::NeedsAttention, "{error}");

    // Started again elsewhere on the network.
    let (mut ctx, _collected) = context();
    ctx.resuming = true;
    let running = sql::run(&ctx, &spec, &[], &db.server.password);
    let outcome = timeout(SOON, running).await.expect("the server ends the session");
    tell("the host is back", &outcome);
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_once("loss of power", &mut db).await;
    db.drop().await;
}

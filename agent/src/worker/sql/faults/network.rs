//! The network is cut at every place that matters, once or for good, or swallows what is said.

use std::time::Duration;

use muster_protocol::latest::{DbDialect, OrderStatus};
use muster_workbench::proxy::Fault;

use super::{assert_once, assert_says, both_kinds, proxy, story, tell, through};
use crate::worker::sql::{
    self,
    testing::{context, run, scratch::Scratch},
};

both_kinds! {
    a_connection_that_is_cut_anywhere_leaves_the_release_done_once,
    a_network_that_stays_away_leaves_a_true_word_and_the_release_can_be_ended,
    a_server_that_keeps_silent_is_given_up,
    a_connection_that_died_without_a_word_is_noticed_long_before_the_statement_s_limit,
}

async fn a_connection_that_is_cut_anywhere_leaves_the_release_done_once(kind: DbDialect) {
    let cases = [
        ("before a definition arrives", Fault::Before("create table t")),
        ("while a definition runs", Fault::During("create table t")),
        ("instead of a definition's answer", Fault::After("create table t")),
        ("before rows arrive", Fault::Before("insert into t")),
        ("instead of the answer to rows", Fault::After("insert into t")),
        ("while a statement runs", Fault::During("sleep(1)")),
        (
            "before the ledger hears",
            Fault::Before("muster_release_ledger set status"),
        ),
        (
            "instead of the ledger's answer",
            Fault::After("muster_release_ledger set status"),
        ),
        ("before the commit arrives", Fault::Before("commit")),
        ("while the commit runs", Fault::During("commit")),
        ("instead of the commit's answer", Fault::After("commit")),
    ];
    for (case, fault) in cases {
        let case = format!("the connection breaks {case}");
        let mut db = Scratch::new(kind).await;
        let proxy = proxy(&db.server);
        proxy.fail(fault);
        let (outcome, steps) = run(&through(&proxy, db.spec(&story(kind))), &db.server).await;
        tell(&case, &outcome);
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

async fn a_network_that_stays_away_leaves_a_true_word_and_the_release_can_be_ended(kind: DbDialect) {
    for (case, fault) in [
        ("while a statement runs", Fault::During("sleep(1)")),
        ("instead of the commit's answer", Fault::After("commit")),
    ] {
        let case = format!("the network goes away {case} and stays away");
        let mut db = Scratch::new(kind).await;
        let proxy = proxy(&db.server);
        proxy.fail_for_good(fault);
        let spec = through(&proxy, db.spec(&story(kind)));
        let (mut ctx, _collected) = context();
        ctx.reconnect_for = Duration::from_secs(1);
        let outcome = sql::run(&ctx, &spec, &[], &db.server.password).await;
        let error = tell(&case, &outcome);
        assert_eq!(outcome.status, OrderStatus::NeedsAttention, "{case}");
        let parts = [
            "can't connect to",
            "the release was begun",
            "execute the release again",
        ];
        assert_says(&error, &parts);

        proxy.recover();
        let (outcome, _) = run(&spec, &db.server).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "{case}"
        );
        assert_once(&case, &mut db).await;
        db.drop().await;
    }
}

async fn a_server_that_keeps_silent_is_given_up(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    let proxy = proxy(&db.server);
    // The bookkeeping has no limit of its own on the server.
    proxy.fail(Fault::Hang("muster_release_ledger where"));
    let mut spec = through(&proxy, db.spec(&story(kind)));
    spec.lock_timeout_ms = 100;
    let (outcome, _) = run(&spec, &db.server).await;
    tell("the network swallows a question to the ledger", &outcome);
    assert!(proxy.has_failed());
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_once("silence", &mut db).await;
    db.drop().await;
}

/// The statement's limit is half an hour; what the server sees of the session says sooner that no answer will come.
async fn a_connection_that_died_without_a_word_is_noticed_long_before_the_statement_s_limit(kind: DbDialect) {
    let cases = [
        ("a definition's answer", Fault::Mute("create table t")),
        ("the answer to rows", Fault::Mute("insert into t")),
        ("a long statement's answer", Fault::Mute("sleep(1)")),
        ("the commit's answer", Fault::Mute("commit")),
        ("a statement", Fault::Hang("insert into t")),
        ("the commit", Fault::Hang("commit")),
    ];
    for (case, fault) in cases {
        let case = format!("the network swallows {case}");
        let mut db = Scratch::new(kind).await;
        let proxy = proxy(&db.server);
        proxy.fail(fault);
        let mut spec = through(&proxy, db.spec(&story(kind)));
        spec.lock_timeout_ms = 2_000;
        spec.statement_timeout_ms = 30 * 60 * 1_000;
        let (outcome, steps) = run(&spec, &db.server).await;
        tell(&case, &outcome);
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

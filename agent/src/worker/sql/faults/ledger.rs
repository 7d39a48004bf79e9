//! Somebody meddles with the ledger.

use muster_protocol::latest::{DbDialect, OrderStatus};
use muster_workbench::proxy::Fault;

use super::{assert_says, both_kinds, proxy, story, tell, through};
use crate::worker::sql::testing::{Server, eventually, run, scratch::Scratch};
use DbDialect::{MySql, Postgres};

both_kinds! {
    a_ledger_that_is_dropped_in_the_middle_stops_the_release,
    a_ledger_that_somebody_changed_is_not_believed,
}

async fn a_ledger_that_is_dropped_in_the_middle_stops_the_release(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    db.sql("create table t (id int)").await;
    let statement = match kind {
        Postgres => "create index concurrently i on t (id)",
        MySql => "create index i on t (id)",
    };
    let proxy = proxy(&db.server);
    proxy.fail(Fault::Hold("muster_release_ledger set status"));
    let spec = through(&proxy, db.spec(&[statement, "insert into t values (1)"]));
    let server = Server::of(kind);
    let drop_it = async {
        eventually("the statement is done", async || proxy.has_failed()).await;
        db.sql("drop table muster_release_ledger").await;
        proxy.release();
    };
    let ((outcome, steps), ()) = tokio::join!(run(&spec, &server), drop_it);
    let error = tell("somebody drops the ledger", &outcome);
    assert_eq!(outcome.status, OrderStatus::NeedsAttention, "{steps:?}");
    assert_says(
        &error,
        &["statement 1 was executed", "don't execute this release again"],
    );
    assert_eq!(db.number("select count(*) from t").await, 0);
    db.drop().await;
}

async fn a_ledger_that_somebody_changed_is_not_believed(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    db.sql("create table muster_release_ledger (id int)").await;
    let spec = db.spec(&story(kind)[..2]);
    let (outcome, _) = run(&spec, &db.server).await;
    let error = tell("the ledger's columns are not ours", &outcome);
    assert_eq!(outcome.status, OrderStatus::Failed);
    assert_says(
        &error,
        &[
            "muster_release_ledger can't be used",
            "nothing more of the release was executed",
        ],
    );
    db.sql("drop table muster_release_ledger").await;

    let (outcome, _) = run(&spec, &db.server).await;
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    let digest = hex::encode(spec.sql_sha256);
    for (case, change, says) in [
        (
            "the ledger knows another text",
            "sql_sha256 = repeat('0', 64)".to_owned(),
            "with another text",
        ),
        (
            "the ledger's status makes no sense",
            format!("sql_sha256 = '{digest}', status = 'perhaps'"),
            "unknown status",
        ),
    ] {
        db.sql(&format!("update muster_release_ledger set {change}"))
            .await;
        let (outcome, _) = run(&spec, &db.server).await;
        let error = tell(case, &outcome);
        assert_eq!(outcome.status, OrderStatus::Failed, "{case}");
        assert_says(&error, &[says, "nothing more of the release was executed"]);
        assert_eq!(
            db.number("select count(*) from t").await,
            1,
            "{case}: it did not run again"
        );
    }
    db.drop().await;
}

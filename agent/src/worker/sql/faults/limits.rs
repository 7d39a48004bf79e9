//! What stands in a release's way: locks, another release, time.

use std::time::Duration;

use muster_protocol::latest::{DbDialect, OrderStatus, StepReport};

use super::{assert_says, both_kinds, proxy, story, tell, through};
use crate::worker::sql::{
    self,
    testing::{Server, context, run, scratch::Scratch},
};
use DbDialect::{MySql, Postgres};

both_kinds! {
    a_lock_s_holder_is_named,
    a_statement_that_does_not_get_its_lock_is_tried_again,
    a_server_that_goes_away_in_a_pause_leaves_a_true_word,
    a_release_that_waits_for_another_one_names_it,
    a_release_that_does_not_get_its_turn_again_does_not_say_that_nothing_was_begun,
    a_statement_that_takes_too_long_says_which_limit_to_raise,
}

async fn a_lock_s_holder_is_named(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    db.sql("create table t (id int primary key, n int not null)")
        .await;
    db.sql("insert into t values (1, 0)").await;
    let other = db.session().await;
    for (case, statement) in [
        ("rows are locked", "update t set n = n + 1 where id = 1"),
        ("a table is locked", "alter table t add column c int"),
    ] {
        db.sql("begin").await;
        db.sql("update t set n = 10 where id = 1").await;
        let mut spec = db.spec(&[statement]);
        spec.lock_timeout_ms = 1_000;
        let (outcome, steps) = run(&spec, &db.server).await;
        let error = tell(case, &outcome);
        let status = match kind {
            Postgres => OrderStatus::RolledBack,
            MySql => OrderStatus::Failed,
        };
        assert_eq!(outcome.status, status, "{case}: {steps:?}");
        let holder = format!("process {other} (user ");
        assert_says(
            &error,
            &[
                "it waited 1000 ms for a lock held by",
                &holder,
                "in a transaction for",
            ],
        );
        assert!(steps[0].1.contains(&holder), "{steps:?}");
        db.sql("rollback").await;
        assert_eq!(db.number("select n from t").await, 0, "{case}");

        let (outcome, _) = run(&spec, &db.server).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "{case}"
        );
        db.sql("update t set n = 0").await;
    }
    db.drop().await;
}

async fn a_statement_that_does_not_get_its_lock_is_tried_again(kind: DbDialect) {
    const PAUSES: &[Duration] = &[Duration::from_millis(100), Duration::from_mins(2)];
    let mut db = Scratch::new(kind).await;
    db.sql("create table t (id int primary key, n int not null)")
        .await;
    db.sql("insert into t values (1, 0)").await;
    db.sql("begin").await;
    db.sql("update t set n = 10 where id = 1").await;
    let mut spec = db.spec(&[
        "create table u (id int)",
        "insert into u values (1)",
        "update t set n = n + 1 where id = 1",
    ]);
    spec.lock_timeout_ms = 300;
    let (mut ctx, mut collected) = context();
    ctx.lock_pauses = PAUSES;
    let mut tries = Vec::new();
    // The second pause is one that nobody waits for: whoever holds the lock gives it up in it, or somebody calls it off.
    let (outcome, ()) = tokio::join!(sql::run(&ctx, &spec, &[], &db.server.password), async {
        while tries.len() < 2 {
            match collected.recv().await {
                Some(StepReport::Log(line)) if line.contains("trying again in") => tries.push(line),
                Some(_) => {}
                None => return,
            }
        }
        ctx.cancel.cancel();
    });
    assert_eq!(tries.len(), 2, "{tries:?}");
    assert!(tries[0].contains("a lock held by"), "{tries:?}");
    let (status, said) = match kind {
        Postgres => (
            OrderStatus::Cancelled,
            "nothing of the release is in the database",
        ),
        MySql => (OrderStatus::Failed, "statements 1 to 2 were executed and stay"),
    };
    assert_eq!(outcome.status, status, "{outcome:?}");
    assert_says(&tell("called off", &outcome), &["cancelled", said]);
    db.sql("rollback").await;

    // Given up in a pause, nobody has to do anything.
    db.sql("begin").await;
    db.sql("update t set n = 10 where id = 1").await;
    let server = Server::of(kind);
    let (mut ctx, mut collected) = context();
    ctx.lock_pauses = PAUSES;
    let (outcome, ()) = tokio::join!(sql::run(&ctx, &spec, &[], &server.password), async {
        while let Some(report) = collected.recv().await {
            if matches!(report, StepReport::Log(line) if line.contains("trying again in")) {
                break;
            }
        }
        db.sql("rollback").await;
    });
    assert_eq!((outcome.status, outcome.error), (OrderStatus::Done, None));
    assert_eq!(db.number("select n from t").await, 1);
    assert_eq!(db.number("select count(*) from u").await, 1, "nothing twice");
    db.drop().await;
}

async fn a_server_that_goes_away_in_a_pause_leaves_a_true_word(kind: DbDialect) {
    const PAUSES: &[Duration] = &[Duration::from_millis(500)];
    let blocked = "update t set n = n + 1 where id = 1";
    let whole = ["create table u (id int)", blocked];
    // PostgreSQL undoes all of a transaction, MySQL commits each definition.
    let halfway = match kind {
        Postgres => (OrderStatus::Failed, "nothing of the release is in the database"),
        MySql => (OrderStatus::NeedsAttention, "the release was begun"),
    };
    let undone = (OrderStatus::Failed, "nothing of the release is in the database");
    for (case, statements, (status, said)) in [
        ("before anything took effect", &whole[1..], undone),
        ("after something did", &whole[..], halfway),
    ] {
        let mut db = Scratch::new(kind).await;
        db.sql("create table t (id int primary key, n int not null)")
            .await;
        db.sql("insert into t values (1, 0)").await;
        db.sql("begin").await;
        db.sql("update t set n = 0 where id = 1").await;
        let proxy = proxy(&db.server);
        let mut spec = through(&proxy, db.spec(statements));
        spec.lock_timeout_ms = 300;
        let server = Server::of(kind);
        let (mut ctx, mut collected) = context();
        ctx.reconnect_for = Duration::from_secs(1);
        ctx.lock_pauses = PAUSES;
        let (outcome, ()) = tokio::join!(sql::run(&ctx, &spec, &[], &server.password), async {
            while let Some(report) = collected.recv().await {
                if matches!(report, StepReport::Log(line) if line.contains("trying again in")) {
                    break;
                }
            }
            proxy.die();
        });
        let error = tell(&format!("the server goes away in a pause, {case}"), &outcome);
        assert_eq!(outcome.status, status, "{case}: {error}");
        assert_says(&error, &["can't connect to", said, "execute the release again"]);
        db.sql("rollback").await;

        proxy.recover();
        let (outcome, _) = run(&spec, &server).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (OrderStatus::Done, None),
            "{case}"
        );
        assert_eq!(db.number("select n from t").await, 1, "{case}: nothing twice");
        db.drop().await;
    }
}

async fn a_release_that_waits_for_another_one_names_it(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    let slow = db.spec(&story(kind));
    let mut other = db.spec(&["create table u (id int)"]);
    other.lock_timeout_ms = 100;
    let server = Server::of(kind);
    let ((first, _), (second, _)) = tokio::join!(run(&slow, &server), async {
        db.await_running("select %sleep").await;
        run(&other, &server).await
    });
    assert_eq!(first.status, OrderStatus::Done);
    assert_eq!(second.status, OrderStatus::Failed);
    let error = tell("another release runs", &second);
    assert_says(
        &error,
        &[
            "another release is running on this database, in process ",
            "nothing was begun",
        ],
    );

    let twice = db.spec(&["create table v (id int)"]);
    let ((first, _), (second, _)) = tokio::join!(run(&twice, &server), run(&twice, &server));
    let statuses = (first.status, second.status);
    assert_eq!(
        statuses,
        (OrderStatus::Done, OrderStatus::Done),
        "the second is answered from the ledger"
    );
    db.drop().await;
}

async fn a_release_that_does_not_get_its_turn_again_does_not_say_that_nothing_was_begun(kind: DbDialect) {
    let mut db = Scratch::new(kind).await;
    let slow = db.spec(&story(kind));
    let mut other = db.spec(&["create table u (id int)"]);
    (other.lock_timeout_ms, other.statement_timeout_ms) = (50, 50);
    let server = Server::of(kind);
    let (mut ctx, _collected) = context();
    ctx.resuming = true;
    let ((first, _), second) = tokio::join!(run(&slow, &server), async {
        db.await_running("select %sleep").await;
        sql::run(&ctx, &other, &[], &server.password).await
    });
    assert_eq!(first.status, OrderStatus::Done);
    assert_eq!(second.status, OrderStatus::NeedsAttention);
    let error = tell("another release came in between", &second);
    assert_says(
        &error,
        &[
            "the release was begun, and did not get its turn again",
            "held in process ",
            "execute it again",
        ],
    );
    db.drop().await;
}

async fn a_statement_that_takes_too_long_says_which_limit_to_raise(kind: DbDialect) {
    let db = Scratch::new(kind).await;
    let mut spec = db.spec(&story(kind)[3..]);
    spec.statement_timeout_ms = 300;
    let (outcome, _) = run(&spec, &db.server).await;
    let error = tell("a statement takes too long", &outcome);
    assert_ne!(outcome.status, OrderStatus::Done);
    assert_says(&error, &["it took longer than 300 ms", "statementTimeoutMs"]);
    db.drop().await;
}

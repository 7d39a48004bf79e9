//! There is no connection, for every reason that there is.

use muster_protocol::latest::{DbDialect, OrderStatus, SqlSpec};

use super::{assert_says, both_kinds, own, tell};
use crate::worker::sql::{
    self,
    testing::{
        Server, eventually, run,
        scratch::{Crowd, Scratch},
    },
};

/// What is wrong with where the order leads.
type Change = fn(&mut SqlSpec);

both_kinds! {
    no_connection_is_explained,
    a_full_server_is_explained,
}

async fn no_connection_is_explained(kind: DbDialect) {
    let db = Scratch::new(kind).await;
    let cases: [(&str, Change, &str, &[&str]); 4] = [
        (
            "nobody listens",
            |spec| spec.target.port = 1,
            "",
            &["connection refused", "check the address and the port"],
        ),
        (
            "the password is wrong",
            |_| (),
            "wrong-password",
            &["refuses the user or the password", "correct them"],
        ),
        (
            "the database is missing",
            |spec| "no_such_database".clone_into(&mut spec.target.database),
            "",
            &["there is no such database", "no_such_database", "create it"],
        ),
        (
            "the name is unknown",
            |spec| "no-such-host.invalid".clone_into(&mut spec.target.host),
            "",
            &["the name can't be resolved", "check the address"],
        ),
    ];
    for (case, change, password, says) in cases {
        let mut spec = db.spec(&["create table t (id int)"]);
        change(&mut spec);
        let mut server = Server::of(kind);
        if !password.is_empty() {
            server.password = password.into();
        }
        let (outcome, _) = run(&spec, &server).await;
        let error = tell(case, &outcome);
        assert_eq!(outcome.status, OrderStatus::Failed, "{case}");
        assert_says(&error, says);
        let tested = sql::test_server(&spec.target, &server.password).await;
        assert_eq!(
            tested.error.as_deref(),
            Some(error.as_str()),
            "a test of the server says the same"
        );
        assert!(!error.contains("wrong-password"));
    }
    db.drop().await;
}

async fn a_full_server_is_explained(kind: DbDialect) {
    let (_own, db) = own(kind).await;
    let crowd = Crowd::gather(&db.server, kind).await;
    let spec = db.spec(&["create table t (id int)"]);
    let (outcome, _) = run(&spec, &db.server).await;
    let error = tell("every connection is taken", &outcome);
    assert_eq!(outcome.status, OrderStatus::Failed);
    assert_says(&error, &["the server has no connection free", "try again later"]);
    drop(crowd);
    let has_room = async || run(&spec, &db.server).await.0.status == OrderStatus::Done;
    eventually("room on the server", has_room).await;
}

//! Releases under faults, on both kinds of server: each is done once, undone, or stopped with what a person should
//! know. The tables' cases are printed with the record's own words.

mod connect;
mod crash;
mod ledger;
mod limits;
mod network;
mod vanished;
mod worker;

use muster_protocol::latest::{DbDialect, SqlSpec};
use muster_workbench::{
    OwnDatabase, Service,
    proxy::{Endpoint, Proxy},
};

use super::{
    SqlOutcome,
    testing::{Server, scratch::Scratch},
};

/// The tests of one body for both kinds of server.
macro_rules! both_kinds {
    ($($name:ident),* $(,)?) => {
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(muster_protocol::latest::DbDialect::Postgres).await; })*
        }
        mod on_mariadb {
            $(#[tokio::test] async fn $name() { super::$name(muster_protocol::latest::DbDialect::MySql).await; })*
        }
    };
}
use both_kinds;

/// Data changes and definitions, and a statement that takes its time.
fn story(kind: DbDialect) -> [&'static str; 4] {
    [
        "create table t (id int primary key, n int not null)",
        "insert into t values (1, 0)",
        "update t set n = n + 1 where id = 1",
        match kind {
            DbDialect::Postgres => "select pg_sleep(1)",
            DbDialect::MySql => "select sleep(1)",
        },
    ]
}

async fn assert_once(case: &str, db: &mut Scratch) {
    assert_eq!(db.number("select sum(n) from t").await, 1, "{case}");
    assert_eq!(db.number("select count(*) from t").await, 1, "{case}");
    assert_eq!(db.not_done().await, 0, "{case}");
}

fn tell(case: &str, outcome: &SqlOutcome) -> String {
    let error = outcome.error.clone().unwrap_or_default();
    println!("{case}: {:?}: {error}", outcome.status);
    error
}

fn assert_says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

fn proxy(server: &Server) -> Proxy {
    Proxy::tcp(Endpoint::port(server.port)).unwrap()
}

/// By way of the proxy.
fn through(proxy: &Proxy, mut spec: SqlSpec) -> SqlSpec {
    spec.target.port = proxy.port().unwrap();
    spec
}

/// A server of the test's own, and a database on it.
async fn own(kind: DbDialect) -> (OwnDatabase, Scratch) {
    let service = match kind {
        DbDialect::Postgres => Service::Postgres,
        DbDialect::MySql => Service::Mysql,
    };
    // As few as either kind of server takes.
    let own = OwnDatabase::start(service, 10).unwrap();
    let db = Scratch::on(Server::read(own.url()), kind).await;
    (own, db)
}

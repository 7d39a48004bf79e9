//! SQL is proposed by one person, approved by another, and executed once.

use anyhow::Result;
use muster_tests::Fleet;
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
use muster_workbench::Env;
use serde_json::json;

const TABLE: &str = "create table orders (id bigint primary key, note varchar(40) not null);\n\
                     insert into orders (id, note) values (1, 'first; really');\n";

#[test]
fn a_release_runs_once_on_postgres() -> Result<()> {
    runs_once(Kind::Postgres)
}

#[test]
fn a_release_runs_once_on_mariadb() -> Result<()> {
    runs_once(Kind::Mysql)
}

fn runs_once(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let viewer = people::add(&fleet.admin, "vera", "VIEWER")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, kind)?;

    let ended = server.release(&author, &approver, "1.0", TABLE)?;
    assert_eq!(ended["status"], "success", "{ended}");
    assert_eq!(ended["steps"].as_array().map(Vec::len), Some(2), "{ended}");
    assert_eq!(server.query("select note from orders")?, "first; really");

    let again = server.execute(&approver, text(&ended, "releaseId")?)?;
    assert_eq!(again["status"], "success", "{again}");
    assert_eq!(
        server.query("select count(*) from orders")?,
        "1",
        "the release ran twice"
    );

    let proposed = server.propose(&author, "1.1", "drop table orders;")?;
    let approve = format!("/api/v1/schema/tickets/{}/approve", text(&proposed, "ticketId")?);
    assert_eq!(viewer.call("POST", &approve, Some(&json!({})))?.status, 403);
    Ok(())
}

#[test]
fn a_failing_release_leaves_postgres_as_it_was() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, Kind::Postgres)?;
    let sql = format!("{TABLE}insert into orders (id, note) values (1, 'the same id again');\n");
    let ended = server.release(&author, &approver, "1.0", &sql)?;
    assert_eq!(ended["status"], "rolledBack", "{ended}");
    assert_eq!(server.query("select to_regclass('orders') is null")?, "t");
    Ok(())
}

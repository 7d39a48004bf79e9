//! SQL is proposed by one person, approved by another, and executed once.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::job::releases::{ENVIRONMENT, Kind, Server};
use muster_tests::{Api, Fleet, programs};
use muster_workbench::Env;
use serde_json::{Value, json};

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
fn a_change_goes_its_way_by_musterctl_on_postgres() -> Result<()> {
    by_musterctl(Kind::Postgres)
}

#[test]
fn a_change_goes_its_way_by_musterctl_on_mariadb() -> Result<()> {
    by_musterctl(Kind::Mysql)
}

/// Proposed, shown, approved and executed from a script; what loses data is not approved by the way.
fn by_musterctl(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, kind)?;
    let file = dir.path().join("change.sql");

    let ticket = propose(&author, &server, ("1.0", TABLE), &file)?;
    let (code, approved) = musterctl(&approver, &["approve", "--json", &ticket])?;
    ensure!(code == 0, "{approved}");
    let release = text(&approved, "releaseId")?;
    let (code, ended) = musterctl(
        &approver,
        &["execute", "--on", &server.label, "--wait", "--json", release],
    )?;
    ensure!(code == 0 && ended["status"] == "success", "{ended}");
    ensure!(server.query("select note from orders")? == "first; really");

    let ticket = propose(&author, &server, ("1.1", "drop table orders;"), &file)?;
    let (code, _) = musterctl(&approver, &["approve", "--json", &ticket])?;
    ensure!(code == 3, "what loses data was approved by the way");
    let (_, seen) = musterctl(&author, &["tickets", "--json", &ticket])?;
    ensure!(seen["status"] == "pending", "{seen}");
    let said = ["approve", "--json", "--risk", "destructive", &ticket];
    let (code, approved) = musterctl(&approver, &said)?;
    ensure!(code == 0 && approved["status"] == "approved", "{approved}");
    Ok(())
}

/// The ticket's id.
fn propose(author: &Api, server: &Server, (version, sql): (&str, &str), file: &Path) -> Result<String> {
    std::fs::write(file, sql)?;
    let file = file.to_str().context("a path that is no text")?;
    let (code, proposed) = musterctl(
        author,
        &[
            "propose",
            "--version",
            version,
            "--database",
            &server.database,
            "--environment",
            ENVIRONMENT,
            "--on",
            &server.label,
            "--json",
            file,
        ],
    )?;
    ensure!(code == 0, "{proposed}");
    Ok(text(&proposed, "ticketId")?.to_owned())
}

/// `musterctl schema …` as that person: its exit code, and the JSON that it prints, if it does.
fn musterctl(person: &Api, arguments: &[&str]) -> Result<(i32, Value)> {
    let output = Command::new(programs::path("musterctl")?)
        .arg("schema")
        .args(arguments)
        .env("MUSTER_SERVER", person.base())
        .env("MUSTER_KEY", person.bearer().context("nobody is signed in")?)
        .output()?;
    let code = output.status.code().context("it was killed")?;
    Ok((code, serde_json::from_slice(&output.stdout).unwrap_or_default()))
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

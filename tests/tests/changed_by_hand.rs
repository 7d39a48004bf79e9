//! What somebody changes by hand between an approval and its execution stops the execution, which names it and changes nothing.

use anyhow::{Result, ensure};
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server, publish};
use muster_tests::{Api, Fleet};
use muster_workbench::Env;
use serde_json::{Value, json};

#[test]
fn a_column_by_hand_stops_a_release_on_postgres() -> Result<()> {
    changed_by_hand(Kind::Postgres)
}

#[test]
fn a_column_by_hand_stops_a_release_on_mariadb() -> Result<()> {
    changed_by_hand(Kind::Mysql)
}

fn changed_by_hand(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, kind)?;

    // Before anything was released there, a table of the release's own name is in its way, and another is not.
    server.query("create table nobodys (id bigint primary key)")?;
    server.query("create table account (id bigint primary key)")?;
    let first = released(&author, &approver, &server, "1.0", &[])?;
    let stopped = server.execute(&approver, &first)?;
    names(&stopped, "account")?;
    server.query("drop table account")?;
    let ended = server.execute(&approver, &first)?;
    ensure!(ended["baseCheck"]["state"] == "same", "{ended}");
    // A table that nobody designed stays in nobody's way, also once it is known what should be there.
    assert_eq!(
        (&ended["status"], &ended["database"]),
        (&json!("success"), &json!(server.database)),
        "{ended}"
    );
    let second = released(
        &author,
        &approver,
        &server,
        "1.1",
        &[json!({"name": "mail", "dataType": "varchar(80)"})],
    )?;
    server.query("alter table account add column note varchar(40)")?;
    let stopped = server.execute(&approver, &second)?;
    names(&stopped, "note")?;
    ensure!(
        server.query("select mail from account").is_err(),
        "the release was executed"
    );
    ensure!(
        server.query("select note from account").is_ok(),
        "it was taken back"
    );

    server.query("alter table account drop column note")?;
    let ended = server.execute(&approver, &second)?;
    assert_eq!(ended["status"], "success", "{ended}");
    ensure!(ended["baseCheck"]["state"] == "same", "{ended}");
    server.query("select mail from account")?;
    Ok(())
}

/// That an execution did not begin because of this.
fn names(stopped: &Value, what: &str) -> Result<()> {
    assert_eq!(stopped["status"], "failure", "{stopped}");
    let error = text(stopped, "error")?;
    ensure!(
        error.contains(what) && error.contains("nothing was executed"),
        "{error}"
    );
    let check = &stopped["baseCheck"];
    assert_eq!(
        (&check["state"], &check["count"]),
        (&json!("differs"), &json!(1)),
        "{check}"
    );
    ensure!(check["differences"].to_string().contains(what), "{check}");
    let steps = stopped["steps"].as_array().into_iter().flatten();
    let mut statuses = steps.map(|step| &step["status"]);
    ensure!(statuses.all(|status| status == "skipped"), "{stopped}");
    Ok(())
}

/// Designs a table with these columns besides its id, publishes it and has it approved; the release.
fn released(
    author: &Api,
    approver: &Api,
    server: &Server,
    version: &str,
    columns: &[Value],
) -> Result<String> {
    let ticket = publish(author, server, version, columns)?;
    let approved = approver.post(&format!("{ticket}/approve"), &json!({"comment": "looks right"}))?;
    Ok(text(&approved, "releaseId")?.to_owned())
}

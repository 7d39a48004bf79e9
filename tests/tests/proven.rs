//! What is published is proven on a scratch database beside its target before anyone approves it: by the agent, on real servers, and
//! nothing of it stays.

use std::time::Duration;

use anyhow::{Result, ensure};
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::job::releases::{ENVIRONMENT, Kind, Server, publish};
use muster_tests::wait::{self, Found};
use muster_tests::{Api, Fleet};
use muster_workbench::Env;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);

#[test]
fn a_change_is_proven_before_it_is_approved_on_postgres() -> Result<()> {
    proven(Kind::Postgres)
}

#[test]
fn a_change_is_proven_before_it_is_approved_on_mariadb() -> Result<()> {
    proven(Kind::Mysql)
}

fn proven(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, kind)?;
    let policy = format!("/api/v1/schema/policies/{ENVIRONMENT}");
    let wanted = json!({"proof": "required", "online": true});
    ensure!(fleet.admin.call("PUT", &policy, Some(&wanted))?.status == 200);
    server.test(&fleet.admin)?;

    // The user may make no databases: that is said, and nothing is approved.
    let first = publish(&author, &server, "1.0", &[])?;
    let told = ended(&author, &first)?;
    ensure!(told["state"] == "untried", "{told}");
    let missing = if kind == Kind::Postgres {
        "createdb"
    } else {
        "muster\\_scratch"
    };
    ensure!(text(&told["outcome"], "why")?.contains(missing), "{told}");
    let refused = approver.call("POST", &format!("{first}/approve"), Some(&json!({})))?;
    ensure!(
        refused.status == 409 && refused.text.contains("not-proven"),
        "{}",
        refused.text
    );

    server.may_make_databases(&services)?;
    let told = again(&author, &first)?;
    ensure!(
        told["state"] == "proven" && told["outcome"]["wayBack"] == "same",
        "{told}"
    );
    executed(&approver, &server, &first)?;

    // From what is there to more of it; on MySQL by the way that the server documents.
    server.query("insert into account (id) values (1)")?;
    let mail = json!({"name": "mail", "dataType": "varchar(80)"});
    let second = publish(&author, &server, "1.1", std::slice::from_ref(&mail))?;
    let told = ended(&author, &second)?;
    ensure!(told["state"] == "proven" && told["current"] == true, "{told}");
    let seen = author.get(&second)?;
    let statement = &seen["servers"][0]["statements"][0];
    let locks = match kind {
        Kind::Postgres => "ACCESS EXCLUSIVE",
        Kind::Mysql => "LOCK=NONE",
    };
    ensure!(statement["lock"]["name"] == locks, "{statement}");
    executed(&approver, &server, &second)?;

    // What the server refuses is found before anybody approves it.
    let wrong = json!({"name": "born", "dataType": "date", "defaultValue": "'never'"});
    let third = publish(&author, &server, "1.2", &[mail, wrong])?;
    let told = ended(&author, &third)?;
    ensure!(
        told["state"] == "notProven" && told["outcome"]["statement"] == 0,
        "{told}"
    );
    ensure!(!text(&told["outcome"], "why")?.is_empty(), "{told}");

    if kind == Kind::Postgres {
        let left = "select d.datname from pg_database d join pg_roles r on r.oid = d.datdba where r.rolname = current_user";
        ensure!(
            !server.query(left)?.contains("muster_scratch"),
            "a scratch database was left"
        );
    }
    Ok(())
}

fn again(author: &Api, ticket: &str) -> Result<Value> {
    author.post(&format!("{ticket}/prove"), &json!({}))?;
    ended(author, ticket)
}

/// The proof, once it has ended.
fn ended(author: &Api, ticket: &str) -> Result<Value> {
    wait::until("the proof to end", SOON, || {
        let proof = author.get(ticket)?["servers"][0]["proof"].clone();
        Ok(if proof["outcome"].is_null() {
            Found::No(proof.to_string())
        } else {
            Found::Yes(proof)
        })
    })
}

fn executed(approver: &Api, server: &Server, ticket: &str) -> Result<()> {
    let approved = approver.post(&format!("{ticket}/approve"), &json!({"comment": "proven"}))?;
    let ended = server.execute(approver, text(&approved, "releaseId")?)?;
    ensure!(ended["status"] == "success", "{ended}");
    Ok(())
}

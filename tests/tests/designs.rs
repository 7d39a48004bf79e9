//! Tables are designed in documents, published, rejected, mended, approved and released; a renamed column keeps its rows.

use anyhow::{Context as _, Result, ensure};
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::job::releases::{ENVIRONMENT, Kind, Server};
use muster_tests::{Api, Fleet, programs};
use muster_workbench::Env;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn a_design_reaches_postgres() -> Result<()> {
    design_reaches(Kind::Postgres)
}

#[test]
fn a_design_reaches_mariadb() -> Result<()> {
    design_reaches(Kind::Mysql)
}

fn design_reaches(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, kind)?;
    let file = dir.path().join("shop.yaml");
    let write = |mail: &str| -> Result<()> { Ok(std::fs::write(&file, documents(&server, mail))?) };

    // What is wrong is said with its line, before any control plane is asked, and nothing is kept.
    write("{name: mail, dataType: varchar(16), notnull: true}")?;
    let refused = apply(&author, &["--check"], &file)?;
    ensure!(refused.status.code() == Some(3), "{refused:?}");
    let said = format!(
        "{}:22: spec.columns[1].notnull: is not a field here",
        file.display()
    );
    ensure!(stderr(&refused).contains(&said), "{refused:?}");
    ensure!(apply(&author, &[], &file)?.status.code() == Some(3));
    assert_eq!(author.list("/api/v1/schema/documents")?, Vec::<Value>::new());

    write("{name: mail, dataType: varchar(16), notNull: true}")?;
    ensure!(apply(&author, &["--check"], &file)?.status.code() == Some(0));
    ensure!(
        apply(&author, &["--dry-run"], &file)?.status.code() == Some(2),
        "it would change something"
    );
    assert_eq!(author.list("/api/v1/schema/documents")?, Vec::<Value>::new());
    let applied = apply(&author, &[], &file)?;
    assert_eq!(
        String::from_utf8(applied.stdout.clone())?,
        "created DatabaseSnapshot shop 1\ncreated TableSnapshot org 1\ncreated TableSnapshot account 1\n",
        "{applied:?}"
    );
    ensure!(
        apply(&author, &["--dry-run"], &file)?.status.code() == Some(0),
        "nothing is left to change"
    );

    // Rejected with a reason, mended, published again.
    let published = publish(&author, &server, "1.0")?;
    let ticket = format!("/api/v1/schema/tickets/{}", text(&published, "ticketId")?);
    approver.post(
        &format!("{ticket}/reject"),
        &json!({"comment": "addresses are longer"}),
    )?;
    write("{name: mail, dataType: varchar(200), notNull: true}")?;
    ensure!(apply(&author, &[], &file)?.status.success());
    let published = publish(&author, &server, "1.1")?;
    let sql = text(&published["servers"][0], "sql")?;
    ensure!(sql.contains("(200)") && sql.contains("foreign key"), "{sql}");
    let own = format!("/api/v1/schema/tickets/{}/approve", text(&published, "ticketId")?);
    assert_eq!(author.call("POST", &own, Some(&json!({})))?.status, 403);
    let ended = release(&approver, &server, &published)?;
    assert_eq!(ended["status"], "success", "{ended}");
    let made = "insert into org (id) values (1)";
    ensure!(server.query(made).is_ok());
    server.query("insert into account (id, mail, org_id) values (7, 'ada@example.org', 1)")?;
    let orphan = "insert into account (id, mail, org_id) values (8, 'x', 2)";
    ensure!(server.query(orphan).is_err(), "the reference is enforced");

    // A rename is a rename: the rows stay. Publishing what is there already is refused.
    let again = publish_call(&author, &server, "1.2")?;
    ensure!(
        again.0 == 422 && again.1.contains("nothing to publish"),
        "{}",
        again.1
    );
    write("{name: address, renamedFrom: mail, dataType: varchar(200), notNull: true}")?;
    ensure!(apply(&author, &[], &file)?.status.success());
    let published = publish(&author, &server, "1.2")?;
    let sql = text(&published["servers"][0], "sql")?;
    ensure!(sql.contains("address") && !sql.contains("drop"), "{sql}");
    let back = text(&published["servers"][0], "rollbackSql")?;
    ensure!(back.contains("mail"), "{back}");
    let ended = release(&approver, &server, &published)?;
    assert_eq!(ended["status"], "success", "{ended}");
    assert_eq!(
        server.query("select address from account where id = 7")?,
        "ada@example.org"
    );
    if kind == Kind::Postgres {
        leaves_an_index_behind(&author, &server)?;
    }
    drifts(&author, &approver, &server, &file)
}

/// A build that breaks off leaves an invalid index behind: drift says so, and its remedy mends it.
fn leaves_an_index_behind(author: &Api, server: &Server) -> Result<()> {
    let path = format!("/api/v1/schema/servers/{}/drift", server.id);
    let look = || author.post(&path, &json!({"database": server.database}));
    server.query("insert into account (id, address, org_id) values (8, 'ben@example.org', 1)")?;
    let twice = "create unique index concurrently account_by_org on account (org_id)";
    ensure!(server.query(twice).is_err(), "two accounts are of one org");
    let seen = look()?;
    let difference = &seen["look"]["differences"][0];
    assert_eq!(
        (&seen["look"]["count"], &difference["kind"], &difference["name"]),
        (
            &json!(1),
            &json!("invalid index"),
            &json!("public.account_by_org")
        ),
        "{seen}"
    );
    server.query(text(difference, "remedy")?)?;
    server.query("delete from account where id = 8")?;
    assert_eq!(look()?["look"]["state"], "inStep");
    Ok(())
}

/// What somebody changes by hand is seen, taken into the design, and is then what the next change starts from.
fn drifts(author: &Api, approver: &Api, server: &Server, file: &Path) -> Result<()> {
    let path = format!("/api/v1/schema/servers/{}", server.id);
    let look = || author.post(&format!("{path}/drift"), &json!({"database": server.database}));
    let seen = look()?;
    assert_eq!(seen["look"]["state"], "inStep", "{seen}");
    assert_eq!(
        (&seen["version"], &seen["look"]["count"]),
        (&json!("1.2"), &json!(0))
    );

    server.query("alter table account add column note varchar(40)")?;
    server.query("create table by_hand (id bigint primary key)")?;
    server.query("create view busy as select id from account")?;
    let seen = look()?;
    assert_eq!(seen["look"]["state"], "drifted", "{seen}");
    let said = seen["look"]["differences"].to_string();
    for name in ["note", "by_hand", "busy"] {
        ensure!(said.contains(name), "{said}");
    }
    let back = text(&seen["look"], "backSql")?.to_lowercase();
    ensure!(back.contains("drop") && back.contains("by_hand"), "{back}");
    let listed = author.list("/api/v1/schema/drift")?;
    let mine = listed
        .iter()
        .find(|one| one["database"] == json!(server.database));
    let mine = mine.context("it is in the list")?;
    assert_eq!(mine["look"]["state"], "drifted", "{mine}");

    // What is not as designed is not taken over.
    let design = json!({"database": "shop"});
    let refused = approver.call("POST", &format!("{path}/take-over"), Some(&design))?;
    ensure!(
        refused.status == 409 && refused.text.contains("not-as-designed"),
        "{}",
        refused.text
    );

    // Taken into the design, as whoever asks would after a look at it.
    let synced = author.post(&format!("{path}/sync"), &design)?;
    let mut documents = Vec::new();
    for one in synced["documents"].as_array().context("documents")? {
        let change = (text(one, "name")?, text(one, "change")?);
        ensure!(
            [
                ("account", "changed"),
                ("busy", "created"),
                ("by_hand", "created"),
                ("org", "unchanged")
            ]
            .contains(&change),
            "{one}"
        );
        if change.1 != "unchanged" {
            documents.push(text(one, "yaml")?.to_owned());
        }
    }
    std::fs::write(file, documents.join("\n---\n"))?;
    let applied = apply(author, &[], file)?;
    ensure!(applied.status.success(), "{applied:?}");
    let taken = approver.post(&format!("{path}/take-over"), &design)?;
    assert_eq!(taken["look"]["state"], "inStep", "{taken}");
    assert_eq!(taken["version"], Value::Null);
    assert_eq!(look()?["look"]["state"], "inStep");
    let again = publish_call(author, server, "1.3")?;
    ensure!(
        again.0 == 422 && again.1.contains("nothing to publish"),
        "{}",
        again.1
    );
    Ok(())
}

/// A database that is called something else on the server, with a table that refers to another.
fn documents(server: &Server, mail: &str) -> String {
    let (label, name) = (&server.label, &server.database);
    let dialect = if server.kind() == Kind::Postgres {
        "Postgres"
    } else {
        "MySQL"
    };
    format!(
        "apiVersion: v1alpha1
kind: DatabaseSnapshot
metadata: {{name: shop}}
spec:
  basic: {{name: shop, comment: Orders, type: {dialect}}}
  names: {{{label}: {name}}}
---
apiVersion: v1alpha1
kind: TableSnapshot
metadata: {{name: org}}
spec:
  database: shop
  columns:
    - {{name: id, dataType: bigint, primaryKey: true}}
---
apiVersion: v1alpha1
kind: TableSnapshot
metadata: {{name: account}}
spec:
  database: shop
  columns: [{{name: id, dataType: bigint, primaryKey: true}},
    {mail},
    {{name: org_id, dataType: bigint, reference: {{table: org, column: id, enforced: true}}}}]
  index:
    - {{name: ix_account_org, columns: [org_id]}}
"
    )
}

/// `musterctl schema apply` as that person.
fn apply(person: &Api, options: &[&str], file: &Path) -> Result<Output> {
    let program: PathBuf = programs::path("musterctl")?;
    let output = Command::new(program)
        .args(["schema", "apply"])
        .args(options)
        .arg(file)
        .env("MUSTER_SERVER", person.base())
        .env("MUSTER_KEY", person.bearer().context("nobody is signed in")?)
        .output()?;
    Ok(output)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn publish_call(author: &Api, server: &Server, version: &str) -> Result<(u16, String)> {
    let body = json!({
        "version": version, "database": "shop", "environment": ENVIRONMENT, "servers": [server.label],
    });
    let answer = author.call("POST", "/api/v1/schema/publish", Some(&body))?;
    Ok((answer.status, answer.text))
}

fn publish(author: &Api, server: &Server, version: &str) -> Result<Value> {
    let (status, answer) = publish_call(author, server, version)?;
    ensure!(status == 201, "{answer}");
    Ok(serde_json::from_str(&answer)?)
}

/// Approves what was published and executes it; the execution at its end.
fn release(approver: &Api, server: &Server, published: &Value) -> Result<Value> {
    let ticket = format!("/api/v1/schema/tickets/{}", text(published, "ticketId")?);
    let approved = approver.post(&format!("{ticket}/approve"), &json!({"comment": "looks right"}))?;
    server.execute(approver, text(&approved, "releaseId")?)
}

//! What a design lets go is set aside with its rows, is no drift, and is brought back or dropped by a release like any other.

use anyhow::{Context as _, Result, ensure};
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::job::releases::{ENVIRONMENT, Kind, Server};
use muster_tests::{Api, Fleet, programs};
use muster_workbench::Env;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const ASIDES: &str = "/api/v1/schema/set-asides";

#[test]
fn nothing_is_lost_that_goes_from_postgres() -> Result<()> {
    nothing_is_lost(Kind::Postgres)
}

#[test]
fn nothing_is_lost_that_goes_from_mariadb() -> Result<()> {
    nothing_is_lost(Kind::Mysql)
}

/// Everybody and everything that the story needs.
struct Story<'a> {
    author: &'a Api,
    approver: &'a Api,
    server: &'a Server,
    file: &'a Path,
}

fn nothing_is_lost(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, kind)?;
    let file = dir.path().join("shop.yaml");
    let story = Story {
        author: &author,
        approver: &approver,
        server: &server,
        file: &file,
    };
    let policy = format!("/api/v1/schema/policies/{ENVIRONMENT}");
    let kept = approver.call("PUT", &policy, Some(&json!({"setAsideDays": 30})))?;
    ensure!(kept.status == 200, "{}", kept.text);

    story.apply(&[DATABASE, ORG, ACCOUNT_WITH_MAIL, NOTE])?;
    story.released("1.0")?;
    server.query("insert into org (id) values (1)")?;
    server.query("insert into account (id, mail, org_id) values (7, 'ada@example.org', 1)")?;
    server.query("insert into note (id, account_id) values (3, 7)")?;

    // A column that may not be null, with a unique key on it, and a table that refers to another one go from the design.
    story.delete("note")?;
    story.apply(&[ACCOUNT])?;
    let published = story.released("2.0")?;
    assert_eq!(published["servers"][0]["risk"], "warning", "{published}");
    let planned = published["servers"][0]["setAside"]["items"].as_array();
    assert_eq!(planned.map(Vec::len), Some(2), "{published}");
    let (mail, note) = (story.aside("mail")?, story.aside("note")?);
    let (mail_now, note_now) = (text(&mail, "nameNow")?, text(&note, "nameNow")?);
    let still = format!("select {mail_now} from account where id = 7");
    assert_eq!(server.query(&still)?, "ada@example.org");
    assert_eq!(server.query(&format!("select account_id from {note_now}"))?, "7");
    ensure!(server.query("select mail from account").is_err());
    ensure!(server.query("select id from note").is_err());
    // What programs that know nothing of it write goes through, and what is kept doesn't stand in the way of anything.
    server.query("insert into account (id, org_id) values (8, 1), (9, 1)")?;
    server.query("delete from account where id = 9")?;
    story.in_step()?;

    // A table of the same name, with the same keys, can come again beside it, and go again.
    story.apply(&[NOTE])?;
    story.released("2.1")?;
    server.query("insert into note (id, account_id) values (4, 8)")?;
    story.in_step()?;
    story.delete("note")?;
    story.released("2.2")?;
    assert_eq!(story.kept()?.len(), 3);
    story.in_step()?;

    // Brought back, the values are there again; the design doesn't know of them, which is drift.
    story.wish(&mail, "restore")?;
    assert_eq!(
        server.query("select mail from account where id = 7")?,
        "ada@example.org"
    );
    story.wish(&note, "restore")?;
    assert_eq!(server.query("select account_id from note where id = 3")?, "7");
    let seen = story.look()?;
    assert_eq!(seen["look"]["state"], "drifted", "{seen}");
    let said = seen["look"]["differences"].to_string();
    ensure!(said.contains("mail") && said.contains("note"), "{said}");
    ensure!(
        !said.contains("zz_aside"),
        "what is kept still is no drift: {said}"
    );
    server.query("drop table note")?;
    server.query("alter table account drop column mail")?;

    // Dropped, it is gone.
    let second = story.kept()?.first().cloned().context("the second note")?;
    let second_now = text(&second, "nameNow")?;
    assert_eq!(
        server.query(&format!("select account_id from {second_now}"))?,
        "8"
    );
    story.wish(&second, "drop")?;
    ensure!(server.query(&format!("select id from {second_now}")).is_err());
    assert_eq!(story.kept()?.len(), 0);
    story.in_step()
}

impl Story<'_> {
    /// Applies these documents, as the author.
    fn apply(&self, documents: &[&str]) -> Result<()> {
        let dialect = match self.server.kind() {
            Kind::Postgres => "Postgres",
            Kind::Mysql => "MySQL",
        };
        let documents = documents.join("---\n");
        let documents = documents
            .replace("DIALECT", dialect)
            .replace("LABEL", &self.server.label)
            .replace("NAME", &self.server.database);
        std::fs::write(self.file, documents)?;
        let output = Command::new(programs::path("musterctl")?)
            .args(["schema", "apply"])
            .arg(self.file)
            .env("MUSTER_SERVER", self.author.base())
            .env("MUSTER_KEY", self.author.bearer().context("nobody is signed in")?)
            .output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let all = self.author.list("/api/v1/schema/documents")?;
        let found = all.iter().find(|one| one["name"] == name);
        let id = text(found.context("no such document")?, "id")?;
        let answer = self
            .author
            .call("DELETE", &format!("/api/v1/schema/documents/{id}"), None)?;
        ensure!(answer.status == 204, "{}", answer.text);
        Ok(())
    }

    /// Publishes the design, approves it and executes it; what was published.
    fn released(&self, version: &str) -> Result<Value> {
        let body = json!({
            "version": version, "database": "shop", "environment": ENVIRONMENT, "servers": [self.server.label],
        });
        let published = self.author.post("/api/v1/schema/publish", &body)?;
        self.executed(&published)?;
        Ok(published)
    }

    fn executed(&self, proposed: &Value) -> Result<()> {
        let ticket = format!("/api/v1/schema/tickets/{}", text(proposed, "ticketId")?);
        let approved = self
            .approver
            .post(&format!("{ticket}/approve"), &json!({"comment": "looks right"}))?;
        let ended = self
            .server
            .execute(self.approver, text(&approved, "releaseId")?)?;
        ensure!(ended["status"] == "success", "{ended} of {proposed}");
        Ok(())
    }

    fn kept(&self) -> Result<Vec<Value>> {
        self.author.list(&format!("{ASIDES}?state=kept"))
    }

    fn aside(&self, name: &str) -> Result<Value> {
        let found = self.kept()?.into_iter().find(|one| one["name"] == name);
        found.with_context(|| format!("{name} is not set aside"))
    }

    /// Has it dropped or brought back, by the release that this takes.
    fn wish(&self, one: &Value, wish: &str) -> Result<()> {
        let path = format!("{ASIDES}/{}/{wish}", text(one, "id")?);
        let answer = self.author.call("POST", &path, None)?;
        ensure!(answer.status == 201, "{}", answer.text);
        self.executed(&serde_json::from_str(&answer.text)?)
    }

    fn look(&self) -> Result<Value> {
        let path = format!("/api/v1/schema/servers/{}/drift", self.server.id);
        self.author
            .post(&path, &json!({"database": self.server.database}))
    }

    fn in_step(&self) -> Result<()> {
        let seen = self.look()?;
        ensure!(seen["look"]["state"] == "inStep", "{seen}");
        ensure!(seen["look"]["notCompared"] == json!([]), "{seen}");
        Ok(())
    }
}

const DATABASE: &str = "apiVersion: v1alpha1
kind: DatabaseSnapshot
metadata: {name: shop}
spec:
  basic: {name: shop, comment: Orders, type: DIALECT}
  names: {LABEL: NAME}
";

const ORG: &str = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: org}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
";

const ACCOUNT_WITH_MAIL: &str = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: account}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
    - {name: mail, dataType: varchar(200), notNull: true}
    - {name: org_id, dataType: bigint, reference: {table: org, column: id, enforced: true}}
  index:
    - {name: ix_account_mail, columns: [mail], unique: true}
";

const ACCOUNT: &str = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: account}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
    - {name: org_id, dataType: bigint, reference: {table: org, column: id, enforced: true}}
";

const NOTE: &str = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: note}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
    - {name: account_id, dataType: bigint, reference: {table: account, column: id, enforced: true}}
";

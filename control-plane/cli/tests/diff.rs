//! `musterctl schema diff` as a script sees it: with files, and with real databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    path::Path,
    process::{Command, Output},
};

use muster_workbench::tools;

fn diff(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_musterctl"))
        .args(["schema", "diff"])
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn file(dir: &Path, name: &str, sql: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, sql).unwrap();
    path.to_str().unwrap().to_owned()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// A fresh database on the test server, gone when dropped.
struct Database {
    server: String,
    name: String,
    dialect: &'static str,
}

impl Database {
    fn create(dialect: &'static str) -> Self {
        let variable = format!("MUSTER_TEST_{}_URL", dialect.to_uppercase());
        let url =
            std::env::var(&variable).unwrap_or_else(|_| panic!("{variable} is not set: see CONTRIBUTING.md"));
        let server = url.rsplit_once('/').unwrap().0.to_owned();
        let name = format!("muster_cli_{}", muster_workbench::random_hex(6).unwrap());
        let database = Self {
            server,
            name,
            dialect,
        };
        database.on("", &format!("create database {}", database.name));
        database
    }

    fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Runs a text through the server's own client.
    fn apply(&self, sql: &str) {
        self.on(&self.name, sql);
    }

    fn on(&self, database: &str, sql: &str) {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, sql.as_bytes()).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut command = if self.dialect == "postgres" {
            let mut psql = Command::new(tools::PSQL.path().unwrap());
            let database = if database.is_empty() { "postgres" } else { database };
            psql.args([
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &format!("{}/{database}", self.server),
            ]);
            psql
        } else {
            let rest = self.server.strip_prefix("mysql://").unwrap();
            let (login, address) = rest.split_once('@').unwrap();
            let (user, password) = login.split_once(':').unwrap();
            let (host, port) = address.split_once(':').unwrap();
            let mut mariadb = Command::new(tools::MARIADB_CLIENT.path().unwrap());
            mariadb
                .args([
                    "--no-defaults",
                    "--protocol=tcp",
                    "-u",
                    user,
                    "-h",
                    host,
                    "-P",
                    port,
                    database,
                ])
                .env("MYSQL_PWD", password);
            mariadb
        };
        muster_workbench::process::run_with_input(&mut command, file).unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.on("", &format!("drop database {}", self.name));
    }
}

const BEFORE: &str = "create table users (id bigint not null primary key, name varchar(40));";
const AFTER: &str = "create table users (id bigint not null primary key, name varchar(80) not null, age int);
create table posts (id bigint not null primary key, user_id bigint not null,
    constraint posts_user foreign key (user_id) references users (id) on delete cascade);
create index posts_by_user on posts (user_id);";

#[test]
fn files_are_compared_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let (before, after) = (
        file(dir.path(), "a.sql", BEFORE),
        file(dir.path(), "b.sql", AFTER),
    );
    for dialect in ["postgres", "mysql"] {
        let output = diff(&["--dialect", dialect, "--from", &before, "--to", &after]);
        assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
        assert!(
            text(&output.stdout).to_lowercase().contains("alter table"),
            "{}",
            text(&output.stdout)
        );
        let output = diff(&["--dialect", dialect, "--from", &after, "--to", &after]);
        assert_eq!((code(&output), text(&output.stdout)), (Some(0), ""));
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let before = file(dir.path(), "a.sql", BEFORE);
    let odd = file(dir.path(), "b.sql", "create table t (id int);\nshow tables;");
    for dialect in ["postgres", "mysql"] {
        let output = diff(&["--dialect", dialect, "--from", &before, "--to", &odd]);
        assert_eq!((code(&output), text(&output.stdout)), (Some(3), ""));
        assert!(
            text(&output.stderr).contains("line 2"),
            "{}",
            text(&output.stderr)
        );
    }
    let output = diff(&["--dialect", "mysql", "--from", &before, "--to", "/no/such/file"]);
    assert_eq!(code(&output), Some(1));
    assert!(text(&output.stderr).contains("/no/such/file can't be read"));
}

#[test]
fn json_says_risk_findings_and_the_way_back() {
    let dir = tempfile::tempdir().unwrap();
    let (before, after) = (
        file(dir.path(), "a.sql", AFTER),
        file(dir.path(), "b.sql", BEFORE),
    );
    for dialect in ["postgres", "mysql"] {
        let output = diff(&["--dialect", dialect, "--from", &before, "--to", &after, "--json"]);
        assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(plan["risk"], "destructive");
        assert!(plan["steps"].as_array().is_some_and(|steps| !steps.is_empty()));
        assert!(
            plan["rollbackSql"]
                .as_array()
                .is_some_and(|back| !back.is_empty())
        );
        assert!(
            plan["findings"]
                .as_array()
                .is_some_and(|findings| !findings.is_empty()),
            "{plan}"
        );
    }
}

#[test]
fn a_live_database_is_brought_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let after = file(dir.path(), "b.sql", AFTER);
    for dialect in ["postgres", "mysql"] {
        let database = Database::create(dialect);
        database.apply(BEFORE);
        let url = database.url();
        let output = diff(&["--dialect", dialect, "--from", &url, "--to", &after]);
        assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
        database.apply(text(&output.stdout));
        let output = diff(&["--dialect", dialect, "--from", &url, "--to", &after]);
        assert_eq!(
            (code(&output), text(&output.stdout)),
            (Some(0), ""),
            "{}",
            text(&output.stderr)
        );
        // And the other way round: what is there is a schema as a file is.
        let output = diff(&["--dialect", dialect, "--from", &after, "--to", &url]);
        assert_eq!(
            (code(&output), text(&output.stdout)),
            (Some(0), ""),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn no_output_shows_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let before = file(dir.path(), "a.sql", BEFORE);
    for (dialect, scheme) in [("postgres", "postgres"), ("mysql", "mysql")] {
        let database = Database::create(dialect);
        let address = database.server.rsplit_once('@').unwrap().1.to_owned();
        for url in [
            format!("{scheme}://root:Wr0ngSecret@{address}/{}", database.name),
            format!("{scheme}://root:Wr0ng#Secret@{address}/{}", database.name),
            format!("{scheme}://root:Wr0ng/Secret@{address}/{}", database.name),
            format!("{scheme}://root:Wr0ngSecret@127.0.0.1:1/{}", database.name),
        ] {
            let output = diff(&["--dialect", dialect, "--from", &url, "--to", &before]);
            assert_eq!(code(&output), Some(1), "{}", text(&output.stderr));
            let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
            assert!(!said.contains("Secret") && !said.contains("Wr0ng"), "{said}");
        }
    }
}

fn schema(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_musterctl"))
        .arg("schema")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn what_is_exported_makes_the_same_database_and_a_change_by_hand_is_drift() {
    let dir = tempfile::tempdir().unwrap();
    for dialect in ["postgres", "mysql"] {
        let (one, other) = (Database::create(dialect), Database::create(dialect));
        one.apply(
            "create table users (id bigint primary key, mail varchar(80) not null);
             create index users_mail on users (mail);
             create view v as select id from users;",
        );
        let exported = schema(&["export", "--dialect", dialect, &one.url()]);
        assert_eq!(code(&exported), Some(0), "{}", text(&exported.stderr));
        other.apply(text(&exported.stdout));
        let expected = file(dir.path(), dialect, text(&exported.stdout));
        let drift = [
            "drift",
            "--dialect",
            dialect,
            "--expected",
            &expected,
            &other.url(),
        ];
        let found = schema(&drift);
        assert_eq!((code(&found), text(&found.stdout)), (Some(0), ""), "{dialect}");

        other.apply(if dialect == "postgres" {
            "drop index users_mail"
        } else {
            "drop index users_mail on users"
        });
        let found = schema(&drift);
        assert_eq!(code(&found), Some(2), "{dialect}: {}", text(&found.stderr));
        assert!(text(&found.stdout).contains("users"), "{}", text(&found.stdout));
    }
}

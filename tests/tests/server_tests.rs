//! What people learn of a database server through the agent that reaches it: by a test of the server, and by a release
//! that meets a lock.

use anyhow::{Result, ensure};
use muster_tests::api::text;
use muster_tests::fleet::PATIENCE;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::wait::{self, Found};
use muster_tests::{Api, Fleet};
use muster_workbench::{Env, process};
use serde_json::{Value, json};

#[test]
fn a_postgres_server_is_tested_through_its_agent() -> Result<()> {
    is_tested(Kind::Postgres, "PostgreSQL ")
}

#[test]
fn a_mariadb_server_is_tested_through_its_agent() -> Result<()> {
    is_tested(Kind::Mysql, "MariaDB ")
}

fn is_tested(kind: Kind, version: &str) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let password = "the-right-password-for-tests";
    let server = Server::register_with_password(&fleet.admin, &services, &fleet.host, kind, password)?;
    let path = format!("/api/v1/schema/servers/{}", server.id);

    let verdict = test(&fleet.admin, &path)?;
    assert_eq!(verdict["ok"], true, "{verdict}");
    assert!(text(&verdict, "detail")?.starts_with(version), "{verdict}");

    let cases: [(&str, Value, &[&str]); 3] = [
        (
            "the password is wrong",
            json!({"password": "not-the-password"}),
            &["refuses the user or the password", "correct them"],
        ),
        (
            "the database is missing",
            json!({"password": password, "databases": ["no_such_database"]}),
            &["no_such_database", "create it"],
        ),
        (
            "nothing listens there",
            json!({"databases": [server.database], "port": process::free_port()?}),
            &["connection refused", "check the address and the port"],
        ),
    ];
    for (case, change, says) in cases {
        fleet.admin.patch(&path, &change)?;
        let verdict = test(&fleet.admin, &path)?;
        assert_eq!(verdict["ok"], false, "{case}: {verdict}");
        let detail = text(&verdict, "detail")?;
        for part in says {
            assert!(detail.contains(part), "{case}: {part:?} is not in {detail:?}");
        }
        assert!(
            !detail.contains("-password"),
            "{case}: a password shows in {detail:?}"
        );
        let kept = fleet.admin.get(&path)?;
        assert_eq!(kept["test"]["detail"], verdict["detail"], "{case}: it is kept");
    }
    Ok(())
}

fn test(admin: &Api, path: &str) -> Result<Value> {
    admin.post(&format!("{path}/test"), &json!({}))
}

#[test]
fn a_release_that_meets_a_lock_ends_at_the_server_s_limit_on_postgres() -> Result<()> {
    meets_a_lock(
        Kind::Postgres,
        "begin; lock table orders; select pg_sleep(300)",
        "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'orders'::regclass",
        &["rolledBack"],
        &[
            "lock timeout",
            "it waited 1500 ms for a lock held by process ",
            "program psql",
        ],
    )
}

#[test]
fn a_release_that_meets_a_lock_ends_at_the_server_s_limit_on_mariadb() -> Result<()> {
    meets_a_lock(
        Kind::Mysql,
        "lock tables orders write; select sleep(300)",
        "select count(*) from information_schema.processlist where info = 'select sleep(300)'",
        &["failure"],
        // This user may not see who holds it, and is told so.
        &[
            "Lock wait timeout",
            "who holds it can't be seen with this user's rights",
        ],
    )
}

/// It is tried again for most of a minute, and the lock is held for longer.
fn meets_a_lock(kind: Kind, lock: &str, is_held: &str, ends: &[&str], says: &[&str]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let server = Server::register(&fleet.admin, &services, &fleet.host, kind)?;
    let table = "create table orders (id bigint primary key);";
    let ended = server.release(&author, &approver, "1.0", table)?;
    assert_eq!(ended["status"], "success", "{ended}");
    fleet.admin.patch(
        &format!("/api/v1/schema/servers/{}", server.id),
        &json!({"lockTimeoutMs": 1_500}),
    )?;

    let _holder = server.hold(lock)?;
    wait::until("the lock to be held", PATIENCE, || {
        let count = server.query(is_held)?;
        Ok(if count == "1" {
            Found::Yes(())
        } else {
            Found::No(count)
        })
    })?;
    let ended = server.release(
        &author,
        &approver,
        "1.1",
        "alter table orders add column note text;",
    )?;
    let error = text(&ended, "error")?;
    ensure!(ends.contains(&text(&ended, "status")?), "{ended}");
    for part in says {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
    Ok(())
}

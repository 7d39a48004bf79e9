//! The agent dies before, inside and after every statement of a release of twelve, definitions and data, and around
//! everything that is written in the ledger: each statement takes effect once.
//!
//! The statements are none that could be run twice unnoticed. The auditor counts their effects in the target database.

use crate::ground::{Ground, PATIENCE};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::orders;
use muster_auditor::points::Point;
use muster_tests::Api;
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::wait::Found;
use serde_json::json;

const TABLES: &str =
    "create table counted (n int);\ncreate table total (n int);\ninsert into total values (0);\n";
const ENDS: [&str; 5] = ["success", "failure", "rolledBack", "cancelled", "needsAttention"];

struct Target {
    server: Server,
    author: Api,
    approver: Api,
    kind: Kind,
}

impl Target {
    fn make(ground: &Ground, kind: Kind) -> Result<Self> {
        let target = Self::register(ground, kind)?;
        let made = target
            .server
            .release(&target.author, &target.approver, "0", TABLES)?;
        ensure!(made["status"] == "success", "{made}");
        Ok(target)
    }

    /// A server to which nothing was released yet.
    fn register(ground: &Ground, kind: Kind) -> Result<Self> {
        let fleet = &ground.fleet;
        Ok(Self {
            server: Server::register(&fleet.admin, fleet.services(), &fleet.host, kind)?,
            author: people::add(&fleet.admin, "ada", "MEMBER")?,
            approver: people::add(&fleet.admin, "ben", "ADMIN")?,
            kind,
        })
    }

    /// Twelve statements: some share a transaction, and some can't be in any.
    fn sql(&self, n: u32) -> String {
        let how = match self.kind {
            Kind::Postgres => "concurrently ",
            Kind::Mysql => "",
        };
        format!(
            "insert into counted (n) values ({n});\nupdate total set n = n + 1;\n\
             create table side_{n} (id int primary key);\ninsert into side_{n} (id) values (1), (2), (3);\n\
             alter table counted add column c{n} int;\nupdate counted set c{n} = 7 where n = {n};\n\
             create index {how}by_{n} on side_{n} (id);\ninsert into counted (n) values ({n});\n\
             delete from side_{n} where id = 3;\nalter table side_{n} add column note varchar(20);\n\
             insert into side_{n} (id, note) values (4, 'once');\nupdate total set n = n + 1;\n"
        )
    }

    /// Proposes, approves and executes the `n`th release; the execution's id.
    fn begin(&self, n: u32) -> Result<String> {
        self.begin_sql(&n.to_string(), &self.sql(n))
    }

    fn begin_sql(&self, version: &str, sql: &str) -> Result<String> {
        let proposed = self.server.propose(&self.author, version, sql)?;
        let ticket = format!("/api/v1/schema/tickets/{}", text(&proposed, "ticketId")?);
        let approved = self.approver.post(&format!("{ticket}/approve"), &json!({}))?;
        let execute = format!(
            "/api/v1/schema/releases/{}/execute",
            text(&approved, "releaseId")?
        );
        let executing = self
            .approver
            .post(&execute, &json!({"server": self.server.label}))?;
        Ok(text(&executing, "executionId")?.to_owned())
    }

    /// The `n`th release took effect once, as all before it, and the ledger says so.
    fn audit(&self, n: u32) -> Result<()> {
        let index = match self.kind {
            Kind::Postgres => format!(
                "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid \
                 where i.indisvalid and c.relname = 'by_{n}'"
            ),
            Kind::Mysql => format!(
                "select count(distinct index_name) from information_schema.statistics \
                 where table_schema = database() and index_name = 'by_{n}'"
            ),
        };
        let ledger = "select count(*) from muster_release_ledger where status <> 'done'";
        let expected = [
            (format!("select count(*) from counted where n = {n}"), 2),
            (format!("select count(*) from counted where c{n} = 7"), 1),
            ("select count(*) from counted".to_owned(), 2 * n),
            ("select n from total".to_owned(), 2 * n),
            (format!("select count(*) from side_{n}"), 3),
            (format!("select count(note) from side_{n} where id <> 3"), 1),
            (index, 1),
            (ledger.to_owned(), 0),
        ];
        for (sql, count) in expected {
            let found = self.server.query(&sql)?;
            ensure!(found == count.to_string(), "{sql}: {found}, not {count}");
        }
        Ok(())
    }
}

fn dies_anywhere(kind: Kind) -> Result<()> {
    let mut ground = Ground::on_sqlite()?;
    let target = Target::make(&ground, kind)?;
    let fleet = &ground.fleet;
    let mark = ground.points.mark()?;
    let listed = target.begin(1)?;
    fleet
        .admin
        .await_field(&execution(&listed), "status", &ENDS, &[], PATIENCE)?;
    let mut points = ground.points.since(mark, usize::MAX)?;
    points.retain(|point| point.name.starts_with("muster-worker:sql."));
    let mut n = 1;
    for point in &points {
        n += 1;
        let id = round(&mut ground, &target, point, n)?;
        audit(&ground, &target, &id, n).with_context(|| format!("killed at {point}"))?;
    }
    ground.end(
        match kind {
            Kind::Postgres => "a release to PostgreSQL",
            Kind::Mysql => "a release to MariaDB",
        },
        points.len(),
    )
}

fn round(ground: &mut Ground, target: &Target, point: &Point, n: u32) -> Result<String> {
    ground.round(point, |_| target.begin(n), |ground, id| has_ended(ground, id))
}

fn has_ended(ground: &mut Ground, id: &str) -> Result<Found<()>> {
    let found = ground.fleet.admin.get(&execution(id))?;
    let ended = ENDS.contains(&text(&found, "status")?);
    Ok(Found::from_option(ended.then_some(()), found))
}

/// The first release on a database makes its ledger; the worker dies then.
fn dies_when_the_ledger_is_made(kind: Kind) -> Result<()> {
    let mut ground = Ground::on_sqlite()?;
    let target = Target::register(&ground, kind)?;
    let point = first("muster-worker:sql.ledger-made");
    let id = ground.round(
        &point,
        |_| target.begin_sql("0", TABLES),
        |ground, id| has_ended(ground, id),
    )?;
    orders::audit_status(&ground.database, "executions", &id, "success")?;
    orders::audit(&ground.database, &ground.fleet.agent.data(), &id, "done")?;
    for (sql, expected) in [
        ("select count(*) from counted", "0"),
        ("select count(*), sum(n) from total", "1\t0"),
        (
            "select count(*) from muster_release_ledger where status <> 'done'",
            "0",
        ),
    ] {
        let found = target.server.query(sql)?;
        ensure!(found == expected, "{sql}: {found}, not {expected}");
    }
    ground.end("a first release", 1)
}

/// A statement fails, and the worker dies around the way back: nothing is there, and the record says so.
fn dies_on_the_way_back(kind: Kind) -> Result<()> {
    let mut ground = Ground::on_sqlite()?;
    let target = Target::make(&ground, kind)?;
    let (status, state) = match kind {
        Kind::Postgres => ("rolledBack", "rolledBack"),
        Kind::Mysql => ("failure", "failed"),
    };
    let points = ["before", "after"].map(|part| first(&format!("muster-worker:sql.rollback.{part}")));
    for (n, point) in points.iter().enumerate() {
        let sql = "insert into total (n, none) values (1, 1);\n";
        let begin = |_: &mut Ground| target.begin_sql(&format!("fails.{n}"), sql);
        let id = ground.round(point, begin, |ground, id| has_ended(ground, id))?;
        let audited = || {
            orders::audit_status(&ground.database, "executions", &id, status)?;
            orders::audit(&ground.database, &ground.fleet.agent.data(), &id, state)?;
            let found = target.server.query("select count(*), sum(n) from total")?;
            ensure!(found == "1\t0", "{found} is in the table");
            Ok(())
        };
        audited().with_context(|| format!("killed at {point}"))?;
    }
    ground.end("a release that fails", points.len())
}

fn audit(ground: &Ground, target: &Target, id: &str, n: u32) -> Result<()> {
    orders::audit_status(&ground.database, "executions", id, "success")?;
    orders::audit(&ground.database, &ground.fleet.agent.data(), id, "done")?;
    target.audit(n)
}

fn execution(id: &str) -> String {
    format!("/api/v1/schema/executions/{id}")
}

#[test]
fn each_statement_takes_effect_once_on_postgres() -> Result<()> {
    dies_anywhere(Kind::Postgres)
}

#[test]
fn each_statement_takes_effect_once_on_mariadb() -> Result<()> {
    dies_anywhere(Kind::Mysql)
}

#[test]
fn a_first_release_makes_its_ledger_once_on_postgres() -> Result<()> {
    dies_when_the_ledger_is_made(Kind::Postgres)
}

#[test]
fn a_first_release_makes_its_ledger_once_on_mariadb() -> Result<()> {
    dies_when_the_ledger_is_made(Kind::Mysql)
}

#[test]
fn a_release_that_fails_leaves_nothing_on_postgres() -> Result<()> {
    dies_on_the_way_back(Kind::Postgres)
}

#[test]
fn a_release_that_fails_leaves_nothing_on_mariadb() -> Result<()> {
    dies_on_the_way_back(Kind::Mysql)
}

/// This host's policy lets no statement run of which nobody knows what it does.
#[test]
fn a_release_that_the_host_refuses_stays_refused() -> Result<()> {
    let mut ground = Ground::on_sqlite()?;
    let target = Target::make(&ground, Kind::Mysql)?;
    let programs = ["muster-worker", "muster-agent"];
    let points: Vec<Point> = programs
        .iter()
        .flat_map(|program| {
            ["before", "after"].map(|part| first(&format!("{program}:journal.refused.{part}")))
        })
        .collect();
    for (n, point) in points.iter().enumerate() {
        let begin = |_: &mut Ground| target.begin_sql(&format!("refused.{n}"), "do sleep(0);\n");
        let id = ground.round(point, begin, |ground, id| has_ended(ground, id))?;
        orders::audit_refused(&ground.database, &ground.fleet.agent.data(), &id)
            .and_then(|()| orders::audit_status(&ground.database, "executions", &id, "failure"))
            .with_context(|| format!("killed at {point}"))?;
    }
    ground.end("a release that is refused", points.len())
}

fn first(name: &str) -> Point {
    Point {
        name: name.to_owned(),
        passing: 1,
    }
}

#[test]
fn a_commit_that_does_not_take_place_is_noticed() -> Result<()> {
    let mut ground = Ground::on_sqlite()?;
    let target = Target::make(&ground, Kind::Postgres)?;
    ground.points.leave_out("muster-worker:sql.commit")?;
    let point = first("muster-worker:sql.locked");
    let id = round(&mut ground, &target, &point, 1)?;
    let noticed = audit(&ground, &target, &id, 1).err().context("nobody noticed")?;
    println!("noticed: {noticed:#}");
    Ok(())
}

//! The control plane dies at every point at which old rows of the audit log move into a sealed file, on both databases: each
//! row is in the table or in a file that is vouched for, none in both, none in neither, and the chain holds through both.
//!
//! Rows are archived once a day, and some hundred at a time. Here a row is old at once; the day's turn is given back before each
//! start. One archive dies at each of its points in turn, every time further on than the time before.

use crate::stories;
use anyhow::{Context as _, Result, bail, ensure};
use muster_auditor::database::Column::{Bytes, Id, Text};
use muster_auditor::database::{Place, Rows};
use muster_auditor::points::Point;
use muster_auditor::{Database, Points, log};
use muster_base::sha256;
use muster_tests::control_plane::{ControlPlane, Options};
use muster_tests::env;
use muster_tests::wait::{self, Found};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);
/// Rows that are worth a file.
const ROWS: usize = 205;
const JOB: &str = "delete from scheduled_jobs where name = 'audit.archive'";

struct Archives {
    plane: ControlPlane,
    points: Points,
    database: Database,
    /// The org's log.
    scope: String,
    // Goes last.
    _dir: TempDir,
}

impl Archives {
    fn start(url: Option<String>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let points = Points::new(&dir.path().join("points"))?;
        let keep = ("MUSTER_AUDIT__KEEP_DAYS".to_owned(), "0".to_owned());
        let options = Options {
            database: url.clone(),
            settings: vec![points.variable(), keep],
            ..Options::new()?
        };
        let plane = ControlPlane::start(dir.path(), options)?;
        let database = Database::new(url.map_or_else(|| Place::Sqlite(plane.data()), Place::Postgres))?;
        // A log begins with its first row.
        plane.admin()?.patch("/api/v1/org", &json!({"name": "org"}))?;
        let scopes = database.rows(&[Text("scope")], "audit_heads where scope <> 'platform'")?;
        let scope = scopes.first().context("no org has a log")?[0].clone();
        Ok(Self {
            plane,
            points,
            database,
            scope,
            _dir: dir,
        })
    }

    fn write(&self) -> Result<()> {
        let admin = self.plane.admin()?;
        for n in 0..ROWS {
            admin.patch("/api/v1/org", &json!({"name": format!("org {n}")}))?;
        }
        Ok(())
    }

    /// Numbers, ids and hashes of the rows in the table.
    fn table(&self) -> Result<Rows> {
        let columns = [Text("seq"), Id("id"), Bytes("hash")];
        self.database.rows(
            &columns,
            &format!("audit_log where scope = '{}' order by seq", self.scope),
        )
    }

    /// Stopped, with the day's turn given back.
    fn stop(&mut self) -> Result<()> {
        ensure!(self.plane.stop(), "the control plane did not stop");
        self.database.prepare(JOB)
    }

    fn await_files(&self, count: usize) -> Result<()> {
        wait::until("the log to be archived", PATIENCE, || {
            let files = log::archives(&self.database, &self.scope)?;
            let found = (files.len() >= count).then_some(());
            Ok(Found::from_option(found, self.plane.last_words()))
        })
    }

    /// Starts it, which dies at `point`.
    fn dies(&mut self, point: &Point) -> Result<()> {
        self.points.kill_at(point)?;
        // It may die before it is ready.
        drop(self.plane.serve());
        wait::until(&format!("the control plane to die at {point}"), PATIENCE, || {
            let died = self.points.has_killed() && !self.plane.is_running();
            Ok(Found::from_option(died.then_some(()), self.plane.last_words()))
        })?;
        self.database.prepare(JOB)
    }

    /// Each of these rows is in the table or in one vouched file of which the bytes are as they were noted.
    fn audit(&self, rows: &Rows) -> Result<()> {
        let table = self.table()?;
        let files = log::archives(&self.database, &self.scope)?;
        let folder = self.plane.data().join("audit-archive");
        for file in &files {
            let bytes = fs::read(folder.join(&file.file)).with_context(|| file.file.clone())?;
            ensure!(
                sha256(&bytes).to_string() == file.sha256,
                "{} has another hash than was noted",
                file.file
            );
        }
        for row in rows {
            let number: usize = row[0].parse()?;
            let here = table.iter().filter(|other| *other == row).count();
            let filed = files
                .iter()
                .filter(|file| (file.first..=file.last).contains(&number))
                .count();
            ensure!(
                here + filed == 1,
                "row {number} is {here} times in the table and {filed} times in files"
            );
        }
        log::audit(&self.database)?;
        Ok(())
    }

    /// What the API tells of the whole log, through files and table: each of these rows, once, with the hash that it had.
    fn told(&self, rows: &Rows) -> Result<()> {
        let admin = self.plane.admin()?;
        let verified = admin.get("/api/v1/audit/verify")?;
        ensure!(verified["intact"] == true, "{verified}");
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in admin.get_text("/api/v1/audit/export")?.lines() {
            let row: Value = serde_json::from_str(line)?;
            let hash = row["hash"].as_str().context("a row without a hash")?;
            told.entry(row["seq"].to_string())
                .or_default()
                .push(hash.to_owned());
        }
        for row in rows {
            let expected = [row[2].clone()];
            ensure!(
                told.get(&row[0]).map(Vec::as_slice) == Some(&expected[..]),
                "row {} is told as {:?}",
                row[0],
                told.get(&row[0])
            );
        }
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "a suite says how many points it had")]
fn dies_anywhere(url: Option<String>, suite: &str) -> Result<()> {
    let mut archives = Archives::start(url)?;
    archives.write()?;
    let mut rows = archives.table()?;
    archives.stop()?;
    let mark = archives.points.mark()?;
    archives.plane.serve()?;
    archives.await_files(1)?;
    archives.audit(&rows).context("nobody died")?;
    let mut points = archives.points.since(mark, 1)?;
    points.retain(|point| point.name.contains(":audit-file.") || point.name.contains("::audit::archive:"));

    archives.write()?;
    // What the first file has is remembered, too.
    let more = archives.table()?;
    rows.retain(|row| !more.contains(row));
    rows.extend(more);
    archives.stop()?;
    let last = points.last().context("no point was passed")?.clone();
    for point in &points {
        archives.dies(point)?;
        archives
            .audit(&rows)
            .with_context(|| format!("killed at {point}"))?;
        let files = log::archives(&archives.database, &archives.scope)?.len();
        if files != 1 + usize::from(*point == last) {
            bail!("killed at {point}, and {files} files are noted");
        }
    }
    archives.plane.serve()?;
    archives.audit(&rows).context("at the end")?;
    archives.told(&rows)?;
    let killed = points.iter().map(|point| point.name.clone()).collect();
    stories::check(suite, &killed, &points)?;
    println!(
        "{suite}: points {0}, rounds {0}, {1} rows in two files and the table",
        points.len(),
        rows.len()
    );
    Ok(())
}

#[test]
fn each_row_is_in_one_place_wherever_an_archive_dies_on_sqlite() -> Result<()> {
    dies_anywhere(None, "an archive of the audit log on SQLite")
}

#[test]
fn each_row_is_in_one_place_wherever_an_archive_dies_on_postgres() -> Result<()> {
    dies_anywhere(
        Some(env::new_postgres_database()?),
        "an archive of the audit log on PostgreSQL",
    )
}

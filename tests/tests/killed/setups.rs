//! `muster setup` dies at every point and is done again by the same command: everything is there, once.

use crate::stories;
use anyhow::{Context as _, Result, ensure};
use muster_auditor::database::Column::{Id, Text};
use muster_auditor::database::Place;
use muster_auditor::points::Point;
use muster_auditor::{Database, Points, log};
use muster_tests::control_plane::{ADMIN, ControlPlane, Options};
use muster_tests::{env, programs};
use muster_workbench::process::run;
use muster_workbench::random_hex;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// What is there before.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// Nothing.
    Nothing,
    /// A set-up's tables and data, but for two tables, the history and the configuration.
    SomeTables,
}

/// A data directory that is set up.
struct SetUp {
    dir: TempDir,
    url: Option<String>,
    database: Database,
    password: String,
    points: Points,
}

impl SetUp {
    fn new(on_postgres: bool, before: Before) -> Result<Self> {
        let url = on_postgres.then(env::new_postgres_database).transpose()?;
        let made = Self::at(url, random_hex(12)?)?;
        match before {
            Before::Nothing => {}
            Before::SomeTables => {
                succeeds(&made.set_up()?)?;
                fs::remove_file(made.data().join("muster.toml"))?;
                made.database
                    .prepare("drop table third_parts; drop table messages; drop table _sqlx_migrations;")?;
            }
        }
        Ok(made)
    }

    fn at(url: Option<String>, password: String) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700))?;
        fs::write(dir.path().join("admin-password"), &password)?;
        let data = dir.path().join("control-plane");
        let place = url.clone().map_or(Place::Sqlite(data), Place::Postgres);
        Ok(Self {
            points: Points::new(&dir.path().join("points"))?,
            database: Database::new(place)?,
            dir,
            url,
            password,
        })
    }

    /// The same in another place.
    fn copy(&self) -> Result<Self> {
        let url = self
            .url
            .as_deref()
            .map(env::copy_of_postgres_database)
            .transpose()?;
        let copy = Self::at(url, self.password.clone())?;
        if self.data().exists() {
            run(Command::new("cp")
                .arg("--archive")
                .args([self.data(), copy.data()]))?;
        }
        Ok(copy)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("control-plane")
    }

    fn set_up(&self) -> Result<Output> {
        let mut setup = Command::new(programs::path("muster")?);
        setup
            .args(["setup".as_ref(), "--data".as_ref(), self.data().as_os_str()])
            .args(["--account", ADMIN, "--password-file"])
            .arg(self.dir.path().join("admin-password"))
            .envs([self.points.variable()]);
        if let Some(url) = &self.url {
            setup.env("MUSTER_SETUP_DATABASE", url);
        }
        Ok(setup.output()?)
    }

    /// What is true once it is set up, however often it was begun.
    fn audit(&self) -> Result<()> {
        let again = self.set_up()?;
        let said = String::from_utf8_lossy(&again.stderr);
        ensure!(
            !again.status.success() && said.contains("already"),
            "set up, it was set up once more: {said}"
        );
        for name in ["muster.toml", "master.key"] {
            is_private(&self.data().join(name))?;
        }
        for entry in fs::read_dir(self.data())? {
            let name = entry?.file_name();
            let left = [".tmp", ".new"]
                .iter()
                .any(|end| name.to_string_lossy().ends_with(end));
            ensure!(!left, "{} is left over", name.display());
        }
        let options = Options {
            database: self.url.clone(),
            admin_password: self.password.clone(),
            ..Options::new()?
        };
        let mut plane = ControlPlane::start(self.dir.path(), options)?;
        let admin = plane.admin()?;
        // The certificate authority's key can be unsealed and signs, and every table is there.
        admin.post("/api/v1/join-tokens", &serde_json::json!({}))?;
        for list in ["/api/v1/keys", "/api/v1/org/third-parts"] {
            admin.get(list)?;
        }
        ensure!(plane.stop(), "the control plane did not stop");
        for (what, rows) in [
            ("platform", self.database.rows(&[Id("id")], "platforms")?),
            ("org", self.database.rows(&[Id("id")], "orgs")?),
            (
                "kinds of keys",
                self.database.rows(&[Text("kind")], "fleet_keys")?,
            ),
        ] {
            let expected = if what == "kinds of keys" { 2 } else { 1 };
            ensure!(rows.len() == expected, "{what}: {rows:?}");
        }
        log::audit(&self.database)?;
        Ok(())
    }
}

fn is_private(path: &Path) -> Result<()> {
    let mode = fs::metadata(path).with_context(|| path.display().to_string())?;
    let mode = mode.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "{} has mode {mode:o}", path.display());
    Ok(())
}

fn succeeds(output: &Output) -> Result<()> {
    ensure!(
        output.status.success(),
        "muster setup failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn round(place: &SetUp, point: &Point) -> Result<()> {
    place.points.kill_at(point)?;
    let died = place.set_up()?;
    ensure!(!died.status.success() && place.points.has_killed(), "nobody died");
    // Once the configuration is in place there is nothing left to do.
    if !place.data().join("muster.toml").exists() {
        succeeds(&place.set_up()?).context("done again")?;
    }
    place.audit()
}

/// One set-up that dies at each of `points` in turn, every time further on than the time before. There are as many as there
/// are migrations, and more with each version: a round for each, with its audit, would take most of the suites' time.
fn dies_again_and_again(place: &SetUp, points: &[&Point]) -> Result<()> {
    for point in points {
        place.points.kill_at(point)?;
        let died = place.set_up()?;
        ensure!(
            !died.status.success() && place.points.has_killed(),
            "nobody died at {point}"
        );
    }
    succeeds(&place.set_up()?).context("done again")?;
    place.audit()
}

#[expect(clippy::print_stdout, reason = "a suite says how many points it had")]
fn dies_anywhere(on_postgres: bool, before: Before) -> Result<()> {
    let origin = SetUp::new(on_postgres, before)?;
    let place = origin.copy()?;
    let mark = place.points.mark()?;
    succeeds(&place.set_up()?)?;
    let points = place.points.since(mark, 1)?;
    place.audit().context("nobody died")?;
    for part in ["master-key.", "migrate.", "setup.base.", "fleet::", "setup.file."] {
        let has = points.iter().any(|point| point.name.contains(part));
        // Keys and base data are there already where tables are.
        let needed = matches!(before, Before::Nothing) || part.starts_with("setup.");
        ensure!(has || !needed, "no point of {part} in {points:?}");
    }
    let (migrations, others): (Vec<&Point>, Vec<&Point>) =
        points.iter().partition(|point| point.name.contains(":migrate."));
    dies_again_and_again(&origin.copy()?, &migrations)
        .with_context(|| format!("{before:?}, killed at each migration"))?;
    for point in others {
        round(&origin.copy()?, point).with_context(|| format!("{before:?}, killed at {point}"))?;
    }
    let story = match before {
        Before::Nothing => "a set-up",
        Before::SomeTables => "a set-up on some tables",
    };
    let killed = points.iter().map(|point| point.name.clone()).collect();
    stories::check(story, &killed, &points)?;
    println!("setup ({before:?}): points {0}, rounds {0}", points.len());
    Ok(())
}

#[test]
fn a_first_set_up_is_done_again_on_sqlite() -> Result<()> {
    dies_anywhere(false, Before::Nothing)
}

#[test]
fn a_first_set_up_is_done_again_on_postgres() -> Result<()> {
    dies_anywhere(true, Before::Nothing)
}

#[test]
fn missing_tables_are_added_once_on_sqlite() -> Result<()> {
    dies_anywhere(false, Before::SomeTables)
}

#[test]
fn missing_tables_are_added_once_on_postgres() -> Result<()> {
    dies_anywhere(true, Before::SomeTables)
}

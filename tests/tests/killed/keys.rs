//! `muster keys rotate`, and the control plane that serves meanwhile, die at every point of a rotation of the master key:
//! the command is run again, and in the end one key seals everything and every secret is still what it was.

use crate::ground::Ground;
use anyhow::{Context as _, Result, ensure};
use muster_auditor::points::Point;
use muster_tests::api::text;
use muster_tests::fleet::agent_options;
use muster_tests::wait::{self, Found};
use muster_tests::{env, programs};
use muster_workbench::Env;
use muster_workbench::process::run;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// On PostgreSQL a rotation waits a minute for a control plane that was killed: it might be one that is slow.
const PATIENCE: Duration = Duration::from_mins(3);

struct Rotations {
    ground: Ground,
    /// Each secret with its value.
    secrets: Vec<(String, String)>,
}

impl Rotations {
    fn start(url: Option<String>) -> Result<Self> {
        let ground = Ground::start(url, 10, agent_options(&Env::from_process()))?;
        let admin = &ground.fleet.admin;
        let group = admin.post("/api/v1/secrets/groups", &json!({"name": "web"}))?;
        let mut secrets = Vec::new();
        for n in 0..5 {
            let value = format!("value {n}");
            let new = json!({"groupId": group["id"], "name": format!("S{n}"), "value": value});
            let made = admin.post("/api/v1/secrets", &new)?;
            secrets.push((text(&made, "id")?.to_owned(), value));
        }
        Ok(Self { ground, secrets })
    }

    fn command(ground: &Ground) -> Result<Child> {
        let (name, directory) = ground.points.variable();
        Ok(Command::new(programs::path("muster")?)
            .args(["keys", "rotate", "--grace", "0", "--data"])
            .arg(ground.fleet.plane.data())
            .env(name, directory)
            .stdout(Stdio::null())
            .spawn()?)
    }

    /// Runs the command, again and again if it dies, until it says that the rotation is done.
    fn rotate(ground: &mut Ground) -> Result<()> {
        let mut command = Self::command(ground)?;
        let done = wait::until("the rotation to be done", PATIENCE, || {
            ground.start_what_died()?;
            Ok(match command.try_wait()? {
                Some(status) if status.success() => Found::Yes(()),
                Some(status) => {
                    command = Self::command(ground)?;
                    Found::No(format!("it ended with {status}"))
                }
                None => Found::No("it runs".to_owned()),
            })
        });
        if done.is_err() {
            // It may have ended meanwhile.
            drop(command.kill());
            command.wait()?;
        }
        done
    }

    /// The points that a rotation passes, in the command and in the control plane.
    fn list(&mut self) -> Result<Vec<Point>> {
        let mark = self.ground.points.mark()?;
        Self::rotate(&mut self.ground)?;
        let mut points = self.ground.points.since(mark, 1)?;
        points.retain(|point| {
            let wanted = ["master-key.", "keys::rotate", "keys::rewrap", "keys::presence"];
            wanted.iter().any(|part| point.name.contains(part))
        });
        Ok(points)
    }

    fn round(&mut self, point: &Point) -> Result<()> {
        let before = self.key()?;
        self.ground
            .round(point, Self::rotate, |_, ()| Ok(Found::Yes(())))?;
        // A command that died before it announced a key has begun nothing: the next one did.
        ensure!(self.key()? != before, "killed at {point}: the key is the old one");
        self.audit().with_context(|| format!("killed at {point}"))
    }

    fn key(&self) -> Result<String> {
        Ok(fs::read_to_string(
            self.ground.fleet.plane.data().join("master.key"),
        )?)
    }

    fn audit(&self) -> Result<()> {
        let data = self.ground.fleet.plane.data();
        ensure!(self.key()?.trim().len() == 64, "the file holds more than one key");
        let mode = fs::metadata(data.join("master.key"))?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "others may read the key: {mode:o}");
        ensure!(!data.join("master.key.new").exists(), "a key was left beside");
        for (id, value) in &self.secrets {
            let path = format!("/api/v1/secrets/{id}/reveal");
            let shown = self.ground.fleet.admin.post(&path, &json!({}))?;
            ensure!(text(&shown, "value")? == value, "{id} is not what it was");
        }
        let status = run(Command::new(programs::path("muster")?)
            .args(["keys", "status", "--json", "--data"])
            .arg(&data))?;
        let status: Value = serde_json::from_str(&status)?;
        ensure!(status["sealed"]["unknown"] == json!({}), "{status}");
        ensure!(
            status["known"].as_array().map(Vec::len) == Some(1),
            "older keys are left: {status}"
        );
        Ok(())
    }
}

fn dies_anywhere(url: Option<String>) -> Result<()> {
    let mut rotations = Rotations::start(url)?;
    let points = rotations.list()?;
    for part in ["master-key.in-place", "keys::rewrap"] {
        ensure!(
            points.iter().any(|point| point.name.contains(part)),
            "no point of {part} in {points:?}"
        );
    }
    for point in &points {
        rotations.round(point)?;
    }
    rotations.ground.end("a rotation of the master key", points.len())
}

#[test]
fn the_master_key_is_rotated_wherever_somebody_dies_on_sqlite() -> Result<()> {
    dies_anywhere(None)
}

#[test]
fn the_master_key_is_rotated_wherever_somebody_dies_on_postgres() -> Result<()> {
    dies_anywhere(Some(env::new_postgres_database()?))
}

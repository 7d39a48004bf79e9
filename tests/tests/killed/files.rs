//! The agent's two programs die at every point of putting a file onto the host: the old file is there or the whole new
//! one, at last the new one, and nothing beside it.

use crate::ground::{Ground, PATIENCE, passings};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::orders;
use muster_auditor::points::Point;
use muster_tests::agent;
use muster_tests::api::text;
use muster_tests::fleet::agent_options;
use muster_tests::wait::{self, Found};
use muster_workbench::Env;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Points that it must pass, of the worker.
const NAMED: [&str; 4] = ["put.begun", "put.written", "put.placed", "put.synced"];
/// Several pieces.
const BYTES: usize = 200_000;

struct Files {
    ground: Ground,
    /// Where the file goes.
    place: TempDir,
    /// Ids of two files, and what they hold.
    uploads: [(String, Vec<u8>); 2],
    host: String,
    sent: usize,
}

impl Files {
    fn start() -> Result<Self> {
        let place = tempfile::tempdir_in("/tmp")?; // Files are put nowhere below /dev, where temporary ones may be.
        let folder = place.path().canonicalize()?;
        let options = agent_options(&Env::from_process());
        let policy = format!(
            "{}\n[files]\nallow = [\"{}/*\"]\n",
            options.policy,
            folder.display()
        );
        let ground = Ground::start(None, 1, agent::Options { policy, ..options })?;
        let upload = |name: &str, byte: u8| -> Result<_> {
            let bytes = vec![byte; BYTES];
            let hash = muster_base::sha256(&bytes).to_string();
            Ok((ground.fleet.admin.upload(name, &bytes, &hash)?, bytes))
        };
        let uploads = [upload("one", 1)?, upload("two", 2)?];
        let host = text(&ground.fleet.host, "id")?.to_owned();
        Ok(Self {
            ground,
            place,
            uploads,
            host,
            sent: 0,
        })
    }

    fn target(&self) -> Result<PathBuf> {
        Ok(self.place.path().canonicalize()?.join("file"))
    }

    /// What is sent next.
    fn next(&self) -> &(String, Vec<u8>) {
        &self.uploads[self.sent % 2]
    }

    fn send(ground: &Ground, file: &str, host: &str, target: &str) -> Result<String> {
        let body = json!({"fileIds": [file], "hosts": [host], "destination": target, "replace": true});
        let sent = ground.fleet.admin.post("/api/v1/files/sends", &body)?;
        Ok(text(&sent, "id")?.to_owned())
    }

    fn is_done(ground: &Ground, send: &str) -> Result<Found<()>> {
        let seen = ground.fleet.admin.get(&format!("/api/v1/files/sends/{send}"))?;
        let done = seen["outcomes"] == json!({"done": 1});
        Ok(Found::from_option(done.then_some(()), seen["outcomes"].clone()))
    }

    /// The points that it passes, in the agent's two programs.
    fn list(&mut self) -> Result<Vec<Point>> {
        let mark = self.ground.points.mark()?;
        let target = self.target()?.to_string_lossy().into_owned();
        let send = Self::send(&self.ground, &self.next().0, &self.host, &target)?;
        wait::until("the file to be sent", PATIENCE, || {
            Self::is_done(&self.ground, &send)
        })?;
        self.audit(&send)?;
        let mut points = self.ground.points.since(mark, usize::MAX)?;
        points.retain(|point| {
            let (program, name) = point.name.split_once(':').unwrap_or_default();
            // The stream of readings goes on meanwhile, and has a suite of its own.
            let others = ["spool.", "reports.", "file.status"];
            program != "muster"
                && point.passing <= passings()
                && !others.iter().any(|other| name.starts_with(other))
        });
        Ok(points)
    }

    fn round(&mut self, point: &Point) -> Result<()> {
        let target = self.target()?.to_string_lossy().into_owned();
        let (file, host) = (self.next().0.clone(), self.host.clone());
        let before = self.uploads[(self.sent + 1) % 2].1.clone();
        let after = self.next().1.clone();
        let send = self.ground.round(
            point,
            |ground| Self::send(ground, &file, &host, &target),
            |ground, send| {
                let now = fs::read(&target)?;
                ensure!(
                    now == before || now == after,
                    "the file is neither the old one nor the new one"
                );
                Self::is_done(ground, send)
            },
        )?;
        self.audit(&send).with_context(|| format!("killed at {point}"))
    }

    fn audit(&mut self, send: &str) -> Result<()> {
        orders::audit(
            &self.ground.database,
            &self.ground.fleet.agent.data(),
            send,
            "done",
        )?;
        let target = self.target()?;
        ensure!(
            fs::read(&target)? == self.next().1,
            "another file is there than was sent"
        );
        let names: Vec<_> = fs::read_dir(self.place.path())?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<Result<_>>()?;
        ensure!(names == ["file"], "{names:?} are there");
        self.sent += 1;
        Ok(())
    }
}

#[test]
fn a_file_is_whole_wherever_the_agent_dies() -> Result<()> {
    let mut files = Files::start()?;
    let points = files.list()?;
    for named in NAMED {
        let is_it = |point: &Point| point.name.split_once(':').is_some_and(|(_, name)| name == named);
        ensure!(points.iter().any(is_it), "{named} is not among {points:?}");
    }
    for point in &points {
        files.round(point)?;
    }
    files.ground.end("a file for a host", points.len())
}

//! The control plane dies at every point of an upload, on both databases: the file is there once, whole, and every object of
//! the storage is known.
//!
//! Who uploads is somebody who got no answer: looks how far the upload is, and goes on there.

use crate::ground::Ground;
use anyhow::{Context as _, Result, bail, ensure};
use muster_auditor::database::Column::{self, Id, Text};
use muster_auditor::files;
use muster_auditor::orders::hyphenated;
use muster_auditor::points::Point;
use muster_tests::wait::Found;
use muster_tests::{agent, env};
use serde_json::json;

/// The smallest that a piece may be that is not the last.
const PIECE: usize = 64 << 10;
const PIECES: usize = 2;

struct Uploads {
    ground: Ground,
    uploaded: u8,
}

impl Uploads {
    fn start(url: Option<String>) -> Result<Self> {
        let ground = Ground::start(url, 10, agent::Options::default())?;
        Ok(Self { ground, uploaded: 0 })
    }

    /// A file is uploaded, while somebody dies at `point`.
    fn upload(&mut self, point: Option<&Point>) -> Result<()> {
        self.uploaded += 1;
        let name = format!("file-{}", self.uploaded);
        // A piece may be taken for no other.
        let bytes: Vec<u8> = (0..PIECES)
            .flat_map(|piece| vec![b'A' + (self.uploaded + u8::from(piece > 0)) % 26; PIECE])
            .collect();
        let file = self.ground.maybe_round(
            point,
            |ground| sent(ground, &name, &bytes),
            |ground, file| {
                let path = format!("/api/v1/files/{}/content", hyphenated(file));
                let read = ground.fleet.admin.get_text(&path)?;
                ensure!(read.as_bytes() == bytes, "another file is read than was sent");
                Ok(Found::Yes(()))
            },
        )?;
        let folder = self.ground.fleet.plane.data().join("files");
        files::audit(&self.ground.database, &folder, &name, &bytes)
            .with_context(|| format!("the file {file}"))
    }

    /// The points that both of two uploads pass.
    fn list(&mut self) -> Result<Vec<Point>> {
        let mut lists = Vec::new();
        for _ in 0..2 {
            let mark = self.ground.points.mark()?;
            self.upload(None)?;
            lists.push(self.ground.points.since(mark, PIECES)?);
        }
        let [first, second] = lists.as_slice() else {
            bail!("two uploads")
        };
        let wanted = |point: &&Point| {
            let is_upload = ["::upload:", "::piece:", "::complete:"]
                .iter()
                .any(|part| point.name.contains("::files::") && point.name.contains(part))
                || point.name == "muster:file-piece.stored";
            is_upload && second.contains(point)
        };
        Ok(first.iter().filter(wanted).cloned().collect())
    }
}

/// Goes on with an upload until it is a file; the file's id.
fn sent(ground: &mut Ground, name: &str, bytes: &[u8]) -> Result<String> {
    let hash = muster_base::sha256(bytes).to_string();
    let body = json!({"name": name, "size": bytes.len(), "hash": hash});
    let upload = ground.insist(
        "the upload to be begun",
        |ground| one(ground, &[Id("id")], "file_uploads", name),
        |ground| ground.fleet.admin.post("/api/v1/files/uploads", &body).map(drop),
    )?;
    let upload = hyphenated(&upload);
    let path = format!("/api/v1/files/uploads/{upload}");
    for (n, piece) in bytes.chunks(PIECE).enumerate() {
        let offset = n * PIECE;
        ground.insist(
            "a piece to be stored",
            |ground| {
                let position = one(ground, &[Text("position")], "file_uploads", name)?;
                let position: usize = position.context("the upload is gone")?.parse()?;
                Ok((position > offset).then_some(()))
            },
            |ground| ground.fleet.admin.upload_piece(&upload, offset, piece.to_vec()),
        )?;
    }
    ground.insist(
        "the file",
        |ground| one(ground, &[Id("id")], "files", name),
        |ground| {
            let complete = format!("{path}/complete");
            ground.fleet.admin.post(&complete, &json!({})).map(drop)
        },
    )
}

/// What the row of this name says, if it is there; the control plane may be dead.
fn one(ground: &Ground, column: &[Column; 1], table: &str, name: &str) -> Result<Option<String>> {
    let rows = ground
        .database
        .rows(column, &format!("{table} where name = '{name}'"))?;
    Ok(rows.first().map(|row| row[0].clone()))
}

fn dies_anywhere(url: Option<String>, suite: &str) -> Result<()> {
    let mut uploads = Uploads::start(url)?;
    let points = uploads.list()?;
    // Begun, completed, and each piece three times: known, stored, counted.
    let commits = |part: &str| points.iter().filter(|point| point.name.contains(part)).count();
    ensure!(
        commits("::upload:") == 2
            && commits("::piece:") == 4 * PIECES
            && commits("file-piece.") == PIECES
            && commits("::complete:") == 2,
        "these are not an upload's points: {points:?}"
    );
    for point in &points {
        uploads
            .upload(Some(point))
            .with_context(|| format!("killed at {point}"))?;
    }
    uploads.ground.end(suite, points.len())
}

#[test]
fn an_upload_is_whole_wherever_the_control_plane_dies_on_sqlite() -> Result<()> {
    dies_anywhere(None, "an upload on SQLite")
}

#[test]
fn an_upload_is_whole_wherever_the_control_plane_dies_on_postgres() -> Result<()> {
    dies_anywhere(Some(env::new_postgres_database()?), "an upload on PostgreSQL")
}

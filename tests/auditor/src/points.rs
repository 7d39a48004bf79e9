//! The directory through which programs of a debug build are told where to die: see `muster_base::points`.

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory of points. Give its path to programs as `MUSTER_POINTS`.
#[derive(Clone, Debug)]
pub struct Points {
    dir: PathBuf,
}

/// Where a program is to die.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// `program:name`.
    pub name: String,
    /// At which passing, from 1.
    pub passing: usize,
}

impl Point {
    /// The program that passes it.
    pub fn program(&self) -> &str {
        self.name.split(':').next().unwrap_or_default()
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.name, self.passing)
    }
}

impl Points {
    /// An empty directory of points at `dir`.
    pub fn new(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// The variable that programs find it by.
    pub fn variable(&self) -> (String, String) {
        ("MUSTER_POINTS".to_owned(), self.dir.display().to_string())
    }

    /// Has whoever passes the point die there.
    pub fn kill_at(&self, point: &Point) -> Result<()> {
        fs::remove_file(self.dir.join("killed")).or_else(missing)?;
        self.replace("kill", &point.to_string())
    }

    /// Whether somebody died since [`Self::kill_at`].
    pub fn has_killed(&self) -> bool {
        self.dir.join("killed").exists() && !self.dir.join("kill").exists()
    }

    /// Nobody is to die any more.
    pub fn spare(&self) -> Result<()> {
        Ok(fs::remove_file(self.dir.join("kill")).or_else(missing)?)
    }

    /// Has an effect (`program:name`) left out.
    pub fn leave_out(&self, effect: &str) -> Result<()> {
        self.replace("leave-out", effect)
    }

    /// Has every effect take place again.
    pub fn leave_nothing_out(&self) -> Result<()> {
        Ok(fs::remove_file(self.dir.join("leave-out")).or_else(missing)?)
    }

    /// How many points were passed by now: a place to list from.
    pub fn mark(&self) -> Result<usize> {
        Ok(self.passed()?.len())
    }

    /// The points that were passed since `mark`, in the order of their first passing, each up to `most` times.
    pub fn since(&self, mark: usize, most: usize) -> Result<Vec<Point>> {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let mut points = Vec::new();
        for name in self.passed()?.split_off(mark) {
            let passing = times.entry(name.clone()).or_default();
            *passing += 1;
            if *passing <= most {
                points.push(Point {
                    name,
                    passing: *passing,
                });
            }
        }
        Ok(points)
    }

    /// What programs told, line by line.
    pub fn told(&self) -> Result<Vec<String>> {
        lines(&self.dir.join("told"))
    }

    fn passed(&self) -> Result<Vec<String>> {
        lines(&self.dir.join("passed"))
    }

    /// Whole or not at all: programs read it at any moment.
    fn replace(&self, name: &str, text: &str) -> Result<()> {
        let beside = self.dir.join("harness");
        fs::write(&beside, text)?;
        fs::rename(&beside, self.dir.join(name)).context("the points' directory is gone")
    }
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).or_else(|error| missing(error).map(|()| String::new()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Ok(());
    }
    Err(error)
}

//! Finds or builds the cargo tools that we call.

use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result};
use muster_workbench::cache;
use std::path::PathBuf;
use std::process::Command;

/// A cargo tool and the version to build when it is missing.
pub struct CargoTool {
    pub name: &'static str,
    pub version: &'static str,
}

impl CargoTool {
    /// The program: an installed one, or ours from the cache, built there at the first time.
    pub fn find_or_build(&self, interrupt: &Interrupt) -> Result<PathBuf> {
        let root = cache::dir()?.join("tools");
        let ours = root.join("bin").join(self.name);
        if ours.exists() {
            return Ok(ours);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        if let Some(installed) = std::env::split_paths(&path)
            .map(|dir| dir.join(self.name))
            .find(|file| file.exists())
        {
            return Ok(installed);
        }
        say::note(format_args!(
            "building {} {} (once; it is kept in {})",
            self.name,
            self.version,
            root.display()
        ));
        let mut command = Command::new("cargo");
        command
            .args([
                "install",
                "--locked",
                "--quiet",
                self.name,
                "--version",
                self.version,
                "--root",
            ])
            .arg(&root);
        command
            .env_remove("CARGO_TARGET_DIR")
            .current_dir(std::env::temp_dir());
        project::must(interrupt, &mut command, "cargo install")
            .with_context(|| format!("{} could not be built", self.name))?;
        Ok(ours)
    }
}

//! The programs as they are shipped.

use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::Result;
use std::path::PathBuf;

/// Builds the control plane and the simulator (`release`); their folder.
pub fn control_plane(interrupt: &Interrupt) -> Result<PathBuf> {
    say::note("building the control plane as it is shipped (some minutes the first time)");
    project::build_console(interrupt)?;
    let packages = ["-p", "muster-control-plane", "-p", "muster-simulator"];
    build("release", &packages, interrupt)
}

/// Builds resident and worker (`release-small`); their folder.
pub fn agent(interrupt: &Interrupt) -> Result<PathBuf> {
    say::note("building the agent as it is shipped (some minutes the first time)");
    build("release-small", &["-p", "muster-agent"], interrupt)
}

/// Builds the corpus runner (`release`); its folder.
pub fn corpus(interrupt: &Interrupt) -> Result<PathBuf> {
    say::note("building the schema library as it is shipped (some minutes the first time)");
    build("release", &["-p", "muster-corpus"], interrupt)
}

fn build(profile: &str, packages: &[&str], interrupt: &Interrupt) -> Result<PathBuf> {
    let mut command = project::cargo(&["build", "--quiet", "--bins", "--profile", profile]);
    project::must(interrupt, command.args(packages), "the build")?;
    Ok(project::bin_dir().with_file_name(profile))
}

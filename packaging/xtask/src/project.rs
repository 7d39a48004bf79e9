//! Where the project is, and how its parts are built.

use crate::interrupt::Interrupt;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout's root.
pub fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest
        .ancestors()
        .nth(2)
        .map(Path::to_owned)
        .unwrap_or(manifest)
}

/// A cargo command in the checkout, without the variables that `cargo run` gave to us.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let ours = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_BIN_",
            "CARGO_PRIMARY_",
        ];
        if name
            .to_str()
            .is_some_and(|name| ours.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command.args(arguments).current_dir(root());
    command
}

/// An npm command in the console's folder.
pub fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command
        .args(arguments)
        .current_dir(console_dir())
        .env("npm_config_fund", "false")
        .env("npm_config_audit", "false");
    command
}

/// The console's folder.
pub fn console_dir() -> PathBuf {
    root().join("control-plane/console")
}

/// Whether there is a console to build.
pub fn has_console() -> bool {
    console_dir().join("package.json").exists()
}

/// The folder in which cargo puts our programs.
pub fn bin_dir() -> PathBuf {
    target_dir().join("debug")
}

/// The folder of everything that cargo makes.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Builds all programs of the workspace and returns their folder.
///
/// Always the whole workspace: a part of it would be built with other features and so a second time.
pub fn build_programs(interrupt: &Interrupt) -> Result<PathBuf> {
    must(
        interrupt,
        &mut cargo(&["build", "--workspace", "--bins", "--quiet"]),
        "the build",
    )?;
    Ok(bin_dir())
}

/// Builds the programs and all tests: the largest crates are compiled by one core each, with and without their tests at
/// the same time.
pub fn build_all(interrupt: &Interrupt) -> Result<PathBuf> {
    let tests = ["test", "--workspace", "--no-run", "--quiet"];
    must(interrupt, &mut cargo(&tests), "the build of the tests")?;
    build_programs(interrupt)
}

/// `npm ci`, unless what is installed is what the lock file says.
pub fn install_console(interrupt: &Interrupt) -> Result<()> {
    let console = console_dir();
    let stamp = console.join("node_modules/.muster-lock");
    let lock =
        std::fs::read(console.join("package-lock.json")).context("the console has no package-lock.json")?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    must(interrupt, &mut npm(&["ci", "--no-progress"]), "npm ci")?;
    std::fs::write(stamp, lock)?;
    Ok(())
}

/// Builds the console unless it is newer than its sources; says what is missing if it can't.
pub fn build_console(interrupt: &Interrupt) -> Result<()> {
    if !has_console() || console_is_fresh() {
        return Ok(());
    }
    if !muster_workbench::process::succeeds(Command::new("npm").arg("--version")) {
        crate::say::note(
            "npm is missing, so the console can't be built: install Node.js 20.19 or newer; the API works without",
        );
        return Ok(());
    }
    install_console(interrupt)?;
    must(
        interrupt,
        npm(&["run", "--silent", "build"]).stdout(std::process::Stdio::null()),
        "the console's build",
    )
}

fn console_is_fresh() -> bool {
    let console = console_dir();
    // build.rs of the control plane puts a page there that says how to build the console.
    let Ok(built) = console.join("dist/index.html").metadata() else {
        return false;
    };
    let is_placeholder = !console.join("dist/assets").exists();
    !is_placeholder
        && built
            .modified()
            .is_ok_and(|built| newest_source(&console).is_some_and(|source| source < built))
}

fn newest_source(dir: &Path) -> Option<std::time::SystemTime> {
    let entries = std::fs::read_dir(dir).ok()?.flatten();
    let newest = entries
        .filter(|entry| entry.file_name() != "node_modules" && entry.file_name() != "dist")
        .filter_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                newest_source(&path)
            } else {
                entry.metadata().ok()?.modified().ok()
            }
        });
    newest.max()
}

/// Runs a command that has to succeed.
pub fn must(interrupt: &Interrupt, command: &mut Command, what: &str) -> Result<()> {
    let status = interrupt.status(command)?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}

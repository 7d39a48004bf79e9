//! Finds the built programs.

use anyhow::{Result, bail};
use std::path::PathBuf;
use std::sync::OnceLock;

static DIR: OnceLock<PathBuf> = OnceLock::new();

/// Says where the programs are, for a program that isn't a test. The first call counts.
pub fn use_dir(dir: PathBuf) {
    DIR.get_or_init(|| dir);
}

/// The path of one of Muster's programs: `muster`, `muster-agent`, `muster-worker`,
/// `muster-front`, `musterctl`.
pub fn path(name: &str) -> Result<PathBuf> {
    let program = dir()?.join(name);
    if !program.exists() {
        bail!(
            "{} is not built: run `cargo verify stories`, or `cargo build --workspace --bins`",
            program.display()
        );
    }
    Ok(program)
}

/// The folder of the packages that `cargo verify packages` makes.
pub fn packages() -> Result<PathBuf> {
    Ok(dir()?.join("../tested-packages"))
}

/// The folder of the programs: what `cargo verify` says, or cargo's own beside this test program.
fn dir() -> Result<PathBuf> {
    if let Some(dir) = DIR.get() {
        return Ok(dir.clone());
    }
    if let Some(dir) = std::env::var_os("MUSTER_TEST_BIN_DIR") {
        return Ok(dir.into());
    }
    let this = std::env::current_exe()?;
    let beside = this.parent().map(PathBuf::from).unwrap_or_default();
    Ok(if beside.ends_with("deps") {
        beside.join("..")
    } else {
        beside
    })
}

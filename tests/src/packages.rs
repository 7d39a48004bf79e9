//! The packages on a machine, and the services that they start.

use anyhow::{Context, Result, ensure};
use muster_workbench::machine::Machine;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::programs;
use crate::wait::{self, Found};

/// A package that `cargo verify packages` made.
pub fn package(edition: &str, name: &str) -> Result<PathBuf> {
    let folder = programs::packages()?.join(edition);
    let files = std::fs::read_dir(&folder)
        .with_context(|| format!("{} is missing: run `cargo verify packages`", folder.display()))?;
    let mut found = files.flatten().map(|entry| entry.path()).filter(|path| {
        path.file_name()
            .is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}_")))
    });
    found
        .next()
        .with_context(|| format!("no {name} in {}", folder.display()))
}

/// Installs it; fails if a question is asked.
pub fn install(machine: &Machine, package: &Path) -> Result<()> {
    machine.put(package, "/tmp/package.deb")?;
    // As unattended as a roll-out is: a question would be an error.
    machine.run(
        "DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/package.deb </dev/null && rm /tmp/package.deb",
    )?;
    Ok(())
}

/// Installs another version; the service must be another process afterwards.
pub fn upgrade(machine: &Machine, edition: &str, name: &str, unit: &str) -> Result<()> {
    let before = property(machine, unit, "MainPID")?;
    install(machine, &package(edition, name)?)?;
    ensure!(is_active(machine, unit), "{unit} runs after the upgrade");
    ensure!(
        property(machine, unit, "MainPID")? != before,
        "{unit} is the new version's"
    );
    Ok(())
}

/// Whether the unit runs.
pub fn is_active(machine: &Machine, unit: &str) -> bool {
    machine.succeeds(&format!("systemctl --quiet is-active {unit}"))
}

/// A property of the unit, as `systemctl show` says it.
pub fn property(machine: &Machine, unit: &str, name: &str) -> Result<String> {
    let value = machine.run(&format!("systemctl show --value --property {name} {unit}"))?;
    Ok(value.trim().to_owned())
}

/// Waits until systemd has restarted the unit `count` times and it runs.
pub fn await_restarts(machine: &Machine, unit: &str, count: u32, deadline: Duration) -> Result<()> {
    wait::until(&format!("restart {count} of {unit}"), deadline, || {
        let restarts = property(machine, unit, "NRestarts")?;
        let back = restarts.parse::<u32>()? >= count && is_active(machine, unit);
        Ok(if back { Found::Yes(()) } else { Found::No(restarts) })
    })
}

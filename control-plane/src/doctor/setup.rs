//! The configuration, and who can read the files.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use muster_base::doctor::Finding;

use super::{Configured, Patient, said};
use crate::config::Config;

const EXPOSED: &str = "whoever can read these files can read secrets, or sign orders in the fleet's name";

/// The data directory and what is in it.
pub(super) fn files(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !patient.data.is_dir() {
        let what = format!("{} is not there, or not ours to read", patient.data.display());
        return vec![Finding::problem(
            "setup.data",
            what,
            "everything the control plane knows is in it",
            "run `muster setup`, or give the right directory with --data",
        )];
    }
    if let Some(mode) = exposed(&patient.data) {
        findings.push(Finding::problem(
            "setup.data",
            format!(
                "{} can be entered by others (mode {mode:o})",
                patient.data.display()
            ),
            EXPOSED,
            format!("chmod 700 {}", patient.data.display()),
        ));
    } else {
        findings.push(Finding::ok(
            "setup.data",
            format!("{} is private", patient.data.display()),
        ));
    }
    if let Some(mode) = exposed(&patient.config) {
        findings.push(Finding::problem(
            "setup.configFile",
            format!(
                "{} can be read by others (mode {mode:o})",
                patient.config.display()
            ),
            "it holds the super administrator's password hash and the database's password",
            format!("chmod 600 {}", patient.config.display()),
        ));
    }
    findings
}

/// The configuration, if it can be used.
pub(super) fn config(patient: &Patient, findings: &mut Vec<Finding>) -> Configured {
    let config = match Config::load(&patient.data, Some(&patient.config)) {
        Ok(config) => config,
        Err(error) => {
            findings.push(Finding::problem(
                "setup.config",
                said(&*error),
                "the control plane does not start with it",
                format!(
                    "correct {} or the MUSTER_… variable it names",
                    patient.config.display()
                ),
            ));
            return None;
        }
    };
    if config.super_admin.is_some() {
        findings.push(Finding::ok("setup.superAdmin", "there is a super administrator"));
    } else {
        findings.push(Finding::problem(
            "setup.superAdmin",
            format!("{} names no super administrator", patient.config.display()),
            "a control plane that is not set up does not serve",
            format!(
                "muster setup --data {} --account NAME --password-file FILE",
                patient.data.display()
            ),
        ));
    }
    Some(config)
}

/// The mode of a file that others may read; `None` for a private one, or none.
pub(super) fn exposed(path: &Path) -> Option<u32> {
    let about: io::Result<fs::Metadata> = fs::metadata(path);
    let mode = about.ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

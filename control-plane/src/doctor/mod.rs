//! `muster doctor`: what is wrong with a control plane, why it matters and what to do. It changes nothing, needs no
//! serving control plane and does not disturb one.
//!
//! | module | looks at |
//! |---|---|
//! | `setup` | the configuration, the super administrator, who can read the files |
//! | `keys` | the master key and what it seals, the CAs, rotations that were not ended, other control planes with other keys |
//! | `clock` | this machine's clock against the database's, against what was stored, against the hosts' |
//! | `disk` | room, inodes, whether it can be written to, what kind of file system it is |
//! | `database` | whether it answers, its version and steps, whether its files are sound |
//! | `partitions` | PostgreSQL's tables of readings by time: those that are missing, and those that should be gone |
//! | `releases` | whether the newest thousand releases still are what was approved |
//! | `ports` | whether the ports are ours or free, and answer |
//! | `audit` | the hash chain of every audit log, through archive and table; walks all of it, so only when asked (`muster doctor audit`) |
//!
//! Exit status: 0 nothing is wrong, 1 warnings only, 2 problems. What can't be looked at because of another finding is
//! left out, not guessed.

mod audit;
mod clock;
mod database;
mod disk;
mod keys;
mod partitions;
mod ports;
mod releases;
mod setup;
mod store;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use muster_base::{
    Clock,
    doctor::{Finding, Report},
};

use crate::{
    app::App,
    audit::Archive,
    config::Config,
    db::{self, Databases, Schema},
    keys::Keys,
};

/// The control plane that is looked at.
#[derive(Debug, Clone)]
pub struct Patient {
    /// Its data directory.
    pub data: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// This machine's time.
    pub clock: Clock,
    /// Where the machine's own files are: `/` but in tests.
    pub root: PathBuf,
}

impl Patient {
    /// The control plane in `data`.
    pub fn new(data: &Path, config: &Path) -> Self {
        Self {
            data: data.to_owned(),
            config: config.to_owned(),
            clock: Clock::system(),
            root: PathBuf::from("/"),
        }
    }
}

/// Looks at everything but the audit logs.
pub async fn examine(patient: &Patient) -> Report {
    let mut findings = setup::files(patient);
    findings.extend(disk::look(patient));
    let Some(config) = setup::config(patient, &mut findings) else {
        return Report::new(findings);
    };
    findings.extend(ports::look(&config, &patient.data).await);
    let keys = keys::master(patient, &mut findings);
    let databases = database::open(patient, &config, &mut findings).await;
    findings.push(clock::synchronised(patient));
    if let Some(databases) = databases {
        let schema = db::schema(&databases).await;
        findings.extend(database::look(&databases, &schema).await);
        // The rest reads tables as this version knows them.
        if matches!(schema, Ok(Schema::Current)) {
            findings.extend(clock::against_database(patient, &databases).await);
            if let Some(keys) = keys {
                let app = App::new(config, databases.clone(), patient.clock.clone(), keys);
                findings.extend(keys::look(&app).await);
                findings.extend(partitions::look(&app).await);
                findings.extend(releases::look(&app).await);
            }
        }
        databases.close().await;
    }
    Report::new(findings)
}

/// Walks the hash chain of every audit log.
pub async fn examine_audit(patient: &Patient) -> Report {
    let mut findings = Vec::new();
    if let Some(config) = setup::config(patient, &mut findings)
        && let Some(databases) = database::open(patient, &config, &mut findings).await
    {
        let archive = Archive {
            folder: config.audit.folder(&patient.data),
            // Without it only files are unreadable, and that is found where there are some.
            keys: Keys::load(&patient.data).ok(),
        };
        findings.extend(audit::look(&databases, &archive).await);
        databases.close().await;
    }
    Report::new(findings)
}

/// The chain of causes in one line.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A finding that something could not be looked at.
fn unreadable(check: &'static str, error: &(dyn std::error::Error + 'static)) -> Finding {
    Finding::problem(
        check,
        said(error),
        "what can't be read can't be used either",
        "mend what the error says, then look again",
    )
}

/// What could be opened, read or understood; the findings say why not.
type Opened = Option<Databases>;
type Unlocked = Option<Keys>;
type Configured = Option<Config>;

//! Setting up: the install page's work, and `muster setup`'s, which is the same.
//!
//! | state | what it is | who may leave it |
//! |---|---|---|
//! | not installed | no super administrator in the configuration file | whoever has the setup token |
//! | installing | one installation runs; its steps are kept for whoever opens the page again | |
//! | failed | it stopped and says why; nothing that was there before has changed | try again, with the token |
//! | installed | the configuration file has a super administrator | nobody: there is no way back |
//!
//! While nothing is installed, `muster serve` answers every page with the console (which shows the install page) and
//! every call but setup and health with `503 not-installed`. It prints a setup token, new at each start and void once
//! installed; wrong tokens are counted and slowed down.
//!
//! An installation makes the master key, looks at the database ([`verdict`]: what is there decides what happens, and
//! what isn't ours is never changed), mends and migrates it, makes the base data, and writes the configuration file
//! with the super administrator (argon2id hash), readable by its owner only, last of all: one that broke off anywhere
//! is done again. What stands in that file stays, and what is written is read back before it takes its place ([`mod@file`]).
//!
//! `muster setup`, run by root, works as the owner of the data directory, who serves it ([`become_owner`]).

pub mod api;
mod database;
mod door;
mod error;
mod file;
mod install;
mod owner;
#[cfg(test)]
mod tests;
mod verdict;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use muster_base::{SecretString, point};

pub use self::{
    database::{Checked, DatabaseInput, DatabaseKind, Trouble},
    door::{Door, Phase},
    error::SetupError,
    install::{Installation, Progress, StepState, install},
    owner::become_owner,
    verdict::{Obstacle, Verdict},
};
use crate::{
    access,
    config::{Config, FILE_NAME},
};

/// Gives the super administrator a new password.
pub async fn set_password(data: &Path, password: SecretString) -> Result<(), SetupError> {
    let file = data.join(FILE_NAME);
    let config = Config::load(data, None).map_err(SetupError::Config)?;
    let Some(admin) = config.super_admin else {
        return Err(SetupError::NotDone(data.to_owned()));
    };
    let password_hash = access::hash_password(password)
        .await
        .map_err(SetupError::Password)?;
    let read = fs::read_to_string(&file).map_err(|e| SetupError::File(file.clone(), e))?;
    let old = muster_base::ExposeSecret::expose_secret(&admin.password_hash).to_owned();
    let text = read.replace(&old, muster_base::ExposeSecret::expose_secret(&password_hash));
    write_private(&file, &text).map_err(|e| SetupError::File(file, e))
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    point!("setup.file.written");
    fs::rename(&temporary, path)?;
    point!("setup.file.in-place");
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    fs::File::open(parent)?.sync_all()
}

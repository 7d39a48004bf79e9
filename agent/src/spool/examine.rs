//! Looking at a spool without changing it.

use std::path::Path;

use redb::{DatabaseError, ReadOnlyDatabase, ReadableDatabase as _, ReadableTable as _};

use super::{
    Spool, SpoolError,
    tables::{META, PENDING, ROLLUPS, SAMPLES},
};

/// How a spool's file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// There is none.
    Missing,
    /// A process has it open.
    InUse,
    /// Every entry can be read, or will be after the repair that follows a kill.
    Sound,
    /// It can't be read.
    Unusable(String),
}

impl Spool {
    /// Reads every entry of the file at `path`.
    pub fn examine(path: &Path) -> Health {
        if !path.exists() {
            return Health::Missing;
        }
        match ReadOnlyDatabase::open(path) {
            Ok(database) => match walk(&database) {
                Ok(()) => Health::Sound,
                Err(error) => Health::Unusable(error.to_string()),
            },
            Err(DatabaseError::DatabaseAlreadyOpen) => Health::InUse,
            Err(DatabaseError::RepairAborted) => Health::Sound,
            Err(error) => Health::Unusable(error.to_string()),
        }
    }
}

fn walk(database: &ReadOnlyDatabase) -> Result<(), SpoolError> {
    let read = database.begin_read()?;
    for entry in read.open_table(META)?.iter()? {
        entry?;
    }
    for entry in read.open_table(SAMPLES)?.iter()? {
        entry?;
    }
    for entry in read.open_table(ROLLUPS)?.iter()? {
        entry?;
    }
    for entry in read.open_table(PENDING)?.iter()? {
        entry?;
    }
    Ok(())
}

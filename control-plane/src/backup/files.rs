//! Bytes of files, where they are in the data directory: into a backup, and out of it.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{BackupError, make::Archive};
use crate::config::FILES;

/// What stands before the names of objects.
pub(super) const OBJECTS: &str = "files/";

/// What became of the bytes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesTaken {
    /// They are in the backup.
    Taken {
        /// Objects.
        count: u64,
        /// Their size.
        bytes: u64,
    },
    /// They were left out, as was asked for.
    LeftOut,
    /// They are not in the data directory, and not in the backup.
    Elsewhere,
}

/// Every object in the data directory. After the database, which knows no more than is there then.
pub(super) fn put(archive: &mut Archive, data: &Path) -> Result<FilesTaken, BackupError> {
    let folder = data.join(FILES);
    let file = |e| BackupError::File(folder.clone(), e);
    let (mut count, mut bytes) = (0, 0);
    for org in ids_in(&folder).map_err(file)? {
        let folder = folder.join(org.to_string());
        for id in ids_in(&folder).map_err(file)? {
            let mut object = match File::open(folder.join(id.to_string())) {
                Ok(object) => object,
                // Deleted a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(file(error)),
            };
            bytes += object.metadata().map_err(file)?.len();
            count += 1;
            let name = format!("{OBJECTS}{org}/{id}");
            archive.copy(&name, &mut object).map_err(BackupError::Damaged)?;
        }
    }
    Ok(FilesTaken::Taken { count, bytes })
}

/// Names that are ids: whatever else is there is none of ours, or not finished.
fn ids_in(folder: &Path) -> io::Result<Vec<Uuid>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut ids = Vec::new();
    for entry in entries {
        ids.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| Uuid::try_parse(name).ok()),
        );
    }
    Ok(ids)
}

/// Where an object belongs, once its folder is there; none for a name that is none of ours.
pub(super) fn path(data: &Path, name: &str) -> Option<PathBuf> {
    let (org, id) = name.split_once('/')?;
    let (org, id) = (Uuid::try_parse(org).ok()?, Uuid::try_parse(id).ok()?);
    let folder = data.join(FILES).join(org.to_string());
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.is_ok().then(|| folder.join(id.to_string()))
}

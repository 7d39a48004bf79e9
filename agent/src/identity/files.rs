//! Private files, replaced whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, lchown},
    path::{Path, PathBuf},
};

use muster_base::point;
use nix::unistd::{Uid, User};

use super::IdentityError;

/// The user that the packages run the resident as.
const RESIDENT_USER: &str = "muster-agent";

/// Writes a file that only its owner may read, so that a crash leaves the old content or the new.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let beside = beside(path);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    point!("file.{}.written", label(path));
    fs::rename(&beside, path)?;
    File::open(directory)?.sync_all()?;
    point!("file.{}.in-place", label(path));
    Ok(())
}

/// The file's name, or what kind of file it is if the name is of one order only.
fn label(path: &Path) -> &str {
    const LONGEST: usize = 32;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if name.len() <= LONGEST {
        return name;
    }
    path.extension().and_then(|end| end.to_str()).unwrap_or_default()
}

/// Makes a directory that only its owner may enter.
pub(super) fn make_private_dir(path: &Path) -> Result<(), IdentityError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(IdentityError::file(path))
}

/// When root joins on behalf of the packaged resident, the resident's files are the resident's.
pub(super) fn give_to_resident(directory: &Path) -> Result<(), IdentityError> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let Ok(Some(user)) = User::from_name(RESIDENT_USER) else {
        return Ok(());
    };
    let mut paths = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).map_err(IdentityError::file(directory))? {
        paths.push(entry.map_err(IdentityError::file(directory))?.path());
    }
    for path in paths {
        // Not through a link: root must not give away what the resident points at.
        lchown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .map_err(IdentityError::file(&path))?;
    }
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_is_private_and_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(beside(&path), b"half").unwrap();
        write_private(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}

//! Where the master keys are kept.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use muster_base::point;
use zeroize::Zeroizing;

use super::Ring;

/// Name of the key file in the data directory.
pub const FILE_NAME: &str = "master.key";
const CREDENTIAL: &str = "muster-master-key";
const VARIABLE: &str = "MUSTER_MASTER_KEY";

/// The master key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key anywhere.
    #[error(
        "no master key: run `muster setup`, or give it as {VARIABLE} or as the systemd credential {CREDENTIAL}"
    )]
    Missing,
    /// The file can't be read or written.
    #[error("the master key file {0} can't be used")]
    File(PathBuf, #[source] io::Error),
    /// Others may read the file.
    #[error("the master key file {0} can be read by others: run `chmod 600` on it")]
    Exposed(PathBuf),
    /// Not keys.
    #[error("a master key must be 64 hexadecimal digits; further ones may follow after a comma")]
    Malformed,
    /// The source can't be written by a program.
    #[error("the master key comes from {0}, which this program can't change")]
    Fixed(String),
}

/// Where the master keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The environment.
    Environment,
    /// A systemd credential.
    Credential(PathBuf),
    /// The file in the data directory.
    File(PathBuf),
    /// Nowhere: tests.
    Memory,
}

impl Source {
    /// The first place that has keys.
    pub fn find(data: &Path) -> Result<Self, KeyError> {
        if std::env::var_os(VARIABLE).is_some() {
            return Ok(Self::Environment);
        }
        if let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY") {
            let path = Path::new(&directory).join(CREDENTIAL);
            if path.exists() {
                return Ok(Self::Credential(path));
            }
        }
        let path = data.join(FILE_NAME);
        if path.exists() {
            Ok(Self::File(path))
        } else {
            Err(KeyError::Missing)
        }
    }

    /// Reads the keys.
    pub fn read(&self) -> Result<Ring, KeyError> {
        match self {
            Self::Environment => {
                let text = Zeroizing::new(std::env::var(VARIABLE).map_err(|_| KeyError::Missing)?);
                Ring::parse(&text)
            }
            Self::Credential(path) => read(path),
            Self::File(path) => {
                let about = fs::metadata(path).map_err(|e| KeyError::File(path.clone(), e))?;
                if about.permissions().mode() & 0o077 != 0 {
                    return Err(KeyError::Exposed(path.clone()));
                }
                read(path)
            }
            Self::Memory => Err(KeyError::Fixed(self.to_string())),
        }
    }

    /// Writes the first keys there ever are, whole or not at all: half of a file would be in the way of the next try.
    pub(super) fn create(&self, ring: &Ring) -> Result<(), KeyError> {
        let path = self.file()?;
        let create = || -> io::Result<()> {
            let beside = write_beside(path, ring)?;
            // Not renamed: keys that somebody else made meanwhile stay.
            fs::hard_link(&beside, path)?;
            point!("master-key.linked");
            fs::remove_file(&beside)?;
            sync_directory(path)
        };
        create().map_err(|e| KeyError::File(path.clone(), e))
    }

    /// Removes what a [`Source::create`] left beside the keys that was killed after them.
    pub(super) fn clean_up(&self) -> Result<(), KeyError> {
        let Self::File(path) = self else { return Ok(()) };
        remove_beside(path).map_err(|e| KeyError::File(path.clone(), e))
    }

    /// Replaces the keys: after a crash the file holds the old ones or the new ones.
    pub(super) fn write(&self, ring: &Ring) -> Result<(), KeyError> {
        let path = self.file()?;
        let replace = || -> io::Result<()> {
            let beside = write_beside(path, ring)?;
            fs::rename(&beside, path)?;
            sync_directory(path)
        };
        replace().map_err(|e| KeyError::File(path.clone(), e))
    }

    fn file(&self) -> Result<&PathBuf, KeyError> {
        match self {
            Self::File(path) => Ok(path),
            Self::Environment | Self::Credential(_) | Self::Memory => Err(KeyError::Fixed(self.to_string())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => write!(f, "the environment ({VARIABLE})"),
            Self::Credential(path) => write!(f, "the systemd credential {}", path.display()),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Memory => f.write_str("memory"),
        }
    }
}

fn read(path: &Path) -> Result<Ring, KeyError> {
    let text = fs::read_to_string(path).map_err(|e| KeyError::File(path.to_owned(), e))?;
    Ring::parse(&Zeroizing::new(text))
}

/// A file with the keys, beside where they are to be; what a crash left there is gone.
fn write_beside(path: &Path, ring: &Ring) -> io::Result<PathBuf> {
    remove_beside(path)?;
    let beside = beside(path);
    write_new(&beside, &ring.to_text())?;
    Ok(beside)
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("key.new")
}

fn remove_beside(path: &Path) -> io::Result<()> {
    match fs::remove_file(beside(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    fs::File::open(directory)?.sync_all()?;
    point!("master-key.in-place");
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    point!("master-key.created");
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    point!("master-key.written");
    Ok(())
}

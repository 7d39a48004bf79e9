//! The private directory of one run, and the sweeping of what killed runs left behind.

use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PREFIX: &str = "muster-bench-";

/// Where Linux has files that are in memory only.
const MEMORY: &str = "/dev/shm";
/// What must be free there, and of memory at all, before databases are laid there.
const MEMORY_FREE: u64 = 6 << 30;

/// A directory below the system's temporary one, named after our process, and one in memory where there is enough.
pub(crate) struct Scratch {
    dir: tempfile::TempDir,
    memory: Option<tempfile::TempDir>,
}

impl Scratch {
    /// Makes the directory after sweeping those whose process is gone.
    pub fn create() -> Result<Self> {
        let memory = Path::new(MEMORY);
        let mut parent = std::env::temp_dir();
        if parent.starts_with(memory) {
            // Engines keep images there, whatever a test may have for its own small files.
            parent = PathBuf::from("/tmp");
        }
        let dir = directory(&parent).context("no temporary directory could be made")?;
        Ok(Self {
            dir,
            memory: has_memory(memory)
                .then(|| directory(memory))
                .transpose()
                .context("no directory could be made in memory")?,
        })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A new directory in memory for the small files of tests, if there is enough. Its name is short: sockets lie below.
    pub fn small_files(&self) -> Result<Option<PathBuf>> {
        let Some(memory) = &self.memory else {
            return Ok(None);
        };
        let path = new_dir(&memory.path().join("t"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o1777))?;
        Ok(Some(path))
    }

    /// A new directory for a database server that runs as the system user `owner`.
    ///
    /// In memory where there is enough: each test makes a database, that is a thousand files, and a file system may
    /// take a millisecond for each.
    pub fn database_dir(&self, name: &str, owner: &str) -> Result<PathBuf> {
        let parent = self.memory.as_ref().unwrap_or(&self.dir).path();
        let path = new_dir(&parent.join(name))?;
        let user = nix::unistd::User::from_name(owner)?
            .with_context(|| format!("there is no user {owner} on this machine"))?;
        std::os::unix::fs::chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        Ok(path)
    }

    /// A new directory below this one.
    pub fn dir(&self, name: &str) -> Result<PathBuf> {
        new_dir(&self.path().join(name))
    }
}

/// Writes a file that only we may read.
pub fn secret_file(path: PathBuf, content: &str) -> Result<PathBuf> {
    fs::write(&path, "")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    fs::write(&path, content)?;
    Ok(path)
}

fn new_dir(path: &Path) -> Result<PathBuf> {
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(path.to_owned())
}

/// A directory of this process below `parent`, after those are swept whose process is gone.
fn directory(parent: &Path) -> Result<tempfile::TempDir> {
    sweep(parent);
    let dir = tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .tempdir_in(parent)?;
    // The database servers run as users of their own and must get to their directories below.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))?;
    Ok(dir)
}

/// Whether databases may lie in `dir`: it is in memory, and there is plenty.
fn has_memory(dir: &Path) -> bool {
    let Ok(about) = nix::sys::statfs::statfs(dir) else {
        return false;
    };
    let free = about.blocks_available() * u64::try_from(about.block_size()).unwrap_or_default();
    let is_memory = about.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC;
    is_memory && free >= MEMORY_FREE && available_memory().is_some_and(|available| available >= MEMORY_FREE)
}

/// What programs may still take of this machine's memory, in bytes.
fn available_memory() -> Option<u64> {
    let said = fs::read_to_string("/proc/meminfo").ok()?;
    let line = said.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        unmount_below(self.path());
    }
}

/// `bytes` random bytes in hex, for passwords of one run.
pub fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0_u8; bytes];
    fs::File::open("/dev/urandom")?.read_exact(&mut buffer)?;
    let mut hex = String::with_capacity(bytes * 2);
    for byte in buffer {
        write!(hex, "{byte:02x}")?;
    }
    Ok(hex)
}

fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next())
        else {
            continue;
        };
        if pid.is_empty() || Path::new("/proc").join(pid).exists() {
            continue;
        }
        if let Ok(bridge) = fs::read_to_string(entry.path().join(crate::docker::BRIDGE_FILE)) {
            crate::docker::remove_bridge(&bridge);
        }
        unmount_below(&entry.path());
        // Best effort: a leftover of somebody else's run is not ours to insist on.
        fs::remove_dir_all(entry.path()).ok();
    }
}

/// A Docker engine that was killed leaves its containers' file systems mounted.
fn unmount_below(dir: &Path) {
    let Ok(mounts) = fs::read_to_string("/proc/mounts") else {
        return;
    };
    let below: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|point| Path::new(point).starts_with(dir))
        .collect();
    for point in below.iter().rev() {
        Command::new("umount")
            .args(["-l", point])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok();
    }
}

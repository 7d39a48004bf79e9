//! The private directory of one run, and the sweeping of what killed runs left behind.

use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PREFIX: &str = "muster-bench-";

/// A directory below the system's temporary one, named after our process.
pub(crate) struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    /// Makes the directory after sweeping those whose process is gone.
    pub fn create() -> Result<Self> {
        sweep(&std::env::temp_dir());
        let dir = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir()
            .context("no temporary directory could be made")?;
        // The database servers run as users of their own and must get to their directories below.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))?;
        Ok(Self { dir })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A new directory below this one, given to the system user `owner`.
    pub fn owned_dir(&self, name: &str, owner: &str) -> Result<PathBuf> {
        let path = self.dir(name)?;
        let user = nix::unistd::User::from_name(owner)?
            .with_context(|| format!("there is no user {owner} on this machine"))?;
        std::os::unix::fs::chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        Ok(path)
    }

    /// A new directory below this one.
    pub fn dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Writes a file that only we may read.
    pub fn secret_file(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::write(&path, "")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        fs::write(&path, content)?;
        Ok(path)
    }
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

//! Room, inodes, whether the disk can be written to, and what kind of file system it is.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use muster_base::doctor::Finding;
use nix::sys::statvfs::statvfs;

use super::{Patient, said};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// SQLite's locks and memory maps do not work reliably across machines.
const REMOTE: &[&str] = &["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "afs"];
const VOLATILE: &[&str] = &["tmpfs", "ramfs"];
const WHY_ROOM: &str = "a control plane that can't write stores neither readings nor decisions";

/// What a file system has and has left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) bytes: u64,
    pub(super) bytes_free: u64,
    pub(super) inodes: u64,
    pub(super) inodes_free: u64,
}

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let data = &patient.data;
    if !data.is_dir() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    match statvfs(data) {
        Ok(stat) => findings.extend(room(Room {
            bytes: stat.blocks().saturating_mul(stat.fragment_size()),
            bytes_free: stat.blocks_available().saturating_mul(stat.fragment_size()),
            inodes: stat.files(),
            inodes_free: stat.files_available(),
        })),
        Err(errno) => findings.push(Finding::problem(
            "disk.space",
            errno.to_string(),
            WHY_ROOM,
            "look at the disk",
        )),
    }
    findings.push(writable(data));
    let mounts = fs::read_to_string(patient.root.join("proc/self/mountinfo")).unwrap_or_default();
    findings.extend(kind(data, &mounts));
    findings
}

pub(super) fn room(room: Room) -> Vec<Finding> {
    let what = format!(
        "{} MiB of {} MiB are free",
        room.bytes_free / MIB,
        room.bytes / MIB
    );
    let todo = "make room, or keep readings for a shorter time ([telemetry] in the configuration)";
    let space = if room.bytes_free < 200 * MIB {
        Finding::problem("disk.space", what, WHY_ROOM, todo)
    } else if room.bytes_free < GIB || room.bytes_free < room.bytes / 20 {
        Finding::warning("disk.space", what, WHY_ROOM, todo)
    } else {
        Finding::ok("disk.space", what)
    };
    // Some file systems make inodes as they are needed and say 0.
    let few = room.inodes > 0 && room.inodes_free < room.inodes / 20;
    let what = format!("{} of {} inodes are free", room.inodes_free, room.inodes);
    let inodes = if few {
        let why = "a file system without inodes takes no new file, however much room there is";
        Finding::warning("disk.inodes", what, why, "remove files that nobody needs")
    } else {
        Finding::ok("disk.inodes", what)
    };
    vec![space, inodes]
}

fn writable(data: &Path) -> Finding {
    let path = data.join(format!("doctor-{}.tmp", std::process::id()));
    let tried = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        file.write_all(b"doctor")?;
        file.sync_all()
    };
    let done = tried();
    drop(fs::remove_file(&path));
    match done {
        Ok(()) => Finding::ok("disk.write", format!("{} can be written to", data.display())),
        Err(error) => Finding::problem(
            "disk.write",
            format!("{} can't be written to: {}", data.display(), said(&error)),
            WHY_ROOM,
            "run the doctor as the control plane's user; then mend the disk or the directory's owner",
        ),
    }
}

/// By the longest mount point above the directory.
pub(super) fn kind(data: &Path, mountinfo: &str) -> Option<Finding> {
    let data = data.canonicalize().ok()?;
    let mount = mountinfo.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?.replace("\\040", " ");
        data.starts_with(&point)
            .then(|| (point.len(), right.split(' ').next().unwrap_or_default()))
    });
    let (_, kind) = mount.max_by_key(|(length, _)| *length)?;
    let what = format!("the data directory is on {kind}");
    Some(if REMOTE.contains(&kind) {
        Finding::problem(
            "disk.kind",
            what,
            "SQLite's locks do not hold across machines: two writers would damage the files",
            "move the data directory to a local disk, or use PostgreSQL",
        )
    } else if VOLATILE.contains(&kind) {
        Finding::warning(
            "disk.kind",
            what,
            "it is gone after a restart of the machine",
            "use a disk",
        )
    } else {
        Finding::ok("disk.kind", what)
    })
}

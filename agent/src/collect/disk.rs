//! File systems and block devices.

use std::{
    os::{fd::AsFd as _, unix::ffi::OsStringExt as _},
    path::PathBuf,
};

use muster_metrics::{Kind, SampleBuilder};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::statvfs::statvfs,
};

use super::{
    Roots,
    files::{Files, Kept, basis_points, per_second, value},
};

const MAX_FILE_SYSTEMS: usize = 64;
const MAX_DEVICES: usize = 128;
/// `/proc/diskstats` counts in sectors of this size, whatever the device's own.
const SECTOR_BYTES: u64 = 512;
/// File systems that hold data on this host's own disks. Network file systems are left out: asking one whose server
/// is gone blocks for ever.
const LOCAL: [&str; 14] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "vfat", "exfat",
    "ntfs3", "overlay",
];

/// The last reading of each block device, and where local file systems are mounted.
#[derive(Debug)]
pub(super) struct Disks {
    mounts: Kept,
    stats: Kept,
    file_systems: Vec<PathBuf>,
    devices: Vec<(String, Counters)>,
}

#[derive(Debug, Clone, Copy)]
struct Counters {
    reads: u64,
    read_bytes: u64,
    writes: u64,
    write_bytes: u64,
    busy_ms: u64,
}

impl Disks {
    pub(super) fn new(roots: &Roots) -> Self {
        Self {
            mounts: Kept::with_long_lines(roots.proc.join("mounts")),
            stats: Kept::new(roots.proc.join("diskstats")),
            file_systems: Vec::new(),
            devices: Vec::new(),
        }
    }

    pub(super) fn read(
        &mut self,
        roots: &Roots,
        files: &mut Files,
        elapsed_ms: u64,
        out: &mut SampleBuilder,
    ) {
        if have_changed(&self.mounts) {
            self.file_systems = files
                .again(&mut self.mounts)
                .map(file_systems)
                .unwrap_or_default();
        }
        for mount in &self.file_systems {
            read_space(mount, out);
        }
        if let Some(text) = files.again(&mut self.stats) {
            let before = std::mem::take(&mut self.devices);
            self.devices = read_devices(text, before, roots, elapsed_ms, out);
        }
    }
}

fn read_devices(
    text: &str,
    before: Vec<(String, Counters)>,
    roots: &Roots,
    elapsed_ms: u64,
    out: &mut SampleBuilder,
) -> Vec<(String, Counters)> {
    let block = roots.sys.join("block");
    let mut devices = Vec::with_capacity(before.len());
    for (name, now) in text.lines().filter_map(Counters::parse).take(MAX_DEVICES) {
        let known = before.iter().find(|(known, _)| known == name);
        // A partition's load is its disk's.
        if known.is_none() && !block.join(name.replace('/', "!")).exists() {
            continue;
        }
        if let Some((_, before)) = known {
            now.push(before, name, elapsed_ms, out);
        }
        devices.push((name.to_owned(), now));
    }
    devices
}

/// Whether the mounts are others than when they were read last. The kernel tells so on the open file, and reading them
/// costs more than all of the rest, on a host with many containers.
fn have_changed(mounts: &Kept) -> bool {
    let Some(file) = mounts.file() else { return true };
    let asked = PollFlags::POLLPRI | PollFlags::POLLERR;
    let mut fds = [PollFd::new(file.as_fd(), asked)];
    poll(&mut fds, PollTimeout::ZERO) != Ok(0)
}

impl Counters {
    /// `major minor name reads merged sectors ms writes merged sectors ms in-flight busy-ms …`.
    fn parse(line: &str) -> Option<(&str, Self)> {
        let mut words = line.split_ascii_whitespace().skip(2);
        let name = words.next()?;
        if ["loop", "ram", "zram", "sr", "fd"].iter().any(|prefix| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        }) {
            return None;
        }
        let mut numbers = [0; 10];
        for number in &mut numbers {
            *number = words.next()?.parse().ok()?;
        }
        let counters = Self {
            reads: numbers[0],
            read_bytes: numbers[2].saturating_mul(SECTOR_BYTES),
            writes: numbers[4],
            write_bytes: numbers[6].saturating_mul(SECTOR_BYTES),
            busy_ms: numbers[9],
        };
        (counters.reads + counters.writes > 0).then_some((name, counters))
    }

    fn push(&self, before: &Self, name: &str, elapsed_ms: u64, out: &mut SampleBuilder) {
        let rates = [
            (Kind::DISKIO_READ_BYTES, self.read_bytes, before.read_bytes),
            (Kind::DISKIO_WRITE_BYTES, self.write_bytes, before.write_bytes),
            (Kind::DISKIO_READ_OPS, self.reads, before.reads),
            (Kind::DISKIO_WRITE_OPS, self.writes, before.writes),
        ];
        for (kind, now, before) in rates {
            if let Some(rate) = per_second(now, before, elapsed_ms) {
                out.push_instance(kind, name, rate);
            }
        }
        if let Some(busy_ms) = self.busy_ms.checked_sub(before.busy_ms) {
            out.push_instance(Kind::DISKIO_BUSY, name, basis_points(busy_ms, elapsed_ms));
        }
    }
}

/// Where local file systems are mounted, each device once.
fn file_systems(mounts: &str) -> Vec<PathBuf> {
    let mut devices: Vec<&str> = Vec::new();
    let mut found: Vec<PathBuf> = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let (Some(device), Some(mount), Some(kind)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        // Of overlays only the root counts: the others are containers'.
        if !LOCAL.contains(&kind) || (kind == "overlay" && mount != "/") || devices.contains(&device) {
            continue;
        }
        devices.push(device);
        let mount = unescape(mount);
        if !found.contains(&mount) {
            found.push(mount);
        }
        if found.len() == MAX_FILE_SYSTEMS {
            break;
        }
    }
    found
}

/// The kernel writes blanks and backslashes in mount points as `\040` and so on.
fn unescape(mount: &str) -> PathBuf {
    let bytes = mount.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let octal = (bytes[place] == b'\\')
            .then(|| mount.get(place + 1..place + 4))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(octal.unwrap_or(bytes[place]));
        place += if octal.is_some() { 4 } else { 1 };
    }
    std::ffi::OsString::from_vec(plain).into()
}

fn read_space(mount: &std::path::Path, out: &mut SampleBuilder) {
    let (Ok(stat), Some(name)) = (statvfs(mount), mount.to_str()) else {
        return;
    };
    let block = stat.fragment_size();
    let bytes = |blocks: u64| value(blocks.saturating_mul(block));
    if stat.blocks() == 0 {
        return;
    }
    out.push_instance(Kind::DISK_TOTAL, name, bytes(stat.blocks()));
    out.push_instance(
        Kind::DISK_USED,
        name,
        bytes(stat.blocks().saturating_sub(stat.blocks_free())),
    );
    out.push_instance(Kind::DISK_AVAILABLE, name, bytes(stat.blocks_available()));
    if stat.files() > 0 {
        out.push_instance(Kind::DISK_INODES_TOTAL, name, value(stat.files()));
        let used = stat.files().saturating_sub(stat.files_free());
        out.push_instance(Kind::DISK_INODES_USED, name, value(used));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_mounted_twice_counts_once_and_virtual_ones_do_not() {
        let mounts = "proc /proc proc rw 0 0\n/dev/vda / ext4 rw 0 0\n/dev/vda /work/docker ext4 rw 0 0\n\
            overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0\n/dev/sdb /mnt/with\\040blank xfs rw 0 0\n";
        assert_eq!(
            file_systems(mounts),
            [PathBuf::from("/"), PathBuf::from("/mnt/with blank")]
        );
    }
}

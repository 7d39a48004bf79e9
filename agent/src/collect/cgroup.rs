//! The cgroup files of both versions: which containers there are and what each has used.

use std::path::{Path, PathBuf};

use super::files::Files;

const MAX_CONTAINERS: usize = 512;
/// Where engines put their containers: by the cgroupfs driver, by the systemd driver, and other engines by systemd.
const PARENTS: [&str; 3] = ["docker", "system.slice", "machine.slice"];
const ID_CHARS: usize = 64;

/// Which files there are.
#[derive(Debug, Clone)]
pub(super) enum Cgroups {
    /// One hierarchy.
    V2 { root: PathBuf },
    /// A hierarchy for each controller.
    V1 {
        cpuacct: PathBuf,
        memory: PathBuf,
        blkio: PathBuf,
        pids: PathBuf,
    },
}

/// A container's cgroup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cgroup {
    /// The engine's id, 64 hexadecimal digits.
    pub(super) id: String,
    /// Path below the hierarchy's root.
    relative: PathBuf,
}

/// What a container has used and uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) cpu_ns: Option<u64>,
    pub(super) memory_used: Option<u64>,
    pub(super) memory_limit: Option<u64>,
    pub(super) read_bytes: Option<u64>,
    pub(super) write_bytes: Option<u64>,
    pub(super) pids: Option<u64>,
    /// One of its processes.
    pub(super) pid: Option<u32>,
}

impl Cgroups {
    /// Looks which version is in force at `root`.
    pub(super) fn at(root: &Path) -> Self {
        if root.join("cgroup.controllers").exists() {
            return Self::V2 { root: root.into() };
        }
        let first = |names: [&str; 2]| {
            let both = names.map(|name| root.join(name));
            both.iter().find(|path| path.exists()).unwrap_or(&both[0]).clone()
        };
        Self::V1 {
            cpuacct: first(["cpuacct", "cpu,cpuacct"]),
            memory: root.join("memory"),
            blkio: root.join("blkio"),
            pids: root.join("pids"),
        }
    }

    /// The containers that run, sorted by id.
    pub(super) fn list(&self) -> Vec<Cgroup> {
        let root = match self {
            Self::V2 { root } => root,
            Self::V1 { memory, cpuacct, .. } => {
                if memory.exists() {
                    memory
                } else {
                    cpuacct
                }
            }
        };
        let mut found: Vec<Cgroup> = PARENTS
            .iter()
            .flat_map(|parent| std::fs::read_dir(root.join(parent)).into_iter().flatten())
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let id = container_id(path.file_name()?.to_str()?)?.to_owned();
                let relative = path.strip_prefix(root).ok()?.to_owned();
                Some(Cgroup { id, relative })
            })
            .take(MAX_CONTAINERS)
            .collect();
        found.sort();
        found
    }

    /// What a container has used.
    pub(super) fn usage(&self, cgroup: &Cgroup, files: &mut Files) -> Usage {
        match self {
            Self::V2 { root } => usage_v2(&root.join(&cgroup.relative), files),
            Self::V1 {
                cpuacct,
                memory,
                blkio,
                pids,
            } => {
                let [cpuacct, memory, blkio, pids] =
                    [cpuacct, memory, blkio, pids].map(|root| root.join(&cgroup.relative));
                usage_v1(&cpuacct, &memory, &blkio, &pids, files)
            }
        }
    }
}

/// `<id>` or `docker-<id>.scope`.
fn container_id(name: &str) -> Option<&str> {
    let id = name
        .strip_suffix(".scope")
        .and_then(|name| name.rsplit_once('-'))
        .map_or(name, |(_, id)| id);
    let is_id = id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(id)
}

fn usage_v2(path: &Path, files: &mut Files) -> Usage {
    let used = files.number(&path.join("memory.current"));
    let droppable = files.field(&path.join("memory.stat"), "inactive_file");
    let (read_bytes, write_bytes) = files.read(&path.join("io.stat")).map(io_stat).unzip();
    Usage {
        cpu_ns: files
            .field(&path.join("cpu.stat"), "usage_usec")
            .map(|us| us.saturating_mul(1_000)),
        memory_used: used.map(|used| used.saturating_sub(droppable.unwrap_or(0))),
        // `max` is not a number.
        memory_limit: files.number(&path.join("memory.max")),
        read_bytes,
        write_bytes,
        pids: files.number(&path.join("pids.current")),
        pid: first_pid(path, files),
    }
}

fn usage_v1(cpuacct: &Path, memory: &Path, blkio: &Path, pids: &Path, files: &mut Files) -> Usage {
    let used = files.number(&memory.join("memory.usage_in_bytes"));
    let droppable = files.field(&memory.join("memory.stat"), "total_inactive_file");
    let (read_bytes, write_bytes) = files
        .read(&blkio.join("blkio.throttle.io_service_bytes"))
        .map(io_service_bytes)
        .unzip();
    Usage {
        cpu_ns: files.number(&cpuacct.join("cpuacct.usage")),
        memory_used: used.map(|used| used.saturating_sub(droppable.unwrap_or(0))),
        // No limit is the largest number of pages.
        memory_limit: files
            .number(&memory.join("memory.limit_in_bytes"))
            .filter(|limit| *limit < 1 << 60),
        read_bytes,
        write_bytes,
        pids: files.number(&pids.join("pids.current")),
        pid: first_pid(memory, files).or_else(|| first_pid(cpuacct, files)),
    }
}

fn first_pid(path: &Path, files: &mut Files) -> Option<u32> {
    // Process 0 is one that is not visible from here.
    let text = files.read_up_to(&path.join("cgroup.procs"), 16)?;
    text.lines().next()?.parse().ok().filter(|pid| *pid != 0)
}

/// `8:0 rbytes=1 wbytes=2 rios=…`, a line for each device.
fn io_stat(text: &str) -> (u64, u64) {
    let sum = |field: &str| {
        text.split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix(field)?.parse::<u64>().ok())
            .sum()
    };
    (sum("rbytes="), sum("wbytes="))
}

/// `8:0 Read 1`, `8:0 Write 2` and more, for each device.
fn io_service_bytes(text: &str) -> (u64, u64) {
    let sum = |operation: &str| {
        text.lines()
            .filter_map(|line| {
                let mut words = line.split(' ').skip(1);
                (words.next()? == operation).then(|| words.next()?.parse::<u64>().ok())?
            })
            .sum()
    };
    (sum("Read"), sum("Write"))
}

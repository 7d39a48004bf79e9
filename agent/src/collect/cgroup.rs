//! The cgroup files of both versions: which containers there are and what each has used.

use std::path::{Path, PathBuf};

use super::files::{Files, Kept};

const MAX_CONTAINERS: usize = 512;
/// Where engines put their containers: by the cgroupfs driver, by the systemd driver, and other engines by systemd.
const PARENTS: [&str; 3] = ["docker", "system.slice", "machine.slice"];
const ID_CHARS: usize = 64;
/// The file that lists a cgroup's processes.
const PROCESSES: &str = "cgroup.procs";

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

    /// Where to read what a container has used.
    pub(super) fn files(&self, cgroup: &Cgroup) -> CgroupFiles {
        let (is_v2, [cpu, memory, io, pids]) = match self {
            Self::V2 { root } => (true, [root, root, root, root]),
            Self::V1 {
                cpuacct,
                memory,
                blkio,
                pids,
            } => (false, [cpuacct, memory, blkio, pids]),
        };
        let kept =
            |root: &Path, v2, v1| Kept::new(root.join(&cgroup.relative).join(if is_v2 { v2 } else { v1 }));
        CgroupFiles {
            is_v2,
            cpu: kept(cpu, "cpu.stat", "cpuacct.usage"),
            memory_used: kept(memory, "memory.current", "memory.usage_in_bytes"),
            memory_stat: kept(memory, "memory.stat", "memory.stat"),
            memory_limit: kept(memory, "memory.max", "memory.limit_in_bytes"),
            io: kept(io, "io.stat", "blkio.throttle.io_service_bytes"),
            pids: kept(pids, "pids.current", "pids.current"),
            processes: kept(memory, PROCESSES, PROCESSES),
            processes_by_cpu: kept(cpu, PROCESSES, PROCESSES),
        }
    }
}

/// A container's files, open while it runs: a cgroup goes when it is removed, whoever has its files open.
#[derive(Debug)]
pub(super) struct CgroupFiles {
    is_v2: bool,
    cpu: Kept,
    memory_used: Kept,
    memory_stat: Kept,
    memory_limit: Kept,
    io: Kept,
    pids: Kept,
    processes: Kept,
    /// The same where there is no hierarchy for memory.
    processes_by_cpu: Kept,
}

impl CgroupFiles {
    /// What the container has used.
    pub(super) fn usage(&mut self, files: &mut Files) -> Usage {
        let droppable = if self.is_v2 {
            "inactive_file"
        } else {
            "total_inactive_file"
        };
        let used = files.number(&mut self.memory_used);
        let droppable = files.field(&mut self.memory_stat, droppable);
        let io = files.again(&mut self.io);
        let (read_bytes, write_bytes) = if self.is_v2 {
            io.map(io_stat).unzip()
        } else {
            io.map(io_service_bytes).unzip()
        };
        let cpu_ns = if self.is_v2 {
            let us = files.field(&mut self.cpu, "usage_usec");
            us.map(|us| us.saturating_mul(1_000))
        } else {
            files.number(&mut self.cpu)
        };
        Usage {
            cpu_ns,
            memory_used: used.map(|used| used.saturating_sub(droppable.unwrap_or(0))),
            // No limit is `max`, or the largest number of pages.
            memory_limit: files
                .number(&mut self.memory_limit)
                .filter(|limit| self.is_v2 || *limit < 1 << 60),
            read_bytes,
            write_bytes,
            pids: files.number(&mut self.pids),
            pid: first_pid(&mut self.processes, files)
                .or_else(|| first_pid(&mut self.processes_by_cpu, files)),
        }
    }

    /// The container is gone.
    pub(super) fn close(&mut self, files: &mut Files) {
        let Self {
            is_v2: _,
            cpu,
            memory_used,
            memory_stat,
            memory_limit,
            io,
            pids,
            processes,
            processes_by_cpu,
        } = self;
        for kept in [
            cpu,
            memory_used,
            memory_stat,
            memory_limit,
            io,
            pids,
            processes,
            processes_by_cpu,
        ] {
            files.close(kept);
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

fn first_pid(processes: &mut Kept, files: &mut Files) -> Option<u32> {
    // Process 0 is one that is not visible from here.
    let text = files.again_up_to(processes, 16)?;
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

//! One reading of everything.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use muster_base::UnixMs;
use muster_metrics::{Sample, SampleBuilder};

use super::{
    ContainerDirectory, container::Containers, cpu::Cpu, disk::Disks, files::Files, memory::Memory,
    net::Network,
};

/// Where the kernel's files are; elsewhere in tests.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/proc`
    pub proc: PathBuf,
    /// `/sys`
    pub sys: PathBuf,
    /// `/sys/fs/cgroup`
    pub cgroup: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            sys: "/sys".into(),
            cgroup: "/sys/fs/cgroup".into(),
        }
    }
}

/// Takes samples, remembering the counters of the last one.
#[derive(Debug)]
pub struct Collector {
    roots: Roots,
    files: Files,
    builder: SampleBuilder,
    read_at: Option<Instant>,
    cpu: Cpu,
    memory: Memory,
    disks: Disks,
    network: Network,
    containers: Containers,
}

impl Collector {
    /// A collector that has read nothing yet.
    pub fn new(roots: Roots, directory: ContainerDirectory) -> Self {
        Self {
            containers: Containers::new(roots.cgroup.clone(), roots.proc.clone(), directory),
            cpu: Cpu::new(&roots.proc),
            memory: Memory::new(&roots.proc),
            disks: Disks::new(&roots),
            network: Network::new(&roots.proc),
            roots,
            files: Files::default(),
            builder: SampleBuilder::default(),
            read_at: None,
        }
    }

    /// Reads everything; `None` the first time, when there is nothing yet that rates could be reckoned from.
    pub fn sample(&mut self, at: UnixMs) -> Option<Sample> {
        // Rates are per real second: the clock of the time stamp may be a fast one.
        let now = Instant::now();
        let elapsed = self.read_at.replace(now).map(|before| now - before);
        let sample = self.sample_after(at, elapsed.unwrap_or_default());
        elapsed.map(|_| sample)
    }

    /// Reads everything, `elapsed` after the reading before.
    pub(super) fn sample_after(&mut self, at: UnixMs, elapsed: Duration) -> Sample {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let Self {
            roots,
            files,
            builder,
            ..
        } = self;
        builder.subject("");
        self.cpu.read(files, builder);
        self.memory.read(files, builder);
        self.disks.read(roots, files, elapsed_ms, builder);
        self.network.read(files, elapsed_ms, builder);
        self.containers
            .read(self.network.interfaces(), files, elapsed_ms, builder);
        builder.finish(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_readings_after_the_second_look() {
        let mut collector = Collector::new(Roots::default(), ContainerDirectory::default());
        assert!(collector.sample(UnixMs(0)).is_none());
        let sample = collector.sample(UnixMs(1)).unwrap();
        for name in [
            "cpu.total",
            "cpu.core.0",
            "load.1",
            "memory.used",
            "disk./.used",
            "tcp.inUse",
        ] {
            let value = sample.host_value(&name.parse().unwrap());
            assert!(value.is_some_and(|value| value >= 0), "{name}: {value:?}");
        }
    }
}

//! The containers' part of a sample.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use muster_metrics::{Kind, SampleBuilder};
use muster_protocol::latest::{ContainerFacts, ContainerHealth, ContainerState};

use super::{
    ContainerDirectory,
    cgroup::{CgroupFiles, Cgroups, Usage},
    files::{Files, per_second, value},
    net,
};

/// For so many samples a new container waits for its name before it goes by its id.
const PATIENCE: u32 = 6;
const SHORT_ID_CHARS: usize = 12;

/// The last reading of each container.
#[derive(Debug)]
pub(super) struct Containers {
    cgroups: Cgroups,
    proc: PathBuf,
    directory: ContainerDirectory,
    /// Those that run, by id.
    running: BTreeMap<String, Running>,
}

#[derive(Debug)]
struct Running {
    files: CgroupFiles,
    /// How often it was seen before.
    samples: u32,
    now: Seen,
    before: Option<Seen>,
    /// It was among those that run now.
    is_there: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    usage: Usage,
    traffic: Option<(u64, u64)>,
}

impl Containers {
    pub(super) fn new(cgroup: PathBuf, proc: PathBuf, directory: ContainerDirectory) -> Self {
        Self {
            cgroups: Cgroups::at(&cgroup),
            proc,
            directory,
            running: BTreeMap::new(),
        }
    }

    pub(super) fn read<'a>(
        &mut self,
        host_interfaces: impl Iterator<Item = &'a str> + Clone,
        files: &mut Files,
        elapsed_ms: u64,
        out: &mut SampleBuilder,
    ) {
        let mut changed = false;
        for cgroup in self.cgroups.list() {
            let known = self.running.get_mut(&cgroup.id);
            if let Some(running) = known {
                let before = std::mem::take(&mut running.now);
                running.look(&self.proc, host_interfaces.clone(), files);
                // Somebody gave it another limit.
                if running.now.usage.memory_limit != before.usage.memory_limit {
                    self.directory.doubt();
                }
                running.before = Some(before);
                running.samples = running.samples.saturating_add(1);
            } else {
                changed = true;
                let mut running = Running {
                    files: self.cgroups.files(&cgroup),
                    samples: 0,
                    now: Seen::default(),
                    before: None,
                    is_there: false,
                };
                running.look(&self.proc, host_interfaces.clone(), files);
                self.running.insert(cgroup.id, running);
            }
        }
        self.running.retain(|_, running| {
            let is_there = std::mem::take(&mut running.is_there);
            if !is_there {
                running.files.close(files);
                changed = true;
            }
            is_there
        });
        if changed {
            self.directory.want();
        }
        self.push(elapsed_ms, out);
    }

    fn push(&self, elapsed_ms: u64, out: &mut SampleBuilder) {
        let facts = self.directory.facts();
        let facts = facts.as_deref().unwrap_or_default();
        for fact in facts {
            out.subject(&fact.name);
            if let Some(running) = self.running.get(&fact.id) {
                running.push(elapsed_ms, out);
            }
            push_facts(fact, out);
        }
        for (id, running) in &self.running {
            if running.samples >= PATIENCE && facts.iter().all(|fact| fact.id != *id) {
                out.subject(&id[..SHORT_ID_CHARS]);
                running.push(elapsed_ms, out);
            }
        }
    }
}

impl Running {
    fn look<'a>(
        &mut self,
        proc: &Path,
        host_interfaces: impl Iterator<Item = &'a str> + Clone,
        files: &mut Files,
    ) {
        let usage = self.files.usage(files);
        let traffic = usage
            .pid
            .and_then(|pid| traffic(proc, pid, host_interfaces, files));
        self.now = Seen { usage, traffic };
        self.is_there = true;
    }

    fn push(&self, elapsed_ms: u64, out: &mut SampleBuilder) {
        let old = self.before.as_ref();
        let (now, before) = (&self.now.usage, old.map(|old| &old.usage));
        let rate = |now: Option<u64>, before: Option<Option<u64>>| per_second(now?, before??, elapsed_ms);
        let gauges = [
            (Kind::CONTAINER_MEMORY_USED, now.memory_used),
            (Kind::CONTAINER_MEMORY_LIMIT, now.memory_limit),
            (Kind::CONTAINER_PIDS, now.pids),
        ];
        // 10^9 ns in a second are 100 %, so 10^5 ns are a hundredth of a percent.
        let cpu = rate(now.cpu_ns, before.map(|before| before.cpu_ns)).map(|ns| ns / 100_000);
        let traffic = |seen: &Seen| seen.traffic.unzip();
        let ((rx, tx), old_traffic) = (traffic(&self.now), old.map(traffic));
        let rates = [
            (Kind::CONTAINER_CPU, cpu),
            (
                Kind::CONTAINER_NET_RX_BYTES,
                rate(rx, old_traffic.map(|old| old.0)),
            ),
            (
                Kind::CONTAINER_NET_TX_BYTES,
                rate(tx, old_traffic.map(|old| old.1)),
            ),
            (
                Kind::CONTAINER_IO_READ_BYTES,
                rate(now.read_bytes, before.map(|before| before.read_bytes)),
            ),
            (
                Kind::CONTAINER_IO_WRITE_BYTES,
                rate(now.write_bytes, before.map(|before| before.write_bytes)),
            ),
        ];
        for (kind, number) in gauges {
            if let Some(number) = number {
                out.push(kind, value(number));
            }
        }
        for (kind, rate) in rates {
            if let Some(rate) = rate {
                out.push(kind, rate);
            }
        }
    }
}

/// Bytes received and sent on a container's own interfaces; `None` if it uses the host's.
fn traffic<'a>(
    proc: &Path,
    pid: u32,
    host_interfaces: impl Iterator<Item = &'a str> + Clone,
    files: &mut Files,
) -> Option<(u64, u64)> {
    let text = files.read(&proc.join(pid.to_string()).join("net/dev"))?;
    let own = || net::interfaces(text).filter(|(name, _)| !name.starts_with("veth"));
    if own().next().is_some() && own().map(|(name, _)| name).eq(host_interfaces) {
        return None;
    }
    Some(own().fold((0, 0), |(rx, tx), (_, counters)| {
        (rx + counters.rx_bytes, tx + counters.tx_bytes)
    }))
}

fn push_facts(fact: &ContainerFacts, out: &mut SampleBuilder) {
    let state = match fact.state {
        ContainerState::Created => 0,
        ContainerState::Running => 1,
        ContainerState::Paused => 2,
        ContainerState::Restarting => 3,
        ContainerState::Removing => 4,
        ContainerState::Exited => 5,
        ContainerState::Dead => 6,
    };
    let health = match fact.health {
        ContainerHealth::None => 0,
        ContainerHealth::Starting => 1,
        ContainerHealth::Healthy => 2,
        ContainerHealth::Unhealthy => 3,
    };
    out.push(Kind::CONTAINER_RESTARTS, i64::from(fact.restarts));
    out.push(Kind::CONTAINER_STATE, state);
    out.push(Kind::CONTAINER_HEALTH, health);
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use muster_base::UnixMs;
    use muster_metrics::{Sample, Subject};
    use tempfile::TempDir;

    use super::*;
    use crate::collect::{Collector, Roots};

    const ID: &str = "4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4";
    const MIB: u64 = 1 << 20;

    /// A host with one container, in both of which everything grows with `step`.
    struct Fixture {
        dir: TempDir,
        v2: bool,
    }

    impl Fixture {
        fn new(v2: bool) -> Self {
            let fixture = Self {
                dir: tempfile::tempdir().unwrap(),
                v2,
            };
            fixture.step(0);
            fixture
        }

        fn roots(&self) -> Roots {
            let root = self.dir.path();
            Roots {
                proc: root.join("proc"),
                sys: root.join("sys"),
                cgroup: root.join("sys/fs/cgroup"),
            }
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn step(&self, step: u64) {
            let host = format!(
                "head\nhead\n  eth0: {0} 1 0 0 0 0 0 0 {0} 1 0 0 0 0 0 0\n",
                9_000 * step
            );
            let own = format!(
                "head\nhead\n    lo: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n  eth0: {} 1 0 0 0 0 0 0 {} 1 0 0 0 0 0 0\n eth1: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
                1_000 * step,
                2_000 * step
            );
            self.write("proc/net/dev", &host);
            self.write("proc/4711/net/dev", &own);
            let (read, written) = (step * 4_096 * 10, step * 8_192 * 10);
            if self.v2 {
                let at = |file: &str| format!("sys/fs/cgroup/system.slice/docker-{ID}.scope/{file}");
                self.write("sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n");
                self.write(
                    &at("cpu.stat"),
                    &format!("usage_usec {}\nuser_usec 1\n", step * 2_500_000),
                );
                self.write(&at("memory.current"), &format!("{}\n", 60 * MIB));
                self.write(
                    &at("memory.stat"),
                    &format!("anon 1\ninactive_file {}\n", 10 * MIB),
                );
                self.write(&at("memory.max"), "max\n");
                self.write(
                    &at("io.stat"),
                    &format!("8:0 rbytes={read} wbytes=0 rios=1\n8:16 rbytes=0 wbytes={written} rios=0\n"),
                );
                self.write(&at("pids.current"), "3\n");
                self.write(&at("cgroup.procs"), "4711\n4712\n");
            } else {
                let at =
                    |controller: &str, file: &str| format!("sys/fs/cgroup/{controller}/docker/{ID}/{file}");
                self.write(
                    &at("cpu,cpuacct", "cpuacct.usage"),
                    &format!("{}\n", step * 2_500_000_000),
                );
                self.write(&at("memory", "memory.usage_in_bytes"), &format!("{}\n", 60 * MIB));
                self.write(
                    &at("memory", "memory.stat"),
                    &format!("inactive_file 5\ntotal_inactive_file {}\n", 10 * MIB),
                );
                self.write(&at("memory", "memory.limit_in_bytes"), "9223372036854771712\n");
                self.write(
                    &at("blkio", "blkio.throttle.io_service_bytes"),
                    &format!("8:0 Read {read}\n8:0 Write 0\n8:16 Read 0\n8:16 Write {written}\nTotal 9\n"),
                );
                self.write(&at("pids", "pids.current"), "3\n");
                self.write(&at("memory", "cgroup.procs"), "4711\n");
            }
        }
    }

    fn fact(id: &str, name: &str, state: ContainerState) -> ContainerFacts {
        ContainerFacts {
            id: id.into(),
            name: name.into(),
            image: "web:1".into(),
            image_id: "sha256:0".into(),
            state,
            health: ContainerHealth::Healthy,
            restarts: 2,
            created_at: UnixMs(0),
            started_at: None,
            labels: Vec::new(),
            memory_limit_bytes: None,
        }
    }

    fn of_container(sample: &Sample, name: &str) -> Vec<(String, i64)> {
        let subject = Subject::from_name(name);
        sample
            .iter()
            .filter(|(whose, ..)| **whose == subject)
            .map(|(_, series, value)| (series.to_string(), value))
            .collect()
    }

    fn numbers_are_read(v2: bool) {
        let fixture = Fixture::new(v2);
        let directory = ContainerDirectory::default();
        directory.set(vec![
            fact(ID, "web", ContainerState::Running),
            fact("0", "batch", ContainerState::Exited),
        ]);
        let mut collector = Collector::new(fixture.roots(), directory);
        collector.sample_after(UnixMs(0), Duration::ZERO);
        fixture.step(1);
        let sample = collector.sample_after(UnixMs(10_000), Duration::from_secs(10));
        let expected = [
            ("container.memory.used", 50 * 1_048_576),
            ("container.pids", 3),
            ("container.cpu", 2_500),
            ("container.net.rxBytes", 100),
            ("container.net.txBytes", 200),
            ("container.io.readBytes", 4_096),
            ("container.io.writeBytes", 8_192),
            ("container.restarts", 2),
            ("container.state", 1),
            ("container.health", 2),
        ];
        assert_eq!(
            of_container(&sample, "web"),
            expected.map(|(name, value)| (name.to_owned(), value))
        );
        assert_eq!(
            of_container(&sample, "batch").len(),
            3,
            "only what the engine says of it"
        );
    }

    #[test]
    fn numbers_are_read_from_version_1() {
        numbers_are_read(false);
    }

    #[test]
    fn numbers_are_read_from_version_2() {
        numbers_are_read(true);
    }

    #[test]
    fn a_container_on_the_host_s_network_has_no_traffic_of_its_own() {
        let fixture = Fixture::new(true);
        let host = fs::read_to_string(fixture.dir.path().join("proc/net/dev")).unwrap();
        fixture.write("proc/4711/net/dev", &host);
        let interfaces = ["eth0"].into_iter();
        let traffic = traffic(&fixture.roots().proc, 4711, interfaces, &mut Files::default());
        assert_eq!(traffic, None);
    }

    #[test]
    fn a_container_that_nobody_names_goes_by_its_id_after_a_while() {
        let fixture = Fixture::new(true);
        let mut collector = Collector::new(fixture.roots(), ContainerDirectory::default());
        let mut seen = Vec::new();
        for _ in 0..=PATIENCE {
            let sample = collector.sample_after(UnixMs(0), Duration::from_secs(10));
            seen.push(!of_container(&sample, &ID[..SHORT_ID_CHARS]).is_empty());
        }
        let patience = usize::try_from(PATIENCE).unwrap();
        assert!(seen[..patience].iter().all(|named| !named) && seen[patience]);
    }

    #[tokio::test]
    async fn the_engine_is_wanted_when_a_container_comes_or_goes() {
        let fixture = Fixture::new(true);
        let directory = ContainerDirectory::default();
        let mut collector = Collector::new(fixture.roots(), directory.clone());
        collector.sample_after(UnixMs(0), Duration::ZERO);
        directory.wanted().await;
        fs::remove_dir_all(fixture.dir.path().join("sys/fs/cgroup/system.slice")).unwrap();
        collector.sample_after(UnixMs(1), Duration::from_secs(1));
        directory.wanted().await;
    }
}

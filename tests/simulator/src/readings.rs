//! Readings that wander like a real host's: some forty integers, most of which change a little between two samples,
//! some never, and a few all the time.

use muster_base::UnixMs;
use muster_metrics::{Kind, Sample, SampleBuilder};

const CORES: usize = 4;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
/// Steps of the counters of whole pages and blocks.
const PAGE: f64 = 4_096.0;

/// One host's readings. The same seed gives the same readings.
#[derive(Debug)]
pub struct Readings {
    random: Random,
    builder: SampleBuilder,
    memory_total: f64,
    disk_total: f64,
    disk_used: f64,
    cores: [Walk; CORES],
    load: [f64; 3],
    memory: Walk,
    cached: Walk,
    disk_write: Walk,
    disk_read: Walk,
    receive: Walk,
    send: Walk,
    connections: Walk,
    processes: Walk,
}

impl Readings {
    /// A host of its own.
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let memory_total = [4.0, 8.0, 16.0, 64.0][random.below(4)] * GIB;
        let disk_total = [40.0, 100.0, 500.0][random.below(3)] * GIB;
        let busy = 200.0 + 3_000.0 * random.unit();
        let traffic = 20_000.0 + 2_000_000.0 * random.unit();
        Self {
            builder: SampleBuilder::default(),
            memory_total,
            disk_total,
            disk_used: disk_total * (0.2 + 0.5 * random.unit()),
            cores: std::array::from_fn(|_| Walk::new(busy, 0.4)),
            load: [0.5; 3],
            memory: Walk::new(memory_total * (0.3 + 0.4 * random.unit()), 0.004),
            cached: Walk::new(memory_total * 0.2, 0.002),
            disk_write: Walk::new(150_000.0 * (0.2 + random.unit()), 0.9),
            disk_read: Walk::new(4_000.0 * random.unit(), 2.0),
            receive: Walk::new(traffic, 0.35),
            send: Walk::new(traffic * 0.7, 0.35),
            connections: Walk::new(20.0 + 200.0 * random.unit(), 0.05),
            processes: Walk::new(150.0 + 300.0 * random.unit(), 0.01),
            random,
        }
    }

    /// The readings at this time. Each call is one step further.
    pub fn sample(&mut self, at: UnixMs) -> Sample {
        self.builder.subject("");
        self.processor();
        self.memory();
        self.disk();
        self.network();
        self.builder.finish(at)
    }

    fn processor(&mut self) {
        let random = &mut self.random;
        let cores: [f64; CORES] =
            std::array::from_fn(|core| self.cores[core].step(random).clamp(0.0, 10_000.0).round());
        let total = cores.iter().sum::<f64>() / CORES as f64;
        let waiting = if random.unit() < 0.2 {
            random.unit() * 60.0
        } else {
            0.0
        };
        for (average, weight) in self.load.iter_mut().zip([0.15, 0.033, 0.011]) {
            *average += weight * (total / 10_000.0 * CORES as f64 + 0.1 * random.unit() - *average);
        }
        let push = &mut self.builder;
        push.push(Kind::CPU_TOTAL, whole(total));
        push.push(Kind::CPU_USER, whole(total * 0.7));
        push.push(Kind::CPU_SYSTEM, whole(total) - whole(total * 0.7));
        push.push(Kind::CPU_IOWAIT, whole(waiting));
        push.push(Kind::CPU_STEAL, 0);
        for (core, busy) in cores.iter().enumerate() {
            push.push_instance(Kind::CPU_CORE, ["0", "1", "2", "3"][core], whole(*busy));
        }
        for (kind, load) in [Kind::LOAD_1, Kind::LOAD_5, Kind::LOAD_15]
            .into_iter()
            .zip(self.load)
        {
            push.push(kind, whole(load * 100.0));
        }
    }

    fn memory(&mut self) {
        let used = paged(self.memory.step(&mut self.random).min(self.memory_total * 0.95));
        let cached = paged(self.cached.step(&mut self.random).min(self.memory_total * 0.4));
        let push = &mut self.builder;
        push.push(Kind::MEMORY_TOTAL, whole(self.memory_total));
        push.push(Kind::MEMORY_USED, used);
        push.push(Kind::MEMORY_AVAILABLE, whole(self.memory_total) - used);
        push.push(Kind::MEMORY_CACHED, cached);
        push.push(Kind::MEMORY_BUFFERS, paged(self.memory_total / 100.0));
        push.push(Kind::SWAP_TOTAL, 0);
        push.push(Kind::SWAP_USED, 0);
    }

    fn disk(&mut self) {
        let written = self.disk_write.step(&mut self.random);
        let read = if self.random.unit() < 0.7 {
            0.0
        } else {
            self.disk_read.step(&mut self.random)
        };
        // Logs and data grow slowly, and are cleaned up when there is not much left.
        self.disk_used += written * 0.1;
        if self.disk_used > self.disk_total * 0.9 {
            self.disk_used *= 0.7;
        }
        let (total, used) = (whole(self.disk_total), paged(self.disk_used));
        let push = &mut self.builder;
        push.push_instance(Kind::DISK_TOTAL, "/", total);
        push.push_instance(Kind::DISK_USED, "/", used);
        push.push_instance(Kind::DISK_AVAILABLE, "/", total - used - total / 20);
        push.push_instance(Kind::DISK_INODES_TOTAL, "/", total / 16_384);
        push.push_instance(Kind::DISK_INODES_USED, "/", used / 60_000);
        push.push_instance(Kind::DISKIO_READ_BYTES, "sda", paged(read));
        push.push_instance(Kind::DISKIO_WRITE_BYTES, "sda", paged(written));
        push.push_instance(Kind::DISKIO_READ_OPS, "sda", whole(read / 16_384.0));
        push.push_instance(Kind::DISKIO_WRITE_OPS, "sda", whole(written / 12_000.0));
        push.push_instance(Kind::DISKIO_BUSY, "sda", whole(written / 4_000.0));
    }

    fn network(&mut self) {
        let receive = self.receive.step(&mut self.random);
        let send = self.send.step(&mut self.random);
        let connections = whole(self.connections.step(&mut self.random));
        let processes = whole(self.processes.step(&mut self.random));
        let [waiting, retransmitted, running] =
            [40, 3, 4].map(|most| i64::try_from(self.random.below(most)).unwrap_or_default());
        let push = &mut self.builder;
        push.push_instance(Kind::NET_RX_BYTES, "eth0", whole(receive));
        push.push_instance(Kind::NET_TX_BYTES, "eth0", whole(send));
        push.push_instance(Kind::NET_RX_PACKETS, "eth0", whole(receive / 700.0));
        push.push_instance(Kind::NET_TX_PACKETS, "eth0", whole(send / 900.0));
        for kind in [
            Kind::NET_RX_ERRORS,
            Kind::NET_TX_ERRORS,
            Kind::NET_RX_DROPS,
            Kind::NET_TX_DROPS,
        ] {
            push.push_instance(kind, "eth0", 0);
        }
        push.push(Kind::TCP_ESTABLISHED, connections);
        push.push(Kind::TCP_TIME_WAIT, waiting);
        push.push(Kind::TCP_IN_USE, connections + 12);
        push.push(Kind::TCP_ORPHAN, 0);
        push.push(Kind::TCP_RETRANSMITS, retransmitted);
        push.push(Kind::PROCESS_TOTAL, processes);
        push.push(Kind::PROCESS_RUNNING, running + 1);
    }
}

/// A value that is drawn back to its mean and pushed off it again, by a share of the mean each step.
#[derive(Debug)]
struct Walk {
    mean: f64,
    push: f64,
    value: f64,
}

impl Walk {
    const PULL: f64 = 0.1;

    fn new(mean: f64, push: f64) -> Self {
        Self {
            mean,
            push,
            value: mean,
        }
    }

    fn step(&mut self, random: &mut Random) -> f64 {
        let push = self.mean * self.push * random.centred();
        self.value = (self.value + Self::PULL * (self.mean - self.value) + push).max(0.0);
        self.value
    }
}

/// SplitMix64: small, and the same on every machine.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From -1 to 1, mostly near 0.
    fn centred(&mut self) -> f64 {
        (self.unit() + self.unit() + self.unit()) / 1.5 - 1.0
    }

    fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(1).max(1);
        usize::try_from(self.next() % count).unwrap_or_default()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "readings are far below 2^53")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

fn paged(value: f64) -> i64 {
    whole((value / PAGE).round() * PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_s_readings_are_always_the_same_and_others_differ() {
        let series = |seed| {
            let mut readings = Readings::new(seed);
            (0..50).map(|n| readings.sample(UnixMs(n))).collect::<Vec<_>>()
        };
        assert_eq!(series(7), series(7));
        assert_ne!(series(7)[49].values, series(8)[49].values);
    }

    #[test]
    fn some_forty_values_of_which_about_half_change() {
        let mut readings = Readings::new(1);
        let (before, after) = (readings.sample(UnixMs(0)), readings.sample(UnixMs(1)));
        assert_eq!(before.layout, after.layout);
        let changed = before
            .values
            .iter()
            .zip(&after.values)
            .filter(|(a, b)| a != b)
            .count();
        assert!(
            (40..50).contains(&after.values.len()),
            "{} values",
            after.values.len()
        );
        assert!((10..35).contains(&changed), "{changed} values changed");
    }
}

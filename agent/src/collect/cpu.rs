//! Processor time and load.

use std::path::Path;

use muster_metrics::{Kind, SampleBuilder};

use super::files::{Files, Kept, basis_points, value};

const MAX_CORES: usize = 1_024;

/// Ticks of `/proc/stat`, by what they were spent on.
#[derive(Debug, Clone, Copy, Default)]
struct Ticks {
    user: u64,
    system: u64,
    idle: u64,
    iowait: u64,
    steal: u64,
}

/// The last reading: all cores together, then each with its number.
#[derive(Debug)]
pub(super) struct Cpu {
    stat: Kept,
    load: Kept,
    all: Option<Ticks>,
    cores: Vec<(u32, Ticks)>,
}

impl Cpu {
    pub(super) fn new(proc: &Path) -> Self {
        Self {
            stat: Kept::new(proc.join("stat")),
            load: Kept::new(proc.join("loadavg")),
            all: None,
            cores: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, files: &mut Files, out: &mut SampleBuilder) {
        if let Some(text) = files.again(&mut self.stat) {
            self.read_stat(text, out);
        }
        if let Some(text) = files.again(&mut self.load) {
            read_load(text, out);
        }
    }

    fn read_stat(&mut self, text: &str, out: &mut SampleBuilder) {
        let mut place = 0;
        for line in text.lines().take(MAX_CORES + 1) {
            let Some((name, ticks)) = line.strip_prefix("cpu").and_then(|rest| rest.split_once(' ')) else {
                break;
            };
            let now = Ticks::parse(ticks);
            if name.is_empty() {
                if let Some(spent) = self.all.replace(now).map(|before| now.since(before)) {
                    let total = spent.total();
                    out.push(Kind::CPU_TOTAL, basis_points(spent.busy(), total));
                    out.push(Kind::CPU_USER, basis_points(spent.user, total));
                    out.push(Kind::CPU_SYSTEM, basis_points(spent.system, total));
                    out.push(Kind::CPU_IOWAIT, basis_points(spent.iowait, total));
                    out.push(Kind::CPU_STEAL, basis_points(spent.steal, total));
                }
                continue;
            }
            let Ok(core) = name.parse() else { continue };
            match self.cores.get_mut(place) {
                Some((known, before)) if *known == core => {
                    let spent = now.since(std::mem::replace(before, now));
                    out.push_instance(Kind::CPU_CORE, name, basis_points(spent.busy(), spent.total()));
                }
                // A core came or went: what follows starts anew.
                _ => {
                    self.cores.truncate(place);
                    self.cores.push((core, now));
                }
            }
            place += 1;
        }
        self.cores.truncate(place);
    }
}

impl Ticks {
    /// `user nice system idle iowait irq softirq steal guest guest_nice`; guests are counted in user and nice already.
    fn parse(text: &str) -> Self {
        let mut numbers = text
            .split_ascii_whitespace()
            .map(|word| word.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let (user, nice, system, idle, iowait, irq, softirq, steal) =
            (next(), next(), next(), next(), next(), next(), next(), next());
        Self {
            user: user + nice,
            system: system + irq + softirq,
            idle,
            iowait,
            steal,
        }
    }

    /// Single counters may go backwards by a tick: the kernel says so of iowait.
    const fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            idle: self.idle.saturating_sub(before.idle),
            iowait: self.iowait.saturating_sub(before.iowait),
            steal: self.steal.saturating_sub(before.steal),
        }
    }

    const fn busy(self) -> u64 {
        self.user + self.system + self.steal
    }

    const fn total(self) -> u64 {
        self.busy() + self.idle + self.iowait
    }
}

/// `0.52 0.58 0.59 2/613 12345`: three averages, running/all.
fn read_load(text: &str, out: &mut SampleBuilder) {
    let mut words = text.split_ascii_whitespace();
    for kind in [Kind::LOAD_1, Kind::LOAD_5, Kind::LOAD_15] {
        let Some(hundredths) = words.next().and_then(hundredths) else {
            return;
        };
        out.push(kind, hundredths);
    }
    let processes = words.next().and_then(|word| word.split_once('/'));
    if let Some((Ok(running), Ok(all))) = processes.map(|(running, all)| (running.parse(), all.parse())) {
        out.push(Kind::PROCESS_RUNNING, value(running));
        out.push(Kind::PROCESS_TOTAL, value(all));
    }
}

/// The kernel prints exactly two decimals.
fn hundredths(word: &str) -> Option<i64> {
    let (whole, decimals) = word.split_once('.')?;
    let whole: i64 = whole.parse().ok()?;
    let decimals: i64 = decimals.parse().ok()?;
    whole.checked_mul(100)?.checked_add(decimals)
}

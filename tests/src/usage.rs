//! What a process uses, from /proc.

use anyhow::{Context, Result};
use std::fs;
use std::time::{Duration, Instant};

/// Clock ticks in a second, on every Linux that Rust runs on.
const TICKS_PER_S: f64 = 100.0;

/// Watches one process from its making to [`Watch::read`].
pub struct Watch {
    pid: u32,
    began: Instant,
    ticks: u64,
}

/// What was used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Memory in RAM, shared pages counted whole.
    pub rss_mib: f64,
    /// Memory in RAM, shared pages counted in part.
    pub pss_mib: f64,
    /// Of one core, children that have ended included.
    pub cpu_pct: f64,
}

impl Watch {
    /// Begins now.
    pub fn begin(pid: u32) -> Result<Self> {
        Ok(Self {
            pid,
            began: Instant::now(),
            ticks: ticks(pid)?,
        })
    }

    /// What it uses now, and has used since the beginning.
    pub fn read(&self) -> Result<Usage> {
        let used = ticks(self.pid)?.saturating_sub(self.ticks);
        let elapsed: Duration = self.began.elapsed();
        Ok(Usage {
            rss_mib: smaps_mib(self.pid, "Rss:")?,
            pss_mib: smaps_mib(self.pid, "Pss:")?,
            cpu_pct: used as f64 / TICKS_PER_S / elapsed.as_secs_f64() * 100.0,
        })
    }
}

/// User and system time of the process and its ended children (proc(5): fields 14 to 17 of stat).
fn ticks(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the measured process is gone")?;
    // The program's name, in brackets, may hold spaces; field 3 follows the last bracket.
    let fields = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace())
        .context("an unreadable stat file")?;
    Ok(fields
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum())
}

fn smaps_mib(pid: u32, name: &str) -> Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .context("no such line in smaps_rollup")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// Bytes that came and went in a process's network so far: what the kernel counts of IP's packets, their headers included.
pub fn wire_bytes(pid: u32) -> Result<u64> {
    let netstat =
        fs::read_to_string(format!("/proc/{pid}/net/netstat")).context("the measured process is gone")?;
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt: "));
    let (names, numbers) = lines.next().zip(lines.next()).context("no IpExt in netstat")?;
    let pairs = names.split(' ').zip(numbers.split(' '));
    let octets = pairs.filter(|(name, _)| matches!(*name, "InOctets" | "OutOctets"));
    octets
        .map(|(_, number)| number.parse::<u64>().map_err(anyhow::Error::from))
        .sum()
}

/// Memory in RAM that a process uses now, shared pages counted whole.
pub fn rss_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the measured process is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .context("no VmRSS in the process's status")?
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()?;
    Ok(kib * 1024)
}

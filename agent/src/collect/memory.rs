//! Memory and swap.

use std::path::Path;

use muster_metrics::{Kind, SampleBuilder};

use super::files::{Files, Kept, value};

#[derive(Default)]
struct MemInfo {
    total: u64,
    free: u64,
    available: Option<u64>,
    buffers: u64,
    cached: u64,
    reclaimable: u64,
    swap_total: u64,
    swap_free: u64,
}

/// Where it is read from.
#[derive(Debug)]
pub(super) struct Memory(Kept);

impl Memory {
    pub(super) fn new(proc: &Path) -> Self {
        Self(Kept::new(proc.join("meminfo")))
    }

    pub(super) fn read(&mut self, files: &mut Files, out: &mut SampleBuilder) {
        if let Some(text) = files.again(&mut self.0) {
            MemInfo::parse(text).push(out);
        }
    }
}

impl MemInfo {
    fn push(&self, out: &mut SampleBuilder) {
        let cached = self.cached + self.reclaimable;
        let available = self.available.unwrap_or(self.free + self.buffers + cached);
        out.push(Kind::MEMORY_TOTAL, value(self.total));
        out.push(Kind::MEMORY_USED, value(self.total.saturating_sub(available)));
        out.push(Kind::MEMORY_AVAILABLE, value(available));
        out.push(Kind::MEMORY_CACHED, value(cached));
        out.push(Kind::MEMORY_BUFFERS, value(self.buffers));
        out.push(Kind::SWAP_TOTAL, value(self.swap_total));
        out.push(
            Kind::SWAP_USED,
            value(self.swap_total.saturating_sub(self.swap_free)),
        );
    }

    fn parse(text: &str) -> Self {
        let mut info = Self::default();
        for (name, rest) in text.lines().filter_map(|line| line.split_once(':')) {
            let kib: u64 = rest.trim_end_matches("kB").trim().parse().unwrap_or_default();
            let bytes = kib.saturating_mul(1_024);
            match name {
                "MemTotal" => info.total = bytes,
                "MemFree" => info.free = bytes,
                "MemAvailable" => info.available = Some(bytes),
                "Buffers" => info.buffers = bytes,
                "Cached" => info.cached = bytes,
                "SReclaimable" => info.reclaimable = bytes,
                "SwapTotal" => info.swap_total = bytes,
                "SwapFree" => info.swap_free = bytes,
                _ => {}
            }
        }
        info
    }
}

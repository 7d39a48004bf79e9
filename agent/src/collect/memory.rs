//! Memory and swap.

use std::path::Path;

use muster_metrics::{Kind, SampleBuilder};

use super::files::{Files, value};

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

pub(super) fn read(proc: &Path, files: &mut Files, out: &mut SampleBuilder) {
    let Some(info) = files.read(&proc.join("meminfo")).map(MemInfo::parse) else {
        return;
    };
    let cached = info.cached + info.reclaimable;
    let available = info.available.unwrap_or(info.free + info.buffers + cached);
    out.push(Kind::MEMORY_TOTAL, value(info.total));
    out.push(Kind::MEMORY_USED, value(info.total.saturating_sub(available)));
    out.push(Kind::MEMORY_AVAILABLE, value(available));
    out.push(Kind::MEMORY_CACHED, value(cached));
    out.push(Kind::MEMORY_BUFFERS, value(info.buffers));
    out.push(Kind::SWAP_TOTAL, value(info.swap_total));
    out.push(
        Kind::SWAP_USED,
        value(info.swap_total.saturating_sub(info.swap_free)),
    );
}

impl MemInfo {
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

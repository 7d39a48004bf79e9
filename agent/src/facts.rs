//! What this host is, apart from readings: sent at the join, with each session's `Hello`, and when it changes.

use muster_base::UnixMs;
use muster_protocol::latest::HostFacts;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The host's facts now. Reads files only; takes milliseconds. `docker_version` and `inner_ip` are for those who
/// know them to fill in.
pub fn read() -> HostFacts {
    let boot_s = System::boot_time().ok().and_then(|s| i64::try_from(s).ok());
    let mut facts = HostFacts {
        hostname: System::host_name().unwrap_or_default(),
        os: os(),
        kernel: System::kernel_version().unwrap_or_default(),
        arch: System::cpu_arch(),
        boot_at: UnixMs(boot_s.unwrap_or(0).saturating_mul(UnixMs::SECOND)),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..HostFacts::default()
    };
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::everything());
    if let Ok(system) = System::new_with_specifics(wanted) {
        facts.cpus = u32::try_from(system.cpus().len()).unwrap_or(0);
        facts.cpu_model = system
            .cpus()
            .first()
            .map(|cpu| cpu.brand().trim().to_owned())
            .unwrap_or_default();
        facts.memory_bytes = system.total_memory();
        facts.swap_bytes = system.total_swap();
    }
    facts
}

/// The distribution with its version; sysinfo wraps it as `Linux (…)`.
fn os() -> String {
    let long = System::long_os_version()
        .or_else(|_| System::name())
        .unwrap_or_default();
    let bare = long
        .strip_prefix("Linux (")
        .and_then(|rest| rest.strip_suffix(')'));
    bare.unwrap_or(&long).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_facts() {
        let facts = read();
        assert!(!facts.hostname.is_empty() && !facts.kernel.is_empty());
        assert!(!facts.os.is_empty() && !facts.os.starts_with("Linux ("));
        assert!(facts.cpus > 0 && facts.memory_bytes > 1 << 20);
        assert!(facts.boot_at > UnixMs(0));
    }
}

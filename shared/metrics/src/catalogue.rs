//! Every series there is. Append only: a kind's number is its place, and stored data refers to it.

use crate::{Kind, KindInfo, Unit};

macro_rules! catalogue {
    ($($code:literal $name:ident $pattern:literal $unit:ident $meaning:literal)*) => {
        impl Kind {
            $(#[doc = concat!("`", $pattern, "`: ", $meaning, ".")]
            pub const $name: Self = Self($code);)*
        }

        /// Every kind of series, in order of its number.
        pub static CATALOGUE: &[KindInfo] = &[
            $(KindInfo {
                kind: Kind::$name,
                pattern: $pattern,
                unit: Unit::$unit,
                meaning: $meaning,
            },)*
        ];
    };
}

catalogue! {
    0 CPU_TOTAL "cpu.total" BasisPoints "share of all cores' time that was spent working"
    1 CPU_USER "cpu.user" BasisPoints "share of all cores' time spent in programs"
    2 CPU_SYSTEM "cpu.system" BasisPoints "share of all cores' time spent in the kernel, interrupts included"
    3 CPU_IOWAIT "cpu.iowait" BasisPoints "share of all cores' time idle while a disk was awaited"
    4 CPU_STEAL "cpu.steal" BasisPoints "share of all cores' time that the hypervisor gave to others"
    5 CPU_CORE "cpu.core.*" BasisPoints "share of one core's time that was spent working"
    6 LOAD_1 "load.1" Hundredths "load average over one minute"
    7 LOAD_5 "load.5" Hundredths "load average over five minutes"
    8 LOAD_15 "load.15" Hundredths "load average over fifteen minutes"
    9 MEMORY_TOTAL "memory.total" Bytes "memory of the host"
    10 MEMORY_USED "memory.used" Bytes "memory that programs can't get without swapping"
    11 MEMORY_AVAILABLE "memory.available" Bytes "memory that programs can get without swapping"
    12 MEMORY_CACHED "memory.cached" Bytes "memory that caches files, reclaimable slabs included"
    13 MEMORY_BUFFERS "memory.buffers" Bytes "memory that buffers block devices"
    14 SWAP_TOTAL "swap.total" Bytes "swap space"
    15 SWAP_USED "swap.used" Bytes "swap space in use"
    16 DISK_TOTAL "disk.*.total" Bytes "size of a file system"
    17 DISK_USED "disk.*.used" Bytes "space in use on a file system"
    18 DISK_AVAILABLE "disk.*.available" Bytes "space that unprivileged programs can still use"
    19 DISK_INODES_TOTAL "disk.*.inodesTotal" Count "inodes of a file system"
    20 DISK_INODES_USED "disk.*.inodesUsed" Count "inodes in use on a file system"
    21 DISKIO_READ_BYTES "diskio.*.readBytes" BytesPerSecond "read from a block device"
    22 DISKIO_WRITE_BYTES "diskio.*.writeBytes" BytesPerSecond "written to a block device"
    23 DISKIO_READ_OPS "diskio.*.readOps" PerSecond "reads completed by a block device"
    24 DISKIO_WRITE_OPS "diskio.*.writeOps" PerSecond "writes completed by a block device"
    25 DISKIO_BUSY "diskio.*.busy" BasisPoints "share of time that a block device had work"
    26 NET_RX_BYTES "net.*.rxBytes" BytesPerSecond "received by an interface"
    27 NET_TX_BYTES "net.*.txBytes" BytesPerSecond "sent by an interface"
    28 NET_RX_PACKETS "net.*.rxPackets" PerSecond "packets received by an interface"
    29 NET_TX_PACKETS "net.*.txPackets" PerSecond "packets sent by an interface"
    30 NET_RX_ERRORS "net.*.rxErrors" Count "packets received broken since the sample before"
    31 NET_TX_ERRORS "net.*.txErrors" Count "packets not sent for an error since the sample before"
    32 NET_RX_DROPS "net.*.rxDrops" Count "packets received and dropped since the sample before"
    33 NET_TX_DROPS "net.*.txDrops" Count "packets dropped instead of sent since the sample before"
    34 TCP_ESTABLISHED "tcp.established" Count "TCP connections that are established or wait for our close"
    35 TCP_TIME_WAIT "tcp.timeWait" Count "TCP connections in TIME_WAIT"
    36 TCP_IN_USE "tcp.inUse" Count "TCP sockets in use, listening ones included"
    37 TCP_ORPHAN "tcp.orphan" Count "TCP connections that no process holds any more"
    38 TCP_RETRANSMITS "tcp.retransmits" Count "TCP segments sent again since the sample before"
    39 PROCESS_TOTAL "process.total" Count "processes and threads"
    40 PROCESS_RUNNING "process.running" Count "processes and threads that run or want to"
    41 CONTAINER_CPU "container.cpu" BasisPoints "CPU time used, 100 percent being one core"
    42 CONTAINER_MEMORY_USED "container.memory.used" Bytes "memory used, without file cache that can be dropped"
    43 CONTAINER_MEMORY_LIMIT "container.memory.limit" Bytes "memory limit; absent if there is none"
    44 CONTAINER_NET_RX_BYTES "container.net.rxBytes" BytesPerSecond "received on the container's own interfaces"
    45 CONTAINER_NET_TX_BYTES "container.net.txBytes" BytesPerSecond "sent on the container's own interfaces"
    46 CONTAINER_IO_READ_BYTES "container.io.readBytes" BytesPerSecond "read from block devices"
    47 CONTAINER_IO_WRITE_BYTES "container.io.writeBytes" BytesPerSecond "written to block devices"
    48 CONTAINER_PIDS "container.pids" Count "processes and threads"
    49 CONTAINER_RESTARTS "container.restarts" Count "times that the engine restarted it"
    50 CONTAINER_STATE "container.state" Code "0 created, 1 running, 2 paused, 3 restarting, 4 removing, 5 exited, 6 dead"
    51 CONTAINER_HEALTH "container.health" Code "0 no health check, 1 starting, 2 healthy, 3 unhealthy"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_s_number_is_its_place() {
        for (place, info) in CATALOGUE.iter().enumerate() {
            assert_eq!(usize::from(info.kind.code()), place, "{}", info.pattern);
        }
    }
}

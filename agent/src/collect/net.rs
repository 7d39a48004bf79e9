//! Network interfaces and TCP.

use std::path::Path;

use muster_metrics::{Kind, SampleBuilder};

use super::files::{Files, Kept, per_second, value};

const MAX_INTERFACES: usize = 64;

/// The last reading of each interface, and of the segments that TCP sent again.
#[derive(Debug)]
pub(super) struct Network {
    dev: Kept,
    snmp: Kept,
    sockets: Kept,
    sockets_v6: Kept,
    interfaces: Vec<(String, Counters)>,
    retransmits: Option<u64>,
}

/// `/proc/net/dev`: bytes packets errs drop fifo frame compressed multicast, received and then sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) rx_bytes: u64,
    rx_packets: u64,
    rx_errors: u64,
    rx_drops: u64,
    pub(super) tx_bytes: u64,
    tx_packets: u64,
    tx_errors: u64,
    tx_drops: u64,
}

impl Network {
    pub(super) fn new(proc: &Path) -> Self {
        let kept = |name| Kept::new(proc.join(name));
        Self {
            dev: kept("net/dev"),
            snmp: kept("net/snmp"),
            sockets: kept("net/sockstat"),
            sockets_v6: kept("net/sockstat6"),
            interfaces: Vec::new(),
            retransmits: None,
        }
    }

    pub(super) fn read(&mut self, files: &mut Files, elapsed_ms: u64, out: &mut SampleBuilder) {
        if let Some(text) = files.again(&mut self.dev) {
            let before = std::mem::take(&mut self.interfaces);
            // A container's end of a cable shows in the container.
            for (name, now) in interfaces(text)
                .filter(|(name, _)| !name.starts_with("veth"))
                .take(MAX_INTERFACES)
            {
                if let Some((_, before)) = before.iter().find(|(known, _)| known == name) {
                    now.push(before, name, elapsed_ms, out);
                }
                self.interfaces.push((name.to_owned(), now));
            }
        }
        self.read_tcp(files, out);
    }

    /// The names of the host's interfaces.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = &str> + Clone {
        self.interfaces.iter().map(|(name, _)| name.as_str())
    }

    fn read_tcp(&mut self, files: &mut Files, out: &mut SampleBuilder) {
        if let Some(text) = files.again(&mut self.snmp) {
            if let Some(established) = snmp(text, "CurrEstab") {
                out.push(Kind::TCP_ESTABLISHED, value(established));
            }
            if let Some(now) = snmp(text, "RetransSegs") {
                let before = self.retransmits.replace(now);
                if let Some(again) = before.and_then(|before| now.checked_sub(before)) {
                    out.push(Kind::TCP_RETRANSMITS, value(again));
                }
            }
        }
        // Counting the lines of /proc/net/tcp would cost more the busier the host is.
        let v6 = files
            .again(&mut self.sockets_v6)
            .and_then(|text| sockstat(text, "TCP6:", "inuse"))
            .unwrap_or(0);
        if let Some(text) = files.again(&mut self.sockets) {
            let kinds = [
                (Kind::TCP_TIME_WAIT, "tw", 0),
                (Kind::TCP_IN_USE, "inuse", v6),
                (Kind::TCP_ORPHAN, "orphan", 0),
            ];
            for (kind, name, more) in kinds {
                if let Some(number) = sockstat(text, "TCP:", name) {
                    out.push(kind, value(number + more));
                }
            }
        }
    }
}

impl Counters {
    fn push(&self, before: &Self, name: &str, elapsed_ms: u64, out: &mut SampleBuilder) {
        let rates = [
            (Kind::NET_RX_BYTES, self.rx_bytes, before.rx_bytes),
            (Kind::NET_TX_BYTES, self.tx_bytes, before.tx_bytes),
            (Kind::NET_RX_PACKETS, self.rx_packets, before.rx_packets),
            (Kind::NET_TX_PACKETS, self.tx_packets, before.tx_packets),
        ];
        for (kind, now, before) in rates {
            if let Some(rate) = per_second(now, before, elapsed_ms) {
                out.push_instance(kind, name, rate);
            }
        }
        let counts = [
            (Kind::NET_RX_ERRORS, self.rx_errors, before.rx_errors),
            (Kind::NET_TX_ERRORS, self.tx_errors, before.tx_errors),
            (Kind::NET_RX_DROPS, self.rx_drops, before.rx_drops),
            (Kind::NET_TX_DROPS, self.tx_drops, before.tx_drops),
        ];
        for (kind, now, before) in counts {
            if let Some(count) = now.checked_sub(before) {
                out.push_instance(kind, name, value(count));
            }
        }
    }
}

/// The interfaces of a `net/dev` file, without the loopback.
pub(super) fn interfaces(text: &str) -> impl Iterator<Item = (&str, Counters)> {
    text.lines().filter_map(|line| {
        let (name, rest) = line.split_once(':')?;
        let name = name.trim();
        let mut numbers = [0; 12];
        let mut words = rest.split_ascii_whitespace();
        for number in &mut numbers {
            *number = words.next()?.parse().ok()?;
        }
        let counters = Counters {
            rx_bytes: numbers[0],
            rx_packets: numbers[1],
            rx_errors: numbers[2],
            rx_drops: numbers[3],
            tx_bytes: numbers[8],
            tx_packets: numbers[9],
            tx_errors: numbers[10],
            tx_drops: numbers[11],
        };
        (name != "lo").then_some((name, counters))
    })
}

/// A field of TCP in `net/snmp`: a line of names and then a line of numbers.
fn snmp(text: &str, field: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split(' ').position(|name| name == field)?;
    numbers.split(' ').nth(place)?.parse().ok()
}

/// A field of `net/sockstat`: `TCP: inuse 4 orphan 0 tw 0 …`.
fn sockstat(text: &str, protocol: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(protocol))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == field)?;
    words.next()?.parse().ok()
}

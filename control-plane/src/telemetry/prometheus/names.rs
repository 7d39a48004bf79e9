//! Series as Prometheus names them.

use std::{fmt::Write as _, sync::LazyLock};

use muster_metrics::{CATALOGUE, KindInfo, Series, Unit};

/// A family of series: all of one kind.
#[derive(Debug)]
pub(in crate::telemetry) struct Family {
    /// For instance `muster_host_memory_used_bytes`.
    pub(in crate::telemetry) name: String,
    /// What it is.
    pub(in crate::telemetry) help: &'static str,
    /// What the instance is called, where there are several.
    pub(in crate::telemetry) instance: Option<&'static str>,
    unit: Unit,
}

/// The families, by number of kind.
static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| CATALOGUE.iter().map(Family::of).collect());

/// The families, by number of kind.
pub(in crate::telemetry) fn families() -> &'static [Family] {
    &FAMILIES
}

/// The family that a series is of; none for a kind that this version does not know.
pub(in crate::telemetry) fn family_of(series: &Series) -> Option<&'static Family> {
    FAMILIES.get(usize::from(series.kind().code()))
}

impl Family {
    fn of(info: &KindInfo) -> Self {
        let mut parts: Vec<&str> = info.pattern.split('.').filter(|part| *part != "*").collect();
        let instance = info.pattern.contains('*').then(|| match parts[0] {
            "cpu" => "core",
            "disk" => "mountpoint",
            "diskio" => "device",
            _ => "interface",
        });
        let mut name = String::from("muster_");
        if parts[0] == "container" {
            parts.remove(0);
            name.push_str("container");
        } else {
            name.push_str("host");
        }
        for part in parts {
            name.push('_');
            push_snake(&mut name, part);
        }
        name.push_str(match info.unit {
            Unit::BasisPoints => "_ratio",
            Unit::Bytes => "_bytes",
            Unit::BytesPerSecond | Unit::PerSecond => "_per_second",
            Unit::Hundredths | Unit::Count | Unit::Code => "",
        });
        // At its end the word means a counter that only grows.
        let name = name.strip_suffix("_total").unwrap_or(&name).to_owned();
        Self {
            name,
            help: info.meaning,
            instance,
            unit: info.unit,
        }
    }

    /// A stored value in the unit of the name.
    pub(in crate::telemetry) fn value(&self, stored: i64) -> f64 {
        let value = stored as f64;
        match self.unit {
            Unit::BasisPoints => value / 10_000.0,
            Unit::Hundredths => value / 100.0,
            Unit::Bytes | Unit::BytesPerSecond | Unit::PerSecond | Unit::Count | Unit::Code => value,
        }
    }
}

/// `rxBytes` as `rx_bytes`.
fn push_snake(text: &mut String, camel: &str) {
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
}

/// The name of a label that people wrote, as a part of a label's name here.
pub(super) fn label_name(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    key.chars().map(plain).collect()
}

/// Adds `name="value"` as the text format wants it.
pub(super) fn push_label(text: &mut String, name: &str, value: &str) {
    if !text.ends_with('{') {
        text.push(',');
    }
    // A text that is written can't fail.
    write!(text, "{name}=\"").ok();
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use muster_metrics::Kind;

    use super::*;

    fn name(kind: Kind) -> &'static str {
        &family_of(&Series::of(kind)).unwrap().name
    }

    #[test]
    fn names_say_what_is_measured_and_in_which_unit() {
        for (kind, expected) in [
            (Kind::CPU_TOTAL, "muster_host_cpu_total_ratio"),
            (Kind::CPU_CORE, "muster_host_cpu_core_ratio"),
            (Kind::LOAD_1, "muster_host_load_1"),
            (Kind::MEMORY_TOTAL, "muster_host_memory_total_bytes"),
            (Kind::DISK_INODES_TOTAL, "muster_host_disk_inodes"),
            (Kind::DISKIO_READ_OPS, "muster_host_diskio_read_ops_per_second"),
            (Kind::NET_RX_BYTES, "muster_host_net_rx_bytes_per_second"),
            (Kind::TCP_TIME_WAIT, "muster_host_tcp_time_wait"),
            (Kind::PROCESS_TOTAL, "muster_host_process"),
            (Kind::CONTAINER_MEMORY_USED, "muster_container_memory_used_bytes"),
            (Kind::CONTAINER_RESTARTS, "muster_container_restarts"),
        ] {
            assert_eq!(name(kind), expected);
        }
    }

    #[test]
    fn every_name_is_a_valid_one_and_there_once() {
        let mut seen = BTreeSet::new();
        for family in families() {
            let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(family.name.chars().all(valid), "{}", family.name);
            assert!(!family.name.contains("__"), "{}", family.name);
            assert!(seen.insert(&family.name), "{} is there twice", family.name);
        }
        assert_eq!(seen.len(), CATALOGUE.len());
    }

    #[test]
    fn a_value_cannot_end_its_quotes() {
        let mut text = String::from("{");
        push_label(&mut text, "a", "x\"} 1\n\\");
        push_label(&mut text, "b", "z");
        assert_eq!(text, r#"{a="x\"} 1\n\\",b="z""#);
        assert_eq!(label_name("team/role.x"), "team_role_x");
    }
}

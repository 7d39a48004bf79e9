//! What an application's container looks like: the shape in JSON, its rules, and its form in a work order.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    container_more::{LogOptions, PullPolicy, Ulimit},
    container_rules::{is_path, is_user, is_volume, words},
    fields::Fields,
    strategy::Strategy,
};
use crate::flaw::Flaw;

/// The container of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = ContainerSpec)]
pub struct Container {
    /// Container name on the host; the application's name if not given. The old container of this name is replaced.
    pub name: Option<String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Volumes and bind mounts.
    pub volumes: Vec<Volume>,
    /// Networks to join, which must be there.
    pub networks: Vec<String>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Replaces the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// User to run as.
    pub user: Option<String>,
    /// What the engine does when the container exits.
    pub restart: Restart,
    /// With `on-failure`: how often it is tried; 5 by default.
    pub restart_max_retries: Option<u16>,
    /// How it is known to be healthy.
    pub health_check: Health,
    /// How long it may take to become healthy; 60 s by default.
    #[schema(minimum = 1_000, maximum = 1_800_000)]
    pub health_timeout_ms: Option<u64>,
    /// How long the old one may take to stop; 10 s by default.
    #[schema(maximum = 600_000)]
    pub stop_grace_ms: Option<u64>,
    /// How the old container is replaced.
    pub strategy: Strategy,
    /// Limits.
    pub limits: Limits,
    /// Limits of its processes.
    #[schema(max_items = 64)]
    pub ulimits: Vec<Ulimit>,
    /// Where its output goes; as the host's engine is set up if not given.
    pub log: Option<LogOptions>,
    /// Names that it knows, each with an IP address or `host-gateway`.
    pub extra_hosts: BTreeMap<String, String>,
    /// Whether a host pulls the image.
    pub pull_policy: PullPolicy,
    /// What it is sent to stop, for instance `SIGINT`; the container that it replaces, too. What the image says if not given.
    pub stop_signal: Option<String>,
    /// Extra labels.
    pub labels: BTreeMap<String, String>,
    /// Asks for every privilege; hosts refuse it unless their own policy allows it.
    pub privileged: bool,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Port {
    /// On the host.
    pub host: u16,
    /// In the container.
    pub container: u16,
    /// Transport.
    #[serde(default)]
    pub protocol: Transport,
    /// Address on the host; all if not given.
    pub host_ip: Option<String>,
}

/// Transport of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A mount: a named volume, or a path of the host, which hosts refuse unless their own policy allows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// A volume's name, or an absolute path of the host.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// Mounted read-only.
    #[serde(default)]
    pub read_only: bool,
}

/// What the engine does when the container exits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Nothing.
    No,
    /// Starts it again.
    Always,
    /// Starts it again unless a person stopped it.
    #[default]
    UnlessStopped,
    /// Starts it again if it failed.
    OnFailure,
}

/// How a container is known to be healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Health {
    /// It has run for three seconds without exiting.
    #[default]
    Running,
    /// The image's own `HEALTHCHECK`.
    Image,
    /// A command in the container exits with 0.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Time between checks; 1 s by default.
        #[schema(rename = "intervalMs")]
        interval_ms: Option<u64>,
        /// A check may take this long; 3 s by default.
        #[schema(rename = "timeoutMs")]
        timeout_ms: Option<u64>,
    },
    /// `GET` of a container port answers 200–399.
    Http {
        /// Container port.
        port: u16,
        /// Path with query; `/` by default.
        path: Option<String>,
        /// Time between checks; 1 s by default.
        #[schema(rename = "intervalMs")]
        interval_ms: Option<u64>,
        /// A check may take this long; 3 s by default.
        #[schema(rename = "timeoutMs")]
        timeout_ms: Option<u64>,
    },
    /// A container port accepts a connection.
    Tcp {
        /// Container port.
        port: u16,
        /// Time between checks; 1 s by default.
        #[schema(rename = "intervalMs")]
        interval_ms: Option<u64>,
        /// A check may take this long; 3 s by default.
        #[schema(rename = "timeoutMs")]
        timeout_ms: Option<u64>,
    },
}

/// What the container may use at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Thousandths of a core.
    pub cpu_millis: Option<u32>,
    /// Bytes; at least 6 MiB, as the engine wants it.
    pub memory_bytes: Option<u64>,
}

const LEAST_MEMORY: u64 = 6 << 20;

impl Container {
    /// Notes what is wrong, below `container`.
    pub(super) fn check(&self, fields: &mut Fields) {
        if let Some(name) = &self.name {
            fields.slug("container.name", name);
        }
        for (i, port) in self.ports.iter().enumerate() {
            let field = format!("container.ports[{i}]");
            fields.check(port.host != 0 && port.container != 0, &field, Flaw::Port);
            let ip = port
                .host_ip
                .as_deref()
                .is_none_or(|ip| ip.parse::<IpAddr>().is_ok());
            fields.check(ip, format!("{field}.hostIp"), Flaw::Ip);
            let twice = self.ports[..i].iter().any(|other| other.collides_with(port));
            fields.check(!twice, &field, Flaw::PortTwice);
        }
        for (i, volume) in self.volumes.iter().enumerate() {
            let field = format!("container.volumes[{i}]");
            fields.check(
                is_path(&volume.source) || is_volume(&volume.source),
                format!("{field}.source"),
                Flaw::Volume,
            );
            fields.check(is_path(&volume.target), format!("{field}.target"), Flaw::File);
        }
        for (i, network) in self.networks.iter().enumerate() {
            fields.check(
                is_volume(network),
                format!("container.networks[{i}]"),
                "a network's name",
            );
        }
        fields.check(
            self.user.as_deref().is_none_or(is_user),
            "container.user",
            "a user's name or number, and a group's after a colon",
        );
        words(fields, "container.command", self.command.as_deref());
        words(fields, "container.entrypoint", self.entrypoint.as_deref());
        self.check_more(fields);
        self.check_health(fields);
        self.strategy.check(&self.ports, &self.networks, fields);
        let in_range = self
            .health_timeout_ms
            .is_none_or(|ms| (1_000..=1_800_000).contains(&ms));
        fields.check(
            in_range,
            "container.healthTimeoutMs",
            Flaw::Range(1_000, 1_800_000),
        );
        let in_range = self.stop_grace_ms.is_none_or(|ms| ms <= 600_000);
        fields.check(in_range, "container.stopGraceMs", Flaw::Range(0, 600_000));
        let enough = self.limits.memory_bytes.is_none_or(|bytes| bytes >= LEAST_MEMORY);
        fields.check(
            enough,
            "container.limits.memoryBytes",
            Flaw::AtLeast(LEAST_MEMORY),
        );
        fields.check(
            self.limits.cpu_millis != Some(0),
            "container.limits.cpuMillis",
            Flaw::AtLeast(1),
        );
        let labels = self.labels.iter().all(|(name, value)| {
            !name.is_empty() && name.len() <= 256 && value.len() <= 4_096 && !name.starts_with("muster.")
        });
        fields.check(
            labels && self.labels.len() <= 64,
            "container.labels",
            "at most 64; names of at most 256 bytes that don't begin with muster., values of at most 4,096",
        );
        let short = self.ports.len() <= 64 && self.volumes.len() <= 64 && self.networks.len() <= 16;
        fields.check(short, "container", "at most 64 ports, 64 volumes and 16 networks");
    }

    fn check_health(&self, fields: &mut Fields) {
        let field = "container.healthCheck";
        let (interval, timeout) = match &self.health_check {
            Health::Running | Health::Image => return,
            Health::Command {
                command,
                interval_ms,
                timeout_ms,
            } => {
                fields.check(
                    !command.is_empty(),
                    format!("{field}.command"),
                    "the program and its arguments",
                );
                words(fields, "container.healthCheck.command", Some(command));
                (interval_ms, timeout_ms)
            }
            Health::Http {
                port,
                path,
                interval_ms,
                timeout_ms,
            } => {
                fields.check(*port != 0, format!("{field}.port"), Flaw::Port);
                let plain = path.as_deref().is_none_or(|path| {
                    path.starts_with('/') && path.len() <= 1_024 && path.bytes().all(|b| b.is_ascii_graphic())
                });
                fields.check(plain, format!("{field}.path"), Flaw::Path);
                (interval_ms, timeout_ms)
            }
            Health::Tcp {
                port,
                interval_ms,
                timeout_ms,
            } => {
                fields.check(*port != 0, format!("{field}.port"), Flaw::Port);
                (interval_ms, timeout_ms)
            }
        };
        let fits = |ms: &Option<u64>| ms.is_none_or(|ms| (100..=60_000).contains(&ms));
        fields.check(
            fits(interval),
            format!("{field}.intervalMs"),
            Flaw::Range(100, 60_000),
        );
        fields.check(
            fits(timeout),
            format!("{field}.timeoutMs"),
            Flaw::Range(100, 60_000),
        );
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::delivery) fn wrong(json: &str) -> Vec<String> {
        let container: Container = serde_json::from_str(json).unwrap();
        let mut fields = Fields::default();
        container.check(&mut fields);
        match fields.finish() {
            Ok(()) => Vec::new(),
            Err(crate::delivery::DeliveryError::Invalid(errors)) => {
                errors.into_iter().map(|e| e.field).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let json = r#"{"ports":[{"host":80,"container":80},{"host":80,"container":0}],
            "volumes":[{"source":"../etc","target":"x"}],
            "healthCheck":{"type":"http","port":80,"path":"no slash"},"limits":{"memoryBytes":1}}"#;
        assert_eq!(
            wrong(json),
            [
                "container.ports[1]",
                "container.ports[1]",
                "container.volumes[0].source",
                "container.volumes[0].target",
                "container.healthCheck.path",
                "container.limits.memoryBytes",
            ]
        );
    }

    #[test]
    fn unknown_fields_are_refused_at_every_depth() {
        for json in [
            r#"{"port":[]}"#,
            r#"{"ports":[{"host":1,"container":1,"x":1}]}"#,
            r#"{"healthCheck":{"type":"tcp","port":1,"path":"/"}}"#,
            r#"{"limits":{"cpu":1}}"#,
        ] {
            assert!(serde_json::from_str::<Container>(json).is_err(), "{json}");
        }
    }
}

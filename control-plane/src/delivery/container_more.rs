//! What a container may ask for beside its ports, volumes and limits: limits of its processes, where its output goes, names
//! it knows, whether its image is pulled, and what stops it. What the engine would refuse only after the old container was
//! stopped is refused here. An order that asks for any of it is one that agents before protocol version 5 don't know:
//! they are told nothing of it, and the deployment fails on their host with a word that says why.

use std::{collections::BTreeMap, net::IpAddr};

use muster_protocol::latest as wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{container::Container, fields::Fields};
use crate::flaw::Flaw;

const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];
const SIGNALS: [&str; 16] = [
    "SIGABRT", "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGINT", "SIGIO", "SIGKILL", "SIGPWR", "SIGQUIT",
    "SIGTERM", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGSTOP",
];
/// The highest signal there is on Linux.
const MOST_SIGNAL: u8 = 64;
/// `SIGRTMIN+3` is what systemd in a container waits for.
const MOST_REALTIME: u8 = 30;
const MOST: usize = 64;
const MOST_OPTIONS: usize = 16;

/// A limit of the container's processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ulimit {
    /// `nofile`, `nproc`, `memlock`, `core`, …
    pub name: String,
    /// Where processes begin; -1: no limit.
    #[schema(minimum = -1)]
    pub soft: i64,
    /// How far they may go; as `soft` if not given, -1: no limit.
    #[schema(minimum = -1)]
    pub hard: Option<i64>,
}

/// Where the container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogOptions {
    /// The engine's log driver.
    pub driver: LogDriver,
    /// Its options, for instance `max-size`: `10m`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// A log driver that hosts take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogDriver {
    /// The engine's own files.
    JsonFile,
    /// The same, packed.
    Local,
    /// The host's journal.
    Journald,
    /// A syslog server.
    Syslog,
    /// A Graylog server.
    Gelf,
    /// A Fluentd server.
    Fluentd,
    /// Nowhere: nobody can read it, here neither.
    None,
}

impl LogDriver {
    const fn as_str(self) -> &'static str {
        match self {
            Self::JsonFile => "json-file",
            Self::Local => "local",
            Self::Journald => "journald",
            Self::Syslog => "syslog",
            Self::Gelf => "gelf",
            Self::Fluentd => "fluentd",
            Self::None => "none",
        }
    }

    /// Options that it takes, but those that name a file of the host.
    const fn options(self) -> &'static [&'static str] {
        match self {
            Self::JsonFile => &["max-size", "max-file", "compress", "labels", "env", "tag"],
            Self::Local => &["max-size", "max-file", "compress"],
            Self::Journald => &["labels", "env", "tag"],
            Self::Syslog => &[
                "syslog-address",
                "syslog-facility",
                "syslog-format",
                "labels",
                "env",
                "tag",
            ],
            Self::Gelf => &[
                "gelf-address",
                "gelf-compression-type",
                "gelf-compression-level",
                "labels",
                "env",
                "tag",
            ],
            Self::Fluentd => &[
                "fluentd-address",
                "fluentd-async",
                "fluentd-buffer-limit",
                "labels",
                "env",
                "tag",
            ],
            Self::None => &[],
        }
    }
}

/// Whether a host pulls the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PullPolicy {
    /// Each time.
    #[default]
    Always,
    /// If the host has not got it with the digest that is deployed.
    Missing,
    /// Not at all: without it the deployment fails there, and the old container serves on.
    Never,
}

impl Container {
    /// What an order carries of it.
    pub(super) fn more(&self) -> wire::ContainerMore {
        let limits = self.ulimits.iter().map(|limit| wire::Ulimit {
            name: limit.name.clone(),
            soft: limit.soft,
            hard: limit.hard.unwrap_or(limit.soft),
        });
        let pairs = |map: &BTreeMap<String, String>| {
            map.iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        wire::ContainerMore {
            ulimits: limits.collect(),
            log: self.log.as_ref().map(|log| wire::LogTo {
                driver: log.driver.as_str().to_owned(),
                options: pairs(&log.options),
            }),
            extra_hosts: pairs(&self.extra_hosts),
            pull: match self.pull_policy {
                PullPolicy::Always => wire::PullPolicy::Always,
                PullPolicy::Missing => wire::PullPolicy::Missing,
                PullPolicy::Never => wire::PullPolicy::Never,
            },
            stop_signal: self.stop_signal.clone(),
        }
    }

    /// Notes what is wrong with it.
    pub(super) fn check_more(&self, fields: &mut Fields) {
        for (i, limit) in self.ulimits.iter().enumerate() {
            let field = format!("container.ulimits[{i}]");
            let twice = self.ulimits[..i].iter().any(|other| other.name == limit.name);
            fields.check(!twice, format!("{field}.name"), "stands there twice");
            let known = ULIMITS.contains(&limit.name.as_str());
            fields.check(
                known,
                format!("{field}.name"),
                format!("must be one of {}", ULIMITS.join(", ")),
            );
            let hard = limit.hard.unwrap_or(limit.soft);
            // -1 is no limit: the most there is.
            let size = |value: i64| if value == -1 { i64::MAX } else { value };
            let fits = limit.soft >= -1 && hard >= -1 && size(limit.soft) <= size(hard);
            fields.check(
                fits,
                &field,
                "must be -1 (no limit) or more, and the soft limit no higher than the hard one",
            );
        }
        fields.check(
            self.ulimits.len() <= MOST,
            "container.ulimits",
            Flaw::TooMany(MOST),
        );
        if let Some(log) = &self.log {
            log.check(fields);
        }
        for (name, address) in &self.extra_hosts {
            let field = "container.extraHosts";
            fields.check(is_host_name(name), field, format!("{name} is not a host's name"));
            fields.check(
                address == "host-gateway" || address.parse::<IpAddr>().is_ok(),
                field,
                format!("{name} needs an IP address or host-gateway"),
            );
        }
        let few = self.extra_hosts.len() <= MOST;
        fields.check(few, "container.extraHosts", Flaw::TooMany(MOST));
        fields.check(
            self.stop_signal.as_deref().is_none_or(is_signal),
            "container.stopSignal",
            "must be a signal such as SIGTERM, SIGRTMIN+3 or 15",
        );
    }
}

impl LogOptions {
    fn check(&self, fields: &mut Fields) {
        let driver = self.driver.as_str();
        let known = self.driver.options();
        for (name, value) in &self.options {
            let field = "container.log.options";
            let taken = known.contains(&name.as_str());
            let which = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            fields.check(
                taken,
                field,
                format!("{driver} takes no option {name} here; it takes: {which}"),
            );
            let plain = !value.is_empty() && value.len() <= 512 && !value.chars().any(char::is_control);
            fields.check(
                plain,
                field,
                format!("{name} needs 1 to 512 bytes without control characters"),
            );
            if name.ends_with("-address") {
                let away = value
                    .strip_prefix("tcp://")
                    .or_else(|| value.strip_prefix("udp://"))
                    .is_some_and(|rest| rest.contains(':') && !rest.contains('/'));
                fields.check(
                    away,
                    field,
                    format!("{name} must be tcp://HOST:PORT or udp://HOST:PORT"),
                );
            }
            if name == "max-size" {
                let size = value.trim_end_matches(['k', 'm', 'g', 'K', 'M', 'G', 'b', 'B']);
                let right = size.parse::<u64>().is_ok_and(|size| size > 0);
                fields.check(right, field, "max-size must be a size such as 10m");
            }
            if name == "max-file" {
                let right = value.parse::<u32>().is_ok_and(|count| count > 0);
                fields.check(right, field, "max-file must be a number from 1 up");
            }
        }
        fields.check(
            self.options.len() <= MOST_OPTIONS,
            "container.log.options",
            Flaw::TooMany(MOST_OPTIONS),
        );
        for (driver, address) in [
            (LogDriver::Gelf, "gelf-address"),
            (LogDriver::Syslog, "syslog-address"),
            (LogDriver::Fluentd, "fluentd-address"),
        ] {
            let named = self.driver != driver || self.options.contains_key(address);
            fields.check(
                named,
                "container.log.options",
                format!("{} needs {address}", driver.as_str()),
            );
        }
    }
}

fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn is_signal(text: &str) -> bool {
    let realtime = text
        .strip_prefix("SIGRTMIN+")
        .or_else(|| text.strip_prefix("SIGRTMAX-"));
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<u8>().ok())
    };
    match realtime {
        Some(offset) => number(offset).flatten().is_some_and(|n| n <= MOST_REALTIME),
        None => {
            SIGNALS.contains(&text)
                || number(text)
                    .flatten()
                    .is_some_and(|n| (1..=MOST_SIGNAL).contains(&n))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::container::tests::wrong;

    #[test]
    fn what_the_engine_would_refuse_is_refused_before() {
        for (json, field) in [
            (
                r#"{"ulimits":[{"name":"nofiles","soft":1}]}"#,
                "container.ulimits[0].name",
            ),
            (
                r#"{"ulimits":[{"name":"nofile","soft":1},{"name":"nofile","soft":2}]}"#,
                "container.ulimits[1].name",
            ),
            (
                r#"{"ulimits":[{"name":"nofile","soft":2,"hard":1}]}"#,
                "container.ulimits[0]",
            ),
            (
                r#"{"ulimits":[{"name":"nofile","soft":-1,"hard":1}]}"#,
                "container.ulimits[0]",
            ),
            (
                r#"{"ulimits":[{"name":"nofile","soft":-2}]}"#,
                "container.ulimits[0]",
            ),
            (
                r#"{"log":{"driver":"local","options":{"tag":"x"}}}"#,
                "container.log.options",
            ),
            (
                r#"{"log":{"driver":"none","options":{"tag":"x"}}}"#,
                "container.log.options",
            ),
            (
                r#"{"log":{"driver":"json-file","options":{"max-size":"lots"}}}"#,
                "container.log.options",
            ),
            (
                r#"{"log":{"driver":"json-file","options":{"max-file":"0"}}}"#,
                "container.log.options",
            ),
            (r#"{"log":{"driver":"gelf"}}"#, "container.log.options"),
            (
                r#"{"log":{"driver":"syslog","options":{"syslog-address":"unix:///run/docker.sock"}}}"#,
                "container.log.options",
            ),
            (r#"{"extraHosts":{"a b":"10.0.0.1"}}"#, "container.extraHosts"),
            (r#"{"extraHosts":{"db":"db.example"}}"#, "container.extraHosts"),
            (r#"{"stopSignal":"TERM"}"#, "container.stopSignal"),
            (r#"{"stopSignal":"0"}"#, "container.stopSignal"),
            (r#"{"stopSignal":"65"}"#, "container.stopSignal"),
            (r#"{"stopSignal":"SIGRTMIN+31"}"#, "container.stopSignal"),
            (r#"{"stopSignal":""}"#, "container.stopSignal"),
        ] {
            assert_eq!(wrong(json), [field], "{json}");
        }
        let right = r#"{"ulimits":[{"name":"nofile","soft":1024,"hard":-1},{"name":"core","soft":-1}],
            "log":{"driver":"gelf","options":{"gelf-address":"udp://logs.example:12201","tag":"shop"}},
            "extraHosts":{"db.local":"10.0.0.1","six":"fd00::1","host.docker.internal":"host-gateway"},
            "pullPolicy":"missing","stopSignal":"SIGRTMIN+3"}"#;
        assert_eq!(wrong(right), Vec::<String>::new());
        assert!(serde_json::from_str::<Container>(r#"{"log":{"driver":"splunk"}}"#).is_err());
        assert!(serde_json::from_str::<Container>(r#"{"pullPolicy":"sometimes"}"#).is_err());
    }

    #[test]
    fn a_container_that_asks_for_nothing_more_is_ordered_as_before() {
        let container: Container = serde_json::from_str("{}").unwrap();
        assert_eq!(container.more(), wire::ContainerMore::default());
        let asks: Container = serde_json::from_str(r#"{"ulimits":[{"name":"nofile","soft":9}]}"#).unwrap();
        assert_eq!(asks.more().ulimits[0].hard, 9);
    }
}

//! From an order's specification to what the engine is asked to create.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount as EngineMount, MountType,
    PortBinding, ResourcesUlimits, RestartPolicy as EngineRestart, RestartPolicyNameEnum,
};
use muster_base::OrderId;
use muster_protocol::latest::{
    ContainerMore, ContainerSpec, DeploySpec, EnvVar, HealthCheck, LogTo, Mount, Protocol, RestartPolicy,
    Ulimit,
};

use super::Pulled;
use crate::front::route::Route;

pub(super) const LABEL_APPLICATION: &str = "muster.application";
pub(super) const LABEL_ENVIRONMENT: &str = "muster.environment";
pub(super) const LABEL_ORDER: &str = "muster.order";
pub(super) const LABEL_IMAGE: &str = "muster.image";
/// The front's route to the container, as JSON.
pub(super) const LABEL_ROUTE: &str = "muster.route";
/// Names of the variables that hold secrets, with commas between them: their values are kept out of logs that are read.
pub(super) const LABEL_SECRETS: &str = "muster.secrets";

const NANOS_PER_MS: u64 = 1_000_000;
const NANOS_PER_CPU_MILLI: i64 = 1_000_000;
/// After so many failed checks in a row, once it had its time to start, a container counts as unhealthy.
const HEALTH_RETRIES: i64 = 3;

/// What a container is made of beside its specification.
pub struct MadeOf<'a> {
    /// The order that makes it.
    pub order: OrderId,
    /// The image.
    pub image: &'a Pulled,
    /// The front's route to it, if one stands before it: then its ports are published on the loopback address only.
    pub route: Option<&'a Route>,
    /// What else it asks for.
    pub more: &'a ContainerMore,
}

pub(super) fn create_body(spec: &DeploySpec, made_of: &MadeOf<'_>, env: Vec<String>) -> ContainerCreateBody {
    let container = &spec.container;
    ContainerCreateBody {
        image: Some(made_of.image.pinned.clone()),
        env: Some(env),
        cmd: container.command.clone(),
        entrypoint: container.entrypoint.clone(),
        user: container.user.clone(),
        labels: Some(labels(spec, made_of)),
        exposed_ports: Some(container.ports.iter().map(port_key).collect()),
        healthcheck: health_config(&container.health, spec.health_timeout_ms),
        stop_signal: made_of.more.stop_signal.clone(),
        host_config: Some(HostConfig {
            port_bindings: Some(port_bindings(container, made_of.route)),
            mounts: Some(container.mounts.iter().map(mount).collect()),
            restart_policy: Some(restart(container.restart)),
            network_mode: container.networks.first().cloned(),
            nano_cpus: container.cpu_millis.map(|m| i64::from(m) * NANOS_PER_CPU_MILLI),
            memory: container
                .memory_bytes
                .map(|b| i64::try_from(b).unwrap_or(i64::MAX)),
            privileged: Some(container.privileged),
            ulimits: Some(made_of.more.ulimits.iter().map(ulimit).collect()),
            log_config: made_of.more.log.as_ref().map(log_config),
            extra_hosts: Some(extra_hosts(made_of.more)),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn ulimit(limit: &Ulimit) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(limit.name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    }
}

fn log_config(log: &LogTo) -> HostConfigLogConfig {
    HostConfigLogConfig {
        typ: Some(log.driver.clone()),
        config: Some(log.options.iter().cloned().collect()),
    }
}

/// As the engine takes them: `NAME:ADDRESS`, an IPv6 address as it is.
fn extra_hosts(more: &ContainerMore) -> Vec<String> {
    let hosts = more.extra_hosts.iter();
    hosts.map(|(name, address)| format!("{name}:{address}")).collect()
}

/// The networks that the container joins after it is created: the engine takes one at creation.
pub(super) fn more_networks(container: &ContainerSpec) -> impl Iterator<Item = &str> {
    container.networks.iter().skip(1).map(String::as_str)
}

/// Muster's own labels win over an order's extra ones.
fn labels(spec: &DeploySpec, made_of: &MadeOf<'_>) -> HashMap<String, String> {
    let extra = spec.container.labels.iter().cloned();
    let mut labels: HashMap<_, _> = extra.filter(|(name, _)| !name.starts_with("muster.")).collect();
    if let Some(route) = made_of.route.and_then(|route| serde_json::to_string(route).ok()) {
        labels.insert(LABEL_ROUTE.to_owned(), route);
    }
    let secret = spec.container.env.iter().filter_map(|variable| match variable {
        EnvVar::Secret { name, .. } => Some(name.as_str()),
        EnvVar::Plain { .. } => None,
    });
    let secret = secret.collect::<Vec<_>>().join(",");
    if !secret.is_empty() {
        labels.insert(LABEL_SECRETS.to_owned(), secret);
    }
    let own = [
        (LABEL_APPLICATION, spec.application.to_string()),
        ("muster.deployment", spec.deployment.to_string()),
        (LABEL_ENVIRONMENT, spec.environment.clone()),
        ("muster.version", spec.version.clone()),
        (LABEL_ORDER, made_of.order.to_string()),
        (LABEL_IMAGE, spec.image.clone()),
        ("muster.digest", made_of.image.digest.clone()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value)));
    labels
}

fn port_key(port: &muster_protocol::latest::PortMapping) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", port.container_port)
}

fn port_bindings(
    container: &ContainerSpec,
    route: Option<&Route>,
) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for (place, port) in container.ports.iter().enumerate() {
        let behind = route.and_then(|route| route.ports.get(place));
        let on_host = match behind {
            Some(behind) => PortBinding {
                host_ip: Some(behind.target().ip().to_string()),
                host_port: Some(behind.to.to_string()),
            },
            None => PortBinding {
                host_ip: port.host_ip.clone(),
                host_port: Some(port.host_port.to_string()),
            },
        };
        bindings
            .entry(port_key(port))
            .or_default()
            .get_or_insert_default()
            .push(on_host);
    }
    bindings
}

fn mount(mount: &Mount) -> EngineMount {
    let (kind, source, target, read_only) = match mount {
        Mount::Volume {
            name,
            target,
            read_only,
        } => (MountType::VOLUME, name, target, *read_only),
        Mount::Bind {
            source,
            target,
            read_only,
        } => (MountType::BIND, source, target, *read_only),
    };
    EngineMount {
        typ: Some(kind),
        source: Some(source.clone()),
        target: Some(target.clone()),
        read_only: Some(read_only),
        ..EngineMount::default()
    }
}

fn restart(policy: RestartPolicy) -> EngineRestart {
    let (name, retries) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        RestartPolicy::OnFailure { max_retries } => {
            (RestartPolicyNameEnum::ON_FAILURE, Some(i64::from(max_retries)))
        }
    };
    EngineRestart {
        name: Some(name),
        maximum_retry_count: retries,
    }
}

/// A command is given to the engine, which goes on checking after the deploy; the rest is the worker's to check once.
fn health_config(check: &HealthCheck, start_ms: u64) -> Option<HealthConfig> {
    match check {
        HealthCheck::Command {
            command,
            interval_ms,
            timeout_ms,
        } => Some(HealthConfig {
            test: Some(
                std::iter::once("CMD".to_owned())
                    .chain(command.iter().cloned())
                    .collect(),
            ),
            interval: Some(nanos(*interval_ms)),
            timeout: Some(nanos(*timeout_ms)),
            retries: Some(HEALTH_RETRIES),
            start_period: Some(nanos(start_ms)),
            start_interval: None,
        }),
        HealthCheck::Running | HealthCheck::Image | HealthCheck::Http { .. } | HealthCheck::Tcp { .. } => {
            None
        }
    }
}

fn nanos(ms: u64) -> i64 {
    i64::try_from(ms.max(1).saturating_mul(NANOS_PER_MS)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;
    use muster_protocol::latest::{PortMapping, PullAuth};

    use super::*;

    fn dns() -> DeploySpec {
        let clock = Clock::system();
        let port = |host_port, protocol| PortMapping {
            host_ip: None,
            host_port,
            container_port: 53,
            protocol,
        };
        DeploySpec {
            deployment: clock.new_id(),
            application: clock.new_id(),
            environment: "prod".to_owned(),
            version: "1".to_owned(),
            image: "r.io/dns:1".to_owned(),
            digest: None,
            pull_auth: PullAuth::None,
            container: ContainerSpec {
                ports: vec![
                    port(5301, Protocol::Udp),
                    port(5302, Protocol::Udp),
                    port(5301, Protocol::Tcp),
                ],
                labels: vec![
                    ("muster.order".to_owned(), "forged".to_owned()),
                    ("team".to_owned(), "net".to_owned()),
                ],
                ..ContainerSpec::default()
            },
            health_timeout_ms: 1,
            stop_grace_ms: 1,
        }
    }

    fn body_of(order: OrderId, more: &ContainerMore) -> ContainerCreateBody {
        let image = Pulled {
            image_id: "sha256:1".to_owned(),
            digest: "sha256:2".to_owned(),
            pinned: "r.io/dns@sha256:2".to_owned(),
        };
        let made_of = MadeOf {
            order,
            image: &image,
            route: None,
            more,
        };
        create_body(&dns(), &made_of, Vec::new())
    }

    #[test]
    fn an_order_can_t_forge_musters_labels_and_ports_of_both_protocols_stay_apart() {
        let order: OrderId = Clock::system().new_id();
        let body = body_of(order, &ContainerMore::default());
        let labels = body.labels.unwrap();
        assert_eq!(labels["muster.order"], order.to_string());
        assert_eq!(labels["team"], "net");
        let bindings = body.host_config.unwrap().port_bindings.unwrap();
        assert_eq!(bindings["53/udp"].as_ref().unwrap().len(), 2);
        assert_eq!(bindings["53/tcp"].as_ref().unwrap().len(), 1);
    }

    #[test]
    fn what_else_a_container_asks_for_is_in_the_engine_s_own_words() {
        let text = str::to_owned;
        let more = ContainerMore {
            ulimits: vec![Ulimit {
                name: text("nofile"),
                soft: 1_024,
                hard: -1,
            }],
            log: Some(LogTo {
                driver: text("json-file"),
                options: vec![(text("max-size"), text("10m"))],
            }),
            extra_hosts: vec![
                (text("db"), text("10.0.0.7")),
                (text("host.docker.internal"), text("host-gateway")),
            ],
            pull: muster_protocol::latest::PullPolicy::Always,
            stop_signal: Some(text("SIGINT")),
        };
        let order: OrderId = Clock::system().new_id();
        let body = body_of(order, &more);
        assert_eq!(body.stop_signal.as_deref(), Some("SIGINT"));
        let host = body.host_config.unwrap();
        let limit = &host.ulimits.unwrap()[0];
        assert_eq!(
            (limit.name.as_deref(), limit.soft, limit.hard),
            (Some("nofile"), Some(1_024), Some(-1))
        );
        let log = host.log_config.unwrap();
        assert_eq!(log.typ.as_deref(), Some("json-file"));
        assert_eq!(log.config.unwrap()["max-size"], "10m");
        assert_eq!(
            host.extra_hosts.unwrap(),
            ["db:10.0.0.7", "host.docker.internal:host-gateway"]
        );
        let plain = body_of(order, &ContainerMore::default());
        assert_eq!(plain.stop_signal, None);
        assert!(plain.host_config.unwrap().log_config.is_none());
    }
}

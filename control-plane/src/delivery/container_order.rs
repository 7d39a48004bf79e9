//! A container as a work order carries it.

use muster_protocol::latest as wire;

use super::container::{Container, Health, Port, Restart, Transport, Volume};

const DEFAULT_INTERVAL_MS: u64 = 1_000;
const DEFAULT_TIMEOUT_MS: u64 = 3_000;

impl Container {
    /// As an order carries it.
    pub(super) fn to_order(&self, application_name: &str, env: Vec<wire::EnvVar>) -> wire::ContainerSpec {
        wire::ContainerSpec {
            name: self.name.clone().unwrap_or_else(|| application_name.to_owned()),
            ports: self.ports.iter().map(Port::to_order).collect(),
            env,
            mounts: self.volumes.iter().map(Volume::to_order).collect(),
            networks: self.networks.clone(),
            command: self.command.clone(),
            entrypoint: self.entrypoint.clone(),
            user: self.user.clone(),
            restart: match self.restart {
                Restart::No => wire::RestartPolicy::No,
                Restart::Always => wire::RestartPolicy::Always,
                Restart::UnlessStopped => wire::RestartPolicy::UnlessStopped,
                Restart::OnFailure => wire::RestartPolicy::OnFailure {
                    max_retries: self.restart_max_retries.unwrap_or(5),
                },
            },
            health: self.health_check.to_order(),
            cpu_millis: self.limits.cpu_millis,
            memory_bytes: self.limits.memory_bytes,
            labels: self
                .labels
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            privileged: self.privileged,
        }
    }
}

impl Port {
    fn to_order(&self) -> wire::PortMapping {
        wire::PortMapping {
            host_ip: self.host_ip.clone(),
            host_port: self.host,
            container_port: self.container,
            protocol: match self.protocol {
                Transport::Tcp => wire::Protocol::Tcp,
                Transport::Udp => wire::Protocol::Udp,
            },
        }
    }
}

impl Volume {
    fn to_order(&self) -> wire::Mount {
        let (target, read_only) = (self.target.clone(), self.read_only);
        if self.source.starts_with('/') {
            let source = self.source.clone();
            wire::Mount::Bind {
                source,
                target,
                read_only,
            }
        } else {
            let name = self.source.clone();
            wire::Mount::Volume {
                name,
                target,
                read_only,
            }
        }
    }
}

impl Health {
    fn to_order(&self) -> wire::HealthCheck {
        let interval = |ms: Option<u64>| ms.unwrap_or(DEFAULT_INTERVAL_MS);
        let timeout = |ms: Option<u64>| ms.unwrap_or(DEFAULT_TIMEOUT_MS);
        match self {
            Self::Running => wire::HealthCheck::Running,
            Self::Image => wire::HealthCheck::Image,
            Self::Command {
                command,
                interval_ms,
                timeout_ms,
            } => wire::HealthCheck::Command {
                command: command.clone(),
                interval_ms: interval(*interval_ms),
                timeout_ms: timeout(*timeout_ms),
            },
            Self::Http {
                port,
                path,
                interval_ms,
                timeout_ms,
            } => wire::HealthCheck::Http {
                port: *port,
                path: path.clone().unwrap_or_else(|| "/".to_owned()),
                interval_ms: interval(*interval_ms),
                timeout_ms: timeout(*timeout_ms),
            },
            Self::Tcp {
                port,
                interval_ms,
                timeout_ms,
            } => wire::HealthCheck::Tcp {
                port: *port,
                interval_ms: interval(*interval_ms),
                timeout_ms: timeout(*timeout_ms),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_unless_stopped_and_running() {
        let container: Container = serde_json::from_str("{}").unwrap();
        let order = container.to_order("shop", Vec::new());
        assert_eq!(order.name, "shop");
        assert_eq!(order.restart, wire::RestartPolicy::UnlessStopped);
        assert_eq!(order.health, wire::HealthCheck::Running);
    }

    #[test]
    fn a_path_is_a_bind_mount_and_a_name_is_a_volume() {
        let json = r#"{"volumes":[{"source":"/srv/data","target":"/data"},{"source":"data","target":"/d","readOnly":true}]}"#;
        let order = serde_json::from_str::<Container>(json)
            .unwrap()
            .to_order("x", Vec::new());
        assert!(matches!(&order.mounts[0], wire::Mount::Bind { source, .. } if source == "/srv/data"));
        assert!(
            matches!(&order.mounts[1], wire::Mount::Volume { name, read_only: true, .. } if name == "data")
        );
    }
}

//! How a host replaces an application's container.

use muster_protocol::latest as wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    container::{Port, Transport},
    fields::Fields,
};

const DEFAULT_GRACE_MS: u64 = 30_000;

/// How the old container is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[schema(as = DeployStrategy)]
pub enum Strategy {
    /// It is stopped, then the new one starts: a short gap, for any container.
    #[default]
    Recreate,
    /// The new one serves before the old one stops, and no request is dropped. For services whose published ports are all
    /// TCP: a small process on the host listens there in the containers' place.
    Handover {
        /// What connections are.
        #[serde(default)]
        protocol: ServiceProtocol,
        /// How long connections may stay with the old container; 30 s by default.
        #[schema(rename = "graceMs", maximum = 600_000)]
        grace_ms: Option<u64>,
    },
}

/// What a service's connections are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceProtocol {
    /// HTTP/1: each request goes to the container that serves at that moment, on connections that are kept, too.
    #[default]
    Http,
    /// Anything: a connection stays with the container where it began.
    Tcp,
}

impl Strategy {
    /// The order that replaces the container so. Hosts with an agent that knows no handover refuse it, and one that
    /// asks for `more` is not sent to agents that would not do it.
    pub(super) fn to_order(&self, deploy: wire::DeploySpec, more: wire::ContainerMore) -> wire::OrderPayload {
        if more != wire::ContainerMore::default() {
            let handover = match self {
                Self::Recreate => None,
                Self::Handover { protocol, grace_ms } => Some(wire::HandoverTerms {
                    http: *protocol == ServiceProtocol::Http,
                    grace_ms: grace_ms.unwrap_or(DEFAULT_GRACE_MS),
                }),
            };
            return wire::OrderPayload::FullDeploy(Box::new(wire::FullDeploySpec {
                deploy,
                handover,
                more,
            }));
        }
        match self {
            Self::Recreate => wire::OrderPayload::Deploy(Box::new(deploy)),
            Self::Handover { protocol, grace_ms } => {
                wire::OrderPayload::Handover(Box::new(wire::HandoverSpec {
                    deploy,
                    http: *protocol == ServiceProtocol::Http,
                    grace_ms: grace_ms.unwrap_or(DEFAULT_GRACE_MS),
                }))
            }
        }
    }

    /// Notes what is wrong, below `container.strategy`.
    pub(super) fn check(&self, ports: &[Port], networks: &[String], fields: &mut Fields) {
        let field = "container.strategy";
        let Self::Handover { grace_ms, .. } = self else {
            return;
        };
        let all_tcp = ports.iter().all(|port| port.protocol == Transport::Tcp);
        fields.check(
            !ports.is_empty() && all_tcp,
            field,
            "handover needs published ports, all of them TCP",
        );
        let own = networks.iter().all(|name| name != "host" && name != "none");
        fields.check(own, field, "handover needs a network of the container's own");
        let in_range = grace_ms.is_none_or(|ms| ms <= 600_000);
        fields.check(in_range, format!("{field}.graceMs"), "at most 600,000");
    }
}

#[cfg(test)]
mod tests {
    use super::{super::container::Container, *};

    #[test]
    fn a_handover_is_an_order_of_its_own_and_needs_tcp_ports() {
        let read = |json: &str| serde_json::from_str::<Container>(json).unwrap();
        let plain = read("{}").strategy;
        assert_eq!(plain, Strategy::Recreate);
        let wrong = |json: &str| {
            let mut fields = Fields::default();
            read(json).check(&mut fields);
            fields.finish().is_err()
        };
        let handover = r#""strategy":{"type":"handover","protocol":"tcp","graceMs":5000}"#;
        assert!(wrong(&format!("{{{handover}}}")));
        let udp = r#""ports":[{"host":53,"container":53,"protocol":"udp"}]"#;
        assert!(wrong(&format!("{{{handover},{udp}}}")));
        assert!(!wrong(&format!(
            "{{{handover},{}}}",
            r#""ports":[{"host":80,"container":80}]"#
        )));
    }
}

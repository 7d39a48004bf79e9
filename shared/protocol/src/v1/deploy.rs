//! What a deploy's order holds: the image and the container that is to be.

use muster_base::{ApplicationId, DeploymentId};
use serde::{Deserialize, Serialize};

/// One application's container on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploySpec {
    /// The deployment that this is part of.
    pub deployment: DeploymentId,
    /// The application.
    pub application: ApplicationId,
    /// The environment's name.
    pub environment: String,
    /// The version as a person knows it.
    pub version: String,
    /// Image reference with its registry and tag, for instance `127.0.0.1:5000/shop:1.4.2`.
    pub image: String,
    /// Digest that the pull must yield (`sha256:…`); `None` if the registry could not be asked beforehand.
    pub digest: Option<String>,
    /// How to authenticate at the registry.
    pub pull_auth: PullAuth,
    /// The container.
    pub container: ContainerSpec,
    /// How long the new container may take to become healthy.
    pub health_timeout_ms: u64,
    /// How long the old one may take to stop.
    pub stop_grace_ms: u64,
}

/// A deploy during which no request is dropped: the new container serves before the old one is stopped. A front on the
/// host listens on the published ports (all of them TCP) and takes connections to whoever serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverSpec {
    /// The rest, as in a deploy without.
    pub deploy: DeploySpec,
    /// Whether connections are HTTP/1: then each request goes to whoever serves at that moment. Else a connection stays
    /// with the container where it began.
    pub http: bool,
    /// How long connections may stay with the old container.
    pub grace_ms: u64,
}

/// A deploy whose container asks for more than agents before protocol version 5 know. One that asks for nothing of it
/// is sent as it was before, so that older agents do it still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullDeploySpec {
    /// The rest.
    pub deploy: DeploySpec,
    /// How it is handed over; `None`: the old container is stopped first.
    pub handover: Option<HandoverTerms>,
    /// What else is asked for.
    pub more: ContainerMore,
}

/// How a service is handed over, as in [`HandoverSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverTerms {
    /// Whether connections are HTTP/1.
    pub http: bool,
    /// How long connections may stay with the old container.
    pub grace_ms: u64,
}

/// What a container may ask for beside its [`ContainerSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerMore {
    /// Limits of its processes.
    pub ulimits: Vec<Ulimit>,
    /// Where its output goes; `None`: as the engine is set up.
    pub log: Option<LogTo>,
    /// Names that it knows beside those of its networks, each with an address or `host-gateway`.
    pub extra_hosts: Vec<(String, String)>,
    /// Whether its image is pulled.
    pub pull: PullPolicy,
    /// What it is sent to stop, and the container that it replaces, too; `None`: what the image says.
    pub stop_signal: Option<String>,
}

/// A limit of a container's processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// As the engine calls it, for instance `nofile`.
    pub name: String,
    /// Where processes begin; -1: no limit.
    pub soft: i64,
    /// How far they may go; -1: no limit.
    pub hard: i64,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTo {
    /// The engine's log driver.
    pub driver: String,
    /// Its options.
    pub options: Vec<(String, String)>,
}

/// Whether an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PullPolicy {
    /// Each time.
    #[default]
    Always,
    /// If the engine has not got it, with the digest that is wanted.
    Missing,
    /// Not at all: the engine has it, or the deploy fails before anything is touched.
    Never,
}

/// Registry credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullAuth {
    /// None.
    None,
    /// Basic authentication.
    UsernamePassword {
        /// User name.
        username: String,
        /// Name of the password among the sealed secrets.
        password_secret: String,
    },
    /// A bearer token.
    Token {
        /// Name of the token among the sealed secrets.
        token_secret: String,
    },
}

/// What the container is to look like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Container name: the old container of this name is the one replaced.
    pub name: String,
    /// Published ports.
    pub ports: Vec<PortMapping>,
    /// Environment.
    pub env: Vec<EnvVar>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Networks to join beside the default; created if missing is not done.
    pub networks: Vec<String>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Replaces the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// User to run as.
    pub user: Option<String>,
    /// What the engine does when it exits.
    pub restart: RestartPolicy,
    /// How it is known to be healthy.
    pub health: HealthCheck,
    /// CPU limit in thousandths of a core.
    pub cpu_millis: Option<u32>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<u64>,
    /// Extra labels. Those whose names begin with `muster.` are hints for the agent and stand on no container: an agent
    /// leaves out those that it does not know, whatever its version.
    pub labels: Vec<(String, String)>,
    /// Whether it asks for every privilege; refused by the default policy.
    pub privileged: bool,
}

/// The hint how many versions' images of an application stay on a host.
pub const HINT_KEEP_IMAGES: &str = "muster.keep-images";
/// The hint what the image's layers take together, compressed, in bytes.
pub const HINT_IMAGE_BYTES: &str = "muster.image-bytes";

impl ContainerSpec {
    /// The number that a hint says, if it is there and is one.
    pub fn hint(&self, name: &str) -> Option<u64> {
        let hint = self.labels.iter().find(|(label, _)| label == name);
        hint.and_then(|(_, value)| value.parse().ok())
    }
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// Address on the host; `None` for all.
    pub host_ip: Option<String>,
    /// Port on the host.
    pub host_port: u16,
    /// Port in the container.
    pub container_port: u16,
    /// Transport.
    pub protocol: Protocol,
}

/// Transport of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the protocols' own names")]
pub enum Protocol {
    Tcp,
    Udp,
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvVar {
    /// In clear.
    Plain {
        /// Variable.
        name: String,
        /// Value.
        value: String,
    },
    /// From the sealed secrets.
    Secret {
        /// Variable.
        name: String,
        /// Name among the sealed secrets.
        secret: String,
    },
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// A named volume.
    Volume {
        /// Volume name.
        name: String,
        /// Path in the container.
        target: String,
        /// Mounted read-only.
        read_only: bool,
    },
    /// A path of the host; refused unless the local policy allows it.
    Bind {
        /// Path on the host.
        source: String,
        /// Path in the container.
        target: String,
        /// Mounted read-only.
        read_only: bool,
    },
}

/// What the engine does when the container exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the engine's own words")]
pub enum RestartPolicy {
    No,
    Always,
    #[default]
    UnlessStopped,
    OnFailure {
        max_retries: u16,
    },
}

/// How a container is known to be healthy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HealthCheck {
    /// It has run for three seconds without exiting.
    #[default]
    Running,
    /// The image's own `HEALTHCHECK`.
    Image,
    /// A command in the container exits with 0.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Time between checks.
        interval_ms: u64,
        /// A check may take this long.
        timeout_ms: u64,
    },
    /// `GET` of a container port answers 200–399.
    Http {
        /// Container port.
        port: u16,
        /// Path with query.
        path: String,
        /// Time between checks.
        interval_ms: u64,
        /// A check may take this long.
        timeout_ms: u64,
    },
    /// A container port accepts a connection.
    Tcp {
        /// Container port.
        port: u16,
        /// Time between checks.
        interval_ms: u64,
        /// A check may take this long.
        timeout_ms: u64,
    },
}

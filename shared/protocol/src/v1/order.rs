//! Work orders: what the control plane asks of a host, and what the host answers.

use muster_base::{ApplicationId, DeploymentId, ExecutionId, OrderId, ReleaseId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};

use super::TailRequest;

/// First frame on a stream that the control plane opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerStream {
    /// Do this, or say what became of it.
    Order(Box<SignedOrder>),
    /// Stop an order that has not ended. The answer is the order's outcome.
    Cancel(OrderId),
    /// Send live data.
    Tail(TailRequest),
}

/// An order as it travels and as both journals keep it. Everything that is acted on is under the signature:
/// `body` holds the SHA-256 of `payload` and of `sealed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// Canonical bytes of the order's head (`muster_identity::order`).
    pub body: Vec<u8>,
    /// First 8 bytes of the SHA-256 of the signing key.
    pub key_id: [u8; 8],
    /// Ed25519 signature over `body`.
    pub signature: Vec<u8>,
    /// Encoded [`OrderPayload`]; holds no secret.
    pub payload: Vec<u8>,
    /// Encoded [`SealedSecrets`]; empty if the order needs none.
    pub sealed: Vec<u8>,
}

/// Secrets sealed to the host's worker with HPKE; the plain text is an encoded [`SecretValues`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecrets {
    /// First 8 bytes of the SHA-256 of the host's public seal key.
    pub recipient: [u8; 8],
    /// HPKE encapsulated key.
    pub encapsulated: Vec<u8>,
    /// HPKE cipher text.
    pub ciphertext: Vec<u8>,
}

/// What [`SealedSecrets`] hold: values by the name that the payload refers to them by.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SecretValues(pub Vec<(String, String)>);

impl std::fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderPayload {
    /// Replace a container.
    Deploy(Box<DeploySpec>),
    /// Execute a release on one database.
    Sql(Box<SqlSpec>),
    /// Connect to a database server and say its version. Changes nothing.
    TestServer(SqlTarget),
}

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
    /// Extra labels.
    pub labels: Vec<(String, String)>,
    /// Whether it asks for every privilege; refused by the default policy.
    pub privileged: bool,
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

/// The dialect of a database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DbDialect {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
}

/// A database as the agent reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlTarget {
    /// The registered server.
    pub server: ServerId,
    /// Dialect.
    pub dialect: DbDialect,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub username: String,
    /// Name of the password among the sealed secrets.
    pub password_secret: String,
    /// Database.
    pub database: String,
}

/// A release on one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlSpec {
    /// The execution that this is.
    pub execution: ExecutionId,
    /// The release. The ledger in the target database is kept by it: a release runs there once.
    pub release: ReleaseId,
    /// The release's version as a person knows it.
    pub version: String,
    /// SHA-256 of the approved SQL text: each statement followed by `;` and a line feed.
    pub sql_sha256: [u8; 32],
    /// Where.
    pub target: SqlTarget,
    /// What, in order.
    pub statements: Vec<SqlStatement>,
    /// Waiting for a lock ends after this time.
    pub lock_timeout_ms: u64,
    /// A statement ends after this time.
    pub statement_timeout_ms: u64,
    /// Run and roll back (PostgreSQL), or only check what can be checked (MySQL).
    pub dry_run: bool,
}

/// One statement of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlStatement {
    /// The text, without its closing semicolon.
    pub sql: String,
    /// Can run in a transaction with the others (PostgreSQL).
    pub transactional: bool,
    /// Highest risk found in it: 0 safe, 1 warning, 2 destructive, 3 unknown.
    pub risk: u8,
}

/// Agent → control plane on an order's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderReply {
    /// Verified and journalled; work starts, or had started before.
    Accepted,
    /// Not done, and never will be.
    Refused(OrderRefusal),
    /// Something happened. Sent again after a reconnect; `seq` tells repeats.
    Event(OrderEvent),
    /// The end. Sent again until the control plane has stored it.
    Outcome(Box<OrderOutcome>),
}

/// Why a host will not do an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderRefusal {
    /// The signature does not hold or its key is not pinned.
    BadSignature,
    /// The payload or the sealed part is not what was signed.
    BadDigest,
    /// The order is for another host or org.
    WrongHost,
    /// Its time has passed, or has not come.
    Expired,
    /// Its sequence number was seen before.
    Replay,
    /// It can't be read by this agent's version.
    Unreadable,
    /// The sealed part was made for a key that this host no longer has: seal it anew.
    SealedForOldKey,
    /// The local policy forbids it; names the rule and what to do.
    Policy {
        /// For instance `images.allow`.
        rule: String,
        /// For a person.
        message: String,
    },
}

/// Progress of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// Counts up within the order from 0, also across restarts of the agent.
    pub seq: u32,
    /// When.
    pub at: UnixMs,
    /// What.
    pub what: StepReport,
}

/// A step's news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepReport {
    /// A step changed its status.
    Step {
        /// Position of the step within the order, from 0.
        index: u32,
        /// For a deploy one of `verify`, `authenticate`, `pull`, `set-aside`, `stop-old`, `start-new`, `health`,
        /// `remove-old`, `put-back`; for SQL `statement`.
        name: String,
        /// The status it has now.
        status: StepStatus,
        /// How long it took, once ended.
        duration_ms: Option<u64>,
        /// Rows affected by a statement.
        rows: Option<u64>,
        /// For a person: the error, or what is going on.
        detail: String,
    },
    /// A line for the log.
    Log(String),
}

/// Status of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepStatus {
    /// Under way.
    Running,
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Not needed.
    Skipped,
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderOutcome {
    /// How.
    pub status: OrderStatus,
    /// When the work began.
    pub started_at: UnixMs,
    /// When it ended.
    pub ended_at: UnixMs,
    /// For a person: the error and what to do.
    pub error: Option<String>,
    /// Digest that now runs (deploys).
    pub digest: Option<String>,
    /// What the server said of itself (server tests).
    pub server_version: Option<String>,
    /// The last event's `seq` + 1.
    pub events: u32,
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderStatus {
    /// Everything was done.
    Done,
    /// Not done; nothing is changed or everything was put back.
    RolledBack,
    /// Stopped by a person; nothing is changed or everything was put back.
    Cancelled,
    /// Failed; the error says what state things are in.
    Failed,
    /// Half done and nobody but a person can tell what is right; the error says what to look at.
    NeedsAttention,
}

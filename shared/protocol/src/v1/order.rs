//! Work orders: what the control plane asks of a host, and what the host answers.

use muster_base::{OrderId, UnixMs};
use serde::{Deserialize, Serialize};

use super::{
    ContainerOrder, DeploySpec, FileOrder, FullDeploySpec, GuardedSql, HandoverSpec, SqlGuard, SqlSpec,
    SqlTarget, TailRequest,
};

/// First frame on a stream that the control plane opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerStream {
    /// Do this, or say what became of it.
    Order(Box<SignedOrder>),
    /// Stop an order that has not ended. The answer is what is said of it, up to its outcome.
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
    /// Replace a container without dropping a request.
    Handover(Box<HandoverSpec>),
    /// Start, stop or restart a container. Since protocol version 3.
    Container(ContainerOrder),
    /// Put a file onto the host. Since protocol version 4.
    File(FileOrder),
    /// Replace a container by one that asks for more. Since protocol version 5.
    FullDeploy(Box<FullDeploySpec>),
    /// Execute a release, and hold some of its statements in. Since protocol version 5.
    GuardedSql(Box<GuardedSql>),
}

impl OrderPayload {
    /// The container that is deployed, if one is.
    pub const fn deploy(&self) -> Option<&DeploySpec> {
        match self {
            Self::Deploy(spec) => Some(spec),
            Self::Handover(spec) => Some(&spec.deploy),
            Self::FullDeploy(spec) => Some(&spec.deploy),
            Self::Sql(_) | Self::GuardedSql(_) | Self::TestServer(_) | Self::Container(_) | Self::File(_) => {
                None
            }
        }
    }

    /// The release that is executed, if one is, and what holds it in.
    pub fn release(&self) -> Option<(&SqlSpec, &[SqlGuard])> {
        match self {
            Self::Sql(spec) => Some((spec, &[])),
            Self::GuardedSql(guarded) => Some((&guarded.spec, &guarded.guards)),
            Self::Deploy(_)
            | Self::Handover(_)
            | Self::FullDeploy(_)
            | Self::TestServer(_)
            | Self::Container(_)
            | Self::File(_) => None,
        }
    }
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
        /// `remove-old`, `put-back`, `prune`, or, when handing over, `switch`, `drain`; for SQL `statement`; for a container
        /// that is there `look`, `stop`, `start`, `settle`; for a file `look`, `fetch`, `place`.
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

//! Orders as the control plane knows them.

use muster_base::{HostId, OrderId, OrgId, UnixMs};
use muster_protocol::latest::{OrderPayload, OrderStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OrderKind {
    /// Replace a container.
    Deploy,
    /// Execute a release.
    Sql,
    /// Connect to a database server and say its version.
    TestServer,
    /// Start, stop or restart a container.
    Container,
    /// Put a file onto the host.
    File,
}

impl OrderKind {
    pub(super) const ALL: [Self; 5] = [
        Self::Deploy,
        Self::Sql,
        Self::TestServer,
        Self::Container,
        Self::File,
    ];

    /// The kind of a payload.
    pub const fn of(payload: &OrderPayload) -> Self {
        match payload {
            OrderPayload::Deploy(_) | OrderPayload::Handover(_) | OrderPayload::FullDeploy(_) => Self::Deploy,
            OrderPayload::Sql(_) | OrderPayload::GuardedSql(_) => Self::Sql,
            OrderPayload::TestServer(_) => Self::TestServer,
            OrderPayload::Container(_) => Self::Container,
            OrderPayload::File(_) => Self::File,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Sql => "sql",
            Self::TestServer => "testServer",
            Self::Container => "container",
            Self::File => "file",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub(super) const fn signed(self) -> muster_identity::order::OrderKind {
        use muster_identity::order::OrderKind as Signed;
        match self {
            Self::Deploy => Signed::Deploy,
            Self::Sql => Signed::Sql,
            Self::TestServer => Signed::TestServer,
            Self::Container => Signed::Container,
            Self::File => Signed::File,
        }
    }

    /// The first protocol version whose agents know such a payload.
    pub(super) const fn since(payload: &OrderPayload) -> u16 {
        match payload {
            OrderPayload::Deploy(_) | OrderPayload::Sql(_) | OrderPayload::TestServer(_) => {
                muster_protocol::VERSIONS.0
            }
            OrderPayload::Handover(_) => muster_protocol::HANDOVERS_SINCE,
            OrderPayload::Container(_) => muster_protocol::CONTAINERS_SINCE,
            OrderPayload::File(_) => muster_protocol::FILES_SINCE,
            OrderPayload::FullDeploy(_) => muster_protocol::FULL_DEPLOYS_SINCE,
            OrderPayload::GuardedSql(_) => muster_protocol::GUARDS_SINCE,
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OrderState {
    /// To be handed over.
    Queued,
    /// To be handed over when its host is back.
    WaitingForHost,
    /// Handed over; the host has not said anything yet.
    Sent,
    /// The host works on it.
    Accepted,
    /// Done.
    Done,
    /// Not done; nothing is changed or everything was put back.
    RolledBack,
    /// Failed.
    Failed,
    /// The host won't do it.
    Refused,
    /// Stopped by a person.
    Cancelled,
    /// Its time passed before it was done.
    Expired,
    /// Half done; a person has to look.
    NeedsAttention,
}

impl OrderState {
    const ALL: [Self; 11] = [
        Self::Queued,
        Self::WaitingForHost,
        Self::Sent,
        Self::Accepted,
        Self::Done,
        Self::RolledBack,
        Self::Failed,
        Self::Refused,
        Self::Cancelled,
        Self::Expired,
        Self::NeedsAttention,
    ];

    /// Whether nothing comes after it.
    pub const fn is_end(self) -> bool {
        match self {
            Self::Queued | Self::WaitingForHost | Self::Sent | Self::Accepted => false,
            Self::Done
            | Self::RolledBack
            | Self::Failed
            | Self::Refused
            | Self::Cancelled
            | Self::Expired
            | Self::NeedsAttention => true,
        }
    }

    /// Whether the host has never seen it.
    pub const fn is_before_hand_over(self) -> bool {
        matches!(self, Self::Queued | Self::WaitingForHost)
    }

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::WaitingForHost => "waitingForHost",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::RolledBack => "rolledBack",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::NeedsAttention => "needsAttention",
        }
    }

    /// The state of a word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl From<OrderStatus> for OrderState {
    fn from(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Done => Self::Done,
            OrderStatus::RolledBack => Self::RolledBack,
            OrderStatus::Cancelled => Self::Cancelled,
            OrderStatus::Failed => Self::Failed,
            OrderStatus::NeedsAttention => Self::NeedsAttention,
        }
    }
}

/// Somebody said yes; stands under the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Who, for instance `user:0199…`.
    pub by: String,
    /// When.
    pub at: UnixMs,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Whose host.
    pub org: OrgId,
    /// Which host.
    pub host: HostId,
    /// What. Its secrets are only named; the room is asked for them at the hand-over ([`super::Listener::secrets`]).
    pub payload: OrderPayload,
    /// Who approved.
    pub approvals: Vec<Approval>,
    /// Not handed over before.
    pub not_before: UnixMs,
    /// Not started after.
    pub expires: UnixMs,
    /// Who asks, for people: `user:ann`, `webhook`, ….
    pub created_by: String,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Id.
    pub id: OrderId,
    /// Whose.
    #[serde(skip)]
    pub org: OrgId,
    /// The host that is asked.
    pub host_id: HostId,
    /// What kind of work.
    pub kind: OrderKind,
    /// The deployment, the execution, the database server, what was sent or, for a container, the host that it is for.
    pub subject_id: Uuid,
    /// Where it stands.
    pub state: OrderState,
    /// Who approved.
    pub approvals: Vec<Approval>,
    /// Who asked.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Not handed over before.
    pub not_before: UnixMs,
    /// Not started after.
    pub expires_at: UnixMs,
    /// Its number among the host's orders, once handed over.
    pub sequence: Option<i64>,
    /// When it was handed over.
    pub sent_at: Option<UnixMs>,
    /// When the host accepted it.
    pub accepted_at: Option<UnixMs>,
    /// When the host began, as the host says at the end.
    pub started_at: Option<UnixMs>,
    /// When it ended.
    pub ended_at: Option<UnixMs>,
    /// When somebody asked to stop it.
    pub cancel_requested_at: Option<UnixMs>,
    /// What went wrong and what to do.
    pub error: Option<String>,
    /// Digest of the image that runs now.
    pub digest: Option<String>,
    /// What the database server said of itself.
    pub server_version: Option<String>,
    #[serde(skip)]
    pub(super) reseals: i64,
}

/// What a host said while it worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredEvent {
    /// Counts up within the order.
    pub seq: i64,
    /// When, by the host's clock.
    pub at: UnixMs,
    /// `step` or `log`.
    pub kind: String,
    /// Position of the step, from 0; null for a line of the log.
    pub step: Option<i64>,
    /// Name of the step.
    pub name: String,
    /// `running`, `done`, `failed`, `skipped`; empty for a line of the log.
    pub status: String,
    /// How long the step took, once it ended.
    pub duration_ms: Option<i64>,
    /// Rows that a statement affected.
    pub rows: Option<i64>,
    /// The error, what is going on, or the line.
    pub detail: String,
}

//! Enrolment.

use muster_base::{HostId, OrgId};
use serde::{Deserialize, Serialize};

use super::{HostFacts, SigningKeyNotice};

/// Asks to become a host of the fleet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The join token; shown to nobody, stored nowhere.
    pub token: String,
    /// PKCS#10 request in DER; the key it was made with never leaves the host.
    pub csr_der: Vec<u8>,
    /// Public half of the key that the worker opens sealed secrets with.
    pub seal_public_key: Vec<u8>,
    /// Protocol versions that the agent speaks.
    pub versions: (u16, u16),
    /// What the host is.
    pub facts: HostFacts,
}

impl std::fmt::Debug for JoinRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinRequest")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// The answer to a [`JoinRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinReply {
    /// Welcome to the fleet.
    Joined(Box<Joined>),
    /// No.
    Refused(JoinRefusal),
}

/// What a new host needs from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The host's id.
    pub host: HostId,
    /// The org it belongs to.
    pub org: OrgId,
    /// The fleet's SPIFFE trust domain.
    pub trust_domain: String,
    /// The host's certificate.
    pub certificate_der: Vec<u8>,
    /// Roots to trust: one, or two during a rotation.
    pub roots_der: Vec<Vec<u8>>,
    /// Keys that sign work orders.
    pub signing_keys: Vec<SigningKeyNotice>,
}

/// Why a join was refused. Token problems share one answer, so that a guess learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinRefusal {
    /// The token is unknown, expired, used up or withdrawn.
    TokenRefused,
    /// The certificate request is not usable.
    BadRequest,
    /// No protocol version in common.
    UnsupportedVersion,
    /// The control plane can't decide now; try again.
    Unavailable,
}

//! The control stream.

use muster_base::{SessionId, UnixMs};
use serde::{Deserialize, Serialize};

use super::{CloudFacts, HostFacts};

/// Agent → control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentControl {
    /// Always first.
    Hello(Box<Hello>),
    /// A fact changed.
    Facts(Box<HostFacts>),
    /// Asks for a new certificate for the same host.
    Renew {
        /// PKCS#10 request in DER.
        csr_der: Vec<u8>,
    },
    /// The worker's seal key was replaced.
    SealKey {
        /// Public half of the new key.
        public_key: Vec<u8>,
    },
    /// The agent stops on purpose.
    Bye,
    /// Answer to [`ServerControl::Keys`]: what the host believes from now on, on its disk.
    KeysTaken(KeysTaken),
    /// What the cloud's metadata service says of the machine: once in a session, and when it changes.
    Cloud(Box<CloudFacts>),
}

/// Control plane → agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerControl {
    /// Answer to `Hello`.
    Welcome(Box<Welcome>),
    /// A report is stored.
    Ack(Ack),
    /// New settings.
    Config(AgentConfig),
    /// Answer to `Renew`.
    Renewed(RenewReply),
    /// The control plane ends the session.
    Goodbye(Goodbye),
    /// The fleet's keys changed: a rotation.
    Keys(Box<FleetKeysNotice>),
}

/// Introduces the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol versions that the agent speaks.
    pub versions: (u16, u16),
    /// What the host is.
    pub facts: HostFacts,
    /// The agent's wall clock, so that skew can be seen.
    pub now: UnixMs,
    /// Public half of the worker's seal key.
    pub seal_public_key: Vec<u8>,
}

/// The session is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol version that this session speaks.
    pub version: u16,
    /// Names the session.
    pub session: SessionId,
    /// The control plane's wall clock.
    pub now: UnixMs,
    /// Settings.
    pub config: AgentConfig,
    /// Every signing key there was, oldest first, and after them who retired which; the agent accepts a new one only
    /// if one it pinned vouches for it, so that one that was away follows the chain.
    pub signing_keys: Vec<SigningKeyNotice>,
    /// Roots in force: one, or two during a rotation; first the one that issues.
    pub roots_der: Vec<Vec<u8>>,
}

/// The fleet's keys, as in [`Welcome`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetKeysNotice {
    /// As in [`Welcome::signing_keys`].
    pub signing_keys: Vec<SigningKeyNotice>,
    /// As in [`Welcome::roots_der`].
    pub roots_der: Vec<Vec<u8>>,
}

/// What a host believes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysTaken {
    /// SHA-256 of each root.
    pub roots: Vec<[u8; 32]>,
    /// Ids of the signing keys.
    pub signing: Vec<[u8; 8]>,
}

/// Settings that the control plane decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentConfig {
    /// Seconds between samples, 1–300.
    pub sample_interval_s: u16,
    /// So many samples wait for each other to travel in one report.
    pub samples_per_report: u16,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            sample_interval_s: 10,
            samples_per_report: 1,
        }
    }
}

/// Everything in this report is committed; the spool may forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// [`super::Report::batch`].
    pub batch: u64,
}

/// A key that signs work orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeyNotice {
    /// Ed25519 public key, 32 bytes. Its key id is the first 8 bytes of its SHA-256.
    pub public_key: Vec<u8>,
    /// Id of an older key that vouches for this one; `None` for the keys handed over at the join.
    pub vouched_by: Option<[u8; 8]>,
    /// The other key's signature over `muster-signing-key-v1\0` and this public key; or, from a newer key that says
    /// that this one counts no more, over `muster-signing-key-retired-v1\0` and this public key.
    pub signature: Vec<u8>,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RenewReply {
    /// The new certificate.
    Certificate {
        /// The host's new certificate.
        certificate_der: Vec<u8>,
        /// Roots to trust from now on.
        roots_der: Vec<Vec<u8>>,
    },
    /// The request is not usable; keep the present certificate and say so in the log.
    Refused,
}

/// Why the control plane ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goodbye {
    /// The host was removed from the fleet: don't come back.
    Revoked,
    /// A newer session of the same host took over.
    Replaced,
    /// The control plane stops, or has more agents than others do: come back soon, best to another address.
    ShuttingDown,
    /// No protocol version in common: upgrade the older side.
    UnsupportedVersion,
    /// The agent broke the protocol.
    ProtocolError,
}

//! What every other crate of Muster stands on: typed ids, the clock, time stamps, random tokens and redacted
//! strings. No I/O, no async, nothing of the domain.
#![deny(missing_docs)]

mod clock;
mod digest;
mod id;
mod random;
mod time;

pub use clock::Clock;
pub use digest::{Sha256Digest, sha256};
pub use id::{
    ApiKeyId, ApplicationId, AuditId, ClusterId, DeploymentId, EnvVarId, EnvironmentId, ExecutionId, HostId,
    IdError, JoinTokenId, OrderId, OrgId, PlatformId, RegistryId, ReleaseId, SecretGroupId, SecretId,
    ServerId, SessionId, TicketId, UserId,
};
pub use random::{random_array, random_token};
pub use secrecy::{ExposeSecret, SecretString};
pub use time::UnixMs;

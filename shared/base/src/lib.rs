//! What every other crate of Muster stands on: typed ids, the clock, time stamps, random tokens and redacted
//! strings. No I/O (but in [`points`], which no release build has), no async, nothing of the domain.
#![deny(missing_docs)]

mod clock;
mod digest;
pub mod doctor;
mod id;
pub mod points;
mod random;
mod time;

pub use clock::Clock;
pub use digest::{Sha256Digest, Sha256Stream, sha256};
pub use id::{
    AlertId, AlertReceiverId, AlertRuleId, AlertSilenceId, ApiKeyId, ApplicationId, AuditArchiveId, AuditId,
    ClusterId, DepartmentId, DeploymentId, DeviceId, DocumentId, EnvVarId, EnvironmentId, ExecutionId,
    FileId, FileSendId, FileSendTargetId, GitHookId, GitPushId, GitWishId, HostAccountId, HostId, HubImageId,
    IdError, InstanceId, InvitationId, JoinTokenId, LetterId, MessageId, ModuleId, OperationId, OrderId,
    OrgId, PieceId, PlatformId, RegistryId, ReleaseId, ReleaseRolloutId, RoleId, SecretGroupId, SecretId,
    SecretProviderId, SecretSyncId, ServerId, SessionId, SetAsideId, TemplateId, TicketId, UploadId, UserId,
};
pub use random::{random_array, random_token};
pub use secrecy::{ExposeSecret, SecretString};
pub use time::UnixMs;

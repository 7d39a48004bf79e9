//! Protocol version 1.

mod cloud;
mod container;
mod control;
mod deploy;
mod facts;
mod file;
mod join;
mod order;
mod proof;
mod report;
mod sql;

pub use cloud::{CloudFacts, CloudProvider};
pub use container::{ContainerAction, ContainerOrder, LogEnd, LogLine, LogLook, LogStream, SignedLook};
pub use control::{
    Ack, AgentConfig, AgentControl, FleetKeysNotice, Goodbye, Hello, KeysTaken, RenewReply, ServerControl,
    SigningKeyNotice, Welcome,
};
pub use deploy::{
    ContainerMore, ContainerSpec, DeploySpec, EnvVar, FullDeploySpec, HINT_IMAGE_BYTES, HINT_KEEP_IMAGES,
    HandoverSpec, HandoverTerms, HealthCheck, LogTo, Mount, PortMapping, Protocol, PullAuth, PullPolicy,
    RestartPolicy, Ulimit,
};
pub use facts::{ContainerFacts, ContainerHealth, ContainerState, HostFacts};
pub use file::{AgentStream, BytesReply, BytesWish, FileOrder};
pub use join::{JoinRefusal, JoinReply, JoinRequest, Joined};
pub use order::{
    OrderEvent, OrderOutcome, OrderPayload, OrderRefusal, OrderReply, OrderStatus, SealedSecrets,
    SecretValues, ServerStream, SignedOrder, StepReport, StepStatus,
};
pub use proof::{ProofLook, ProofNote, ProofPart};
pub use report::{Report, TailFrame, TailRequest};
pub use sql::{
    CountLook, DbDialect, GuardedSql, SchemaLook, SchemaRows, SqlGuard, SqlSpec, SqlStatement, SqlTarget,
};

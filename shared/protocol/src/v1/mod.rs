//! Protocol version 1.

mod control;
mod facts;
mod join;
mod order;
mod report;

pub use control::{
    Ack, AgentConfig, AgentControl, Goodbye, Hello, RenewReply, ServerControl, SigningKeyNotice, Welcome,
};
pub use facts::{ContainerFacts, ContainerHealth, ContainerState, HostFacts};
pub use join::{JoinRefusal, JoinReply, JoinRequest, Joined};
pub use order::{
    ContainerSpec, DbDialect, DeploySpec, EnvVar, HealthCheck, Mount, OrderEvent, OrderOutcome, OrderPayload,
    OrderRefusal, OrderReply, OrderStatus, PortMapping, Protocol, PullAuth, RestartPolicy, SealedSecrets,
    SecretValues, ServerStream, SignedOrder, SqlSpec, SqlStatement, SqlTarget, StepReport, StepStatus,
};
pub use report::{Report, TailFrame, TailRequest};

//! Deployments: what they are, and reading them.

use muster_base::{ApplicationId, DeploymentId, HostId, OrderId, OrgId, RegistryId, SecretId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use super::trigger_type::TriggerType;
use super::{
    DeliveryError, approval::GivenApproval, container::Container, environment::ApplicationEnvironment, store,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    db::DbError,
    http::page::{Cursor, Page, PageQuery},
};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident in $column:literal { $($(#[$variant_doc:meta])* $variant:ident $word:literal)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// The word, as stored and as in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            pub(super) fn read(text: &str) -> Result<Self, DbError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(DbError::Corrupt($column.to_owned())),
                }
            }
        }
    };
}

words! {
    /// Where a deployment is, and where it is on one host.
    Status in "deployments.status" {
        /// Waits for its turn, or for its host.
        Pending "pending"
        /// Waits for somebody's approval.
        WaitingApproval "waitingApproval"
        /// Under way.
        Running "running"
        /// Done everywhere.
        Success "success"
        /// Failed; the error says what state things are in.
        Failure "failure"
        /// Stopped by a person, or superseded before it began.
        Cancelled "cancelled"
        /// The new container did not become healthy, or too many did not; the old one serves.
        RolledBack "rolledBack"
        /// Of a host: it was left out, and nothing was changed there.
        Skipped "skipped"
    }
}

impl Status {
    /// Nothing more will happen.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::WaitingApproval | Self::Running => false,
            Self::Success | Self::Failure | Self::Cancelled | Self::RolledBack | Self::Skipped => true,
        }
    }
}

words! {
    /// Where a running deployment is on its way over the hosts.
    Phase in "deployments.phase" {
        /// Batch after batch.
        Rolling "rolling"
        /// Until somebody says "go on".
        Paused "paused"
        /// Changed hosts go back to what ran there before.
        RollingBack "rollingBack"
    }
}

words! {
    /// Status of a step.
    StepStatus in "deployment_steps.status" {
        /// Under way.
        Running "running"
        /// Done.
        Done "done"
        /// Failed.
        Failed "failed"
        /// Not needed.
        Skipped "skipped"
    }
}

/// Who asked for a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriggeredBy {
    /// `user`, `superAdmin`, `apiKey`, `webhook`.
    pub kind: String,
    /// Id within that kind.
    pub id: String,
    /// Name at that time.
    pub name: String,
    /// The person behind it: nobody approves of what they asked for.
    #[serde(default)]
    #[schema(required = false)]
    pub person: String,
}

impl TriggeredBy {
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            kind: caller.actor.kind().to_owned(),
            id: caller.actor.id(),
            name: caller.actor.name(),
            person: caller.actor.person(),
        }
    }
}

/// A deployment.
#[expect(
    clippy::struct_excessive_bools,
    reason = "people ask for these independently of each other"
)]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Id.
    pub id: DeploymentId,
    /// The application.
    pub application_id: ApplicationId,
    /// Its name.
    pub application_name: String,
    /// The environment.
    pub environment: String,
    /// The version: an image tag.
    pub version: String,
    /// Image reference that the hosts pull.
    pub image: String,
    /// Digest that is deployed; null until it is known.
    pub digest: Option<String>,
    /// Where it is.
    pub status: Status,
    /// What asked for it.
    pub trigger_type: TriggerType,
    /// From which address.
    pub trigger_ip: Option<String>,
    /// Who asked for it.
    pub triggered_by: TriggeredBy,
    /// The deployment that this one repeats or goes back to.
    pub origin_id: Option<DeploymentId>,
    /// Who approved of it.
    pub approvals: Vec<GivenApproval>,
    /// Where it is on its way over the hosts, while it runs.
    pub phase: Phase,
    /// The batch that was asked last, from 0.
    pub batch: i64,
    /// How many batches there are.
    pub batches: i64,
    /// Somebody asked for it to pause after this batch.
    pub pause_asked: bool,
    /// Somebody asked for it to stop.
    pub cancel_asked: bool,
    /// It is pending because no window of its environment is open.
    pub waits_for_window: bool,
    /// When the window opens that it waits for; null if it waits for none, or none opens.
    pub opens_at: Option<UnixMs>,
    /// Why it begins whatever the windows say.
    pub override_reason: Option<String>,
    /// What went wrong, and what to do.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: UnixMs,
    /// When it began.
    pub started_at: Option<UnixMs>,
    /// When it ended.
    pub completed_at: Option<UnixMs>,
    /// From its beginning to its end.
    pub duration_ms: Option<i64>,
    /// What its image's layers take, compressed; none if the registry did not say.
    #[serde(skip)]
    pub(super) image_bytes: Option<i64>,
    #[serde(skip)]
    pub(super) org: OrgId,
    #[serde(skip)]
    pub(super) plan: Plan,
    #[serde(skip)]
    pub(super) prepared: bool,
    /// Somebody asked for the changed hosts to go back.
    #[serde(skip)]
    pub(super) back_asked: bool,
}

/// A deployment on one host.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentHost {
    /// The host.
    pub host_id: HostId,
    /// Its name at that time.
    pub host_name: String,
    /// In which batch it is asked, from 0.
    pub batch: i64,
    /// The work order; null until it is asked.
    pub order_id: Option<OrderId>,
    /// Where it is there.
    pub status: Status,
    /// Digest that runs there now.
    pub digest: Option<String>,
    /// What went wrong there.
    pub error: Option<String>,
    /// When it began there.
    pub started_at: Option<UnixMs>,
    /// When it ended there.
    pub ended_at: Option<UnixMs>,
    /// The way back to what ran there before, if it was asked to go back.
    pub back: Option<HostBack>,
}

/// A host's way back.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostBack {
    /// Where it is on it.
    pub status: Status,
    /// The work order.
    pub order_id: Option<OrderId>,
    /// The deployment that it goes back to.
    pub to: Option<DeploymentId>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A step of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStep {
    /// The host; null for the control plane's own steps.
    pub host_id: Option<HostId>,
    /// Position among the steps of the same host.
    pub position: i64,
    /// `targets`, `resolve-env`, `digest`; on a host `verify`, `authenticate`, `pull`, `set-aside`, `stop-old`,
    /// `start-new`, `health`, `remove-old`, `put-back`, `prune`.
    pub name: String,
    /// Where it is.
    pub status: StepStatus,
    /// How long it took, once ended.
    pub duration_ms: Option<i64>,
    /// What happened, for a person.
    pub detail: String,
    /// When it took this status.
    pub at: UnixMs,
}

/// What is deployed, as it was when the deployment was asked for. Holds references to secrets, never values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    pub application_name: String,
    pub repository: String,
    pub registry_id: Option<RegistryId>,
    pub container: Container,
    pub target: ApplicationEnvironment,
    pub env: Vec<PlannedVar>,
    /// Digest that a repeated deployment had.
    pub pinned: Option<String>,
    /// Only these of the environment's hosts: those that one that stopped had left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<HostId>,
}

/// A variable of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlannedVar {
    pub name: String,
    pub value: PlannedValue,
}

/// Where a planned variable's value is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PlannedValue {
    Plain(String),
    Secret(SecretId),
}

/// Which deployments to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeploymentFilter {
    /// Only this application's.
    pub application_id: Option<ApplicationId>,
    /// Only in this environment.
    pub environment: Option<String>,
    /// Only with this status.
    pub status: Option<Status>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    filter: DeploymentFilter,
) -> Result<Page<Deployment>, DeliveryError> {
    caller.require(Operation::DeploymentRead)?;
    let query = PageQuery::new(filter.limit, filter.cursor.clone());
    let before = query.cursor::<DeploymentId>()?;
    let rows = store::deployment::list(
        &app.db,
        (caller.org(), caller.scope()),
        &filter,
        before,
        query.fetch(),
    )
    .await?;
    Ok(query.page(rows, |row| Cursor::of(&row.id)))
}

/// The deployment, if the caller may do `operation` on it.
pub(super) async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: DeploymentId,
) -> Result<Deployment, DeliveryError> {
    caller.require(operation)?;
    let deployment = find(app, caller.org(), id).await?;
    deployment.require(caller, operation)?;
    Ok(deployment)
}

impl Deployment {
    /// Passes if the caller may do `operation` on it.
    pub(super) fn require(&self, caller: &Caller, operation: Operation) -> Result<(), DeliveryError> {
        let object = Object::ApplicationIn(self.application_id, &self.environment);
        if caller.reaches(&object) {
            Ok(caller.require_on(operation, &object)?)
        } else {
            Err(DeliveryError::NotFound("deployment"))
        }
    }
}

pub(super) async fn find(app: &App, org: OrgId, id: DeploymentId) -> Result<Deployment, DeliveryError> {
    let found = store::deployment::find(&app.db, org, id).await?;
    found.ok_or(DeliveryError::NotFound("deployment"))
}

//! Approving of deployments, where an environment asks for it: by somebody other than whoever asked for it. Those who may
//! are told that one waits, and whoever asked is told what was decided.

use muster_base::{DeploymentId, OrgId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError,
    deployment::{self, Deployment, Status},
    events, progress, store, trigger,
};
use crate::{
    access::{self, AskingDeployment, AskingTurn, Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    error::Error,
    in_tx,
    work::Approval,
};

/// Somebody approved of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GivenApproval {
    /// The person.
    pub by: String,
    /// Their name then.
    pub name: String,
    /// When.
    pub at: UnixMs,
    /// What they said.
    pub comment: String,
}

impl GivenApproval {
    /// As it stands under an order's signature.
    pub(super) fn signed(&self) -> Approval {
        Approval {
            by: self.by.clone(),
            at: self.at,
        }
    }
}

/// What is said to it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verdict {
    /// For people.
    #[serde(default)]
    pub comment: String,
}

/// Lets a deployment have its turn.
pub(super) async fn approve(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
    verdict: Verdict,
) -> Result<Deployment, DeliveryError> {
    check(&verdict)?;
    let (org, now) = (caller.org(), app.clock.now());
    let superseded = in_tx!(app.db, |tx| {
        let mut deployment = waiting(caller, tx, id).await?;
        if deployment.triggered_by.person == caller.actor.person() {
            return Err(DeliveryError::OwnDeployment);
        }
        deployment.approvals.push(GivenApproval {
            by: caller.actor.person(),
            name: caller.actor.name(),
            at: now,
            comment: verdict.comment.clone(),
        });
        store::deployment::set_approved(tx, org, id, &deployment.approvals).await?;
        deployment.status = Status::Pending;
        let superseded = trigger::supersede(tx, &deployment, now).await?;
        events::note_status(tx, id, Status::Pending, None, now).await?;
        let entry = Entry::done(Operation::DeploymentApprove, "deployment", id).detail(verdict.comment);
        audit::record(app, tx, caller, Some(org), entry).await?;
        decided(
            app,
            tx,
            (&deployment, org),
            AskingTurn::Approved(&caller.actor.name()),
        )
        .await?;
        superseded
    });
    for id in superseded.into_iter().chain([id]) {
        app.delivery.changed(id);
    }
    app.delivery.wake.notify_one();
    deployment::find(app, org, id).await
}

/// Ends a deployment that waits for approval.
pub(super) async fn reject(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
    verdict: Verdict,
) -> Result<Deployment, DeliveryError> {
    check(&verdict)?;
    let (org, now) = (caller.org(), app.clock.now());
    in_tx!(app.db, |tx| {
        let deployment = waiting(caller, tx, id).await?;
        let said = if verdict.comment.is_empty() {
            String::new()
        } else {
            format!(": {}", verdict.comment)
        };
        let reason = format!("rejected by {}{said}", caller.actor.name());
        progress::finish(tx, &deployment, Status::Cancelled, Some(&reason), None, now).await?;
        let entry = Entry::done(Operation::DeploymentApprove, "deployment", id).detail(reason);
        audit::record(app, tx, caller, Some(org), entry).await?;
        let turn = AskingTurn::Rejected(&caller.actor.name(), &verdict.comment);
        decided(app, tx, (&deployment, org), turn).await?;
    });
    app.delivery.changed(id);
    deployment::find(app, org, id).await
}

/// The deployment, locked, if it waits for approval and the caller may give it.
async fn waiting(caller: &Caller, tx: &mut Tx, id: DeploymentId) -> Result<Deployment, DeliveryError> {
    caller.require(Operation::DeploymentApprove)?;
    let org = caller.org();
    store::deployment::lock(tx, org, id).await?;
    let found = store::deployment::find_in(tx, org, id).await?;
    let deployment = found.ok_or(DeliveryError::NotFound("deployment"))?;
    deployment.require(caller, Operation::DeploymentApprove)?;
    if deployment.status != Status::WaitingApproval {
        return Err(DeliveryError::NotWaiting(deployment.status.as_str()));
    }
    Ok(deployment)
}

/// Tells everybody who may approve that one waits.
pub(super) async fn ask(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    deployment: &Deployment,
    org: OrgId,
) -> Result<(), DeliveryError> {
    let turn = AskingTurn::Asked(&deployment.triggered_by.name);
    let asking = asking(deployment, org);
    access::tell_of_asking(app, tx, to, &asking, turn)
        .await
        .map_err(Error::from)?;
    Ok(())
}

/// Tells whoever asked for it.
async fn decided(
    app: &App,
    tx: &mut Tx,
    (deployment, org): (&Deployment, OrgId),
    turn: AskingTurn<'_>,
) -> Result<(), DeliveryError> {
    let person: Option<UserId> = deployment.triggered_by.person.parse().ok();
    let to: Vec<UserId> = person.into_iter().collect();
    access::tell_of_asking(app, tx, &to, &asking(deployment, org), turn)
        .await
        .map_err(Error::from)?;
    Ok(())
}

fn asking(deployment: &Deployment, org: OrgId) -> AskingDeployment<'_> {
    AskingDeployment {
        org,
        id: deployment.id,
        application: &deployment.application_name,
        environment: &deployment.environment,
        version: &deployment.version,
    }
}

fn check(verdict: &Verdict) -> Result<(), DeliveryError> {
    let comment = &verdict.comment;
    let plain = comment.chars().count() <= 2_000 && !comment.chars().any(|c| c.is_control() && c != '\n');
    if plain {
        return Ok(());
    }
    Err(DeliveryError::invalid(
        "comment",
        "at most 2,000 characters, without control characters",
    ))
}

//! Who is asked to approve of a deployment, and who hears what was decided: by their inbox, and by mail ([`super::mailed`]).

use muster_base::{DeploymentId, OrgId, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, grant,
    mailed::mail,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{app::App, db::Tx, notify::Template};

/// A deployment that waits for approval, or did.
#[derive(Debug, Clone, Copy)]
pub struct AskingDeployment<'a> {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub id: DeploymentId,
    /// The application's name.
    pub application: &'a str,
    /// The environment.
    pub environment: &'a str,
    /// What is to run.
    pub version: &'a str,
}

/// What is told of it.
#[derive(Debug, Clone, Copy)]
pub enum AskingTurn<'a> {
    /// Somebody asked for it; the reader may approve.
    Asked(&'a str),
    /// Somebody approved.
    Approved(&'a str),
    /// Somebody rejected it, with what they said.
    Rejected(&'a str, &'a str),
}

/// Characters of a reason that a message repeats.
const REASON_CHARS: usize = 400;

/// Everybody but its author who may approve of it now.
pub async fn approvers(
    app: &App,
    org: OrgId,
    deployment: &Object<'_>,
    author: &str,
) -> Result<Vec<UserId>, AccessError> {
    let mut approvers = Vec::new();
    for (user, granted) in store::grant::list(&app.db, org).await? {
        let decision = grant::permissions(granted)?
            .decide(Asked::BuiltIn(Operation::DeploymentApprove), Some(deployment));
        if decision == Decision::Allowed && user.to_string() != author {
            approvers.push(user);
        }
    }
    Ok(approvers)
}

/// Tells them; mail goes out when the outbox looks next.
pub async fn tell_of_asking(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    deployment: &AskingDeployment<'_>,
    turn: AskingTurn<'_>,
) -> Result<(), AccessError> {
    if to.is_empty() {
        return Ok(());
    }
    let AskingDeployment {
        application,
        environment,
        version,
        ..
    } = *deployment;
    let mut short = String::new();
    let (sub_mode, words) = match turn {
        AskingTurn::Asked(name) => (
            SubMode::Review,
            Words::DeploymentAsks {
                name,
                application,
                version,
                environment,
            },
        ),
        AskingTurn::Approved(name) => (
            SubMode::View,
            Words::DeploymentApproved {
                name,
                application,
                version,
                environment,
            },
        ),
        AskingTurn::Rejected(name, reason) => {
            short = reason.chars().take(REASON_CHARS).collect();
            (
                SubMode::View,
                Words::DeploymentRejected {
                    name,
                    application,
                    version,
                    environment,
                    reason: &short,
                },
            )
        }
    };
    let message = NewMessage {
        org: deployment.org,
        mode: Mode::Deployment,
        sub_mode,
        words,
        tip: &deployment.id.to_string(),
    };
    message::send(app, tx, to, &message).await?;
    let what = format!("{application} {version}");
    let address = format!("{}/deployments/{}", app.config.base_url(), deployment.id);
    let about = [
        ("what", what.as_str()),
        ("environment", environment),
        ("address", &address),
    ];
    let (template, more) = match turn {
        AskingTurn::Asked(name) => (Template::ApprovalAsked, vec![("name", name)]),
        AskingTurn::Approved(name) => (Template::ApprovalGiven, vec![("name", name)]),
        AskingTurn::Rejected(name, _) => (
            Template::ApprovalRefused,
            vec![("name", name), ("reason", short.as_str())],
        ),
    };
    mail(app, tx, to, template, &[&about[..], &more].concat()).await
}
